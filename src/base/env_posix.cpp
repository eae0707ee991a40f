#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "include/hoglet/env.h"
#include "include/hoglet/status.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOTEMPTY:
    case EISDIR:
    case EBUSY:
      return absl::StatusCode::kFailedPrecondition;
    case EINVAL:
    case ENAMETOOLONG:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status Failed(const std::string& path, const char* operation, int error) {
  return absl::Status(CodeOf(error), StrCat(path, ": ", operation, ": ", std::strerror(error)));
}

int OpenRetrying(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

class PosixReadableFile : public ReadableFile {
 public:
  PosixReadableFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~PosixReadableFile() override {
    if (!mapped_.empty()) ::munmap(const_cast<char*>(mapped_.data()), mapped_.size());
    ::close(fd_);
  }

  absl::StatusOr<std::string_view> Read(uint64_t offset, size_t bytes,
                                        char* scratch) const override {
    size_t done = 0;
    while (done < bytes) {
      const ssize_t read =
          ::pread(fd_, scratch + done, bytes - done, static_cast<off_t>(offset + done));
      if (read < 0 && errno == EINTR) continue;
      if (read < 0) return Failed(path_, "read", errno);
      if (read == 0) break;
      done += static_cast<size_t>(read);
    }
    return std::string_view(scratch, done);
  }

  absl::StatusOr<uint64_t> Size() const override {
    struct stat info;
    if (::fstat(fd_, &info) != 0) return Failed(path_, "stat", errno);
    return static_cast<uint64_t>(info.st_size);
  }

  std::string_view Mapped() const override {
    // Most readers never ask: a mapping costs a system call and address space.
    std::call_once(map_once_, [this] {
      struct stat info;
      if (::fstat(fd_, &info) != 0 || info.st_size <= 0) return;
      const auto bytes = static_cast<size_t>(info.st_size);
      void* address = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd_, 0);
      if (address != MAP_FAILED) mapped_ = {static_cast<const char*>(address), bytes};
    });
    return mapped_;
  }
  void WillNeed(uint64_t offset, uint64_t bytes) const override {
    const std::string_view mapped = Mapped();
    if (bytes == 0 || offset >= mapped.size()) return;
    const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    const uint64_t begin = offset / page * page;
    const uint64_t end = std::min<uint64_t>(mapped.size(), offset + bytes);
    (void)::madvise(const_cast<char*>(mapped.data()) + begin, end - begin, MADV_WILLNEED);
  }
  const std::string& path() const override { return path_; }

 private:
  std::string path_;
  int fd_;
  mutable std::once_flag map_once_;
  mutable std::string_view mapped_;
};

// Cuts the first `bytes` off the pieces from `first` on; the first piece that has some left.
size_t DropFront(size_t bytes, size_t first, std::vector<iovec>* pieces) {
  for (; first < pieces->size() && bytes >= (*pieces)[first].iov_len; ++first) {
    bytes -= (*pieces)[first].iov_len;
  }
  if (bytes > 0) {
    iovec& piece = (*pieces)[first];
    piece.iov_base = static_cast<char*>(piece.iov_base) + bytes;
    piece.iov_len -= bytes;
  }
  return first;
}

class PosixWritableFile : public WritableFile {
 public:
  PosixWritableFile(std::string path, int fd, uint64_t end)
      : path_(std::move(path)), fd_(fd), end_(end) {}
  ~PosixWritableFile() override {
    if (fd_ >= 0) ::close(fd_);
  }

