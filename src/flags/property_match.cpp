#include "src/flags/property_match.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "src/base/unicode_case.h"
#include "src/flags/flag_number.h"

namespace hoglet {
namespace {

using enum PropertyOperator;

constexpr std::pair<std::string_view, PropertyOperator> kNames[] = {
    {"exact", kExact},
    {"is_not", kIsNot},
    {"is_set", kIsSet},
    {"is_not_set", kIsNotSet},
    {"icontains", kIcontains},
    {"not_icontains", kNotIcontains},
    {"icontains_multi", kIcontainsMulti},
    {"not_icontains_multi", kNotIcontainsMulti},
    {"starts_with", kStartsWith},
    {"not_starts_with", kNotStartsWith},
    {"ends_with", kEndsWith},
    {"not_ends_with", kNotEndsWith},
    {"regex", kRegex},
    {"not_regex", kNotRegex},
    {"gt", kGt},
    {"gte", kGte},
    {"lt", kLt},
    {"lte", kLte},
    {"between", kBetween},
    {"not_between", kNotBetween},
    {"is_date_before", kIsDateBefore},
    {"is_date_after", kIsDateAfter},
    {"is_date_exact", kIsDateExact},
    {"semver_gt", kSemverGt},
    {"semver_gte", kSemverGte},
    {"semver_lt", kSemverLt},
    {"semver_lte", kSemverLte},
    {"semver_eq", kSemverEq},
    {"semver_neq", kSemverNeq},
    {"semver_tilde", kSemverTilde},
    {"semver_caret", kSemverCaret},
    {"semver_wildcard", kSemverWildcard},
    {"in", kIn},
    {"not_in", kNotIn},
    {"flag_evaluates_to", kFlagEvaluatesTo},
};

// More texts than this are looked up by hash.
constexpr size_t kListedTextsMax = 8;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string AsciiLower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), Lower);
  return out;
}

// Of two texts of one length, the second in lower case.
bool EqualsFolded(const char* text, std::string_view lower) {
  for (size_t i = 0; i < lower.size(); ++i) {
    if (Lower(text[i]) != lower[i]) return false;
  }
  return true;
}

bool StartsWithFolded(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() && EqualsFolded(text.data(), lower);
}

bool EndsWithFolded(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         EqualsFolded(text.data() + (text.size() - lower.size()), lower);
}

bool IsEqualFolded(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() && EqualsFolded(text.data(), lower);
}

// In time linear in both, which std::string_view::find() is not: either may be long and hostile.
bool Contains(std::string_view text, std::string_view part) {
  if (part.empty()) return true;
  return text.size() >= part.size() &&
         memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

// The text in lower case, for searches; in `scratch` unless it is that already.
std::string_view FoldedText(std::string_view text, std::string* scratch) {
  const bool has_upper =
      std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!has_upper) return text;
  *scratch = AsciiLower(text);
  return *scratch;
}

std::string Lowercase(std::string_view text) {
  std::string out;
  AppendLowercase(text, &out);
  return out;
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<signed char>(c) >= 0; });
}

// Visits what an array of compact JSON holds at any depth, as texts between commas and brackets:
// `[true,["True"]]`. False as soon as `holds` is.
template <typename Predicate>
bool AllLeaves(std::string_view json, const Predicate& holds) {
  for (size_t i = 0; i < json.size();) {
    if (json[i] == '[' || json[i] == ']' || json[i] == ',') {
      ++i;
      continue;
    }
    size_t end = json.find_first_of("],", i);
    // Texts with brackets, commas or quotes within are cut short, and are no truth value.
    end = std::min(end, json.size());
    if (!holds(json.substr(i, end - i))) return false;
    i = end;
  }
  return true;
}

bool IsTrueLeaf(std::string_view json) { return json == "true" || IsEqualFolded(json, "\"true\""); }
bool IsTruthLeaf(std::string_view json) {
  return IsTrueLeaf(json) || json == "false" || IsEqualFolded(json, "\"false\"");
}

