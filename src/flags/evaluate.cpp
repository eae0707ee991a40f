#include "src/flags/evaluate.h"

#include <algorithm>

#include "src/flags/cohort_match.h"
#include "src/flags/compiled_flags.h"
#include "src/flags/flag_hash.h"
#include "src/flags/property_lookup.h"

namespace hoglet {
namespace {

bool HasCommon(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&b](const std::string& text) {
    return std::find(b.begin(), b.end(), text) != b.end();
  });
}

bool RunsIn(const FlagDefinition& flag, std::optional<FlagRuntime> request) {
  return flag.runtime == FlagRuntime::kAll || request == FlagRuntime::kAll ||
         request == flag.runtime;
}

// Whether the flag is there for this request at all.
bool IsKept(const FlagDefinition& flag, const FlagSelection& selection) {
  if (!flag.is_live() || !RunsIn(flag, selection.runtime)) return false;
  if (selection.only_surveys && !flag.key.starts_with("survey-targeting-")) return false;
  if (!selection.contexts.empty() && !flag.contexts.empty() &&
      !HasCommon(flag.contexts, selection.contexts)) {
    return false;
  }
  const std::vector<int64_t>& out = selection.filtered_out_ids;
  return std::find(out.begin(), out.end(), flag.id) == out.end();
}

// By position in the set: the flags that are asked for, and kept.
std::vector<uint8_t> SelectFlags(const FlagSet::Impl& set, const FlagSelection& selection) {
  std::vector<uint8_t> is_selected(set.flags.size(), false);
  if (!selection.keys.has_value()) {
    for (size_t i = 0; i < is_selected.size(); ++i) {
      is_selected[i] = IsKept(set.definitions[i], selection);
    }
    return is_selected;
  }
  std::vector<uint32_t> wanted;
  for (const std::string& key : *selection.keys) {
    const auto found = set.positions_by_key.find(key);
    if (found != set.positions_by_key.end()) wanted.push_back(found->second);
  }
  while (!wanted.empty()) {
    const uint32_t i = wanted.back();
    wanted.pop_back();
    if (is_selected[i] || !IsKept(set.definitions[i], selection)) continue;
    is_selected[i] = true;
    wanted.insert(wanted.end(), set.flags[i].dependencies.begin(), set.flags[i].dependencies.end());
  }
  return is_selected;
}

// What a condition's rollout and variants are hashed by.
struct Identifier {
  std::string_view text;
  std::string_view error;
};

struct ConditionResult {
  FlagReason reason = FlagReason::kNoConditionMatch;
  std::string_view error;

  bool is_match() const { return error.empty() && reason == FlagReason::kConditionMatch; }
};

// The results of other flags of the request, by position in the set.
class FlagResults {
 public:
  FlagResults(const FlagSet::Impl& set, const FlagSelection& selection, const FlagContext& context)
      : context_(context), slots_(set.flags.size(), -1) {
    evaluation_.results.reserve(set.order.size());
    const std::vector<uint8_t> is_selected = SelectFlags(set, selection);
    for (size_t i = 0; i < is_selected.size(); ++i) {
      if (!is_selected[i]) continue;
      if (set.flags[i].is_cyclic) {
        evaluation_.has_errors = true;
        continue;
      }
      slots_[i] = static_cast<int32_t>(evaluation_.results.size());
      evaluation_.results.emplace_back().flag = &set.definitions[i];
    }
  }

  // Null if the flag is not to be answered.
  FlagResult* At(uint32_t position) {
    return slots_[position] < 0 ? nullptr : &evaluation_.results[slots_[position]];
  }
  // Whether another flag came out as the filter wants it.
  FlagAnswer Match(const FlagReference& wanted) {
    if (!wanted.position.has_value()) return {};
    const FlagResult* result = At(*wanted.position);
    // A flag that takes no part is off.
    if (result == nullptr) return {.is_true = wanted.expected == FlagReference::Expected::kFalse};
    // PostHog goes on without a flag that cannot be decided for anyone. One that only today's
    // storage fails would tell its dependants apart, so these fail with it.
    if (result->has_failed) return {.error = StorageError(result->error_code)};
    switch (wanted.expected) {
      case FlagReference::Expected::kAny:
        return {.is_true = result->is_enabled};
      case FlagReference::Expected::kFalse:
        return {.is_true = !result->is_enabled};
      case FlagReference::Expected::kVariant:
        return {.is_true = result->is_enabled && !result->variant.empty() &&
                           result->variant == wanted.variant};
      case FlagReference::Expected::kNever:
        break;
    }
    return {};
  }

