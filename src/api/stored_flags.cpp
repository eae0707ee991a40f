#include "src/api/stored_flags.h"

#include <algorithm>
#include <utility>

#include "src/api/product_fields.h"
#include "src/base/arena.h"
#include "src/capture/capture_service.h"
#include "src/ingest/command.h"
#include "src/ingest/geoip_database.h"

namespace hoglet {
namespace {

std::vector<std::string> TextsOf(const Objects& objects) {
  std::vector<std::string> texts;
  texts.reserve(objects.size());
  for (const auto& [id, json] : objects) texts.push_back(*json);
  return texts;
}

bool IsRunningSurvey(const std::string& json) {
  const auto survey = JsonFields::Parse(json);
  return survey.ok() && IsRunning(*survey);
}

}  // namespace

std::unique_lock<std::mutex> StoredFlags::Refresh(TeamId team, Project** project) {
  {
    std::lock_guard lock(mutex_);
    auto& slot = projects_[team];
    if (slot == nullptr) slot = std::make_unique<Project>();
    *project = slot.get();
  }
  std::unique_lock lock((*project)->mutex);
  // Asked before what they speak of is read: what changes meanwhile is seen by the next request.
  const Version version{.objects = parts_.objects->version(team),
                        .metadata = parts_.metadata->version(),
                        .group_types = parts_.persons->group_types_version()};
  Project& slot = **project;
  if (slot.set != nullptr && slot.version == version) return lock;
  FlagSetSource source = SourceOf(team);
  source.flags = TextsOf(*parts_.objects->All(team, ObjectKind::kFeatureFlag));
  slot.set = FlagSet::Compile(std::move(source));
  slot.version = version;
  const auto& flags = slot.set->flags();
  slot.has_live_flags = std::any_of(flags.begin(), flags.end(), [](const FlagDefinition& flag) {
    return flag.is_live() && !flag.is_remote_configuration;
  });
  slot.has_running_surveys = false;
  const auto surveys = parts_.objects->All(team, ObjectKind::kSurvey);
  for (const auto& [id, json] : *surveys) {
    slot.has_running_surveys |= IsRunningSurvey(*json);
  }
  for (auto& document : slot.documents) document = nullptr;
  return lock;
}

FlagSetSource StoredFlags::SourceOf(TeamId team) const {
  FlagSetSource source;
  source.team_id = team;
  if (const auto project = parts_.metadata->FindProject(team); project.has_value()) {
    if (const auto zone = TimeZone::Load(project->timezone); zone.ok()) source.timezone = *zone;
  }
  if (auto types = parts_.persons->GroupTypes(team); types.ok()) {
    source.group_types = *std::move(types);
  }
  source.cohorts = TextsOf(*parts_.objects->All(team, ObjectKind::kCohort));
  return source;
}

std::shared_ptr<const FlagSet> StoredFlags::CompileWith(TeamId team, std::string flag_json) const {
  FlagSetSource source = SourceOf(team);
  source.flags = {std::move(flag_json)};
  return FlagSet::Compile(std::move(source));
}

std::shared_ptr<const FlagSet> StoredFlags::Flags(TeamId team) {
  Project* project = nullptr;
  const auto lock = Refresh(team, &project);
  return project->set;
}

std::shared_ptr<const FlagDocument> StoredFlags::LocalEvaluation(TeamId team, bool with_cohorts) {
  Project* project = nullptr;
  const auto lock = Refresh(team, &project);
  auto& document = project->documents[with_cohorts ? 1 : 0];
  if (document == nullptr) {
    document = std::make_shared<const FlagDocument>(
        MakeFlagDocument({.team_id = team,
                          .flags = *parts_.objects->All(team, ObjectKind::kFeatureFlag),
                          .cohorts = *parts_.objects->All(team, ObjectKind::kCohort),
                          .group_types = project->set->group_types(),
                          .with_cohorts = with_cohorts}));
  }
  return document;
}

bool StoredFlags::HasLiveFlags(TeamId team) {
  Project* project = nullptr;
  const auto lock = Refresh(team, &project);
  return project->has_live_flags;
}

bool StoredFlags::HasRunningSurveys(TeamId team) {
  Project* project = nullptr;
  const auto lock = Refresh(team, &project);
  return project->has_running_surveys;
}

std::optional<PersonStore::Facts> StoredFlags::Remember(const PersonStore::FactsWanted& wanted) {
  return parts_.persons->Remember(wanted);
}

absl::StatusOr<PersonStore::Facts> StoredFlags::Ask(const PersonStore::FactsWanted& wanted) {
  return parts_.persons->Ask(wanted);
}

bool StoredFlags::FindPlace(std::string_view ip, Arena* arena, JsonObjectView* facts) {
  return parts_.geoip != nullptr && parts_.geoip->Find(ip, arena, facts);
}

bool StoredFlags::IsMember(TeamId team, int64_t cohort_id, const Uuid& person) {
  const auto members = parts_.objects->Members(team, cohort_id);
  return members != nullptr && members->Contains(person);
}

// A command in the log, so that it takes its place among the events that merge persons.
void StoredFlags::KeepHashKeys(const FlagHashKeyWrite& write,
                               std::function<void(absl::StatusOr<uint64_t>)> done) {
  const std::string command = EncodeCommand({.kind = IngestCommand::Kind::kKeepFlagHashKeys,
                                             .team_id = write.team_id,
                                             .distinct_ids = write.distinct_ids,
                                             .flags = write.flags,
                                             .hash_key = write.hash_key});
  parts_.log->AppendAsync(kEventsTopic, {{"", command}}, std::move(done));
}

}  // namespace hoglet
