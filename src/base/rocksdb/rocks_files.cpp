#include "src/base/rocksdb/rocks_files.h"

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "include/hoglet/status.h"
#include "rocksdb/status.h"
#include "src/base/crc32c.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

// RocksDB checks its data itself; these few files beside it carry no checksum of their own, so one
// is kept for them: a line
// "<crc32c in hex> <name>" each, and a last line "<crc32c of the lines before> SIDE_FILES".
constexpr char kSideFiles[] = "SIDE_FILES";
constexpr uint64_t kSideFileBytesMax = 16 << 20;

bool IsSideFile(std::string_view name) {
  return name == "IDENTITY" || name == "CURRENT" || name.starts_with("OPTIONS-");
}

std::string SideFileLine(std::string_view bytes, std::string_view name) {
  return absl::StrFormat("%08x %s\n", Crc32c(bytes), std::string(name));
}

}  // namespace

absl::Status FromRocks(const rocksdb::Status& status, std::string_view place) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = StrCat(place, ": ", status.ToString());
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNotSupported()) return absl::UnimplementedError(message);
  if (status.IsNotFound()) return absl::NotFoundError(message);
  return absl::UnavailableError(message);
}

absl::Status WriteRocksSideFiles(Env* env, const std::string& directory) {
  HOGLET_ASSIGN_OR_RETURN(const auto entries, env->List(directory));
  std::string lines;
  for (const DirectoryEntry& entry : entries) {
    if (!IsSideFile(entry.name)) continue;
    HOGLET_ASSIGN_OR_RETURN(
        const std::string bytes,
        env->ReadWholeFile(StrCat(directory, "/", entry.name), kSideFileBytesMax));
    lines += SideFileLine(bytes, entry.name);
  }
  return env->ReplaceFile(StrCat(directory, "/", kSideFiles),
                          lines + SideFileLine(lines, kSideFiles));
}

// Files that are gone are no fault: RocksDB drops old options by itself.
absl::Status CheckRocksSideFiles(Env* env, const std::string& directory,
                                 const std::function<void(const std::string&)>& report) {
  const std::string path = StrCat(directory, "/", kSideFiles);
  if (!env->Exists(path)) return absl::OkStatus();
  HOGLET_ASSIGN_OR_RETURN(const std::string text, env->ReadWholeFile(path, kSideFileBytesMax));
  const size_t last = text.size() < 2 ? std::string::npos : text.rfind('\n', text.size() - 2);
  const std::string lines = last == std::string::npos ? "" : text.substr(0, last + 1);
  if (text != lines + SideFileLine(lines, kSideFiles)) {
    report(StrCat(path, ": its checksum does not fit"));
    return absl::OkStatus();
  }
  for (absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    const std::string name(line.substr(line.find(' ') + 1));
    const std::string file = StrCat(directory, "/", name);
    if (!env->Exists(file)) continue;
    HOGLET_ASSIGN_OR_RETURN(const std::string bytes, env->ReadWholeFile(file, kSideFileBytesMax));
    if (SideFileLine(bytes, name) != StrCat(line, "\n"))
      report(StrCat(file, ": differs from its checksum in ", kSideFiles));
  }
  return absl::OkStatus();
}

absl::Status ProbeSpace(Env* env, const std::string& directory, uint64_t bytes) {
  const std::string path = StrCat(directory, "/PROBE");
  HOGLET_ASSIGN_OR_RETURN(auto file, env->OpenForWrite(path, Env::OpenMode::kTruncate));
  absl::Status status = file->Preallocate(bytes);
  if (status.ok()) status = file->Sync();
  if (absl::Status closed = file->Close(); status.ok()) status = closed;
  if (absl::Status removed = env->Remove(path); status.ok()) status = removed;
  return status;
}

}  // namespace hoglet
