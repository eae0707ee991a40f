#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "include/hoglet/http_message.h"

namespace hoglet {

// Whether the text looks like an HTML form: begins with, or has after an '&' among its first 128
// bytes, one of data= _= ip= compression=.
bool LooksLikeForm(std::string_view text);

// The JSON text that a v0 or replay request carries, out of query or body, form, base64, gzip or
// lz64 (spec capture.md section 3). The request's body is moved out of. Errors carry the client's
// text: kInvalidArgument, or kOutOfRange past the limit.
absl::StatusOr<std::string> DecodePayload(HttpRequest* request, uint64_t decompressed_bytes_max);

}  // namespace hoglet
