#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "include/hoglet/env.h"

namespace rocksdb {
class Env;
class Status;
struct DBOptions;
}  // namespace rocksdb

// What the stores on RocksDB share around their databases.

namespace hoglet {

// kResourceExhausted: no space; kDataLoss: damaged; kUnimplemented: of a newer RocksDB;
// kUnavailable: other failures of the disk. The message begins with `place`.
absl::Status FromRocks(const rocksdb::Status& status, std::string_view place);

// What all databases here have in common: files through `env` (which outlives the database),
// checksums of whole tables for `hoglet check`, no attempt to recover from an error by itself (the
// store opens it anew), no statistics of its own.
void SetRocksDefaults(rocksdb::Env* env, rocksdb::DBOptions* options);

// Keeps a checksum of the small files that RocksDB itself keeps without one (FORMAT.md of the
// stores, SIDE_FILES). To be called after every opening for writing.
absl::Status WriteRocksSideFiles(Env* env, const std::string& directory);
// Compares them; a line in `report` for each fault.
absl::Status CheckRocksSideFiles(Env* env, const std::string& directory,
                                 const std::function<void(const std::string&)>& report);

// Whether the disk takes so many bytes in a file of `directory`: to be asked before a database that
// met an error is closed and opened anew, so that on a full disk the old one serves on.
absl::Status ProbeSpace(Env* env, const std::string& directory, uint64_t bytes);

// Whether every synchronous write of the write-ahead logs in `directory` is there: kDataLoss, with
// the file and the position, for a bad record that another write comes after. One with nothing
// after it is what a crash tore off a write that nobody was told of.
absl::Status CheckRocksLogs(Env* env, const std::string& directory);

}  // namespace hoglet
