#include "src/persons/person_codec.h"

#include <cstring>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/strings.h"

namespace hoglet::person_codec {
namespace {

constexpr uint64_t kSignBit = 1ull << 63;

enum IdFlag : uint8_t { kMapped = 1, kPersonless = 2, kMerged = 4, kAllIdFlags = 7 };

void AppendUuid(const Uuid& uuid, std::string* out) {
  out->append(reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size());
}

bool ReadUuid(ByteReader* in, Uuid* uuid) {
  std::string_view bytes;
  if (!in->GetBytes(uuid->bytes.size(), &bytes)) return false;
  std::memcpy(uuid->bytes.data(), bytes.data(), bytes.size());
  return true;
}

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(StrCat("damaged ", what));
}

// Reads the version byte that every value starts with.
absl::Status ReadVersion(ByteReader* in, std::string_view what, uint8_t wanted = kFormatVersion) {
  uint8_t version = 0;
  if (!in->GetLittle(&version)) return Damaged(what);
  if (version != wanted) {
    return absl::UnimplementedError(
        StrCat("person store: ", what, " of version ", version, ", this program reads ", wanted));
  }
  return absl::OkStatus();
}

std::string NewValue() { return std::string(1, static_cast<char>(kFormatVersion)); }

}  // namespace

void AppendTeam(TeamId team_id, std::string* key) {
  const uint64_t bits = static_cast<uint64_t>(team_id) ^ kSignBit;
  for (int shift = 56; shift >= 0; shift -= 8) key->push_back(static_cast<char>(bits >> shift));
}

bool ReadTeam(std::string_view* key, TeamId* team_id) {
  if (key->size() < 8) return false;
  uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits = bits << 8 | static_cast<uint8_t>((*key)[i]);
  *team_id = static_cast<TeamId>(bits ^ kSignBit);
  key->remove_prefix(8);
  return true;
}

std::string PersonKey(TeamId team_id, const Uuid& id) {
  std::string key;
  key.reserve(24);
  AppendTeam(team_id, &key);
  AppendUuid(id, &key);
  return key;
}

bool ReadPersonKey(std::string_view key, TeamId* team_id, Uuid* id) {
  if (key.size() != 24 || !ReadTeam(&key, team_id)) return false;
  std::memcpy(id->bytes.data(), key.data(), 16);
  return true;
}

std::string IdKey(TeamId team_id, std::string_view distinct_id) {
  std::string key;
  key.reserve(8 + distinct_id.size());
  AppendTeam(team_id, &key);
  key.append(distinct_id);
  return key;
}

std::string PersonIdsKey(TeamId team_id, const Uuid& person_id, std::string_view distinct_id) {
  std::string key = PersonKey(team_id, person_id);
  key.append(distinct_id);
  return key;
}

std::string FlagKey(TeamId team_id, const Uuid& person_id, std::string_view flag) {
  return PersonIdsKey(team_id, person_id, flag);
}

std::string GroupKey(TeamId team_id, int type_index, std::string_view group_key) {
  std::string key;
  key.reserve(9 + group_key.size());
  AppendTeam(team_id, &key);
  key.push_back(static_cast<char>(type_index));
  key.append(group_key);
  return key;
}

std::string EncodePerson(const Person& person) {
  std::string value = NewValue();
  value.push_back(person.is_identified ? 1 : 0);
  PutLittle(&value, person.created_at_us);
  PutLittle(&value, person.version);
  value.append(person.properties->ToJson());
  return value;
}

absl::StatusOr<PersonValue> DecodePerson(std::string_view value) {
  ByteReader in(value);
  HOGLET_RETURN_IF_ERROR(ReadVersion(&in, "person"));
  PersonValue person;
  uint8_t flags = 0;
  if (!in.GetLittle(&flags) || flags > 1 || !in.GetLittle(&person.created_at_us) ||
      !in.GetLittle(&person.version)) {
    return Damaged("person");
  }
  person.is_identified = flags != 0;
  person.properties_json = in.left();
  return person;
}

std::string EncodeIdState(const IdState& state) {
  std::string value = NewValue();
  value.push_back(static_cast<char>((state.is_mapped ? kMapped : 0) |
                                    (state.is_personless ? kPersonless : 0) |
                                    (state.is_merged ? kMerged : 0)));
  if (state.is_mapped) {
    AppendUuid(state.person_id, &value);
    PutLittle(&value, state.version);
  }
  return value;
}

absl::StatusOr<IdState> DecodeIdState(std::string_view value) {
  ByteReader in(value);
  HOGLET_RETURN_IF_ERROR(ReadVersion(&in, "distinct id"));
  uint8_t flags = 0;
  if (!in.GetLittle(&flags) || (flags & ~kAllIdFlags)) return Damaged("distinct id");
  IdState state;
  state.is_mapped = flags & kMapped;
  state.is_personless = flags & kPersonless;
  state.is_merged = flags & kMerged;
  if (state.is_mapped && (!ReadUuid(&in, &state.person_id) || !in.GetLittle(&state.version))) {
    return Damaged("distinct id");
  }
  if (!in.empty()) return Damaged("distinct id");
  return state;
}

std::string EncodeOverride(const Uuid& person_id, int64_t version) {
  std::string value = NewValue();
  AppendUuid(person_id, &value);
  PutLittle(&value, version);
  return value;
}

absl::StatusOr<IdState> DecodeOverride(std::string_view value) {
  ByteReader in(value);
  HOGLET_RETURN_IF_ERROR(ReadVersion(&in, "override"));
  IdState state;
  state.is_mapped = true;
  if (!ReadUuid(&in, &state.person_id) || !in.GetLittle(&state.version) || !in.empty()) {
    return Damaged("override");
  }
  return state;
}

std::string EncodeGroup(const Group& group) {
  std::string value(1, static_cast<char>(kGroupVersion));
  PutLittle(&value, group.created_at_us);
  PutLittle(&value, group.updated_at_us);
  PutLittle(&value, group.version);
  value.append(group.properties->ToJson());
  return value;
}

absl::StatusOr<Group> DecodeGroup(std::string_view value) {
  ByteReader in(value);
  // Before it had one, a group's last change was not kept.
  const bool is_old = value.starts_with(static_cast<char>(kFormatVersion));
  HOGLET_RETURN_IF_ERROR(ReadVersion(&in, "group", is_old ? kFormatVersion : kGroupVersion));
  Group group;
  if (!in.GetLittle(&group.created_at_us) || (!is_old && !in.GetLittle(&group.updated_at_us)) ||
      !in.GetLittle(&group.version)) {
    return Damaged("group");
  }
  if (is_old) group.updated_at_us = group.created_at_us;
  HOGLET_ASSIGN_OR_RETURN(group.properties, PropertySet::Parse(in.left()));
  return group;
}

std::string EncodeGroupTypes(const std::vector<std::string>& types) {
  std::string value = NewValue();
  PutVarint(&value, types.size());
  for (const std::string& type : types) PutString(&value, type);
  return value;
}

absl::StatusOr<std::vector<std::string>> DecodeGroupTypes(std::string_view value) {
  ByteReader in(value);
  HOGLET_RETURN_IF_ERROR(ReadVersion(&in, "group types"));
  uint64_t count = 0;
  if (!in.GetVarint(&count) || count > kGroupTypesMax) return Damaged("group types");
  std::vector<std::string> types;
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view type;
    if (!in.GetString(&type)) return Damaged("group types");
    types.emplace_back(type);
  }
  if (!in.empty()) return Damaged("group types");
  return types;
}

}  // namespace hoglet::person_codec
