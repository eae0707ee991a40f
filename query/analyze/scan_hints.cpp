#include <algorithm>

#include "query/analyze/logical_op.h"
#include "src/base/time.h"

// Reads a filter over a scan for bounds that let the scan skip granules. Whatever is not understood
// is simply no hint.

namespace hoglet::analysis {
namespace {

// Longest stretch of time that a rounding function maps to one value; an hour is added for days
// that are 25 hours long.
std::optional<int64_t> RoundingSpan(std::string_view name) {
  struct Row {
    std::string_view name;
    int64_t hours;
  };
  static constexpr Row kRows[] = {{"toDate", 25},
                                  {"toStartOfDay", 25},
                                  {"toStartOfHour", 2},
                                  {"toStartOfMinute", 1},
                                  {"toStartOfSecond", 1},
                                  {"toStartOfFiveMinutes", 1},
                                  {"toStartOfTenMinutes", 1},
                                  {"toStartOfFifteenMinutes", 1},
                                  {"toStartOfWeek", 7 * 24 + 1},
                                  {"toMonday", 7 * 24 + 1},
                                  {"toStartOfMonth", 31 * 24 + 1},
                                  {"toStartOfQuarter", 92 * 24 + 1},
                                  {"toStartOfYear", 366 * 24 + 1}};
  for (const Row& row : kRows) {
    if (row.name == name) return row.hours * kMicrosPerHour;
  }
  return std::nullopt;
}

// A moment as microseconds, rounded down; days begin in `zone`.
std::optional<int64_t> ConstantMicros(const Expr& expr, const std::string& zone) {
  if (!IsConstant(expr)) return std::nullopt;
  auto* value = std::get_if<int64_t>(&expr.constant.value);
  if (value == nullptr) return std::nullopt;
  constexpr int64_t kMagnitudeMax = int64_t{1} << 40;  // seconds; anything further is no hint
  switch (expr.type.kind()) {
    case TypeKind::kDateTime:
      return std::abs(*value) < kMagnitudeMax ? std::optional(*value * kMicrosPerSecond)
                                              : std::nullopt;
    case TypeKind::kDateTime64: {
      int64_t us = *value;
      for (int scale = expr.type.scale(); scale < 6; ++scale) us *= 10;
      for (int scale = expr.type.scale(); scale > 6; --scale) us = FloorDivide(us, 10);
      return us;
    }
    case TypeKind::kDate:
    case TypeKind::kDate32: {
      auto loaded = TimeZone::Load(zone.empty() ? "UTC" : zone);
      if (!loaded.ok() || std::abs(*value) > 1'000'000) return std::nullopt;
      return StartOfDayNumber(*value, *loaded);
    }
    default:
      return std::nullopt;
  }
}

class HintReader {
 public:
  explicit HintReader(Plan* scan) : scan_(scan) {}

  void Read(const Expr& expr) {
    if (expr.kind != Expr::Kind::kCall) return;
    if (expr.name == "and") {
      for (const ExprPtr& argument : expr.arguments) Read(*argument);
      return;
    }
    // ifNull(comparison, 0) passes exactly the rows that the comparison passes.
    if (expr.name == "ifNull" && ConstantTruth(*expr.arguments[1]) == false) {
      Read(*expr.arguments[0]);
      return;
    }
    if (expr.name == "or") {
      Disjunction(expr);
      return;
    }
    if (expr.arguments.size() != 2) return;
    ReadTime(expr);
    if (auto texts = ReadTexts(expr)) Narrow(texts->first, std::move(texts->second));
    ReadUuids(expr);
  }

 private:
  using ColumnTexts = std::pair<const ColumnRef*, std::vector<std::string>>;

  const ColumnRef* Column(const Expr& expr) const {
    return expr.kind == Expr::Kind::kColumn ? &scan_->columns[expr.column] : nullptr;
  }

  bool IsTimestamp(const Expr& expr) const {
    if (expr.kind == Expr::Kind::kCall && expr.name == "toTimeZone")
      return IsTimestamp(*expr.arguments[0]);
    const ColumnRef* column = Column(expr);
    return column != nullptr && column->name == "timestamp" && column->key.empty();
  }

  void ReadTime(const Expr& expr) {
    const Expr* side = expr.arguments[0].get();
    const Expr* constant = expr.arguments[1].get();
    std::string_view op = expr.name;
    if (IsConstant(*side)) {
      std::swap(side, constant);
      if (op == "less")
        op = "greater";
      else if (op == "lessOrEquals")
        op = "greaterOrEquals";
      else if (op == "greater")
        op = "less";
      else if (op == "greaterOrEquals")
        op = "lessOrEquals";
    }
    int64_t span = 0;
    if (side->kind == Expr::Kind::kCall && !side->arguments.empty()) {
      if (auto rounding = RoundingSpan(side->name)) {
        span = *rounding;
        side = side->arguments[0].get();
      }
    }
    if (!IsTimestamp(*side)) return;
    auto us = ConstantMicros(*constant, side->type.zone());
    if (!us) return;
    ScanFilter& filter = scan_->filter;
    const bool equal = op == "equals";
    // Dates and rounded moments begin in 1970: what is before has the value of the first of them.
    const bool is_first = span > 0 && *us < 2 * kMicrosPerDay;
    if (!is_first && (equal || op == "greater" || op == "greaterOrEquals")) {
      filter.timestamp_us_min = std::max(filter.timestamp_us_min.value_or(*us), *us);
    }
    if (equal || op == "less" || op == "lessOrEquals") {
      const int64_t max = *us + span + 1;  // the constant may have been rounded down
      filter.timestamp_us_max = std::min(filter.timestamp_us_max.value_or(max), max);
    }
  }

