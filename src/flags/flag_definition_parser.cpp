#include "src/flags/flag_definition_parser.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "src/base/canonical_json.h"
#include "src/base/json.h"
#include "src/base/limits.h"
#include "src/base/strings.h"
#include "src/flags/flag_hash.h"
#include "src/persons/person.h"
#include "src/persons/property_set.h"

namespace hoglet {
namespace {

using simdjson::dom::element;

// PostHog itself stores two levels.
constexpr int kCohortDepthMax = 16;

// Properties that "$initial_" ones are filled from while the first value is not stored yet.
const std::set<std::string_view>& InitialSources() {
  static const std::set<std::string_view> names = {"$app_build",      "$app_name",
                                                   "$app_namespace",  "$app_version",
                                                   "$browser",        "$browser_version",
                                                   "$device_type",    "$current_url",
                                                   "$pathname",       "$os",
                                                   "$os_version",     "$referring_domain",
                                                   "$referrer",       "$screen_height",
                                                   "$screen_width",   "$viewport_height",
                                                   "$viewport_width", "$raw_user_agent",
                                                   "utm_source",      "utm_medium",
                                                   "utm_campaign",    "utm_content",
                                                   "utm_term",        "gclid",
                                                   "gad_source",      "gclsrc",
                                                   "dclid",           "gbraid",
                                                   "wbraid",          "fbclid",
                                                   "msclkid",         "twclid",
                                                   "li_fat_id",       "mc_cid",
                                                   "igshid",          "ttclid",
                                                   "rdt_cid",         "epik",
                                                   "qclid",           "sccid",
                                                   "irclid",          "_kx"};
  return names;
}

// What SDKs of phones call "$os_name", those of browsers call "$os".
std::string OsAliasOf(std::string_view name) {
  return name == "$os" ? "$os_name" : name == "$os_name" ? "$os" : "";
}

// Where a property is missing, the first of these that is there.
std::vector<PropertyName> StandInsOf(std::string_view name) {
  if (std::string alias = OsAliasOf(name); !alias.empty()) return {PropertyName(std::move(alias))};
  constexpr std::string_view kPrefix = "$initial_";
  if (!name.starts_with(kPrefix)) return {};
  const std::string plain(name.substr(kPrefix.size()));
  for (const std::string& source : {"$" + plain, plain}) {
    if (!InitialSources().contains(source)) continue;
    std::vector<PropertyName> out = {PropertyName(source)};
    if (std::string alias = OsAliasOf(source); !alias.empty()) out.emplace_back(std::move(alias));
    return out;
  }
  return {};
}

// The member of an object; nullopt if it is missing or null.
std::optional<element> Find(const element& object, std::string_view key) {
  element value;
  if (!object.is_object() || object.at_key(key).get(value) || value.is_null()) return std::nullopt;
  return value;
}

std::string Text(const element& object, std::string_view key) {
  const auto value = Find(object, key);
  if (!value.has_value() || !value->is_string()) return {};
  return std::string(std::string_view(*value));
}

bool Bool(const element& object, std::string_view key) {
  const auto value = Find(object, key);
  return value.has_value() && value->is_bool() && bool(*value);
}

std::optional<int64_t> AsInt(const element& value) {
  int64_t out = 0;
  if (value.is_int64() && !value.get(out)) return out;
  return std::nullopt;
}

// An id, which some clients write as a text.
std::optional<int64_t> AsId(const element& value) {
  if (!value.is_string()) return AsInt(value);
  int64_t out = 0;
  const std::string_view text(value);
  // SimpleAtoi would take spaces and signs.
  const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!is_number || !absl::SimpleAtoi(ToAbsl(text), &out)) return std::nullopt;
  return out;
}

int64_t Int(const element& object, std::string_view key) {
  const auto value = Find(object, key);
  return value.has_value() ? AsInt(*value).value_or(0) : 0;
}

// Reads the list of that name, which may be missing; false if it is something else.
template <typename Visitor>
bool VisitList(const element& object, std::string_view key, const Visitor& visit) {
  const auto list = Find(object, key);
  if (!list.has_value()) return true;
  if (!list->is_array()) return false;
  for (const element item : simdjson::dom::array(*list)) {
    if (!visit(item)) return false;
  }
  return true;
}

// A percentage; `*out` stays if it is missing. False if it is no number.
bool ReadPercentage(const element& object, std::string_view key, double* out) {
  const auto value = Find(object, key);
  if (!value.has_value()) return true;
  if (!value->is_number()) return false;
  *out = double(*value);
  return true;
}

bool ReadGroupIndex(const element& object, std::string_view key, std::optional<int>* out) {
  const auto value = Find(object, key);
  if (!value.has_value()) return true;
  const auto index = AsInt(*value);
  if (!index.has_value()) return false;
  // No group has another index: what is about one finds none.
  *out = static_cast<int>(std::clamp<int64_t>(*index, 0, kGroupTypesMax));
  if (*index < 0) *out = kGroupTypesMax;
  return true;
}

FilterType ParseFilterType(const element& filter) {
  const auto type = Find(filter, "type");
  if (!type.has_value()) return FilterType::kPerson;
  const std::string name = Text(filter, "type");
  if (name == "person") return FilterType::kPerson;
  if (name == "person_metadata") return FilterType::kPersonMetadata;
  if (name == "group") return FilterType::kGroup;
  if (name == "cohort") return FilterType::kCohort;
  return name == "flag" ? FilterType::kFlag : FilterType::kNever;
}

PropertyOperator ParseOperator(const element& filter, PropertyOperator by_default) {
  if (!Find(filter, "operator").has_value()) return by_default;
  return ParsePropertyOperator(Text(filter, "operator"));
}

PropertyMatcher MakeMatcher(const element& filter, PropertyOperator op, const TimeZone& zone) {
  Arena arena(256);
  const auto value = Find(filter, "value");
  if (!value.has_value()) return PropertyMatcher(op, nullptr, {}, zone);
  std::vector<FlagValue> items;
  if (value->is_array()) {
    for (const element item : simdjson::dom::array(*value)) {
      items.push_back(FlagValue::FromJson(item, &arena));
    }
  }
  const FlagValue whole = FlagValue::FromJson(*value, &arena);
  return PropertyMatcher(op, &whole, items, zone);
}

CohortReference ParseCohortReference(const element& filter) {
  CohortReference out;
  switch (ParseOperator(filter, PropertyOperator::kIn)) {
    case PropertyOperator::kIn:
      break;
    case PropertyOperator::kNotIn:
      out.op = CohortReference::Operator::kNotIn;
      break;
    default:
      out.op = CohortReference::Operator::kNever;
  }
  if (const auto value = Find(filter, "value")) out.id = AsId(*value);
  return out;
}

FlagReference ParseFlagReference(const element& filter) {
  FlagReference out;
  if (const auto key = Find(filter, "key")) out.id = AsId(*key);
  const auto value = Find(filter, "value");
  const bool is_comparison =
      ParseOperator(filter, PropertyOperator::kUnknown) == PropertyOperator::kFlagEvaluatesTo;
  if (!value.has_value() || !is_comparison) return out;
  if (value->is_bool()) {
    out.expected = bool(*value) ? FlagReference::Expected::kAny : FlagReference::Expected::kFalse;
  } else if (value->is_string()) {
    out.expected = FlagReference::Expected::kVariant;
    out.variant = std::string(std::string_view(*value));
  }
  return out;
}

std::optional<FlagFilter> ParseFilter(const element& filter, const TimeZone& zone) {
  const auto key = Find(filter, "key");
  if (!key.has_value() || !(key->is_string() || key->is_number())) return std::nullopt;
  Arena arena(64);
  const FilterType type = ParseFilterType(filter);
  const PropertyOperator op = ParseOperator(filter, PropertyOperator::kExact);
  FlagFilter out{.type = type,
                 .key = PropertyKey(std::string(FlagValue::FromJson(*key, &arena).text)),
                 .matcher = MakeMatcher(filter, op, zone)};
  out.negates = Bool(filter, "negation");
  if (!ReadGroupIndex(filter, "group_type_index", &out.group_index)) return std::nullopt;
  if (type == FilterType::kCohort) out.cohort = ParseCohortReference(filter);
  if (type == FilterType::kFlag) out.flag = ParseFlagReference(filter);
  return out;
}

std::optional<FlagCondition> ParseCondition(const element& condition, const TimeZone& zone) {
  if (!condition.is_object()) return std::nullopt;
  FlagCondition out;
  const bool is_readable =
      VisitList(condition, "properties",
                [&](const element& item) {
                  auto filter = ParseFilter(item, zone);
                  if (!filter.has_value()) return false;
                  const bool is_cohort = filter->type == FilterType::kCohort;
                  (is_cohort ? out.cohort_filters : out.filters).push_back(*std::move(filter));
                  return true;
                }) &&
      ReadPercentage(condition, "rollout_percentage", &out.rollout_percentage) &&
      ReadGroupIndex(condition, "aggregation_group_type_index", &out.group_index);
  if (!is_readable) return std::nullopt;
  element own;
  if (!condition.at_key("aggregation_group_type_index").get(own) && own.is_null()) {
    out.group_index = -1;
  }
  out.variant = Text(condition, "variant");
  return out;
}

bool ParseVariants(const element& filters, CompiledFlag* out) {
  const auto multivariate = Find(filters, "multivariate");
  if (!multivariate.has_value()) return true;
  std::vector<double> percentages;
  const bool is_readable = VisitList(*multivariate, "variants", [&](const element& variant) {
    double percentage = 0;
    const auto key = Find(variant, "key");
    if (!key.has_value() || !key->is_string() ||
        !ReadPercentage(variant, "rollout_percentage", &percentage)) {
      return false;
    }
    out->variants.emplace_back(std::string_view(*key));
    percentages.push_back(percentage);
    return true;
  });
  out->variant_ends = VariantEnds(percentages);
  return is_readable && multivariate->is_object();
}

bool ParseHoldout(const element& filters, CompiledFlag* out) {
  const auto holdout = Find(filters, "holdout");
  if (!holdout.has_value()) return true;
  const auto id = Find(*holdout, "id");
  if (!id.has_value() || !AsInt(*id).has_value()) return false;
  double percentage = 0;
  if (!ReadPercentage(*holdout, "exclusion_percentage", &percentage)) return false;
  out->holdout = {StrCat("holdout-", *AsInt(*id)), std::clamp(percentage, 0.0, 100.0)};
  return true;
}

void ParsePayloads(const element& filters, CompiledFlag* out) {
  const auto payloads = Find(filters, "payloads");
  if (!payloads.has_value() || !payloads->is_object()) return;
  for (const auto field : simdjson::dom::object(*payloads)) {
    out->payloads.insert_or_assign(std::string(field.key), CanonicalJson(field.value));
  }
}

// The gate of early access in its older form: the first condition, if it has properties.
bool ParseSuperCondition(const element& filters, const TimeZone& zone, CompiledFlag* out) {
  bool is_first = true;
  return VisitList(filters, "super_groups", [&](const element& item) {
    if (!std::exchange(is_first, false)) return true;
    auto condition = ParseCondition(item, zone);
    if (!condition.has_value()) return false;
    if (!condition->filters.empty() || !condition->cohort_filters.empty()) {
      out->super_condition = std::move(condition);
    }
    return true;
  });
}

bool ParseFilters(const element& filters, const TimeZone& zone, CompiledFlag* out) {
  if (!filters.is_object()) return false;
  const bool has_conditions = VisitList(filters, "groups", [&](const element& item) {
    auto condition = ParseCondition(item, zone);
    if (!condition.has_value()) return false;
    out->conditions.push_back(*std::move(condition));
    return true;
  });
  out->exits_early = Bool(filters, "early_exit");
  out->has_enrollment = Bool(filters, "feature_enrollment");
  ParsePayloads(filters, out);
  return has_conditions && ParseVariants(filters, out) && ParseHoldout(filters, out) &&
         ParseSuperCondition(filters, zone, out) &&
         ReadGroupIndex(filters, "aggregation_group_type_index", &out->group_index);
}

void ParseDefinition(const element& document, FlagDefinition* out) {
  out->id = Int(document, "id");
  out->key = Text(document, "key");
  out->is_active = Bool(document, "active");
  out->is_deleted = Bool(document, "deleted");
  out->ensures_continuity = Bool(document, "ensure_experience_continuity");
  out->is_device_bucketed = Text(document, "bucketing_identifier") == "device_id";
  out->is_remote_configuration = Bool(document, "is_remote_configuration");
  out->has_encrypted_payloads = Bool(document, "has_encrypted_payloads");
  out->has_experiment = Bool(document, "has_experiment");
  out->version = Int(document, "version");
  const std::string runtime = Text(document, "evaluation_runtime");
  out->runtime = runtime == "client"   ? FlagRuntime::kClient
                 : runtime == "server" ? FlagRuntime::kServer
                                       : FlagRuntime::kAll;
  const bool has_contexts = Find(document, "evaluation_contexts").has_value();
  VisitList(document, has_contexts ? "evaluation_contexts" : "evaluation_tags",
            [out](const element& item) {
              if (item.is_string()) out->contexts.emplace_back(std::string_view(item));
              return true;
            });
}

void AddAnswerTexts(FlagDefinition* flag) {
  AppendJsonString(flag->key, &flag->answer_head);
  flag->answer_head.append(":{\"key\":");
  AppendJsonString(flag->key, &flag->answer_head);
  flag->answer_head.append(",\"enabled\":");
  flag->answer_metadata = StrCat(",\"metadata\":{\"id\":", flag->id, ",\"version\":", flag->version,
                                 ",\"description\":null,\"payload\":");
}

// Calls `visit` with the document if it is JSON.
template <typename Visitor>
void VisitDocument(std::string_view json, const Visitor& visit) {
  simdjson::dom::parser parser;
  element root;
  if (parser.allocate(std::max<size_t>(json.size(), 64), limits::kJsonDepthMax)) return;
  simdjson::error_code error = parser.parse(json.data(), json.size()).get(root);
  std::string rewritten;
  if (error == simdjson::NUMBER_ERROR) {
    rewritten = WithoutLongIntegers(json);
    error = parser.parse(rewritten).get(root);
  }
  if (!error) visit(root);
}

// A part of the tree; nullopt if it cannot be read. `has_behavior` is set if it holds a filter that
// properties and cohorts do not decide.
std::optional<CohortNode> ParseCohortNode(const element& node, const TimeZone& zone, int depth,
                                          bool* has_behavior) {
  if (!node.is_object() || depth > kCohortDepthMax) return std::nullopt;
  CohortNode out;
  if (!Find(node, "values").has_value()) {
    out.kind = CohortNode::Kind::kFilter;
    if (ParseFilterType(node) == FilterType::kNever) {
      *has_behavior = true;
      return out;
    }
    out.filter = ParseFilter(node, zone);
    if (!out.filter.has_value()) return std::nullopt;
    return out;
  }
  const std::string type = Text(node, "type");
  if (type != "OR" && type != "AND" && type != "property") return std::nullopt;
  out.kind = type == "OR" ? CohortNode::Kind::kAny : CohortNode::Kind::kAll;
  const bool is_readable = VisitList(node, "values", [&](const element& item) {
    auto child = ParseCohortNode(item, zone, depth + 1, has_behavior);
    if (!child.has_value()) return false;
    out.children.push_back(*std::move(child));
    return true;
  });
  if (!is_readable) return std::nullopt;
  return out;
}

// As cohorts were kept before they had filters: groups of properties, any of which will do.
std::optional<CohortNode> ParseCohortGroups(const element& document, const TimeZone& zone,
                                            bool* has_behavior) {
  CohortNode out{.kind = CohortNode::Kind::kAny};
  const bool is_readable = VisitList(document, "groups", [&](const element& group) {
    CohortNode all{.kind = CohortNode::Kind::kAll};
    const bool has_all = VisitList(group, "properties", [&](const element& item) {
      auto child = ParseCohortNode(item, zone, 1, has_behavior);
      if (!child.has_value()) return false;
      all.children.push_back(*std::move(child));
      return true;
    });
    *has_behavior |= all.children.empty();  // by actions and events
    out.children.push_back(std::move(all));
    return has_all;
  });
  if (!is_readable || out.children.empty()) return std::nullopt;
  return out;
}

}  // namespace

