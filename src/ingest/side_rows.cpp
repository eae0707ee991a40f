#include "src/ingest/side_rows.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/hash.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr uint8_t kVersion = 1;
constexpr int64_t kHourUs = 3'600'000'000;
constexpr uint8_t kNoGroupType = 255;
constexpr uint8_t kNoPropertyType = 255;

// Byte order of the result is the order of the numbers.
void PutOrdered(uint64_t value, std::string* key) {
  for (int shift = 56; shift >= 0; shift -= 8) key->push_back(static_cast<char>(value >> shift));
}
void PutOrdered(int64_t value, std::string* key) {
  PutOrdered(static_cast<uint64_t>(value) ^ (uint64_t{1} << 63), key);
}

std::string Prefix(char kind, TeamId team_id) {
  std::string key(1, kind);
  PutOrdered(team_id, &key);
  return key;
}

std::string TimedKey(char kind, const SideRows::Origin& origin, int64_t timestamp_us) {
  std::string key = Prefix(kind, origin.team_id);
  PutOrdered(timestamp_us, &key);
  PutOrdered(origin.offset, &key);
  for (int shift = 24; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(origin.number >> shift));
  }
  return key;
}

// -- Values --

class Writer {
 public:
  Writer() : bytes_(1, static_cast<char>(kVersion)) {}
  Writer& Int(int64_t value) {
    PutVarint(&bytes_, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
    return *this;
  }
  Writer& Text(std::string_view text) {
    PutString(&bytes_, text);
    return *this;
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : in_(bytes) {
    uint8_t version = 0;
    ok_ = in_.GetLittle(&version) && version == kVersion;
  }
  Reader& Int(int64_t* value) {
    uint64_t coded = 0;
    ok_ = ok_ && in_.GetVarint(&coded);
    *value = static_cast<int64_t>(coded >> 1) ^ -static_cast<int64_t>(coded & 1);
    return *this;
  }
  Reader& Text(std::string* text) {
    std::string_view view;
    ok_ = ok_ && in_.GetString(&view);
    *text = std::string(view);
    return *this;
  }
  // Whether all was there and nothing is left.
  bool Done() const { return ok_ && in_.empty(); }

 private:
  ByteReader in_;
  bool ok_ = false;
};

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(StrCat("person store: damaged side row of ", what));
}

std::string Encode(const HeatmapRow& row) {
  return Writer()
      .Text(row.session_id)
      .Text(row.distinct_id)
      .Int(row.timestamp_us)
      .Int(row.x)
      .Int(row.y)
      .Int(row.scale_factor)
      .Int(row.viewport_width)
      .Int(row.viewport_height)
      .Int(row.pointer_target_fixed)
      .Text(row.current_url)
      .Text(row.type)
      .Take();
}

bool Decode(std::string_view bytes, HeatmapRow* row) {
  int64_t fixed = 0;
  Reader in(bytes);
  in.Text(&row->session_id)
      .Text(&row->distinct_id)
      .Int(&row->timestamp_us)
      .Int(&row->x)
      .Int(&row->y)
      .Int(&row->scale_factor)
      .Int(&row->viewport_width)
      .Int(&row->viewport_height)
      .Int(&fixed)
      .Text(&row->current_url)
      .Text(&row->type);
  row->pointer_target_fixed = fixed != 0;
  return in.Done();
}

std::string Encode(const WarningRow& row) {
  return Writer().Text(row.type).Text(row.details).Int(row.timestamp_us).Take();
}

bool Decode(std::string_view bytes, WarningRow* row) {
  return Reader(bytes).Text(&row->type).Text(&row->details).Int(&row->timestamp_us).Done();
}

std::string Encode(const EventDefinition& definition) {
  return Writer().Int(definition.created_at_us).Int(definition.last_seen_at_us).Take();
}

bool Decode(std::string_view bytes, EventDefinition* definition) {
  return Reader(bytes).Int(&definition->created_at_us).Int(&definition->last_seen_at_us).Done();
}

std::string EncodeType(std::optional<DefinitionType> type) {
  return Writer().Int(type.has_value() ? static_cast<int64_t>(*type) : kNoPropertyType).Take();
}

bool DecodeType(std::string_view bytes, std::optional<DefinitionType>* type) {
  int64_t code = 0;
  if (!Reader(bytes).Int(&code).Done()) return false;
  type->reset();
  if (code != kNoPropertyType) *type = static_cast<DefinitionType>(code);
  return code == kNoPropertyType ||
         (code >= 0 && code <= static_cast<int64_t>(kLastDefinitionType));
}

std::string PropertyKey(TeamId project_id, DefinitionKind kind, int group_type_index,
                        std::string_view name) {
  std::string key = Prefix('p', project_id);
  key.push_back(static_cast<char>(kind));
  key.push_back(static_cast<char>(kind == DefinitionKind::kGroupProperty && group_type_index >= 0
                                      ? group_type_index
                                      : kNoGroupType));
  key += name;
  return key;
}

// The decoded rows of a kind from a moment on.
template <typename Row>
RecordWalk<Row> FreezeTimed(const PersonStore& store, char kind, std::string_view what,
                            TeamId team_id, int64_t from_us) {
  std::string begin;
  PutOrdered(from_us, &begin);
  return [walk = store.FreezeRows(Prefix(kind, team_id), begin), what](std::string_view from,
                                                                       const auto& visit) {
    absl::Status status;
    const absl::Status walked = walk(from, [&](std::string_view key, std::string_view value) {
      Row row;
      if (Decode(value, &row)) return visit(key, row);
      status = Damaged(what);
      return false;
    });
    return status.ok() ? walked : status;
  };
}

}  // namespace

