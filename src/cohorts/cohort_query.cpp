#include "src/cohorts/cohort_query.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "query/hogql/quoting.h"
#include "src/base/json.h"
#include "src/base/limits.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

using hogql::QuoteString;

// What a DateTime64 can be.
constexpr int64_t kMomentUsMin = -2'208'988'800'000'000;  // 1900-01-01
constexpr int64_t kMomentUsMax = 10'413'791'999'000'000;  // 2299-12-31T23:59:59

std::string MomentText(int64_t time_us) {
  const int64_t bounded = std::clamp(time_us, kMomentUsMin, kMomentUsMax);
  return StrCat("toDateTime(", QuoteString(FormatCivil(bounded, TimeZone::Utc())), ", 'UTC')");
}

std::string NumberText(double number) {
  std::string text;
  AppendJsonDouble(number, &text);
  return number < 0 ? StrCat("(", text, ")") : text;
}

const char* ComparisonText(CohortComparison comparison) {
  switch (comparison) {
    case CohortComparison::kEqual:
      return "=";
    case CohortComparison::kGreaterOrEqual:
      return ">=";
    case CohortComparison::kGreater:
      return ">";
    case CohortComparison::kLessOrEqual:
      return "<=";
    case CohortComparison::kLess:
      return "<";
  }
  return "=";
}

bool IsNegative(CohortOperator op) {
  switch (op) {
    case CohortOperator::kIsNot:
    case CohortOperator::kNotContains:
    case CohortOperator::kNotStartsWith:
    case CohortOperator::kNotEndsWith:
    case CohortOperator::kNotRegex:
    case CohortOperator::kNotBetween:
    case CohortOperator::kIsNotSet:
      return true;
    default:
      return false;
  }
}

// The operator that is true where `op` is false.
CohortOperator Positive(CohortOperator op) {
  switch (op) {
    case CohortOperator::kIsNot:
      return CohortOperator::kExact;
    case CohortOperator::kNotContains:
      return CohortOperator::kContains;
    case CohortOperator::kNotStartsWith:
      return CohortOperator::kStartsWith;
    case CohortOperator::kNotEndsWith:
      return CohortOperator::kEndsWith;
    case CohortOperator::kNotRegex:
      return CohortOperator::kRegex;
    case CohortOperator::kNotBetween:
      return CohortOperator::kBetween;
    case CohortOperator::kIsNotSet:
      return CohortOperator::kIsSet;
    default:
      return op;
  }
}

std::string Joined(const std::vector<std::string>& conditions, const char* word) {
  if (conditions.empty()) return "false";  // nobody meets no condition
  if (conditions.size() == 1) return conditions[0];
  return StrCat("(", absl::StrJoin(conditions, word), ")");
}
std::string Not(const std::string& condition) { return StrCat("NOT (", condition, ")"); }

// Conditions on the value of one property or element. None of them is ever NULL.
class TestWriter {
 public:
  TestWriter(const CohortQueryContext& context, const CohortTest& test, std::string field,
             CohortPropertyType type)
      : context_(context), test_(test), field_(std::move(field)), type_(type) {}

  std::string Write() const {
    const std::string positive = Holds(Positive(test_.op));
    return IsNegative(test_.op) ? Not(positive) : positive;
  }

 private:
  std::string Text() const {
    return type_ == CohortPropertyType::kText ? field_ : StrCat("toString(", field_, ")");
  }

  std::string Holds(CohortOperator op) const {
    switch (op) {
      case CohortOperator::kIsSet:
        return StrCat(field_, " IS NOT NULL");
      case CohortOperator::kExact:
        return Equals();
      case CohortOperator::kContains:
        return AnyText("ILIKE", "%", "%");
      case CohortOperator::kStartsWith:
        return AnyText("ILIKE", "", "%");
      case CohortOperator::kEndsWith:
        return AnyText("ILIKE", "%", "");
      case CohortOperator::kRegex:
        return AnyText("=~", "", "");
      case CohortOperator::kGreater:
        return Ordered(">");
      case CohortOperator::kGreaterOrEqual:
        return Ordered(">=");
      case CohortOperator::kLess:
        return Ordered("<");
      case CohortOperator::kLessOrEqual:
        return Ordered("<=");
      case CohortOperator::kBetween:
        return Between();
      case CohortOperator::kDateExact:
        return Dated("=");
      case CohortOperator::kDateBefore:
        return Dated("<");
      case CohortOperator::kDateAfter:
        return Dated(">");
      default:
        return "false";  // the negative ones, which Write() has turned round
    }
  }

