#include "src/cli/data_directory.h"

#include <utility>

#include "query/exec/engine.h"
#include "src/api/cohort_table.h"
#include "src/base/arena.h"
#include "src/base/directories.h"
#include "src/base/json.h"
#include "src/base/logging.h"
#include "src/base/process.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/cli/directory_check.h"
#include "src/cohorts/cohort_document.h"

namespace hoglet {
namespace {

// The pipeline asks for teams; the metadata knows projects.
class ProjectTeams final : public TeamDirectory {
 public:
  explicit ProjectTeams(const MetadataStore* metadata) : metadata_(metadata) {}

  std::optional<TeamSettings> FindByToken(std::string_view token) const override {
    const std::optional<Project> project = metadata_->FindProjectByToken(token);
    if (!project.has_value()) return std::nullopt;
    TeamSettings settings{.team_id = project->id,
                          .project_id = project->id,
                          .anonymize_ips = project->anonymize_ips,
                          .is_person_processing_opted_out = project->is_person_processing_opted_out,
                          .drop_events_older_than_s = project->drop_events_older_than_s,
                          .is_heatmap_opted_out = project->heatmaps_opt_in == false,
                          .is_cookieless_enabled = project->cookieless_server_hash_mode != 0};
    if (const auto zone = TimeZone::Load(project->timezone); zone.ok()) settings.timezone = *zone;
    return settings;
  }
  uint64_t version() const override { return metadata_->version(); }

 private:
  const MetadataStore* metadata_;
};

ProjectInfo InfoOf(const Project& project, const Organization& organization) {
  return {.team_id = project.id,
          .name = project.name,
          .token = project.api_token,
          .timezone = project.timezone,
          .organization_id = FormatUuid(organization.uuid)};
}

// The HTTP surfaces ask for projects and keys.
class ProjectKeys final : public ProjectDirectory {
 public:
  ProjectKeys(MetadataStore* metadata, StoredFlags* flags) : metadata_(metadata), flags_(flags) {}

  bool IsKnownToken(std::string_view token) const override {
    return metadata_->FindProjectByToken(token).has_value();
  }
  std::optional<TeamId> FindTeam(std::string_view token) const override {
    const std::optional<Project> project = metadata_->FindProjectByToken(token);
    if (!project.has_value()) return std::nullopt;
    return project->id;
  }
  SdkSettings SettingsOf(std::string_view token) const override {
    const std::optional<Project> project = metadata_->FindProjectByToken(token);
    if (!project.has_value()) return {};
    const auto is_on = [&project](std::string_view name, bool otherwise = false) {
      const auto found = project->sdk_switches.find(name);
      return found == project->sdk_switches.end() ? otherwise : found->second;
    };
    return {.heatmaps = project->heatmaps_opt_in.value_or(false),
            .has_feature_flags = flags_->HasLiveFlags(project->id),
            .has_surveys = is_on("surveys_opt_in", true) && flags_->HasRunningSurveys(project->id),
            .opts_out_of_autocapture = is_on("autocapture_opt_out"),
            .captures_dead_clicks = is_on("capture_dead_clicks"),
            .captures_network_timing = is_on("capture_performance_opt_in"),
            .captures_web_vitals = is_on("autocapture_web_vitals_opt_in"),
            .captures_exceptions = is_on("autocapture_exceptions_opt_in"),
            .captures_console_logs = is_on("capture_console_log_opt_in"),
            .persists_flags = is_on("flags_persistence_default")};
  }
  std::vector<ProjectInfo> Projects() const override {
    std::vector<ProjectInfo> out;
    for (const Project& project : metadata_->Projects())
      out.push_back(InfoOf(project, metadata_->organization()));
    return out;
  }
  std::optional<ProjectInfo> FindProject(TeamId id) const override {
    const std::optional<Project> project = metadata_->FindProject(id);
    if (!project.has_value()) return std::nullopt;
    return InfoOf(*project, metadata_->organization());
  }
  std::optional<ProjectInfo> FindProjectByToken(std::string_view token) const override {
    const std::optional<Project> project = metadata_->FindProjectByToken(token);
    if (!project.has_value()) return std::nullopt;
    return InfoOf(*project, metadata_->organization());
  }
  std::optional<ProjectInfo> FindProjectBySecret(std::string_view secret) const override {
    const std::optional<Project> project = metadata_->FindProjectBySecret(secret);
    if (!project.has_value()) return std::nullopt;
    return InfoOf(*project, metadata_->organization());
  }
  std::optional<Caller> FindPersonalApiKey(std::string_view text) const override {
    const std::optional<PersonalApiKey> key = metadata_->FindApiKey(text);
    if (!key.has_value()) return std::nullopt;
    metadata_->NoteApiKeyUse(*key);
    return Caller{.user_id = key->user_id,
                  .key_id = key->id,
                  .scopes = key->scopes,
                  .scoped_projects = key->scoped_teams,
                  .scoped_organizations = key->scoped_organizations};
  }
  std::optional<UserInfo> FindUser(int64_t id) const override {
    const std::optional<User> user = metadata_->FindUser(id);
    if (!user.has_value()) return std::nullopt;
    return UserInfo{.id = user->id,
                    .uuid = FormatUuid(user->uuid),
                    .email = user->email,
                    .first_name = user->first_name};
  }

