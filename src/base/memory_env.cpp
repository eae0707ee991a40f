#include "src/base/memory_env.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "absl/strings/str_split.h"
#include "include/hoglet/status.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr int64_t kStartMicros = 1'700'000'000'000'000;

absl::Status NoSuchFile(const std::string& path) {
  return absl::NotFoundError(StrCat(path, ": No such file or directory"));
}

std::vector<std::string> PathParts(const std::string& path) {
  std::vector<std::string> parts;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (!part.empty() && part != ".") parts.emplace_back(FromAbsl(part));
  }
  return parts;
}

// The directory of a path, and its last name.
std::pair<std::string, std::string> SplitPath(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const size_t slash = trimmed.rfind('/');
  if (slash == std::string::npos) return {"", trimmed};
  return {trimmed.substr(0, slash), trimmed.substr(slash + 1)};
}

// A change of a file that may or may not have reached the disk: bytes written, or a new size.
struct PendingWrite {
  bool is_resize = false;
  uint64_t offset = 0;  // the size, of a resize
  std::string data;

  void ApplyTo(std::string* content) const {
    if (is_resize) {
      content->resize(offset);
      return;
    }
    if (content->size() < offset + data.size()) content->resize(offset + data.size());
    content->replace(offset, data.size(), data);
  }

  // Keeps a random choice of the sectors.
  void ApplySectorsTo(std::string* content, double keep, std::mt19937_64* random) const {
    std::bernoulli_distribution kept(keep);
    if (is_resize) {
      if (kept(*random)) ApplyTo(content);
      return;
    }
    for (uint64_t at = 0; at < data.size();) {
      const uint64_t sector_end = ((offset + at) / kSectorBytes + 1) * kSectorBytes - offset;
      const uint64_t bytes = std::min<uint64_t>(sector_end, data.size()) - at;
      if (kept(*random)) {
        PendingWrite{false, offset + at, data.substr(at, bytes)}.ApplyTo(content);
      }
      at += bytes;
    }
  }
};

}  // namespace

struct MemoryEnv::Inode {
  std::string data;
  std::string durable;
  std::vector<PendingWrite> pending;

  void Do(PendingWrite write) {
    write.ApplyTo(&data);
    pending.push_back(std::move(write));
  }
  void Sync() {
    for (const PendingWrite& write : pending) write.ApplyTo(&durable);
    pending.clear();
  }
};

struct MemoryEnv::Directory {
  using Node = std::variant<std::shared_ptr<Inode>, std::shared_ptr<Directory>>;
  using Entries = std::map<std::string, Node>;

  struct Change {
    std::shared_ptr<Directory> directory;
    std::string name;
    std::optional<Node> node;  // nullopt removes

    void ApplyTo(Entries* entries) const {
      if (node.has_value()) {
        (*entries)[name] = *node;
      } else {
        entries->erase(name);
      }
    }
    std::pair<Directory*, std::string> key() const { return {directory.get(), name}; }
  };
  // What one call changed; reaches the disk whole or not at all.
  using Changes = std::vector<Change>;

  Entries entries;
  Entries durable;
  // Of the root: the changes of the whole tree since they were last durable, oldest first.
  std::vector<Changes> pending;

  void Do(Changes changes) {
    for (const Change& change : changes) change.ApplyTo(&change.directory->entries);
    pending.push_back(std::move(changes));
  }

  // Of the root: makes durable what touches `directory`, and all that comes before it at the same
  // names.
  void Sync(const Directory* directory) {
    std::set<std::pair<Directory*, std::string>> needed;
    std::vector<bool> chosen(pending.size());
    for (size_t i = pending.size(); i-- > 0;) {
      for (const Change& change : pending[i]) {
        if (change.directory.get() == directory || needed.count(change.key())) chosen[i] = true;
      }
      if (!chosen[i]) continue;
      for (const Change& change : pending[i]) needed.insert(change.key());
    }
    std::vector<Changes> left;
    for (size_t i = 0; i < pending.size(); ++i) {
      if (!chosen[i]) {
        left.push_back(std::move(pending[i]));
        continue;
      }
      for (const Change& change : pending[i]) change.ApplyTo(&change.directory->durable);
    }
    pending = std::move(left);
  }