void SideRows::AddHeatmap(const Origin& origin, const HeatmapRow& row) {
  store_->PutRow(TimedKey('h', origin, row.timestamp_us), Encode(row));
}

void SideRows::PutWarning(const Origin& origin, const WarningRow& row) {
  store_->PutRow(TimedKey('w', origin, row.timestamp_us), Encode(row));
}

absl::Status SideRows::PutFirstWarning(const Origin& origin, const WarningRow& row,
                                       std::string_view limit_key) {
  // One key an hour: whoever comes first has it, also when the record is applied again.
  const int64_t hour_us = row.timestamp_us - ((row.timestamp_us % kHourUs) + kHourUs) % kHourUs;
  const Origin hour{origin.team_id, FastHash64(StrCat(row.type, "\n", limit_key)),
                    std::numeric_limits<uint32_t>::max()};
  std::string key = TimedKey('w', hour, hour_us);
  HOGLET_ASSIGN_OR_RETURN(const auto present, store_->LookupRow(key));
  if (!present.has_value()) store_->PutRow(std::move(key), Encode(row));
  return absl::OkStatus();
}

absl::Status SideRows::SeeEvent(TeamId project_id, std::string_view name, int64_t now_us) {
  std::string key = Prefix('e', project_id);
  key += name;
  HOGLET_ASSIGN_OR_RETURN(const auto present, store_->LookupRow(key));
  EventDefinition definition;
  if (present.has_value() && !Decode(*present, &definition)) return Damaged("an event definition");
  if (!present.has_value()) definition.created_at_us = now_us;
  if (present.has_value() && now_us < definition.last_seen_at_us + kHourUs) return absl::OkStatus();
  definition.last_seen_at_us = now_us;
  store_->PutRow(std::move(key), Encode(definition));
  return absl::OkStatus();
}