  FlagEvaluation Take() {
    for (const FlagResult& result : evaluation_.results) {
      evaluation_.has_errors |= result.has_failed;
    }
    return std::move(evaluation_);
  }

 private:
  // The code if it is the context's, else empty.
  std::string_view StorageError(std::string_view code) const {
    const bool is_storage = code == context_.person_error || code == context_.group_error ||
                            code == context_.hash_key_error;
    return is_storage ? code : std::string_view();
  }

  const FlagContext& context_;
  std::vector<int32_t> slots_;
  FlagEvaluation evaluation_;
};

// Answers one flag, by spec section 4.4.
class FlagEvaluator {
 public:
  struct Request {
    const FlagContext& context;
    PropertyLookup& properties;
    CohortMatcher& cohorts;
    FlagResults& results;
  };

  FlagEvaluator(const Request& request, const CompiledFlag& flag, FlagResult* result)
      : request_(request),
        context_(request.context),
        flag_(flag),
        definition_(*result->flag),
        result_(*result) {}

  void Run() {
    if (flag_.lacks_dependency) {
      result_.reason = FlagReason::kMissingDependency;
    } else if (flag_.is_unreadable) {
      Fail(kUnreadableFlagError);
    } else if (!DecideByEnrollment() && !DecideByHoldout()) {
      DecideByConditions();
    }
  }

 private:
  void Fail(std::string_view error) {
    result_.has_failed = true;
    result_.is_enabled = false;
    result_.reason = FlagReason::kError;
    result_.error_code = error;
    result_.condition_index.reset();
    result_.variant = {};
    result_.payload_json = {};
  }

  std::string_view PayloadOf(std::string_view key) const {
    const auto found = flag_.payloads.find(key);
    return found == flag_.payloads.end() ? std::string_view() : found->second;
  }

  void SetEnrolled(bool is_enabled) {
    result_.is_enabled = is_enabled;
    result_.reason = FlagReason::kSuperConditionValue;
    result_.condition_index = 0;
    result_.payload_json = PayloadOf("true");
  }

  // True if early access decided the flag, or failed to.
  bool DecideByEnrollment() {
    if (flag_.has_enrollment) {
      FlagValue value;
      const FlagAnswer has_value = request_.properties.FindPerson(flag_.enrollment_key, &value);
      if (!has_value.is_known()) return Fail(has_value.error), true;
      if (!has_value.is_true) return false;
      const bool is_text =
          value.kind == FlagValue::Kind::kBool || value.kind == FlagValue::Kind::kString;
      SetEnrolled(is_text && value.text == "true");
      return true;
    }
    if (!flag_.super_condition.has_value()) return false;
    const FlagAnswer applies = HasAnyProperty(*flag_.super_condition);
    if (!applies.is_known()) return Fail(applies.error), true;
    if (!applies.is_true) return false;
    const ConditionResult outcome = MatchCondition(*flag_.super_condition, std::nullopt);
    if (!outcome.error.empty()) return Fail(outcome.error), true;
    SetEnrolled(outcome.is_match());
    return true;
  }

  FlagAnswer HasAnyProperty(const FlagCondition& condition) {
    FlagAnswer out;
    for (const auto* filters : {&condition.filters, &condition.cohort_filters}) {
      for (const FlagFilter& filter : *filters) {
        FlagValue value;
        const FlagAnswer found = request_.properties.FindPerson(filter.key, &value);
        if (found.is_known() && found.is_true) return found;
        if (!found.is_known()) out = found;
      }
    }
    return out;
  }

  bool DecideByHoldout() {
    if (!flag_.holdout.has_value()) return false;
    const CompiledFlag::Holdout& holdout = *flag_.holdout;
    if (holdout.percentage < 100) {
      const double hash = FlagHash("holdout-", HoldoutIdentifier(), "");
      if (!(hash <= holdout.percentage / 100.0)) return false;
    }
    result_.is_enabled = true;
    result_.reason = FlagReason::kHoldoutConditionValue;
    result_.variant = holdout.variant;
    result_.payload_json = PayloadOf(holdout.variant);
    return true;
  }

