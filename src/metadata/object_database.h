#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"

namespace rocksdb {
class DB;
class Env;
class Status;
}  // namespace rocksdb

namespace hoglet {

// The RocksDB under the object store, kept small. Destroying closes it; what it keeps open must be
// gone before. Its operations are thread-safe.
class ObjectDatabase {
 public:
  enum class Access {
    kReadWrite,
    kReadOnly,  // writes nothing, not even a lock
    kCheck,     // the same, and a damaged end of the write-ahead log is an error
  };
  // Creates a database that is missing, unless it is only to be read. kUnimplemented for one of a
  // newer version; else as FromRocks().
  static absl::StatusOr<std::unique_ptr<ObjectDatabase>> Open(Env* env,
                                                              const std::string& directory,
                                                              Access access);
  ~ObjectDatabase();

  rocksdb::DB& db() const { return *db_; }
  absl::Status ToStatus(const rocksdb::Status& status) const;

 private:
  ObjectDatabase() = default;
  // Of a new store, or of one that this program reads.
  absl::Status CheckFormat(Access access);

  std::string directory_;
  std::shared_ptr<rocksdb::Env> rocks_env_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace hoglet