 private:
  MetadataStore* metadata_;
  StoredFlags* flags_;
};

// Properties that hoglet's own columns and views read as text, whatever a client once sent.
bool IsAlwaysText(std::string_view name) {
  static const auto* const names =
      new StringSet<std::string_view>{"$session_id",  "$window_id",
                                      "$current_url", "$referring_domain",
                                      "$referrer",    "$external_click_url",
                                      "gclid",        "gad_source",
                                      "gclsrc",       "dclid",
                                      "gbraid",       "wbraid",
                                      "fbclid",       "msclkid",
                                      "twclid",       "li_fat_id",
                                      "mc_cid",       "igshid",
                                      "ttclid",       "_kx",
                                      "irclid"};
  return names->contains(name) || name.starts_with("utm_") || name.starts_with("$initial_") ||
         name.starts_with("$group_");
}

// What the analyzer may know of a project.
class ProjectSchema final : public SchemaProvider {
 public:
  ProjectSchema(const PersonStore* persons, const SideRows* rows, const MetadataStore* metadata,
                const ObjectStore* objects, TeamId project_id)
      : persons_(persons),
        rows_(rows),
        metadata_(metadata),
        objects_(objects),
        project_id_(project_id) {}

  std::vector<ChannelRule> ChannelRules() const override {
    const auto project = metadata_->FindProject(project_id_);
    Arena arena;
    JsonObjectView modifiers;
    if (!project.has_value() ||
        !ParseJsonObject(project->modifiers_json, &arena, &modifiers).ok()) {
      return {};
    }
    const JsonMember* rules = FindJsonMember(modifiers, "customChannelTypeRules");
    if (rules == nullptr || rules->kind != JsonKind::kRaw) return {};
    // They were checked when they were set.
    auto parsed = ParseChannelRules(rules->text);
    return parsed.ok() ? *std::move(parsed) : std::vector<ChannelRule>();
  }

  std::vector<std::string> GroupTypes() const override {
    auto types = persons_->GroupTypes(project_id_);
    return types.ok() ? *std::move(types) : std::vector<std::string>();
  }

  std::vector<Cohort> CohortsById(int64_t id) const override {
    const ObjectJson json = objects_->Find(project_id_, ObjectKind::kCohort, id);
    return json == nullptr ? std::vector<Cohort>() : Known({{id, json}}, nullptr);
  }

  std::vector<Cohort> CohortsByName(std::string_view name) const override {
    return Known(*objects_->All(project_id_, ObjectKind::kCohort), &name);
  }

