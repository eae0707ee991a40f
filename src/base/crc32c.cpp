#include "src/base/crc32c.h"

#include <array>

#include "src/base/bytes.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
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
__attribute__((target("sse4.2"))) uint32_t ExtendSse42(uint32_t crc, const char* data,
                                                       size_t bytes) {
  uint64_t state = ~crc;
  while (bytes >= 8) {
    state = _mm_crc32_u64(state, LoadLittle<uint64_t>(data));
    data += 8;
    bytes -= 8;
  }
  auto state32 = static_cast<uint32_t>(state);
  for (; bytes > 0; --bytes) state32 = _mm_crc32_u8(state32, static_cast<uint8_t>(*data++));
  return ~state32;
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
  if (has_sse42) return ExtendSse42(crc, bytes.data(), bytes.size());
#endif
  return Crc32cExtendPortable(crc, bytes);
}

uint32_t Crc32c(std::string_view bytes) { return Crc32cExtend(0, bytes); }

}  // namespace hoglet