  template <typename Visitor>
  void Visit(const std::string& prefix, const Visitor& visitor) {
    for (const auto& [name, node] : entries) {
      if (const auto* file = std::get_if<std::shared_ptr<Inode>>(&node)) {
        visitor(prefix + name, file->get());
      } else {
        std::get<std::shared_ptr<Directory>>(node)->Visit(prefix + name + "/", visitor);
      }
    }
  }
  // After a crash: what is durable is all there is.
  void Revert() {
    entries = durable;
    for (auto& [name, node] : entries) {
      if (auto* directory = std::get_if<std::shared_ptr<Directory>>(&node)) (*directory)->Revert();
    }
  }
};

class MemoryEnv::OpenReadable : public ReadableFile {
 public:
  OpenReadable(MemoryEnv* env, std::string path, std::shared_ptr<Inode> inode)
      : env_(env),
        path_(std::move(path)),
        inode_(std::move(inode)),
        generation_(env->generation_) {}

  absl::StatusOr<std::string_view> Read(uint64_t offset, size_t bytes,
                                        char* scratch) const override {
    std::lock_guard lock(env_->mutex_);
    if (generation_ != env_->generation_) return absl::UnavailableError(path_ + ": crashed");
    if (offset >= inode_->data.size()) return std::string_view(scratch, 0);
    const size_t count = inode_->data.copy(scratch, bytes, offset);
    return std::string_view(scratch, count);
  }
  absl::StatusOr<uint64_t> Size() const override {
    std::lock_guard lock(env_->mutex_);
    if (generation_ != env_->generation_) return absl::UnavailableError(path_ + ": crashed");
    return inode_->data.size();
  }
  std::string_view Mapped() const override { return {}; }
  const std::string& path() const override { return path_; }

 private:
  MemoryEnv* env_;
  std::string path_;
  std::shared_ptr<Inode> inode_;
  uint64_t generation_;
};

class MemoryEnv::OpenWritable : public WritableFile {
 public:
  OpenWritable(MemoryEnv* env, std::string path, std::shared_ptr<Inode> inode)
      : env_(env),
        path_(std::move(path)),
        inode_(std::move(inode)),
        generation_(env->generation_),
        end_(inode_->data.size()) {}

  absl::Status WriteAt(uint64_t offset, std::string_view data) override {
    std::lock_guard lock(env_->mutex_);
    HOGLET_RETURN_IF_ERROR(Check());
    const absl::Status space = env_->Reserve(*inode_, offset + data.size(), path_);
    // A full disk takes the first part of a write.
    if (!space.ok()) data = data.substr(0, data.size() / 2);
    if (!space.ok() && !env_->Reserve(*inode_, offset + data.size(), path_).ok()) return space;
    if (!data.empty()) inode_->Do({false, offset, std::string(data)});
    end_ = std::max(end_, offset + data.size());
    return space;
  }
  absl::Status Append(std::string_view data) override { return WriteAt(end_, data); }
  absl::Status Preallocate(uint64_t bytes) override {
    std::lock_guard lock(env_->mutex_);
    HOGLET_RETURN_IF_ERROR(Check());
    HOGLET_RETURN_IF_ERROR(env_->Reserve(*inode_, bytes, path_));
    if (bytes > inode_->data.size()) inode_->Do({true, bytes, {}});
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    std::lock_guard lock(env_->mutex_);
    HOGLET_RETURN_IF_ERROR(Check());
    inode_->Sync();
    return absl::OkStatus();
  }
  absl::Status Truncate(uint64_t bytes) override {
    std::lock_guard lock(env_->mutex_);
    HOGLET_RETURN_IF_ERROR(Check());
    inode_->Do({true, bytes, {}});
    end_ = bytes;
    return absl::OkStatus();
  }
  absl::Status Close() override {
    std::lock_guard lock(env_->mutex_);
    return Check();
  }
  const std::string& path() const override { return path_; }

