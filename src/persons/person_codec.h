#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "src/persons/person.h"

// Keys and values of the person store's column families; the byte forms are in FORMAT.md.

namespace hoglet::person_codec {

inline constexpr uint8_t kFormatVersion = 1;
// Of the values of groups; those of version 1 are read too.
inline constexpr uint8_t kGroupVersion = 2;

// 8 bytes whose byte order is the order of the numbers.
void AppendTeam(TeamId team_id, std::string* key);
// False if the key is too short.
bool ReadTeam(std::string_view* key, TeamId* team_id);

std::string PersonKey(TeamId team_id, const Uuid& id);
bool ReadPersonKey(std::string_view key, TeamId* team_id, Uuid* id);
std::string IdKey(TeamId team_id, std::string_view distinct_id);
// The distinct ids of a person: PersonKey + distinct id.
std::string PersonIdsKey(TeamId team_id, const Uuid& person_id, std::string_view distinct_id);
std::string FlagKey(TeamId team_id, const Uuid& person_id, std::string_view flag);
std::string GroupKey(TeamId team_id, int type_index, std::string_view group_key);

// Without the team prefix.
inline std::string_view AfterTeam(std::string_view key) { return key.substr(8); }
inline std::string_view AfterPerson(std::string_view key) { return key.substr(24); }

std::string EncodePerson(const Person& person);
// `properties_json` points into `value`. kDataLoss names what is wrong.
struct PersonValue {
  int64_t created_at_us = 0;
  int64_t version = 0;
  bool is_identified = false;
  std::string_view properties_json;
};
absl::StatusOr<PersonValue> DecodePerson(std::string_view value);

std::string EncodeIdState(const IdState& state);
absl::StatusOr<IdState> DecodeIdState(std::string_view value);

std::string EncodeOverride(const Uuid& person_id, int64_t version);
absl::StatusOr<IdState> DecodeOverride(std::string_view value);

std::string EncodeGroup(const Group& group);
// Team, type and key are not in the value.
absl::StatusOr<Group> DecodeGroup(std::string_view value);

std::string EncodeGroupTypes(const std::vector<std::string>& types);
absl::StatusOr<std::vector<std::string>> DecodeGroupTypes(std::string_view value);

}  // namespace hoglet::person_codec
