#include "src/metadata/metadata_store.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/digest.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/metadata/metadata_codec.h"

namespace hoglet {
namespace {

constexpr uint64_t kFileBytesMax = 64ull << 20;
constexpr size_t kTokenCharacters = 43;
constexpr size_t kTokenBytesMax = 64;  // what capture accepts
constexpr size_t kNameBytesMax = 200;
constexpr size_t kApiKeysMax = 10'000;
constexpr size_t kModifiersBytesMax = 64 << 10;
constexpr int64_t kRetentionDaysMax = 100 * 365;
constexpr int64_t kDropOlderSecondsMax = 1ll << 31;  // 68 years; its microseconds fit too
constexpr std::string_view kApiKeyPrefix = "phx_";
constexpr std::string_view kTokenPrefix = "phc_";
constexpr std::string_view kSecretPrefix = "phs_";
constexpr size_t kKeyListMax = 1'000;  // scopes, projects or organizations of a key
constexpr int64_t kUseNotedUs = kMicrosPerHour;

std::string Sha256Hex(std::string_view text) { return HexEncode(Sha256(text)); }

// "phx_abcd...wxyz"
std::string MaskOf(std::string_view key) {
  return StrCat(key.substr(0, kApiKeyPrefix.size() + 4), "...", key.substr(key.size() - 4));
}

std::string PathIn(const std::string& directory) { return directory + "/metadata.json"; }

// A key that can stand in a header, a URL and a line of a shell.
bool IsPlainKey(std::string_view key, size_t bytes_max) {
  return key.size() <= bytes_max && std::all_of(key.begin(), key.end(), [](char c) {
           return c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\';
         });
}

absl::Status CheckChosenKeys(const MetadataStore::ChosenKeys& chosen) {
  if (!IsPlainKey(chosen.project_token, kTokenBytesMax) ||
      chosen.project_token.starts_with(kApiKeyPrefix)) {
    return absl::InvalidArgumentError(
        StrCat("a project token has up to ", kTokenBytesMax,
               " printable ASCII characters, no spaces or quotes, and does not begin with ",
               kApiKeyPrefix));
  }
  const std::string& key = chosen.personal_api_key;
  if (!key.empty() && (!IsPlainKey(key, kNameBytesMax) || !key.starts_with(kApiKeyPrefix) ||
                       key.size() < kApiKeyPrefix.size() + 4)) {
    return absl::InvalidArgumentError(StrCat("a personal API key is ", kApiKeyPrefix,
                                             " and 4 or more printable ASCII characters"));
  }
  return absl::OkStatus();
}

// The owner of an organization whose file does not name one: the same at every start.
User OwnerOf(const Organization& organization) {
  return {.id = kOwnerId,
          .uuid = UuidV5(organization.uuid, "owner"),
          .email = "owner@hoglet.local",
          .first_name = "Owner",
          .created_at_us = organization.created_at_us};
}

absl::Status CheckApiKey(const PersonalApiKey& key) {
  if (key.label.size() > kNameBytesMax) {
    return absl::InvalidArgumentError(
        StrCat("api key: its label is longer than ", kNameBytesMax, " bytes"));
  }
  if (key.scopes.size() > kKeyListMax || key.scoped_teams.size() > kKeyListMax ||
      key.scoped_organizations.size() > kKeyListMax) {
    return absl::InvalidArgumentError(
        StrCat("api key: more than ", kKeyListMax, " scopes, projects or organizations"));
  }
  for (const auto* names : {&key.scopes, &key.scoped_organizations}) {
    for (const std::string& name : *names) {
      if (name.size() > kNameBytesMax) {
        return absl::InvalidArgumentError(
            StrCat("api key: a scope is longer than ", kNameBytesMax, " bytes"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckProject(const Project& project) {
  if (project.name.empty() || project.name.size() > kNameBytesMax) {
    return absl::InvalidArgumentError(StrCat("project: a name has 1 to ", kNameBytesMax, " bytes"));
  }
  if (project.api_token.empty() || project.api_token.size() > kNameBytesMax) {
    return absl::InvalidArgumentError(
        StrCat("project: a token has 1 to ", kNameBytesMax, " bytes"));
  }
  if (project.week_start_day != 0 && project.week_start_day != 1) {
    return absl::InvalidArgumentError("project: week_start_day is 0 (Sunday) or 1 (Monday)");
  }
  if (project.events_retention_days < 0 || project.events_retention_days > kRetentionDaysMax) {
    return absl::InvalidArgumentError(
        StrCat("project: events_retention_days is not between 0 and ", kRetentionDaysMax));
  }
  if (project.drop_events_older_than_s < 0 ||
      project.drop_events_older_than_s > kDropOlderSecondsMax) {
    return absl::InvalidArgumentError(StrCat(
        "project: drop_events_older_than_seconds is not between 0 and ", kDropOlderSecondsMax));
  }
  if (project.cookieless_server_hash_mode != 0 && project.cookieless_server_hash_mode != 1) {
    return absl::InvalidArgumentError(
        "project: cookieless_server_hash_mode is 0 (off) or 1 (stateless); 2 (stateful) is not "
        "supported");
  }
  if (project.modifiers_json.size() > kModifiersBytesMax) {
    return absl::InvalidArgumentError(
        StrCat("project: modifiers are longer than ", kModifiersBytesMax, " bytes"));
  }
  return TimeZone::Load(project.timezone).status();
}

class FileMetadataStore : public MetadataStore {
 public:
  FileMetadataStore(Env* env, std::string path) : env_(env), path_(std::move(path)) {}

  ~FileMetadataStore() override { FileMetadataStore::FlushApiKeyUses().IgnoreError(); }

  absl::Status Load() {
    HOGLET_ASSIGN_OR_RETURN(const std::string bytes, env_->ReadWholeFile(path_, kFileBytesMax));
    HOGLET_ASSIGN_OR_RETURN(MetadataDocument document, DecodeMetadata(bytes, path_));
    if (document.users.empty()) document.users.push_back(OwnerOf(document.organization));
    std::lock_guard change(change_mutex_);
    bool is_changed = false;
    for (Project& project : document.projects) {
      if (!project.secret_api_token.empty()) continue;
      project.secret_api_token = NewSecret();
      is_changed = true;
    }
    if (is_changed) return Replace(std::move(document));
    std::lock_guard lock(mutex_);
    document_ = std::make_shared<const MetadataDocument>(std::move(document));
    return absl::OkStatus();
  }

  absl::Status Create(const ChosenKeys& chosen) {
    const int64_t now_us = env_->NowMicros();
    MetadataDocument document;
    document.organization = {
        .id = 1, .uuid = UuidV7(env_), .name = "Default organization", .created_at_us = now_us};
    document.users.push_back(OwnerOf(document.organization));
    document.projects.push_back(
        {.id = 1,
         .uuid = UuidV7(env_),
         .name = "Default project",
         .api_token = chosen.project_token.empty() ? NewToken() : chosen.project_token,
         .secret_api_token = NewSecret(),
         .created_at_us = now_us});
    initial_api_key_ = chosen.personal_api_key.empty() ? NewApiKey() : chosen.personal_api_key;
    AddApiKey(initial_api_key_, {.label = "Created at first start"}, &document);
    std::lock_guard change(change_mutex_);
    return Replace(std::move(document));
  }

  // Chosen keys at a later start.
  absl::Status Adopt(const ChosenKeys& chosen) {
    if (!chosen.project_token.empty() && !FindProjectByToken(chosen.project_token).has_value()) {
      return absl::FailedPreconditionError(StrCat(
          path_, ": no project has the token given; leave it out, or use another data directory"));
    }
    if (chosen.personal_api_key.empty() || FindApiKey(chosen.personal_api_key).has_value())
      return absl::OkStatus();
    std::lock_guard change(change_mutex_);
    MetadataDocument document = *Present();
    AddApiKey(chosen.personal_api_key, {.label = "Given at start"}, &document);
    return Replace(std::move(document));
  }

  const std::string& initial_api_key() const override { return initial_api_key_; }

  Organization organization() const override { return Present()->organization; }

  std::vector<Project> Projects() const override { return Present()->projects; }

  std::optional<Project> FindProject(TeamId id) const override {
    return FindIf([id](const Project& project) { return project.id == id; });
  }

  std::optional<Project> FindProjectByToken(std::string_view api_token) const override {
    return FindIf([=](const Project& project) { return project.api_token == api_token; });
  }

  std::optional<Project> FindProjectBySecret(std::string_view secret) const override {
    if (!secret.starts_with(kSecretPrefix)) return std::nullopt;
    return FindIf([=](const Project& project) {
      return ConstantTimeEqual(project.secret_api_token, secret) ||
             ConstantTimeEqual(project.secret_api_token_backup, secret);
    });
  }

  absl::Status UpdateProject(const Project& project) override {
    return ChangeProject(project.id, [&project](Project* present) {
      *present = project;
      return absl::OkStatus();
    });
  }

  absl::Status ChangeProject(TeamId id,
                             const std::function<absl::Status(Project*)>& change) override {
    std::lock_guard lock(change_mutex_);
    MetadataDocument document = *Present();
    Project* project = nullptr;
    for (Project& other : document.projects) {
      if (other.id == id) project = &other;
    }
    if (project == nullptr) return absl::NotFoundError(StrCat("project ", id));
    const Project before = *project;
    HOGLET_RETURN_IF_ERROR(change(project));
    project->id = before.id;
    project->uuid = before.uuid;
    project->created_at_us = before.created_at_us;
    HOGLET_RETURN_IF_ERROR(CheckProject(*project));
    for (const Project& other : document.projects) {
      if (other.id != id && other.api_token == project->api_token) {
        return absl::InvalidArgumentError("project: its token belongs to another project");
      }
    }
    // Whatever a client has put into it, the next start must be able to read it: modifiers may be
    // nested so deep that a file around them is not.
    if (!DecodeMetadata(EncodeMetadata(document), path_).ok()) {
      return absl::InvalidArgumentError("project: its modifiers are nested too deep to be stored");
    }
    return Replace(std::move(document));
  }

  absl::StatusOr<std::string> ResetProjectToken(TeamId id) override {
    const std::string token = NewToken();
    HOGLET_RETURN_IF_ERROR(ChangeProject(id, [&token](Project* project) {
      project->api_token = token;
      return absl::OkStatus();
    }));
    return token;
  }

  absl::StatusOr<std::string> RotateSecretToken(TeamId id) override {
    const std::string secret = NewSecret();
    HOGLET_RETURN_IF_ERROR(ChangeProject(id, [&secret](Project* project) {
      project->secret_api_token_backup = std::exchange(project->secret_api_token, secret);
      return absl::OkStatus();
    }));
    return secret;
  }

  std::optional<User> FindUser(int64_t id) const override {
    for (const User& user : Present()->users) {
      if (user.id == id) return user;
    }
    return std::nullopt;
  }

  std::optional<PersonalApiKey> FindApiKey(std::string_view key) const override {
    const std::string hash = Sha256Hex(key);
    const auto document = Present();
    for (const PersonalApiKey& present : document->api_keys) {
      if (ConstantTimeEqual(present.sha256_hex, hash)) return WithUse(present);
    }
    return std::nullopt;
  }

  std::vector<PersonalApiKey> ApiKeys() const override {
    std::vector<PersonalApiKey> keys = Present()->api_keys;
    for (PersonalApiKey& key : keys) key = WithUse(key);
    return keys;
  }

  absl::StatusOr<std::string> CreateApiKey(const std::string& label) override {
    HOGLET_ASSIGN_OR_RETURN(CreatedKey created, CreateApiKey(PersonalApiKey{.label = label}));
    return std::move(created.text);
  }

  absl::StatusOr<CreatedKey> CreateApiKey(const PersonalApiKey& wanted) override {
    HOGLET_RETURN_IF_ERROR(CheckApiKey(wanted));
    std::lock_guard lock(change_mutex_);
    MetadataDocument document = *Present();
    if (document.api_keys.size() >= kApiKeysMax) {
      return absl::ResourceExhaustedError(StrCat("api key: there are ", kApiKeysMax, " already"));
    }
    CreatedKey created;
    created.text = NewApiKey();
    AddApiKey(created.text, wanted, &document);
    created.record = document.api_keys.back();
    HOGLET_RETURN_IF_ERROR(Replace(std::move(document)));
    return created;
  }

  absl::Status ChangeApiKey(int64_t id,
                            const std::function<absl::Status(PersonalApiKey*)>& change) override {
    std::lock_guard lock(change_mutex_);
    MetadataDocument document = *Present();
    PersonalApiKey* key = FindKey(id, &document);
    if (key == nullptr) return absl::NotFoundError(StrCat("api key ", id));
    PersonalApiKey changed = *key;
    HOGLET_RETURN_IF_ERROR(change(&changed));
    HOGLET_RETURN_IF_ERROR(CheckApiKey(changed));
    key->label = changed.label;
    key->user_id = changed.user_id;
    key->scopes = changed.scopes;
    key->scoped_teams = changed.scoped_teams;
    key->scoped_organizations = changed.scoped_organizations;
    return Replace(std::move(document));
  }

  absl::StatusOr<CreatedKey> RollApiKey(int64_t id) override {
    std::lock_guard lock(change_mutex_);
    MetadataDocument document = *Present();
    PersonalApiKey* key = FindKey(id, &document);
    if (key == nullptr) return absl::NotFoundError(StrCat("api key ", id));
    CreatedKey rolled;
    rolled.text = NewApiKey();
    key->sha256_hex = Sha256Hex(rolled.text);
    key->mask = MaskOf(rolled.text);
    key->last_rolled_at_us = env_->NowMicros();
    rolled.record = *key;
    HOGLET_RETURN_IF_ERROR(Replace(std::move(document)));
    return rolled;
  }

  absl::Status DeleteApiKey(int64_t id) override {
    std::lock_guard lock(change_mutex_);
    MetadataDocument document = *Present();
    const size_t removed =
        std::erase_if(document.api_keys, [id](const PersonalApiKey& key) { return key.id == id; });
    if (removed == 0) return absl::NotFoundError(StrCat("api key ", id));
    return Replace(std::move(document));
  }

  void NoteApiKeyUse(const PersonalApiKey& key) override {
    const int64_t now_us = env_->NowMicros();
    if (now_us < key.last_used_at_us + kUseNotedUs) return;
    std::lock_guard lock(mutex_);
    uses_[key.id] = now_us;
  }

  absl::Status FlushApiKeyUses() override {
    std::lock_guard lock(change_mutex_);
    {
      std::shared_lock uses(mutex_);
      if (uses_.empty()) return absl::OkStatus();
    }
    return Replace(*Present());
  }

  bool has_objects() const override { return Present()->has_objects; }

  absl::Status RememberObjects() override {
    std::lock_guard lock(change_mutex_);
    MetadataDocument document = *Present();
    document.has_objects = true;
    return Replace(std::move(document));
  }

  uint64_t version() const override { return version_; }

 private:
  std::string NewToken() { return StrCat(kTokenPrefix, RandomToken(env_, kTokenCharacters)); }

  std::string NewApiKey() { return StrCat(kApiKeyPrefix, RandomToken(env_, kTokenCharacters)); }

  std::string NewSecret() { return StrCat(kSecretPrefix, RandomToken(env_, kTokenCharacters)); }

  void AddApiKey(const std::string& text, const PersonalApiKey& wanted,
                 MetadataDocument* document) {
    PersonalApiKey key = wanted;
    key.id = document->next_api_key_id++;
    key.sha256_hex = Sha256Hex(text);
    key.mask = MaskOf(text);
    key.created_at_us = env_->NowMicros();
    key.last_used_at_us = 0;
    key.last_rolled_at_us = 0;
    document->api_keys.push_back(std::move(key));
  }

  static PersonalApiKey* FindKey(int64_t id, MetadataDocument* document) {
    for (PersonalApiKey& key : document->api_keys) {
      if (key.id == id) return &key;
    }
    return nullptr;
  }

  PersonalApiKey WithUse(PersonalApiKey key) const {
    std::shared_lock lock(mutex_);
    if (const auto use = uses_.find(key.id); use != uses_.end()) key.last_used_at_us = use->second;
    return key;
  }

  template <typename Predicate>
  std::optional<Project> FindIf(Predicate predicate) const {
    const auto document = Present();
    const auto it = std::find_if(document->projects.begin(), document->projects.end(), predicate);
    if (it == document->projects.end()) return std::nullopt;
    return *it;
  }

  std::shared_ptr<const MetadataDocument> Present() const {
    std::shared_lock lock(mutex_);
    return document_;
  }

  // The file first: what is shown is durable.
  absl::Status Replace(MetadataDocument document) {
    std::map<int64_t, int64_t> uses;
    {
      std::shared_lock lock(mutex_);
      uses = uses_;
    }
    for (PersonalApiKey& key : document.api_keys) {
      if (const auto use = uses.find(key.id); use != uses.end()) key.last_used_at_us = use->second;
    }
    HOGLET_RETURN_IF_ERROR(env_->ReplaceFile(path_, EncodeMetadata(document)));
    std::lock_guard lock(mutex_);
    document_ = std::make_shared<const MetadataDocument>(std::move(document));
    std::erase_if(uses_, [&](const auto& use) {
      const auto written = uses.find(use.first);
      return written != uses.end() && written->second == use.second;
    });
    ++version_;
    return absl::OkStatus();
  }

  Env* const env_;
  const std::string path_;
  std::string initial_api_key_;
  // Held by one change from its beginning to its end, writing included.
  std::mutex change_mutex_;          // held through a change; taken before mutex_
  mutable std::shared_mutex mutex_;  // guards what follows
  std::shared_ptr<const MetadataDocument> document_ = std::make_shared<const MetadataDocument>();
  // When keys were last used, as far as the document does not say.
  std::map<int64_t, int64_t> uses_;
  std::atomic<uint64_t> version_{1};
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetadataStore>> MetadataStore::Open(Env* env,
                                                                   const std::string& directory,
                                                                   const ChosenKeys& chosen) {
  HOGLET_RETURN_IF_ERROR(CheckChosenKeys(chosen));
  if (!env->Exists(directory)) {
    HOGLET_RETURN_IF_ERROR(env->CreateDirectories(directory));
    // The folder's own name must last as well as the file in it.
    const size_t slash = directory.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : directory.substr(0, slash);
    HOGLET_RETURN_IF_ERROR(env->SyncDirectory(parent.empty() ? "/" : parent));
  }
  auto store = std::make_unique<FileMetadataStore>(env, PathIn(directory));
  if (env->Exists(PathIn(directory))) {
    HOGLET_RETURN_IF_ERROR(store->Load());
    HOGLET_RETURN_IF_ERROR(store->Adopt(chosen));
  } else {
    HOGLET_RETURN_IF_ERROR(store->Create(chosen));
  }
  return store;
}

absl::StatusOr<uint64_t> MetadataStore::Check(
    Env* env, const std::string& directory, const std::function<void(const std::string&)>& report) {
  HOGLET_ASSIGN_OR_RETURN(const std::string bytes,
                          env->ReadWholeFile(PathIn(directory), kFileBytesMax));
  const auto document = DecodeMetadata(bytes, PathIn(directory));
  if (document.ok()) return document->projects.size();
  report(std::string(FromAbsl(document.status().message())));
  return 0;
}

}  // namespace hoglet
