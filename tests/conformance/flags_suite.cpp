#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "src/base/arena.h"
#include "src/base/canonical_json.h"
#include "src/base/digest.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/flags/evaluate.h"
#include "src/flags/flag_dates.h"
#include "src/flags/flag_hash.h"
#include "src/flags/flag_set.h"
#include "src/flags/property_match.h"
#include "tests/conformance/suites.h"

// The vector files of feature flags, told apart by their "kind", run against the matcher.

namespace hoglet {
namespace {

using simdjson::dom::element;

std::optional<element> Find(const element& object, std::string_view key) {
  element value;
  if (!object.is_object() || object.at_key(key).get(value)) return std::nullopt;
  return value;
}

std::string Text(const element& object, std::string_view key) {
  const auto value = Find(object, key);
  return value.has_value() && value->is_string() ? std::string(std::string_view(*value)) : "";
}

std::string JsonOf(const element& object, std::string_view key) {
  const auto value = Find(object, key);
  return value.has_value() ? CanonicalJson(*value) : "absent";
}

double Number(const element& object, std::string_view key) {
  return double(object.at_key(key).value());
}

// Collects how a row differs; it holds if nothing does.
class RowCheck {
 public:
  template <typename Got, typename Wanted>
  void Equal(std::string_view what, const Got& got, const Wanted& wanted) {
    if (got == wanted) return;
    StrAppend(&differences_, differences_.empty() ? "" : "; ", what, ": expected ", wanted,
              ", got ", got);
  }
  void Fail(std::string_view difference) { StrAppend(&differences_, " ", difference); }
  const std::string& differences() const { return differences_; }

