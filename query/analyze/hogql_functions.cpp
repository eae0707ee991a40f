#include "query/analyze/hogql_functions.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "src/base/strings.h"

namespace hoglet::analysis {
namespace {

constexpr FunctionKind A = FunctionKind::kAggregate;
constexpr FunctionKind S = FunctionKind::kScalar;
constexpr FunctionKind P = FunctionKind::kSpecial;
constexpr FunctionKind W = FunctionKind::kWindow;
constexpr FunctionKind T = FunctionKind::kTable;
constexpr uint8_t kAnyCase = 1;
constexpr uint8_t kZone = 2;

constexpr HogqlFunction kFunctions[] = {
#include "query/analyze/hogql_function_rows.inc"
};

constexpr std::pair<const char*, const char*> kLanguages[] = {
#include "query/analyze/language_names.inc"
};

struct Index {
  // Rows stand in lookup order, so the first of a name wins.
  std::unordered_map<std::string_view, const HogqlFunction*> exact;
  std::unordered_map<std::string_view, const HogqlFunction*> lower;
  std::vector<std::string> suggestions;

  Index() {
    for (const HogqlFunction& function : kFunctions) {
      if (function.kind == T) continue;
      exact.emplace(function.name, &function);
      if (function.any_case()) lower.emplace(function.name, &function);
      if (function.kind != W && function.name[0] != '_') suggestions.emplace_back(function.name);
    }
  }
};

const Index& FunctionIndex() {
  static const Index* index = new Index();
  return *index;
}

// Length of what two texts share: their longest common block, and recursively what lies left and
// right of it.
size_t MatchingCharacters(std::string_view a, std::string_view b) {
  size_t best = 0, best_a = 0, best_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < b.size(); ++j) {
      size_t k = 0;
      while (i + k < a.size() && j + k < b.size() && a[i + k] == b[j + k]) ++k;
      if (k > best) best = k, best_a = i, best_b = j;
    }
  }
  if (best == 0) return 0;
  return best + MatchingCharacters(a.substr(0, best_a), b.substr(0, best_b)) +
         MatchingCharacters(a.substr(best_a + best), b.substr(best_b + best));
}

}  // namespace

const HogqlFunction* FindHogqlFunction(std::string_view name) {
  const Index& index = FunctionIndex();
  auto exact = index.exact.find(name);
  auto lower = index.lower.find(absl::AsciiStrToLower(ToAbsl(name)));
  const HogqlFunction* a = exact == index.exact.end() ? nullptr : exact->second;
  const HogqlFunction* b = lower == index.lower.end() ? nullptr : lower->second;
  if (a == nullptr || b == nullptr) return a != nullptr ? a : b;
  return b->kind < a->kind ? b : a;
}

std::vector<std::string> CloseMatches(std::string_view word,
                                      const std::vector<std::string>& candidates, size_t count) {
  constexpr double kCutoff = 0.6;
  constexpr size_t kWordBytesMax = 100;  // longer names are nobody's typing error
  std::vector<std::pair<double, std::string_view>> found;
  if (word.size() <= kWordBytesMax) {
    for (const std::string& candidate : candidates) {
      const double total = static_cast<double>(word.size() + candidate.size());
      if (total == 0 || 2.0 * std::min(word.size(), candidate.size()) / total < kCutoff) continue;
      const double ratio = 2.0 * MatchingCharacters(candidate, word) / total;
      if (ratio >= kCutoff) found.emplace_back(ratio, candidate);
    }
  }
  std::sort(found.rbegin(), found.rend());
  if (found.size() > count) found.resize(count);
  std::vector<std::string> names;
  for (const auto& [ratio, name] : found) names.emplace_back(name);
  return names;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const auto close = CloseMatches(word, candidates, 3);
  return close.empty() ? "" : StrCat(" Did you mean: ", absl::StrJoin(close, ", "), "?");
}

std::string ClosestFunctionName(std::string_view name) {
  auto names = CloseMatches(name, FunctionIndex().suggestions, 1);
  return names.empty() ? "" : names[0];
}

const LanguageNames& Languages() {
  static const LanguageNames* names = [] {
    auto* result = new LanguageNames();
    for (const auto& [code, name] : kLanguages) {
      result->codes.emplace_back(code);
      result->names.emplace_back(name);
    }
    return result;
  }();
  return *names;
}

}  // namespace hoglet::analysis
