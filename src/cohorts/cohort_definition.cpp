#include "src/cohorts/cohort_definition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "include/hoglet/status.h"
#include "query/hogql/parser.h"
#include "query/hogql/printer.h"
#include "re2/re2.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr int64_t kSpanCountMax = 100'000;
constexpr int64_t kTimesMax = 1'000'000'000;
constexpr size_t kEventFiltersMax = 100;
constexpr size_t kMomentBytesMax = 40;
constexpr int64_t kRelativeCountMax = 10'000;

absl::Status Invalid(const std::string& message) { return absl::InvalidArgumentError(message); }

struct OperatorName {
  std::string_view name;
  CohortOperator op;
};
constexpr std::array<OperatorName, 23> kOperators = {{
    {"exact", CohortOperator::kExact},
    {"in", CohortOperator::kExact},
    {"is_not", CohortOperator::kIsNot},
    {"not_in", CohortOperator::kIsNot},
    {"icontains", CohortOperator::kContains},
    {"not_icontains", CohortOperator::kNotContains},
    {"starts_with", CohortOperator::kStartsWith},
    {"not_starts_with", CohortOperator::kNotStartsWith},
    {"ends_with", CohortOperator::kEndsWith},
    {"not_ends_with", CohortOperator::kNotEndsWith},
    {"regex", CohortOperator::kRegex},
    {"not_regex", CohortOperator::kNotRegex},
    {"gt", CohortOperator::kGreater},
    {"gte", CohortOperator::kGreaterOrEqual},
    {"lt", CohortOperator::kLess},
    {"lte", CohortOperator::kLessOrEqual},
    {"between", CohortOperator::kBetween},
    {"not_between", CohortOperator::kNotBetween},
    {"is_set", CohortOperator::kIsSet},
    {"is_not_set", CohortOperator::kIsNotSet},
    {"is_date_exact", CohortOperator::kDateExact},
    {"is_date_before", CohortOperator::kDateBefore},
    {"is_date_after", CohortOperator::kDateAfter},
}};

struct BehaviorName {
  std::string_view name;
  CohortBehavior::Kind kind;
};
constexpr std::array<BehaviorName, 7> kBehaviors = {{
    {"performed_event", CohortBehavior::Kind::kPerformed},
    {"performed_event_multiple", CohortBehavior::Kind::kPerformedMultiple},
    {"performed_event_first_time", CohortBehavior::Kind::kPerformedFirstTime},
    {"performed_event_sequence", CohortBehavior::Kind::kPerformedSequence},
    {"performed_event_regularly", CohortBehavior::Kind::kPerformedRegularly},
    {"stopped_performing_event", CohortBehavior::Kind::kStopped},
    {"restarted_performing_event", CohortBehavior::Kind::kRestarted},
}};

std::optional<double> NumberIn(std::string_view text) {
  double number = 0;
  if (text.empty() || absl::ascii_isspace(text.front()) || absl::ascii_isspace(text.back()) ||
      !absl::SimpleAtod(ToAbsl(text), &number) || !std::isfinite(number))
    return std::nullopt;
  return number;
}

bool NeedsNoValue(CohortOperator op) {
  return op == CohortOperator::kIsSet || op == CohortOperator::kIsNotSet;
}

bool IsPresent(const JsonMember* member) {
  return member != nullptr && member->kind != JsonKind::kNull;
}

// A JSON object being read: every member must be one of those it may have.
class Reader {
 public:
  Reader(std::string place, JsonObjectView members)
      : place_(std::move(place)), members_(std::move(members)) {}

  // Null also if it is null.
  const JsonMember* Find(std::string_view key) const {
    const JsonMember* member = FindJsonMember(members_, key);
    return IsPresent(member) ? member : nullptr;
  }
  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  const std::string& place() const { return place_; }
  absl::Status Error(std::string_view key, std::string_view message) const {
    return Invalid(StrCat(place_, ".", key, ": ", message));
  }