bool IsTruthy(const FlagValue& value) {
  switch (value.kind) {
    case FlagValue::Kind::kBool:
      return value.text == "true";
    case FlagValue::Kind::kString:
      return IsEqualFolded(value.text, "true");
    case FlagValue::Kind::kArray:
      return AllLeaves(value.text, IsTrueLeaf);
    default:
      return false;
  }
}

// Whether a filter's value stands for true or false, or for nothing but these.
bool IsTruthValue(const FlagValue& value) {
  switch (value.kind) {
    case FlagValue::Kind::kBool:
      return true;
    case FlagValue::Kind::kString:
      return IsEqualFolded(value.text, "true") || IsEqualFolded(value.text, "false");
    case FlagValue::Kind::kArray:
      return AllLeaves(value.text, IsTruthLeaf);
    default:
      return false;
  }
}

MatchOutcome Of(bool matches) { return matches ? MatchOutcome::kMatch : MatchOutcome::kNoMatch; }

// What an operator says of a property that is not there.
MatchOutcome OfAbsent(PropertyOperator op) {
  switch (op) {
    case kIsNot:
    case kNotIcontains:
    case kNotIcontainsMulti:
    case kNotStartsWith:
    case kNotEndsWith:
    case kNotRegex:
    case kNotBetween:
      return MatchOutcome::kMatch;
    default:
      return MatchOutcome::kNoMatch;
  }
}

bool IsPropertyOperator(PropertyOperator op) {
  return op != kIn && op != kNotIn && op != kFlagEvaluatesTo && op != kUnknown;
}

}  // namespace

PropertyOperator ParsePropertyOperator(std::string_view name) {
  for (const auto& [known, op] : kNames) {
    if (known == name) return op;
  }
  return kUnknown;
}

PropertyMatcher::PropertyMatcher(PropertyOperator op, const FlagValue* value,
                                 const std::vector<FlagValue>& items, const TimeZone& zone)
    : op_(op), has_value_(value != nullptr && value->kind != FlagValue::Kind::kNull) {
  if (has_value_) operand_ = Prepare(op, *value, items, zone);
}

PropertyMatcher::Operand PropertyMatcher::PrepareExact(const FlagValue& value,
                                                       const std::vector<FlagValue>& items) {
  if (IsTruthValue(value)) return Truth{IsTruthy(value)};
  if (value.kind != FlagValue::Kind::kArray) return OneText{Lowercase(value.text)};
  if (items.size() > kListedTextsMax) {
    TextSet set;
    for (const FlagValue& item : items) set.texts.insert(Lowercase(item.text));
    return set;
  }
  Texts texts;
  for (const FlagValue& item : items) texts.texts.push_back(Lowercase(item.text));
  return texts;
}

PropertyMatcher::Operand PropertyMatcher::PrepareDate(const FlagValue& value,
                                                      const TimeZone& zone) {
  if (value.kind != FlagValue::Kind::kString) return std::monostate();
  if (IsRelativeDate(value.text)) return ClockedDate{std::string(value.text)};
  // Two clocks that differ in year, day and hour tell what depends on them.
  const FlagClock now{.now_us = 0, .zone = zone};
  const FlagClock later{.now_us = 400 * kMicrosPerDay + kMicrosPerHour, .zone = zone};
  const auto instant = ParseFlagDate(value.text, now);
  if (!instant.has_value() || instant != ParseFlagDate(value.text, later)) {
    return ClockedDate{std::string(value.text)};
  }
  return *instant;
}

PropertyMatcher::Operand PropertyMatcher::PrepareRange(const FlagValue& value,
                                                       const std::vector<FlagValue>& items) {
  if (value.kind != FlagValue::Kind::kArray || items.size() != 2) return std::monostate();
  const auto low = ParseFlagNumber(items[0].text);
  const auto high = ParseFlagNumber(items[1].text);
  // NaN is not at most anything.
  if (!low.has_value() || !high.has_value() || !(*low <= *high)) return std::monostate();
  return Range{*low, *high};
}