  std::string AnyText(const char* op, const char* before, const char* after) const {
    std::vector<std::string> each;
    for (const CohortValue& value : test_.values) {
      each.push_back(StrCat(Text(), " ", op, " ", QuoteString(StrCat(before, value.text, after))));
    }
    return Joined(each, " OR ");
  }

  std::string Number() const {
    return type_ == CohortPropertyType::kNumber ? field_ : StrCat("toFloat(", Text(), ")");
  }

  // A value that the property's type cannot have is no value of it.
  std::string Equals() const {
    std::vector<std::string> values;
    for (const CohortValue& value : test_.values) {
      if (type_ == CohortPropertyType::kText) {
        values.push_back(QuoteString(value.text));
      } else if (type_ == CohortPropertyType::kNumber) {
        if (value.number) values.push_back(NumberText(*value.number));
      } else if (type_ == CohortPropertyType::kBoolean) {
        const std::string text = absl::AsciiStrToLower(value.text);
        if (text == "true" || text == "false") values.push_back(text);
      } else if (const auto moment =
                     ParseCohortMoment(value.text, context_.now_us, context_.timezone)) {
        values.push_back(MomentText(*moment));
      }
    }
    if (values.empty()) return "false";
    if (values.size() == 1) return StrCat(field_, " = ", values[0]);
    return StrCat(field_, " IN (", absl::StrJoin(values, ", "), ")");
  }

  std::string Ordered(const char* op) const {
    const CohortValue& value = test_.values[0];
    if (type_ == CohortPropertyType::kMoment) {
      const auto moment = ParseCohortMoment(value.text, context_.now_us, context_.timezone);
      return moment ? StrCat(field_, " ", op, " ", MomentText(*moment)) : "false";
    }
    if (value.number) return StrCat(Number(), " ", op, " ", NumberText(*value.number));
    if (type_ != CohortPropertyType::kText) return "false";
    return StrCat(field_, " ", op, " ", QuoteString(value.text));
  }

  std::string Between() const {
    return StrCat("(", Number(), " >= ", NumberText(*test_.values[0].number), " AND ", Number(),
                  " <= ", NumberText(*test_.values[1].number), ")");
  }

  std::string Dated(const char* op) const {
    const auto moment = ParseCohortMoment(test_.values[0].text, context_.now_us, context_.timezone);
    if (!moment.has_value()) return "false";
    const std::string value =
        type_ == CohortPropertyType::kMoment ? field_ : StrCat("toDateTime(", Text(), ")");
    return StrCat(value, " ", op, " ", MomentText(*moment));
  }

  const CohortQueryContext& context_;
  const CohortTest& test_;
  const std::string field_;
  const CohortPropertyType type_;
};

class QueryWriter {
 public:
  explicit QueryWriter(const CohortQueryContext& context) : context_(context) {}

  std::string Condition(const CohortCondition& node) const {
    const std::string text = Positive(node);
    return node.is_negated ? Not(text) : text;
  }

 private:
  std::string Positive(const CohortCondition& node) const {
    switch (node.kind) {
      case CohortCondition::Kind::kProperty:
        return Property(node.test, "properties.", /*is_of_event=*/false);
      case CohortCondition::Kind::kCohort:
        return StrCat("id IN COHORT ", node.cohort_id);
      case CohortCondition::Kind::kBehavior:
        return StrCat("id IN (", Behavior(node.behavior), ")");
      case CohortCondition::Kind::kAll:
      case CohortCondition::Kind::kAny:
        break;
    }
    std::vector<std::string> parts;
    for (const CohortCondition& child : node.children) parts.push_back(Condition(child));
    return Joined(parts, node.kind == CohortCondition::Kind::kAll ? " AND " : " OR ");
  }

  std::string Property(const CohortTest& test, const char* prefix, bool is_of_event) const {
    const auto type = context_.property_type ? context_.property_type(is_of_event, test.key)
                                             : CohortPropertyType::kText;
    return TestWriter(context_, test, StrCat(prefix, hogql::Backquote(test.key)), type).Write();
  }

