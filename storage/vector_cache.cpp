#include "storage/vector_cache.h"

#include <utility>

namespace hoglet {

std::shared_ptr<const Vector> VectorCache::Find(const Key& key) {
  std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->vector;
}

std::shared_ptr<const Vector> VectorCache::Insert(const Key& key,
                                                  std::shared_ptr<const Vector> vector) {
  const uint64_t bytes = vector->MemoryBytes();
  std::lock_guard lock(mutex_);
  if (const auto found = index_.find(key); found != index_.end()) return found->second->vector;
  if (bytes > bytes_max_) return vector;
  entries_.push_front({key, vector, bytes});
  index_[key] = entries_.begin();
  bytes_ += bytes;
  while (bytes_ > bytes_max_) {
    bytes_ -= entries_.back().bytes;
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
  return vector;
}

void VectorCache::Forget(uint64_t part_id) {
  std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->key.part_id != part_id) {
      ++entry;
      continue;
    }
    bytes_ -= entry->bytes;
    index_.erase(entry->key);
    entry = entries_.erase(entry);
  }
}

uint64_t VectorCache::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace hoglet
