#include "src/api/flag_validation.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "src/base/arena.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/flags/property_match.h"

namespace hoglet {
namespace {

using Error = std::optional<FieldError>;

constexpr size_t kKeyCharactersMax = 400;
constexpr size_t kTagCharactersMax = 200;
constexpr size_t kTagsMax = 1'000;
constexpr size_t kValuesMax = 1'000;  // of one property
constexpr size_t kVariantsMax = 1'000;
constexpr int64_t kGroupTypesMax = 5;
constexpr int64_t kRelativeMax = 10'000;
constexpr double kSumTolerance = 1e-6;

template <size_t kCount>
bool IsOneOf(std::string_view name, const std::string_view (&names)[kCount]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

FieldError Wrong(std::string_view attr, std::string detail, std::string code = "invalid_input") {
  return {std::string(attr), std::move(detail), std::move(code)};
}
FieldError WrongFilters(std::string detail, std::string code = "invalid_input") {
  return Wrong("filters", std::move(detail), std::move(code));
}

std::string JsonOf(const JsonMember& value) {
  std::string out;
  AppendJsonValue(value, &out);
  return out;
}

bool IsNumber(const JsonMember& value) {
  return value.kind == JsonKind::kInt64 || value.kind == JsonKind::kDouble;
}
double NumberOf(const JsonMember& value) {
  return value.kind == JsonKind::kInt64 ? static_cast<double>(value.integer) : value.number;
}
// A number, or a text that is one.
bool IsNumeric(const JsonMember& value) {
  double number = 0;
  return IsNumber(value) || (value.kind == JsonKind::kString &&
                             absl::SimpleAtod(ToAbsl(value.text), &number) && !std::isnan(number));
}
bool IsNullOrAbsent(const JsonMember* value) {
  return value == nullptr || value->kind == JsonKind::kNull;
}
bool IsArray(const JsonMember& value) {
  return value.kind == JsonKind::kRaw && value.text.starts_with('[');
}
bool IsObject(const JsonMember& value) {
  return value.kind == JsonKind::kRaw && value.text.starts_with('{');
}

// A whole number, or a text that is one.
std::optional<int64_t> IdOf(const JsonMember* value) {
  if (value == nullptr) return std::nullopt;
  if (value->kind == JsonKind::kInt64) return value->integer;
  int64_t id = 0;
  if (value->kind == JsonKind::kString && absl::SimpleAtoi(ToAbsl(value->text), &id)) return id;
  return std::nullopt;
}

// -- Simple fields --

Error ReadBool(std::string_view name, const JsonMember& value, std::string* stored) {
  bool is_true = value.boolean;
  if (value.kind == JsonKind::kNull) return Wrong(name, "This field may not be null.", "null");
  bool is_good = value.kind == JsonKind::kBool;
  if (value.kind == JsonKind::kInt64 && (value.integer == 0 || value.integer == 1)) {
    is_true = value.integer == 1;
    is_good = true;
  }
  if (value.kind == JsonKind::kString) {
    const std::string text = absl::AsciiStrToLower(ToAbsl(value.text));
    is_true = text == "true";
    is_good = is_true || text == "false";
  }
  if (!is_good) return Wrong(name, "Must be a valid boolean.");
  *stored = is_true ? "true" : "false";
  return std::nullopt;
}

Error ReadTags(std::string_view name, const JsonMember& value, std::string* stored) {
  Arena arena;
  std::vector<JsonMember> items;
  if (!IsArray(value) || !ParseJsonArray(value.text, &arena, &items).ok()) {
    return Wrong(name, "Expected a list of items.", "not_a_list");
  }
  if (items.size() > kTagsMax) {
    return Wrong(name, StrCat("Ensure this field has no more than ", kTagsMax, " elements."),
                 "max_length");
  }
  JsonWriter json;
  json.BeginArray();
  std::set<std::string> seen;
  for (const JsonMember& item : items) {
    if (item.kind != JsonKind::kString) return Wrong(name, "Not a valid string.");
    std::string tag(absl::StripAsciiWhitespace(ToAbsl(item.text)));
    if (name == "tags") tag = absl::AsciiStrToLower(tag);
    if (tag.size() > kTagCharactersMax) {
      return Wrong(name,
                   StrCat("Ensure this field has no more than ", kTagCharactersMax, " characters."),
                   "max_length");
    }
    if (!tag.empty() && seen.insert(tag).second) json.String(tag);
  }
  *stored = json.EndArray().Take();
  return std::nullopt;
}

template <size_t kCount>
Error ReadChoice(std::string_view name, const JsonMember& value, bool may_be_null,
                 const std::string_view (&choices)[kCount], std::string* stored) {
  if (value.kind == JsonKind::kNull && may_be_null) {
    *stored = "null";
    return std::nullopt;
  }
  if (value.kind != JsonKind::kString || !IsOneOf(value.text, choices)) {
    const std::string shown =
        value.kind == JsonKind::kString ? std::string(value.text) : JsonOf(value);
    return Wrong(name, StrCat("\"", shown, "\" is not a valid choice."), "invalid_choice");
  }
  *stored = JsonOf(value);
  return std::nullopt;
}

constexpr std::string_view kRuntimes[] = {"all", "client", "server"};
constexpr std::string_view kBuckets[] = {"distinct_id", "device_id"};
constexpr std::string_view kContexts[] = {"feature_flags",   "experiments",
                                          "surveys",         "early_access_features",
                                          "web_experiments", "product_tours"};

// -- Properties --

constexpr std::string_view kTextOperators[] = {"icontains",
                                               "not_icontains",
                                               "starts_with",
                                               "not_starts_with",
                                               "ends_with",
                                               "not_ends_with",
                                               "regex",
                                               "not_regex",
                                               "gt",
                                               "gte",
                                               "lt",
                                               "lte",
                                               "semver_gt",
                                               "semver_gte",
                                               "semver_lt",
                                               "semver_lte",
                                               "semver_eq",
                                               "semver_neq",
                                               "semver_tilde",
                                               "semver_caret",
                                               "semver_wildcard"};

// "-7d": so many hours, days, weeks, months or years ago.
bool IsRelativeDate(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  int64_t count = 0;
  return text.size() >= 2 &&
         std::string_view("hdwmy").find(text.back()) != std::string_view::npos &&
         std::all_of(text.begin(), text.end() - 1,
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }) &&
         absl::SimpleAtoi(ToAbsl(text.substr(0, text.size() - 1)), &count) && count < kRelativeMax;
}

bool IsDate(std::string_view text) {
  if (IsRelativeDate(text) || ParseRfc3339(text).has_value() || ParseDate(text).has_value()) {
    return true;
  }
  // Without a zone, and perhaps without seconds.
  return ParseRfc3339(StrCat(text, "Z")).has_value() ||
         ParseRfc3339(StrCat(text, ":00Z")).has_value();
}

size_t ValueCount(const JsonMember& value) {
  if (!IsArray(value)) return 1;
  Arena arena;
  std::vector<JsonMember> items;
  return ParseJsonArray(value.text, &arena, &items).ok() ? items.size() : 0;
}

bool IsRange(const JsonMember& value) {
  Arena arena;
  std::vector<JsonMember> items;
  return IsArray(value) && ParseJsonArray(value.text, &arena, &items).ok() && items.size() == 2 &&
         IsNumeric(items[0]) && IsNumeric(items[1]);
}

bool IsTextOrTexts(const JsonMember& value) {
  if (value.kind == JsonKind::kString) return true;
  Arena arena;
  std::vector<JsonMember> items;
  return IsArray(value) && ParseJsonArray(value.text, &arena, &items).ok() &&
         std::all_of(items.begin(), items.end(),
                     [](const JsonMember& item) { return item.kind == JsonKind::kString; });
}

FieldError WrongValue(std::string_view op, const JsonMember& value) {
  return WrongFilters(
      StrCat("The value ", JsonOf(value).substr(0, 200), " does not fit the operator ", op, "."),
      "invalid_value");
}

// The operator and value of a property of a person or group.
Error CheckComparison(std::string_view op, const JsonMember* value) {
  if (op == "in" || op == "not_in" || op == "flag_evaluates_to" ||
      ParsePropertyOperator(op) == PropertyOperator::kUnknown) {
    return WrongFilters(StrCat("The operator ", op, " does not fit a property."),
                        "invalid_operator");
  }
  if (op == "is_set" || op == "is_not_set") return std::nullopt;
  if (value == nullptr) return WrongFilters("A property has no value.", "invalid_value");
  if (ValueCount(*value) > kValuesMax) {
    return WrongFilters(
        StrCat("A property has more than ", kValuesMax, " values, which is the limit."));
  }
  if (op.starts_with("is_date_")) {
    if (value->kind == JsonKind::kString && IsDate(value->text)) return std::nullopt;
    return WrongFilters(StrCat("Invalid date value: ", JsonOf(*value).substr(0, 200)),
                        "invalid_date");
  }
  if (IsOneOf(op, kTextOperators) && value->kind != JsonKind::kString) {
    return WrongValue(op, *value);
  }
  if ((op == "between" || op == "not_between") && !IsRange(*value)) return WrongValue(op, *value);
  if (op.ends_with("_multi") && !IsTextOrTexts(*value)) return WrongValue(op, *value);
  return std::nullopt;
}

// The numbers that filters of this type refer to with that member, wherever they stand.
std::vector<int64_t> ReferencesIn(std::string_view filters, std::string_view type_wanted,
                                  std::string_view member) {
  std::vector<int64_t> out;
  VisitJsonObjects(filters, [&](const JsonObjectView& object) {
    const JsonMember* type = FindJsonMember(object, "type");
    if (type == nullptr || type->kind != JsonKind::kString || type->text != type_wanted) return;
    if (const auto id = IdOf(FindJsonMember(object, member))) out.push_back(*id);
  });
  return out;
}

// What is known of the things that one flag's filters refer to, so that each is looked at once
// however often it is named.
struct References {
  const FlagReferences& find;
  std::set<int64_t> good_cohorts;
  std::set<int64_t> good_flags;
  // Found to lead to nothing that is refused.
  std::set<int64_t> seen_cohorts;
  std::set<int64_t> seen_flags;
};

// Calls `visit` for the first and all that it leads to, except what is in `seen` and is added to
// it, until it returns false; it appends what its one leads to. Chains may be long, so there is no
// recursion.
void VisitReachable(int64_t first, std::set<int64_t>* seen,
                    const std::function<bool(int64_t id, std::vector<int64_t>* next)>& visit) {
  std::vector<int64_t> waiting = {first};
  while (!waiting.empty()) {
    const int64_t id = waiting.back();
    waiting.pop_back();
    if (seen->insert(id).second && !visit(id, &waiting)) return;
  }
}

// Whether a cohort, or one it is made of, looks at events.
bool IsBehavioral(int64_t cohort_id, References* references) {
  bool is_behavioral = false;
  VisitReachable(cohort_id, &references->seen_cohorts, [&](int64_t id, std::vector<int64_t>* next) {
    const ObjectJson json = references->find.find_cohort(id);
    const auto cohort = JsonFields::Parse(json == nullptr ? "" : *json);
    if (!cohort.ok() || cohort->Bool("is_static")) return true;
    VisitJsonObjects(cohort->Find("filters"), [&](const JsonObjectView& object) {
      const JsonMember* type = FindJsonMember(object, "type");
      is_behavioral |=
          type != nullptr && type->kind == JsonKind::kString && type->text == "behavioral";
    });
    const auto inner = ReferencesIn(cohort->Find("filters"), "cohort", "value");
    next->insert(next->end(), inner.begin(), inner.end());
    return !is_behavioral;
  });
  return is_behavioral;
}

Error CheckCohort(const JsonObjectView& property, std::string_view op, References* references) {
  // Clients that compare with a cohort as with a value send "exact", which holds for nobody.
  if (!op.empty() && op != "in" && op != "not_in" && op != "exact") {
    return WrongFilters(StrCat("The operator ", op, " does not fit a cohort."), "invalid_operator");
  }
  const JsonMember* value = FindJsonMember(property, "value");
  const auto id = IdOf(value);
  if (id.has_value() && references->good_cohorts.contains(*id)) return std::nullopt;
  const ObjectJson json = id.has_value() ? references->find.find_cohort(*id) : nullptr;
  const auto cohort = JsonFields::Parse(json == nullptr ? "" : *json);
  if (!cohort.ok() || cohort->Bool("deleted")) {
    const std::string shown = value == nullptr ? "null" : JsonOf(*value);
    return WrongFilters(StrCat("Cohort with id ", shown.substr(0, 200), " does not exist"),
                        "cohort_does_not_exist");
  }
  if (!IsBehavioral(*id, references)) {
    references->good_cohorts.insert(*id);
    return std::nullopt;
  }
  return WrongFilters(StrCat("Cohort '", cohort->Text("name"),
                             "' looks at events, so feature flags cannot use it."),
                      "behavioral_cohort_found");
}

// Whether the flag depends on `wanted`, itself or by others.
bool DependsOn(int64_t flag_id, int64_t wanted, References* references) {
  bool is_found = false;
  VisitReachable(flag_id, &references->seen_flags, [&](int64_t id, std::vector<int64_t>* next) {
    is_found = id == wanted;
    const ObjectJson json = references->find.find_flag(id);
    const auto flag = JsonFields::Parse(json == nullptr ? "" : *json);
    if (is_found || !flag.ok()) return !is_found;
    const auto inner = ReferencesIn(flag->Find("filters"), "flag", "key");
    next->insert(next->end(), inner.begin(), inner.end());
    return true;
  });
  return is_found;
}

Error CheckFlag(const JsonObjectView& property, std::string_view op, References* references) {
  if (op != "flag_evaluates_to") {
    return WrongFilters("A condition on a flag needs the operator flag_evaluates_to.",
                        "invalid_operator");
  }
  const JsonMember* value = FindJsonMember(property, "value");
  if (value == nullptr || (value->kind != JsonKind::kBool && value->kind != JsonKind::kString)) {
    return WrongFilters("A condition on a flag compares with true, false or a variant.",
                        "invalid_value");
  }
  const JsonMember* key = FindJsonMember(property, "key");
  const auto id = IdOf(key);
  if (!id.has_value()) return WrongFilters("A condition on a flag refers to it by its id.");
  if (references->good_flags.contains(*id)) return std::nullopt;
  const ObjectJson json = references->find.find_flag(*id);
  const auto flag = JsonFields::Parse(json == nullptr ? "" : *json);
  if (!flag.ok() || flag->Bool("deleted")) {
    return WrongFilters(StrCat("Flag dependency ", *id, " does not exist."));
  }
  if (references->find.flag_id != 0 && DependsOn(*id, references->find.flag_id, references)) {
    return WrongFilters("Flags must not depend on each other in a ring.");
  }
  if (!flag->Bool("active")) {
    return WrongFilters(
        StrCat("Flag dependency ", flag->Text("key"), " is disabled; enable it first."));
  }
  references->good_flags.insert(*id);
  return std::nullopt;
}

// A group type's index, or null.
Error ReadGroupType(const JsonMember* value, std::optional<int64_t>* out) {
  out->reset();
  if (IsNullOrAbsent(value)) return std::nullopt;
  if (value->kind != JsonKind::kInt64 || value->integer < 0 || value->integer >= kGroupTypesMax) {
    return WrongFilters(
        StrCat("A group type index is null or a whole number from 0 to ", kGroupTypesMax - 1, "."));
  }
  *out = value->integer;
  return std::nullopt;
}

// Whom a condition is about.
struct Target {
  std::optional<int64_t> group_type;
  bool is_own = false;  // the condition says it itself: mixed targeting
};

Error CheckKind(const JsonObjectView& property, std::string_view type, const Target& target) {
  const bool is_group = type == "group";
  const bool is_personal =
      type == "person" || type == "person_metadata" || type == "cohort" || type == "flag";
  std::optional<int64_t> index;
  if (is_group) {
    if (Error error = ReadGroupType(FindJsonMember(property, "group_type_index"), &index)) {
      return error;
    }
  }
  if (target.is_own && (is_group || is_personal)) return std::nullopt;
  if (!target.group_type.has_value()) {
    if (is_personal) return std::nullopt;
    return WrongFilters("Filters are not valid (can only use person, cohort, and flag properties)");
  }
  if (is_group && (!index.has_value() || index == target.group_type)) return std::nullopt;
  return WrongFilters("Filters are not valid (can only use group properties)");
}

Error CheckProperty(const JsonMember& value, const Target& target, References* references) {
  Arena arena;
  JsonObjectView property;
  if (!IsObject(value) || !ParseJsonObject(value.text, &arena, &property).ok()) {
    return WrongFilters("A property must be an object.");
  }
  const auto text = [&](std::string_view name) -> std::optional<std::string_view> {
    const JsonMember* member = FindJsonMember(property, name);
    if (IsNullOrAbsent(member)) return std::string_view();
    if (member->kind != JsonKind::kString) return std::nullopt;
    return member->text;
  };
  const auto type = text("type");
  const auto op = text("operator");
  if (!type.has_value() || !op.has_value()) {
    return WrongFilters("The type and the operator of a property must be texts.");
  }
  if (Error error = CheckKind(property, *type, target)) return error;
  if (*type == "cohort") return CheckCohort(property, *op, references);
  if (*type == "flag") return CheckFlag(property, *op, references);
  if (text("key").value_or("").empty()) return WrongFilters("A property has no key.");
  return CheckComparison(op->empty() ? "exact" : *op, FindJsonMember(property, "value"));
}

// -- Filters --

Error CheckPercentage(const JsonMember* value, std::string_view of, bool may_be_null) {
  if (IsNullOrAbsent(value) && may_be_null) return std::nullopt;
  if (value != nullptr && IsNumber(*value) && NumberOf(*value) >= 0 && NumberOf(*value) <= 100) {
    return std::nullopt;
  }
  return WrongFilters(StrCat("The rollout percentage of ", of, " must be between 0 and 100."));
}

Error CheckCondition(const JsonMember& value, std::optional<int64_t> flag_group_type,
                     const std::set<std::string>* variants, References* references) {
  Arena arena;
  JsonObjectView condition;
  if (!IsObject(value) || !ParseJsonObject(value.text, &arena, &condition).ok()) {
    return WrongFilters("A condition set must be an object.");
  }
  if (Error error =
          CheckPercentage(FindJsonMember(condition, "rollout_percentage"), "a condition", true)) {
    return error;
  }
  Target target{.group_type = flag_group_type};
  if (const JsonMember* own = FindJsonMember(condition, "aggregation_group_type_index")) {
    if (Error error = ReadGroupType(own, &target.group_type)) return error;
    target.is_own = target.group_type != flag_group_type;
  }
  const JsonMember* variant = FindJsonMember(condition, "variant");
  if (!IsNullOrAbsent(variant) && variant->kind != JsonKind::kString) {
    return WrongFilters("The variant of a condition set must be null or a text.");
  }
  if (variants != nullptr && !IsNullOrAbsent(variant) &&
      !variants->contains(std::string(variant->text))) {
    return WrongFilters(
        "Filters are not valid (variant override does not exist in multivariate variants)");
  }
  const JsonMember* properties = FindJsonMember(condition, "properties");
  if (IsNullOrAbsent(properties)) return std::nullopt;
  std::vector<JsonMember> items;
  if (!IsArray(*properties) || !ParseJsonArray(properties->text, &arena, &items).ok()) {
    return WrongFilters("The properties of a condition set must be a list.");
  }
  for (const JsonMember& item : items) {
    if (Error error = CheckProperty(item, target, references)) return error;
  }
  return std::nullopt;
}

Error ReadVariants(const JsonMember* multivariate, std::set<std::string>* keys) {
  if (IsNullOrAbsent(multivariate)) return std::nullopt;
  Arena arena;
  JsonObjectView members;
  std::vector<JsonMember> variants;
  const JsonMember* list = nullptr;
  if (IsObject(*multivariate) && ParseJsonObject(multivariate->text, &arena, &members).ok()) {
    list = FindJsonMember(members, "variants");
  }
  if (list == nullptr || !IsArray(*list) || !ParseJsonArray(list->text, &arena, &variants).ok()) {
    return WrongFilters("multivariate must be null or an object with a list of variants.");
  }
  if (variants.size() > kVariantsMax) {
    return WrongFilters(StrCat("A flag has no more than ", kVariantsMax, " variants."));
  }
  double sum = 0;
  for (const JsonMember& item : variants) {
    JsonObjectView variant;
    const JsonMember* key = nullptr;
    if (IsObject(item) && ParseJsonObject(item.text, &arena, &variant).ok()) {
      key = FindJsonMember(variant, "key");
    }
    if (key == nullptr || key->kind != JsonKind::kString || key->text.empty()) {
      return WrongFilters("A variant must be an object with a key.");
    }
    if (!keys->insert(std::string(key->text)).second) {
      return WrongFilters(StrCat("There are two variants with the key ", key->text, "."));
    }
    const JsonMember* percentage = FindJsonMember(variant, "rollout_percentage");
    if (Error error = CheckPercentage(percentage, "a variant", false)) return error;
    sum += NumberOf(*percentage);
  }
  if (variants.empty() || std::abs(sum - 100) <= kSumTolerance) return std::nullopt;
  return WrongFilters("Invalid variant definitions: Variant rollout percentages must sum to 100.");
}

Error ReadPayloads(const JsonMember& payloads, const std::set<std::string>& variants,
                   std::string* stored) {
  const auto fields = JsonFields::Parse(payloads.kind == JsonKind::kRaw ? payloads.text : "");
  if (!fields.ok()) return WrongFilters("payloads must be an object.");
  JsonFields out;
  for (const auto& [key, json] : fields->members()) {
    if (variants.empty() && key != "true") {
      return WrongFilters("Payload keys must be 'true' for boolean flags");
    }
    if (!variants.empty() && !variants.contains(key)) {
      return WrongFilters("Payload keys must match a variant key for multivariate flags");
    }
    if (json == "null" || json == "\"\"") {
      out.Set(key, json);
    } else if (!json.starts_with('"')) {
      out.SetText(key, json);
    } else {
      Arena arena;
      JsonMember value;
      if (!ParseJsonValue(fields->Text(key), &arena, &value).ok()) {
        return WrongFilters("Payload value is not valid JSON");
      }
      out.Set(key, json);
    }
  }
  *stored = out.ToJson();
  return std::nullopt;
}

Error CheckHoldout(const JsonMember* holdout) {
  if (IsNullOrAbsent(holdout)) return std::nullopt;
  Arena arena;
  JsonObjectView members;
  if (!IsObject(*holdout) || !ParseJsonObject(holdout->text, &arena, &members).ok()) {
    return WrongFilters("holdout must be null or an object.");
  }
  const JsonMember* id = FindJsonMember(members, "id");
  const JsonMember* percentage = FindJsonMember(members, "exclusion_percentage");
  if (id == nullptr || id->kind != JsonKind::kInt64 || percentage == nullptr ||
      !IsNumber(*percentage)) {
    return WrongFilters("holdout needs a whole number as id and a number as exclusion_percentage.");
  }
  return std::nullopt;
}

Error CheckSwitches(const JsonObjectView& filters) {
  for (const char* name : {"early_exit", "feature_enrollment"}) {
    const JsonMember* value = FindJsonMember(filters, name);
    if (IsNullOrAbsent(value) || value->kind == JsonKind::kBool) continue;
    return WrongFilters(StrCat(name, " must be null, true or false."));
  }
  return std::nullopt;
}

// A list of condition sets that may be absent. `count` gets how many there are.
Error CheckConditions(const JsonObjectView& filters, std::string_view name,
                      std::optional<int64_t> group_type, const std::set<std::string>* variants,
                      References* references, size_t* count) {
  *count = 0;
  const JsonMember* list = FindJsonMember(filters, name);
  if (IsNullOrAbsent(list)) return std::nullopt;
  Arena arena;
  std::vector<JsonMember> conditions;
  if (!IsArray(*list) || !ParseJsonArray(list->text, &arena, &conditions).ok()) {
    return WrongFilters(StrCat(name, " must be a list of condition sets."));
  }
  *count = conditions.size();
  for (const JsonMember& condition : conditions) {
    if (Error error = CheckCondition(condition, group_type, variants, references)) return error;
  }
  return std::nullopt;
}

}  // namespace

void VisitJsonObjects(std::string_view json,
                      const std::function<void(const JsonObjectView&)>& visit) {
  Arena arena;
  std::vector<JsonMember> members;
  if (json.starts_with('{')) {
    if (!ParseJsonObject(json, &arena, &members).ok()) return;
    visit(members);
  } else if (!json.starts_with('[') || !ParseJsonArray(json, &arena, &members).ok()) {
    return;
  }
  for (const JsonMember& member : members) {
    if (member.kind == JsonKind::kRaw) VisitJsonObjects(member.text, visit);
  }
}

std::optional<FieldError> CheckFlagKey(std::string_view key) {
  if (key.empty()) return Wrong("key", "This field may not be blank.", "blank");
  if (key.size() > kKeyCharactersMax) {
    return Wrong("key",
                 StrCat("Ensure this field has no more than ", kKeyCharactersMax, " characters."),
                 "max_length");
  }
  const bool is_plain = std::all_of(key.begin(), key.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
  if (is_plain) return std::nullopt;
  return Wrong("key", "Only letters, numbers, hyphens (-) & underscores (_) are allowed.",
               "invalid_key");
}

std::optional<FieldError> ReadFlagField(std::string_view name, std::string_view json,
                                        std::string* stored) {
  Arena arena;
  JsonMember value;
  if (!ParseJsonValue(json, &arena, &value).ok()) return Wrong(name, "Value must be valid JSON.");
  if (name == "name") {
    if (value.kind != JsonKind::kString && value.kind != JsonKind::kNull) {
      return Wrong(name, "Not a valid string.");
    }
    *stored = value.kind == JsonKind::kNull ? "\"\"" : JsonOf(value);
    return std::nullopt;
  }
  if (name == "rollback_conditions") {
    *stored = JsonOf(value);
    return std::nullopt;
  }
  if (name == "tags" || name.starts_with("evaluation_") || name == "creation_context") {
    if (name == "evaluation_runtime") {
      return ReadChoice(name, value, /*may_be_null=*/true, kRuntimes, stored);
    }
    if (name == "creation_context") return ReadChoice(name, value, false, kContexts, stored);
    return ReadTags(name, value, stored);
  }
  if (name == "bucketing_identifier") return ReadChoice(name, value, true, kBuckets, stored);
  // Whose absence means something of its own.
  if ((name == "ensure_experience_continuity" || name == "performed_rollback") &&
      value.kind == JsonKind::kNull) {
    *stored = "null";
    return std::nullopt;
  }
  if (Error error = ReadBool(name, value, stored)) return error;
  if (name == "has_encrypted_payloads" && *stored == "true") {
    return Wrong(name, "Encrypted payloads are not supported by this server.");
  }
  return std::nullopt;
}

std::optional<FieldError> ReadFlagFilters(std::string_view filters_json, const FlagReferences& find,
                                          std::string* stored) {
  References references{.find = find};
  Arena arena;
  JsonObjectView filters;
  if (!ParseJsonObject(filters_json, &arena, &filters).ok()) {
    return WrongFilters("Filters must be an object.");
  }
  std::optional<int64_t> group_type;
  if (Error error =
          ReadGroupType(FindJsonMember(filters, "aggregation_group_type_index"), &group_type)) {
    return error;
  }
  std::set<std::string> variants;
  if (Error error = ReadVariants(FindJsonMember(filters, "multivariate"), &variants)) return error;
  size_t count = 0;
  if (Error error =
          CheckConditions(filters, "groups", group_type, &variants, &references, &count)) {
    return error;
  }
  if (count == 0 && find.flag_id == 0) {
    return WrongFilters("Feature flags must have at least one condition set (group).");
  }
  // Enrollment always looks at persons, holdouts at whom the flag is about.
  if (Error error =
          CheckConditions(filters, "super_groups", std::nullopt, nullptr, &references, &count)) {
    return error;
  }
  if (Error error =
          CheckConditions(filters, "holdout_groups", group_type, nullptr, &references, &count)) {
    return error;
  }
  if (Error error = CheckHoldout(FindJsonMember(filters, "holdout"))) return error;
  if (Error error = CheckSwitches(filters)) return error;
  auto out = JsonFields::Parse(filters_json);
  if (const JsonMember* payloads = FindJsonMember(filters, "payloads"); !IsNullOrAbsent(payloads)) {
    std::string normal;
    if (Error error = ReadPayloads(*payloads, variants, &normal)) return error;
    out->Set("payloads", std::move(normal));
  }
  *stored = out->ToJson();
  return std::nullopt;
}

bool RefersToFlag(std::string_view filters, int64_t flag_id) {
  const std::vector<int64_t> flags = ReferencesIn(filters, "flag", "key");
  return std::find(flags.begin(), flags.end(), flag_id) != flags.end();
}

std::string RenameEnrollment(std::string_view filters_json, std::string_view from,
                             std::string_view to) {
  auto filters = JsonFields::Parse(filters_json);
  if (!filters.ok() || !filters->Find("super_groups").starts_with('[')) {
    return std::string(filters_json);
  }
  const std::string old_key = StrCat("$feature_enrollment/", from);
  Arena arena;
  std::vector<JsonMember> groups;
  if (!ParseJsonArray(filters->Find("super_groups"), &arena, &groups).ok()) {
    return std::string(filters_json);
  }
  JsonWriter json;
  json.BeginArray();
  for (const JsonMember& item : groups) {
    auto group = JsonFields::Parse(item.kind == JsonKind::kRaw ? item.text : "");
    std::vector<JsonMember> properties;
    if (!group.ok() || !ParseJsonArray(group->Find("properties"), &arena, &properties).ok()) {
      json.Value(item);
      continue;
    }
    JsonWriter renamed;
    renamed.BeginArray();
    for (const JsonMember& member : properties) {
      auto property = JsonFields::Parse(member.kind == JsonKind::kRaw ? member.text : "");
      if (property.ok() && property->Text("key") == old_key) {
        property->SetText("key", StrCat("$feature_enrollment/", to));
        renamed.Raw(property->ToJson());
      } else {
        renamed.Value(member);
      }
    }
    group->Set("properties", renamed.EndArray().Take());
    json.Raw(group->ToJson());
  }
  filters->Set("super_groups", json.EndArray().Take());
  return filters->ToJson();
}

}  // namespace hoglet
