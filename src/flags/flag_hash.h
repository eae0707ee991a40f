#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace hoglet {

// The part of a distinct id that counts: its first 200 Unicode characters.
std::string_view CutFlagIdentifier(std::string_view text);

// What decides rollouts, variants and holdouts: the first 60 bits of SHA-1(prefix + identifier +
// salt), over 2^60. In [0, 1], since the largest values round up.
double FlagHash(std::string_view prefix, std::string_view identifier, std::string_view salt);

// Inclusive; 100 % needs no hash.
inline bool IsInRollout(double hash, double percentage) {
  return percentage == 100 || hash <= percentage / 100.0;
}

// The upper ends of variants that lie one after the other, summed up from the left.
std::vector<double> VariantEnds(std::span<const double> percentages);
// The first variant that ends above the hash; ends.size() if none does.
size_t PickVariant(double hash, std::span<const double> ends);

}  // namespace hoglet
