#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "include/hoglet/env.h"

namespace hoglet {

// Files in memory, with the difference between written and durable that a real disk has, for tests
// of crashes.
//
// What is durable: the bytes and size of a file as of its last Sync(); the names in a directory as
// of its last SyncDirectory(). Crash(seed) takes the machine down: every write since then may have
// reached the disk in whole, in part (in 512-byte sectors) or not at all, in any order; every
// creation, rename and removal may or may not have, in order within one directory entry. Open files
// of before the crash answer kUnavailable.
//
// The clock starts at 2023-11-14T22:13:20Z and moves only by
// SetNowMicros/AdvanceMicros/SleepMicros; randomness is seeded.
class MemoryEnv : public Env {
 public:
  explicit MemoryEnv(uint64_t seed = 1);
  ~MemoryEnv() override;

  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                             OpenMode mode) override;
  absl::Status CreateDirectories(const std::string& path) override;
  absl::StatusOr<std::vector<DirectoryEntry>> List(const std::string& path) override;
  bool Exists(const std::string& path) override;
  absl::StatusOr<uint64_t> FileBytes(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status RemoveTree(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override;
  int64_t NowMicros() override { return now_us_.load(); }
  // Real time plus what has been slept.
  int64_t MonotonicNanos() override;
  void FillRandom(std::span<char> bytes) override;
  // Moves both clocks; does not wait.
  void SleepMicros(int64_t micros) override;

  void SetNowMicros(int64_t now_us) { now_us_.store(now_us); }
  void AdvanceMicros(int64_t micros) { now_us_.fetch_add(micros); }

  // Space for all files together; writes and preallocations beyond it fail with kResourceExhausted
  // after a partial write.
  void SetCapacityBytes(uint64_t bytes);
  uint64_t UsedBytes();

  // Loses what was not durable, a random legal part of it staying; then all that is left is
  // durable. Releases all locks.
  void Crash(uint64_t seed);
  // The same, losing everything that was not durable.
  void CrashDroppingAll();
  // The same, losing nothing (as after kill -9).
  void CrashKeepingAll();

  // Test helpers: whole contents, durable at once. Write() makes the directories needed.
  void Write(const std::string& path, std::string_view data);
  std::string Contents(const std::string& path);
  // XORs one byte in place, durable as well. False if there is no such byte.
  bool DamageByte(const std::string& path, uint64_t offset, uint8_t xor_mask);
  // Paths of all files, sorted.
  std::vector<std::string> Files();

 private:
  struct Inode;
  struct Directory;
  class OpenReadable;
  class OpenWritable;
  class HeldLock;
  enum class CrashMode { kRandom, kDropAll, kKeepAll };

  void CrashLocked(CrashMode mode, uint64_t seed);
  std::shared_ptr<Directory> FindDirectory(const std::string& path);
  std::shared_ptr<Inode> FindInode(const std::string& path);
  absl::Status Reserve(const Inode& inode, uint64_t bytes, const std::string& path);
  uint64_t UsedBytesLocked();

  std::mutex mutex_;
  std::shared_ptr<Directory> root_;
  std::set<std::string> locks_;
  uint64_t generation_ = 0;
  std::optional<uint64_t> capacity_bytes_;
  std::mt19937_64 random_;
  std::atomic<int64_t> now_us_;
  std::atomic<int64_t> slept_us_{0};
};

}  // namespace hoglet
