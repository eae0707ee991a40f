#include "src/metadata/object_rows.h"

#include <cstring>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/strings.h"

namespace hoglet::object_rows {
namespace {

constexpr uint64_t kSignBit = 1ull << 63;

void PutBig(uint64_t value, std::string* key) {
  for (int shift = 56; shift >= 0; shift -= 8) key->push_back(static_cast<char>(value >> shift));
}
void PutSigned(int64_t value, std::string* key) {
  PutBig(static_cast<uint64_t>(value) ^ kSignBit, key);
}

bool GetBig(std::string_view* key, uint64_t* value) {
  if (key->size() < 8) return false;
  *value = 0;
  for (int i = 0; i < 8; ++i) *value = *value << 8 | static_cast<uint8_t>((*key)[i]);
  key->remove_prefix(8);
  return true;
}
bool GetSigned(std::string_view* key, int64_t* value) {
  uint64_t bits = 0;
  if (!GetBig(key, &bits)) return false;
  *value = static_cast<int64_t>(bits ^ kSignBit);
  return true;
}
bool GetKind(std::string_view* key, ObjectKind* kind) {
  if (key->empty()) return false;
  *kind = static_cast<ObjectKind>(key->front());
  key->remove_prefix(1);
  return true;
}

std::string Begin(Table table, TeamId project) {
  std::string key(1, static_cast<char>(table));
  PutSigned(project, &key);
  return key;
}

std::string BeginValue() { return std::string(1, static_cast<char>(kValueVersion)); }

absl::Status OpenValue(std::string_view value, std::string_view* rest) {
  if (value.empty()) return absl::DataLossError("an empty value");
  if (static_cast<uint8_t>(value[0]) > kValueVersion) {
    return absl::UnimplementedError(StrCat("a value of version ", static_cast<uint8_t>(value[0]),
                                           ", this program reads ", kValueVersion));
  }
  if (static_cast<uint8_t>(value[0]) != kValueVersion)
    return absl::DataLossError("a value without a version");
  *rest = value.substr(1);
  return absl::OkStatus();
}

bool GetText(ByteReader* in, std::string* out) {
  std::string_view text;
  if (!in->GetString(&text)) return false;
  *out = std::string(text);
  return true;
}

}  // namespace

std::string FormatKey() { return std::string(1, static_cast<char>(Table::kFormat)); }

std::string NextIdKey(TeamId project, ObjectKind kind) {
  std::string key = Begin(Table::kNextIds, project);
  key.push_back(static_cast<char>(kind));
  return key;
}

std::string ObjectKey(TeamId project, ObjectKind kind, int64_t id) {
  std::string key = Begin(Table::kObjects, project);
  key.push_back(static_cast<char>(kind));
  PutSigned(id, &key);
  return key;
}

std::string CohortKey(TeamId project, int64_t cohort_id) {
  std::string key = Begin(Table::kCohorts, project);
  PutSigned(cohort_id, &key);
  return key;
}

std::string MembersKey(TeamId project, int64_t cohort_id, const Uuid& first) {
  std::string key = Begin(Table::kMembers, project);
  PutSigned(cohort_id, &key);
  key.append(reinterpret_cast<const char*>(first.bytes.data()), first.bytes.size());
  return key;
}

std::string ActivityPrefix(TeamId project) { return Begin(Table::kActivity, project); }

std::string SubjectPrefix(TeamId project, std::string_view scope, std::string_view item_id) {
  std::string key = Begin(Table::kActivityBySubject, project);
  PutString(&key, scope);
  PutString(&key, item_id);
  return key;
}

std::string Numbered(std::string prefix, uint64_t number) {
  PutBig(number, &prefix);
  return prefix;
}

uint64_t NumberOf(std::string_view key) {
  uint64_t number = 0;
  if (key.size() < 8) return 0;
  key.remove_prefix(key.size() - 8);
  GetBig(&key, &number);
  return number;
}

bool ParseKey(std::string_view key, RowKey* out) {
  if (key.empty()) return false;
  out->table = static_cast<Table>(key.front());
  key.remove_prefix(1);
  if (out->table == Table::kFormat) return key.empty();
  if (!GetSigned(&key, &out->project)) return false;
  switch (out->table) {
    case Table::kObjects:
      return GetKind(&key, &out->kind) && GetSigned(&key, &out->id) && key.empty();
    case Table::kNextIds:
      return GetKind(&key, &out->kind) && key.empty();
    case Table::kCohorts:
      return GetSigned(&key, &out->id) && key.empty();
    case Table::kMembers:
      if (!GetSigned(&key, &out->id) || key.size() != 16) return false;
      std::memcpy(out->first.bytes.data(), key.data(), 16);
      return true;
    case Table::kActivity:
      return key.size() == 8;
    case Table::kActivityBySubject:
      return key.size() >= 10;
    case Table::kFormat:
      break;
  }
  return false;
}

std::string EncodeNumber(uint64_t value) {
  std::string out = BeginValue();
  PutLittle(&out, value);
  return out;
}

std::string EncodeJson(std::string_view json) { return BeginValue().append(json); }

std::string EncodeMembers(const Uuid* persons, size_t count) {
  static_assert(sizeof(Uuid) == 16);
  return BeginValue().append(reinterpret_cast<const char*>(persons), count * sizeof(Uuid));
}

std::string EncodeActivity(const Activity& activity) {
  std::string out = BeginValue();
  PutLittle(&out, activity.created_at_us);
  PutLittle(&out, activity.user_id);
  for (const std::string* text : {&activity.id, &activity.scope, &activity.item_id,
                                  &activity.activity, &activity.detail_json}) {
    PutString(&out, *text);
  }
  return out;
}

absl::Status DecodeNumber(std::string_view value, uint64_t* out) {
  std::string_view rest;
  HOGLET_RETURN_IF_ERROR(OpenValue(value, &rest));
  ByteReader in(rest);
  if (!in.GetLittle(out) || !in.empty()) return absl::DataLossError("a damaged number");
  return absl::OkStatus();
}

absl::Status DecodeJson(std::string_view value, std::string* out) {
  std::string_view rest;
  HOGLET_RETURN_IF_ERROR(OpenValue(value, &rest));
  *out = std::string(rest);
  return absl::OkStatus();
}

absl::Status DecodeMembers(std::string_view value, std::vector<Uuid>* out) {
  std::string_view rest;
  HOGLET_RETURN_IF_ERROR(OpenValue(value, &rest));
  if (rest.empty() || rest.size() % sizeof(Uuid) != 0) {
    return absl::DataLossError("members cut short");
  }
  for (; !rest.empty(); rest.remove_prefix(sizeof(Uuid))) {
    Uuid person;
    std::memcpy(person.bytes.data(), rest.data(), sizeof(Uuid));
    if (!out->empty() && !(out->back().bytes < person.bytes)) {
      return absl::DataLossError("members out of order");
    }
    out->push_back(person);
  }
  return absl::OkStatus();
}

absl::Status DecodeActivity(std::string_view value, Activity* out) {
  std::string_view rest;
  HOGLET_RETURN_IF_ERROR(OpenValue(value, &rest));
  ByteReader in(rest);
  if (!in.GetLittle(&out->created_at_us) || !in.GetLittle(&out->user_id) ||
      !GetText(&in, &out->id) || !GetText(&in, &out->scope) || !GetText(&in, &out->item_id) ||
      !GetText(&in, &out->activity) || !GetText(&in, &out->detail_json) || !in.empty()) {
    return absl::DataLossError("a damaged line of the activity log");
  }
  return absl::OkStatus();
}

}  // namespace hoglet::object_rows
