#include "storage/merge_selector.h"

#include <algorithm>

namespace hoglet {

namespace {

// Added to every part: what opening, indexing and probing one costs, in bytes of reading.
constexpr uint64_t kPartCostBytes = 64 << 10;
constexpr double kBaseFewParts = 4;
constexpr double kBaseManyParts = 2;
constexpr size_t kFewParts = 8;
constexpr size_t kManyParts = 32;
// A part is rewritten alone once this share of its rows is masked.
constexpr uint32_t kMaskedShare = 5;

double BaseFor(size_t parts) {
  if (parts <= kFewParts) return kBaseFewParts;
  if (parts >= kManyParts) return kBaseManyParts;
  const double share =
      static_cast<double>(parts - kFewParts) / static_cast<double>(kManyParts - kFewParts);
  return kBaseFewParts + share * (kBaseManyParts - kBaseFewParts);
}

}  // namespace

std::vector<uint64_t> SelectMerge(std::vector<MergeCandidate> parts, const MergeLimits& limits) {
  std::sort(parts.begin(), parts.end(), [](const MergeCandidate& a, const MergeCandidate& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.id < b.id;
  });
  const auto small = std::count_if(parts.begin(), parts.end(), [&](const MergeCandidate& part) {
    return !IsFull(part.rows, limits.rows_max);
  });
  const double base = BaseFor(static_cast<size_t>(small));
  std::vector<uint64_t> best;
  double best_ratio = 0;
  for (size_t begin = 0; begin < parts.size(); ++begin) {
    uint64_t total = 0;
    uint64_t bytes = 0;
    uint64_t rows = 0;
    for (size_t end = begin; end < parts.size() && end - begin < limits.parts_max; ++end) {
      bytes += parts[end].bytes;
      rows += parts[end].rows;
      if (bytes > limits.bytes_max || rows > limits.rows_max) break;
      total += parts[end].bytes + kPartCostBytes;
      const double ratio =
          static_cast<double>(total) / static_cast<double>(parts[end].bytes + kPartCostBytes);
      if (end == begin || ratio < base || ratio <= best_ratio) continue;
      best_ratio = ratio;
      best.clear();
      for (size_t i = begin; i <= end; ++i) best.push_back(parts[i].id);
    }
  }
  if (!best.empty()) return best;
  for (const MergeCandidate& part : parts) {
    if (uint64_t{part.masked_rows} * kMaskedShare > part.rows && part.rows <= limits.rows_max) {
      return {part.id};
    }
  }
  return {};
}

}  // namespace hoglet
