#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/strings.h"
#include "src/persons/generation_cache.h"
#include "src/persons/person_store.h"

namespace hoglet {

// What RocksDB holds of one key, parsed; one of them is set, by the kind of the key.
struct CommittedRecord {
  IdState id;
  PersonPtr person;  // null: there is none
  GroupPtr group;    // likewise
  std::shared_ptr<const PersonStore::FlagHashKeys> hash_keys;
};

enum class RecordKind : char { kId = 'i', kPerson = 'p', kGroup = 'g', kHashKeys = 'h' };

// Kind and key of a record, the key of FORMAT.md; of the hash keys of a person, the person's.
struct RecordKey {
  RecordKey(RecordKind kind, std::string_view key) : text(1, static_cast<char>(kind)) {
    text.append(key);
  }
  RecordKind kind() const { return static_cast<RecordKind>(text[0]); }
  std::string_view key() const { return std::string_view(text).substr(1); }

  std::string text;
};

// Committed records that readers asked for lately, also that there are none. In shards, so that
// readers do not wait for each other. Thread-safe.
class RecordMemory {
 public:
  explicit RecordMemory(uint64_t bytes_max);

  std::optional<CommittedRecord> Find(const RecordKey& key);
  void Put(const RecordKey& key, const CommittedRecord& record);
  void Forget(const RecordKey& key);

 private:
  using Cache =
      GenerationCache<std::string, CommittedRecord, internal::StringHash, internal::StringEqual>;
  struct Shard {
    explicit Shard(size_t bytes_max) : cache(bytes_max) {}
    std::mutex mutex;
    Cache cache;
  };
  static constexpr size_t kShards = 16;

  Shard& ShardOf(const RecordKey& key);

  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace hoglet
