#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/flags/flag_set.h"
#include "src/flags/flag_value.h"
#include "src/persons/person.h"

namespace hoglet {

// What is known of one group that the request names.
struct FlagGroup {
  bool is_named = false;
  std::string_view key;  // empty if it was neither a text nor a number
  FlagValue key_value;   // $group_key: as sent
  GroupPtr stored;       // null: none
  const FlagProperties* overrides = nullptr;
};

// Everything a flag may depend on, for one request. Views outlive the evaluation.
struct FlagContext {
  int64_t now_us = 0;
  std::string_view distinct_id;                      // cut to 200 characters already
  std::string_view device_id;                        // empty: none
  std::optional<std::string_view> anon_distinct_id;  // $anon_distinct_id
  const FlagProperties* person_overrides = nullptr;  // with GeoIP facts filled in
  bool ignores_stored_person = false;                // only_use_override_person_properties
  PersonPtr person;                                  // null: none
  // Flag key and stored hash key.
  std::vector<std::pair<std::string, std::string>> hash_keys;
  // Whether the person is in a static cohort, or one that was calculated. Null: in none.
  std::function<bool(int64_t cohort_id)> is_member;
  std::array<FlagGroup, kGroupTypesMax> groups;

  // Not empty: the person (its stored properties and cohorts), the hash keys or the groups could
  // not be had, and flags that need them fail with this code ("database_error",
  // "timeout:person_properties", ...).
  std::string person_error;
  std::string hash_key_error;
  std::string group_error;
};

// Which flags of a set take part in a request (spec section 3.2).
struct FlagSelection {
  bool only_surveys = false;
  std::optional<FlagRuntime> runtime;  // of the request; nullopt: unknown. kAll keeps every flag
  std::vector<std::string> contexts;   // empty: all
  std::optional<std::vector<std::string>> keys;  // only these and what they depend on
  // By id; for callers that choose themselves.
  std::vector<int64_t> filtered_out_ids;
};

// In the order of their precedence, the lowest first (spec section 4.5).
enum class FlagReason : uint8_t {
  kMissingDependency,
  kFlagDisabled,
  kNoGroupType,
  kNoConditionMatch,
  kOutOfRolloutBound,
  kConditionMatch,
  kHoldoutConditionValue,
  kSuperConditionValue,
  kError,  // `error_code` says which
};

struct FlagResult {
  const FlagDefinition* flag = nullptr;
  bool is_enabled = false;
  bool has_failed = false;
  FlagReason reason = FlagReason::kNoGroupType;
  std::string_view error_code;  // of kError; static, or of the context
  // Some conditions were about groups that the request does not name (section 4.5).
  bool lacks_group = false;
  std::optional<int> condition_index;
  std::string_view variant;       // empty: none
  std::string_view payload_json;  // as stored; empty: none. Points into the set

  // Appends the description to the reason, e.g. "Matched condition set 1".
  std::string_view reason_code() const;
  void AppendDescription(std::string* out) const;
};

struct FlagEvaluation {
  std::vector<FlagResult> results;  // in the order of the set
  bool has_errors = false;          // errorsWhileComputingFlags
};

// The answer to all selected flags (spec section 4). A pure function; views in the results point
// into the set and the context. Thread-safe.
FlagEvaluation EvaluateFlags(const FlagSet& set, const FlagSelection& selection,
                             const FlagContext& context);

}  // namespace hoglet
