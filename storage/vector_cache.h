#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "absl/container/flat_hash_map.h"
#include "src/base/vector/vector.h"

namespace hoglet {

// Decoded dictionaries (and what was computed on them) of all parts of a table, least recently used
// out first. Holds at most `bytes_max` besides what readers still use. Thread-safe.
class VectorCache {
 public:
  explicit VectorCache(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  struct Key {
    uint64_t part_id = 0;
    uint32_t column = 0;  // index in the footer
    uint32_t form = 0;    // what was computed

    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H state, const Key& key) {
      return H::combine(std::move(state), key.part_id, key.column, key.form);
    }
  };

  // Null if absent.
  std::shared_ptr<const Vector> Find(const Key& key);
  // Returns the vector to use: one that another thread put there first wins, so that readers share
  // one object.
  std::shared_ptr<const Vector> Insert(const Key& key, std::shared_ptr<const Vector> vector);
  // Drops all that is of a part.
  void Forget(uint64_t part_id);
  uint64_t bytes() const;

 private:
  struct Entry {
    Key key;
    std::shared_ptr<const Vector> vector;
    uint64_t bytes;
  };

  const uint64_t bytes_max_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  absl::flat_hash_map<Key, std::list<Entry>::iterator> index_;
  uint64_t bytes_ = 0;
};

}  // namespace hoglet
