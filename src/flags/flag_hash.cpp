#include "src/flags/flag_hash.h"

// The digest behind EVP costs several times the hash of so short a text.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <array>
#include <cstdint>

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

double FlagHash(std::string_view prefix, std::string_view identifier, std::string_view salt) {
  SHA_CTX state;
  SHA1_Init(&state);
  SHA1_Update(&state, prefix.data(), prefix.size());
  SHA1_Update(&state, identifier.data(), identifier.size());
  SHA1_Update(&state, salt.data(), salt.size());
  std::array<uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1_Final(digest.data(), &state);
  uint64_t first = 0;
  for (size_t i = 0; i < 8; ++i) first = first << 8 | digest[i];
  constexpr double kPerUnit = 1.0 / (uint64_t{1} << 60);
  return static_cast<double>(first >> 4) * kPerUnit;
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