 private:
  std::string differences_;
};

void CheckHash(const element& row, RowCheck* check) {
  const std::string prefix = Text(row, "prefix");
  const std::string whole = Text(row, "identifier");
  const std::string identifier(CutFlagIdentifier(whole));
  const std::string salt = Text(row, "salt");
  const std::string digest = HexEncode(Sha1(prefix + identifier + salt));
  const double hash = FlagHash(prefix, identifier, salt);
  const auto integer = static_cast<uint64_t>(std::stoull(digest.substr(0, 15), nullptr, 16));
  check->Equal("sha1_first_15", digest.substr(0, 15), Text(row, "sha1_first_15"));
  check->Equal("n", StrCat(integer), Text(row, "n"));
  check->Equal("hash", std::bit_cast<uint64_t>(hash), std::bit_cast<uint64_t>(Number(row, "hash")));
  check->Equal("hash_binary64", StrCat(absl::Hex(std::bit_cast<uint64_t>(hash), absl::kZeroPad16)),
               Text(row, "hash_binary64"));
  int percentage = 0;
  while (!IsInRollout(hash, percentage)) ++percentage;
  check->Equal("min_integer_rollout", percentage, int64_t(row["min_integer_rollout"]));
}

void CheckEdge(const element& row, RowCheck* check) {
  const double hash = Number(row, "hash");
  if (Text(row, "kind") == "rollout") {
    check->Equal("included", IsInRollout(hash, Number(row, "rollout_percentage")),
                 bool(row["included"]));
    return;
  }
  std::vector<double> percentages;
  std::vector<std::string> keys;
  for (const element variant : simdjson::dom::array(row["variants"])) {
    percentages.push_back(Number(variant, "rollout_percentage"));
    keys.push_back(Text(variant, "key"));
  }
  const size_t picked = PickVariant(hash, VariantEnds(percentages));
  check->Equal("selected", picked < keys.size() ? keys[picked] : "",
               row["selected"].is_null() ? "" : Text(row, "selected"));
}

int64_t MicrosOf(std::string_view text) {
  const auto time = ParseFlagDate(text, FlagClock());
  return time.has_value() ? time->seconds * kMicrosPerSecond + time->nanos / 1000 : 0;
}

void CheckRelativeDate(const element& row, RowCheck* check) {
  const FlagClock clock{MicrosOf(Text(row, "now")), TimeZone::Utc()};
  for (const char* sign : {"", "-"}) {
    const auto date = ParseRelativeDate(std::string(sign) + Text(row, "input"), clock);
    const std::string got =
        date.has_value() ? FormatRfc3339(date->seconds * kMicrosPerSecond + date->nanos / 1000, 3)
                         : "null";
    check->Equal("date", got, row["expected"].is_null() ? "null" : Text(row, "expected"));
  }
}

std::string_view OutcomeName(MatchOutcome outcome) {
  return outcome == MatchOutcome::kMatch     ? "match"
         : outcome == MatchOutcome::kNoMatch ? "no_match"
                                             : "error";
}

std::unique_ptr<PropertyMatcher> MatcherOf(const element& row, const TimeZone& zone, Arena* arena) {
  const PropertyOperator op = row["operator"].is_null()
                                  ? PropertyOperator::kExact
                                  : ParsePropertyOperator(Text(row, "operator"));
  const auto value = Find(row, "filter_value");
  if (!value.has_value()) {
    return std::make_unique<PropertyMatcher>(op, nullptr, std::vector<FlagValue>(), zone);
  }
  std::vector<FlagValue> items;
  if (value->is_array()) {
    for (const element item : simdjson::dom::array(*value)) {
      items.push_back(FlagValue::FromJson(item, arena));
    }
  }
  const FlagValue whole = FlagValue::FromJson(*value, arena);
  return std::make_unique<PropertyMatcher>(op, &whole, items, zone);
}

TimeZone ZoneOf(const element& row) {
  auto zone = TimeZone::Load(Text(row, "timezone"));
  return zone.ok() ? *zone : TimeZone::Utc();
}

// A filter on the person row itself is not the matcher's alone: it goes through a flag.
void CheckMetadata(const element& row, RowCheck* check) {
  FlagSetSource source;
  source.timezone = ZoneOf(row);
  source.flags.push_back(
      StrCat(R"({"id":1,"key":"f","active":true,"filters":{"groups":[{"properties":[{"type":)",
             JsonOf(row, "filter_type"), R"(,"key":)", JsonOf(row, "key"), R"(,"operator":)",
             JsonOf(row, "operator"), R"(,"value":)", JsonOf(row, "filter_value"), "}]}]}}"));
  Arena arena;
  FlagProperties properties;
  const std::string key = Text(row, "key");
  if (bool(row["person_has_key"])) {
    properties.Set(key, FlagValue::FromJson(row["person_value"].value(), &arena));
  }
  FlagContext context;
  context.person_overrides = &properties;
  if (const std::string created_at = Text(row, "person_created_at"); !created_at.empty()) {
    auto person = std::make_shared<Person>();
    person->created_at_us = MicrosOf(created_at);
    context.person = person;
  }
  const auto set = FlagSet::Compile(std::move(source));
  const FlagEvaluation evaluation = EvaluateFlags(*set, {}, context);
  const bool matches = evaluation.results.at(0).is_enabled;
  check->Equal("outcome", matches ? "match" : "no_match", Text(row, "expected"));
}

void CheckOperator(const element& row, RowCheck* check) {
  if (Find(row, "filter_type").has_value()) return CheckMetadata(row, check);
  Arena arena;
  FlagClock clock{.zone = ZoneOf(row)};
  if (const std::string now = Text(row, "now"); !now.empty()) clock.now_us = MicrosOf(now);
  const auto matcher = MatcherOf(row, clock.zone, &arena);
  FlagValue value;
  const bool has_value = bool(row["person_has_key"]);
  if (has_value) value = FlagValue::FromJson(row["person_value"].value(), &arena);
  const MatchOutcome outcome = matcher->Match(has_value ? &value : nullptr, clock);
  // Only a local evaluator may lack a property that the person has; the server knows them all, so
  // that where the partial mode fails, absence is a fact and the operator has its answer for it.
  if (Text(row, "mode") == "partial" && !has_value && Text(row, "expected") == "error") {
    const std::string op = Text(row, "operator");
    check->Equal("outcome of absence", OutcomeName(outcome), op == "is_not" ? "match" : "no_match");
    return;
  }
  check->Equal("outcome", OutcomeName(outcome), Text(row, "expected"));
}

// The objects that a case's request and storage consist of, as EvaluateFlags takes them.
class CaseContext {
 public:
  CaseContext(const element& row, const FlagSetSource& source) : source_(source) {
    const element request = row["request"].value();
    distinct_id_ = Text(request, "distinct_id");
    device_id_ = Text(request, "device_id");
    anon_distinct_id_ = Text(request, "$anon_distinct_id");
    context_.distinct_id = CutFlagIdentifier(distinct_id_);
    context_.device_id = device_id_;
    if (Find(request, "$anon_distinct_id")) context_.anon_distinct_id = anon_distinct_id_;
    if (const auto properties = Find(request, "person_properties")) {
      Fill(*properties, &person_overrides_);
      context_.person_overrides = &person_overrides_;
    }
    AddGroups(row, request);
    if (const auto person = Find(row, "person"); person && person->is_object()) AddPerson(*person);
    context_.is_member = [this](int64_t id) { return static_cohorts_.contains(id); };
  }

