#include "query/exec/spill.h"

#include <algorithm>
#include <utility>

#include "query/analyze/function_catalog.h"
#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/logging.h"
#include "src/base/strings.h"
#include "storage/compression.h"

namespace hoglet {
namespace {

constexpr uint32_t kBlockMagic = 0x4b425048;  // "HPBK"
// magic, raw bytes, stored bytes without header, compression, checksum of all but itself
constexpr size_t kHeaderBytes = 17;
constexpr size_t kChecksumAt = 13;
// Written between two looks at the free space of the disk.
constexpr uint64_t kBytesPerLook = 16 << 20;

absl::Status NoSpace(std::string_view why) {
  return WithErrorCode(
      absl::ResourceExhaustedError(StrCat("Query has reached the limit of its temporary files: it "
                                          "needs more memory than it may have, and ",
                                          why)),
      "not_enough_space");
}

uint32_t ChecksumOf(std::string_view header, std::string_view payload) {
  return Crc32cExtend(Crc32c(header.substr(0, kChecksumAt)), payload);
}

}  // namespace

std::string PackSpillBlock(std::string_view raw) {
  HOGLET_ASSERT(raw.size() <= kSpillBlockBytesMax);
  std::string compressed;
  const Compression compression = Compress(Compression::kLz4, raw, &compressed);
  const std::string_view payload = compression == Compression::kNone ? raw : compressed;
  std::string out;
  out.reserve(kHeaderBytes + payload.size());
  PutLittle(&out, kBlockMagic);
  PutLittle(&out, static_cast<uint32_t>(raw.size()));
  PutLittle(&out, static_cast<uint32_t>(payload.size()));
  out.push_back(static_cast<char>(compression));
  PutLittle(&out, ChecksumOf(out, payload));
  out.append(payload);
  return out;
}

absl::StatusOr<std::string> UnpackSpillBlock(std::string_view stored, uint32_t raw_bytes) {
  ByteReader reader(stored);
  uint32_t magic = 0;
  uint32_t raw = 0;
  uint32_t payload_bytes = 0;
  uint8_t compression = 0;
  uint32_t checksum = 0;
  if (!reader.GetLittle(&magic) || !reader.GetLittle(&raw) || !reader.GetLittle(&payload_bytes) ||
      !reader.GetLittle(&compression) || !reader.GetLittle(&checksum) || magic != kBlockMagic) {
    return absl::DataLossError("not a block of a temporary file");
  }
  const std::string_view payload = reader.left();
  if (raw != raw_bytes || raw > kSpillBlockBytesMax || payload_bytes != payload.size() ||
      compression > static_cast<uint8_t>(Compression::kLz4)) {
    return absl::DataLossError("a block of a temporary file has a wrong length");
  }
  if (checksum != ChecksumOf(stored, payload))
    return absl::DataLossError("a block of a temporary file has a wrong checksum");
  std::string out(raw, '\0');
  HOGLET_RETURN_IF_ERROR(
      Decompress(static_cast<Compression>(compression), payload, out.data(), out.size()));
  return out;
}

SpillSpace::SpillSpace(Env* env, std::string path, const Options& options, MetricRegistry* metrics)
    : env_(env),
      path_(std::move(path)),
      options_(options),
      written_(metrics->GetCounter("hoglet_query_spill_written_bytes_total",
                                   "Bytes that queries have written to temporary files.")),
      files_(metrics->GetCounter("hoglet_query_spill_files_total",
                                 "Temporary files that queries have made.")),
      queries_(metrics->GetCounter("hoglet_queries_spilled_total",
                                   "Queries that did not fit into their memory and went on with "
                                   "temporary files.")),
      on_disk_(
          metrics->GetGauge("hoglet_query_spill_bytes", "Bytes of temporary files of queries.")) {}

absl::StatusOr<std::unique_ptr<SpillSpace>> SpillSpace::Open(Env* env, const std::string& path,
                                                             const Options& options,
                                                             MetricRegistry* metrics) {
  // A folder that is there stays: a full disk would not let it be made again.
  if (env->Exists(path)) {
    HOGLET_ASSIGN_OR_RETURN(const auto entries, env->List(path));
    for (const DirectoryEntry& entry : entries) {
      const std::string left = StrCat(path, "/", entry.name);
      HOGLET_RETURN_IF_ERROR(entry.is_directory ? env->RemoveTree(left) : env->Remove(left));
    }
  } else {
    HOGLET_RETURN_IF_ERROR(env->CreateDirectories(path));
  }
  return std::unique_ptr<SpillSpace>(new SpillSpace(env, path, options, metrics));
}

absl::Status SpillSpace::Take(uint64_t bytes) {
  const uint64_t now = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  const auto refuse = [&](std::string why) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return NoSpace(why);
  };
  if (now > options_.bytes_max) {
    return refuse(StrCat("all queries together may write no more than ", options_.bytes_max,
                         " bytes to ", path_, "."));
  }
  const uint64_t seen = bytes_until_look_.fetch_add(bytes, std::memory_order_relaxed);
  if (seen == 0 || seen + bytes >= kBytesPerLook) {
    bytes_until_look_.store(1, std::memory_order_relaxed);
    const auto free = env_->FreeBytes(path_);
    if (free.ok() && *free < options_.free_bytes_min + bytes) {
      bytes_until_look_.store(0, std::memory_order_relaxed);
      return refuse(StrCat("the disk of ", path_, " has only ", *free, " bytes left, of which ",
                           options_.free_bytes_min, " are not for queries."));
    }
  }
  on_disk_->Add(static_cast<double>(bytes));
  written_->Add(bytes);
  return absl::OkStatus();
}

