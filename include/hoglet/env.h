#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// The world outside the process: files, clocks and randomness. Everything reaches it through an
// Env, so that tests swap in memory, faults and a clock of their own.
//
// Paths are plain strings, '/'-separated. Every error names the path. Unless said otherwise every
// class is safe for concurrent use by several threads.

namespace hoglet {

// A file opened for positional reads. Reads at or past the end return fewer bytes, without error.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Reads up to `bytes` at `offset` into `scratch` (which has room for them) and returns what was
  // read.
  virtual absl::StatusOr<std::string_view> Read(uint64_t offset, size_t bytes,
                                                char* scratch) const = 0;
  virtual absl::StatusOr<uint64_t> Size() const = 0;
  // The whole file mapped read-only for the life of this object, or an empty view if the Env cannot
  // map (callers then Read). Mapped bytes of a file that is damaged on disk may raise SIGBUS only
  // if it was truncated meanwhile.
  virtual std::string_view Mapped() const = 0;
  // Says that these bytes will soon be looked at in Mapped(), so that they may be fetched together.
  // A hint: it cannot fail, and waits for nothing.
  virtual void WillNeed(uint64_t /*offset*/, uint64_t /*bytes*/) const {}
  virtual const std::string& path() const = 0;
};

// A file opened for writing. One thread at a time.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual absl::Status WriteAt(uint64_t offset, std::string_view data) = 0;
  // The pieces one behind the other, as one write of them all.
  virtual absl::Status WritePiecesAt(uint64_t offset, std::span<const std::string_view> pieces);
  // Appends at the end of what this object has written (or the size at opening).
  virtual absl::Status Append(std::string_view data) = 0;
  // Reserves disk space (zero-filled) up to `bytes` without moving the append position. After it,
  // writes inside the range cannot fail for lack of space on file systems that support it.
  virtual absl::Status Preallocate(uint64_t bytes) = 0;
  // fdatasync: on return the bytes and the size are on stable storage. After a failure the file
  // must not be trusted until it has been reopened and read.
  virtual absl::Status Sync() = 0;
  virtual absl::Status Truncate(uint64_t bytes) = 0;
  virtual absl::Status Close() = 0;
  virtual const std::string& path() const = 0;
};

// Held while its object lives; a second process that asks for the same lock gets
// kFailedPrecondition.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirectoryEntry {
  std::string name;
  uint64_t bytes = 0;
  bool is_directory = false;
};

class Env {
 public:
  enum class OpenMode { kCreateNew, kTruncate, kKeep };

  virtual ~Env() = default;

  virtual absl::StatusOr<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) = 0;
  // kCreateNew fails with kAlreadyExists if the file is there; kKeep opens or creates, keeping the
  // content.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                                     OpenMode mode) = 0;

  virtual absl::Status CreateDirectories(const std::string& path) = 0;
  // Entries in byte order of their names, without "." and "..".
  virtual absl::StatusOr<std::vector<DirectoryEntry>> List(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  virtual absl::StatusOr<uint64_t> FileBytes(const std::string& path) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status RemoveTree(const std::string& path) = 0;
  // Makes creations, renames and removals inside the directory durable.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
  // Bytes that an unprivileged process may still write on the file system of `path`.
  virtual absl::StatusOr<uint64_t> FreeBytes(const std::string& path) = 0;

  // Microseconds since 1970-01-01T00:00:00Z.
  virtual int64_t NowMicros() = 0;
  // Nanoseconds on a clock that never goes back; for durations and deadlines only.
  virtual int64_t MonotonicNanos() = 0;
  virtual void FillRandom(std::span<char> bytes) = 0;
  virtual void SleepMicros(int64_t micros) = 0;

  // The whole file; kResourceExhausted if it is longer than `bytes_max`.
  absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                            uint64_t bytes_max = 1ull << 30);
  // Writes a temporary file beside `path`, syncs it, renames it over `path` and syncs the
  // directory.
  absl::Status ReplaceFile(const std::string& path, std::string_view data);

  // The process-wide POSIX environment. Never destroyed.
  static Env* Posix();
};

}  // namespace hoglet
