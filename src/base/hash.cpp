#include "src/base/hash.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "src/base/bytes.h"

namespace hoglet {
namespace {

struct SipState {
  uint64_t v0, v1, v2, v3;

  SipState(uint64_t key0, uint64_t key1)
      : v0(0x736f6d6570736575ull ^ key0),
        v1(0x646f72616e646f6dull ^ key1),
        v2(0x6c7967656e657261ull ^ key0),
        v3(0x7465646279746573ull ^ key1) {}

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }

  void Word(uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
};

// CityHash 1.0.2.
constexpr uint64_t kCity0 = 0xc3a5c85c97cb3127ull;
constexpr uint64_t kCity1 = 0xb492b66fbe98f273ull;
constexpr uint64_t kCity2 = 0x9ae16a3b2f90404full;
constexpr uint64_t kCity3 = 0xc949d7c7509e6557ull;

uint64_t Load64(const char* from) { return LoadLittle<uint64_t>(from); }
uint64_t Load32(const char* from) { return LoadLittle<uint32_t>(from); }
uint64_t ShiftMix(uint64_t value) { return value ^ (value >> 47); }

uint64_t CityMix(uint64_t low, uint64_t high) {
  constexpr uint64_t kMultiplier = 0x9ddfea08eb382d69ull;
  const uint64_t a = ShiftMix((low ^ high) * kMultiplier);
  return ShiftMix((high ^ a) * kMultiplier) * kMultiplier;
}

uint64_t CityUpTo16(const char* data, size_t bytes) {
  if (bytes > 8) {
    const uint64_t a = Load64(data);
    const uint64_t b = Load64(data + bytes - 8);
    return CityMix(a, std::rotr(b + bytes, static_cast<int>(bytes))) ^ b;
  }
  if (bytes >= 4) return CityMix(bytes + (Load32(data) << 3), Load32(data + bytes - 4));
  if (bytes == 0) return kCity2;
  const auto first = static_cast<uint8_t>(data[0]);
  const auto middle = static_cast<uint8_t>(data[bytes >> 1]);
  const auto last = static_cast<uint8_t>(data[bytes - 1]);
  const uint32_t y = first + (static_cast<uint32_t>(middle) << 8);
  const uint32_t z = static_cast<uint32_t>(bytes) + (static_cast<uint32_t>(last) << 2);
  return ShiftMix(y * kCity2 ^ z * kCity3) * kCity2;
}

uint64_t CityUpTo32(const char* data, size_t bytes) {
  const uint64_t a = Load64(data) * kCity1;
  const uint64_t b = Load64(data + 8);
  const uint64_t c = Load64(data + bytes - 8) * kCity2;
  const uint64_t d = Load64(data + bytes - 16) * kCity0;
  return CityMix(std::rotr(a - b, 43) + std::rotr(c, 30) + d,
                 a + std::rotr(b ^ kCity3, 20) - c + bytes);
}

using Pair = std::pair<uint64_t, uint64_t>;

// One half of CityUpTo64: four words w, x, y, z.
Pair CityHalf(uint64_t a, uint64_t x, uint64_t y, uint64_t z) {
  const uint64_t b = std::rotr(a + z, 52);
  uint64_t c = std::rotr(a, 37);
  a += x;
  c += std::rotr(a, 7);
  a += y;
  return {a + z, b + std::rotr(a, 31) + c};
}

uint64_t CityUpTo64(const char* data, size_t bytes) {
  const char* end = data + bytes;
  const Pair v = CityHalf(Load64(data) + (bytes + Load64(end - 16)) * kCity0, Load64(data + 8),
                          Load64(data + 16), Load64(data + 24));
  const Pair w = CityHalf(Load64(data + 16) + Load64(end - 32), Load64(end - 24), Load64(end - 16),
                          Load64(end - 8));
  const uint64_t r = ShiftMix((v.first + w.second) * kCity2 + (w.first + v.second) * kCity0);
  return ShiftMix(r * kCity0 + v.second) * kCity2;
}

Pair CityWeak32(const char* data, uint64_t a, uint64_t b) {
  const uint64_t z = Load64(data + 24);
  a += Load64(data);
  b = std::rotr(b + a + z, 21);
  const uint64_t c = a;
  a += Load64(data + 8);
  a += Load64(data + 16);
  b += std::rotr(a, 44);
  return {a + z, b + c};
}

uint64_t CityLong(const char* data, size_t bytes) {
  const char* end = data + bytes;
  uint64_t x = Load64(data);
  uint64_t y = Load64(end - 16) ^ kCity1;
  uint64_t z = Load64(end - 56) ^ kCity0;
  Pair v = CityWeak32(end - 64, bytes, y);
  Pair w = CityWeak32(end - 32, bytes * kCity1, kCity0);
  z += ShiftMix(v.second) * kCity1;
  x = std::rotr(z + x, 39) * kCity1;
  y = std::rotr(y, 33) * kCity1;
  for (size_t left = (bytes - 1) & ~size_t{63}; left > 0; left -= 64, data += 64) {
    x = std::rotr(x + y + v.first + Load64(data + 16), 37) * kCity1;
    y = std::rotr(y + v.second + Load64(data + 48), 42) * kCity1;
    x ^= w.second;
    y ^= v.first;
    z = std::rotr(z ^ w.first, 33);
    v = CityWeak32(data, v.second * kCity1, x + w.first);
    w = CityWeak32(data + 32, z + w.second, y);
    std::swap(z, x);
  }
  return CityMix(CityMix(v.first, w.first) + ShiftMix(y) * kCity1 + z,
                 CityMix(v.second, w.second) + x);
}

// ClickHouse keeps a UUID as two little-endian words, the first eight text bytes being the first
// word.
std::array<char, 16> UuidWords(const Uuid& uuid) {
  std::array<char, 16> words;
  std::reverse_copy(uuid.bytes.begin(), uuid.bytes.begin() + 8, words.begin());
  std::reverse_copy(uuid.bytes.begin() + 8, uuid.bytes.end(), words.begin() + 8);
  return words;
}

}  // namespace

namespace {

// The state after all of the bytes and the last rounds.
SipState SipFinal(uint64_t key0, uint64_t key1, std::string_view bytes) {
  SipState state(key0, key1);
  const char* data = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, data += 8) state.Word(Load64(data));
  uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
  for (size_t i = 0; i < left; ++i) {
    last |= static_cast<uint64_t>(static_cast<uint8_t>(data[i])) << (8 * i);
  }
  state.Word(last);
  state.v2 ^= 0xff;
  for (int round = 0; round < 4; ++round) state.Round();
  return state;
}

}  // namespace

