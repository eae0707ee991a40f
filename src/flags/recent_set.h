#pragma once

#include <cstdint>
#include <mutex>

#include "absl/container/flat_hash_map.h"

namespace hoglet {

// What was done within the last seconds, by hash. Bounded: when it is full, the past is forgotten.
// Thread-safe.
class RecentSet {
 public:
  explicit RecentSet(int64_t kept_ns) : kept_ns_(kept_ns) {}

  // False if it is there already and not too old.
  bool Add(uint64_t hash, int64_t now_ns) {
    std::lock_guard lock(mutex_);
    if (times_.size() >= kEntriesMax) times_.clear();
    const auto [it, is_new] = times_.try_emplace(hash, now_ns);
    if (!is_new && now_ns - it->second < kept_ns_) return false;
    it->second = now_ns;
    return true;
  }
  void Remove(uint64_t hash) {
    std::lock_guard lock(mutex_);
    times_.erase(hash);
  }

 private:
  static constexpr size_t kEntriesMax = 100'000;

  const int64_t kept_ns_;
  std::mutex mutex_;
  absl::flat_hash_map<uint64_t, int64_t> times_;
};

}  // namespace hoglet