  std::string EventTest(const CohortTest& test) const {
    switch (test.source) {
      case CohortTest::Source::kEvent:
        return Property(test, "properties.", /*is_of_event=*/true);
      case CohortTest::Source::kPerson:
        return Property(test, "person.properties.", /*is_of_event=*/false);
      case CohortTest::Source::kElement:
        return ElementTest(test);
      case CohortTest::Source::kExpression:
        return StrCat("ifNull(", test.key, ", false)");
    }
    return "true";
  }

  std::string ElementTest(const CohortTest& test) const {
    CohortTest positive = test;
    positive.op = hoglet::Positive(test.op);
    const auto write = [&](const std::string& field) {
      return TestWriter(context_, positive, field, CohortPropertyType::kText).Write();
    };
    std::string text;
    if (test.key == "href") {
      // An element without one has an empty one.
      text = write("nullIf(elements_chain_href, '')");
    } else if (test.key == "text") {
      text = test.op == CohortOperator::kIsSet || test.op == CohortOperator::kIsNotSet
                 ? "notEmpty(elements_chain_texts)"
                 : StrCat("arrayExists(text -> ", write("text"), ", elements_chain_texts)");
    } else {
      std::vector<std::string> names;
      for (const CohortValue& value : test.values) names.push_back(QuoteString(value.text));
      text = names.empty()
                 ? "false"
                 : StrCat("hasAny(elements_chain_elements, [", absl::StrJoin(names, ", "), "])");
    }
    return IsNegative(test.op) ? Not(text) : text;
  }

  // Where events are the behavior's own.
  std::string Matches(const CohortBehavior& behavior) const {
    std::vector<std::string> parts = {StrCat("event = ", QuoteString(behavior.event))};
    for (const CohortTest& test : behavior.filters) parts.push_back(EventTest(test));
    return absl::StrJoin(parts, " AND ");
  }

  int64_t Before(const CohortSpan& span, bool from_start_of_day) const {
    const int64_t back_us = AddUnits(span.unit, -span.count, context_.now_us, context_.timezone);
    const bool is_short = span.unit == TimeUnit::kMinute || span.unit == TimeUnit::kHour;
    if (is_short || !from_start_of_day) return back_us;
    return StartOfDayNumber(DayNumber(back_us, context_.timezone), context_.timezone);
  }

  int64_t From(const CohortBehavior& behavior, bool from_start_of_day = true) const {
    if (behavior.from.empty()) return Before(behavior.span, from_start_of_day);
    return ParseCohortMoment(behavior.from, context_.now_us, context_.timezone)
        .value_or(context_.now_us);
  }
  int64_t Until(const CohortBehavior& behavior) const {
    if (behavior.to.empty()) return context_.now_us;
    return ParseCohortMoment(behavior.to, context_.now_us, context_.timezone)
        .value_or(context_.now_us);
  }
  static std::string Within(int64_t from_us, int64_t until_us) {
    return StrCat("timestamp >= ", MomentText(from_us), " AND timestamp <= ", MomentText(until_us));
  }
  std::string Where(const std::string& matches, int64_t from_us, int64_t until_us) const {
    return StrCat(" FROM events WHERE ", matches, " AND ", Within(from_us, until_us));
  }

  std::string Behavior(const CohortBehavior& behavior) const {
    using Kind = CohortBehavior::Kind;
    const std::string matches = Matches(behavior);
    const int64_t until_us = Until(behavior);
    switch (behavior.kind) {
      case Kind::kPerformed:
        return StrCat("SELECT person_id", Where(matches, From(behavior), until_us));
      case Kind::kPerformedMultiple:
        return StrCat("SELECT person_id",
                      Where(matches, From(behavior, /*from_start_of_day=*/false), until_us),
                      " GROUP BY person_id HAVING count() ", ComparisonText(behavior.comparison),
                      " ", behavior.times);
      case Kind::kPerformedFirstTime:
        return StrCat("SELECT person_id FROM events WHERE ", matches,
                      " AND timestamp <= ", MomentText(until_us),
                      " GROUP BY person_id HAVING min(timestamp) >= ", MomentText(From(behavior)));
      case Kind::kPerformedSequence:
        return Sequence(behavior, matches);
      case Kind::kPerformedRegularly:
        return Regularly(behavior, matches);
      case Kind::kStopped:
        return StrCat("SELECT person_id", Where(matches, From(behavior), until_us),
                      " GROUP BY person_id HAVING max(timestamp) < ",
                      MomentText(Before(behavior.second_span, /*from_start_of_day=*/true)));
      case Kind::kRestarted:
        return Restarted(behavior, matches);
    }
    return "";
  }

