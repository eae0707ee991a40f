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
  json->Key("modifiers").Raw(project.modifiers_json).EndObject();
}

void WriteKey(const PersonalApiKey& key, JsonWriter* json) {
  json->BeginObject()
      .Field("id", key.id)
      .Field("label", key.label)
      .Field("sha256", key.sha256_hex)
      .Field("mask", key.mask)
      .Field("created_at_us", key.created_at_us)
      .EndObject();
}

// Reads the members of one object, remembering whether any was missing or of another kind.
class FieldReader {
 public:
  FieldReader(std::string_view json, Arena* arena)
      : is_ok_(ParseJsonObject(json, arena, &members_).ok()) {}

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

  JsonObjectView members_;
  bool is_ok_;
};

bool ReadProject(std::string_view json, Arena* arena, Project* project) {
  FieldReader in(json, arena);
  project->id = in.Int("id");
  project->uuid = in.Id("uuid");
  project->name = in.Text("name");
  project->api_token = in.Text("api_token");
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
  json.Key("projects").BeginArray();
  for (const Project& project : document.projects) WriteProject(project, &json);
  json.EndArray().Key("api_keys").BeginArray();
  for (const PersonalApiKey& key : document.api_keys) WriteKey(key, &json);
  json.EndArray().Field("next_api_key_id", document.next_api_key_id).EndObject();
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
