#include "src/base/fault_env.h"

#include "include/hoglet/status.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

class FaultReadableFile : public ReadableFile {
 public:
  FaultReadableFile(FaultEnv* env, std::unique_ptr<ReadableFile> file)
      : env_(env), file_(std::move(file)) {}

  absl::StatusOr<std::string_view> Read(uint64_t offset, size_t bytes,
                                        char* scratch) const override {
    HOGLET_RETURN_IF_ERROR(env_->Enter("read", path(), false));
    return file_->Read(offset, bytes, scratch);
  }
  absl::StatusOr<uint64_t> Size() const override {
    HOGLET_RETURN_IF_ERROR(env_->Enter("stat", path(), false));
    return file_->Size();
  }
  // Nothing is mapped, so that every read can be made to fail.
  std::string_view Mapped() const override { return {}; }
  const std::string& path() const override { return file_->path(); }

 private:
  FaultEnv* env_;
  std::unique_ptr<ReadableFile> file_;
};

class FaultWritableFile : public WritableFile {
 public:
  FaultWritableFile(FaultEnv* env, std::unique_ptr<WritableFile> file)
      : env_(env), file_(std::move(file)) {}

  absl::Status WriteAt(uint64_t offset, std::string_view data) override {
    bool partial = false;
    if (absl::Status fault = env_->Enter("write", path(), true, &partial); !fault.ok()) {
      if (partial) file_->WriteAt(offset, data.substr(0, data.size() / 2)).IgnoreError();
      return fault;
    }
    return file_->WriteAt(offset, data);
  }
  absl::Status Append(std::string_view data) override {
    bool partial = false;
    if (absl::Status fault = env_->Enter("write", path(), true, &partial); !fault.ok()) {
      if (partial) file_->Append(data.substr(0, data.size() / 2)).IgnoreError();
      return fault;
    }
    return file_->Append(data);
  }
  absl::Status Preallocate(uint64_t bytes) override {
    HOGLET_RETURN_IF_ERROR(env_->Enter("fallocate", path(), true));
    return file_->Preallocate(bytes);
  }
  absl::Status Sync() override {
    HOGLET_RETURN_IF_ERROR(env_->Enter("fdatasync", path(), false));
    if (env_->sync_fails()) {
      return absl::InternalError(StrCat(path(), ": fdatasync: Input/output error"));
    }
    return file_->Sync();
  }
  absl::Status Truncate(uint64_t bytes) override {
    HOGLET_RETURN_IF_ERROR(env_->Enter("truncate", path(), false));
    return file_->Truncate(bytes);
  }
  absl::Status Close() override {
    const absl::Status fault = env_->Enter("close", path(), false);
    const absl::Status closed = file_->Close();
    return fault.ok() ? closed : fault;
  }
  const std::string& path() const override { return file_->path(); }

 private:
  FaultEnv* env_;
  std::unique_ptr<WritableFile> file_;
};

absl::Status NoSpace(const char* operation, const std::string& path) {
  return absl::ResourceExhaustedError(StrCat(path, ": ", operation, ": No space left on device"));
}

}  // namespace

void FaultEnv::FailAfter(uint64_t operations, FaultKind kind, bool sticky) {
  HOGLET_ASSERT(operations >= 1);
  std::lock_guard lock(mutex_);
  fail_at_ = operations_.load() + operations;
  fail_kind_ = kind;
  fail_sticky_ = sticky;
  fault_hit_.store(false);
}

void FaultEnv::ClearFault() {
  std::lock_guard lock(mutex_);
  fail_at_ = 0;
}

void FaultEnv::SetFreeBytes(std::optional<uint64_t> bytes) {
  std::lock_guard lock(mutex_);
  free_bytes_ = bytes;
}

void FaultEnv::SetObserver(std::function<void(const std::string&, const std::string&)> observer) {
  std::lock_guard lock(mutex_);
  observer_ = std::move(observer);
}

absl::Status FaultEnv::Enter(const char* operation, const std::string& path, bool needs_space,
                             bool* partial) {
  std::function<void(const std::string&, const std::string&)> observer;
  bool fails = false;
  FaultKind kind = FaultKind::kIoError;
  {
    std::lock_guard lock(mutex_);
    observer = observer_;
    const uint64_t number = operations_.fetch_add(1) + 1;
    fails = fail_at_ != 0 && (number == fail_at_ || (fail_sticky_ && number > fail_at_));
    kind = fail_kind_;
    if (fails) fault_hit_.store(true);
  }
  if (observer) observer(operation, path);
  if (dead_.load()) return absl::UnavailableError(StrCat(path, ": ", operation, ": no power"));
  if (fails && (kind == FaultKind::kIoError || !needs_space)) {
    return absl::InternalError(StrCat(path, ": ", operation, ": Input/output error"));
  }
  if (fails) {
    if (partial != nullptr) *partial = kind == FaultKind::kShortWrite;
    return NoSpace(operation, path);
  }
  if (needs_space && disk_full_.load()) return NoSpace(operation, path);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ReadableFile>> FaultEnv::OpenForRead(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(Enter("open", path, false));
  HOGLET_ASSIGN_OR_RETURN(auto file, base()->OpenForRead(path));
  return std::make_unique<FaultReadableFile>(this, std::move(file));
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultEnv::OpenForWrite(const std::string& path,
                                                                     OpenMode mode) {
  HOGLET_RETURN_IF_ERROR(Enter("open for writing", path, true));
  HOGLET_ASSIGN_OR_RETURN(auto file, base()->OpenForWrite(path, mode));
  return std::make_unique<FaultWritableFile>(this, std::move(file));
}

absl::Status FaultEnv::CreateDirectories(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(Enter("mkdir", path, true));
  return base()->CreateDirectories(path);
}

absl::StatusOr<std::vector<DirectoryEntry>> FaultEnv::List(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(Enter("readdir", path, false));
  return base()->List(path);
}

absl::StatusOr<uint64_t> FaultEnv::FileBytes(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(Enter("stat", path, false));
  return base()->FileBytes(path);
}

absl::Status FaultEnv::Rename(const std::string& from, const std::string& to) {
  HOGLET_RETURN_IF_ERROR(Enter("rename", from, false));
  return base()->Rename(from, to);
}

absl::Status FaultEnv::Remove(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(Enter("remove", path, false));
  return base()->Remove(path);
}

absl::Status FaultEnv::RemoveTree(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(Enter("remove", path, false));
  return base()->RemoveTree(path);
}

absl::Status FaultEnv::SyncDirectory(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(Enter("fsync", path, false));
  return base()->SyncDirectory(path);
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultEnv::Lock(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(Enter("lock", path, true));
  return base()->Lock(path);
}

absl::StatusOr<uint64_t> FaultEnv::FreeBytes(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(Enter("statvfs", path, false));
  {
    std::lock_guard lock(mutex_);
    if (free_bytes_.has_value()) return *free_bytes_;
  }
  return base()->FreeBytes(path);
}

}  // namespace hoglet
