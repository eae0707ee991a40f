#include <mutex>

#include "query/functions/registry.h"
#include "query/functions/text_match.h"
#include "query/functions/types.h"
#include "re2/re2.h"

// LIKE and regular expressions. A constant pattern is compiled when the function is bound, others
// once a distinct pattern.

namespace hoglet::fn {

struct LikeMatcher::Rep {
  enum class Kind { kEquals, kPrefix, kSuffix, kContains, kAny, kGeneral };
  Kind kind = Kind::kGeneral;
  std::string literal;
  bool fold = false;
  std::unique_ptr<RE2> regex;
};

namespace {

RE2::Options PatternOptions(bool fold_case) {
  RE2::Options options(RE2::Quiet);
  options.set_dot_nl(true);
  options.set_case_sensitive(!fold_case);
  options.set_max_mem(8 << 20);
  return options;
}

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const size_t length = c < 0x80         ? 1
                          : (c >> 5) == 6  ? 2
                          : (c >> 4) == 14 ? 3
                          : (c >> 3) == 30 ? 4
                                           : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

LikeMatcher::LikeMatcher(std::string_view pattern, bool fold_case) : rep_(std::make_unique<Rep>()) {
  // Literal text between wildcards; a pattern with '_' or an inner '%' needs the general matcher.
  std::string literal;
  std::string expression = "^";
  bool leading = false, trailing = false, general = false, ascii = true;
  size_t wild = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '%') {
      ++wild;
      expression += ".*";
      if (literal.empty() && (leading || i == 0))
        leading = true;
      else
        trailing = true;
      continue;
    }
    if (trailing) general = true;
    if (c == '_') {
      general = true;
      expression += ".";
      continue;
    }
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[i + 1];
      if (next == '%' || next == '_' || next == '\\') {
        c = next;
        ++i;
      }
    }
    ascii &= static_cast<signed char>(c) >= 0;
    literal.push_back(c);
    if (static_cast<signed char>(c) < 0) {
      expression.push_back(c);
    } else {
      expression += RE2::QuoteMeta(re2::StringPiece(&c, 1));
    }
  }
  expression += "$";
  rep_->fold = fold_case;
  if (!general && !(fold_case && !ascii)) {
    using Kind = Rep::Kind;
    rep_->literal = fold_case ? AsciiLower(literal) : literal;
    rep_->kind = wild == 0             ? Kind::kEquals
                 : literal.empty()     ? Kind::kAny
                 : leading && trailing ? Kind::kContains
                 : leading             ? Kind::kSuffix
                                       : Kind::kPrefix;
    return;
  }
  RE2::Options options = PatternOptions(fold_case);
  if (!IsUtf8(pattern)) options.set_encoding(RE2::Options::EncodingLatin1);
  rep_->regex =
      std::make_unique<RE2>(re2::StringPiece(expression.data(), expression.size()), options);
}

LikeMatcher::~LikeMatcher() = default;

namespace {

bool ContainsFolded(std::string_view text, std::string_view lower) {
  if (lower.empty()) return true;
  if (text.size() < lower.size()) return false;
  const char first = lower[0];
  const char upper = UpperChar(first);
  for (size_t i = 0; i + lower.size() <= text.size(); ++i) {
    if ((text[i] == first || text[i] == upper) &&
        EqualsIgnoreCase(text.substr(i, lower.size()), lower))
      return true;
  }
  return false;
}

}  // namespace

bool LikeMatcher::Matches(std::string_view text) const {
  const std::string& literal = rep_->literal;
  switch (rep_->kind) {
    case Rep::Kind::kAny:
      return true;
    case Rep::Kind::kEquals:
      return rep_->fold ? EqualsIgnoreCase(text, literal) : text == literal;
    case Rep::Kind::kPrefix:
      return rep_->fold ? StartsWithIgnoreCase(text, literal) : StartsWith(text, literal);
    case Rep::Kind::kSuffix:
      return rep_->fold ? EndsWithIgnoreCase(text, literal) : EndsWith(text, literal);
    case Rep::Kind::kContains:
      return rep_->fold ? ContainsFolded(text, literal)
                        : text.find(literal) != std::string_view::npos;
    default:
      return rep_->regex->ok() &&
             RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *rep_->regex);
  }
}

