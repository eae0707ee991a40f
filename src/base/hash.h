#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "include/hoglet/event.h"
#include "src/base/bytes.h"

// The two hash functions that SQL can see, as ClickHouse computes them, and one for our own tables.
//
// Several arguments: hash each by its type, then fold from the left, HashCombine(HashCombine(a, b),
// c).
//   sipHash64:  strings and UUIDs by their bytes, numbers by their little-endian bytes at their own
//   width. cityHash64: strings, UUIDs, DateTime64 and decimals by their bytes; other numbers of up
//   to 8 bytes through IntHash64 of their
//               zero-extended bits.

namespace hoglet {

// SipHash-2-4 with the key (0, 0).
uint64_t SipHash64(std::string_view bytes);
// SipHash-2-4 with a chosen key.
uint64_t SipHash64Keyed(uint64_t key0, uint64_t key1, std::string_view bytes);
// 128 bits of the same final state, as sipHash128 of ClickHouse takes them: the low half, then the
// high one.
std::array<uint64_t, 2> SipHash128Keyed(uint64_t key0, uint64_t key1, std::string_view bytes);
// CityHash64 of CityHash 1.0.2; later versions differ.
uint64_t CityHash64(std::string_view bytes);

// ClickHouse's intHash64: a bit mixer, a bijection.
inline uint64_t IntHash64(uint64_t x) {
  x ^= 0x4CF2D2BAAE6DA887ull;
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdull;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ull;
  x ^= x >> 33;
  return x;
}

// A number of any width up to 8 bytes (integers, floats, Date = uint16, DateTime = uint32,
// DateTime64 = int64, Bool = uint8).
template <typename T>
uint64_t SipHash64Number(T value) {
  static_assert(sizeof(T) <= 8);
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  return SipHash64(std::string_view(bytes, sizeof(T)));
}

template <typename T>
uint64_t CityHash64Number(T value) {
  static_assert(sizeof(T) <= 8);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return IntHash64(bits);
}

// A DateTime64 or Decimal64 by its scaled integer.
inline uint64_t CityHash64Decimal(int64_t scaled) {
  char bytes[sizeof(scaled)];
  std::memcpy(bytes, &scaled, sizeof(scaled));
  return CityHash64(std::string_view(bytes, sizeof(bytes)));
}

uint64_t SipHash64Uuid(const Uuid& uuid);
uint64_t CityHash64Uuid(const Uuid& uuid);

uint64_t SipHash64Combine(uint64_t left, uint64_t right);
uint64_t CityHash64Combine(uint64_t left, uint64_t right);

namespace internal {
inline uint64_t MultiplyFold(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}
}  // namespace internal

// Fast and good enough for hash tables; never stored, may change between versions.
inline uint64_t FastHash64(std::string_view bytes) {
  constexpr uint64_t kA = 0x2d358dccaa6c78a5ull;
  constexpr uint64_t kB = 0x8bb84b93962eacc9ull;
  uint64_t state = kA ^ bytes.size();
  const char* data = bytes.data();
  size_t left = bytes.size();
  for (; left > 16; left -= 16, data += 16) {
    state = internal::MultiplyFold(LoadLittle<uint64_t>(data) ^ kB,
                                   LoadLittle<uint64_t>(data + 8) ^ state);
  }
  uint64_t low = 0;
  uint64_t high = 0;
  if (left >= 8) {
    low = LoadLittle<uint64_t>(data);
    high = LoadLittle<uint64_t>(data + left - 8);
  } else if (left >= 4) {
    low = LoadLittle<uint32_t>(data);
    high = LoadLittle<uint32_t>(data + left - 4);
  } else {
    for (size_t i = 0; i < left; ++i) low = low << 8 | static_cast<uint8_t>(data[i]);
  }
  return internal::MultiplyFold(kB ^ bytes.size(), internal::MultiplyFold(low ^ kB, high ^ state));
}
inline uint64_t FastHash64(uint64_t value) { return IntHash64(value); }

}  // namespace hoglet