PropertyName::PropertyName(std::string text) : name(std::move(text)), hash(PropertyKeyHash(name)) {}

PropertyKey::PropertyKey(std::string text)
    : PropertyName(std::move(text)), stand_ins(StandInsOf(name)) {}

ParsedFlag ParseFlagDefinition(std::string_view json, const TimeZone& zone) {
  ParsedFlag out;
  out.flag.is_unreadable = true;
  VisitDocument(json, [&](const element& document) {
    if (!document.is_object()) return;
    ParseDefinition(document, &out.definition);
    const auto filters = Find(document, "filters");
    out.flag.is_unreadable = filters.has_value() && !ParseFilters(*filters, zone, &out.flag);
  });
  AddAnswerTexts(&out.definition);
  out.flag.hash_prefix = out.definition.key + ".";
  out.flag.enrollment_key = PropertyKey("$feature_enrollment/" + out.definition.key);
  return out;
}

CompiledCohort ParseCohort(std::string_view json, const TimeZone& zone) {
  CompiledCohort out;
  VisitDocument(json, [&](const element& document) {
    out.id = Int(document, "id");
    out.is_deleted = Bool(document, "deleted");
    out.is_calculated = Bool(document, "is_static");
    if (out.is_calculated) return;
    const auto filters = Find(document, "filters");
    const auto tree = filters.has_value() ? Find(*filters, "properties") : std::nullopt;
    bool has_behavior = false;
    std::optional<CohortNode> root;
    if (tree.has_value()) {
      root = ParseCohortNode(*tree, zone, 0, &has_behavior);
    } else if (!filters.has_value()) {
      root = ParseCohortGroups(document, zone, &has_behavior);
    }
    out.is_calculated = has_behavior;
    if (root.has_value()) out.root = *std::move(root);
  });
  return out;
}

}  // namespace hoglet
