#pragma once

#include <cstdint>
#include <string>

namespace hoglet {

// How the memory of the process is shared out. The shares leave room for what has fixed limits:
// connections, queues, RocksDB, the code itself.
struct MemoryShares {
  // `wanted_bytes` for the whole process; 0: DefaultMemoryBytes().
  MemoryShares(uint64_t wanted_bytes, unsigned queries_at_once);

  // "5.6 GiB, of it 1.4 GiB for each of 2 queries at once"
  std::string Describe() const;

  uint64_t total_bytes;
  unsigned queries_at_once;
  uint64_t memtable_bytes;
  uint64_t person_bytes;        // changes not yet committed
  uint64_t person_cache_bytes;  // persons and distinct ids, parsed and as RocksDB's blocks
  uint64_t cache_bytes;
  uint64_t kept_bytes;     // free memory at the end of a heap; see KeepFreeMemory()
  uint64_t merge_rows;     // of a part that merges make: some 100 bytes each while they do
  uint64_t body_bytes;     // of HTTP requests under way
  uint64_t query_bytes;    // of one query
  uint64_t queries_bytes;  // of all queries together
  uint64_t table_bytes;    // of a scan of persons, groups and the like, beside query_bytes
};

// Three quarters of what the machine and the control group allow: allocators keep some, and the
// kernel's page cache is what makes reading parts fast.
uint64_t DefaultMemoryBytes();

// "5.6 GiB", "512 MiB"
std::string FormatBytes(uint64_t bytes);

}  // namespace hoglet