  PropertyType PropertyTypeOf(PropertyKind kind, std::string_view name) const override {
    if (kind == PropertyKind::kNone || IsAlwaysText(name)) return PropertyType::kNone;
    DefinitionKind of = DefinitionKind::kEventProperty;
    int group = -1;
    if (kind == PropertyKind::kPerson) of = DefinitionKind::kPersonProperty;
    if (kind >= PropertyKind::kGroup0 && kind <= PropertyKind::kGroup4) {
      of = DefinitionKind::kGroupProperty;
      group = static_cast<int>(kind) - static_cast<int>(PropertyKind::kGroup0);
    }
    const auto type = rows_->FindPropertyType(project_id_, of, group, name);
    if (!type.ok() || !type->has_value()) return PropertyType::kNone;
    switch (**type) {
      case DefinitionType::kString:
        return PropertyType::kString;
      case DefinitionType::kNumeric:
        return PropertyType::kNumeric;
      case DefinitionType::kBoolean:
        return PropertyType::kBoolean;
      case DefinitionType::kDateTime:
        return PropertyType::kDateTime;
    }
    return PropertyType::kNone;
  }

 private:
  // Those that are not deleted; only of that name, if there is one.
  static std::vector<Cohort> Known(const Objects& objects, const std::string_view* name) {
    std::vector<Cohort> out;
    for (const auto& [id, json] : objects) {
      const auto cohort = ReadCohort(*json);
      if (!cohort.ok() || cohort->is_deleted || (name != nullptr && cohort->name != *name))
        continue;
      out.push_back({.id = id, .is_static = cohort->is_static, .version = kCohortVersion});
    }
    return out;
  }

