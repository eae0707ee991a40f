#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace hoglet {

// Least-recently-used in two steps: what is touched goes to the young half; when that is full, the
// old half is forgotten and the young one becomes old. No lists, no bookkeeping on a hit in the
// young half. Not thread-safe.
template <typename Key, typename Value, typename Hash, typename Equal>
class GenerationCache {
 public:
  explicit GenerationCache(size_t bytes_max) : half_bytes_max_(bytes_max / 2) {}

  // Null if unknown. Valid until the next Put.
  template <typename K>
  Value* Find(const K& key) {
    if (auto it = young_.find(key); it != young_.end()) return &it->second.value;
    auto it = old_.find(key);
    if (it == old_.end()) return nullptr;
    Entry entry = std::move(it->second);
    Key owned = it->first;
    old_.erase(it);
    return Insert(std::move(owned), std::move(entry));
  }

  // `bytes`: what the entry holds, about.
  Value* Put(Key key, Value value, size_t bytes) {
    old_.erase(key);
    return Insert(std::move(key), Entry{std::move(value), bytes});
  }

  template <typename K>
  void Erase(const K& key) {
    if (auto it = young_.find(key); it != young_.end()) {
      young_bytes_ -= it->second.bytes;
      young_.erase(it);
    }
    if (auto it = old_.find(key); it != old_.end()) old_.erase(it);
  }

  size_t size() const { return young_.size() + old_.size(); }

 private:
  struct Entry {
    Value value;
    size_t bytes;
  };
  using Map = absl::flat_hash_map<Key, Entry, Hash, Equal>;

  Value* Insert(Key key, Entry entry) {
    auto [it, inserted] = young_.try_emplace(std::move(key));
    if (!inserted) young_bytes_ -= it->second.bytes;
    young_bytes_ += entry.bytes;
    it->second = std::move(entry);
    if (young_bytes_ <= half_bytes_max_) return &it->second.value;
    // The newest entry stays reachable: it moves over with the rest.
    const Key newest = it->first;
    old_ = std::move(young_);
    young_ = Map();
    young_bytes_ = 0;
    return &old_.find(newest)->second.value;
  }

  const size_t half_bytes_max_;
  size_t young_bytes_ = 0;
  Map young_;
  Map old_;
};

}  // namespace hoglet