namespace {

using Regex = std::shared_ptr<const RE2>;

re2::StringPiece Piece(std::string_view text) { return re2::StringPiece(text.data(), text.size()); }
std::string_view View(re2::StringPiece piece) {
  return std::string_view(piece.data(), piece.size());
}

absl::StatusOr<Regex> Compile(std::string_view pattern, bool fold_case = false) {
  auto regex = std::make_shared<RE2>(Piece(pattern), PatternOptions(fold_case));
  if (!regex->ok()) {
    return Error("cannot_compile_regexp", "OptimizedRegularExpression: cannot compile re2: ",
                 std::string(pattern.substr(0, 200)), ", error: ", regex->error());
  }
  return Regex(regex);
}

// Patterns of one call by row. Compiled at bind time if constant.
class Patterns {
 public:
  static absl::StatusOr<std::shared_ptr<Patterns>> Make(const Call& call, size_t at,
                                                        bool fold_case = false) {
    auto patterns = std::make_shared<Patterns>();
    patterns->fold_case_ = fold_case;
    if (!call.type(at).IsStringLike()) return call.BadType(at);
    if (call.has_constant(at)) {
      HOGLET_ASSIGN_OR_RETURN(patterns->constant_, Compile(call.constant(at).string(), fold_case));
    }
    return patterns;
  }
  absl::StatusOr<const RE2*> Get(std::string_view pattern) {
    if (constant_ != nullptr) return constant_.get();
    std::lock_guard lock(mutex_);
    auto it = cache_.find(pattern);
    if (it == cache_.end()) {
      if (cache_.size() >= kCacheMax) return Error("too_many_rows", "Too many distinct patterns");
      HOGLET_ASSIGN_OR_RETURN(Regex regex, Compile(pattern, fold_case_));
      it = cache_.emplace(std::string(pattern), std::move(regex)).first;
    }
    return it->second.get();
  }

 private:
  static constexpr size_t kCacheMax = 10'000;
  bool fold_case_ = false;
  Regex constant_;
  std::mutex mutex_;
  StringMap<Regex> cache_;
};

template <bool fold_case, bool negate>
Bound BindLike(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!call.type(i).IsStringLike()) return call.BadType(i);
  }
  std::shared_ptr<const LikeMatcher> constant;
  if (call.has_constant(1))
    constant = std::make_shared<const LikeMatcher>(call.constant(1).string(), fold_case);
  return MakeFunction(U8(), [constant](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<std::string_view> text = ColumnOf<std::string_view>(batch.args[0]);
    const Column<std::string_view> pattern = ColumnOf<std::string_view>(batch.args[1]);
    Vector out = Vector::Flat(U8(), batch.rows);
    auto* data = out.mutable_data<uint8_t>();
    std::unique_ptr<LikeMatcher> own;
    std::string_view own_pattern;
    for (size_t i = 0; i < batch.rows; ++i) {
      data[i] = 0;
      if (!batch.live(i)) continue;
      const LikeMatcher* matcher = constant.get();
      if (matcher == nullptr) {
        if (own == nullptr || own_pattern != pattern[i]) {
          own_pattern = pattern[i];
          own = std::make_unique<LikeMatcher>(own_pattern, fold_case);
        }
        matcher = own.get();
      }
      data[i] = matcher->Matches(text[i]) != negate;
    }
    return out;
  });
}

Bound BindMatch(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(auto patterns, Patterns::Make(call, 1));
  return MapRows<uint8_t, std::string_view, std::string_view>(
      U8(), [patterns](std::string_view text, std::string_view pattern) -> absl::StatusOr<uint8_t> {
        HOGLET_ASSIGN_OR_RETURN(const RE2* regex, patterns->Get(pattern));
        return RE2::PartialMatch(Piece(text), *regex);
      });
}

