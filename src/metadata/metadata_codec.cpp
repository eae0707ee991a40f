#include "src/metadata/metadata_codec.h"

#include "absl/strings/str_format.h"
#include "include/hoglet/status.h"
#include "src/base/arena.h"
#include "src/base/crc32c.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"

namespace hoglet {
namespace {

constexpr int kVersion = 1;
constexpr std::string_view kMagic = "hoglet-metadata ";

void WriteProject(const Project& project, JsonWriter* json) {
  json->BeginObject()
      .Field("id", project.id)
      .Field("uuid", FormatUuid(project.uuid))
      .Field("name", project.name)
      .Field("api_token", project.api_token)
      .Field("secret_api_token", project.secret_api_token)
      .Field("secret_api_token_backup", project.secret_api_token_backup)
      .Field("timezone", project.timezone)
      .Field("week_start_day", project.week_start_day)
      .Field("anonymize_ips", project.anonymize_ips)
      .Field("person_processing_opt_out", project.is_person_processing_opted_out)
      .Field("drop_events_older_than_seconds", project.drop_events_older_than_s)
      .Field("cookieless_server_hash_mode", project.cookieless_server_hash_mode)
      .Field("events_retention_days", project.events_retention_days)
      .Field("created_at_us", project.created_at_us);
  if (project.heatmaps_opt_in.has_value()) {
    json->Field("heatmaps_opt_in", *project.heatmaps_opt_in);
  }
  for (const auto& [name, is_on] : project.sdk_switches) json->Field(name, is_on);
  json->Key("modifiers").Raw(project.modifiers_json).EndObject();
}

void WriteUser(const User& user, JsonWriter* json) {
  json->BeginObject()
      .Field("id", user.id)
      .Field("uuid", FormatUuid(user.uuid))
      .Field("email", user.email)
      .Field("first_name", user.first_name)
      .Field("created_at_us", user.created_at_us)
      .EndObject();
}

void WriteKey(const PersonalApiKey& key, JsonWriter* json) {
  json->BeginObject()
      .Field("id", key.id)
      .Field("label", key.label)
      .Field("sha256", key.sha256_hex)
      .Field("mask", key.mask)
      .Field("created_at_us", key.created_at_us)
      .Field("user_id", key.user_id)
      .Field("last_used_at_us", key.last_used_at_us)
      .Field("last_rolled_at_us", key.last_rolled_at_us);
  json->Key("scopes").BeginArray();
  for (const std::string& scope : key.scopes) json->String(scope);
  json->EndArray().Key("scoped_teams").BeginArray();
  for (const TeamId team : key.scoped_teams) json->Int(team);
  json->EndArray().Key("scoped_organizations").BeginArray();
  for (const std::string& organization : key.scoped_organizations) json->String(organization);
  json->EndArray().EndObject();
}

// Reads the members of one object, remembering whether any was missing or of another kind.
class FieldReader {
 public:
  FieldReader(std::string_view json, Arena* arena)
      : arena_(arena), is_ok_(ParseJsonObject(json, arena, &members_).ok()) {}

  int64_t Int(std::string_view key) {
    const JsonMember* member = Find(key, JsonKind::kInt64);
    return member ? member->integer : 0;
  }
  bool Has(std::string_view key) const { return FindJsonMember(members_, key) != nullptr; }
  int64_t IntOr(std::string_view key, int64_t otherwise) { return Has(key) ? Int(key) : otherwise; }
  bool Bool(std::string_view key) {
    const JsonMember* member = Find(key, JsonKind::kBool);
    return member && member->boolean;
  }
  std::string Text(std::string_view key) {
    const JsonMember* member = Find(key, JsonKind::kString);
    return member ? std::string(member->text) : "";
  }
  std::string TextOrNone(std::string_view key) { return Has(key) ? Text(key) : ""; }
  // The elements; none if there is no such member.
  std::vector<JsonMember> ListOrNone(std::string_view key, JsonKind kind) {
    std::vector<JsonMember> out;
    if (!Has(key)) return out;
    if (!ParseJsonArray(Raw(key), arena_, &out).ok()) is_ok_ = false;
    for (const JsonMember& item : out) is_ok_ &= item.kind == kind;
    return out;
  }
  std::string_view Raw(std::string_view key) {
    const JsonMember* member = Find(key, JsonKind::kRaw);
    return member ? member->text : "";
  }
  Uuid Id(std::string_view key) {
    const auto uuid = ParseUuid(Text(key));
    if (!uuid.has_value()) is_ok_ = false;
    return uuid.value_or(Uuid{});
  }
  bool ok() const { return is_ok_; }

 private:
  const JsonMember* Find(std::string_view key, JsonKind kind) {
    const JsonMember* member = FindJsonMember(members_, key);
    if (member != nullptr && member->kind == kind) return member;
    is_ok_ = false;
    return nullptr;
  }

