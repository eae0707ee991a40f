#include "query/hogql/keywords.h"

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

struct Entry {
  Keyword keyword;
  std::string_view text;
};

constexpr Entry kEntries[] = {
    {Keyword::kAll, "ALL"},
    {Keyword::kAnd, "AND"},
    {Keyword::kAnti, "ANTI"},
    {Keyword::kAny, "ANY"},
    {Keyword::kArray, "ARRAY"},
    {Keyword::kAs, "AS"},
    {Keyword::kAsc, "ASC"},
    {Keyword::kAscending, "ASCENDING"},
    {Keyword::kAsof, "ASOF"},
    {Keyword::kBetween, "BETWEEN"},
    {Keyword::kBoth, "BOTH"},
    {Keyword::kBy, "BY"},
    {Keyword::kCase, "CASE"},
    {Keyword::kCast, "CAST"},
    {Keyword::kCatch, "CATCH"},
    {Keyword::kCohort, "COHORT"},
    {Keyword::kCollate, "COLLATE"},
    {Keyword::kColumns, "COLUMNS"},
    {Keyword::kCross, "CROSS"},
    {Keyword::kCube, "CUBE"},
    {Keyword::kCurrent, "CURRENT"},
    {Keyword::kDate, "DATE"},
    {Keyword::kDay, "DAY"},
    {Keyword::kDesc, "DESC"},
    {Keyword::kDescending, "DESCENDING"},
    {Keyword::kDistinct, "DISTINCT"},
    {Keyword::kElse, "ELSE"},
    {Keyword::kEnd, "END"},
    {Keyword::kExcept, "EXCEPT"},
    {Keyword::kExclude, "EXCLUDE"},
    {Keyword::kExtract, "EXTRACT"},
    {Keyword::kFill, "FILL"},
    {Keyword::kFilter, "FILTER"},
    {Keyword::kFinal, "FINAL"},
    {Keyword::kFinally, "FINALLY"},
    {Keyword::kFirst, "FIRST"},
    {Keyword::kFn, "FN"},
    {Keyword::kFollowing, "FOLLOWING"},
    {Keyword::kFor, "FOR"},
    {Keyword::kFrom, "FROM"},
    {Keyword::kFull, "FULL"},
    {Keyword::kFun, "FUN"},
    {Keyword::kGroup, "GROUP"},
    {Keyword::kGrouping, "GROUPING"},
    {Keyword::kHaving, "HAVING"},
    {Keyword::kHour, "HOUR"},
    {Keyword::kId, "ID"},
    {Keyword::kIf, "IF"},
    {Keyword::kIgnore, "IGNORE"},
    {Keyword::kIlike, "ILIKE"},
    {Keyword::kIn, "IN"},
    {Keyword::kInclude, "INCLUDE"},
    {Keyword::kInf, "INF"},
    {Keyword::kInner, "INNER"},
    {Keyword::kInterpolate, "INTERPOLATE"},
    {Keyword::kIntersect, "INTERSECT"},
    {Keyword::kInterval, "INTERVAL"},
    {Keyword::kIs, "IS"},
    {Keyword::kJoin, "JOIN"},
    {Keyword::kKey, "KEY"},
    {Keyword::kLambda, "LAMBDA"},
    {Keyword::kLast, "LAST"},
    {Keyword::kLeading, "LEADING"},
    {Keyword::kLeft, "LEFT"},
    {Keyword::kLet, "LET"},
    {Keyword::kLike, "LIKE"},
    {Keyword::kLimit, "LIMIT"},
    {Keyword::kLocal, "LOCAL"},
    {Keyword::kMaterialized, "MATERIALIZED"},
    {Keyword::kMinute, "MINUTE"},
    {Keyword::kMonth, "MONTH"},
    {Keyword::kName, "NAME"},
    {Keyword::kNan, "NAN"},
    {Keyword::kNatural, "NATURAL"},
    {Keyword::kNot, "NOT"},
    {Keyword::kNull, "NULL"},
    {Keyword::kNulls, "NULLS"},
    {Keyword::kOffset, "OFFSET"},
    {Keyword::kOn, "ON"},
    {Keyword::kOr, "OR"},
    {Keyword::kOrder, "ORDER"},
    {Keyword::kOuter, "OUTER"},
    {Keyword::kOver, "OVER"},
    {Keyword::kPartition, "PARTITION"},
    {Keyword::kPivot, "PIVOT"},
    {Keyword::kPositional, "POSITIONAL"},
    {Keyword::kPreceding, "PRECEDING"},
    {Keyword::kPrewhere, "PREWHERE"},
    {Keyword::kQualify, "QUALIFY"},
    {Keyword::kQuarter, "QUARTER"},
    {Keyword::kRange, "RANGE"},
    {Keyword::kRecursive, "RECURSIVE"},
    {Keyword::kReplace, "REPLACE"},
    {Keyword::kReturn, "RETURN"},
    {Keyword::kRight, "RIGHT"},
    {Keyword::kRollup, "ROLLUP"},
    {Keyword::kRow, "ROW"},
    {Keyword::kRows, "ROWS"},
    {Keyword::kSample, "SAMPLE"},
    {Keyword::kSecond, "SECOND"},
    {Keyword::kSelect, "SELECT"},
    {Keyword::kSemi, "SEMI"},
    {Keyword::kSets, "SETS"},
    {Keyword::kSettings, "SETTINGS"},
    {Keyword::kStep, "STEP"},
    {Keyword::kSubstring, "SUBSTRING"},
    {Keyword::kThen, "THEN"},
    {Keyword::kThrow, "THROW"},
    {Keyword::kTies, "TIES"},
    {Keyword::kTime, "TIME"},
    {Keyword::kTimestamp, "TIMESTAMP"},
    {Keyword::kTo, "TO"},
    {Keyword::kTop, "TOP"},
    {Keyword::kTotals, "TOTALS"},
    {Keyword::kTrailing, "TRAILING"},
    {Keyword::kTrim, "TRIM"},
    {Keyword::kTruncate, "TRUNCATE"},
    {Keyword::kTry, "TRY"},
    {Keyword::kTryCast, "TRY_CAST"},
    {Keyword::kUnbounded, "UNBOUNDED"},
    {Keyword::kUnion, "UNION"},
    {Keyword::kUnpivot, "UNPIVOT"},
    {Keyword::kUsing, "USING"},
    {Keyword::kValues, "VALUES"},
    {Keyword::kWeek, "WEEK"},
    {Keyword::kWhen, "WHEN"},
    {Keyword::kWhere, "WHERE"},
    {Keyword::kWhile, "WHILE"},
    {Keyword::kWindow, "WINDOW"},
    {Keyword::kWith, "WITH"},
    {Keyword::kWithin, "WITHIN"},
    {Keyword::kYear, "YEAR"},
    {Keyword::kYyyy, "YYYY"},
    {Keyword::kZone, "ZONE"},
};