 private:
  absl::Status Check() const {
    if (generation_ != env_->generation_) return absl::UnavailableError(path_ + ": crashed");
    return absl::OkStatus();
  }

  MemoryEnv* env_;
  std::string path_;
  std::shared_ptr<Inode> inode_;
  uint64_t generation_;
  uint64_t end_;
};

class MemoryEnv::HeldLock : public FileLock {
 public:
  HeldLock(MemoryEnv* env, std::string path)
      : env_(env), path_(std::move(path)), generation_(env->generation_) {}
  ~HeldLock() override {
    std::lock_guard lock(env_->mutex_);
    if (generation_ == env_->generation_) env_->locks_.erase(path_);
  }

 private:
  MemoryEnv* env_;
  std::string path_;
  uint64_t generation_;
};

MemoryEnv::MemoryEnv(uint64_t seed)
    : root_(std::make_shared<Directory>()), random_(seed), now_us_(kStartMicros) {}

// The pending changes of the root point back at it.
MemoryEnv::~MemoryEnv() { root_->pending.clear(); }

std::shared_ptr<MemoryEnv::Directory> MemoryEnv::FindDirectory(const std::string& path) {
  std::shared_ptr<Directory> directory = root_;
  for (const std::string& part : PathParts(path)) {
    auto found = directory->entries.find(part);
    if (found == directory->entries.end()) return nullptr;
    auto* child = std::get_if<std::shared_ptr<Directory>>(&found->second);
    if (child == nullptr) return nullptr;
    directory = *child;
  }
  return directory;
}

std::shared_ptr<MemoryEnv::Inode> MemoryEnv::FindInode(const std::string& path) {
  const auto [parent, name] = SplitPath(path);
  const auto directory = FindDirectory(parent);
  if (directory == nullptr) return nullptr;
  auto found = directory->entries.find(name);
  if (found == directory->entries.end()) return nullptr;
  auto* file = std::get_if<std::shared_ptr<Inode>>(&found->second);
  return file == nullptr ? nullptr : *file;
}

uint64_t MemoryEnv::UsedBytesLocked() {
  uint64_t used = 0;
  root_->Visit("", [&](const std::string&, const Inode* inode) { used += inode->data.size(); });
  return used;
}

// Whether the file may grow to `bytes`.
absl::Status MemoryEnv::Reserve(const Inode& inode, uint64_t bytes, const std::string& path) {
  if (!capacity_bytes_.has_value() || bytes <= inode.data.size()) return absl::OkStatus();
  if (UsedBytesLocked() - inode.data.size() + bytes <= *capacity_bytes_) return absl::OkStatus();
  return absl::ResourceExhaustedError(path + ": No space left on device");
}

absl::StatusOr<std::unique_ptr<ReadableFile>> MemoryEnv::OpenForRead(const std::string& path) {
  std::lock_guard lock(mutex_);
  auto inode = FindInode(path);
  if (inode == nullptr) return NoSuchFile(path);
  return std::make_unique<OpenReadable>(this, path, std::move(inode));
}

absl::StatusOr<std::unique_ptr<WritableFile>> MemoryEnv::OpenForWrite(const std::string& path,
                                                                      OpenMode mode) {
  std::lock_guard lock(mutex_);
  const auto [parent, name] = SplitPath(path);
  const auto directory = FindDirectory(parent);
  if (directory == nullptr) return NoSuchFile(path);
  auto inode = FindInode(path);
  if (inode == nullptr) {
    if (directory->entries.count(name)) {
      return absl::FailedPreconditionError(path + ": Is a directory");
    }
    inode = std::make_shared<Inode>();
    root_->Do({{directory, name, inode}});
  } else if (mode == OpenMode::kCreateNew) {
    return absl::AlreadyExistsError(path + ": File exists");
  } else if (mode == OpenMode::kTruncate) {
    inode->Do({true, 0, {}});
  }
  return std::make_unique<OpenWritable>(this, path, std::move(inode));
}

