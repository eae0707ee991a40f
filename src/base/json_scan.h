#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hoglet {

// The first position from `at` on that holds a quote, a backslash or a control character: where a
// JSON string ends, or needs an escape. text.size() if none does.
inline size_t FindStringBreak(std::string_view text, size_t at) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control_max = _mm_set1_epi8(0x1f);
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(chunk, control_max), control_max);
    const __m128i marks = _mm_or_si128(
        control, _mm_or_si128(_mm_cmpeq_epi8(chunk, quote), _mm_cmpeq_epi8(chunk, backslash)));
    const int mask = _mm_movemask_epi8(marks);
    if (mask != 0) return at + static_cast<size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
  }
#endif
  for (; at < text.size(); ++at) {
    const auto c = static_cast<uint8_t>(text[at]);
    if (c < 0x20 || c == '"' || c == '\\') return at;
  }
  return at;
}

// The same in text that ends with a NUL, which is a control character: so there is no end to look
// for. Up to 31 bytes behind the NUL are read, and do not matter.
inline const char* FindPaddedStringBreak(const char* at) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control_max = _mm_set1_epi8(0x1f);
  const auto marks_of = [&](const char* from) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(chunk, control_max), control_max);
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(
        control, _mm_or_si128(_mm_cmpeq_epi8(chunk, quote), _mm_cmpeq_epi8(chunk, backslash)))));
  };
  // Two at a time: most strings end within the first 32 bytes, which then takes no branch to guess.
  while (true) {
    const unsigned marks = marks_of(at) | marks_of(at + 16) << 16;
    if (marks != 0) return at + __builtin_ctz(marks);
    at += 32;
  }
#else
  while (static_cast<uint8_t>(*at) >= 0x20 && *at != '"' && *at != '\\') ++at;
  return at;
#endif
}

}  // namespace hoglet
