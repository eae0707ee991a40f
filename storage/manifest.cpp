#include "storage/manifest.h"

#include <charconv>

#include "absl/strings/str_format.h"
#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "storage/part_format.h"

namespace hoglet {

namespace {

constexpr uint64_t kMagic = 0x6e614d746c67'6f68ull;  // "hogltMan" in the file
constexpr uint32_t kVersion = 1;
constexpr size_t kHeadBytes = 12;
constexpr size_t kCrcBytes = 4;

void PutMask(const RowMask* mask, std::string* out) {
  PutVarint(out, mask == nullptr ? 0 : mask->count());
  if (mask == nullptr) return;
  uint32_t next = 0;
  for (const uint32_t row : mask->Rows()) {
    PutVarint(out, row - next);
    next = row + 1;
  }
}

bool GetMask(ByteReader* in, uint32_t rows, std::shared_ptr<const RowMask>* mask) {
  uint64_t count = 0;
  if (!in->GetVarint(&count) || count > rows || count > in->left().size()) return false;
  if (count == 0) return true;
  std::vector<uint32_t> list;
  list.reserve(count);
  uint64_t next = 0;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t gap = 0;
    if (!in->GetVarint(&gap) || gap >= rows || next + gap >= rows) return false;
    list.push_back(static_cast<uint32_t>(next + gap));
    next += gap + 1;
  }
  *mask = RowMask::With(nullptr, list);
  return true;
}

bool GetPart(ByteReader* in, uint64_t* id, Manifest::PartEntry* part) {
  uint64_t shard = 0;
  uint64_t month = 0;
  uint64_t rows = 0;
  if (!in->GetVarint(id) || *id == 0 || !in->GetVarint(&shard) || shard > UINT32_MAX ||
      !in->GetVarint(&month) || month > 999'999 || !in->GetVarint(&rows) || rows == 0 ||
      rows > kPartRowsMax || !in->GetVarint(&part->file_bytes)) {
    return false;
  }
  part->shard = static_cast<uint32_t>(shard);
  part->month = static_cast<int32_t>(month);
  part->rows = static_cast<uint32_t>(rows);
  return GetMask(in, part->rows, &part->mask);
}

}  // namespace

std::string Manifest::Serialize() const {
  std::string out;
  PutLittle(&out, kMagic);
  PutLittle(&out, kVersion);
  PutVarint(&out, shards);
  PutVarint(&out, next_part_id);
  PutVarint(&out, durable_offset);
  PutVarint(&out, parts.size());
  for (const auto& [id, part] : parts) {
    PutVarint(&out, id);
    PutVarint(&out, part.shard);
    PutVarint(&out, static_cast<uint64_t>(part.month));
    PutVarint(&out, part.rows);
    PutVarint(&out, part.file_bytes);
    PutMask(part.mask.get(), &out);
  }
  PutLittle(&out, Crc32c(out));
  return out;
}

absl::StatusOr<Manifest> Manifest::Parse(std::string_view bytes) {
  if (bytes.size() < kHeadBytes + kCrcBytes || LoadLittle<uint64_t>(bytes.data()) != kMagic) {
    return absl::DataLossError("not a manifest");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kCrcBytes);
  if (Crc32c(body) != LoadLittle<uint32_t>(bytes.data() + body.size())) {
    return absl::DataLossError("manifest checksum");
  }
  if (const auto version = LoadLittle<uint32_t>(bytes.data() + 8); version != kVersion) {
    return absl::UnimplementedError(absl::StrFormat("manifest format version %u", version));
  }
  const absl::Status bad = absl::DataLossError("manifest does not parse");
  ByteReader in(body.substr(kHeadBytes));
  Manifest manifest;
  uint64_t shards = 0;
  uint64_t count = 0;
  if (!in.GetVarint(&shards) || shards == 0 || shards > 4096 ||
      !in.GetVarint(&manifest.next_part_id) || !in.GetVarint(&manifest.durable_offset) ||
      !in.GetVarint(&count) || count > in.left().size()) {
    return bad;
  }
  manifest.shards = static_cast<uint32_t>(shards);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t id = 0;
    PartEntry part;
    if (!GetPart(&in, &id, &part) || part.shard >= shards || id >= manifest.next_part_id ||
        !manifest.parts.emplace(id, std::move(part)).second) {
      return bad;
    }
  }
  if (!in.empty()) return bad;
  return manifest;
}

std::string PartFileName(uint64_t part_id) { return absl::StrFormat("p-%016x.part", part_id); }

uint64_t ParsePartFileName(std::string_view name) {
  if (name.size() != 23 || !name.starts_with("p-") || !name.ends_with(".part")) return 0;
  uint64_t id = 0;
  const char* end = name.data() + 18;
  const auto [at, error] = std::from_chars(name.data() + 2, end, id, 16);
  return error == std::errc() && at == end ? id : 0;
}

}  // namespace hoglet
