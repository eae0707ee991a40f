#pragma once

#include <cstddef>
#include <string_view>

#include "include/hoglet/http_message.h"

namespace hoglet {

// A text that never changes while the program runs, kept compressed.
struct StaticContent {
  std::string_view content_type;
  std::string_view etag;  // of the plain text; no quotes
  std::string_view cache_control;
  std::string_view gzip;
  size_t plain_bytes = 0;
};

// Whether the client takes gzip (RFC 9110, Accept-Encoding); without the header it does not.
bool AcceptsGzip(const HttpRequest& request);

// The content as the request can take it, compressed or plain; 304 if the client has it already.
HttpResponse AnswerStatic(const HttpRequest& request, const StaticContent& content);

}  // namespace hoglet
