#include "src/base/utf8.h"

#include <algorithm>
#include <iterator>

#include "query/functions/text_match.h"

// Code points and their case. Case is a table of ranges: the scripts that have case, without rarely
// used historic ones.

namespace hoglet::fn {
namespace {

// Upper-case letters of a range: `delta` away from their lower-case ones, or (delta 1) alternating
// with them.
struct CaseRange {
  uint32_t first;
  uint32_t last;
  int32_t delta;
};

constexpr CaseRange kUpper[] = {
    {0x41, 0x5A, 32},     {0xC0, 0xD6, 32},     {0xD8, 0xDE, 32},      {0x100, 0x12E, 1},
    {0x132, 0x136, 1},    {0x139, 0x147, 1},    {0x14A, 0x176, 1},     {0x178, 0x178, -121},
    {0x179, 0x17D, 1},    {0x181, 0x181, 210},  {0x182, 0x184, 1},     {0x186, 0x186, 206},
    {0x187, 0x187, 1},    {0x189, 0x18A, 205},  {0x18B, 0x18B, 1},     {0x18E, 0x18E, 79},
    {0x18F, 0x18F, 202},  {0x190, 0x190, 203},  {0x191, 0x191, 1},     {0x193, 0x193, 205},
    {0x194, 0x194, 207},  {0x196, 0x196, 211},  {0x197, 0x197, 209},   {0x198, 0x198, 1},
    {0x19C, 0x19C, 211},  {0x19D, 0x19D, 213},  {0x19F, 0x19F, 214},   {0x1A0, 0x1A4, 1},
    {0x1A7, 0x1A7, 1},    {0x1A9, 0x1A9, 218},  {0x1AC, 0x1AC, 1},     {0x1AE, 0x1AE, 218},
    {0x1AF, 0x1AF, 1},    {0x1B1, 0x1B2, 217},  {0x1B3, 0x1B5, 1},     {0x1B7, 0x1B7, 219},
    {0x1B8, 0x1B8, 1},    {0x1BC, 0x1BC, 1},    {0x1C4, 0x1C4, 2},     {0x1C7, 0x1C7, 2},
    {0x1CA, 0x1CA, 2},    {0x1CD, 0x1DB, 1},    {0x1DE, 0x1EE, 1},     {0x1F1, 0x1F1, 2},
    {0x1F4, 0x1F4, 1},    {0x1F8, 0x21E, 1},    {0x222, 0x232, 1},     {0x246, 0x24E, 1},
    {0x370, 0x372, 1},    {0x376, 0x376, 1},    {0x386, 0x386, 38},    {0x388, 0x38A, 37},
    {0x38C, 0x38C, 64},   {0x38E, 0x38F, 63},   {0x391, 0x3A1, 32},    {0x3A3, 0x3AB, 32},
    {0x3D8, 0x3EE, 1},    {0x400, 0x40F, 80},   {0x410, 0x42F, 32},    {0x460, 0x480, 1},
    {0x48A, 0x4BE, 1},    {0x4C0, 0x4C0, 15},   {0x4C1, 0x4CD, 1},     {0x4D0, 0x52E, 1},
    {0x531, 0x556, 48},   {0x1E00, 0x1E94, 1},  {0x1EA0, 0x1EFE, 1},   {0x1F08, 0x1F0F, -8},
    {0x1F18, 0x1F1D, -8}, {0x1F28, 0x1F2F, -8}, {0x1F38, 0x1F3F, -8},  {0x1F48, 0x1F4D, -8},
    {0x1F68, 0x1F6F, -8}, {0x2160, 0x216F, 16}, {0x24B6, 0x24CF, 26},  {0x2C00, 0x2C2F, 48},
    {0x2C80, 0x2CE2, 1},  {0xA640, 0xA66C, 1},  {0xA680, 0xA69A, 1},   {0xA722, 0xA72E, 1},
    {0xA732, 0xA76E, 1},  {0xFF21, 0xFF3A, 32}, {0x10400, 0x10427, 40}};

// Lower-case letters whose upper case is the lower-case one's of another pair.
constexpr struct {
  uint32_t lower;
  uint32_t upper;
} kOnlyUpper[] = {{0xB5, 0x39C},  {0x131, 0x49},  {0x17F, 0x53},  {0x3C2, 0x3A3},
                  {0x3D0, 0x392}, {0x3D1, 0x398}, {0x3D5, 0x3A6}, {0x3D6, 0x3A0},
                  {0x3F0, 0x39A}, {0x3F1, 0x3A1}, {0x3F5, 0x395}};

bool HasCase(uint32_t c) { return LowerCodePoint(c) != c || UpperCodePoint(c) != c; }

// Bytes of the valid code point that begins at `at`; 0 if there is none.
size_t SequenceLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char c = byte(0);
  if (c < 0x80) return 1;
  const size_t length = c >= 0xC2 && c < 0xE0   ? 2
                        : (c >> 4) == 14        ? 3
                        : c >= 0xF0 && c < 0xF5 ? 4
                                                : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Over-long forms, surrogates and what is beyond the last code point.
  if ((c == 0xE0 && byte(1) < 0xA0) || (c == 0xED && byte(1) >= 0xA0)) return 0;
  if ((c == 0xF0 && byte(1) < 0x90) || (c == 0xF4 && byte(1) >= 0x90)) return 0;
  return length;
}

// A stray byte is given as one above the last code point, so that it can be written back.
constexpr uint32_t kStrayByte = 0x110000;

}  // namespace

