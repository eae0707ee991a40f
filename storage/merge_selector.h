#pragma once

#include <cstdint>
#include <vector>

namespace hoglet {

// Which parts of one (shard, month) to merge next.
//
// Size-tiered, as log-structured stores have long done it; that the sum of a run is held against
// its largest part, and less is asked for as parts pile up, is how ClickHouse's simple selector
// goes about it. Parts of like size are merged, so that a row is rewritten about log4(parts) times.
// Sorted by size, a run of parts is worth merging when together they are at least `base` times the
// largest of them; the base falls from 4 to 2 as parts pile up, because every part costs each
// insert a filter lookup and each query a few reads. A part with many masked rows is rewritten
// alone. A part of more than half of rows_max is full: it never finds another of its size, and does
// not count as one that piles up.

struct MergeCandidate {
  uint64_t id = 0;
  uint64_t bytes = 0;
  uint32_t rows = 0;
  uint32_t masked_rows = 0;
};

struct MergeLimits {
  uint32_t parts_max = 16;  // of one merge
  uint64_t rows_max = 1 << 20;
  uint64_t bytes_max = 1ull << 30;
};

inline bool IsFull(uint64_t rows, uint64_t rows_max) { return rows > rows_max / 2; }

// Ids to merge into one; empty if nothing is worth it.
std::vector<uint64_t> SelectMerge(std::vector<MergeCandidate> parts, const MergeLimits& limits);

}  // namespace hoglet
