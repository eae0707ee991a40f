#include "src/persons/person_database.h"

#include <chrono>
#include <utility>

#include "include/hoglet/status.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "src/base/directories.h"
#include "src/base/rocksdb/env_file_system.h"
#include "src/base/rocksdb/rocks_files.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr const char* kFamilyNames[] = {"default",     "persons",        "distinct_ids",
                                        "person_ids",  "overrides",      "groups",
                                        "group_types", "flag_hash_keys", "side_rows"};

// A family is compacted when what lies above its lowest level is more than a quarter of that: a
// byte is then rewritten about five times, however many there are.
constexpr uint64_t kRestShare = 4;

// Small memory, few threads: the store shares a laptop with everything else.
rocksdb::DBOptions DatabaseOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  SetRocksDefaults(env, &options);
  options.create_missing_column_families = true;
  options.max_open_files = 256;
  options.db_write_buffer_size = 24 << 20;
  options.max_total_wal_size = 64 << 20;
  return options;
}

rocksdb::ColumnFamilyOptions FamilyOptions(const std::shared_ptr<rocksdb::Cache>& block_cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = block_cache;
  table.cache_index_and_filter_blocks = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  table.block_size = 8 << 10;
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = 8 << 20;
  options.arena_block_size = 64 << 10;
  options.max_write_buffer_number = 2;
  // Most look-ups are for ids that are not there yet.
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.target_file_size_base = 16 << 20;
  options.max_bytes_for_level_base = 64 << 20;
  options.compression = rocksdb::kLZ4Compression;
  // Persons are alike: most of what they say, blocks say of each other, too, and a dictionary makes
  // a fifth of it. Reading one costs some 8 us more than with LZ4, behind the caches.
  options.bottommost_compression = rocksdb::kZSTD;
  options.bottommost_compression_opts.enabled = true;
  options.bottommost_compression_opts.max_dict_bytes = 16 << 10;
  options.bottommost_compression_opts.zstd_max_train_bytes = 1 << 20;
  options.bottommost_compression_opts.max_dict_buffer_bytes = 16 << 20;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

const char* PersonDatabase::FamilyName(int family) { return kFamilyNames[family]; }

std::shared_ptr<rocksdb::Cache> PersonDatabase::MakeBlockCache(uint64_t bytes_max) {
  return rocksdb::NewLRUCache(bytes_max, /*num_shard_bits=*/2);
}

absl::StatusOr<std::unique_ptr<PersonDatabase>> PersonDatabase::Open(
    Env* env, const std::string& directory, std::shared_ptr<rocksdb::Cache> block_cache,
    Access access) {
  const bool is_writable = access == Access::kReadWrite;
  if (is_writable) HOGLET_RETURN_IF_ERROR(CreateDirectoriesDurably(env, directory));
  std::unique_ptr<PersonDatabase> database(new PersonDatabase);
  database->directory_ = directory;
  database->rocks_env_ = MakeRocksEnv(env);
  database->block_cache_ = std::move(block_cache);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kFamilyNames) {
    descriptors.emplace_back(name, FamilyOptions(database->block_cache_));
  }
  rocksdb::DBOptions options = DatabaseOptions(database->rocks_env_.get());
  // A damaged end of the write-ahead log is passed over when the store opens: the event log gives
  // it again. A check must tell.
  if (access == Access::kCheck) {
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  }
  if (!is_writable) {
    // A store of before the side rows lacks their family, the last one.
    std::vector<std::string> present;
    HOGLET_RETURN_IF_ERROR(
        database->ToStatus(rocksdb::DB::ListColumnFamilies(options, directory, &present)));
    if (present.size() == kFamilyCount - 1) descriptors.pop_back();
  }
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      is_writable
          ? rocksdb::DB::Open(options, directory, descriptors, &database->families_, &opened)
          : rocksdb::DB::OpenForReadOnly(options, directory, descriptors, &database->families_,
                                         &opened);
  HOGLET_RETURN_IF_ERROR(database->ToStatus(status));
  database->db_.reset(opened);
  HOGLET_ASSERT(database->families_.size() == descriptors.size());
  if (is_writable) HOGLET_RETURN_IF_ERROR(WriteRocksSideFiles(env, directory));
  return database;
}

