#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hoglet {

#if defined(__SSE2__)
namespace internal {
// A bit for each of the 16 bytes that ends a run of plain string bytes.
inline unsigned StringBreaks(const char* at) {
  const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i control_max = _mm_set1_epi8(0x1f);
  const __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(chunk, control_max), control_max);
  const __m128i marks =
      _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(chunk, _mm_set1_epi8('"')),
                                         _mm_cmpeq_epi8(chunk, _mm_set1_epi8('\\'))));
  return static_cast<unsigned>(_mm_movemask_epi8(marks));
}
// Two at a time: most strings end within the first 32 bytes, which then takes no branch to guess.
inline unsigned StringBreaksOf32(const char* at) {
  return StringBreaks(at) | StringBreaks(at + 16) << 16;
}
}  // namespace internal
#endif

// Whether the text is ASCII and needs no escapes in JSON.
inline bool IsPlainAscii(std::string_view text) {
  size_t at = 0;
#if defined(__SSE2__)
  const auto is_plain = [](const char* bytes) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    return (internal::StringBreaks(bytes) | static_cast<unsigned>(_mm_movemask_epi8(chunk))) == 0;
  };
  for (; at + 16 <= text.size(); at += 16) {
    if (!is_plain(text.data() + at)) return false;
  }
  // The last bytes once more with those before them.
  if (text.size() >= 16) return is_plain(text.data() + text.size() - 16);
#endif
  for (; at < text.size(); ++at) {
    const auto c = static_cast<uint8_t>(text[at]);
    if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80) return false;
  }
  return true;
}

// The first position from `at` on that holds a quote, a backslash or a control character: where a
// JSON string ends, or needs an escape. text.size() if none does.
inline size_t FindStringBreak(std::string_view text, size_t at) {
#if defined(__SSE2__)
  for (; at + 16 <= text.size(); at += 16) {
    const unsigned mask = internal::StringBreaks(text.data() + at);
    if (mask != 0) return at + static_cast<size_t>(__builtin_ctz(mask));
  }
#endif
  for (; at < text.size(); ++at) {
    const auto c = static_cast<uint8_t>(text[at]);
    if (c < 0x20 || c == '"' || c == '\\') return at;
  }
  return at;
}

// The same in memory with kStringScanSlack readable bytes past `end`. `end` if none does.
inline constexpr size_t kStringScanSlack = 32;
inline const char* FindStringBreakUnchecked(const char* at, const char* end) {
#if defined(__SSE2__)
  for (; at < end; at += 32) {
    const unsigned mask = internal::StringBreaksOf32(at);
    if (mask == 0) continue;
    at += __builtin_ctz(mask);
    return at < end ? at : end;
  }
  return end;
#else
  const std::string_view text(at, static_cast<size_t>(end - at));
  return at + FindStringBreak(text, 0);
#endif
}

// The same in text that ends with a NUL, which is a control character: so there is no end to look
// for. Up to 31 bytes behind the NUL are read, and do not matter.
inline const char* FindPaddedStringBreak(const char* at) {
#if defined(__SSE2__)
  while (true) {
    const unsigned mask = internal::StringBreaksOf32(at);
    if (mask != 0) return at + __builtin_ctz(mask);
    at += 32;
  }
#else
  while (static_cast<uint8_t>(*at) >= 0x20 && *at != '"' && *at != '\\') ++at;
  return at;
#endif
}

}  // namespace hoglet