uint64_t SipHash64Keyed(uint64_t key0, uint64_t key1, std::string_view bytes) {
  const SipState state = SipFinal(key0, key1, bytes);
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::array<uint64_t, 2> SipHash128Keyed(uint64_t key0, uint64_t key1, std::string_view bytes) {
  const SipState state = SipFinal(key0, key1, bytes);
  return {state.v0 ^ state.v1, state.v2 ^ state.v3};
}

uint64_t SipHash64(std::string_view bytes) { return SipHash64Keyed(0, 0, bytes); }

uint64_t CityHash64(std::string_view bytes) {
  if (bytes.size() <= 16) return CityUpTo16(bytes.data(), bytes.size());
  if (bytes.size() <= 32) return CityUpTo32(bytes.data(), bytes.size());
  if (bytes.size() <= 64) return CityUpTo64(bytes.data(), bytes.size());
  return CityLong(bytes.data(), bytes.size());
}

uint64_t SipHash64Uuid(const Uuid& uuid) {
  const auto words = UuidWords(uuid);
  return SipHash64({words.data(), words.size()});
}

uint64_t CityHash64Uuid(const Uuid& uuid) {
  const auto words = UuidWords(uuid);
  return CityHash64({words.data(), words.size()});
}

uint64_t SipHash64Combine(uint64_t left, uint64_t right) {
  char bytes[16];
  StoreLittle(bytes, left);
  StoreLittle(bytes + 8, right);
  return SipHash64({bytes, sizeof(bytes)});
}

uint64_t CityHash64Combine(uint64_t left, uint64_t right) { return CityMix(left, right); }

}  // namespace hoglet