// The first group of the match, or the whole of it.
Bound BindExtract(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(auto patterns, Patterns::Make(call, 1));
  return MapStrings<std::string_view, std::string_view>(
      StringType(),
      [patterns](std::string_view text, std::string_view pattern,
                 std::string* out) -> absl::Status {
        HOGLET_ASSIGN_OR_RETURN(const RE2* regex, patterns->Get(pattern));
        const bool group = regex->NumberOfCapturingGroups() > 0;
        re2::StringPiece found[2];
        if (regex->Match(Piece(text), 0, text.size(), RE2::UNANCHORED, found, group ? 2 : 1))
          out->append(View(found[group]));
        return absl::OkStatus();
      });
}

Bound BindRegexpExtract(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(auto patterns, Patterns::Make(call, 1));
  int64_t group = 1;
  if (call.size() > 2) {
    HOGLET_ASSIGN_OR_RETURN(group, call.ConstantInteger(2));
  }
  return MapStrings<std::string_view, std::string_view>(
      StringType(),
      [=](std::string_view text, std::string_view pattern, std::string* out) -> absl::Status {
        HOGLET_ASSIGN_OR_RETURN(const RE2* regex, patterns->Get(pattern));
        const int groups = regex->NumberOfCapturingGroups();
        if (group < 0 || group > groups) {
          if (group == 1 && groups == 0) return absl::OkStatus();
          return Error("index_of_positional_argument_is_out_of_range", "Index value ", group,
                       " is out of range, should be in [0, ", groups + 1, ")");
        }
        std::vector<re2::StringPiece> found(groups + 1);
        if (regex->Match(Piece(text), 0, text.size(), RE2::UNANCHORED, found.data(), groups + 1))
          out->append(View(found[group]));
        return absl::OkStatus();
      });
}

// Calls f(groups) for every match, left to right.
template <typename F>
void ForEachMatch(const RE2& regex, std::string_view text, int groups, F f) {
  std::vector<re2::StringPiece> found(groups + 1);
  size_t at = 0;
  while (at <= text.size() &&
         regex.Match(Piece(text), at, text.size(), RE2::UNANCHORED, found.data(), groups + 1)) {
    if (found[0].empty()) break;
    f(found);
    at = found[0].data() - text.data() + found[0].size();
  }
}

Bound BindExtractAll(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(auto patterns, Patterns::Make(call, 1));
  const Type type = Type::Array(StringType());
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<std::string_view> text = ColumnOf<std::string_view>(batch.args[0]);
    const Column<std::string_view> pattern = ColumnOf<std::string_view>(batch.args[1]);
    return BuildStringLists(type, batch, [&](size_t row, StringList* out) -> absl::Status {
      HOGLET_ASSIGN_OR_RETURN(const RE2* regex, patterns->Get(pattern[row]));
      const int group = regex->NumberOfCapturingGroups() > 0;
      ForEachMatch(*regex, text[row], group,
                   [&](const auto& found) { out->AddCopy(View(found[group])); });
      return absl::OkStatus();
    });
  });
}

enum class Groups { kFirst, kVertical, kHorizontal };

// extractGroups: the groups of the first match; extractAllGroups*: of every match.
template <Groups shape>
Bound BindGroups(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(const std::string pattern, call.ConstantString(1));
  HOGLET_ASSIGN_OR_RETURN(const Regex regex, Compile(pattern));
  const int groups = regex->NumberOfCapturingGroups();
  if (groups == 0) return Error("bad_arguments", "There are no groups in regexp: ", pattern);
  const Type row_type = Type::Array(StringType());
  const Type type = shape == Groups::kFirst ? row_type : Type::Array(row_type);
  return MapDatums(type, [=](std::span<const Datum> args) -> absl::StatusOr<Datum> {
    std::vector<std::vector<Datum>> matches;
    ForEachMatch(*regex, args[0].string(), groups, [&](const auto& found) {
      std::vector<Datum> row;
      for (int g = 1; g <= groups; ++g) row.emplace_back(std::string(View(found[g])));
      matches.push_back(std::move(row));
    });
    if (shape == Groups::kFirst)
      return matches.empty() ? Datum(std::vector<Datum>()) : Datum(std::move(matches[0]));
    std::vector<Datum> out;
    if (shape == Groups::kVertical) {
      for (auto& row : matches) out.emplace_back(std::move(row));
      return Datum(std::move(out));
    }
    for (int g = 0; g < groups; ++g) {
      std::vector<Datum> column;
      for (auto& row : matches) column.push_back(row[g]);
      out.emplace_back(std::move(column));
    }
    return Datum(std::move(out));
  });
}