  const FlagContext& context() const { return context_; }

 private:
  void Fill(const element& object, FlagProperties* out) {
    for (const auto field : simdjson::dom::object(object)) {
      out->Set(arena_.Copy(field.key), FlagValue::FromJson(field.value, &arena_));
    }
  }

  void AddPerson(const element& object) {
    auto person = std::make_shared<Person>();
    person->properties = *PropertySet::Parse(CanonicalJson(object["properties"].value()));
    context_.person = person;
    if (const auto ids = Find(object, "static_cohort_ids")) {
      for (const element id : simdjson::dom::array(*ids)) static_cohorts_.insert(int64_t(id));
    }
    if (const auto keys = Find(object, "hash_key_overrides")) {
      for (const auto field : simdjson::dom::object(*keys)) {
        context_.hash_keys.emplace_back(field.key, std::string_view(field.value));
      }
    }
  }

  void AddGroups(const element& row, const element& request) {
    const auto groups = Find(request, "groups");
    const auto properties = Find(request, "group_properties");
    for (size_t i = 0; i < source_.group_types.size(); ++i) {
      const std::string& name = source_.group_types[i];
      FlagGroup& group = context_.groups[i];
      if (const auto key = groups ? Find(*groups, name) : std::nullopt) {
        group.is_named = true;
        group.key_value = FlagValue::FromJson(*key, &arena_);
        if (key->is_string() || key->is_number()) group.key = group.key_value.text;
      }
      if (const auto sent = properties ? Find(*properties, name) : std::nullopt) {
        Fill(*sent, &group_overrides_[i]);
        group.overrides = &group_overrides_[i];
      }
      AddStoredGroup(row, name, &group);
    }
  }

  static void AddStoredGroup(const element& row, const std::string& name, FlagGroup* group) {
    const auto stored = Find(row, "stored_groups");
    if (!stored.has_value()) return;
    for (const element item : simdjson::dom::array(*stored)) {
      if (Text(item, "group_type") != name || Text(item, "group_key") != group->key) continue;
      auto found = std::make_shared<Group>();
      found->properties = *PropertySet::Parse(CanonicalJson(item["properties"].value()));
      group->stored = found;
    }
  }

