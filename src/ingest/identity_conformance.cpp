#include "src/ingest/identity_conformance.h"

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "include/hoglet/status.h"
#include "src/base/captured_event.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/ingest/event_applier.h"
#include "src/ingest/event_parser.h"
#include "src/ingest/steps/normalize.h"
#include "src/persons/person_store.h"

namespace hoglet {
namespace {

constexpr std::string_view kToken = "token";
constexpr std::string_view kDefaultTime = "2020-01-01T00:00:00.000Z";

class OneTeam : public TeamDirectory {
 public:
  std::optional<TeamSettings> FindByToken(std::string_view token) const override {
    int64_t team_id = 1;
    if (token != kToken) team_id = std::stoll(std::string(token));
    TeamSettings settings = settings_;
    settings.team_id = settings.project_id = team_id;
    return settings;
  }
  TeamSettings settings_;
};

// Gathers what an identity case asks about.
class Gathered : public WarningSink {
 public:
  void Warn(TeamId, const IngestionWarning& warning, int64_t) override {
    warnings.emplace_back(warning.type, WarningDetailsJson(warning));
  }
  std::vector<std::pair<std::string, std::string>> warnings;
};

int64_t TimeOf(const VectorJson& value) {
  return ParseRfc3339(value ? value.Text() : std::string(kDefaultTime)).value_or(0);
}

TeamId TeamOf(const VectorJson& value) {
  const VectorJson team = value["team_id"];
  return team ? team.Int() : 1;
}

const char* ModeName(PersonMode mode) {
  switch (mode) {
    case PersonMode::kFull:
      return "full";
    case PersonMode::kPropertyless:
      return "propertyless";
    case PersonMode::kForceUpgrade:
      return "force_upgrade";
  }
  return "";
}

// One case in the making: the store, the steps and what came out.
class CaseRunner {
 public:
  std::string Open(const VectorJson& test) {
    // No cache, so that every look-up goes to RocksDB.
    auto store = PersonStore::Open(&env_, "persons", {.cache_bytes_max = 0});
    if (!store.ok()) return std::string(FromAbsl(store.status().message()));
    store_ = *std::move(store);
    const VectorJson options = test["options"];
    teams_.settings_.is_person_processing_opted_out =
        options["team_person_processing_opt_out"].True();
    disables_persons_ = options["force_disable_person_processing"].True();
    applier_ = std::make_unique<EventApplier>(
        store_.get(), &gathered,
        PersonProcessor::Options{static_cast<uint64_t>(options["merge_move_limit"].Int())});
    for (const VectorJson& person : test["initial"].Items()) {
      if (std::string error = AddInitial(person); !error.empty()) return error;
    }
    for (const VectorJson& id : test["personless"].Items()) {
      PersonChanges changes;
      changes.team_id = 1;
      IdState state;
      state.is_personless = true;
      changes.ids.push_back({id.Text(), state, std::nullopt});
      store_->Apply(std::move(changes));
    }
    return Commit();
  }

  std::string AddInitial(const VectorJson& given) {
    auto person = std::make_shared<Person>();
    person->team_id = TeamOf(given);
    const std::vector<VectorJson> ids = given["distinct_ids"].Items();
    if (ids.empty()) return "an initial person without distinct ids";
    person->id = PersonUuid(person->team_id, ids[0].Text());
    person->created_at_us = TimeOf(given["created_at"]);
    person->version = given["version"].Int();
    person->is_identified = given["is_identified"].True();
    auto properties = PropertySet::Parse(given["properties"] ? given["properties"].Json() : "{}");
    if (!properties.ok()) return "bad properties";
    person->properties = *properties;
    PersonChanges changes;
    changes.team_id = person->team_id;
    for (const VectorJson& id : ids) {
      IdState state;
      state.is_mapped = true;
      state.person_id = person->id;
      state.version = given["distinct_id_versions"][id.Text()].Int();
      changes.ids.push_back({id.Text(), state, std::nullopt});
    }
    for (const VectorJson& flag : given["flag_hash_keys"].Members()) {
      changes.flags.push_back({person->id, std::string(flag.key()), flag.Text()});
    }
    changes.put.push_back(std::move(person));
    store_->Apply(std::move(changes));
    return "";
  }