  // column = 'text' or column IN ('a', 'b').
  std::optional<ColumnTexts> ReadTexts(const Expr& expr) const {
    if (expr.kind == Expr::Kind::kCall && expr.name == "ifNull" &&
        ConstantTruth(*expr.arguments[1]) == false) {
      return ReadTexts(*expr.arguments[0]);
    }
    if (expr.kind != Expr::Kind::kCall || expr.arguments.size() != 2) return std::nullopt;
    if (expr.name != "equals" && expr.name != "in") return std::nullopt;
    const Expr* side = expr.arguments[0].get();
    const Expr* constant = expr.arguments[1].get();
    if (expr.name == "equals" && IsConstant(*side)) std::swap(side, constant);
    // ifNull(column, '') is what $session_id and its like are: equal to a text that is not empty,
    // so is the column.
    const bool or_empty = side->kind == Expr::Kind::kCall && side->name == "ifNull" &&
                          ConstantText(*side->arguments[1]) != nullptr &&
                          ConstantText(*side->arguments[1])->empty();
    const ColumnRef* column = Column(or_empty ? *side->arguments[0] : *side);
    if (column == nullptr || !IsConstant(*constant)) return std::nullopt;
    ColumnTexts result{column, {}};
    if (auto* text = std::get_if<std::string>(&constant->constant.value)) {
      if (or_empty && text->empty()) return std::nullopt;
      result.second.push_back(*text);
      return result;
    }
    auto* list = std::get_if<std::vector<Datum>>(&constant->constant.value);
    if (list == nullptr) return std::nullopt;
    for (const Datum& item : *list) {
      auto* text = std::get_if<std::string>(&item.value);
      if (text == nullptr || (or_empty && text->empty())) return std::nullopt;
      result.second.push_back(*text);
    }
    return result;
  }

  void Disjunction(const Expr& expr) {
    std::optional<ColumnTexts> all;
    for (const ExprPtr& argument : expr.arguments) {
      auto texts = ReadTexts(*argument);
      if (!texts || (all && !(*all->first == *texts->first))) return;
      if (!all) {
        all = std::move(texts);
      } else {
        all->second.insert(all->second.end(), texts->second.begin(), texts->second.end());
      }
    }
    if (all) Narrow(all->first, std::move(all->second));
  }

  static void Intersect(std::optional<std::vector<std::string>>* kept,
                        std::vector<std::string> texts) {
    if (kept->has_value()) {
      std::erase_if(texts, [&](const std::string& text) {
        return std::find((*kept)->begin(), (*kept)->end(), text) == (*kept)->end();
      });
    }
    *kept = std::move(texts);
  }

  void Narrow(const ColumnRef* column, std::vector<std::string> texts) {
    ScanFilter& filter = scan_->filter;
    if (!column->key.empty()) {
      if (column->json == ColumnRef::Json::kText)
        filter.properties_in.push_back({column->name, column->key, std::move(texts)});
    } else if (column->name == "event") {
      Intersect(&filter.events, std::move(texts));
    } else if (column->name == "distinct_id") {
      Intersect(&filter.distinct_ids, std::move(texts));
    }
  }

  static std::optional<Uuid> UuidOf(const Datum& value) {
    auto* wide = std::get_if<Int128>(&value.value);
    if (wide == nullptr) return std::nullopt;
    Uuid uuid;
    auto bits = static_cast<UInt128>(*wide);
    for (int i = 15; i >= 0; --i, bits >>= 8) uuid.bytes[i] = static_cast<uint8_t>(bits);
    return uuid;
  }

  void ReadUuids(const Expr& expr) {
    if (expr.name != "equals" && expr.name != "in") return;
    const Expr* side = expr.arguments[0].get();
    const Expr* constant = expr.arguments[1].get();
    if (expr.name == "equals" && IsConstant(*side)) std::swap(side, constant);
    const ColumnRef* column = Column(*side);
    if (column == nullptr || column->name != "uuid" || !IsConstant(*constant) ||
        scan_->filter.uuids)
      return;
    std::vector<Uuid> uuids;
    auto* list = std::get_if<std::vector<Datum>>(&constant->constant.value);
    const std::vector<Datum> one{constant->constant};
    for (const Datum& item : list != nullptr ? *list : one) {
      auto uuid = UuidOf(item);
      if (!uuid) return;
      uuids.push_back(*uuid);
    }
    scan_->filter.uuids = std::move(uuids);
  }

  Plan* scan_;
};

}  // namespace

void AddScanHints(const Expr& predicate, Plan* scan) {
  if (scan->table == "events") HintReader(scan).Read(predicate);
}

}  // namespace hoglet::analysis