absl::Status MemoryEnv::CreateDirectories(const std::string& path) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<Directory> directory = root_;
  for (const std::string& part : PathParts(path)) {
    auto found = directory->entries.find(part);
    if (found == directory->entries.end()) {
      auto child = std::make_shared<Directory>();
      root_->Do({{directory, part, child}});
      directory = child;
      continue;
    }
    auto* child = std::get_if<std::shared_ptr<Directory>>(&found->second);
    if (child == nullptr) return absl::AlreadyExistsError(path + ": File exists");
    directory = std::shared_ptr<Directory>(*child);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DirectoryEntry>> MemoryEnv::List(const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto directory = FindDirectory(path);
  if (directory == nullptr) return NoSuchFile(path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, node] : directory->entries) {
    const auto* file = std::get_if<std::shared_ptr<Inode>>(&node);
    entries.push_back({name, file == nullptr ? 0 : (*file)->data.size(), file == nullptr});
  }
  return entries;
}

bool MemoryEnv::Exists(const std::string& path) {
  std::lock_guard lock(mutex_);
  return FindInode(path) != nullptr || FindDirectory(path) != nullptr;
}

absl::StatusOr<uint64_t> MemoryEnv::FileBytes(const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto inode = FindInode(path);
  if (inode == nullptr) return NoSuchFile(path);
  return inode->data.size();
}

absl::Status MemoryEnv::Rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  const auto [from_parent, from_name] = SplitPath(from);
  const auto [to_parent, to_name] = SplitPath(to);
  const auto from_directory = FindDirectory(from_parent);
  const auto to_directory = FindDirectory(to_parent);
  if (from_directory == nullptr || !from_directory->entries.count(from_name)) {
    return NoSuchFile(from);
  }
  if (to_directory == nullptr) return NoSuchFile(to);
  if (FindInode(from) == nullptr && to_directory->entries.count(to_name)) {
    return absl::FailedPreconditionError(to + ": Directory not empty");
  }
  if (from_directory == to_directory && from_name == to_name) return absl::OkStatus();
  const Directory::Node node = from_directory->entries.at(from_name);
  root_->Do({{from_directory, from_name, std::nullopt}, {to_directory, to_name, node}});
  return absl::OkStatus();
}

absl::Status MemoryEnv::Remove(const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto [parent, name] = SplitPath(path);
  const auto directory = FindDirectory(parent);
  if (directory == nullptr || !directory->entries.count(name)) return NoSuchFile(path);
  const auto child = FindDirectory(path);
  if (child != nullptr && !child->entries.empty()) {
    return absl::FailedPreconditionError(path + ": Directory not empty");
  }
  root_->Do({{directory, name, std::nullopt}});
  return absl::OkStatus();
}

absl::Status MemoryEnv::RemoveTree(const std::string& path) {
  if (auto entries = List(path); entries.ok()) {
    for (const DirectoryEntry& entry : *entries) {
      HOGLET_RETURN_IF_ERROR(RemoveTree(StrCat(path, "/", entry.name)));
    }
  }
  return Remove(path);
}