  void DecideByConditions() {
    for (size_t i = 0; i < flag_.conditions.size(); ++i) {
      const FlagCondition& condition = flag_.conditions[i];
      const std::optional<int> group = GroupOf(condition);
      if (!group.has_value() && definition_.is_device_bucketed && context_.device_id.empty()) {
        AddCandidate(FlagReason::kOutOfRolloutBound, i);
        continue;
      }
      if (group.has_value() && GroupKey(*group).empty()) {
        result_.lacks_group = true;
        AddCandidate(FlagReason::kNoGroupType, i);
        continue;
      }
      const ConditionResult outcome = MatchCondition(condition, group);
      if (!outcome.error.empty()) return Fail(outcome.error);
      AddCandidate(outcome.reason, i);
      if (outcome.is_match()) return Enable(condition, group);
      if (flag_.exits_early && outcome.reason == FlagReason::kOutOfRolloutBound) return;
    }
  }

  // Of equals, the later one is told.
  void AddCandidate(FlagReason reason, size_t condition_index) {
    if (reason < result_.reason) return;
    result_.reason = reason;
    result_.condition_index = static_cast<int>(condition_index);
  }

  void Enable(const FlagCondition& condition, std::optional<int> group) {
    const auto& names = flag_.variants;
    if (std::find(names.begin(), names.end(), condition.variant) != names.end()) {
      result_.variant = condition.variant;
    } else if (!names.empty()) {
      const Identifier identifier = IdentifierOf(group);
      if (!identifier.error.empty()) return Fail(identifier.error);
      const size_t variant = PickVariant(HashOf(identifier, "variant"), flag_.variant_ends);
      if (variant < names.size()) result_.variant = names[variant];
    }
    result_.is_enabled = true;
    result_.payload_json = PayloadOf(result_.variant.empty() ? "true" : result_.variant);
  }

  // The group type the condition is about; nullopt: persons.
  std::optional<int> GroupOf(const FlagCondition& condition) const {
    const std::optional<int> index =
        condition.group_index.has_value() ? condition.group_index : flag_.group_index;
    return index.has_value() && *index >= 0 ? index : std::nullopt;
  }

  std::string_view GroupKey(int index) const {
    return index < kGroupTypesMax ? context_.groups[static_cast<size_t>(index)].key
                                  : std::string_view();
  }

  // Of a person, or empty if neither a device nor an anonymous id stands for it.
  std::string_view SentIdentifier() const {
    if (definition_.is_device_bucketed && !context_.device_id.empty()) return context_.device_id;
    if (definition_.ensures_continuity && context_.anon_distinct_id.has_value()) {
      return *context_.anon_distinct_id;
    }
    return context_.distinct_id;
  }

  // Stored hash keys do not count for holdouts.
  std::string_view HoldoutIdentifier() const {
    return flag_.group_index.has_value() ? GroupKey(*flag_.group_index) : SentIdentifier();
  }

  Identifier IdentifierOf(std::optional<int> group) const {
    if (group.has_value()) return {.text = GroupKey(*group)};
    if (!definition_.is_device_bucketed || context_.device_id.empty()) {
      if (!context_.hash_key_error.empty() && definition_.ensures_continuity) {
        return {.error = context_.hash_key_error};
      }
      for (const auto& [key, hash_key] : context_.hash_keys) {
        if (key == definition_.key) return {.text = hash_key};
      }
    }
    return {.text = SentIdentifier()};
  }

  double HashOf(const Identifier& identifier, std::string_view salt) const {
    return identifier.text.empty() ? 0.0 : FlagHash(flag_.hash_prefix, identifier.text, salt);
  }

  ConditionResult CheckRollout(const FlagCondition& condition, std::optional<int> group) {
    if (condition.rollout_percentage == 100) return {.reason = FlagReason::kConditionMatch};
    const Identifier identifier = IdentifierOf(group);
    if (!identifier.error.empty()) return {.error = identifier.error};
    if (!rollout_hash_.has_value() || identifier.text != rollout_identifier_) {
      rollout_hash_ = HashOf(identifier, "");
      rollout_identifier_ = identifier.text;
    }
    const bool is_in = IsInRollout(*rollout_hash_, condition.rollout_percentage);
    return {.reason = is_in ? FlagReason::kConditionMatch : FlagReason::kOutOfRolloutBound};
  }

  FlagAnswer MatchFilter(const FlagFilter& filter, std::optional<int> group) {
    switch (filter.type) {
      case FilterType::kPerson:
        return request_.properties.MatchPerson(filter);
      case FilterType::kPersonMetadata:
        return request_.properties.MatchPersonMetadata(filter);
      case FilterType::kGroup:
        return request_.properties.MatchGroup(filter, group);
      case FilterType::kFlag:
        return request_.results.Match(filter.flag);
      case FilterType::kCohort:
        return request_.cohorts.Match(filter.cohort);
      case FilterType::kNever:
        break;
    }
    return {};
  }

