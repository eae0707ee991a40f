#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/base/strings.h"
#include "src/flags/flag_set.h"
#include "src/flags/property_match.h"

// What FlagSet keeps of the documents. Of the matcher's own files; others ask FlagSet.

namespace hoglet {

// Codes of flags that fail because of what is stored.
inline constexpr std::string_view kUnreadableFlagError = "data_parsing_error";
inline constexpr std::string_view kCohortNotFoundError = "dependency_not_found_cohort";
inline constexpr std::string_view kCohortCycleError = "dependency_cycle_cohort";
inline constexpr std::string_view kCohortUnreadableError = "cohort_filters_parsing_error";

// The name of a property with what looking it up takes.
struct PropertyName {
  PropertyName() = default;
  explicit PropertyName(std::string name);

  std::string name;
  uint32_t hash = 0;
};

struct PropertyKey : PropertyName {
  PropertyKey() = default;
  explicit PropertyKey(std::string name);

  // The first of them that is there stands in for it where it is missing: "$x" for "$initial_x".
  std::vector<PropertyName> stand_ins;
};

enum class FilterType : uint8_t { kPerson, kPersonMetadata, kGroup, kCohort, kFlag, kNever };

// A cohort, named by its id.
struct CohortReference {
  enum class Operator : uint8_t { kIn, kNotIn, kNever };

  Operator op = Operator::kIn;
  std::optional<int64_t> id;         // nullopt: what is there is no id
  std::optional<uint32_t> position;  // among the set's cohorts; nullopt: there is none
};

// The value another flag must have.
struct FlagReference {
  enum class Expected : uint8_t { kAny, kFalse, kVariant, kNever };

  Expected expected = Expected::kNever;
  std::string variant;
  std::optional<int64_t> id;         // nullopt: what is there is no id
  std::optional<uint32_t> position;  // among the set's flags
};

struct FlagFilter {
  FilterType type = FilterType::kNever;
  PropertyKey key;
  PropertyMatcher matcher;
  std::optional<int> group_index;
  bool negates = false;  // counts in cohorts only
  CohortReference cohort;
  FlagReference flag;
};

struct FlagCondition {
  std::vector<FlagFilter> filters;         // all but cohorts
  std::vector<FlagFilter> cohort_filters;  // looked at last
  double rollout_percentage = 100;
  std::string variant;  // empty: none
  // The condition's own: nullopt inherits the flag's; -1 is persons.
  std::optional<int> group_index;
};

struct CompiledFlag {
  struct Holdout {
    std::string variant;
    double percentage = 0;  // 0 .. 100
  };

  bool is_unreadable = false;
  bool is_cyclic = false;         // depends on itself, or on one that does: it is not answered
  bool lacks_dependency = false;  // itself, or one it depends on, names a flag that is not there
  bool exits_early = false;
  bool has_enrollment = false;
  std::string hash_prefix;
  std::optional<int> group_index;
  std::vector<FlagCondition> conditions;
  PropertyKey enrollment_key;
  std::optional<FlagCondition> super_condition;
  std::optional<Holdout> holdout;
  std::vector<std::string> variants;
  std::vector<double> variant_ends;
  StringMap<std::string, std::string> payloads;
  std::vector<uint32_t> dependencies;  // positions of live flags
};

// A part of a cohort's tree: a filter, or filters and parts of which all or one must hold.
struct CohortNode {
  enum class Kind : uint8_t { kAll, kAny, kFilter };

  Kind kind = Kind::kAny;
  std::vector<CohortNode> children;
  std::optional<FlagFilter> filter;
};

struct CompiledCohort {
  int64_t id = 0;
  bool is_deleted = false;
  // Static, or with behaviour in it: its members are calculated elsewhere.
  bool is_calculated = false;
  CohortNode root;         // by itself holds nobody
  std::string_view error;  // not empty: flags that ask for it fail
};

struct FlagSet::Impl {
  TeamId team_id = 0;
  TimeZone timezone;
  std::vector<std::string> group_types;
  std::vector<FlagDefinition> definitions;
  std::vector<CompiledFlag> flags;  // by position of the definition
  std::vector<CompiledCohort> cohorts;
  StringMap<std::string, uint32_t> positions_by_key;
  absl::flat_hash_map<int64_t, uint32_t> positions_by_id;
  std::vector<uint32_t> order;  // live flags, after those they depend on
  bool reads_persons = false;
  bool ensures_continuity = false;
  uint32_t group_types_read = 0;
};

}  // namespace hoglet