uint32_t LowerCodePoint(uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c == 0x130) return 'i';
  if (c == 0x1E9E) return 0xDF;
  const auto* range =
      std::upper_bound(std::begin(kUpper), std::end(kUpper), c,
                       [](uint32_t value, const CaseRange& r) { return value < r.first; });
  if (range == std::begin(kUpper)) return c;
  --range;
  if (c > range->last || (range->delta == 1 && (c - range->first) % 2 != 0)) return c;
  return c + range->delta;
}

uint32_t UpperCodePoint(uint32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  for (const auto& pair : kOnlyUpper) {
    if (pair.lower == c) return pair.upper;
  }
  for (const CaseRange& range : kUpper) {
    const uint32_t upper = c - range.delta;
    if (upper < range.first || upper > range.last) continue;
    if (range.delta != 1 || (upper - range.first) % 2 == 0) return upper;
  }
  return c;
}

void AppendCodePoint(uint32_t c, std::string* out) {
  if (c < kStrayByte) return AppendUtf8(c, out);
  out->push_back(static_cast<char>(c - kStrayByte));
}

uint32_t NextCodePoint(std::string_view text, size_t* at) {
  const size_t length = SequenceLength(text, *at);
  const auto c = static_cast<unsigned char>(text[*at]);
  if (length <= 1) {
    ++*at;
    return length == 1 ? c : kStrayByte + c;
  }
  uint32_t value = c & (0x7F >> length);
  for (size_t i = 1; i < length; ++i)
    value = value << 6 | (static_cast<unsigned char>(text[*at + i]) & 0x3F);
  *at += length;
  return value;
}

void AppendLowerUtf8(std::string_view text, std::string* out) {
  bool after_letter = false;
  for (size_t i = 0; i < text.size();) {
    const uint32_t c = NextCodePoint(text, &i);
    if (c == 0x3A3 && after_letter) {
      // A sigma that ends a word has a form of its own.
      size_t next = i;
      const bool final = i == text.size() || !HasCase(NextCodePoint(text, &next));
      AppendCodePoint(final ? 0x3C2 : 0x3C3, out);
    } else {
      AppendCodePoint(LowerCodePoint(c), out);
      if (c == 0x130) AppendCodePoint(0x307, out);
    }
    after_letter = HasCase(c);
  }
}

void AppendUpperUtf8(std::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size();) {
    const uint32_t c = NextCodePoint(text, &i);
    if (c == 0xDF) {
      out->append("SS");
    } else if (c >= 0xFB00 && c <= 0xFB04) {
      static constexpr std::string_view kLigatures[] = {"FF", "FI", "FL", "FFI", "FFL"};
      out->append(kLigatures[c - 0xFB00]);
    } else {
      AppendCodePoint(UpperCodePoint(c), out);
    }
  }
}

size_t CountCodePoints(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

size_t CodePointOffset(std::string_view text, size_t index) {
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (index-- == 0) return i;
  }
  return text.size();
}

bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

void AppendValidUtf8(std::string_view text, std::string* out) {
  bool bad = false;
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text, i);
    if (length == 0 && !bad) AppendCodePoint(0xFFFD, out);
    bad = length == 0;
    out->append(text.substr(i, length));
    i += std::max<size_t>(length, 1);
  }
}

}  // namespace hoglet::fn