  const FlagSetSource& source_;
  Arena arena_;
  std::string distinct_id_;
  std::string device_id_;
  std::string anon_distinct_id_;
  FlagProperties person_overrides_;
  std::array<FlagProperties, kGroupTypesMax> group_overrides_;
  std::set<int64_t> static_cohorts_;
  FlagContext context_;
};

FlagSetSource SourceOf(const element& row) {
  FlagSetSource source;
  for (const element flag : simdjson::dom::array(row["flags"])) {
    source.flags.push_back(CanonicalJson(flag));
  }
  if (const auto cohorts = Find(row, "cohorts")) {
    for (const element cohort : simdjson::dom::array(*cohorts)) {
      source.cohorts.push_back(CanonicalJson(cohort));
    }
  }
  if (const auto types = Find(row, "group_type_mapping")) {
    for (const auto field : simdjson::dom::object(*types)) {
      const size_t index = std::stoul(std::string(field.key));
      source.group_types.resize(std::max(source.group_types.size(), index + 1));
      source.group_types[index] = std::string(std::string_view(field.value));
    }
  }
  return source;
}

std::string_view Shown(bool value) { return value ? "true" : "false"; }
std::string QuotedOrNull(std::string_view text) {
  return text.empty() ? "null" : StrCat("\"", text, "\"");
}

// Every field that the case tells of one flag.
void CheckFlag(const std::string& key, const FlagResult& result, const element& wanted,
               RowCheck* check) {
  for (const auto field : simdjson::dom::object(wanted)) {
    const std::string what = StrCat(key, ".", field.key);
    const std::string expected = CanonicalJson(field.value);
    if (field.key == "enabled") {
      check->Equal(what, Shown(result.is_enabled), expected);
    } else if (field.key == "variant") {
      check->Equal(what, QuotedOrNull(result.variant), expected);
    } else if (field.key == "reason_code") {
      check->Equal(what, QuotedOrNull(result.reason_code()), expected);
    } else if (field.key == "condition_index") {
      check->Equal(what, result.condition_index ? StrCat(*result.condition_index) : "null",
                   expected);
    } else if (field.key == "payload") {
      check->Equal(what, result.payload_json.empty() ? "null" : result.payload_json, expected);
    } else {
      check->Fail(StrCat(what, " is not known to this program"));
    }
  }
}

void CheckEvaluation(const element& row, RowCheck* check) {
  const FlagSetSource source = SourceOf(row);
  const auto set = FlagSet::Compile(source);
  const CaseContext context(row, source);
  FlagSelection selection;
  selection.runtime = FlagRuntime::kAll;
  if (const auto ids = Find(row, "filtered_out_flag_ids")) {
    for (const element id : simdjson::dom::array(*ids)) {
      selection.filtered_out_ids.push_back(int64_t(id));
    }
  }
  const FlagEvaluation evaluation = EvaluateFlags(*set, selection, context.context());
  std::map<std::string, const FlagResult*, std::less<>> results;
  for (const FlagResult& result : evaluation.results) results[result.flag->key] = &result;
  const element wanted = row["expect"].value();
  for (const auto field : simdjson::dom::object(wanted["flags"])) {
    const auto found = results.find(field.key);
    if (found == results.end()) {
      check->Fail(StrCat(field.key, " is absent"));
    } else {
      CheckFlag(std::string(field.key), *found->second, field.value, check);
    }
  }
  for (const element key : simdjson::dom::array(wanted["absent"])) {
    if (results.contains(std::string_view(key)))
      check->Fail(StrCat(std::string_view(key), " is there"));
  }
  if (const auto errors = Find(wanted, "errors_while_computing_flags")) {
    check->Equal("errors_while_computing_flags", evaluation.has_errors, bool(*errors));
  }
}

// One flag, and the identifiers it is on for.
void RunConsistency(const element& file, SuiteRun* run) {
  FlagSetSource source;
  std::string flag = CanonicalJson(file["flag"].value());
  source.flags.push_back(flag.insert(1, R"("id":1,"active":true,)"));
  const auto set = FlagSet::Compile(source);
  int i = 0;
  for (const element wanted : simdjson::dom::array(file["results"])) {
    const std::string id = StrCat("distinct_id_", i++);
    FlagContext context;
    context.distinct_id = id;
    const FlagResult result = EvaluateFlags(*set, {}, context).results.at(0);
    RowCheck check;
    check.Equal("enabled", result.is_enabled, bool(wanted));
    check.Equal("reason", result.reason_code(),
                bool(wanted) ? "condition_match" : "out_of_rollout_bound");
    check.Equal("index", result.condition_index.value_or(-1), 0);
    if (check.differences().empty()) {
      ++run->passed;
    } else {
      run->Fail(id, check.differences());
    }
  }
}

using RowRunner = void (*)(const element&, RowCheck*);

void RunRows(const element& rows, RowRunner runner, SuiteRun* run) {
  for (const element row : simdjson::dom::array(rows)) {
    RowCheck check;
    runner(row, &check);
    if (check.differences().empty()) {
      ++run->passed;
    } else {
      run->Fail(Text(row, "id"), check.differences());
    }
  }
}

}  // namespace

SuiteRun RunFlagsSuite(const std::string& text, const std::string& file) {
  static const std::map<std::string, std::pair<const char*, RowRunner>> kinds = {
      {"bucketing hash arithmetic", {"rows", CheckHash}},
      {"rollout and variant comparison at exact doubles", {"rows", CheckEdge}},
      {"relative date filter values, UTC clock", {"rows", CheckRelativeDate}},
      {"property operator matching", {"rows", CheckOperator}},
      {"flag evaluation", {"cases", CheckEvaluation}},
  };
  SuiteRun run;
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(text).get(root)) {
    run.error = "not JSON";
    return run;
  }
  const std::string kind = Text(root, "kind");
  if (kind == "request decoding and HTTP edge") return RunFlagsHttpSuite(text, file);
  if (kind == "1000-identifier consistency array") {
    RunConsistency(root, &run);
  } else if (const auto found = kinds.find(kind); found != kinds.end()) {
    RunRows(root[found->second.first].value(), found->second.second, &run);
  } else {
    run.error = StrCat(file, ": nothing runs the kind '", kind, "' yet");
  }
  return run;
}

}  // namespace hoglet
