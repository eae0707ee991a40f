#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "src/base/strings.h"
#include "src/flags/flag_dates.h"
#include "src/flags/flag_regex.h"
#include "src/flags/flag_value.h"
#include "src/flags/semver.h"

namespace hoglet {

enum class PropertyOperator : uint8_t {
  kExact,
  kIsNot,
  kIsSet,
  kIsNotSet,
  kIcontains,
  kNotIcontains,
  kIcontainsMulti,
  kNotIcontainsMulti,
  kStartsWith,
  kNotStartsWith,
  kEndsWith,
  kNotEndsWith,
  kRegex,
  kNotRegex,
  kGt,
  kGte,
  kLt,
  kLte,
  kBetween,
  kNotBetween,
  kIsDateBefore,
  kIsDateAfter,
  kIsDateExact,
  kSemverGt,
  kSemverGte,
  kSemverLt,
  kSemverLte,
  kSemverEq,
  kSemverNeq,
  kSemverTilde,
  kSemverCaret,
  kSemverWildcard,
  kIn,
  kNotIn,
  kFlagEvaluatesTo,
  kUnknown,
};

// kUnknown for a name there is no operator of.
PropertyOperator ParsePropertyOperator(std::string_view name);

enum class MatchOutcome : uint8_t {
  kNoMatch,
  kMatch,
  kError,  // the comparison makes no sense; a condition takes it for no match
};

// One comparison of a property with a fixed value (spec flags.md section 5), made ready once: texts
// lower-cased, numbers, dates, versions and patterns parsed. Immutable, thread-safe.
class PropertyMatcher {
 public:
  // `value` is null if the filter has none, which a JSON null is, too. `items` are the elements of
  // a value that is an array. Views need not outlive the call.
  PropertyMatcher(PropertyOperator op, const FlagValue* value, const std::vector<FlagValue>& items,
                  const TimeZone& zone);

  // `property` is null if there is none of that name; a null that is stored is there.
  MatchOutcome Match(const FlagValue* property, const FlagClock& clock) const;

 private:
  // `exact` against true or false, and against texts.
  struct Truth {
    bool is_true = false;
  };
  struct OneText {
    std::string text;  // lower case, as the operator asks for
  };
  struct Texts {
    std::vector<std::string> texts;
  };
  struct TextSet {
    StringSet<std::string> texts;
  };
  struct Range {
    double low = 0;
    double high = 0;
  };
  // Read anew at each match.
  struct ClockedDate {
    std::string text;
  };
  // Nothing: the filter's value cannot be compared with.
  using Operand =
      std::variant<std::monostate, Truth, OneText, Texts, TextSet, double, Range, FlagInstant,
                   ClockedDate, SemVersion, SemRequirement, std::unique_ptr<const FlagRegex>>;

  static Operand PrepareExact(const FlagValue& value, const std::vector<FlagValue>& items);
  static Operand PrepareDate(const FlagValue& value, const TimeZone& zone);
  static Operand PrepareRange(const FlagValue& value, const std::vector<FlagValue>& items);
  static Operand PrepareRequirement(PropertyOperator op, std::string_view text);
  static Operand Prepare(PropertyOperator op, const FlagValue& value,
                         const std::vector<FlagValue>& items, const TimeZone& zone);

  bool IsExact(const FlagValue& property) const;
  bool ContainsAny(const FlagValue& property) const;
  MatchOutcome MatchRegex(const FlagValue& property) const;
  MatchOutcome MatchNumber(const FlagValue& property) const;
  MatchOutcome MatchRange(const FlagValue& property) const;
  MatchOutcome MatchDate(const FlagValue& property, const FlagClock& clock) const;
  MatchOutcome MatchVersion(const FlagValue& property) const;

  PropertyOperator op_;
  bool has_value_;
  Operand operand_;
};

}  // namespace hoglet
