#include "src/cli/memory_shares.h"

#include <algorithm>
#include <cstdio>

#include "src/base/process.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr uint64_t kMiB = 1ull << 20;
constexpr uint64_t kGiB = 1ull << 30;

}  // namespace

MemoryShares::MemoryShares(uint64_t wanted_bytes, unsigned queries)
    : total_bytes(wanted_bytes > 0 ? wanted_bytes : DefaultMemoryBytes()),
      queries_at_once(std::max(1u, queries)),
      memtable_bytes(std::clamp(total_bytes / 64 * 3, 8 * kMiB, 64 * kMiB)),
      person_bytes(std::clamp(total_bytes / 64, 4 * kMiB, 32 * kMiB)),
      person_cache_bytes(std::clamp(total_bytes / 16, 16 * kMiB, 1 * kGiB)),
      cache_bytes(std::clamp(total_bytes / 8, 16 * kMiB, 4 * kGiB)),
      kept_bytes(std::clamp(total_bytes / 32, 1 * kMiB, 32 * kMiB)),
      merge_rows(std::clamp<uint64_t>(total_bytes >> 10, 1 << 18, 1 << 20)),
      body_bytes(std::clamp(total_bytes / 8, 64 * kMiB, 256 * kMiB)),
      query_bytes(std::clamp(total_bytes / 2 / queries_at_once, 32 * kMiB, 8 * kGiB)),
      queries_bytes(std::max(total_bytes / 2, query_bytes)),
      table_bytes(std::clamp(query_bytes / 8, 4 * kMiB, 256 * kMiB)) {}

std::string MemoryShares::Describe() const {
  return StrCat(FormatBytes(total_bytes), ", of it ", FormatBytes(query_bytes), " for each of ",
                queries_at_once, queries_at_once == 1 ? " query at once" : " queries at once");
}

uint64_t DefaultMemoryBytes() { return MemoryLimitBytes() / 4 * 3; }

std::string FormatBytes(uint64_t bytes) {
  if (bytes < kGiB) return StrCat(bytes / kMiB, " MiB");
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f GiB",
                static_cast<double>(bytes) / static_cast<double>(kGiB));
  return text;
}

}  // namespace hoglet