  ConditionResult MatchCondition(const FlagCondition& condition, std::optional<int> group) {
    std::string_view error;
    for (const FlagFilter& filter : condition.filters) {
      const FlagAnswer answer = MatchFilter(filter, group);
      if (answer.is_false()) return {};
      if (!answer.is_known()) error = answer.error;
    }
    // A cohort that nobody can decide fails the flag, whatever the other cohorts say.
    for (const FlagFilter& filter : condition.cohort_filters) {
      const std::string_view cohort_error = request_.cohorts.ErrorOf(filter.cohort);
      if (!cohort_error.empty()) return {.error = cohort_error};
    }
    for (const FlagFilter& filter : condition.cohort_filters) {
      const FlagAnswer answer = MatchFilter(filter, group);
      if (answer.is_false()) return {};
      if (!answer.is_known()) error = answer.error;
    }
    if (!error.empty()) return {.error = error};
    return CheckRollout(condition, group);
  }

  const Request& request_;
  const FlagContext& context_;
  const CompiledFlag& flag_;
  const FlagDefinition& definition_;
  FlagResult& result_;
  std::optional<double> rollout_hash_;  // of the identifier below
  std::string_view rollout_identifier_;
};

std::string_view DescriptionOf(const FlagResult& result) {
  switch (result.reason) {
    case FlagReason::kMissingDependency:
      return "Flag cannot be evaluated due to missing dependency";
    case FlagReason::kFlagDisabled:
      return "Feature flag is disabled";
    case FlagReason::kNoGroupType:
      return "No group type";
    case FlagReason::kNoConditionMatch:
      return result.lacks_group ? "No matching condition set (group conditions were not evaluated "
                                  "because no group type was provided)"
                                : "No matching condition set";
    case FlagReason::kOutOfRolloutBound:
      return "Out of rollout bound";
    case FlagReason::kHoldoutConditionValue:
      return "Holdout condition value";
    case FlagReason::kSuperConditionValue:
      return "Super condition value";
    case FlagReason::kConditionMatch:
    case FlagReason::kError:
      break;
  }
  return {};
}

// "database_error" as "Database error".
void AppendErrorDescription(std::string_view code, std::string* out) {
  if (code == kCohortNotFoundError) return (void)out->append("Cohort dependency not found");
  if (code == kCohortCycleError) return (void)out->append("Cohort dependency cycle detected");
  const size_t begin = out->size();
  for (const char c : code) out->append(c == '_' ? " " : c == ':' ? ": " : std::string(1, c));
  char& first = (*out)[begin];
  if (first >= 'a' && first <= 'z') first = static_cast<char>(first - 32);
}

}  // namespace

std::string_view FlagResult::reason_code() const {
  switch (reason) {
    case FlagReason::kMissingDependency:
      return "missing_dependency";
    case FlagReason::kFlagDisabled:
      return "flag_disabled";
    case FlagReason::kNoGroupType:
      return "no_group_type";
    case FlagReason::kNoConditionMatch:
      return "no_condition_match";
    case FlagReason::kOutOfRolloutBound:
      return "out_of_rollout_bound";
    case FlagReason::kConditionMatch:
      return "condition_match";
    case FlagReason::kHoldoutConditionValue:
      return "holdout_condition_value";
    case FlagReason::kSuperConditionValue:
      return "super_condition_value";
    case FlagReason::kError:
      break;
  }
  return error_code;
}

void FlagResult::AppendDescription(std::string* out) const {
  if (reason == FlagReason::kError) return AppendErrorDescription(error_code, out);
  if (reason != FlagReason::kConditionMatch) return (void)out->append(DescriptionOf(*this));
  out->append("Matched condition set ").append(std::to_string(condition_index.value_or(0) + 1));
}

FlagEvaluation EvaluateFlags(const FlagSet& set, const FlagSelection& selection,
                             const FlagContext& context) {
  const FlagSet::Impl& impl = set.impl();
  FlagResults results(impl, selection, context);
  PropertyLookup properties(context, impl.timezone);
  CohortMatcher cohorts(impl, context, &properties);
  const FlagEvaluator::Request request{context, properties, cohorts, results};
  for (const uint32_t position : impl.order) {
    FlagResult* result = results.At(position);
    if (result != nullptr) FlagEvaluator(request, impl.flags[position], result).Run();
  }
  return results.Take();
}

}  // namespace hoglet
