#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hoglet {

// A blocked Bloom filter: a hash chooses one block of 32 bytes and sets one bit in each of its
// eight words, so a lookup touches one cache line. At 16 bits a key about one absent key in 2,000
// is a false hit; at 10 bits one in 100.
//
// The hashes must be well mixed in all 64 bits.

// The filter's bytes: a whole number of blocks, at least one.
std::string BuildBloom(std::span<const uint64_t> hashes, int bits_per_key);

// Whether the hash may be in. Bytes that are no filter say yes.
bool BloomMayContain(std::string_view filter, uint64_t hash);

}  // namespace hoglet