absl::Status MemoryEnv::SyncDirectory(const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto directory = FindDirectory(path);
  if (directory == nullptr) return NoSuchFile(path);
  root_->Sync(directory.get());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FileLock>> MemoryEnv::Lock(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(OpenForWrite(path, OpenMode::kKeep).status());
  std::lock_guard lock(mutex_);
  if (!locks_.insert(path).second) {
    return absl::FailedPreconditionError(path + ": locked by another process");
  }
  return std::make_unique<HeldLock>(this, path);
}

absl::StatusOr<uint64_t> MemoryEnv::FreeBytes(const std::string&) {
  std::lock_guard lock(mutex_);
  if (!capacity_bytes_.has_value()) return uint64_t{1} << 40;
  const uint64_t used = UsedBytesLocked();
  return used >= *capacity_bytes_ ? 0 : *capacity_bytes_ - used;
}

int64_t MemoryEnv::MonotonicNanos() {
  const auto real = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(real).count() +
         slept_us_.load() * 1000;
}

void MemoryEnv::FillRandom(std::span<char> bytes) {
  std::lock_guard lock(mutex_);
  for (char& byte : bytes) byte = static_cast<char>(random_());
}

void MemoryEnv::SleepMicros(int64_t micros) {
  if (micros <= 0) return;
  now_us_.fetch_add(micros);
  slept_us_.fetch_add(micros);
}

void MemoryEnv::SetCapacityBytes(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  capacity_bytes_ = bytes;
}

uint64_t MemoryEnv::UsedBytes() {
  std::lock_guard lock(mutex_);
  return UsedBytesLocked();
}

void MemoryEnv::Crash(uint64_t seed) {
  std::lock_guard lock(mutex_);
  CrashLocked(CrashMode::kRandom, seed);
}

void MemoryEnv::CrashDroppingAll() {
  std::lock_guard lock(mutex_);
  CrashLocked(CrashMode::kDropAll, 0);
}

void MemoryEnv::CrashKeepingAll() {
  std::lock_guard lock(mutex_);
  CrashLocked(CrashMode::kKeepAll, 0);
}

void MemoryEnv::CrashLocked(CrashMode mode, uint64_t seed) {
  std::mt19937_64 random(seed);
  // Some crashes lose nearly all, some nearly nothing: both find faults that a fair coin does not.
  constexpr double kKeepChoices[] = {0.05, 0.5, 0.5, 0.95};
  double keep = kKeepChoices[random() % 4];
  if (mode == CrashMode::kDropAll) keep = 0;
  if (mode == CrashMode::kKeepAll) keep = 1;
  std::bernoulli_distribution kept(keep);

  // Names: a change is lost with every later one at the same names.
  std::set<std::pair<Directory*, std::string>> lost;
  for (const Directory::Changes& changes : root_->pending) {
    bool keeps = kept(random);
    for (const auto& change : changes) keeps = keeps && !lost.count(change.key());
    for (const auto& change : changes) {
      if (keeps) change.ApplyTo(&change.directory->durable);
      if (!keeps) lost.insert(change.key());
    }
  }
  root_->pending.clear();
  root_->Revert();

  root_->Visit("", [&](const std::string&, Inode* inode) {
    for (const PendingWrite& write : inode->pending) {
      write.ApplySectorsTo(&inode->durable, keep, &random);
    }
    inode->pending.clear();
    inode->data = inode->durable;
  });
  locks_.clear();
  ++generation_;
}

void MemoryEnv::Write(const std::string& path, std::string_view data) {
  const std::string parent = SplitPath(path).first;
  HOGLET_ASSERT(CreateDirectories(parent).ok());
  auto file = OpenForWrite(path, OpenMode::kTruncate);
  HOGLET_ASSERT(file.ok() && (*file)->Append(data).ok() && (*file)->Sync().ok());
  std::lock_guard lock(mutex_);
  // The names on the way to the file become durable, and with them simply all others.
  for (const auto& changes : root_->pending) {
    for (const auto& change : changes) change.ApplyTo(&change.directory->durable);
  }
  root_->pending.clear();
}

std::string MemoryEnv::Contents(const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto inode = FindInode(path);
  return inode == nullptr ? std::string() : inode->data;
}

bool MemoryEnv::DamageByte(const std::string& path, uint64_t offset, uint8_t xor_mask) {
  std::lock_guard lock(mutex_);
  const auto inode = FindInode(path);
  if (inode == nullptr || offset >= inode->data.size()) return false;
  const char damaged = static_cast<char>(inode->data[offset] ^ xor_mask);
  inode->data[offset] = damaged;
  if (offset < inode->durable.size()) inode->durable[offset] = damaged;
  return true;
}

std::vector<std::string> MemoryEnv::Files() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> files;
  root_->Visit("", [&](const std::string& path, const Inode*) { files.push_back(path); });
  return files;
}

}  // namespace hoglet
