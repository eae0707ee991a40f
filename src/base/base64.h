#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hoglet {

// Standard alphabet (RFC 4648 section 4), with padding.
std::string Base64Encode(std::string_view bytes);
// The same without the trailing '='.
std::string Base64EncodeUnpadded(std::string_view bytes);

// Strict decoding: standard alphabet, padding required, no white space, the unused bits of the last
// character zero. Anything else is nullopt. The empty string decodes to itself.
std::optional<std::string> Base64Decode(std::string_view text);

// The predicate that capture decides by: non-empty, the first 128 bytes all in [A-Za-z0-9+/=] and
// the whole length a multiple of 4.
bool LooksLikeStrictBase64(std::string_view text);
// The same, spaces allowed.
bool LooksLikeLooseBase64(std::string_view text);

}  // namespace hoglet