template <bool fold_case>
Bound BindCountMatches(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(auto patterns, Patterns::Make(call, 1, fold_case));
  return MapRows<int64_t, std::string_view, std::string_view>(
      U64(),
      [patterns](std::string_view text, std::string_view pattern) -> absl::StatusOr<int64_t> {
        HOGLET_ASSIGN_OR_RETURN(const RE2* regex, patterns->Get(pattern));
        int64_t count = 0;
        std::vector<re2::StringPiece> found(1);
        size_t at = 0;
        while (at < text.size() &&
               regex->Match(Piece(text), at, text.size(), RE2::UNANCHORED, found.data(), 1)) {
          // An empty match does not count; go on behind it.
          if (found[0].empty()) {
            at = found[0].data() - text.data() + 1;
            continue;
          }
          ++count;
          at = found[0].data() - text.data() + found[0].size();
        }
        return count;
      });
}

// Appends a replacement with \0 .. \9 for groups.
void AppendReplacement(std::string_view replacement, const std::vector<re2::StringPiece>& found,
                       std::string* out) {
  for (size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] != '\\' || i + 1 == replacement.size()) {
      out->push_back(replacement[i]);
      continue;
    }
    const char next = replacement[++i];
    if (next >= '0' && next <= '9') {
      const size_t group = next - '0';
      if (group < found.size()) out->append(View(found[group]));
    } else {
      if (next != '\\') out->push_back('\\');
      out->push_back(next);
    }
  }
}

template <bool all>
Bound BindReplaceRegexp(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 3));
  for (size_t i = 0; i < 3; ++i) {
    if (!call.type(i).IsStringLike()) return call.BadType(i);
  }
  HOGLET_ASSIGN_OR_RETURN(auto patterns, Patterns::Make(call, 1));
  return MapStrings<std::string_view, std::string_view, std::string_view>(
      StringType(),
      [patterns](std::string_view text, std::string_view pattern, std::string_view replacement,
                 std::string* out) -> absl::Status {
        if (pattern.empty()) {
          out->append(text);
          return absl::OkStatus();
        }
        HOGLET_ASSIGN_OR_RETURN(const RE2* regex, patterns->Get(pattern));
        const int groups = std::min(regex->NumberOfCapturingGroups(), 9);
        std::vector<re2::StringPiece> found(groups + 1);
        size_t at = 0;
        while (at <= text.size() && regex->Match(Piece(text), at, text.size(), RE2::UNANCHORED,
                                                 found.data(), groups + 1)) {
          const size_t begin = found[0].data() - text.data();
          out->append(text.substr(at, begin - at));
          AppendReplacement(replacement, found, out);
          at = begin + found[0].size();
          if (found[0].empty()) {
            // Step over one byte, or the same empty match would be found again.
            if (at < text.size()) out->push_back(text[at]);
            ++at;
          }
          if (!all || at >= text.size()) break;
        }
        if (at < text.size()) out->append(text.substr(at));
        return absl::OkStatus();
      });
}

Bound BindQuoteMeta(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(StringType(), [](std::string_view text, std::string* out) {
    for (const char c : text) {
      if (c == '\0') {
        out->append("\\x00");
        continue;
      }
      if (std::string_view("\\^$.[]|()?*+{}:-").find(c) != std::string_view::npos)
        out->push_back('\\');
      out->push_back(c);
    }
  });
}

