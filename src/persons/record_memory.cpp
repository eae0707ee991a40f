#include "src/persons/record_memory.h"

#include "src/base/hash.h"

namespace hoglet {
namespace {

size_t BytesOf(const RecordKey& key, const CommittedRecord& record) {
  size_t bytes = 160 + key.text.size();
  if (record.person != nullptr) bytes += record.person->properties->memory_bytes();
  if (record.group != nullptr) bytes += record.group->properties->memory_bytes();
  if (record.hash_keys == nullptr) return bytes;
  for (const auto& [flag, hash_key] : *record.hash_keys) {
    bytes += 64 + flag.size() + hash_key.size();
  }
  return bytes;
}

}  // namespace

RecordMemory::RecordMemory(uint64_t bytes_max) {
  for (size_t i = 0; i < kShards; ++i) {
    shards_.push_back(std::make_unique<Shard>(bytes_max / kShards));
  }
}

// The maps within take their places from the hash's lower bits.
RecordMemory::Shard& RecordMemory::ShardOf(const RecordKey& key) {
  return *shards_[(FastHash64(key.text) >> 48) % kShards];
}

std::optional<CommittedRecord> RecordMemory::Find(const RecordKey& key) {
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  const CommittedRecord* found = shard.cache.Find(key.text);
  if (found == nullptr) return std::nullopt;
  return *found;
}

void RecordMemory::Put(const RecordKey& key, const CommittedRecord& record) {
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  shard.cache.Put(key.text, record, BytesOf(key, record));
}

void RecordMemory::Forget(const RecordKey& key) {
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  shard.cache.Erase(key.text);
}

}  // namespace hoglet