  const PersonStore* persons_;
  const SideRows* rows_;
  const MetadataStore* metadata_;
  const ObjectStore* objects_;
  const TeamId project_id_;
};

// Nothing is lost by not waiting longer at the end: the next start goes on where the stores are.
constexpr int64_t kCloseStallNs = 10'000'000'000;  // while nothing is applied
constexpr int64_t kCloseNs = 60'000'000'000;       // in all
constexpr int64_t kClosePollUs = 200'000;

}  // namespace

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(Env* env,
                                                                   const std::string& path,
                                                                   const Options& options) {
  if (!options.create && !env->Exists(path))
    return absl::NotFoundError(StrCat(path, ": no such data directory"));
  HOGLET_RETURN_IF_ERROR(CreateDirectoriesDurably(env, path));
  std::unique_ptr<DataDirectory> out(
      new DataDirectory(env, MemoryShares(options.memory_limit_bytes, options.queries_at_once)));
  KeepFreeMemory(out->memory_.kept_bytes);
  auto lock = env->Lock(StrCat(path, "/LOCK"));
  if (!lock.ok()) {
    if (!absl::IsFailedPrecondition(lock.status())) return lock.status();
    return absl::FailedPreconditionError(StrCat(
        path, ": another hoglet holds this data directory; use --url with the running server"));
  }
  out->lock_ = *std::move(lock);
  HOGLET_RETURN_IF_ERROR(out->OpenStores(path, options));
  HOGLET_RETURN_IF_ERROR(out->StartIngestion(options));
  HOGLET_RETURN_IF_ERROR(out->StartEngine(path, options));
  return out;
}

absl::Status DataDirectory::OpenStores(const std::string& path, const Options& options) {
  HOGLET_RETURN_IF_ERROR(CheckMetadataIsThere(env_, path));
  const MetadataStore::ChosenKeys chosen{.project_token = options.project_token,
                                         .personal_api_key = options.personal_api_key};
  HOGLET_ASSIGN_OR_RETURN(metadata_, MetadataStore::Open(env_, StrCat(path, "/metadata"), chosen));
  HOGLET_RETURN_IF_ERROR(OpenObjects(path));
  HOGLET_ASSIGN_OR_RETURN(log_, Log::Open(env_, StrCat(path, "/log"), {}));
  EventTable::Options table_options;
  table_options.cache_bytes_max = memory_.cache_bytes;
  table_options.merge_rows_max = memory_.merge_rows;
  table_options.merge_bytes_per_second = options.merge_bytes_per_second;
  HOGLET_ASSIGN_OR_RETURN(events_, EventTable::Open(env_, StrCat(path, "/events"), table_options));
  PersonStore::Options person_options;
  person_options.block_cache_bytes_max = memory_.person_cache_bytes / 4;
  person_options.reader_cache_bytes_max = memory_.person_cache_bytes / 8;
  person_options.cache_bytes_max = memory_.person_cache_bytes -
                                   person_options.block_cache_bytes_max -
                                   person_options.reader_cache_bytes_max;
  HOGLET_ASSIGN_OR_RETURN(persons_,
                          PersonStore::Open(env_, StrCat(path, "/persons"), person_options));
  if (!options.geoip_db.empty()) {
    HOGLET_ASSIGN_OR_RETURN(geoip_, GeoIpDatabase::Open(options.geoip_db));
  }
  flags_ = std::make_unique<StoredFlags>(StoredFlags::Parts{
      .objects = objects_.get(),
      .persons = persons_.get(),
      .metadata = metadata_.get(),
      .log = log_.get(),
      .geoip = geoip_.get(),
      .applied = [this] { return ingestor_ == nullptr ? 0 : ingestor_->applied_offset(); }});
  projects_ = std::make_unique<ProjectKeys>(metadata_.get(), flags_.get());
  HOGLET_ASSIGN_OR_RETURN(cookieless_salts_,
                          CookielessSalts::Open(env_, StrCat(path, "/cookieless_salts")));
  return CheckOffsets(path, {.log_begin = log_->begin_offset(kEventsTopic),
                             .log_end = log_->end_offset(kEventsTopic),
                             .persons_applied = persons_->applied_offset(),
                             .events_durable = events_->durable_offset()});
}

// The definitions of a directory that had some are never replaced by none.
absl::Status DataDirectory::OpenObjects(const std::string& path) {
  HOGLET_RETURN_IF_ERROR(CheckObjectsAreThere(env_, path, metadata_->has_objects()));
  HOGLET_ASSIGN_OR_RETURN(objects_, ObjectStore::Open(env_, path + "/metadata/objects"));
  return metadata_->has_objects() ? absl::OkStatus() : metadata_->RememberObjects();
}

absl::Status DataDirectory::StartIngestion(const Options& options) {
  teams_ = std::make_unique<ProjectTeams>(metadata_.get());
  warnings_ = std::make_unique<RecentWarnings>();
  side_rows_ = std::make_unique<SideRows>(persons_.get());
  dead_letters_ = std::make_unique<DeadLetterQueue>(log_.get());
  Ingestor::Options ingest_options;
  ingest_options.geoip = geoip_.get();
  ingest_options.cookieless = cookieless_salts_.get();
  membership_ = std::make_unique<CohortMembership>(objects_.get());
  ingest_options.person_observer = membership_.get();
  ingest_options.log_retained_bytes_max = options.log_retained_bytes_max;
  ingest_options.memtable_bytes_max = memory_.memtable_bytes;
  ingest_options.person_bytes_max = memory_.person_bytes;
  auto ingestor = std::make_unique<Ingestor>(env_, log_.get(), persons_.get(), events_.get(),
                                             teams_.get(), warnings_.get(), ingest_options);
  HOGLET_RETURN_IF_ERROR(ingestor->Start());
  ingestor_ = std::move(ingestor);
  return absl::OkStatus();
}

absl::Status DataDirectory::StartEngine(const std::string& path, const Options& options) {
  SpillSpace::Options spill_options;
  if (options.spill_limit_bytes > 0) {
    spill_options.bytes_max = options.spill_limit_bytes;
    spill_options.query_bytes_max = options.spill_limit_bytes;
  }
  HOGLET_ASSIGN_OR_RETURN(spill_,
                          SpillSpace::Open(env_, StrCat(path, "/tmp/queries"), spill_options));
  tables_ = std::make_unique<ProjectTables>(events_.get(), persons_.get(), side_rows_.get(),
                                            dead_letters_.get(), objects_.get(),
                                            memory_.table_bytes, memory_.cache_bytes / 4);
  EngineOptions engine;
  engine.env = env_;
  engine.tables = tables_.get();
  engine.project = [this](TeamId team_id) {
    QueryProject out;
    out.schema = std::make_shared<ProjectSchema>(persons_.get(), side_rows_.get(), metadata_.get(),
                                                 objects_.get(), team_id);
    if (const auto project = metadata_->FindProject(team_id); project.has_value()) {
      out.timezone = project->timezone;
      out.week_start_day = project->week_start_day;
    }
    return out;
  };
  engine.memory_bytes_max = memory_.query_bytes;
  engine.memory_bytes_total = memory_.queries_bytes;
  engine.spill = spill_.get();
  engine.workers_max = static_cast<int>(options.threads > 0 ? options.threads : CpuCount());
  engine.numbers_bytes_max = memory_.cache_bytes / 4;
  engine_ = MakeQueryEngine(std::move(engine));
  return absl::OkStatus();
}

CohortPropertyType DataDirectory::PropertyTypeOf(TeamId project, bool is_of_event,
                                                 std::string_view key) const {
  const ProjectSchema schema(persons_.get(), side_rows_.get(), metadata_.get(), objects_.get(),
                             project);
  switch (schema.PropertyTypeOf(is_of_event ? PropertyKind::kEvent : PropertyKind::kPerson, key)) {
    case PropertyType::kNumeric:
      return CohortPropertyType::kNumber;
    case PropertyType::kBoolean:
      return CohortPropertyType::kBoolean;
    case PropertyType::kDateTime:
      return CohortPropertyType::kMoment;
    default:
      return CohortPropertyType::kText;
  }
}

DataDirectory::DataDirectory(Env* env, const MemoryShares& memory) : env_(env), memory_(memory) {}

DataDirectory::~DataDirectory() {
  if (ingestor_ != nullptr) Close().IgnoreError();
}

absl::Status DataDirectory::Close() {
  if (ingestor_ == nullptr) return absl::OkStatus();
  WaitUntilApplied();
  const absl::Status status = ingestor_->Stop();
  ingestor_.reset();
  return status;
}

// Everything accepted is worked through first, so that the next start has nothing to repeat.
void DataDirectory::WaitUntilApplied() {
  const int64_t begin_ns = env_->MonotonicNanos();
  int64_t progress_ns = begin_ns;
  uint64_t applied = ingestor_->applied_offset();
  std::string why;
  while (ingestor_->lag() > 0 && why.empty()) {
    ingestor_->WaitApplied(log_->end_offset(kEventsTopic), kClosePollUs);
    const int64_t now_ns = env_->MonotonicNanos();
    if (ingestor_->applied_offset() > applied) progress_ns = now_ns;
    applied = ingestor_->applied_offset();
    if (const absl::Status health = ingestor_->health(); !health.ok()) {
      why = FromAbsl(health.message());
    } else if (now_ns - progress_ns > kCloseStallNs) {
      why = "nothing has been applied for a while";
    } else if (now_ns - begin_ns > kCloseNs) {
      why = "there is too much to work through now";
    }
  }
  if (ingestor_->lag() == 0) return;
  LogWarning("stopping with accepted events left in the log; the next start goes on with them",
             {{"events", ingestor_->lag()}, {"why", why}});
}

}  // namespace hoglet