  Arena* arena_;
  JsonObjectView members_;
  bool is_ok_;
};

bool ReadProject(std::string_view json, Arena* arena, Project* project) {
  FieldReader in(json, arena);
  project->id = in.Int("id");
  project->uuid = in.Id("uuid");
  project->name = in.Text("name");
  project->api_token = in.Text("api_token");
  project->secret_api_token = in.TextOrNone("secret_api_token");
  project->secret_api_token_backup = in.TextOrNone("secret_api_token_backup");
  project->timezone = in.Text("timezone");
  project->week_start_day = static_cast<int>(in.Int("week_start_day"));
  project->anonymize_ips = in.Bool("anonymize_ips");
  project->is_person_processing_opted_out = in.Bool("person_processing_opt_out");
  project->drop_events_older_than_s = in.Int("drop_events_older_than_seconds");
  // Not in files of before there was one.
  project->events_retention_days = in.IntOr("events_retention_days", 0);
  project->cookieless_server_hash_mode =
      static_cast<int>(in.IntOr("cookieless_server_hash_mode", 0));
  if (in.Has("heatmaps_opt_in")) project->heatmaps_opt_in = in.Bool("heatmaps_opt_in");
  for (const std::string_view name : kSdkSwitches) {
    if (in.Has(name)) project->sdk_switches.emplace(name, in.Bool(name));
  }
  if (in.Has("modifiers")) project->modifiers_json = std::string(in.Raw("modifiers"));
  project->created_at_us = in.Int("created_at_us");
  return in.ok();
}

bool ReadKey(std::string_view json, Arena* arena, PersonalApiKey* key) {
  FieldReader in(json, arena);
  key->id = in.Int("id");
  key->label = in.Text("label");
  key->sha256_hex = in.Text("sha256");
  key->mask = in.Text("mask");
  key->created_at_us = in.Int("created_at_us");
  // Not in files of before there were scopes.
  key->user_id = in.IntOr("user_id", kOwnerId);
  key->last_used_at_us = in.IntOr("last_used_at_us", 0);
  key->last_rolled_at_us = in.IntOr("last_rolled_at_us", 0);
  for (const JsonMember& scope : in.ListOrNone("scopes", JsonKind::kString)) {
    key->scopes.emplace_back(scope.text);
  }
  for (const JsonMember& team : in.ListOrNone("scoped_teams", JsonKind::kInt64)) {
    key->scoped_teams.push_back(team.integer);
  }
  for (const JsonMember& id : in.ListOrNone("scoped_organizations", JsonKind::kString)) {
    key->scoped_organizations.emplace_back(id.text);
  }
  return in.ok();
}

bool ReadUser(std::string_view json, Arena* arena, User* user) {
  FieldReader in(json, arena);
  user->id = in.Int("id");
  user->uuid = in.Id("uuid");
  user->email = in.Text("email");
  user->first_name = in.Text("first_name");
  user->created_at_us = in.Int("created_at_us");
  return in.ok();
}

bool ReadBody(std::string_view json, Arena* arena, MetadataDocument* document) {
  FieldReader in(json, arena);
  FieldReader organization(in.Raw("organization"), arena);
  document->organization.id = organization.Int("id");
  document->organization.uuid = organization.Id("uuid");
  document->organization.name = organization.Text("name");
  document->organization.created_at_us = organization.Int("created_at_us");
  document->next_api_key_id = in.Int("next_api_key_id");
  std::vector<JsonMember> projects;
  std::vector<JsonMember> keys;
  if (!organization.ok() || !ParseJsonArray(in.Raw("projects"), arena, &projects).ok() ||
      !ParseJsonArray(in.Raw("api_keys"), arena, &keys).ok()) {
    return false;
  }
  for (const JsonMember& project : projects) {
    if (!ReadProject(project.text, arena, &document->projects.emplace_back())) return false;
  }
  for (const JsonMember& user : in.ListOrNone("users", JsonKind::kRaw)) {
    if (!ReadUser(user.text, arena, &document->users.emplace_back())) return false;
  }
  document->has_objects = in.Has("has_objects") && in.Bool("has_objects");
  for (const JsonMember& key : keys) {
    if (!ReadKey(key.text, arena, &document->api_keys.emplace_back())) return false;
  }
  return in.ok() && !document->projects.empty();
}

}  // namespace

std::string EncodeMetadata(const MetadataDocument& document) {
  JsonWriter json;
  json.BeginObject().Key("organization").BeginObject();
  json.Field("id", document.organization.id)
      .Field("uuid", FormatUuid(document.organization.uuid))
      .Field("name", document.organization.name)
      .Field("created_at_us", document.organization.created_at_us)
      .EndObject();
  json.Key("users").BeginArray();
  for (const User& user : document.users) WriteUser(user, &json);
  json.EndArray().Key("projects").BeginArray();
  for (const Project& project : document.projects) WriteProject(project, &json);
  json.EndArray().Key("api_keys").BeginArray();
  for (const PersonalApiKey& key : document.api_keys) WriteKey(key, &json);
  json.EndArray()
      .Field("next_api_key_id", document.next_api_key_id)
      .Field("has_objects", document.has_objects)
      .EndObject();
  const std::string body = json.Take() + "\n";
  return StrCat(kMagic, kVersion, " ", absl::StrFormat("%08x", Crc32c(body)), "\n", body);
}

absl::StatusOr<MetadataDocument> DecodeMetadata(std::string_view bytes, const std::string& path) {
  const size_t line_end = bytes.find('\n');
  if (line_end == std::string_view::npos || !bytes.starts_with(kMagic)) {
    return absl::DataLossError(StrCat(path, ": not a file of hoglet's metadata"));
  }
  const std::string_view header = bytes.substr(kMagic.size(), line_end - kMagic.size());
  const std::string_view body = bytes.substr(line_end + 1);
  const size_t space = header.find(' ');
  if (header.substr(0, space) != StrCat(kVersion)) {
    return absl::UnimplementedError(
        StrCat(path, ": version ", header.substr(0, space), ", this program reads ", kVersion));
  }
  if (space == std::string_view::npos ||
      header.substr(space + 1) != absl::StrFormat("%08x", Crc32c(body))) {
    return absl::DataLossError(StrCat(path, ": its checksum does not fit its content"));
  }
  Arena arena;
  MetadataDocument document;
  if (!ReadBody(body, &arena, &document)) {
    return absl::DataLossError(StrCat(path, ": a field is missing or of the wrong kind"));
  }
  return document;
}

}  // namespace hoglet