PropertyMatcher::Operand PropertyMatcher::PrepareRequirement(PropertyOperator op,
                                                             std::string_view text) {
  auto requirement = op == kSemverTilde   ? SemRequirement::Tilde(text)
                     : op == kSemverCaret ? SemRequirement::Caret(text)
                                          : SemRequirement::Wildcard(text);
  if (!requirement.has_value()) return std::monostate();
  return *std::move(requirement);
}

PropertyMatcher::Operand PropertyMatcher::Prepare(PropertyOperator op, const FlagValue& value,
                                                  const std::vector<FlagValue>& items,
                                                  const TimeZone& zone) {
  switch (op) {
    case kExact:
    case kIsNot:
      return PrepareExact(value, items);
    case kIcontainsMulti:
    case kNotIcontainsMulti: {
      Texts texts;
      for (const FlagValue& item : items) texts.texts.push_back(AsciiLower(item.text));
      if (value.kind != FlagValue::Kind::kArray) texts.texts.push_back(AsciiLower(value.text));
      return texts;
    }
    case kIcontains:
    case kNotIcontains:
      return Texts{{AsciiLower(value.text)}};
    case kStartsWith:
    case kNotStartsWith:
    case kEndsWith:
    case kNotEndsWith:
      return OneText{AsciiLower(value.text)};
    case kRegex:
    case kNotRegex:
      return FlagRegex::Compile(value.text);
    case kGt:
    case kGte:
    case kLt:
    case kLte:
      if (const auto number = ParseFlagNumber(value.text)) return *number;
      return std::monostate();
    case kBetween:
    case kNotBetween:
      return PrepareRange(value, items);
    case kIsDateBefore:
    case kIsDateAfter:
    case kIsDateExact:
      return PrepareDate(value, zone);
    case kSemverGt:
    case kSemverGte:
    case kSemverLt:
    case kSemverLte:
    case kSemverEq:
    case kSemverNeq:
      if (auto version = SemVersion::Parse(value.text)) return *std::move(version);
      return std::monostate();
    case kSemverTilde:
    case kSemverCaret:
    case kSemverWildcard:
      return PrepareRequirement(op, value.text);
    default:
      return std::monostate();
  }
}

MatchOutcome PropertyMatcher::Match(const FlagValue* property, const FlagClock& clock) const {
  if (op_ == kIsSet) return Of(property != nullptr);
  if (op_ == kIsNotSet) return Of(property == nullptr);
  if (!has_value_) return MatchOutcome::kNoMatch;
  if (!IsPropertyOperator(op_)) return MatchOutcome::kError;
  if (property == nullptr) return OfAbsent(op_);
  switch (op_) {
    case kExact:
      return Of(IsExact(*property));
    case kIsNot:
      return Of(!IsExact(*property));
    case kIcontains:
    case kIcontainsMulti:
      return Of(ContainsAny(*property));
    case kNotIcontains:
    case kNotIcontainsMulti:
      return Of(!ContainsAny(*property));
    case kStartsWith:
    case kNotStartsWith:
      return Of(StartsWithFolded(property->text, std::get<OneText>(operand_).text) ==
                (op_ == kStartsWith));
    case kEndsWith:
    case kNotEndsWith:
      return Of(EndsWithFolded(property->text, std::get<OneText>(operand_).text) ==
                (op_ == kEndsWith));
    case kRegex:
    case kNotRegex:
      return MatchRegex(*property);
    case kGt:
    case kGte:
    case kLt:
    case kLte:
      return MatchNumber(*property);
    case kBetween:
    case kNotBetween:
      return MatchRange(*property);
    case kIsDateBefore:
    case kIsDateAfter:
    case kIsDateExact:
      return MatchDate(*property, clock);
    default:
      return MatchVersion(*property);
  }
}

