#include "src/base/crc32c.h"

#include <array>

#include "src/base/bytes.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

namespace hoglet {
namespace {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// Slicing by eight: table k advances a byte that has k more bytes behind it.
constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0u);
    tables[0][i] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (uint32_t i = 0; i < 256; ++i) {
      tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][tables[k - 1][i] & 0xff];
    }
  }
  return tables;
}
constexpr Tables kTables = MakeTables();

#if defined(__x86_64__)
// x^exponent modulo the polynomial, the highest power in the lowest bit.
constexpr uint32_t PowerOfX(size_t exponent) {
  uint32_t power = 0x80000000u;
  for (; exponent > 0; --exponent) power = (power >> 1) ^ ((power & 1) ? 0x82f63b78u : 0u);
  return power;
}

__attribute__((target("sse4.2"))) uint32_t StepSse42(uint32_t state, std::string_view bytes) {
  uint64_t wide = state;
  const char* data = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, data += 8) wide = _mm_crc32_u64(wide, LoadLittle<uint64_t>(data));
  state = static_cast<uint32_t>(wide);
  for (; left > 0; --left) state = _mm_crc32_u8(state, static_cast<uint8_t>(*data++));
  return state;
}

// The product with x^exponent, in a form that one more step of the checksum reduces.
template <size_t exponent>
__attribute__((target("sse4.2,pclmul"))) inline __m128i Multiplied(uint64_t state) {
  return _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<int64_t>(state)),
                              _mm_cvtsi32_si128(static_cast<int>(PowerOfX(exponent))), 0);
}

// Takes the bytes in rounds of three lanes, because a step waits three cycles for the one before
// it. A lane's state is moved past the bytes behind the lane by multiplication: by x^(8 * bytes),
// less 32 for the step that reduces it and one for the bits being in reverse. The bytes left over
// are fewer than a round.
template <size_t lane_bytes>
__attribute__((target("sse4.2,pclmul"))) uint32_t StepLanes(uint32_t state,
                                                            std::string_view* bytes) {
  const char* data = bytes->data();
  size_t left = bytes->size();
  uint64_t first = state;
  for (; left >= 3 * lane_bytes; left -= 3 * lane_bytes, data += 3 * lane_bytes) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t at = 0; at < lane_bytes; at += 8) {
      first = _mm_crc32_u64(first, LoadLittle<uint64_t>(data + at));
      second = _mm_crc32_u64(second, LoadLittle<uint64_t>(data + lane_bytes + at));
      third = _mm_crc32_u64(third, LoadLittle<uint64_t>(data + 2 * lane_bytes + at));
    }
    const __m128i moved = _mm_xor_si128(Multiplied<16 * lane_bytes - 33>(first),
                                        Multiplied<8 * lane_bytes - 33>(second));
    first = _mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(moved))) ^ third;
  }
  *bytes = std::string_view(data, left);
  return static_cast<uint32_t>(first);
}
#endif

}  // namespace

uint32_t Crc32cExtendPortable(uint32_t crc, std::string_view bytes) {
  uint32_t state = ~crc;
  const char* data = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, data += 8) {
    const uint64_t word = LoadLittle<uint64_t>(data) ^ state;
    state = 0;
    for (size_t k = 0; k < 8; ++k) state ^= kTables[7 - k][word >> (8 * k) & 0xff];
  }
  for (; left > 0; --left) {
    state = (state >> 8) ^ kTables[0][(state ^ static_cast<uint8_t>(*data++)) & 0xff];
  }
  return ~state;
}

uint32_t Crc32cExtend(uint32_t crc, std::string_view bytes) {
#if defined(__x86_64__)
  static const bool has_sse42 = __builtin_cpu_supports("sse4.2");
  static const bool has_pclmul = __builtin_cpu_supports("pclmul");
  if (has_sse42) {
    uint32_t state = ~crc;
    if (has_pclmul) {
      state = StepLanes<256>(state, &bytes);
      state = StepLanes<64>(state, &bytes);
    }
    return ~StepSse42(state, bytes);
  }
#endif
  return Crc32cExtendPortable(crc, bytes);
}

uint32_t Crc32c(std::string_view bytes) { return Crc32cExtend(0, bytes); }

}  // namespace hoglet
