#include <cstddef>
#include <cstdint>
#include <string>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/json.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "storage/document_reader.h"
#include "storage/event_table.h"
#include "storage/manifest.h"
#include "storage/part.h"
#include "storage/row_source.h"

// Any bytes as a part, a chunk or a manifest: reading ends with values or a Status, and what parses
// prints back to itself.

namespace {

using namespace hoglet;  // NOLINT(build/namespaces)

// Reads all there is to read.
void ReadPart(const std::string& bytes) {
  MemoryEnv env;
  env.Write("part", bytes);
  VectorCache cache(1 << 20);
  const auto part = Part::Open(&env, "part", 1, &cache);
  if (!part.ok()) return;
  (void)(*part)->VerifyChecksums();
  const PartFooter& footer = (*part)->footer();
  for (size_t granule = 0; granule < footer.granules(); ++granule) {
    const auto keys = ReadGranuleKeys(**part, granule);
    if (keys.ok()) (void)keys->SortKeyAt(0);
  }
  for (int column = 0; column < kJsonColumnCount; ++column) {
    const JsonInfo& json = footer.json[column];
    JsonObjectView members;
    for (size_t granule = 0; granule + 1 < json.document_begin.size(); ++granule) {
      auto reader = DocumentReader::Open(**part, static_cast<JsonColumn>(column), granule);
      for (size_t i = 0; reader.ok() && i < (*reader)->documents(); ++i) {
        (void)(*reader)->Read(i, &members);
      }
    }
  }
}

// Footer bytes under a header and trailer whose checksums are right, in front of nothing.
std::string WithTrailer(std::string_view chunks, std::string_view footer) {
  std::string bytes;
  PutLittle(&bytes, kPartMagic);
  bytes.append(chunks);
  bytes.append(footer);
  std::string trailer;
  PutLittle(&trailer, static_cast<uint64_t>(footer.size()));
  PutLittle(&trailer, kPartVersion);
  PutLittle(&trailer, Crc32cExtend(Crc32c(footer), trailer));
  PutLittle(&trailer, kPartMagic);
  return bytes + trailer;
}

// A good part of two dozen rows with all kinds of JSON values.
const std::string& GoodPart() {
  static const std::string& part = *[] {
    MemoryEnv env;
    EventTable::Options options;
    options.background_merges = false;
    options.shards = 1;
    options.granule_rows = 16;
    options.json_keys_max = 4;
    auto table = EventTable::Open(&env, "t", options).value();
    Arena arena;
    JsonObjectView person;
    HOGLET_ASSERT(ParseJsonObject(R"({"name":"a","age":7})", &arena, &person).ok());
    for (int i = 0; i < 24; ++i) {
      EventRow row;
      const std::string id = StrCat("user", i % 5);
      const std::string json =
          StrCat(R"({"a":)", i, R"(,"b":"x)", i % 3, R"(","c":)", i % 2 == 0 ? "true" : "null",
                 R"(,"d":[1],"e":)", i, R"(.5,"f":"rare"})");
      HOGLET_ASSERT(ParseJsonObject(json, &arena, &row.properties).ok());
      row.team_id = 1 + i % 2;
      row.uuid.bytes[0] = static_cast<uint8_t>(i);
      row.event = i % 3 == 0 ? "view" : "click";
      row.distinct_id = id;
      row.timestamp_us = 1'700'000'000'000'000 + i;
      row.person_properties = &person;
      HOGLET_ASSERT(table->Insert({&row, 1}).ok());
    }
    HOGLET_ASSERT(table->Seal(1).ok() && table->FlushSealed().ok());
    return new std::string(env.Contents("t/p-0000000000000001.part"));
  }();
  return part;
}

// The good part with bytes of its chunks changed, and all checksums right: edits are (offset, byte)
// triples.
void ReadEdited(std::string_view edits) {
  std::string bytes = GoodPart();
  const auto footer_bytes = LoadLittle<uint64_t>(bytes.data() + bytes.size() - kPartTrailerBytes);
  const uint64_t chunks_end = bytes.size() - kPartTrailerBytes - footer_bytes;
  PartFooter footer =
      ParseFooter(std::string_view(bytes).substr(chunks_end, footer_bytes), chunks_end).value();
  for (; edits.size() >= 3; edits.remove_prefix(3)) {
    const uint64_t at =
        kPartHeaderBytes + LoadLittle<uint16_t>(edits.data()) % (chunks_end - kPartHeaderBytes);
    bytes[at] = edits[2];
  }
  ForEachChunk(footer, [&](ChunkMeta& chunk) {
    chunk.crc = Crc32c(std::string_view(bytes).substr(chunk.offset, chunk.stored_bytes));
  });
  ReadPart(
      WithTrailer(std::string_view(bytes).substr(kPartHeaderBytes, chunks_end - kPartHeaderBytes),
                  SerializeFooter(footer)));
}

void Decode(std::string_view input) {
  if (input.size() < 12) return;
  static const TypeKind kKinds[] = {TypeKind::kInt64, TypeKind::kFloat64, TypeKind::kBool,
                                    TypeKind::kUuid, TypeKind::kString};
  ChunkMeta meta;
  meta.rows = LoadLittle<uint16_t>(input.data()) % 8193;
  meta.null_count = LoadLittle<uint16_t>(input.data() + 2) % 8193;
  meta.encoding = static_cast<Encoding>(input[4] % kEncodingCount);
  meta.compression = static_cast<Compression>(static_cast<uint8_t>(input[5]) % 3);
  meta.raw_bytes = LoadLittle<uint32_t>(input.data() + 6) % (1 << 20);
  const std::string stored(input.substr(12));
  meta.stored_bytes = static_cast<uint32_t>(stored.size());
  if (meta.compression == Compression::kNone) meta.raw_bytes = meta.stored_bytes;
  const auto body = UncompressChunk(meta, stored, nullptr);
  if (!body.ok()) return;
  static const std::vector<int64_t>& times = *new std::vector<int64_t>(8193, 1'700'000'000'000'000);
  const auto values = DecodeChunk(
      meta, *body, Type(kKinds[static_cast<uint8_t>(input[10]) % std::size(kKinds)]), times.data());
  if (values.ok()) HOGLET_ASSERT(values->size() == meta.rows);
  std::string codes(meta.rows * sizeof(uint32_t) + 4, '\0');
  (void)DecodeCodes(meta, *body, static_cast<uint8_t>(input[11]), 0,
                    reinterpret_cast<uint32_t*>(codes.data()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      ReadPart(std::string(input));
      break;
    case 1: {
      const size_t chunks = static_cast<uint8_t>(input[0]) * 16u;
      if (chunks + 1 > input.size()) break;
      ReadPart(WithTrailer(input.substr(1, chunks), input.substr(1 + chunks)));
      break;
    }
    case 2:
      Decode(input);
      break;
    case 3:
      ReadEdited(input);
      break;
    default: {
      std::string bytes(input);
      PutLittle(&bytes, Crc32c(bytes));
      const auto manifest = Manifest::Parse(bytes);
      if (manifest.ok()) HOGLET_ASSERT(manifest->Serialize() == bytes);
    }
  }
  return 0;
}