bool PropertyMatcher::IsExact(const FlagValue& property) const {
  if (const auto* truth = std::get_if<Truth>(&operand_)) {
    return IsTruthy(property) == truth->is_true;
  }
  const bool is_ascii = IsAscii(property.text);
  if (const auto* one = std::get_if<OneText>(&operand_); one != nullptr && is_ascii) {
    return IsEqualFolded(property.text, one->text);
  }
  std::string scratch;
  std::string_view lower = property.text;
  if (is_ascii) {
    lower = FoldedText(property.text, &scratch);
  } else {
    AppendLowercase(property.text, &scratch);
    lower = scratch;
  }
  if (const auto* one = std::get_if<OneText>(&operand_)) return lower == one->text;
  if (const auto* set = std::get_if<TextSet>(&operand_)) return set->texts.contains(lower);
  const std::vector<std::string>& texts = std::get<Texts>(operand_).texts;
  return std::find(texts.begin(), texts.end(), lower) != texts.end();
}

bool PropertyMatcher::ContainsAny(const FlagValue& property) const {
  std::string scratch;
  const std::string_view folded = FoldedText(property.text, &scratch);
  const std::vector<std::string>& texts = std::get<Texts>(operand_).texts;
  return std::any_of(texts.begin(), texts.end(),
                     [folded](const std::string& text) { return Contains(folded, text); });
}

MatchOutcome PropertyMatcher::MatchRegex(const FlagValue& property) const {
  const auto& regex = std::get<std::unique_ptr<const FlagRegex>>(operand_);
  if (regex == nullptr) return MatchOutcome::kNoMatch;  // also for not_regex
  const FlagRegex::Outcome outcome = regex->Find(property.text);
  if (outcome == FlagRegex::Outcome::kError) return MatchOutcome::kError;
  return Of((outcome == FlagRegex::Outcome::kMatch) == (op_ == kRegex));
}

MatchOutcome PropertyMatcher::MatchNumber(const FlagValue& property) const {
  const auto value = ParseFlagNumber(property.text);
  const auto* other = std::get_if<double>(&operand_);
  if (!value.has_value() || other == nullptr) return MatchOutcome::kError;
  switch (op_) {
    case kGt:
      return Of(*value > *other);
    case kGte:
      return Of(*value >= *other);
    case kLt:
      return Of(*value < *other);
    default:
      return Of(*value <= *other);
  }
}

MatchOutcome PropertyMatcher::MatchRange(const FlagValue& property) const {
  const auto* range = std::get_if<Range>(&operand_);
  const auto value = ParseFlagNumber(property.text);
  if (range == nullptr || !value.has_value()) return MatchOutcome::kError;
  if (std::isnan(*value)) return MatchOutcome::kNoMatch;
  return Of((*value >= range->low && *value <= range->high) == (op_ == kBetween));
}

MatchOutcome PropertyMatcher::MatchDate(const FlagValue& property, const FlagClock& clock) const {
  const auto date = DateOfProperty(property, clock);
  if (!date.has_value()) return MatchOutcome::kNoMatch;
  std::optional<FlagInstant> other;
  if (const auto* relative = std::get_if<ClockedDate>(&operand_)) {
    other = ParseFlagDate(relative->text, clock);
  } else if (const auto* instant = std::get_if<FlagInstant>(&operand_)) {
    other = *instant;
  }
  if (!other.has_value()) return MatchOutcome::kNoMatch;
  if (op_ == kIsDateBefore) return Of(*date < *other);
  return op_ == kIsDateAfter ? Of(*date > *other) : Of(*date == *other);
}

MatchOutcome PropertyMatcher::MatchVersion(const FlagValue& property) const {
  const auto version = SemVersion::Parse(property.text);
  if (!version.has_value()) return MatchOutcome::kNoMatch;
  if (const auto* requirement = std::get_if<SemRequirement>(&operand_)) {
    return Of(requirement->Matches(*version));
  }
  const auto* other = std::get_if<SemVersion>(&operand_);
  if (other == nullptr) return MatchOutcome::kError;
  const int order = CompareVersions(*version, *other);
  switch (op_) {
    case kSemverGt:
      return Of(order > 0);
    case kSemverGte:
      return Of(order >= 0);
    case kSemverLt:
      return Of(order < 0);
    case kSemverLte:
      return Of(order <= 0);
    case kSemverEq:
      return Of(order == 0);
    default:
      return Of(order != 0);
  }
}

}  // namespace hoglet
