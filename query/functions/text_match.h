#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace hoglet::fn {

// A LIKE pattern made into the cheapest test that decides it. Immutable, thread-safe.
class LikeMatcher {
 public:
  LikeMatcher(std::string_view pattern, bool fold_case);
  ~LikeMatcher();
  bool Matches(std::string_view text) const;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

// Case folding of ASCII and of the letters of Latin, Greek and Cyrillic, code point by code point.
uint32_t LowerCodePoint(uint32_t c);
uint32_t UpperCodePoint(uint32_t c);
void AppendCodePoint(uint32_t c, std::string* out);
// The code point at `*at`, which moves past it; a stray byte counts as one.
uint32_t NextCodePoint(std::string_view text, size_t* at);
void AppendLowerUtf8(std::string_view text, std::string* out);
void AppendUpperUtf8(std::string_view text, std::string* out);
// Code points: bytes that do not continue one.
size_t CountCodePoints(std::string_view text);
// The byte at which code point `index` (from 0) begins; text.size() if there are fewer.
size_t CodePointOffset(std::string_view text, size_t index);
bool IsValidUtf8(std::string_view text);
// Each run of bytes that are not UTF-8 becomes one U+FFFD.
void AppendValidUtf8(std::string_view text, std::string* out);

}  // namespace hoglet::fn