absl::Status SideRows::AddDefinition(TeamId project_id, const SeenDefinition& seen,
                                     int group_type_index, int64_t now_us) {
  if (seen.kind == DefinitionKind::kEvent) return SeeEvent(project_id, seen.event, now_us);
  if (seen.kind == DefinitionKind::kEventPropertyPair) {
    std::string key = Prefix('x', project_id);
    key += seen.event;
    key.push_back('\0');
    key += seen.property;
    HOGLET_ASSIGN_OR_RETURN(const auto present, store_->LookupRow(key));
    if (!present.has_value()) store_->PutRow(std::move(key), Writer().Take());
    return absl::OkStatus();
  }
  std::string key = PropertyKey(project_id, seen.kind, group_type_index, seen.property);
  HOGLET_ASSIGN_OR_RETURN(const auto present, store_->LookupRow(key));
  std::optional<DefinitionType> type;
  if (present.has_value() && !DecodeType(*present, &type)) return Damaged("a property definition");
  // The first type that is known stays.
  if (present.has_value() && (type.has_value() || !seen.type.has_value())) return absl::OkStatus();
  store_->PutRow(std::move(key), EncodeType(seen.type));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SideRows::Expire(TeamId team_id, int64_t before_us, uint64_t rows_max) {
  uint64_t removed = 0;
  for (const char kind : {'h', 'w'}) {
    const std::string prefix = Prefix(kind, team_id);
    std::string end = prefix;
    PutOrdered(before_us, &end);
    std::vector<std::string> keys;
    HOGLET_RETURN_IF_ERROR(
        store_->VisitRows(prefix, prefix, [&](std::string_view key, std::string_view) {
          if (key >= end || keys.size() >= rows_max) return false;
          keys.emplace_back(key);
          return true;
        }));
    removed += keys.size();
    for (std::string& key : keys) store_->PutRow(std::move(key), std::nullopt);
  }
  return removed;
}

RecordWalk<HeatmapRow> SideRows::FreezeHeatmaps(TeamId team_id, int64_t from_us) const {
  return FreezeTimed<HeatmapRow>(*store_, 'h', "a heatmap", team_id, from_us);
}

absl::Status SideRows::VisitHeatmaps(TeamId team_id, int64_t from_us,
                                     const std::function<bool(const HeatmapRow&)>& visit) const {
  return FreezeHeatmaps(team_id, from_us)(
      "", [&](std::string_view, const HeatmapRow& row) { return visit(row); });
}

RecordWalk<WarningRow> SideRows::FreezeWarnings(TeamId team_id, int64_t from_us) const {
  // The key of a limited warning has the hour it came in.
  const int64_t begin_us = std::max(from_us, std::numeric_limits<int64_t>::min() + kHourUs);
  return [walk = FreezeTimed<WarningRow>(*store_, 'w', "a warning", team_id, begin_us - kHourUs),
          from_us](std::string_view begin, const auto& visit) {
    return walk(begin, [&](std::string_view key, const WarningRow& row) {
      return row.timestamp_us < from_us || visit(key, row);
    });
  };
}

absl::Status SideRows::VisitWarnings(TeamId team_id, int64_t from_us,
                                     const std::function<bool(const WarningRow&)>& visit) const {
  return FreezeWarnings(team_id, from_us)(
      "", [&](std::string_view, const WarningRow& row) { return visit(row); });
}

absl::Status SideRows::VisitEventDefinitions(
    TeamId project_id, const std::function<bool(const EventDefinition&)>& visit) const {
  const std::string prefix = Prefix('e', project_id);
  absl::Status status;
  HOGLET_RETURN_IF_ERROR(
      store_->VisitRows(prefix, prefix, [&](std::string_view key, std::string_view value) {
        EventDefinition definition;
        definition.name = std::string(key.substr(prefix.size()));
        if (Decode(value, &definition)) return visit(definition);
        status = Damaged("an event definition");
        return false;
      }));
  return status;
}

absl::Status SideRows::VisitPropertyDefinitions(
    TeamId project_id, const std::function<bool(const PropertyDefinition&)>& visit) const {
  const std::string prefix = Prefix('p', project_id);
  absl::Status status;
  HOGLET_RETURN_IF_ERROR(
      store_->VisitRows(prefix, prefix, [&](std::string_view key, std::string_view value) {
        PropertyDefinition definition;
        key.remove_prefix(prefix.size());
        if (key.size() < 2 || !DecodeType(value, &definition.type)) {
          status = Damaged("a property definition");
          return false;
        }
        definition.kind = static_cast<DefinitionKind>(key[0]);
        const auto index = static_cast<uint8_t>(key[1]);
        definition.group_type_index = index == kNoGroupType ? -1 : index;
        definition.name = std::string(key.substr(2));
        return visit(definition);
      }));
  return status;
}

absl::StatusOr<std::optional<DefinitionType>> SideRows::FindPropertyType(
    TeamId project_id, DefinitionKind kind, int group_type_index, std::string_view name) const {
  HOGLET_ASSIGN_OR_RETURN(const auto value,
                          store_->LookupRow(PropertyKey(project_id, kind, group_type_index, name)));
  std::optional<DefinitionType> type;
  if (value.has_value() && !DecodeType(*value, &type)) return Damaged("a property definition");
  return type;
}

absl::Status SideRows::VisitEventProperties(
    TeamId project_id, std::string_view event,
    const std::function<bool(std::string_view)>& visit) const {
  std::string prefix = Prefix('x', project_id);
  prefix += event;
  prefix.push_back('\0');
  return store_->VisitRows(prefix, prefix, [&](std::string_view key, std::string_view) {
    return visit(key.substr(prefix.size()));
  });
}

}  // namespace hoglet
