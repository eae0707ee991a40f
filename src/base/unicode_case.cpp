#include "src/base/unicode_case.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "src/base/utf8.h"

namespace hoglet {
namespace {

struct LowerRange {
  uint32_t first;
  uint32_t last;
  uint32_t stride;
  int32_t delta;
};
struct CodePointRange {
  uint32_t first;
  uint32_t last;
};

#include "src/base/unicode_case.inc"

constexpr uint32_t kCapitalSigma = 0x3A3;
constexpr uint32_t kSmallSigma = 0x3C3;
constexpr uint32_t kFinalSigma = 0x3C2;
constexpr uint32_t kCapitalIWithDot = 0x130;
constexpr uint32_t kDotAbove = 0x307;

// The range that may hold `c`: the last that does not begin after it. Null if all do.
template <typename Range, size_t kCount>
const Range* RangeOf(const Range (&ranges)[kCount], uint32_t c) {
  const Range* after =
      std::upper_bound(std::begin(ranges), std::end(ranges), c,
                       [](uint32_t value, const Range& range) { return value < range.first; });
  return after == std::begin(ranges) || c > after[-1].last ? nullptr : after - 1;
}

bool IsCased(uint32_t c) { return RangeOf(kCased, c) != nullptr; }
bool IsCaseIgnorable(uint32_t c) { return RangeOf(kCaseIgnorable, c) != nullptr; }

uint32_t Lower(uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  const LowerRange* range = RangeOf(kLower, c);
  if (range == nullptr || (c - range->first) % range->stride != 0) return c;
  return c + static_cast<uint32_t>(range->delta);
}

uint8_t ByteAt(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }
bool IsContinuation(std::string_view text, size_t at) {
  return at < text.size() && (ByteAt(text, at) & 0xC0) == 0x80;
}

// Bytes of the sequence that begins at `at`, by its shape; 0 if none does.
size_t SequenceBytes(std::string_view text, size_t at) {
  const uint8_t first = ByteAt(text, at);
  const size_t bytes = first < 0x80   ? 1
                       : first < 0xC2 ? 0
                       : first < 0xE0 ? 2
                       : first < 0xF0 ? 3
                                      : 4;
  if (first >= 0xF5) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if (!IsContinuation(text, at + i)) return 0;
  }
  return bytes;
}

uint32_t Decode(std::string_view text, size_t at, size_t bytes) {
  if (bytes == 1) return ByteAt(text, at);
  uint32_t c = ByteAt(text, at) & (0x7Fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) c = c << 6 | (ByteAt(text, at + i) & 0x3Fu);
  return c;
}

// Whether the next letter after `at`, ignorable marks skipped, has case.
bool IsBeforeCased(std::string_view text, size_t at) {
  while (at < text.size()) {
    const size_t bytes = SequenceBytes(text, at);
    if (bytes == 0) return false;
    const uint32_t c = Decode(text, at, bytes);
    if (!IsCaseIgnorable(c)) return IsCased(c);
    at += bytes;
  }
  return false;
}

}  // namespace

void AppendLowercase(std::string_view text, std::string* out) {
  // Whether the latest letter, ignorable marks skipped, has case.
  bool is_after_cased = false;
  for (size_t i = 0; i < text.size();) {
    const size_t bytes = SequenceBytes(text, i);
    if (bytes == 0) {
      out->push_back(text[i++]);
      is_after_cased = false;
      continue;
    }
    const uint32_t c = Decode(text, i, bytes);
    i += bytes;
    if (c == kCapitalSigma) {
      AppendUtf8(is_after_cased && !IsBeforeCased(text, i) ? kFinalSigma : kSmallSigma, out);
    } else if (c == kCapitalIWithDot) {
      AppendUtf8('i', out);
      AppendUtf8(kDotAbove, out);
    } else if (const uint32_t lower = Lower(c); lower != c) {
      AppendUtf8(lower, out);
    } else {
      out->append(text.substr(i - bytes, bytes));
    }
    if (!IsCaseIgnorable(c)) is_after_cased = IsCased(c);
  }
}

}  // namespace hoglet
