#include "src/base/rocksdb/env_file_system.h"

#include <algorithm>
#include <cstdarg>
#include <string>
#include <vector>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "src/base/directories.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus ToIOStatus(const absl::Status& status) {
  if (status.ok()) return IOStatus::OK();
  const std::string message(FromAbsl(status.message()));
  if (absl::IsNotFound(status)) return IOStatus::PathNotFound(message);
  if (absl::IsResourceExhausted(status)) return IOStatus::NoSpace(message);
  return IOStatus::IOError(message);
}

class EnvSequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit EnvSequentialFile(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}

  IOStatus Read(size_t bytes, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    const auto read = file_->Read(position_, bytes, scratch);
    if (!read.ok()) return ToIOStatus(read.status());
    position_ += read->size();
    *result = Slice(read->data(), read->size());
    return IOStatus::OK();
  }
  IOStatus Skip(uint64_t bytes) override {
    const auto size = file_->Size();
    if (!size.ok()) return ToIOStatus(size.status());
    position_ = std::min(*size, position_ + bytes);
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<ReadableFile> file_;
  uint64_t position_ = 0;
};

class EnvRandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit EnvRandomAccessFile(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}

  IOStatus Read(uint64_t offset, size_t bytes, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    const auto read = file_->Read(offset, bytes, scratch);
    if (!read.ok()) return ToIOStatus(read.status());
    *result = Slice(read->data(), read->size());
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<ReadableFile> file_;
};

class EnvWritableFile final : public rocksdb::FSWritableFile {
 public:
  EnvWritableFile(std::unique_ptr<WritableFile> file, uint64_t bytes, const FileOptions& options)
      : FSWritableFile(options), file_(std::move(file)), bytes_(bytes) {}

  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    // At the place where RocksDB believes to be: a write that failed in part left more behind.
    const absl::Status written = file_->WriteAt(bytes_, data.ToStringView());
    if (written.ok()) bytes_ += data.size();
    return ToIOStatus(written);
  }
  IOStatus Truncate(uint64_t bytes, const IOOptions&, IODebugContext*) override {
    const absl::Status truncated = file_->Truncate(bytes);
    if (truncated.ok()) bytes_ = bytes;
    return ToIOStatus(truncated);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return ToIOStatus(file_->Close()); }
  // Nothing is held back here.
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  // Brings the size to the disk too, as Fsync() must.
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return ToIOStatus(file_->Sync()); }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return bytes_; }

 private:
  std::unique_ptr<WritableFile> file_;
  uint64_t bytes_;
};

class EnvDirectory final : public rocksdb::FSDirectory {
 public:
  EnvDirectory(Env* env, std::string path) : env_(env), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return ToIOStatus(env_->SyncDirectory(path_));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  Env* env_;
  std::string path_;
};

class EnvFileLock final : public rocksdb::FileLock {
 public:
  explicit EnvFileLock(std::unique_ptr<hoglet::FileLock> lock) : lock_(std::move(lock)) {}

 private:
  std::unique_ptr<hoglet::FileLock> lock_;
};

// RocksDB's diary is of no use to an operator of hoglet, and would be a file without a checksum.
class NoDiary final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

class EnvFileSystem final : public rocksdb::FileSystem {
 public:
  explicit EnvFileSystem(Env* env) : env_(env) {}

