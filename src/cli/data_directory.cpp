#include "src/cli/data_directory.h"

#include <algorithm>
#include <utility>

#include "query/exec/engine.h"
#include "src/base/arena.h"
#include "src/base/directories.h"
#include "src/base/json.h"
#include "src/base/process.h"
#include "src/base/strings.h"

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

ProjectInfo InfoOf(const Project& project) {
  return {.team_id = project.id,
          .name = project.name,
          .token = project.api_token,
          .timezone = project.timezone};
}

// The HTTP surfaces ask for projects and keys.
class ProjectKeys final : public ProjectDirectory {
 public:
  explicit ProjectKeys(const MetadataStore* metadata) : metadata_(metadata) {}

  bool IsKnownToken(std::string_view token) const override {
    return metadata_->FindProjectByToken(token).has_value();
  }
  SdkSettings SettingsOf(std::string_view token) const override {
    const std::optional<Project> project = metadata_->FindProjectByToken(token);
    return {.heatmaps = project.has_value() && project->heatmaps_opt_in.value_or(false)};
  }
  std::vector<ProjectInfo> Projects() const override {
    std::vector<ProjectInfo> out;
    for (const Project& project : metadata_->Projects()) out.push_back(InfoOf(project));
    return out;
  }
  std::optional<ProjectInfo> FindProject(TeamId id) const override {
    const std::optional<Project> project = metadata_->FindProject(id);
    if (!project.has_value()) return std::nullopt;
    return InfoOf(*project);
  }
  bool IsPersonalApiKey(std::string_view key) const override {
    return metadata_->FindApiKey(key).has_value();
  }
  bool MayRead(std::string_view personal_api_key, TeamId team_id) const override {
    return metadata_->FindProject(team_id).has_value() && IsPersonalApiKey(personal_api_key);
  }

 private:
  const MetadataStore* metadata_;
};

// Properties that hoglet's own columns and views read as text, whatever a client once sent.
bool IsAlwaysText(std::string_view name) {
  static const auto* const names = new StringSet<std::string_view>{"$session_id",
                                                                   "$window_id",
                                                                   "$current_url",
                                                                   "$referring_domain",
                                                                   "$referrer",
                                                                   "$external_click_url",
                                                                   "gclid",
                                                                   "gad_source",
                                                                   "gclsrc",
                                                                   "dclid",
                                                                   "gbraid",
                                                                   "wbraid",
                                                                   "fbclid",
                                                                   "msclkid",
                                                                   "twclid",
                                                                   "li_fat_id",
                                                                   "mc_cid",
                                                                   "igshid",
                                                                   "ttclid",
                                                                   "_kx",
                                                                   "irclid"};
  return names->contains(name) || name.starts_with("utm_") || name.starts_with("$initial_") ||
         name.starts_with("$group_");
}

// What the analyzer may know of a project. Queries of all projects see the first one's.
class ProjectSchema final : public SchemaProvider {
 public:
  ProjectSchema(const PersonStore* persons, const SideRows* rows, const MetadataStore* metadata,
                TeamId project_id)
      : persons_(persons), rows_(rows), metadata_(metadata), project_id_(project_id) {}

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
  const PersonStore* persons_;
  const SideRows* rows_;
  const MetadataStore* metadata_;
  const TeamId project_id_;
};

