#include "storage/bloom.h"

#include <cstring>

namespace hoglet {

namespace {

constexpr size_t kBlockBytes = 32;
constexpr uint32_t kSalts[8] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

size_t BlockOf(uint64_t hash, size_t blocks) {
  return static_cast<size_t>(((hash >> 32) * blocks) >> 32);
}

uint32_t Bit(uint64_t hash, int word) {
  return uint32_t{1} << ((static_cast<uint32_t>(hash) * kSalts[word]) >> 27);
}

}  // namespace

std::string BuildBloom(std::span<const uint64_t> hashes, int bits_per_key) {
  const size_t bits = hashes.size() * static_cast<size_t>(bits_per_key);
  const size_t blocks = bits / (kBlockBytes * 8) + 1;
  std::string filter(blocks * kBlockBytes, '\0');
  for (const uint64_t hash : hashes) {
    char* block = filter.data() + BlockOf(hash, blocks) * kBlockBytes;
    for (int word = 0; word < 8; ++word) {
      uint32_t value;
      std::memcpy(&value, block + word * 4, sizeof(value));
      value |= Bit(hash, word);
      std::memcpy(block + word * 4, &value, sizeof(value));
    }
  }
  return filter;
}

bool BloomMayContain(std::string_view filter, uint64_t hash) {
  const size_t blocks = filter.size() / kBlockBytes;
  if (blocks == 0) return true;
  const char* block = filter.data() + BlockOf(hash, blocks) * kBlockBytes;
  uint32_t missing = 0;
  for (int word = 0; word < 8; ++word) {
    uint32_t value;
    std::memcpy(&value, block + word * 4, sizeof(value));
    missing |= Bit(hash, word) & ~value;
  }
  return missing == 0;
}

}  // namespace hoglet