  const char* Name() const override { return "HogletFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext*) override {
    return OpenToRead<EnvSequentialFile>(path, result);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    return OpenToRead<EnvRandomAccessFile>(path, result);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override {
    return OpenToWrite(path, Env::OpenMode::kTruncate, options, result);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext*) override {
    return OpenToWrite(path, Env::OpenMode::kKeep, options, result);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext*) override {
    const absl::Status renamed = env_->Rename(old_path, path);
    if (!renamed.ok()) return ToIOStatus(renamed);
    return OpenToWrite(path, Env::OpenMode::kTruncate, options, result);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
    result->reset();
    if (!env_->Exists(path)) return IOStatus::PathNotFound(path);
    *result = std::make_unique<EnvDirectory>(env_, path);
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    return env_->Exists(path) ? IOStatus::OK() : IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* names,
                       IODebugContext*) override {
    names->clear();
    const auto entries = env_->List(path);
    if (absl::IsNotFound(entries.status())) return IOStatus::NotFound(path);
    if (!entries.ok()) return ToIOStatus(entries.status());
    for (const DirectoryEntry& entry : *entries) names->push_back(entry.name);
    return IOStatus::OK();
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* bytes,
                       IODebugContext*) override {
    const auto found = env_->FileBytes(path);
    if (found.ok()) *bytes = *found;
    return ToIOStatus(found.status());
  }
  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, uint64_t*,
                                   IODebugContext*) override {
    return IOStatus::NotSupported("modification time", path);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory,
                       IODebugContext*) override {
    if (!env_->Exists(path)) return IOStatus::NotFound(path);
    *is_directory = env_->List(path).ok();
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* absolute,
                           IODebugContext*) override {
    *absolute = path;  // an Env takes a path as it is
    return IOStatus::OK();
  }

  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (env_->Exists(path)) return IOStatus::IOError(path, "exists");
    return ToIOStatus(env_->CreateDirectories(path));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    // Asked even of a database that is only read, where nothing may need space.
    if (env_->Exists(path)) return IOStatus::OK();
    return ToIOStatus(env_->CreateDirectories(path));
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIOStatus(env_->Remove(path));
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIOStatus(env_->Remove(path));
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    // A renamed CURRENT names a manifest made just before: its name must not reach the disk first.
    const absl::Status synced = env_->SyncDirectory(ParentDirectory(to));
    return ToIOStatus(synced.ok() ? env_->Rename(from, to) : synced);
  }
  IOStatus Truncate(const std::string& path, size_t bytes, const IOOptions&,
                    IODebugContext*) override {
    auto file = env_->OpenForWrite(path, Env::OpenMode::kKeep);
    if (!file.ok()) return ToIOStatus(file.status());
    const absl::Status truncated = (*file)->Truncate(bytes);
    const absl::Status closed = (*file)->Close();
    return ToIOStatus(truncated.ok() ? closed : truncated);
  }

  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** result,
                    IODebugContext*) override {
    *result = nullptr;
    auto lock = env_->Lock(path);
    if (!lock.ok()) return ToIOStatus(lock.status());
    *result = new EnvFileLock(*std::move(lock));
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }

  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("test directory");
  }
  IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>* result,
                     IODebugContext*) override {
    *result = std::make_shared<NoDiary>();
    return IOStatus::OK();
  }

 private:
  template <typename File, typename Base>
  IOStatus OpenToRead(const std::string& path, std::unique_ptr<Base>* result) {
    result->reset();
    auto file = env_->OpenForRead(path);
    if (!file.ok()) return ToIOStatus(file.status());
    *result = std::make_unique<File>(*std::move(file));
    return IOStatus::OK();
  }

  IOStatus OpenToWrite(const std::string& path, Env::OpenMode mode, const FileOptions& options,
                       std::unique_ptr<rocksdb::FSWritableFile>* result) {
    result->reset();
    auto file = env_->OpenForWrite(path, mode);
    if (!file.ok()) return ToIOStatus(file.status());
    uint64_t bytes = 0;
    if (mode == Env::OpenMode::kKeep) {
      const auto found = env_->FileBytes(path);
      if (!found.ok()) return ToIOStatus(found.status());
      bytes = *found;
    }
    *result = std::make_unique<EnvWritableFile>(*std::move(file), bytes, options);
    return IOStatus::OK();
  }

  Env* const env_;
};

}  // namespace

std::shared_ptr<rocksdb::Env> MakeRocksEnv(Env* env) {
  return rocksdb::NewCompositeEnv(std::make_shared<EnvFileSystem>(env));
}

}  // namespace hoglet
