#include "src/api/person_json.h"

#include <algorithm>
#include <utility>

#include "src/base/arena.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"

namespace hoglet {
namespace {

constexpr const char* kNameProperties[] = {"email", "Email",    "$email",   "name",
                                           "Name",  "username", "Username", "UserName"};

// Of text, numbers and booleans; empty for anything else.
std::string TextOf(const JsonObjectView& properties, std::string_view key) {
  const JsonMember* member = FindJsonMember(properties, key);
  if (member == nullptr || member->kind == JsonKind::kNull || member->kind == JsonKind::kRaw)
    return "";
  if (member->kind == JsonKind::kString) return std::string(member->text);
  std::string text;
  AppendJsonValue(*member, &text);
  return text;
}

void AppendCsvField(std::string_view text, std::string* out) {
  const bool is_plain = text.find_first_of(",\"\r\n") == std::string_view::npos;
  if (is_plain) {
    *out += text;
    return;
  }
  *out += '"';
  for (const char c : text) {
    if (c == '"') *out += '"';
    *out += c;
  }
  *out += '"';
}

}  // namespace

ShownPerson ShowPerson(PersonRecord record, std::vector<std::string> distinct_ids) {
  ShownPerson person;
  std::stable_partition(distinct_ids.begin(), distinct_ids.end(),
                        [](const std::string& id) { return !ParseUuid(id).has_value(); });
  Arena arena;
  JsonObjectView properties;
  if (ParseJsonObject(record.properties, &arena, &properties).ok()) {
    person.email = TextOf(properties, "email");
    for (const char* key : kNameProperties) {
      if (person.name.empty()) person.name = TextOf(properties, key);
    }
  }
  if (person.name.empty())
    person.name = distinct_ids.empty() ? FormatUuid(record.id) : distinct_ids[0];
  person.record = std::move(record);
  person.distinct_ids = std::move(distinct_ids);
  return person;
}

void WritePersonRow(const ShownPerson& person, size_t ids_max, JsonWriter* json) {
  const std::string id = FormatUuid(person.record.id);
  json->BeginObject().Field("type", "person").Field("id", id).Field("uuid", id);
  json->Field("name", person.name).Key("distinct_ids").BeginArray();
  for (size_t i = 0; i < std::min(ids_max, person.distinct_ids.size()); ++i)
    json->String(person.distinct_ids[i]);
  json->EndArray().Key("properties").Raw(person.record.properties);
  json->Field("created_at", FormatRfc3339(person.record.created_at_us, 6))
      .Field("is_identified", person.record.is_identified);
  json->Key("matched_recordings").BeginArray().EndArray();
  json->Key("value_at_data_point").Null().EndObject();
}

std::string PersonCsvHeader() { return "id,email,name,created_at,properties,distinct_ids\r\n"; }

void AppendPersonCsv(const ShownPerson& person, std::string* out) {
  JsonWriter ids;
  ids.BeginArray();
  for (const std::string& id : person.distinct_ids) ids.String(id);
  ids.EndArray();
  const std::string fields[] = {FormatUuid(person.record.id),
                                person.email,
                                person.name,
                                FormatRfc3339(person.record.created_at_us, 6),
                                person.record.properties,
                                ids.Take()};
  for (size_t i = 0; i < std::size(fields); ++i) {
    if (i > 0) *out += ',';
    AppendCsvField(fields[i], out);
  }
  *out += "\r\n";
}

}  // namespace hoglet