  std::string Commit() {
    absl::Status status = store_->Seal(++offset_);
    if (status.ok()) status = store_->CommitSealed();
    return std::string(FromAbsl(status.message()));
  }

  // Takes the event through parser and applier; the batch then holds its row, or none.
  std::string Process(const VectorJson& given) {
    CapturedEvent captured;
    captured.uuid = ParseUuid(given["uuid"].Text()).value_or(Uuid{});
    captured.token = given["team_id"] ? StrCat(given["team_id"].Int()) : std::string(kToken);
    captured.event = given["event"].Text();
    captured.distinct_id = given["distinct_id"].Text();
    captured.timestamp_us = captured.now_us = TimeOf(given["timestamp"]);
    captured.force_disable_person_processing = disables_persons_;
    captured.json = given.Json();
    encoded_ = EncodeCapturedEvent(captured);
    arena_.Reset();
    event.value = encoded_;
    EventParser parser(&teams_);
    parser.Parse(&arena_, &event);
    if (updates_all && event.policy == UpdatePolicy::kFiltered) {
      event.policy = UpdatePolicy::kAlways;
    }
    batch.Clear();
    const absl::Status status = applier_->Apply(&event, &batch);
    return std::string(FromAbsl(status.message()));
  }

  PersonStore* store() { return store_.get(); }
  const PersonOutcome& outcome() const { return applier_->last_outcome(); }

  // The server setting that stores every change of persons.
  bool updates_all = false;
  Gathered gathered;
  ParsedEvent event;
  RowBatch batch;