PersonDatabase::~PersonDatabase() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : families_) {
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  db_->Close().PermitUncheckedError();
  db_.reset();  // before its Env
}

absl::Status PersonDatabase::ToStatus(const rocksdb::Status& status) const {
  return FromRocks(status, StrCat("person store ", directory_));
}

absl::StatusOr<std::optional<std::string>> PersonDatabase::Get(Family which,
                                                               std::string_view key) const {
  if (which >= static_cast<int>(families_.size())) return std::nullopt;
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), family(which), key, &value);
  if (status.IsNotFound()) return std::nullopt;
  HOGLET_RETURN_IF_ERROR(ToStatus(status));
  return value;
}

absl::Status PersonDatabase::Put(Family which, std::string_view key, std::string_view value) {
  rocksdb::WriteOptions write;
  write.sync = true;
  return ToStatus(db_->Put(write, family(which), key, value));
}

std::unique_ptr<rocksdb::Iterator> PersonDatabase::Iterate(
    Family which, const rocksdb::Snapshot* snapshot) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, family(which)));
}

absl::Status PersonDatabase::Flush() {
  return ToStatus(db_->Flush(rocksdb::FlushOptions(), families_));
}

uint64_t PersonDatabase::LogBytes() const {
  rocksdb::VectorLogPtr files;
  if (!db_->GetSortedWalFiles(files).ok()) return 0;
  uint64_t bytes = 0;
  for (const auto& file : files) bytes += file->SizeFileBytes();
  return bytes;
}

absl::Status PersonDatabase::Compact(const std::atomic<bool>& is_cancelled) {
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    rocksdb::ColumnFamilyMetaData shape;
    db_->GetColumnFamilyMetaData(family, &shape);
    uint64_t bottom = 0;
    for (const rocksdb::LevelMetaData& level : shape.levels) {
      if (level.level > 0 && level.size > 0) bottom = level.size;
    }
    if ((shape.size - bottom) * kRestShare <= bottom) continue;
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    // RocksDB only reads it.
    options.canceled = const_cast<std::atomic<bool>*>(&is_cancelled);
    const rocksdb::Status status = db_->CompactRange(options, family, nullptr, nullptr);
    if (status.IsIncomplete()) return absl::CancelledError("compaction of persons");
    HOGLET_RETURN_IF_ERROR(ToStatus(status));
  }
  return absl::OkStatus();
}

SharedDatabase::Use::Use(const SharedDatabase* shared) : shared_(shared) {
  std::unique_lock lock(shared_->mutex_);
  shared_->changed_.wait(lock, [this] { return !shared_->is_exchanging_; });
  ++shared_->holds_;
}

SharedDatabase::Use::~Use() {
  if (shared_ == nullptr) return;
  std::lock_guard lock(shared_->mutex_);
  if (--shared_->holds_ == 0 && shared_->is_exchanging_) shared_->changed_.notify_all();
}

absl::Status SharedDatabase::Use::status() const {
  if (shared_->database_ != nullptr) return absl::OkStatus();
  return absl::UnavailableError("person store: could not be opened again after an error");
}

absl::Status SharedDatabase::Exchange(
    int64_t wait_us,
    const std::function<std::unique_ptr<PersonDatabase>(std::unique_ptr<PersonDatabase>)>&
        exchange) {
  {
    std::unique_lock lock(mutex_);
    is_exchanging_ = true;
    const auto is_free = [this] { return holds_ == 0; };
    if (!changed_.wait_for(lock, std::chrono::microseconds(wait_us), is_free)) {
      is_exchanging_ = false;
      changed_.notify_all();
      return absl::UnavailableError("person store: in use, cannot be opened anew yet");
    }
  }
  // No one else touches it now.
  database_ = exchange(std::move(database_));
  std::lock_guard lock(mutex_);
  is_exchanging_ = false;
  changed_.notify_all();
  return absl::OkStatus();
}

}  // namespace hoglet
