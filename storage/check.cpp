// EventTable::Check: reads everything a table has on disk and holds it against its own rules.

#include <map>

#include "absl/container/flat_hash_set.h"
#include "src/base/strings.h"
#include "storage/document_reader.h"
#include "storage/event_table.h"
#include "storage/row_source.h"

namespace hoglet {

namespace {

using KeySet = absl::flat_hash_set<uint64_t>;

IndexKey IndexKeyOf(const RowSortKey& key) {
  return {key.team_id, key.day, std::string(key.event), key.distinct_id_hash};
}

// Order of rows, index, filters and uniqueness of one part's keys. `keys` holds those of the
// partition so far.
absl::Status CheckRows(const Part& part, const RowMask* mask, uint32_t shards, KeySet* keys) {
  const PartFooter& footer = part.footer();
  const auto fault = [&](size_t granule, const char* what) {
    return absl::DataLossError(StrCat(part.path(), ": granule ", granule, ": ", what));
  };
  RowSortKey previous;
  std::string previous_event;
  for (size_t granule = 0; granule < footer.granules(); ++granule) {
    HOGLET_ASSIGN_OR_RETURN(const GranuleKeys granule_keys, ReadGranuleKeys(part, granule));
    HOGLET_ASSIGN_OR_RETURN(const Vector ids,
                            part.ReadColumn(part.FindPlain(kDistinctIdColumn), granule));
    const VectorReader<std::string_view> distinct_ids(ids);
    const uint32_t begin = footer.granule_begin[granule];
    for (size_t row = 0; row < granule_keys.size(); ++row) {
      const RowSortKey key = granule_keys.SortKeyAt(row);
      if (begin + row > 0 && key < previous) return fault(granule, "rows are not in order");
      previous = key;
      previous_event = key.event;
      previous.event = previous_event;
      if (row == 0 && IndexKeyOf(key) != footer.first_keys[granule]) {
        return fault(granule, "index differs from the first row");
      }
      if (row + 1 == granule_keys.size() && IndexKeyOf(key) != footer.last_keys[granule]) {
        return fault(granule, "index differs from the last row");
      }
      if (MonthOf(key.timestamp_us) != footer.month) return fault(granule, "row of another month");
      if (SipHash64(distinct_ids.at(row)) % shards != footer.shard) {
        return fault(granule, "row of another shard");
      }
      RowKey row_key = granule_keys.KeyWithoutUuid(row);
      row_key.uuid_hash = key.uuid_hash;
      const uint64_t hash = row_key.Hash();
      if (!part.KeyMayBePresent(hash)) return fault(granule, "key filter lacks a key");
      if (!part.DistinctIdMayBePresent(granule, key.distinct_id_hash)) {
        return fault(granule, "distinct_id filter lacks a key");
      }
      if (!part.UuidMayBePresent(granule, key.uuid_hash)) {
        return fault(granule, "uuid filter lacks a key");
      }
      if (mask != nullptr && mask->Contains(begin + static_cast<uint32_t>(row))) continue;
      if (!keys->insert(hash).second) return fault(granule, "two rows have one key");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckDocuments(const Part& part) {
  for (int i = 0; i < kJsonColumnCount; ++i) {
    const auto column = static_cast<JsonColumn>(i);
    const JsonInfo& json = part.footer().json[i];
    JsonObjectView members;
    for (size_t granule = 0; granule + 1 < json.document_begin.size(); ++granule) {
      HOGLET_ASSIGN_OR_RETURN(auto reader, DocumentReader::Open(part, column, granule));
      for (size_t document = 0; document < reader->documents(); ++document) {
        HOGLET_RETURN_IF_ERROR(reader->Read(document, &members));
        reader->ReleaseTexts();
      }
    }
    if (!json.is_shared) continue;
    const int numbers = part.FindColumn(ColumnKind::kJsonDocument, column);
    for (const ChunkMeta& chunk : part.footer().columns[numbers].chunks) {
      if (!chunk.has_range() || chunk.min < 0 || chunk.max >= json.documents()) {
        return absl::DataLossError(part.path() + ": a row names no document");
      }
    }
  }
  return absl::OkStatus();
}

void CountColumns(const Part& part, EventTable::CheckReport* counts) {
  uint64_t columns_bytes = 0;
  const auto& columns = part.footer().columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    uint64_t bytes = columns[i].dictionary.repeats > 0 ? 0 : columns[i].dictionary.stored_bytes;
    for (const ChunkMeta& chunk : columns[i].chunks) {
      bytes += chunk.repeats > 0 ? 0 : chunk.stored_bytes;
    }
    counts->column_bytes[part.ColumnName(static_cast<int>(i))] += bytes;
    columns_bytes += bytes;
  }
  counts->column_bytes["(filters and footers)"] += part.file_bytes() - columns_bytes;
}

}  // namespace

absl::StatusOr<EventTable::CheckReport> EventTable::Check(
    Env* env, const std::string& directory, const std::function<void(const std::string&)>& report) {
  CheckReport counts;
  const auto fault = [&](const absl::Status& status) {
    ++counts.faults;
    report(std::string(status.message()));
  };
  HOGLET_ASSIGN_OR_RETURN(auto lock, env->Lock(directory + "/LOCK"));
  const std::string manifest_path = directory + "/" + kManifestName;
  HOGLET_ASSIGN_OR_RETURN(std::string bytes, env->ReadWholeFile(manifest_path));
  counts.bytes += bytes.size();
  const absl::StatusOr<Manifest> manifest = Manifest::Parse(bytes);
  if (!manifest.ok()) {
    fault(absl::DataLossError(StrCat(manifest_path, ": ", manifest.status().message())));
    return counts;
  }
  std::map<std::pair<int32_t, uint32_t>, std::vector<uint64_t>> partitions;
  for (const auto& [id, part] : manifest->parts) {
    partitions[{part.month, part.shard}].push_back(id);
  }
  VectorCache cache(64 << 20);
  for (const auto& [partition, ids] : partitions) {
    KeySet keys;
    for (const uint64_t id : ids) {
      const Manifest::PartEntry& entry = manifest->parts.at(id);
      ++counts.parts;
      auto part = Part::Open(env, directory + "/" + PartFileName(id), id, &cache);
      if (!part.ok()) {
        fault(part.status());
        continue;
      }
      counts.rows += (*part)->rows();
      counts.bytes += (*part)->file_bytes();
      CountColumns(**part, &counts);
      counts.masked_rows += entry.mask == nullptr ? 0 : entry.mask->count();
      absl::Status status = (*part)->VerifyChecksums();
      if ((*part)->rows() != entry.rows || (*part)->file_bytes() != entry.file_bytes ||
          (*part)->footer().shard != entry.shard || (*part)->footer().month != entry.month) {
        status.Update(
            absl::DataLossError((*part)->path() + ": is not the part that the manifest names"));
      }
      if (status.ok()) status = CheckRows(**part, entry.mask.get(), manifest->shards, &keys);
      if (status.ok()) status = CheckDocuments(**part);
      if (!status.ok()) fault(status);
    }
  }
  return counts;
}

}  // namespace hoglet