constexpr size_t kLengthMax = 12;

}  // namespace

Keyword FindKeyword(std::string_view word) {
  static const auto* const table = [] {
    auto* map = new absl::flat_hash_map<std::string, Keyword>();
    for (const Entry& entry : kEntries) map->emplace(entry.text, entry.keyword);
    map->emplace("INFINITY", Keyword::kInf);
    return map;
  }();
  if (word.size() > kLengthMax) return Keyword::kNone;
  const auto found = table->find(absl::AsciiStrToUpper(ToAbsl(word)));
  return found == table->end() ? Keyword::kNone : found->second;
}

std::string_view KeywordText(Keyword keyword) {
  if (keyword == Keyword::kNone) return "";
  return kEntries[static_cast<size_t>(keyword) - 1].text;
}

bool IsNameKeyword(Keyword keyword) {
  switch (keyword) {
    case Keyword::kCatch:
    case Keyword::kExcept:
    case Keyword::kFinally:
    case Keyword::kFn:
    case Keyword::kFun:
    case Keyword::kInf:
    case Keyword::kIntersect:
    case Keyword::kLet:
    case Keyword::kMaterialized:
    case Keyword::kNan:
    case Keyword::kNull:
    case Keyword::kThrow:
    case Keyword::kTry:
    case Keyword::kWhile:
    case Keyword::kWithin:
      return false;
    default:
      return true;
  }
}

bool IsImplicitColumnAlias(Keyword keyword) {
  switch (keyword) {
    case Keyword::kNone:
    case Keyword::kAsc:
    case Keyword::kAscending:
    case Keyword::kCohort:
    case Keyword::kDate:
    case Keyword::kDescending:
    case Keyword::kFinal:
    case Keyword::kId:
    case Keyword::kReturn:
    case Keyword::kTop:
    case Keyword::kTotals:
      return true;
    default:
      return false;
  }
}

bool IsImplicitTableAlias(Keyword keyword) {
  switch (keyword) {
    case Keyword::kNone:
    case Keyword::kDate:
    case Keyword::kFirst:
    case Keyword::kId:
    case Keyword::kKey:
      return true;
    default:
      return false;
  }
}

}  // namespace hoglet::hogql
