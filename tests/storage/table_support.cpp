#include "tests/storage/table_support.h"

#include <algorithm>

#include "src/base/hash.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "storage/schema.h"

namespace hoglet::storage_test {

EventRow OwnedRow::View(Arena* arena, std::deque<JsonObjectView>* documents) const {
  EventRow view = row;
  view.event = event;
  view.distinct_id = distinct_id;
  view.elements_chain = elements_chain;
  HOGLET_ASSERT(ParseJsonObject(properties_json, arena, &view.properties).ok());
  if (!person_json.empty()) {
    JsonObjectView& person = documents->emplace_back();
    HOGLET_ASSERT(ParseJsonObject(person_json, arena, &person).ok());
    view.person_properties = &person;
  }
  return view;
}

std::string Describe(const OwnedRow& owned) {
  const EventRow& row = owned.row;
  return StrCat(row.team_id, "|", FormatUuid(row.uuid), "|", owned.event, "|", owned.distinct_id,
                "|", row.timestamp_us, "|", row.created_at_us, "|", row.captured_at_us, "|",
                FormatUuid(row.person_id), "|", row.person_created_at_us, "|",
                static_cast<int>(row.person_mode), "|", owned.elements_chain, "|",
                row.historical_migration ? 1 : 0, "|", row.version_us, "|", owned.properties_json,
                "|", owned.person_json.empty() ? "{}" : owned.person_json);
}

namespace {

uint64_t Below(std::mt19937_64* random, uint64_t bound) { return (*random)() % bound; }

std::string RandomText(std::mt19937_64* random, bool wild) {
  static const char* const kWords[] = {"Chrome", "Firefox", "Safari", "",    "true",
                                       "false",  "null",    "12",     "1e3", "-0.5"};
  static const char* const kPieces[] = {"a",
                                        "\"",
                                        "\\",
                                        "\n",
                                        "\t",
                                        "/",
                                        "é",
                                        "{",
                                        "\x01",
                                        "\xE2\x80\xA8",
                                        "\xF0\x9F\x98\x80",
                                        "zz",
                                        " ",
                                        "\x7f",
                                        "[",
                                        "\xE2\x82\xAC"};
  if (!wild || Below(random, 3) != 0) return kWords[Below(random, std::size(kWords))];
  std::string text;
  for (uint64_t i = Below(random, 8); i > 0; --i) {
    text += kPieces[Below(random, std::size(kPieces))];
  }
  return text;
}

void AppendRandomValue(std::mt19937_64* random, bool wild, JsonWriter* writer) {
  switch (Below(random, wild ? 12 : 4)) {
    case 0:
    case 4:
      writer->String(RandomText(random, wild));
      return;
    case 1:
      writer->Int(static_cast<int64_t>(Below(random, 300)) - 100);
      return;
    case 2:
      writer->Bool(Below(random, 2) == 0);
      return;
    case 3:
      writer->String(StrCat("user-", Below(random, 50)));
      return;
    case 5:
      writer->Null();
      return;
    case 6:
      writer->Double(static_cast<double>(Below(random, 100'000)) / 100);
      return;
    case 7:
      writer->Double(
          std::ldexp(static_cast<double>((*random)()), static_cast<int>(Below(random, 400)) - 200));
      return;
    case 8:
      writer->Int(static_cast<int64_t>((*random)()));
      return;
    case 9:
      writer->Raw(Below(random, 2) == 0 ? "[1,\"x\",null]" : "{\"a\":{\"b\":[]}}");
      return;
    case 10:
      writer->Raw(Below(random, 2) == 0 ? "[]" : "{}");
      return;
    default:
      writer->Int((int64_t{1} << 53) - 1 + static_cast<int64_t>(Below(random, 3)));
  }
}

}  // namespace

std::string RandomJsonObject(std::mt19937_64* random, int keys, bool wild) {
  JsonWriter writer;
  writer.BeginObject();
  std::vector<int> names;
  for (int i = 0; i < keys; ++i) {
    if (Below(random, 3) != 0) names.push_back(i);
  }
  if (Below(random, 4) == 0) std::shuffle(names.begin(), names.end(), *random);
  for (const int name : names) {
    // The type of a key is mostly its own.
    std::mt19937_64 own(static_cast<uint64_t>(name));
    const bool by_key = Below(random, 8) != 0;
    writer.Key(StrCat(name % 5 == 0 ? "$k" : "k", name));
    if (by_key) {
      const uint64_t kind = own() % 4;
      if (kind == 0) writer.Int(static_cast<int64_t>(Below(random, 1000)));
      if (kind == 1) writer.Bool(Below(random, 2) == 0);
      if (kind >= 2) writer.String(RandomText(random, wild));
    } else {
      AppendRandomValue(random, wild, &writer);
    }
  }
  writer.EndObject();
  // Canonical: what the parser makes of it, printed.
  Arena arena;
  JsonObjectView members;
  const std::string text = writer.Take();
  HOGLET_ASSERT(ParseJsonObject(text, &arena, &members).ok());
  return SerializeJsonObject(members);
}

OwnedRow RandomRow(std::mt19937_64* random, const RowLimits& limits, int64_t version_us) {
  OwnedRow owned;
  EventRow& row = owned.row;
  row.team_id = 1 + static_cast<int64_t>(Below(random, limits.teams));
  const uint64_t user = Below(random, limits.users);
  owned.distinct_id = StrCat("user-", user);
  owned.event = StrCat("event ", Below(random, limits.events));
  const uint64_t number = Below(random, limits.uuids);
  std::mt19937_64 uuid_random(number * 7919 + 13);
  for (uint8_t& byte : row.uuid.bytes) byte = static_cast<uint8_t>(uuid_random());
  // With few uuids the time of day differs between versions but the day follows from the uuid, so
  // that keys repeat.
  const int64_t day = static_cast<int64_t>(number % static_cast<uint64_t>(limits.days));
  const int64_t start_us = DayOf(kStartUs) * kMicrosPerDay;
  row.timestamp_us =
      start_us + day * kMicrosPerDay + static_cast<int64_t>(Below(random, 86'400'000'000ull));
  row.created_at_us = version_us + 5;
  row.captured_at_us = version_us - 7;
  std::mt19937_64 person_random(user);
  for (uint8_t& byte : row.person_id.bytes) byte = static_cast<uint8_t>(person_random());
  row.person_created_at_us = kStartUs - static_cast<int64_t>(user) * 1'000'000;
  row.person_mode = static_cast<PersonMode>(Below(random, 3));
  row.historical_migration = Below(random, 20) == 0;
  row.version_us = version_us;
  if (Below(random, 5) == 0) owned.elements_chain = StrCat("a:", Below(random, 100));
  owned.properties_json = RandomJsonObject(random, limits.keys, limits.wild_json);
  std::mt19937_64 person_json(user * 31 + Below(random, 3));
  if (Below(random, 6) != 0) {
    owned.person_json = RandomJsonObject(&person_json, limits.keys / 2, limits.wild_json);
  }
  return owned;
}

absl::Status InsertRows(EventTable* table, const std::vector<OwnedRow>& rows) {
  Arena arena;
  std::deque<JsonObjectView> documents;
  std::vector<EventRow> views;
  for (const OwnedRow& row : rows) views.push_back(row.View(&arena, &documents));
  return table->Insert(views);
}

absl::Status SealAndFlush(EventTable* table, uint64_t offset) {
  if (!table->HasSealed()) HOGLET_RETURN_IF_ERROR(table->Seal(offset));
  return table->FlushSealed();
}

void TableModel::Insert(const OwnedRow& row) {
  const std::string key = StrCat(row.row.team_id, "|", DayOf(row.row.timestamp_us), "|", row.event,
                                 "|", row.distinct_id, "|", FormatUuid(row.row.uuid));
  const auto found = rows_.find(key);
  if (found != rows_.end() && found->second.row.version_us > row.row.version_us) return;
  rows_[key] = row;
}

std::vector<std::string> TableModel::Rows(TeamId team) const {
  std::vector<std::string> rows;
  for (const auto& [key, row] : rows_) {
    if (row.row.team_id == team) rows.push_back(Describe(row));
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

absl::StatusOr<std::vector<std::string>> ScanAll(const EventTable& table, TeamId team,
                                                 const ScanFilter& filter) {
  static const char* const kNames[] = {"team_id",     "uuid",           "event",
                                       "distinct_id", "timestamp",      "created_at",
                                       "captured_at", "person_id",      "person_created_at",
                                       "person_mode", "elements_chain", "historical_migration",
                                       "_timestamp",  "properties",     "person_properties"};
  HOGLET_ASSIGN_OR_RETURN(auto scan, table.OpenScan(team, filter));
  std::vector<std::string> rows;
  for (size_t i = 0; i < scan->granule_count(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(auto granule, scan->OpenGranule(i));
    std::vector<Vector> columns;
    for (const char* name : kNames) {
      HOGLET_ASSIGN_OR_RETURN(Vector column, granule->Read(ColumnRef{name, "", {}}));
      HOGLET_ASSERT(column.size() == granule->rows());
      columns.push_back(std::move(column));
    }
    Selection all;
    for (size_t row = 0; row < granule->rows(); ++row) all.push_back(static_cast<uint16_t>(row));
    const Selection& live = granule->live() == nullptr ? all : *granule->live();
    for (const uint16_t row : live) {
      std::string text;
      for (size_t c = 0; c < columns.size(); ++c) {
        const Datum value = columns[c].Get(row);
        if (c > 0) text += "|";
        if (columns[c].type().kind() == TypeKind::kUuid) {
          text += FormatUuid(Int128ToUuid(value.wide()));
        } else if (columns[c].type().IsStringLike()) {
          text += value.string();
        } else {
          text += StrCat(value.integer());
        }
      }
      rows.push_back(std::move(text));
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

EventTable::Options SmallOptions() {
  EventTable::Options options;
  options.background_merges = false;
  options.granule_rows = 16;
  options.json_keys_max = 8;
  return options;
}

}  // namespace hoglet::storage_test
