#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The functions a HogQL text may call (spec hogql-functions.md section 2): which names exist, how
// many arguments they take, and which ClickHouse function or template stands behind each.

namespace hoglet::analysis {

enum class FunctionKind : uint8_t { kAggregate, kScalar, kSpecial, kWindow, kTable };

struct HogqlFunction {
  std::string_view name;
  FunctionKind kind;
  std::string_view clickhouse;  // name, or a template with {} or {0}; empty: `name`
  int args_min;
  int args_max;  // -1: any number, like the others
  int params_min;
  int params_max;
  uint8_t flags;
  std::string_view type_suffix;  // a type name appended as last argument, or empty

  bool any_case() const { return flags & 1; }
  // The project's zone is appended when fewer than args_max arguments are given.
  bool zone() const { return flags & 2; }
  std::string_view clickhouse_name() const { return clickhouse.empty() ? name : clickhouse; }
  bool is_template() const { return clickhouse.find('{') != std::string_view::npos; }
};

// By name: aggregates first, then scalars, then specials; exact, or in any case where the function
// allows it. Null if unknown. Window-only names are found with kWindow last.
const HogqlFunction* FindHogqlFunction(std::string_view name);

// The known name closest to `name`, or "".
std::string ClosestFunctionName(std::string_view name);

// At most `count` of `candidates` that look like `word`, best first (similarity at least 0.6).
std::vector<std::string> CloseMatches(std::string_view word,
                                      const std::vector<std::string>& candidates, size_t count);

// " Did you mean: a, b?" of the candidates that look like `word`; "" if none does.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

// Codes and names of languages, in matching order.
struct LanguageNames {
  std::vector<std::string> codes;
  std::vector<std::string> names;
};
const LanguageNames& Languages();

}  // namespace hoglet::analysis
