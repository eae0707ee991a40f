#include "src/metadata/object_database.h"

#include "include/hoglet/status.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/table.h"
#include "src/base/directories.h"
#include "src/base/rocksdb/env_file_system.h"
#include "src/base/rocksdb/rocks_files.h"
#include "src/base/strings.h"
#include "src/metadata/object_rows.h"

namespace hoglet {
namespace {

// Everything but the activity log is in memory anyway, and changes come by hand.
rocksdb::Options OptionsFor(rocksdb::Env* env) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(256 << 10, /*num_shard_bits=*/0);
  table.cache_index_and_filter_blocks = true;
  table.format_version = 5;
  rocksdb::Options options;
  SetRocksDefaults(env, &options);
  options.max_open_files = 64;
  options.write_buffer_size = 1 << 20;
  options.arena_block_size = 32 << 10;
  options.max_write_buffer_number = 2;
  options.target_file_size_base = 8 << 20;
  options.max_bytes_for_level_base = 32 << 20;
  options.compression = rocksdb::kLZ4Compression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ObjectDatabase>> ObjectDatabase::Open(Env* env,
                                                                     const std::string& directory,
                                                                     Access access) {
  const bool is_writable = access == Access::kReadWrite;
  if (is_writable) HOGLET_RETURN_IF_ERROR(CreateDirectoriesDurably(env, directory));
  std::unique_ptr<ObjectDatabase> database(new ObjectDatabase);
  database->directory_ = directory;
  database->rocks_env_ = MakeRocksEnv(env);
  rocksdb::Options options = OptionsFor(database->rocks_env_.get());
  // What a crash tore off the end of the write-ahead log was never acknowledged, and is passed
  // over; anything else that is wrong in it would take acknowledged changes away in silence. A
  // check must tell of both.
  options.track_and_verify_wals_in_manifest = true;
  if (access == Access::kCheck) {
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  } else if (env->Exists(directory)) {
    HOGLET_RETURN_IF_ERROR(CheckRocksLogs(env, directory));
  }
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = is_writable
                                     ? rocksdb::DB::Open(options, directory, &opened)
                                     : rocksdb::DB::OpenForReadOnly(options, directory, &opened);
  HOGLET_RETURN_IF_ERROR(database->ToStatus(status));
  database->db_.reset(opened);
  HOGLET_RETURN_IF_ERROR(database->CheckFormat(access));
  if (is_writable) HOGLET_RETURN_IF_ERROR(WriteRocksSideFiles(env, directory));
  return database;
}

ObjectDatabase::~ObjectDatabase() {
  if (db_ == nullptr) return;
  db_->Close().PermitUncheckedError();
  db_.reset();  // before its Env
}

absl::Status ObjectDatabase::ToStatus(const rocksdb::Status& status) const {
  return FromRocks(status, StrCat("object store ", directory_));
}

absl::Status ObjectDatabase::CheckFormat(Access access) {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), object_rows::FormatKey(), &value);
  if (status.IsNotFound() && access == Access::kReadWrite) {
    rocksdb::WriteOptions write;
    write.sync = true;
    return ToStatus(db_->Put(write, object_rows::FormatKey(),
                             object_rows::EncodeNumber(object_rows::kStoreVersion)));
  }
  // Of a first start that was cut short.
  if (status.IsNotFound()) return absl::OkStatus();
  HOGLET_RETURN_IF_ERROR(ToStatus(status));
  uint64_t version = 0;
  absl::Status read = object_rows::DecodeNumber(value, &version);
  if (read.ok() && version > object_rows::kStoreVersion) {
    read = absl::UnimplementedError(
        StrCat("format ", version, ", this program reads ", object_rows::kStoreVersion));
  }
  if (read.ok()) return read;
  return absl::Status(read.code(),
                      ToAbsl(StrCat("object store ", directory_, ": ", read.message())));
}

}  // namespace hoglet