  // Did it, paused, and did it again: before the longer span, not in it, and after the shorter
  // began.
  std::string Restarted(const CohortBehavior& behavior, const std::string& matches) const {
    const std::string from = MomentText(Before(behavior.span, /*from_start_of_day=*/true));
    const std::string again = MomentText(Before(behavior.second_span, /*from_start_of_day=*/true));
    return StrCat("SELECT person_id FROM events WHERE ", matches,
                  " AND timestamp <= ", MomentText(context_.now_us),
                  " GROUP BY person_id HAVING min(timestamp) < ", from,
                  " AND max(timestamp) >= ", again, " AND countIf(timestamp >= ", from,
                  " AND timestamp < ", again, ") = 0");
  }

  std::string Sequence(const CohortBehavior& behavior, const std::string& matches) const {
    const int64_t from_us = From(behavior);
    const int64_t until_us = Until(behavior);
    // By the calendar of now; sequences do not care for the odd day of a month.
    const int64_t window_ms =
        (context_.now_us - Before(behavior.second_span, /*from_start_of_day=*/false)) / 1000;
    if (behavior.event != behavior.second_event) {
      const std::string second = QuoteString(behavior.second_event);
      return StrCat("SELECT person_id FROM events WHERE event IN (", QuoteString(behavior.event),
                    ", ", second, ") AND ", Within(from_us, until_us),
                    " GROUP BY person_id HAVING windowFunnel(", window_ms,
                    ")(_toUInt64(toUnixTimestamp64Milli(timestamp)), ", matches,
                    ", event = ", second, ") >= 2");
    }
    // One event must not be both: compare each with the next one.
    return StrCat(
        "SELECT person_id FROM (SELECT person_id, arraySort(groupArray(tuple("
        "toUnixTimestamp64Milli(timestamp), ",
        matches, "))) AS done FROM events WHERE event = ", QuoteString(behavior.event), " AND ",
        Within(from_us, until_us),
        " GROUP BY person_id) WHERE arrayExists((a, b) -> a.2 AND b.1 - a.1 <= ", window_ms,
        ", arrayPopBack(done), arrayPopFront(done))");
  }

  // Periods of days or more are counted back from the end of yesterday, as today is not over;
  // shorter ones from now.
  std::string Regularly(const CohortBehavior& behavior, const std::string& matches) const {
    const CohortSpan& span = behavior.span;
    const bool is_short = span.unit == TimeUnit::kMinute || span.unit == TimeUnit::kHour;
    const int64_t end_us =
        is_short
            ? context_.now_us
            : StartOfDayNumber(DayNumber(context_.now_us, context_.timezone), context_.timezone);
    std::vector<std::string> begins;
    int64_t from_us = end_us;
    for (int64_t i = behavior.periods; i > 0; --i) {
      const int64_t begin_us =
          std::max(AddUnits(span.unit, -span.count * i, end_us, context_.timezone), int64_t{0});
      if (i == behavior.periods) from_us = begin_us;
      begins.push_back(StrCat(FloorDivide(begin_us, 1000)));
    }
    return StrCat(
        "SELECT person_id FROM (SELECT person_id, roundDown(_toUInt64(toUnixTimestamp64Milli("
        "timestamp)), [",
        absl::StrJoin(begins, ", "), "]) AS period", Where(matches, from_us, end_us - 1),
        " GROUP BY person_id, period HAVING count() ", ComparisonText(behavior.comparison), " ",
        behavior.times, ") GROUP BY person_id HAVING count() >= ", behavior.periods_min);
  }

  const CohortQueryContext& context_;
};

}  // namespace

absl::StatusOr<std::string> BuildCohortQuery(const CohortCondition& condition,
                                             const CohortQueryContext& context) {
  std::string text =
      StrCat("SELECT id FROM persons WHERE ", QueryWriter(context).Condition(condition));
  if (text.size() > limits::kQueryTextBytesMax)
    return absl::InvalidArgumentError("filters: too many values to search for");
  return text;
}

}  // namespace hoglet