// How a limit on the whole process is shared out.
struct MemoryShares {
  explicit MemoryShares(uint64_t limit) {
    if (limit == 0) return;
    memtable_bytes = std::clamp<uint64_t>(limit / 16, 8ull << 20, memtable_bytes);
    person_bytes = std::clamp<uint64_t>(limit / 32, 4ull << 20, person_bytes);
    cache_bytes = std::clamp<uint64_t>(limit / 8, 16ull << 20, cache_bytes);
    query_bytes = std::clamp<uint64_t>(limit / 4, 32ull << 20, query_bytes);
  }
  uint64_t memtable_bytes = 64ull << 20;
  uint64_t person_bytes = 32ull << 20;
  uint64_t cache_bytes = 256ull << 20;
  uint64_t query_bytes = 2ull << 30;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(Env* env,
                                                                   const std::string& path,
                                                                   const Options& options) {
  if (!options.create && !env->Exists(path))
    return absl::NotFoundError(StrCat(path, ": no such data directory"));
  HOGLET_RETURN_IF_ERROR(CreateDirectoriesDurably(env, path));
  std::unique_ptr<DataDirectory> out(new DataDirectory());
  auto lock = env->Lock(StrCat(path, "/LOCK"));
  if (!lock.ok()) {
    if (!absl::IsFailedPrecondition(lock.status())) return lock.status();
    return absl::FailedPreconditionError(StrCat(
        path, ": another hoglet holds this data directory; use --url with the running server"));
  }
  out->lock_ = *std::move(lock);
  const MemoryShares shares(options.memory_limit_bytes);
  const unsigned threads = options.threads > 0 ? options.threads : CpuCount();

  const MetadataStore::ChosenKeys chosen{.project_token = options.project_token,
                                         .personal_api_key = options.personal_api_key};
  HOGLET_ASSIGN_OR_RETURN(out->metadata_,
                          MetadataStore::Open(env, StrCat(path, "/metadata"), chosen));
  out->projects_ = std::make_unique<ProjectKeys>(out->metadata_.get());
  HOGLET_ASSIGN_OR_RETURN(out->log_, Log::Open(env, StrCat(path, "/log"), {}));
  EventTable::Options table_options;
  table_options.cache_bytes_max = shares.cache_bytes;
  HOGLET_ASSIGN_OR_RETURN(out->events_,
                          EventTable::Open(env, StrCat(path, "/events"), table_options));
  HOGLET_ASSIGN_OR_RETURN(out->persons_, PersonStore::Open(env, StrCat(path, "/persons"), {}));
  out->teams_ = std::make_unique<ProjectTeams>(out->metadata_.get());
  out->warnings_ = std::make_unique<RecentWarnings>();
  out->side_rows_ = std::make_unique<SideRows>(out->persons_.get());
  out->dead_letters_ = std::make_unique<DeadLetterQueue>(out->log_.get());
  Ingestor::Options ingest_options;
  if (!options.geoip_db.empty()) {
    HOGLET_ASSIGN_OR_RETURN(out->geoip_, GeoIpDatabase::Open(options.geoip_db));
    ingest_options.geoip = out->geoip_.get();
  }
  HOGLET_ASSIGN_OR_RETURN(out->cookieless_salts_,
                          CookielessSalts::Open(env, StrCat(path, "/cookieless_salts")));
  ingest_options.cookieless = out->cookieless_salts_.get();
  ingest_options.memtable_bytes_max = shares.memtable_bytes;
  ingest_options.person_bytes_max = shares.person_bytes;
  out->ingestor_ =
      std::make_unique<Ingestor>(env, out->log_.get(), out->persons_.get(), out->events_.get(),
                                 out->teams_.get(), out->warnings_.get(), ingest_options);
  HOGLET_RETURN_IF_ERROR(out->ingestor_->Start());
  out->tables_ = std::make_unique<ProjectTables>(out->events_.get(), out->persons_.get(),
                                                 out->side_rows_.get(), out->dead_letters_.get());
  EngineOptions engine_options;
  engine_options.env = env;
  engine_options.tables = out->tables_.get();
  out->schema_ =
      std::make_unique<ProjectSchema>(out->persons_.get(), out->side_rows_.get(),
                                      out->metadata_.get(), out->metadata_->Projects()[0].id);
  engine_options.schema = out->schema_.get();
  engine_options.timezone = out->metadata_->Projects()[0].timezone;
  engine_options.memory_bytes_max = shares.query_bytes;
  engine_options.workers_max = static_cast<int>(threads);
  out->engine_ = MakeQueryEngine(std::move(engine_options));
  return out;
}

DataDirectory::~DataDirectory() {
  if (ingestor_ != nullptr) Close().IgnoreError();
}

absl::Status DataDirectory::Close() {
  if (ingestor_ == nullptr) return absl::OkStatus();
  // Everything accepted is worked through first, so that the next start has nothing to repeat.
  while (ingestor_->lag() > 0 && ingestor_->health().ok()) {
    if (!ingestor_->WaitApplied(log_->end_offset(kEventsTopic), 1'000'000)) continue;
  }
  const absl::Status status = ingestor_->Stop();
  ingestor_.reset();
  return status;
}

}  // namespace hoglet