  absl::Status WriteAt(uint64_t offset, std::string_view data) override {
    while (!data.empty()) {
      const ssize_t written = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed(path_, "write", errno);
      // A write of nothing without an error is how some file systems say "full".
      if (written == 0) return Failed(path_, "write", ENOSPC);
      data.remove_prefix(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
      end_ = std::max(end_, offset);
    }
    return absl::OkStatus();
  }

  absl::Status WritePiecesAt(uint64_t offset, std::span<const std::string_view> pieces) override {
    std::vector<iovec> left;
    left.reserve(pieces.size());
    for (const std::string_view piece : pieces) {
      if (!piece.empty()) left.push_back({const_cast<char*>(piece.data()), piece.size()});
    }
    for (size_t first = 0; first < left.size();) {
      const auto count = static_cast<int>(std::min<size_t>(left.size() - first, IOV_MAX));
      const ssize_t written =
          ::pwritev(fd_, left.data() + first, count, static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed(path_, "write", errno);
      if (written == 0) return Failed(path_, "write", ENOSPC);
      offset += static_cast<uint64_t>(written);
      end_ = std::max(end_, offset);
      first = DropFront(static_cast<size_t>(written), first, &left);
    }
    return absl::OkStatus();
  }

  absl::Status Append(std::string_view data) override { return WriteAt(end_, data); }

  absl::Status Preallocate(uint64_t bytes) override {
    int result = 0;
    do {
      result = ::fallocate(fd_, 0, 0, static_cast<off_t>(bytes));
    } while (result != 0 && errno == EINTR);
    if (result == 0) return absl::OkStatus();
    if (errno != EOPNOTSUPP && errno != ENOSYS) return Failed(path_, "fallocate", errno);
    // No reservation on this file system: at least the size is there, so that syncs need no
    // metadata.
    struct stat info;
    if (::fstat(fd_, &info) != 0) return Failed(path_, "stat", errno);
    if (static_cast<uint64_t>(info.st_size) >= bytes) return absl::OkStatus();
    if (::ftruncate(fd_, static_cast<off_t>(bytes)) != 0) return Failed(path_, "truncate", errno);
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    // Not retried, not even after EINTR: a second call may succeed for pages that were dropped.
    if (::fdatasync(fd_) != 0) return Failed(path_, "fdatasync", errno);
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t bytes) override {
    int result = 0;
    do {
      result = ::ftruncate(fd_, static_cast<off_t>(bytes));
    } while (result != 0 && errno == EINTR);
    if (result != 0) return Failed(path_, "truncate", errno);
    end_ = bytes;
    return absl::OkStatus();
  }

  absl::Status Close() override {
    if (fd_ < 0) return absl::OkStatus();
    const int result = ::close(fd_);
    fd_ = -1;
    if (result != 0 && errno != EINTR) return Failed(path_, "close", errno);
    return absl::OkStatus();
  }

  const std::string& path() const override { return path_; }

 private:
  std::string path_;
  int fd_;
  uint64_t end_;
};

class PosixFileLock : public FileLock {
 public:
  explicit PosixFileLock(int fd) : fd_(fd) {}
  ~PosixFileLock() override { ::close(fd_); }

 private:
  int fd_;
};

int64_t ClockNanos(clockid_t clock) {
  struct timespec now;
  HOGLET_ASSERT(::clock_gettime(clock, &now) == 0);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class PosixEnv : public Env {
 public:
  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override {
    const int fd = OpenRetrying(path, O_RDONLY);
    if (fd < 0) return Failed(path, "open", errno);
    struct stat info;
    const bool known = ::fstat(fd, &info) == 0;
    if (!known || S_ISDIR(info.st_mode)) {
      const int error = known ? EISDIR : errno;
      ::close(fd);
      return Failed(path, "open", error);
    }
    return std::make_unique<PosixReadableFile>(path, fd);
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                             OpenMode mode) override {
    int flags = O_WRONLY | O_CREAT;
    if (mode == OpenMode::kCreateNew) flags |= O_EXCL;
    if (mode == OpenMode::kTruncate) flags |= O_TRUNC;
    const int fd = OpenRetrying(path, flags);
    if (fd < 0) return Failed(path, "open for writing", errno);
    struct stat info;
    if (::fstat(fd, &info) != 0) {
      const int error = errno;
      ::close(fd);
      return Failed(path, "stat", error);
    }
    return std::make_unique<PosixWritableFile>(path, fd, static_cast<uint64_t>(info.st_size));
  }

  absl::Status CreateDirectories(const std::string& path) override {
    for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
      const std::string prefix = path.substr(0, slash);
      if (::mkdir(prefix.c_str(), 0755) != 0 && errno != EEXIST) {
        return Failed(prefix, "mkdir", errno);
      }
      if (slash == std::string::npos) break;
    }
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return Failed(path, "stat", errno);
    if (!S_ISDIR(info.st_mode)) return Failed(path, "mkdir", EEXIST);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<DirectoryEntry>> List(const std::string& path) override {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return Failed(path, "opendir", errno);
    std::vector<DirectoryEntry> entries;
    errno = 0;
    while (const struct dirent* found = ::readdir(directory)) {
      const std::string name = found->d_name;
      struct stat info;
      if (name == "." || name == "..") continue;
      // A name removed meanwhile is no entry.
      if (::fstatat(::dirfd(directory), found->d_name, &info, 0) != 0) {
        errno = 0;
        continue;
      }
      entries.push_back({name, static_cast<uint64_t>(info.st_size), S_ISDIR(info.st_mode)});
      errno = 0;
    }
    const int error = errno;
    ::closedir(directory);
    if (error != 0) return Failed(path, "readdir", error);
    std::sort(entries.begin(), entries.end(),
              [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
    return entries;
  }

  bool Exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  absl::StatusOr<uint64_t> FileBytes(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return Failed(path, "stat", errno);
    return static_cast<uint64_t>(info.st_size);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return Failed(StrCat(from, " -> ", to), "rename", errno);
    }
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return Failed(path, "remove", errno);
    return absl::OkStatus();
  }

  absl::Status RemoveTree(const std::string& path) override {
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0) return Failed(path, "stat", errno);
    if (S_ISDIR(info.st_mode)) {
      HOGLET_ASSIGN_OR_RETURN(const auto entries, List(path));
      for (const DirectoryEntry& entry : entries) {
        HOGLET_RETURN_IF_ERROR(RemoveTree(StrCat(path, "/", entry.name)));
      }
    }
    return Remove(path);
  }

  absl::Status SyncDirectory(const std::string& path) override {
    const int fd = OpenRetrying(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return Failed(path, "open directory", errno);
    const int result = ::fsync(fd);
    const int error = errno;
    ::close(fd);
    if (result != 0) return Failed(path, "fsync", error);
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    const int fd = OpenRetrying(path, O_RDWR | O_CREAT);
    if (fd < 0) return Failed(path, "open", errno);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      ::close(fd);
      if (error == EWOULDBLOCK) {
        return absl::FailedPreconditionError(StrCat(path, ": locked by another process"));
      }
      return Failed(path, "flock", error);
    }
    return std::make_unique<PosixFileLock>(fd);
  }

  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs info;
    if (::statvfs(path.c_str(), &info) != 0) return Failed(path, "statvfs", errno);
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }

  int64_t NowMicros() override { return ClockNanos(CLOCK_REALTIME) / 1000; }
  int64_t MonotonicNanos() override { return ClockNanos(CLOCK_MONOTONIC); }

  void FillRandom(std::span<char> bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got = ::getrandom(bytes.data() + done, bytes.size() - done, 0);
      // Without randomness keys and ids would repeat: nothing may go on.
      HOGLET_ASSERT(got > 0 || errno == EINTR);
      if (got > 0) done += static_cast<size_t>(got);
    }
  }

  void SleepMicros(int64_t micros) override {
    if (micros <= 0) return;
    struct timespec left {
      static_cast<time_t>(micros / 1'000'000), (micros % 1'000'000) * 1000
    };
    while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
  }
};

}  // namespace

Env* Env::Posix() {
  static Env* const env = new PosixEnv;
  return env;
}

}  // namespace hoglet
