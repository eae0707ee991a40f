#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "include/hoglet/env.h"

namespace hoglet {

// Passes everything on to another Env (not owned, outlives this); a base for wrappers.
class ForwardingEnv : public Env {
 public:
  explicit ForwardingEnv(Env* base) : base_(base) {}

  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override {
    return base_->OpenForRead(path);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                             OpenMode mode) override {
    return base_->OpenForWrite(path, mode);
  }
  absl::Status CreateDirectories(const std::string& path) override {
    return base_->CreateDirectories(path);
  }
  absl::StatusOr<std::vector<DirectoryEntry>> List(const std::string& path) override {
    return base_->List(path);
  }
  bool Exists(const std::string& path) override { return base_->Exists(path); }
  absl::StatusOr<uint64_t> FileBytes(const std::string& path) override {
    return base_->FileBytes(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return base_->Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return base_->Remove(path); }
  absl::Status RemoveTree(const std::string& path) override { return base_->RemoveTree(path); }
  absl::Status SyncDirectory(const std::string& path) override {
    return base_->SyncDirectory(path);
  }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    return base_->Lock(path);
  }
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override {
    return base_->FreeBytes(path);
  }
  int64_t NowMicros() override { return base_->NowMicros(); }
  int64_t MonotonicNanos() override { return base_->MonotonicNanos(); }
  void FillRandom(std::span<char> bytes) override { base_->FillRandom(bytes); }
  void SleepMicros(int64_t micros) override { base_->SleepMicros(micros); }

 protected:
  Env* base() const { return base_; }

 private:
  Env* base_;
};

// The wall clock stands still at `now_us` until it is moved; durations stay real. For `--clock` and
// for tests.
class ClockEnv : public ForwardingEnv {
 public:
  ClockEnv(Env* base, int64_t now_us) : ForwardingEnv(base), now_us_(now_us) {}

  int64_t NowMicros() override { return now_us_.load(std::memory_order_relaxed); }
  void SetNowMicros(int64_t now_us) { now_us_.store(now_us, std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> now_us_;
};

enum class FaultKind { kIoError, kNoSpace, kShortWrite };

// Counts every file operation and makes chosen ones fail. Operations are numbered from 1 in the
// order they happen: opens, reads, writes, preallocations, syncs, truncates, closes, directory
// operations, FreeBytes. Exists() and clocks are not counted.
//
//   kIoError     nothing is done, kInternal "Input/output error"
//   kNoSpace     nothing is done, kResourceExhausted (for operations that need no space: as
//   kIoError) kShortWrite  of a write the first half is done, then kResourceExhausted; other
//   operations as kNoSpace
class FaultEnv : public ForwardingEnv {
 public:
  explicit FaultEnv(Env* base) : ForwardingEnv(base) {}

  // The nth operation from now (1 = the very next) fails; `sticky`: and so does every one after it.
  void FailAfter(uint64_t operations, FaultKind kind, bool sticky = false);
  void ClearFault();
  // Whether the operation chosen by FailAfter has been reached.
  bool fault_hit() const { return fault_hit_.load(); }
  uint64_t operations() const { return operations_.load(); }

  // While full, every operation that needs space fails with kResourceExhausted.
  void SetDiskFull(bool full) { disk_full_.store(full); }
  // While set, every Sync() of a file fails.
  void SetSyncFails(bool fails) { sync_fails_.store(fails); }
  // While set, every operation fails with kUnavailable: the machine is off. Set it together with
  // MemoryEnv::Crash, so that the code under test does not live on after its own power loss.
  void SetDead(bool dead) { dead_.store(dead); }
  // Replaces the answer of FreeBytes.
  void SetFreeBytes(std::optional<uint64_t> bytes);
  // Called with the operation's name and path before each counted operation, from the thread that
  // does it.
  void SetObserver(
      std::function<void(const std::string& operation, const std::string& path)> observer);

  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                             OpenMode mode) override;
  absl::Status CreateDirectories(const std::string& path) override;
  absl::StatusOr<std::vector<DirectoryEntry>> List(const std::string& path) override;
  absl::StatusOr<uint64_t> FileBytes(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status RemoveTree(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override;

  // For the files this Env opens. `needs_space` says that a full disk makes the operation fail;
  // `partial` gets true if half of a write is to be done before the error.
  absl::Status Enter(const char* operation, const std::string& path, bool needs_space,
                     bool* partial = nullptr);
  bool sync_fails() const { return sync_fails_.load(); }

 private:
  std::atomic<uint64_t> operations_{0};
  std::atomic<bool> fault_hit_{false};
  std::atomic<bool> disk_full_{false};
  std::atomic<bool> sync_fails_{false};
  std::atomic<bool> dead_{false};
  std::mutex mutex_;
  uint64_t fail_at_ = 0;  // operation number, 0 = none
  FaultKind fail_kind_ = FaultKind::kIoError;
  bool fail_sticky_ = false;
  std::optional<uint64_t> free_bytes_;
  std::function<void(const std::string&, const std::string&)> observer_;
};

}  // namespace hoglet
