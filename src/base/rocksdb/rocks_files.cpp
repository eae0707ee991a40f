#include "src/base/rocksdb/rocks_files.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "include/hoglet/status.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/options.h"
#include "rocksdb/status.h"
#include "src/base/bytes.h"
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

// RocksDB's log: blocks of 32 KiB of records, each a masked CRC-32C of type and data (4 bytes), the
// length of the data (2), the type (1) and the data; what does not fill a block ends in zeros. A
// write is one record (kWhole), or a first one, middle ones and a last one.
// https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format
constexpr size_t kLogBlockBytes = 32 << 10;
constexpr size_t kLogHeaderBytes = 7;
constexpr uint8_t kWhole = 1;
constexpr uint8_t kFirst = 2;
constexpr uint8_t kLast = 4;
constexpr uint64_t kLogBytesMax = 1ull << 30;

// The bytes of the sound record at `at`, header included; 0 if there is none.
size_t RecordBytes(std::string_view log, size_t at) {
  const size_t block_end = std::min(log.size(), (at / kLogBlockBytes + 1) * kLogBlockBytes);
  if (block_end - at < kLogHeaderBytes) return 0;
  const char* header = log.data() + at;
  const auto length = LoadLittle<uint16_t>(header + 4);
  const auto type = static_cast<uint8_t>(header[6]);
  if (type < kWhole || type > kLast || block_end - at - kLogHeaderBytes < length) return 0;
  const uint32_t crc = Crc32c(log.substr(at + 6, 1 + length));
  const uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
  return LoadLittle<uint32_t>(header) == masked ? kLogHeaderBytes + length : 0;
}

// Where the sound records from the beginning on end.
size_t SoundBytes(std::string_view log) {
  size_t at = 0;
  while (at < log.size()) {
    const size_t left_in_block = kLogBlockBytes - at % kLogBlockBytes;
    const size_t bytes = left_in_block < kLogHeaderBytes ? left_in_block : RecordBytes(log, at);
    if (bytes == 0) break;
    at += bytes;
  }
  return std::min(at, log.size());
}

// A torn write may have lost its beginning alone, so only the beginning of a write tells.
bool BeginsWriteAfter(std::string_view log, size_t at) {
  for (++at; at + kLogHeaderBytes <= log.size(); ++at) {
    const auto type = static_cast<uint8_t>(log[at + 6]);
    if ((type == kWhole || type == kFirst) && RecordBytes(log, at) > 0) return true;
  }
  return false;
}

}  // namespace

absl::Status CheckRocksLogs(Env* env, const std::string& directory) {
  HOGLET_ASSIGN_OR_RETURN(const auto entries, env->List(directory));
  for (const DirectoryEntry& entry : entries) {
    if (!entry.name.ends_with(".log")) continue;
    const std::string path = StrCat(directory, "/", entry.name);
    HOGLET_ASSIGN_OR_RETURN(const std::string log, env->ReadWholeFile(path, kLogBytesMax));
    const size_t sound = SoundBytes(log);
    if (sound == log.size() || !BeginsWriteAfter(log, sound)) continue;
    return absl::DataLossError(StrCat(path, ": damaged at byte ", sound,
                                      ", before changes that were made later. Put the folder "
                                      "back from a backup"));
  }
  return absl::OkStatus();
}

absl::Status FromRocks(const rocksdb::Status& status, std::string_view place) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = StrCat(place, ": ", status.ToString());
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNotSupported()) return absl::UnimplementedError(message);
  if (status.IsNotFound()) return absl::NotFoundError(message);
  return absl::UnavailableError(message);
}

void SetRocksDefaults(rocksdb::Env* env, rocksdb::DBOptions* options) {
  options->env = env;
  options->create_if_missing = true;
  options->max_background_jobs = 2;
  options->max_file_opening_threads = 1;
  // One checksum over every byte of a table; the blocks' own leave gaps between them.
  options->file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  options->max_bgerror_resume_count = 0;
  options->stats_dump_period_sec = 0;
  options->stats_persist_period_sec = 0;
  options->skip_stats_update_on_db_open = true;
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
