#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace hoglet {

// Writes the UTF-8 of a code point (at most 0x10ffff), 1 to 4 bytes, and returns how many.
inline size_t EncodeUtf8(uint32_t code, char* out) {
  if (code < 0x80) {
    out[0] = static_cast<char>(code);
    return 1;
  }
  const size_t bytes = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = bytes - 1; i > 0; --i) {
    out[i] = static_cast<char>(0x80 | (code & 0x3f));
    code >>= 6;
  }
  constexpr uint32_t kLeads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  out[0] = static_cast<char>(kLeads[bytes] | code);
  return bytes;
}

inline void AppendUtf8(uint32_t code, std::string* out) {
  char bytes[4];
  out->append(bytes, EncodeUtf8(code, bytes));
}

}  // namespace hoglet