  absl::Status CheckKeys(std::initializer_list<std::string_view> allowed) const {
    for (const JsonMember& member : members_) {
      if (std::find(allowed.begin(), allowed.end(), member.key) == allowed.end()) {
        return Error(member.key, "Extra inputs are not permitted");
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Text(std::string_view key) const {
    const JsonMember* member = Find(key);
    if (member == nullptr) return Error(key, "Field required");
    if (member->kind != JsonKind::kString) return Error(key, "Input should be a valid string");
    if (member->text.size() > kCohortTextBytesMax) return Error(key, "is too long");
    if (member->text.find('\0') != std::string_view::npos)
      return Error(key, "must not hold a NUL character");
    return std::string(member->text);
  }
  absl::StatusOr<std::string> TextOr(std::string_view key, std::string_view fallback) const {
    if (!Has(key)) return std::string(fallback);
    return Text(key);
  }

  absl::StatusOr<bool> Flag(std::string_view key) const {
    const JsonMember* member = Find(key);
    if (member == nullptr) return false;
    if (member->kind != JsonKind::kBool) return Error(key, "Input should be a valid boolean");
    return member->boolean;
  }

  // Old clients send digits as a string.
  absl::StatusOr<int64_t> Integer(std::string_view key, int64_t min, int64_t max) const {
    const JsonMember* member = Find(key);
    if (member == nullptr) return Error(key, "Field required");
    int64_t value = member->integer;
    if (member->kind == JsonKind::kString ? !absl::SimpleAtoi(ToAbsl(member->text), &value)
                                          : member->kind != JsonKind::kInt64) {
      return Error(key, "Input should be a valid integer");
    }
    if (value < min || value > max)
      return Error(key, StrCat("Input should be from ", min, " to ", max));
    return value;
  }

 private:
  std::string place_;
  JsonObjectView members_;
};

class FilterParser {
 public:
  absl::StatusOr<CohortCondition> Parse(const JsonMember& root) {
    return Group(root, "filters.properties", 1);
  }

 private:
  absl::StatusOr<Reader> Open(const JsonMember& value, std::string place) {
    JsonObjectView members;
    if (value.kind != JsonKind::kRaw || !ParseJsonObject(value.text, &arena_, &members).ok()) {
      return Invalid(StrCat(place, ": Input should be an object"));
    }
    return Reader(std::move(place), std::move(members));
  }

  absl::StatusOr<std::vector<JsonMember>> Items(const Reader& reader, std::string_view key) {
    const JsonMember* list = reader.Find(key);
    if (list == nullptr) return reader.Error(key, "Field required");
    std::vector<JsonMember> items;
    if (list->kind != JsonKind::kRaw || !ParseJsonArray(list->text, &arena_, &items).ok()) {
      return reader.Error(key, "Input should be a list");
    }
    return items;
  }

  absl::StatusOr<CohortCondition> Group(const JsonMember& value, std::string place, int depth) {
    if (depth > kCohortDepthMax)
      return Invalid(StrCat("filters: groups are nested deeper than ", kCohortDepthMax));
    HOGLET_ASSIGN_OR_RETURN(const Reader reader, Open(value, std::move(place)));
    HOGLET_RETURN_IF_ERROR(reader.CheckKeys({"type", "values"}));
    HOGLET_ASSIGN_OR_RETURN(const std::string type, reader.Text("type"));
    if (type != "AND" && type != "OR") return reader.Error("type", "Input should be 'AND' or 'OR'");
    HOGLET_ASSIGN_OR_RETURN(const auto items, Items(reader, "values"));
    CohortCondition group;
    group.kind = type == "AND" ? CohortCondition::Kind::kAll : CohortCondition::Kind::kAny;
    for (size_t i = 0; i < items.size(); ++i) {
      HOGLET_ASSIGN_OR_RETURN(
          CohortCondition child,
          GroupOrFilter(items[i], StrCat(reader.place(), ".values.", i), depth + 1));
      group.children.push_back(std::move(child));
    }
    return group;
  }

  absl::StatusOr<CohortCondition> GroupOrFilter(const JsonMember& value, std::string place,
                                                int depth) {
    HOGLET_ASSIGN_OR_RETURN(const Reader reader, Open(value, place));
    HOGLET_ASSIGN_OR_RETURN(const std::string type, reader.Text("type"));
    if (type == "AND" || type == "OR") return Group(value, std::move(place), depth);
    if (++leaves_ > kCohortLeavesMax)
      return Invalid(StrCat("filters: more than ", kCohortLeavesMax, " conditions"));
    if (type == "person") return Person(reader);
    if (type == "cohort") return Cohort(reader);
    if (type == "behavioral") return Behavioral(reader);
    return reader.Error("type", "Input should be 'person', 'cohort' or 'behavioral'");
  }

  // `bytecode` and the like are what newer servers add to their own answers.
  absl::StatusOr<CohortCondition> Person(const Reader& reader) {
    HOGLET_RETURN_IF_ERROR(reader.CheckKeys({"type", "key", "operator", "value", "negation",
                                             "bytecode", "bytecode_error", "conditionHash"}));
    CohortCondition leaf;
    leaf.kind = CohortCondition::Kind::kProperty;
    HOGLET_ASSIGN_OR_RETURN(leaf.is_negated, reader.Flag("negation"));
    if (!reader.Has("operator"))
      return reader.Error("operator", "Missing required keys for person filter: operator");
    HOGLET_ASSIGN_OR_RETURN(leaf.test, Test(reader, CohortTest::Source::kPerson));
    return leaf;
  }

  absl::StatusOr<CohortCondition> Cohort(const Reader& reader) {
    HOGLET_RETURN_IF_ERROR(
        reader.CheckKeys({"type", "key", "value", "negation", "operator", "cohort_name", "bytecode",
                          "bytecode_error", "conditionHash"}));
    CohortCondition leaf;
    leaf.kind = CohortCondition::Kind::kCohort;
    HOGLET_ASSIGN_OR_RETURN(leaf.is_negated, reader.Flag("negation"));
    HOGLET_ASSIGN_OR_RETURN(const std::string key, reader.Text("key"));
    if (key != "id") return reader.Error("key", "Input should be 'id'");
    HOGLET_ASSIGN_OR_RETURN(leaf.cohort_id,
                            reader.Integer("value", 1, std::numeric_limits<int32_t>::max()));
    HOGLET_ASSIGN_OR_RETURN(const std::string op, reader.TextOr("operator", "in"));
    if (op != "in" && op != "not_in" && op != "exact")
      return reader.Error("operator", "Input should be 'in' or 'not_in'");
    if (op == "not_in") leaf.is_negated = !leaf.is_negated;
    return leaf;
  }

  absl::StatusOr<CohortTest> Test(const Reader& reader, CohortTest::Source source) {
    CohortTest test;
    test.source = source;
    HOGLET_ASSIGN_OR_RETURN(test.key, reader.Text("key"));
    HOGLET_ASSIGN_OR_RETURN(const std::string name, reader.TextOr("operator", "exact"));
    const auto* found = std::find_if(kOperators.begin(), kOperators.end(),
                                     [&](const OperatorName& op) { return op.name == name; });
    if (found == kOperators.end())
      return reader.Error("operator", StrCat("\"", name, "\" is not an operator for properties"));
    test.op = found->op;
    if (NeedsNoValue(test.op)) return test;
    if (!reader.Has("value"))
      return reader.Error("value", "Missing required keys for person filter: value");
    HOGLET_RETURN_IF_ERROR(Values(reader, &test));
    HOGLET_RETURN_IF_ERROR(CheckValues(reader, test));
    return test;
  }

  absl::Status Values(const Reader& reader, CohortTest* test) {
    const JsonMember* value = reader.Find("value");
    std::vector<JsonMember> items = {*value};
    if (value->kind == JsonKind::kRaw && value->text.starts_with('[')) {
      HOGLET_ASSIGN_OR_RETURN(items, Items(reader, "value"));
    }
    if (items.size() > kCohortValuesMax)
      return reader.Error("value", StrCat("more than ", kCohortValuesMax, " values"));
    for (const JsonMember& item : items) {
      CohortValue out;
      if (item.kind == JsonKind::kString) {
        out.text = std::string(item.text);
      } else {
        // An integer too long for a number is text, too.
        if (item.kind == JsonKind::kNull || item.text.starts_with('{') ||
            item.text.starts_with('[')) {
          return reader.Error("value",
                              "Input should be a text, number, boolean, or a list of such");
        }
        AppendJsonValue(item, &out.text);
      }
      if (out.text.size() > kCohortTextBytesMax) return reader.Error("value", "is too long");
      if (out.text.find('\0') != std::string::npos)
        return reader.Error("value", "must not hold a NUL character");
      out.number = NumberIn(out.text);
      test->values.push_back(std::move(out));
    }
    return absl::OkStatus();
  }

  static absl::Status CheckValues(const Reader& reader, const CohortTest& test) {
    switch (test.op) {
      case CohortOperator::kDateExact:
      case CohortOperator::kDateBefore:
      case CohortOperator::kDateAfter:
        if (test.values.size() != 1 ||
            !ParseCohortMoment(test.values[0].text, 0, TimeZone::Utc()).has_value())
          return reader.Error("value", "is not a date");
        break;
      case CohortOperator::kBetween:
      case CohortOperator::kNotBetween:
        if (test.values.size() != 2 || !test.values[0].number || !test.values[1].number ||
            *test.values[0].number > *test.values[1].number)
          return reader.Error("value", "Input should be [least, greatest]");
        break;
      case CohortOperator::kGreater:
      case CohortOperator::kGreaterOrEqual:
      case CohortOperator::kLess:
      case CohortOperator::kLessOrEqual:
        if (test.values.size() != 1) return reader.Error("value", "Input should be one value");
        break;
      case CohortOperator::kRegex:
      case CohortOperator::kNotRegex:
        for (const CohortValue& value : test.values) {
          const re2::RE2 pattern(value.text, re2::RE2::Quiet);
          if (!pattern.ok())
            return reader.Error("value", StrCat("is not a regular expression: ", pattern.error()));
        }
        break;
      default:
        break;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<CohortSpan> Span(const Reader& reader, std::string_view value_key,
                                  std::string_view interval_key) {
    CohortSpan span;
    HOGLET_ASSIGN_OR_RETURN(span.count, reader.Integer(value_key, 1, kSpanCountMax));
    HOGLET_ASSIGN_OR_RETURN(const std::string unit, reader.Text(interval_key));
    if (!ParseTimeUnit(unit, &span.unit) || span.unit == TimeUnit::kSecond ||
        span.unit == TimeUnit::kQuarter) {
      return reader.Error(interval_key,
                          "Input should be 'minute', 'hour', 'day', 'week', 'month' or 'year'");
    }
    return span;
  }

  absl::StatusOr<CohortCondition> Behavioral(const Reader& reader) {
    HOGLET_RETURN_IF_ERROR(reader.CheckKeys({"type",
                                             "key",
                                             "value",
                                             "event_type",
                                             "time_value",
                                             "time_interval",
                                             "negation",
                                             "operator",
                                             "operator_value",
                                             "seq_time_interval",
                                             "seq_time_value",
                                             "seq_event",
                                             "seq_event_type",
                                             "total_periods",
                                             "min_periods",
                                             "event_filters",
                                             "explicit_datetime",
                                             "explicit_datetime_to",
                                             "bytecode",
                                             "bytecode_error",
                                             "conditionHash"}));
    CohortCondition leaf;
    leaf.kind = CohortCondition::Kind::kBehavior;
    HOGLET_ASSIGN_OR_RETURN(leaf.is_negated, reader.Flag("negation"));
    CohortBehavior& behavior = leaf.behavior;
    HOGLET_ASSIGN_OR_RETURN(const std::string name, reader.Text("value"));
    const auto* found = std::find_if(kBehaviors.begin(), kBehaviors.end(),
                                     [&](const BehaviorName& kind) { return kind.name == name; });
    if (found == kBehaviors.end())
      return reader.Error("value", StrCat("\"", name, "\" is not a kind of behavior"));
    behavior.kind = found->kind;
    HOGLET_ASSIGN_OR_RETURN(behavior.event, Event(reader, "key", "event_type"));
    HOGLET_RETURN_IF_ERROR(When(reader, &behavior));
    HOGLET_RETURN_IF_ERROR(Details(reader, &behavior));
    if (reader.Has("event_filters")) {
      HOGLET_ASSIGN_OR_RETURN(behavior.filters, EventFilters(reader));
    }
    return leaf;
  }

  absl::StatusOr<std::string> Event(const Reader& reader, std::string_view key,
                                    std::string_view type_key) {
    HOGLET_ASSIGN_OR_RETURN(const std::string type, reader.Text(type_key));
    if (type == "actions")
      return reader.Error(type_key, "Actions are not supported by this server; use an event");
    if (type != "events") return reader.Error(type_key, "Input should be 'events' or 'actions'");
    return reader.Text(key);
  }

  absl::Status When(const Reader& reader, CohortBehavior* behavior) {
    // Those that compare two spans are about time before now only.
    const bool may_be_explicit = behavior->kind != CohortBehavior::Kind::kPerformedRegularly &&
                                 behavior->kind != CohortBehavior::Kind::kRestarted;
    if (!may_be_explicit || !reader.Has("explicit_datetime")) {
      HOGLET_ASSIGN_OR_RETURN(behavior->span, Span(reader, "time_value", "time_interval"));
      return absl::OkStatus();
    }
    HOGLET_ASSIGN_OR_RETURN(behavior->from, reader.Text("explicit_datetime"));
    if (!ParseCohortMoment(behavior->from, 0, TimeZone::Utc()).has_value())
      return reader.Error("explicit_datetime", "is not a date");
    HOGLET_ASSIGN_OR_RETURN(behavior->to, reader.TextOr("explicit_datetime_to", ""));
    if (!behavior->to.empty() && !ParseCohortMoment(behavior->to, 0, TimeZone::Utc()).has_value())
      return reader.Error("explicit_datetime_to", "is not a date");
    return absl::OkStatus();
  }

  absl::Status Details(const Reader& reader, CohortBehavior* behavior) {
    using Kind = CohortBehavior::Kind;
    if (behavior->kind == Kind::kPerformedMultiple || behavior->kind == Kind::kPerformedRegularly) {
      HOGLET_ASSIGN_OR_RETURN(behavior->times, reader.Integer("operator_value", 1, kTimesMax));
      HOGLET_ASSIGN_OR_RETURN(behavior->comparison, Comparison(reader));
    }
    if (behavior->kind == Kind::kPerformedRegularly) {
      HOGLET_ASSIGN_OR_RETURN(behavior->periods,
                              reader.Integer("total_periods", 1, kCohortPeriodsMax));
      HOGLET_ASSIGN_OR_RETURN(behavior->periods_min,
                              reader.Integer("min_periods", 1, kCohortPeriodsMax));
      if (behavior->periods_min > behavior->periods)
        return reader.Error("min_periods", "cannot be greater than total_periods");
    }
    if (behavior->kind == Kind::kPerformedSequence) {
      HOGLET_ASSIGN_OR_RETURN(behavior->second_event, Event(reader, "seq_event", "seq_event_type"));
    }
    if (behavior->kind == Kind::kPerformedSequence || behavior->kind == Kind::kStopped ||
        behavior->kind == Kind::kRestarted) {
      HOGLET_ASSIGN_OR_RETURN(behavior->second_span,
                              Span(reader, "seq_time_value", "seq_time_interval"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<CohortComparison> Comparison(const Reader& reader) {
    HOGLET_ASSIGN_OR_RETURN(const std::string name, reader.TextOr("operator", "exact"));
    if (name == "exact" || name == "eq") return CohortComparison::kEqual;
    if (name == "gte") return CohortComparison::kGreaterOrEqual;
    if (name == "gt") return CohortComparison::kGreater;
    if (name == "lte") return CohortComparison::kLessOrEqual;
    if (name == "lt") return CohortComparison::kLess;
    return reader.Error("operator", "Input should be 'exact', 'gte', 'gt', 'lte' or 'lt'");
  }

  absl::StatusOr<std::vector<CohortTest>> EventFilters(const Reader& reader) {
    HOGLET_ASSIGN_OR_RETURN(const auto items, Items(reader, "event_filters"));
    if (items.size() > kEventFiltersMax)
      return reader.Error("event_filters", StrCat("more than ", kEventFiltersMax, " filters"));
    std::vector<CohortTest> tests;
    for (size_t i = 0; i < items.size(); ++i) {
      HOGLET_ASSIGN_OR_RETURN(CohortTest test,
                              EventFilter(items[i], StrCat(reader.place(), ".event_filters.", i)));
      tests.push_back(std::move(test));
    }
    return tests;
  }

  absl::StatusOr<CohortTest> EventFilter(const JsonMember& item, std::string place) {
    HOGLET_ASSIGN_OR_RETURN(const Reader reader, Open(item, std::move(place)));
    HOGLET_RETURN_IF_ERROR(reader.CheckKeys({"type", "key", "operator", "value", "label"}));
    HOGLET_ASSIGN_OR_RETURN(const std::string type, reader.TextOr("type", "event"));
    if (type == "event") return Test(reader, CohortTest::Source::kEvent);
    if (type == "person") return Test(reader, CohortTest::Source::kPerson);
    if (type == "element") return ElementTest(reader);
    if (type == "hogql") return ExpressionTest(reader);
    return reader.Error("type", "Input should be 'event', 'element', 'person' or 'hogql'");
  }

  absl::StatusOr<CohortTest> ElementTest(const Reader& reader) {
    HOGLET_ASSIGN_OR_RETURN(CohortTest test, Test(reader, CohortTest::Source::kElement));
    if (test.key != "text" && test.key != "href" && test.key != "tag_name")
      return reader.Error("key", "Input should be 'text', 'href' or 'tag_name'");
    if (test.key == "tag_name" && test.op != CohortOperator::kExact &&
        test.op != CohortOperator::kIsNot)
      return reader.Error("operator", "Input should be 'exact' or 'is_not' for a tag name");
    return test;
  }

  // Printed again, so that what stands in the query is one expression, whatever the text holds.
  absl::StatusOr<CohortTest> ExpressionTest(const Reader& reader) {
    CohortTest test;
    test.source = CohortTest::Source::kExpression;
    HOGLET_ASSIGN_OR_RETURN(const std::string text, reader.Text("key"));
    const auto parsed = hogql::ParseExpr(text);
    if (!parsed.ok()) return reader.Error("key", FromAbsl(parsed.status().message()));
    test.key = hogql::PrintHogQL(**parsed);
    return test;
  }

  Arena arena_;
  size_t leaves_ = 0;
};

// One old group as a group of filters.
class GroupConverter {
 public:
  absl::Status Convert(const JsonMember& group, JsonWriter* out) {
    JsonObjectView members;
    if (group.kind != JsonKind::kRaw || !ParseJsonObject(group.text, &arena_, &members).ok())
      return Invalid("groups: Input should be a list of objects");
    out->BeginObject().Field("type", "AND").Key("values").BeginArray();
    const JsonMember* properties = FindJsonMember(members, "properties");
    if (IsPresent(properties)) {
      HOGLET_RETURN_IF_ERROR(Properties(*properties, out));
    } else if (IsPresent(FindJsonMember(members, "event_id"))) {
      HOGLET_RETURN_IF_ERROR(Behavior(members, out));
    } else if (IsPresent(FindJsonMember(members, "action_id"))) {
      return Invalid("groups: Actions are not supported by this server; use an event");
    } else {
      return Invalid("groups: a group needs properties or an event_id");
    }
    out->EndArray().EndObject();
    return absl::OkStatus();
  }

 private:
  // A list of filters, or a dictionary of the oldest kind: {"key" or "key__operator": value}.
  absl::Status Properties(const JsonMember& properties, JsonWriter* out) {
    std::vector<JsonMember> filters;
    if (properties.kind == JsonKind::kRaw &&
        ParseJsonArray(properties.text, &arena_, &filters).ok()) {
      for (const JsonMember& filter : filters) HOGLET_RETURN_IF_ERROR(Filter(filter, out));
      return absl::OkStatus();
    }
    JsonObjectView pairs;
    if (properties.kind != JsonKind::kRaw ||
        !ParseJsonObject(properties.text, &arena_, &pairs).ok())
      return Invalid("groups.properties: Input should be a list of filters");
    for (const JsonMember& pair : pairs) {
      const size_t cut = pair.key.rfind("__");
      const bool has_operator = cut != std::string_view::npos && cut > 0;
      out->BeginObject()
          .Field("type", "person")
          .Field("key", has_operator ? pair.key.substr(0, cut) : pair.key)
          .Field("operator", has_operator ? pair.key.substr(cut + 2) : std::string_view("exact"));
      out->Key("value").Value(pair).EndObject();
    }
    return absl::OkStatus();
  }

  absl::Status Filter(const JsonMember& filter, JsonWriter* out) {
    JsonObjectView members;
    if (filter.kind != JsonKind::kRaw || !ParseJsonObject(filter.text, &arena_, &members).ok())
      return Invalid("groups.properties: Input should be a list of filters");
    const JsonMember* type = FindJsonMember(members, "type");
    if (IsPresent(type) && type->kind == JsonKind::kString && type->text == "cohort") {
      out->BeginObject().Field("type", "cohort").Field("key", "id");
    } else {
      const JsonMember* op = FindJsonMember(members, "operator");
      out->BeginObject().Field("type", "person");
      const JsonMember* key = FindJsonMember(members, "key");
      if (!IsPresent(key)) return Invalid("groups.properties.key: Field required");
      out->Key("key").Value(*key);
      out->Key("operator");
      IsPresent(op) ? out->Value(*op) : out->String("exact");
    }
    if (const JsonMember* value = FindJsonMember(members, "value"); IsPresent(value))
      out->Key("value").Value(*value);
    if (const JsonMember* negation = FindJsonMember(members, "negation"); IsPresent(negation))
      out->Key("negation").Value(*negation);
    out->EndObject();
    return absl::OkStatus();
  }

  absl::Status Behavior(const JsonObjectView& members, JsonWriter* out) {
    const JsonMember* count = FindJsonMember(members, "count");
    const JsonMember* days = FindJsonMember(members, "days");
    const JsonMember* op = FindJsonMember(members, "count_operator");
    out->BeginObject()
        .Field("type", "behavioral")
        .Field("value", IsPresent(count) ? "performed_event_multiple" : "performed_event")
        .Field("event_type", "events");
    out->Key("key").Value(*FindJsonMember(members, "event_id"));
    out->Field("time_interval", "day").Key("time_value");
    IsPresent(days) ? out->Value(*days) : out->Int(365);
    if (IsPresent(count)) {
      out->Key("operator_value").Value(*count).Key("operator");
      IsPresent(op) ? out->Value(*op) : out->String("exact");
    }
    out->EndObject();
    return absl::OkStatus();
  }

  Arena arena_;
};

// "10:20[:30[.123456]]" to microseconds.
std::optional<int64_t> ParseClock(std::string_view text) {
  const auto two = [&](size_t at) -> int {
    if (at + 2 > text.size()) return -1;
    const char a = text[at];
    const char b = text[at + 1];
    if (a < '0' || a > '9' || b < '0' || b > '9') return -1;
    return (a - '0') * 10 + (b - '0');
  };
  const int hour = two(0);
  const int minute = text.size() >= 5 && text[2] == ':' ? two(3) : -1;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return std::nullopt;
  int64_t micros = hour * kMicrosPerHour + minute * kMicrosPerMinute;
  if (text.size() == 5) return micros;
  const int second = text[5] == ':' ? two(6) : -1;
  if (second < 0 || second > 59) return std::nullopt;
  micros += second * kMicrosPerSecond;
  if (text.size() == 8) return micros;
  if (text[8] != '.' || text.size() == 9) return std::nullopt;
  int64_t unit = 100'000;
  for (const char c : text.substr(9)) {
    if (c < '0' || c > '9') return std::nullopt;
    micros += unit * (c - '0');
    unit /= 10;
  }
  return micros;
}

std::optional<int64_t> ParseRelative(std::string_view text, int64_t now_us, const TimeZone& zone) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.size() < 2) return std::nullopt;
  int64_t count = 0;
  const std::string_view digits = text.substr(0, text.size() - 1);
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(ToAbsl(digits), &count) || count > kRelativeCountMax)
    return std::nullopt;
  switch (text.back()) {
    case 'h':
      return AddUnits(TimeUnit::kHour, -count, now_us, zone);
    case 'd':
      return AddUnits(TimeUnit::kDay, -count, now_us, zone);
    case 'w':
      return AddUnits(TimeUnit::kWeek, -count, now_us, zone);
    case 'm':
      return AddUnits(TimeUnit::kMonth, -count, now_us, zone);
    case 'q':
      return AddUnits(TimeUnit::kQuarter, -count, now_us, zone);
    case 'y':
      return AddUnits(TimeUnit::kYear, -count, now_us, zone);
    default:
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<std::optional<CohortCondition>> ParseCohortFilters(std::string_view json) {
  if (json.size() > kCohortFilterBytesMax)
    return Invalid(StrCat("filters: longer than ", kCohortFilterBytesMax, " bytes"));
  Arena arena;
  JsonObjectView members;
  if (!ParseJsonObject(json, &arena, &members).ok())
    return Invalid("filters: Input should be an object");
  for (const JsonMember& member : members) {
    if (member.key != "properties")
      return Invalid(StrCat("filters.", member.key, ": Extra inputs are not permitted"));
  }
  const JsonMember* root = FindJsonMember(members, "properties");
  if (!IsPresent(root)) return std::nullopt;
  FilterParser parser;
  HOGLET_ASSIGN_OR_RETURN(CohortCondition condition, parser.Parse(*root));
  return condition;
}

absl::StatusOr<std::string> ConvertCohortGroups(std::string_view json) {
  if (json.size() > kCohortFilterBytesMax)
    return Invalid(StrCat("groups: longer than ", kCohortFilterBytesMax, " bytes"));
  Arena arena;
  std::vector<JsonMember> groups;
  if (!ParseJsonArray(json, &arena, &groups).ok()) return Invalid("groups: Input should be a list");
  JsonWriter out;
  out.BeginObject().Key("properties").BeginObject().Field("type", "OR").Key("values").BeginArray();
  GroupConverter converter;
  for (const JsonMember& group : groups) HOGLET_RETURN_IF_ERROR(converter.Convert(group, &out));
  out.EndArray().EndObject().EndObject();
  return out.Take();
}

std::vector<int64_t> CohortsIn(const CohortCondition& condition) {
  std::vector<int64_t> ids;
  if (condition.kind == CohortCondition::Kind::kCohort) ids.push_back(condition.cohort_id);
  for (const CohortCondition& child : condition.children) {
    const auto of_child = CohortsIn(child);
    ids.insert(ids.end(), of_child.begin(), of_child.end());
  }
  return ids;
}

bool HasBehavior(const CohortCondition& condition) {
  return condition.kind == CohortCondition::Kind::kBehavior ||
         std::any_of(condition.children.begin(), condition.children.end(), HasBehavior);
}

std::optional<int64_t> ParseCohortMoment(std::string_view text, int64_t now_us,
                                         const TimeZone& zone) {
  if (text.size() > kMomentBytesMax) return std::nullopt;
  if (const auto relative = ParseRelative(text, now_us, zone)) return relative;
  if (const auto moment = ParseRfc3339(text)) return moment;
  const auto day = ParseDate(text.substr(0, 10));
  if (!day.has_value()) return std::nullopt;
  if (text.size() == 10) return StartOfDayNumber(*day, zone);
  if (text[10] != ' ' && text[10] != 'T') return std::nullopt;
  const auto clock = ParseClock(text.substr(11));
  if (!clock.has_value()) return std::nullopt;
  return FromLocalMicros(*day * kMicrosPerDay + *clock, zone);
}

}  // namespace hoglet
