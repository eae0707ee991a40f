#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"

// The RocksDB under the person store: how it is opened, and how it is opened anew while others
// read.

namespace rocksdb {
class Cache;
class ColumnFamilyHandle;
class DB;
class Env;
class Iterator;
class Snapshot;
class Status;
}  // namespace rocksdb

namespace hoglet {

// An open RocksDB with its column families. Its operations are thread-safe; destroying closes it.
class PersonDatabase {
 public:
  enum class Access {
    kReadWrite,
    kReadOnly,  // writes nothing, not even a lock
    kCheck,     // the same, and a damaged end of the write-ahead log is an error
  };
  // One for each name of a column family in FORMAT.md.
  enum Family {
    kMeta,
    kPersons,
    kIds,
    kPersonIds,
    kOverrides,
    kGroups,
    kGroupTypes,
    kFlags,
    kRows
  };
  static constexpr int kFamilyCount = 9;
  static const char* FamilyName(int family);
  // Less by one in a store of before the side rows that is only read.
  int family_count() const { return static_cast<int>(families_.size()); }

  // Creates a database that is missing, unless it is only to be read. Error codes as ToStatus().
  static absl::StatusOr<std::unique_ptr<PersonDatabase>> Open(
      Env* env, const std::string& directory, std::shared_ptr<rocksdb::Cache> block_cache,
      Access access);
  static std::shared_ptr<rocksdb::Cache> MakeBlockCache(uint64_t bytes_max);
  ~PersonDatabase();

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family which) const { return families_[which]; }
  // nullopt if absent.
  absl::StatusOr<std::optional<std::string>> Get(Family which, std::string_view key) const;
  // Durable on return.
  absl::Status Put(Family which, std::string_view key, std::string_view value);
  // Over the rows as they are now, or as they were at the snapshot.
  std::unique_ptr<rocksdb::Iterator> Iterate(Family which,
                                             const rocksdb::Snapshot* snapshot = nullptr) const;

  // kResourceExhausted: no space; kDataLoss: damaged; kUnimplemented: of a newer version;
  // kUnavailable: other failures of the disk. The message names the directory.
  absl::Status ToStatus(const rocksdb::Status& status) const;

  // Moves what is in memory into tables, whose every block has a checksum.
  absl::Status Flush();
  // Bytes of the write-ahead log.
  uint64_t LogBytes() const;
  // Brings the families in which it is worth while into one level each, compressed best. kCancelled
  // soon after `is_cancelled` is set, with nothing lost.
  absl::Status Compact(const std::atomic<bool>& is_cancelled);

 private:
  PersonDatabase() = default;

  std::string directory_;
  std::shared_ptr<rocksdb::Env> rocks_env_;
  std::shared_ptr<rocksdb::Cache> block_cache_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

// Holds the database for its readers and lets one thread exchange it. Thread-safe.
class SharedDatabase {
 public:
  // A reader's hold: the database stays while it lives. Keep it short, and ask nothing more of the
  // holder meanwhile than further holds.
  class Use {
   public:
    explicit Use(const SharedDatabase* shared);
    Use(Use&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
    Use& operator=(Use&&) = delete;
    ~Use();

    // Not OK if no database could be opened.
    absl::Status status() const;
    PersonDatabase* operator->() const { return shared_->database_.get(); }

   private:
    const SharedDatabase* shared_;
  };

  // Waits while the database is being exchanged.
  Use Hold() const { return Use(this); }
  // Once all holds are gone calls `exchange` with the database, for another or null; new holds wait
  // meanwhile. kUnavailable, and nothing is done, if holds are left after `wait_us`: a reader may
  // take its time, and one that takes a further hold must not wait for itself.
  absl::Status Exchange(int64_t wait_us, const std::function<std::unique_ptr<PersonDatabase>(
                                             std::unique_ptr<PersonDatabase>)>& exchange);
  // Before there are readers.
  void Set(std::unique_ptr<PersonDatabase> database) { database_ = std::move(database); }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;  // of the two below
  mutable int holds_ = 0;
  bool is_exchanging_ = false;
  // Changes only while there are no holds.
  std::unique_ptr<PersonDatabase> database_;
};

}  // namespace hoglet