 private:
  OneTeam teams_;
  bool disables_persons_ = false;
  uint64_t offset_ = 0;
  MemoryEnv env_;
  std::unique_ptr<PersonStore> store_;
  std::unique_ptr<EventApplier> applier_;
  Arena arena_;
  std::string encoded_;
};

std::string RowPersonProperties(const EventRow& row) {
  return row.person_properties ? SerializeJsonObject(*row.person_properties) : "{}";
}

// What the row of an event says of its person, against the case.
std::string CompareRow(const VectorJson& want, const CaseRunner& runner) {
  const RowBatch& batch = runner.batch;
  if (want["dropped"]) {
    return runner.event.fate == ParsedEvent::Fate::kDrop ? "" : "the event was not dropped";
  }
  if (want["dlq"]) return batch.dead_letters.size() == 1 ? "" : "the event was not dead-lettered";
  if (batch.row_count != 1) return StrCat("no row (", runner.event.reason, ")");
  const EventRow& row = batch.rows[0];
  std::string errors;
  if (FormatUuid(row.person_id) != want["person_id"].Text()) {
    StrAppend(&errors, "; person_id ", FormatUuid(row.person_id));
  }
  const int64_t want_s = FloorDivide(TimeOf(want["person_created_at"]), kMicrosPerSecond);
  if (FloorDivide(row.person_created_at_us, kMicrosPerSecond) != want_s) {
    StrAppend(&errors, "; person_created_at ", FormatRfc3339(row.person_created_at_us, 3));
  }
  if (want["person_properties"] &&
      !SameJson(RowPersonProperties(row), want["person_properties"].Json())) {
    StrAppend(&errors, "; person_properties ", RowPersonProperties(row));
  }
  if (want["person_mode"].Text() != ModeName(row.person_mode)) {
    StrAppend(&errors, "; person_mode ", ModeName(row.person_mode));
  }
  return errors;
}

struct Emitted {
  std::vector<std::string> mappings;
  std::vector<std::string> overrides;
  std::vector<std::string> removed;
  std::vector<std::string> dead_letters;
};

std::string MappingText(TeamId team, std::string_view id, std::string_view person,
                        int64_t version) {
  return StrCat(team, " ", id, " ", person, " ", version);
}

void Gather(const CaseRunner& runner, Emitted* emitted) {
  if (runner.event.fate != ParsedEvent::Fate::kStore) return;
  const PersonOutcome& outcome = runner.outcome();
  for (const auto& letter : runner.batch.dead_letters) {
    emitted->dead_letters.push_back(StrCat(letter.event->event, ": ", letter.reason));
  }
  for (const auto& mapping : outcome.mappings) {
    std::string text = MappingText(runner.event.team.team_id, mapping.distinct_id,
                                   FormatUuid(mapping.person_id), mapping.version);
    if (mapping.version > 0) emitted->overrides.push_back(text);
    emitted->mappings.push_back(std::move(text));
  }
  if (outcome.removed.has_value()) {
    emitted->removed.push_back(
        StrCat(FormatUuid(outcome.removed->person_id), " ", outcome.removed->version));
  }
}

std::string CompareLists(std::string_view what, std::vector<std::string> have,
                         std::vector<std::string> want) {
  // Rows of one merge come in the order of the ids' bytes, upstream in that of the table.
  std::sort(have.begin(), have.end());
  std::sort(want.begin(), want.end());
  if (have == want) return "";
  std::string text = StrCat("; ", what, " [");
  for (const std::string& line : have) StrAppend(&text, line, ", ");
  StrAppend(&text, "] want [");
  for (const std::string& line : want) StrAppend(&text, line, ", ");
  return text + "]";
}

std::string CompareEmitted(const VectorJson& want, const Emitted& emitted) {
  const auto mappings = [](const VectorJson& rows) {
    std::vector<std::string> texts;
    for (const VectorJson& row : rows.Items()) {
      texts.push_back(MappingText(TeamOf(row), row["distinct_id"].Text(), row["person_id"].Text(),
                                  row["version"].Int()));
    }
    return texts;
  };
  std::vector<std::string> removed;
  for (const VectorJson& row : want["deleted_persons"].Items()) {
    removed.push_back(StrCat(row["id"].Text(), " ", row["version"].Int()));
  }
  std::vector<std::string> dead_letters;
  for (const VectorJson& row : want["dlq"].Items()) {
    dead_letters.push_back(StrCat(row["event"].Text(), ": ", row["reason"].Text()));
  }
  return CompareLists("distinct_id_rows", emitted.mappings, mappings(want["distinct_id_rows"])) +
         CompareLists("overrides", emitted.overrides, mappings(want["overrides"])) +
         CompareLists("deleted_persons", emitted.removed, removed) +
         CompareLists("dlq", emitted.dead_letters, dead_letters);
}

// Each detail wanted must be there; others may be as well.
bool HasDetails(const VectorJson& want, const std::string& have_json, Arena* arena) {
  JsonObjectView have;
  if (!ParseJsonObject(have_json, arena, &have).ok()) return false;
  if (FindJsonMember(have, "eventUuid") == nullptr) return false;
  for (const VectorJson& detail : want.Members()) {
    const JsonMember* member = FindJsonMember(have, detail.key());
    if (member == nullptr || !SameJson(VectorJson(*member, arena).Json(), detail.Json())) {
      return false;
    }
  }
  return true;
}

std::string CompareWarnings(const VectorJson& want, const Gathered& gathered) {
  const std::vector<VectorJson> rows = want.Items();
  std::string errors;
  Arena arena;
  for (size_t i = 0; i < std::max(rows.size(), gathered.warnings.size()); ++i) {
    if (i >= rows.size()) {
      StrAppend(&errors, "; unexpected warning ", gathered.warnings[i].first);
    } else if (i >= gathered.warnings.size()) {
      StrAppend(&errors, "; no warning ", rows[i]["type"].Text());
    } else if (gathered.warnings[i].first != rows[i]["type"].Text() ||
               !HasDetails(rows[i]["details"], gathered.warnings[i].second, &arena)) {
      StrAppend(&errors, "; warning ", gathered.warnings[i].first, " ",
                gathered.warnings[i].second);
    }
  }
  return errors;
}

std::string ComparePerson(const VectorJson& want, const PersonRecord& have,
                          const std::vector<std::string>& ids, bool is_version_strict) {
  std::string errors;
  std::vector<std::string> want_ids;
  for (const VectorJson& id : want["distinct_ids"].Items()) want_ids.push_back(id.Text());
  errors += CompareLists("distinct_ids", ids, want_ids);
  if (!SameJson(have.properties, want["properties"].Json())) {
    StrAppend(&errors, "; properties ", have.properties);
  }
  if (have.is_identified != want["is_identified"].True()) {
    StrAppend(&errors, "; is_identified ", have.is_identified);
  }
  if (is_version_strict && want["version"] && have.version != want["version"].Int()) {
    StrAppend(&errors, "; version ", have.version);
  }
  if (have.created_at_us != TimeOf(want["created_at"])) {
    StrAppend(&errors, "; created_at ", FormatRfc3339(have.created_at_us, 3));
  }
  return errors;
}

std::string ComparePersons(const VectorJson& test, PersonStore* store) {
  const VectorJson strict = test["strict_version"];
  const bool is_version_strict = !strict || strict.True();
  std::string errors;
  std::map<TeamId, size_t> wanted{{1, 0}};
  for (const VectorJson& want : test["expect"]["persons"].Items()) {
    const TeamId team = TeamOf(want);
    ++wanted[team];
    const std::string uuid = want["uuid"].Text();
    const auto have = store->FindById(team, ParseUuid(uuid).value_or(Uuid{}));
    if (!have.ok() || !have->has_value()) {
      StrAppend(&errors, "; no person ", uuid);
      continue;
    }
    std::vector<std::string> ids;
    const absl::Status status = store->VisitDistinctIds(team, [&](const DistinctIdRecord& id) {
      if (id.person_id == (*have)->id) ids.push_back(id.distinct_id);
      return true;
    });
    if (!status.ok()) return std::string(FromAbsl(status.message()));
    errors += ComparePerson(want, **have, ids, is_version_strict);
    const VectorJson flags = test["expect"]["flag_hash_keys"];
    if (!flags) continue;
    JsonWriter json;
    json.BeginObject();
    const auto keys = store->LookupFlagHashKeys(team, (*have)->id);
    if (keys.ok()) {
      for (const auto& [flag, key] : *keys) json.Field(flag, key);
    }
    json.EndObject();
    if (!SameJson(json.text(), flags.Json())) StrAppend(&errors, "; flags ", json.text());
  }
  for (const auto& [team, count] : wanted) {
    size_t persons = 0;
    const absl::Status status = store->VisitPersons(team, [&](const PersonRecord&) {
      ++persons;
      return true;
    });
    if (!status.ok() || persons != count) {
      StrAppend(&errors, "; ", persons, " persons of team ", team, ", want ", count);
    }
  }
  return errors;
}

}  // namespace

std::string RunIdentityCase(const VectorJson& test) {
  CaseRunner runner;
  std::string errors = runner.Open(test);
  if (!errors.empty()) return "; " + errors;
  const VectorJson want = test["expect"];
  const std::vector<VectorJson> rows = want["event_persons"].Items();
  const std::vector<VectorJson> events = test["events"].Items();
  Emitted emitted;
  for (size_t i = 0; i < events.size(); ++i) {
    errors += runner.Process(events[i]);
    if (i < rows.size()) errors += CompareRow(rows[i], runner);
    Gather(runner, &emitted);
    errors += runner.Commit();
  }
  errors += CompareEmitted(want, emitted);
  errors += CompareWarnings(want["warnings"], runner.gathered);
  errors += ComparePersons(test, runner.store());
  return errors;
}

namespace {

std::string_view OutcomeName(UpdateOutcome outcome) {
  switch (outcome) {
    case UpdateOutcome::kChanged:
      return "changed";
    case UpdateOutcome::kIgnored:
      return "ignored";
    case UpdateOutcome::kNoChange:
      return "no_change";
    case UpdateOutcome::kUnsupported:
      return "unsupported";
  }
  return "";
}

// The copying of automatic properties.
std::string RunInitialCase(const VectorJson& test) {
  Arena arena;
  JsonObjectView properties = MembersOf(test["properties"].value(), &arena);
  PersonAssignments assignments;
  CopyAutomaticProperties(&properties, &arena, &assignments);
  const std::string have = SerializeJsonObject(properties);
  return SameJson(have, test["expect"].Json()) ? "" : "; " + have;
}

// The computed changes, before they are stored.
std::string CompareChanges(const VectorJson& test, const PropertySet& current,
                           const ParsedEvent& event, UpdatePolicy policy) {
  const VectorJson want = test["expect"];
  PropertyChanges changes;
  ComputePropertyChanges(current, event.request, policy, &changes);
  std::string errors;
  JsonObjectView to_set;
  for (const PropertyAssignment* assignment : changes.set) to_set.push_back(assignment->member);
  if (!SameJson(SerializeJsonObject(to_set), want["to_set"].Json())) {
    StrAppend(&errors, "; to_set ", SerializeJsonObject(to_set));
  }
  JsonWriter to_unset;
  to_unset.BeginArray();
  for (const std::string_view key : changes.unset) to_unset.String(key);
  to_unset.EndArray();
  if (!SameJson(to_unset.text(), want["to_unset"].Json())) {
    StrAppend(&errors, "; to_unset ", to_unset.text());
  }
  if (want["outcome"] && want["outcome"].Text() != OutcomeName(changes.outcome)) {
    StrAppend(&errors, "; outcome ", OutcomeName(changes.outcome));
  }
  const bool has_changes = !changes.set.empty() || !changes.unset.empty();
  if (want["has_changes"].True() != has_changes) StrAppend(&errors, "; has_changes ", has_changes);
  const bool is_forced = policy == UpdatePolicy::kAlways;
  if (want["force_update"].True() != is_forced) StrAppend(&errors, "; force_update ", is_forced);
  return errors;
}

}  // namespace

std::string RunPersonPropertiesCase(const VectorJson& test) {
  if (test["kind"].Text() == "initial") return RunInitialCase(test);
  CaseRunner runner;
  std::string errors = runner.Open(test);
  if (!errors.empty()) return "; " + errors;
  Arena arena;
  JsonWriter person;
  person.BeginObject().Key("distinct_ids").BeginArray().String("u").EndArray();
  person.Key("properties").Raw(test["person_properties"].Json()).EndObject();
  JsonMember initial;
  if (!ParseJsonValue(person.text(), &arena, &initial).ok()) return "bad case";
  errors += runner.AddInitial(VectorJson(initial, &arena));
  errors += runner.Commit();

  std::string event_json = test["event"].Json();
  event_json.insert(event_json.size() - 1, R"(,"distinct_id":"u")");
  JsonMember event;
  if (!ParseJsonValue(event_json, &arena, &event).ok()) return "bad case";
  const auto before = runner.store()->LookupPerson(1, PersonUuid(1, "u"));
  if (!before.ok() || *before == nullptr) return "no person";
  const PropertySetPtr current = (*before)->properties;
  runner.updates_all = test["update_all_properties"].True();
  errors += runner.Process(VectorJson(event, &arena));
  errors += CompareChanges(test, *current, runner.event, runner.event.policy);
  if (runner.batch.row_count != 1) return errors + "; no row";

  const VectorJson want = test["expect"];
  const std::string on_event = RowPersonProperties(runner.batch.rows[0]);
  if (!SameJson(on_event, want["person_properties_on_event"].Json())) {
    StrAppend(&errors, "; person_properties_on_event ", on_event);
  }
  const auto after = runner.store()->FindById(1, PersonUuid(1, "u"));
  if (!after.ok() || !after->has_value()) return errors + "; no person afterwards";
  if (!SameJson((*after)->properties, want["stored_properties"].Json())) {
    StrAppend(&errors, "; stored_properties ", (*after)->properties);
  }
  if (((*after)->version > 0) != want["written"].True()) {
    StrAppend(&errors, "; version afterwards ", (*after)->version);
  }
  return errors;
}

}  // namespace hoglet
