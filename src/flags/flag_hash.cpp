#include "src/flags/flag_hash.h"

// The digest behind EVP costs several times the hash of so short a text.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace hoglet {

std::string_view CutFlagIdentifier(std::string_view text) {
  constexpr size_t kCharactersMax = 200;
  size_t characters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<uint8_t>(text[i]) & 0xC0) != 0x80;
    if (begins && ++characters > kCharactersMax) return text.substr(0, i);
  }
  return text;
}

namespace {

constexpr size_t kLengthBytes = 8;
// The longest text that is padded here; nearly all are shorter.
constexpr size_t kPaddedBytesMax = 2 * SHA_CBLOCK - kLengthBytes - 1;

// Calling the compression function alone saves a third over the streaming interface.
uint64_t First64BitsPadded(std::array<uint8_t, 2 * SHA_CBLOCK>* blocks, size_t bytes) {
  const size_t end = bytes + 1 + kLengthBytes <= SHA_CBLOCK ? SHA_CBLOCK : 2 * SHA_CBLOCK;
  (*blocks)[bytes] = 0x80;
  std::memset(blocks->data() + bytes + 1, 0, end - bytes - 1);
  const size_t bits = bytes * 8;
  (*blocks)[end - 2] = static_cast<uint8_t>(bits >> 8);
  (*blocks)[end - 1] = static_cast<uint8_t>(bits);
  SHA_CTX state;
  SHA1_Init(&state);
  for (size_t i = 0; i < end; i += SHA_CBLOCK) SHA1_Transform(&state, blocks->data() + i);
  return uint64_t{state.h0} << 32 | state.h1;
}

uint64_t First64BitsStreamed(std::span<const std::string_view> parts) {
  SHA_CTX state;
  SHA1_Init(&state);
  for (const std::string_view part : parts) SHA1_Update(&state, part.data(), part.size());
  std::array<uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1_Final(digest.data(), &state);
  uint64_t first = 0;
  for (size_t i = 0; i < 8; ++i) first = first << 8 | digest[i];
  return first;
}

uint64_t First64Bits(std::span<const std::string_view> parts) {
  std::array<uint8_t, 2 * SHA_CBLOCK> blocks;
  size_t bytes = 0;
  for (const std::string_view part : parts) {
    if (part.size() > kPaddedBytesMax - bytes) return First64BitsStreamed(parts);
    if (!part.empty()) std::memcpy(blocks.data() + bytes, part.data(), part.size());
    bytes += part.size();
  }
  return First64BitsPadded(&blocks, bytes);
}

}  // namespace

double FlagHash(std::string_view prefix, std::string_view identifier, std::string_view salt) {
  const std::string_view parts[] = {prefix, identifier, salt};
  constexpr double kPerUnit = 1.0 / (uint64_t{1} << 60);
  return static_cast<double>(First64Bits(parts) >> 4) * kPerUnit;
}

std::vector<double> VariantEnds(std::span<const double> percentages) {
  std::vector<double> ends;
  double end = 0;
  for (const double percentage : percentages) ends.push_back(end += percentage / 100.0);
  return ends;
}

size_t PickVariant(double hash, std::span<const double> ends) {
  // Not a binary search: a negative percentage is possible.
  size_t i = 0;
  while (i < ends.size() && !(hash < ends[i])) ++i;
  return i;
}

}  // namespace hoglet
