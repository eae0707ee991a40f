#include "src/metadata/metadata_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "include/hoglet/status.h"
#include "src/base/crc32c.h"
#include "src/base/digest.h"
#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr char kMagic[] = "hoglet-metadata 1 ";
constexpr uint64_t kFileBytesMax = 16 << 20;
constexpr size_t kTokenCharacters = 43;  // 256 bits
constexpr size_t kTokenBytesMax = 64;    // what capture accepts (spec capture.md section 5)
constexpr size_t kKeyBytesMax = 200;
constexpr int kMaskShown = 4;

bool IsPlain(std::string_view text, size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

absl::Status CheckToken(std::string_view token) {
  if (!IsPlain(token, kTokenBytesMax) || token.starts_with("phx_")) {
    return absl::InvalidArgumentError(
        StrCat("a project token is 1 to ", kTokenBytesMax, " printable ASCII characters without spaces, and does not begin with phx_"));
  }
  return absl::OkStatus();
}

absl::Status CheckKey(std::string_view key) {
  if (!IsPlain(key, kKeyBytesMax) || !key.starts_with("phx_")) {
    return absl::InvalidArgumentError("a personal API key begins with phx_ and has printable ASCII characters without spaces");
  }
  return absl::OkStatus();
}

std::string Sha256Of(std::string_view key) { return HexEncode(Sha256(key)); }

std::string TextOf(const JsonObjectView& object, std::string_view key) {
  const JsonMember* member = FindJsonMember(object, key);
  return member != nullptr && member->kind == JsonKind::kString ? std::string(member->text) : "";
}

int64_t IntegerOf(const JsonObjectView& object, std::string_view key) {
  const JsonMember* member = FindJsonMember(object, key);
  return member != nullptr && member->kind == JsonKind::kInt64 ? member->integer : 0;
}

bool BoolOf(const JsonObjectView& object, std::string_view key) {
  const JsonMember* member = FindJsonMember(object, key);
  return member != nullptr && member->kind == JsonKind::kBool && member->boolean;
}

// The objects of an array member.
absl::StatusOr<std::vector<JsonObjectView>> ObjectsOf(const JsonObjectView& object, std::string_view key, Arena* arena) {
  const JsonMember* member = FindJsonMember(object, key);
  if (member == nullptr || member->kind != JsonKind::kRaw) return absl::DataLossError(StrCat("no array '", key, "'"));
  std::vector<JsonMember> items;
  HOGLET_RETURN_IF_ERROR(ParseJsonArray(member->text, arena, &items));
  std::vector<JsonObjectView> out;
  for (const JsonMember& item : items) {
    out.emplace_back();
    HOGLET_RETURN_IF_ERROR(ParseJsonObject(item.text, arena, &out.back()));
  }
  return out;
}

ProjectInfo InfoOf(const Project& project) {
  return {.team_id = project.id, .name = project.name, .token = project.api_token, .timezone = project.timezone};
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetadataStore>> MetadataStore::Open(Env* env, const std::string& directory, const FirstStart& first_start) {
  if (!first_start.project_token.empty()) HOGLET_RETURN_IF_ERROR(CheckToken(first_start.project_token));
  if (!first_start.personal_api_key.empty()) HOGLET_RETURN_IF_ERROR(CheckKey(first_start.personal_api_key));
  HOGLET_RETURN_IF_ERROR(env->CreateDirectories(directory));
  std::unique_ptr<MetadataStore> store(new MetadataStore(env, StrCat(directory, "/metadata.json")));
  if (!env->Exists(store->path_)) {
    HOGLET_RETURN_IF_ERROR(store->Create(first_start));
    return store;
  }
  HOGLET_ASSIGN_OR_RETURN(store->contents_, Read(env, store->path_));
  HOGLET_RETURN_IF_ERROR(store->Adopt(first_start));
  return store;
}

absl::Status MetadataStore::Create(const FirstStart& first_start) {
  created_ = true;
  contents_.organizations.push_back({.id = 1, .name = "My organization"});
  Project project;
  project.id = 1;
  project.organization_id = 1;
  project.name = "Default project";
  project.api_token = first_start.project_token.empty() ? StrCat("phc_", RandomToken(env_, kTokenCharacters)) : first_start.project_token;
  contents_.projects.push_back(std::move(project));
  new_personal_api_key_ = first_start.personal_api_key;
  if (new_personal_api_key_.empty()) new_personal_api_key_ = StrCat("phx_", RandomToken(env_, kTokenCharacters));
  AddKey(new_personal_api_key_, "first key");
  return Save();
}

absl::Status MetadataStore::Adopt(const FirstStart& first_start) {
  if (!first_start.project_token.empty() && !FindProjectByToken(first_start.project_token).has_value()) {
    return absl::FailedPreconditionError(StrCat(path_, ": no project has the token given; leave the token out, or use another data directory"));
  }
  if (first_start.personal_api_key.empty() || IsPersonalApiKey(first_start.personal_api_key)) return absl::OkStatus();
  AddKey(first_start.personal_api_key, "added at start");
  return Save();
}

void MetadataStore::AddKey(std::string_view key, std::string label) {
  contents_.keys.push_back({.label = std::move(label),
                            .sha256 = Sha256Of(key),
                            .mask = StrCat("phx_...", key.substr(key.size() - std::min<size_t>(kMaskShown, key.size()))),
                            .created_at_us = env_->NowMicros()});
}

absl::Status MetadataStore::Save() {
  const std::string json = Serialize(contents_);
  return env_->ReplaceFile(path_, StrCat(kMagic, absl::StrFormat("%08x %d\n", Crc32c(json), json.size()), json));
}

absl::StatusOr<MetadataStore::Contents> MetadataStore::Read(Env* env, const std::string& path) {
  HOGLET_ASSIGN_OR_RETURN(std::string text, env->ReadWholeFile(path, kFileBytesMax));
  const auto damaged = [&](std::string_view what) { return absl::DataLossError(StrCat(path, ": ", what)); };
  const size_t line_end = text.find('\n');
  if (!text.starts_with(kMagic) || line_end == std::string::npos) return damaged("not a metadata file of this version");
  const std::string_view json = std::string_view(text).substr(line_end + 1);
  if (text.substr(0, line_end + 1) != StrCat(kMagic, absl::StrFormat("%08x %d\n", Crc32c(json), json.size()))) {
    return damaged("length or checksum in the first line does not fit the rest");
  }
  auto contents = Parse(json);
  if (!contents.ok()) return damaged(FromAbsl(contents.status().message()));
  if (contents->projects.empty()) return damaged("holds no project");
  return contents;
}

absl::StatusOr<MetadataStore::Contents> MetadataStore::Parse(std::string_view json) {
  Arena arena;
  JsonObjectView root;
  HOGLET_RETURN_IF_ERROR(ParseJsonObject(json, &arena, &root));
  Contents contents;
  HOGLET_ASSIGN_OR_RETURN(auto organizations, ObjectsOf(root, "organizations", &arena));
  for (const JsonObjectView& item : organizations) contents.organizations.push_back({IntegerOf(item, "id"), TextOf(item, "name")});
  HOGLET_ASSIGN_OR_RETURN(auto projects, ObjectsOf(root, "projects", &arena));
  for (const JsonObjectView& item : projects) {
    contents.projects.push_back({.id = IntegerOf(item, "id"),
                                 .organization_id = IntegerOf(item, "organization_id"),
                                 .name = TextOf(item, "name"),
                                 .api_token = TextOf(item, "api_token"),
                                 .timezone = TextOf(item, "timezone"),
                                 .week_start_day = static_cast<int>(IntegerOf(item, "week_start_day")),
                                 .anonymize_ips = BoolOf(item, "anonymize_ips"),
                                 .person_processing_opt_out = BoolOf(item, "person_processing_opt_out"),
                                 .drop_events_older_than_s = IntegerOf(item, "drop_events_older_than_s")});
  }
  HOGLET_ASSIGN_OR_RETURN(auto keys, ObjectsOf(root, "personal_api_keys", &arena));
  for (const JsonObjectView& item : keys) {
    contents.keys.push_back({TextOf(item, "label"), TextOf(item, "sha256"), TextOf(item, "mask"), IntegerOf(item, "created_at_us")});
  }
  return contents;
}

std::string MetadataStore::Serialize(const Contents& contents) {
  JsonWriter out;
  out.BeginObject().Key("organizations").BeginArray();
  for (const Organization& item : contents.organizations) out.BeginObject().Field("id", item.id).Field("name", item.name).EndObject();
  out.EndArray().Key("projects").BeginArray();
  for (const Project& item : contents.projects) {
    out.BeginObject().Field("id", item.id).Field("organization_id", item.organization_id).Field("name", item.name);
    out.Field("api_token", item.api_token).Field("timezone", item.timezone).Field("week_start_day", item.week_start_day);
    out.Field("anonymize_ips", item.anonymize_ips).Field("person_processing_opt_out", item.person_processing_opt_out);
    out.Field("drop_events_older_than_s", item.drop_events_older_than_s).EndObject();
  }
  out.EndArray().Key("personal_api_keys").BeginArray();
  for (const PersonalApiKey& item : contents.keys) {
    out.BeginObject().Field("label", item.label).Field("sha256", item.sha256).Field("mask", item.mask);
    out.Field("created_at_us", item.created_at_us).EndObject();
  }
  out.EndArray().EndObject();
  return out.Take() + "\n";
}

absl::StatusOr<uint64_t> MetadataStore::Check(Env* env, const std::string& directory, const std::function<void(const std::string&)>& report) {
  auto contents = Read(env, StrCat(directory, "/metadata.json"));
  if (contents.ok()) return contents->projects.size();
  report(std::string(FromAbsl(contents.status().message())));
  return 0;
}

std::vector<ProjectInfo> MetadataStore::Projects() const {
  std::lock_guard lock(mutex_);
  std::vector<ProjectInfo> out;
  for (const Project& project : contents_.projects) out.push_back(InfoOf(project));
  return out;
}

std::optional<ProjectInfo> MetadataStore::FindProject(TeamId id) const {
  std::lock_guard lock(mutex_);
  for (const Project& project : contents_.projects) {
    if (project.id == id) return InfoOf(project);
  }
  return std::nullopt;
}

std::optional<Project> MetadataStore::FindProjectByToken(std::string_view token) const {
  std::lock_guard lock(mutex_);
  for (const Project& project : contents_.projects) {
    if (project.api_token == token) return project;
  }
  return std::nullopt;
}

bool MetadataStore::IsPersonalApiKey(std::string_view key) const {
  if (key.size() > kKeyBytesMax) return false;
  const std::string digest = Sha256Of(key);
  std::lock_guard lock(mutex_);
  return std::any_of(contents_.keys.begin(), contents_.keys.end(),
                     [&](const PersonalApiKey& known) { return ConstantTimeEqual(known.sha256, digest); });
}

bool MetadataStore::MayRead(std::string_view personal_api_key, TeamId team_id) const {
  return FindProject(team_id).has_value() && IsPersonalApiKey(personal_api_key);
}

std::vector<PersonalApiKey> MetadataStore::personal_api_keys() const {
  std::lock_guard lock(mutex_);
  return contents_.keys;
}

}  // namespace hoglet