Bound BindSplitByRegexp(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_ASSIGN_OR_RETURN(const std::string pattern, call.ConstantString(0));
  if (!call.type(1).IsStringLike()) return call.BadType(1);
  int64_t max = 0;
  if (call.size() > 2) {
    HOGLET_ASSIGN_OR_RETURN(max, call.ConstantInteger(2));
  }
  Regex regex;
  if (!pattern.empty()) {
    HOGLET_ASSIGN_OR_RETURN(regex, Compile(pattern));
  }
  const Type type = Type::Array(StringType());
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<std::string_view> in = ColumnOf<std::string_view>(batch.args[1]);
    return BuildStringLists(type, batch, [&](size_t row, StringList* out) {
      const std::string_view text = in[row];
      const size_t first = out->size();
      auto full = [&] { return max > 0 && static_cast<int64_t>(out->size() - first) >= max; };
      if (regex == nullptr) {
        for (size_t i = 0; i < text.size() && !full(); ++i) out->AddCopy(text.substr(i, 1));
        return absl::OkStatus();
      }
      size_t at = 0;
      re2::StringPiece found[1];
      while (!full() && at <= text.size() &&
             regex->Match(Piece(text), at, text.size(), RE2::UNANCHORED, found, 1) &&
             !found[0].empty()) {
        const size_t begin = found[0].data() - text.data();
        out->AddCopy(text.substr(at, begin - at));
        at = begin + found[0].size();
      }
      if (!full()) out->AddCopy(text.substr(at));
      return absl::OkStatus();
    });
  });
}

enum class Multi { kAny, kAnyIndex, kAllIndices };

// multiMatch*: a list of patterns against one text.
template <Multi what, bool fuzzy>
Bound BindMultiMatch(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(fuzzy ? 3 : 2, fuzzy ? 3 : 2));
  const size_t list_at = fuzzy ? 2 : 1;
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  if (fuzzy) return Error("not_implemented", "Function ", call.name, " is not supported");
  if (!call.has_constant(list_at) || call.type(list_at).kind() != TypeKind::kArray)
    return call.BadType(list_at);
  std::vector<Regex> patterns;
  for (const Datum& item : call.constant(list_at).list()) {
    if (item.value.index() != 4) return call.BadType(list_at);
    HOGLET_ASSIGN_OR_RETURN(Regex regex, Compile(item.string()));
    patterns.push_back(std::move(regex));
  }
  if (what == Multi::kAllIndices) {
    return MapDatums(Type::Array(U64()),
                     [patterns](std::span<const Datum> args) -> absl::StatusOr<Datum> {
                       std::vector<Datum> found;
                       for (size_t i = 0; i < patterns.size(); ++i) {
                         if (RE2::PartialMatch(args[0].string(), *patterns[i]))
                           found.emplace_back(static_cast<int64_t>(i + 1));
                       }
                       return Datum(std::move(found));
                     });
  }
  auto first = [patterns](std::string_view text) -> int64_t {
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (RE2::PartialMatch(Piece(text), *patterns[i])) return static_cast<int64_t>(i + 1);
    }
    return 0;
  };
  if (what == Multi::kAny) {
    return MapRows<uint8_t, std::string_view>(
        U8(), [first](std::string_view text) { return first(text) > 0; });
  }
  return MapRows<int64_t, std::string_view>(U64(), first);
}

constexpr ScalarEntry kTable[] = {
    {"like", BindLike<false, false>},
    {"ilike", BindLike<true, false>},
    {"notLike", BindLike<false, true>},
    {"notILike", BindLike<true, true>},
    {"match", BindMatch},
    {"extract", BindExtract},
    {"regexpExtract", BindRegexpExtract},
    {"extractAll", BindExtractAll},
    {"extractGroups", BindGroups<Groups::kFirst>},
    {"extractAllGroups", BindGroups<Groups::kVertical>},
    {"extractAllGroupsVertical", BindGroups<Groups::kVertical>},
    {"extractAllGroupsHorizontal", BindGroups<Groups::kHorizontal>},
    {"countMatches", BindCountMatches<false>},
    {"countMatchesCaseInsensitive", BindCountMatches<true>},
    {"replaceRegexpOne", BindReplaceRegexp<false>},
    {"replaceRegexpAll", BindReplaceRegexp<true>},
    {"regexpQuoteMeta", BindQuoteMeta},
    {"splitByRegexp", BindSplitByRegexp},
    {"multiMatchAny", BindMultiMatch<Multi::kAny, false>},
    {"multiMatchAnyIndex", BindMultiMatch<Multi::kAnyIndex, false>},
    {"multiMatchAllIndices", BindMultiMatch<Multi::kAllIndices, false>},
};

}  // namespace

std::span<const ScalarEntry> RegexFunctions() { return kTable; }

}  // namespace hoglet::fn