void SpillSpace::GiveBack(uint64_t bytes) {
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  on_disk_->Add(-static_cast<double>(bytes));
}

absl::Status QuerySpill::Take(uint64_t bytes) {
  const uint64_t now = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  absl::Status status;
  if (now > space_->options_.query_bytes_max) {
    status = NoSpace(StrCat("one query may write no more than ", space_->options_.query_bytes_max,
                            " bytes to ", space_->path_, "."));
  } else {
    status = space_->Take(bytes);
  }
  if (!status.ok()) bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  return status;
}

void QuerySpill::GiveBack(uint64_t bytes) {
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  space_->GiveBack(bytes);
}

absl::StatusOr<std::shared_ptr<SpillFile>> QuerySpill::NewFile() {
  const uint64_t number = space_->next_file_.fetch_add(1, std::memory_order_relaxed);
  std::shared_ptr<SpillFile> file(new SpillFile(this, StrCat(space_->path_, "/", number)));
  HOGLET_RETURN_IF_ERROR(file->Create());
  space_->files_->Add();
  if (!counted_.exchange(true)) space_->queries_->Add();
  return file;
}

absl::Status SpillFile::Create() {
  Env* env = query_->space_->env_;
  auto writer = env->OpenForWrite(path_, Env::OpenMode::kCreateNew);
  if (absl::IsResourceExhausted(writer.status()))
    return NoSpace(FromAbsl(writer.status().message()));
  HOGLET_RETURN_IF_ERROR(writer.status());
  writer_ = *std::move(writer);
  HOGLET_ASSIGN_OR_RETURN(reader_, env->OpenForRead(path_));
  return absl::OkStatus();
}

SpillFile::~SpillFile() {
  query_->GiveBack(end_);
  if (writer_ == nullptr) return;
  reader_.reset();
  writer_->Close().IgnoreError();
  const absl::Status removed = query_->space_->env_->Remove(path_);
  if (!removed.ok()) {
    LogWarning("a temporary file of a query stays until the next start",
               {{"why", FromAbsl(removed.message())}});
  }
}

absl::StatusOr<SpillBlock> SpillFile::Append(std::string_view raw) {
  if (raw.size() > kSpillBlockBytesMax)
    return NoSpace(StrCat("a value of ", raw.size(), " bytes is too long for a temporary file."));
  const std::string packed = PackSpillBlock(raw);
  std::lock_guard lock(mutex_);
  HOGLET_RETURN_IF_ERROR(query_->Take(packed.size()));
  const SpillBlock block{end_, static_cast<uint32_t>(packed.size()),
                         static_cast<uint32_t>(raw.size())};
  // Counted even if it fails: a part of it may be on the disk.
  end_ += packed.size();
  const absl::Status written = writer_->WriteAt(block.offset, packed);
  if (absl::IsResourceExhausted(written)) return NoSpace(FromAbsl(written.message()));
  HOGLET_RETURN_IF_ERROR(written);
  return block;
}

absl::StatusOr<std::string> SpillFile::Read(const SpillBlock& block) const {
  std::string stored(block.stored_bytes, '\0');
  HOGLET_ASSIGN_OR_RETURN(std::string_view got,
                          reader_->Read(block.offset, stored.size(), stored.data()));
  auto raw = got.size() < stored.size()
                 ? absl::StatusOr<std::string>(absl::DataLossError("it is too short"))
                 : UnpackSpillBlock(got, block.raw_bytes);
  if (raw.ok()) return raw;
  return absl::Status(raw.status().code(), ToAbsl(StrCat(path_, " at ", block.offset, ": ",
                                                         FromAbsl(raw.status().message()))));
}

}  // namespace hoglet
