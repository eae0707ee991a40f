#include <algorithm>

#include "query/functions/arrays.h"
#include "query/functions/registry.h"
#include "query/functions/text_match.h"
#include "query/functions/types.h"

// Search for plain strings: positions, counts, tokens, n-grams. Positions count from 1; 0 is "not
// found".

namespace hoglet::fn {
namespace {

using View = std::string_view;

enum class Mode { kExact, kFold, kUtf8, kFoldUtf8 };
constexpr bool IsUtf8(Mode mode) { return mode == Mode::kUtf8 || mode == Mode::kFoldUtf8; }
constexpr bool Folds(Mode mode) { return mode == Mode::kFold || mode == Mode::kFoldUtf8; }

absl::Status ExpectStrings(const Call& call, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!call.type(i).IsStringLike()) return call.BadType(i);
  }
  return absl::OkStatus();
}

// The bytes of `text` at `at` that equal `needle` but for case; npos if they do not.
size_t MatchFoldedUtf8(View text, size_t at, View needle) {
  const size_t begin = at;
  for (size_t i = 0; i < needle.size();) {
    if (at >= text.size()) return View::npos;
    if (LowerCodePoint(NextCodePoint(text, &at)) != LowerCodePoint(NextCodePoint(needle, &i)))
      return View::npos;
  }
  return at - begin;
}

struct Found {
  size_t at = View::npos;
  size_t size = 0;
};

// The first occurrence from byte `from` on.
template <Mode mode>
Found Find(View text, View needle, size_t from) {
  if constexpr (!Folds(mode)) {
    return {text.find(needle, from), needle.size()};
  } else if constexpr (mode == Mode::kFold) {
    if (needle.empty()) return {from, 0};
    const char lower = LowerChar(needle[0]);
    for (size_t i = from; i + needle.size() <= text.size(); ++i) {
      if (LowerChar(text[i]) == lower && EqualsIgnoreCase(text.substr(i, needle.size()), needle))
        return {i, needle.size()};
    }
  } else {
    for (size_t i = from; i <= text.size();) {
      const size_t size = MatchFoldedUtf8(text, i, needle);
      if (size != View::npos) return {i, size};
      if (i == text.size()) break;
      NextCodePoint(text, &i);
    }
  }
  return {};
}

template <Mode mode>
int64_t LengthOf(View text) {
  return static_cast<int64_t>(IsUtf8(mode) ? CountCodePoints(text) : text.size());
}

// The byte of a position; npos if it lies behind the text's end.
template <Mode mode>
size_t ByteOf(View text, int64_t position) {
  const auto before = static_cast<uint64_t>(std::max<int64_t>(position, 1) - 1);
  if (position < 0 || before > static_cast<uint64_t>(LengthOf<mode>(text))) return View::npos;
  return IsUtf8(mode) ? CodePointOffset(text, before) : before;
}

template <Mode mode>
int64_t Position(View text, View needle, int64_t start) {
  const size_t from = ByteOf<mode>(text, start);
  if (from == View::npos) return 0;
  const Found found = Find<mode>(text, needle, from);
  return found.at == View::npos ? 0 : LengthOf<mode>(text.substr(0, found.at)) + 1;
}

// Occurrences that do not overlap; an empty needle has none.
template <Mode mode>
int64_t CountOf(View text, View needle, int64_t start) {
  size_t at = ByteOf<mode>(text, start);
  int64_t count = 0;
  while (!needle.empty() && at < text.size()) {
    const Found found = Find<mode>(text, needle, at);
    if (found.at == View::npos) break;
    at = found.at + found.size;
    ++count;
  }
  return count;
}

using Search = int64_t (*)(View text, View needle, int64_t start);

// f(text, needle[, start]); `needle_first` swaps the first two.
template <Search search, bool needle_first>
Bound BindSearch(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 2));
  if (call.size() == 2) {
    return MapRows<int64_t, View, View>(
        U64(), [](View a, View b) { return needle_first ? search(b, a, 1) : search(a, b, 1); });
  }
  if (!call.type(2).IsInteger()) return call.BadType(2);
  return MapRows<int64_t, View, View, int64_t>(U64(), [](View a, View b, int64_t start) {
    return needle_first ? search(b, a, start) : search(a, b, start);
  });
}

// --- Prefixes ---

// Whether the array begins (or ends) with the other's elements.
template <bool end>
Bound BindArrayAffix(const Call& call) {
  const Type elements[] = {call.type(0).element(), call.type(1).element()};
  HOGLET_ASSIGN_OR_RETURN(const Type common, ComparisonType(elements, call.name));
  return MakeFunction(U8(), [common](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows whole(batch.args[0]), part(batch.args[1]);
    HOGLET_ASSIGN_OR_RETURN(const Vector a, WidenElements(whole.child(), common));
    HOGLET_ASSIGN_OR_RETURN(const Vector b, WidenElements(part.child(), common));
    const RowEquality equal(a, b);
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      bool same = part.size(i) <= whole.size(i);
      const uint32_t first = end ? whole.end(i) - part.size(i) : whole.begin(i);
      for (uint32_t k = 0; same && k < part.size(i); ++k)
        same = equal(first + k, part.begin(i) + k);
      out.mutable_data<uint8_t>()[i] = same;
    }
    return out;
  });
}

template <bool end>
Bound BindAffix(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (IsArray(call.type(0)) && IsArray(call.type(1))) return BindArrayAffix<end>(call);
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 2));
  return MapRows<uint8_t, View, View>(U8(), [](View text, View part) {
    return end ? text.ends_with(part) : text.starts_with(part);
  });
}

// --- Many needles ---

// The needles of each row: an array of strings, constant or not.
class Needles {
 public:
  explicit Needles(const Vector& arg) : rows_(arg), strings_(rows_.child().Flatten()) {
    typed_ = strings_.type().IsStringLike();
  }
  uint32_t size(size_t row) const { return typed_ ? rows_.size(row) : 0; }
  View Get(size_t row, uint32_t i) const { return strings_.data<View>()[rows_.begin(row) + i]; }

 private:
  ArrayRows rows_;
  Vector strings_;
  bool typed_ = false;
};

absl::Status ExpectNeedles(const Call& call, size_t i) {
  if (!IsArray(call.type(i))) return call.BadType(i);
  const Type& element = call.type(i).element();
  return element.IsStringLike() || IsNothing(element) ? absl::OkStatus() : call.BadType(i);
}

constexpr uint32_t kNeedlesMax = 255;

absl::Status TooManyNeedles(uint32_t count) {
  return Error("number_of_arguments_doesnt_match",
               "Number of arguments for multi-search doesn't match: passed ", count,
               ", should be at most ", kNeedlesMax);
}

enum class Multi { kAny, kFirstIndex, kFirstPosition };

template <Multi what, Mode mode>
int64_t SearchMany(View text, const Needles& needles, size_t row) {
  int64_t best = 0;
  for (uint32_t i = 0; i < needles.size(row); ++i) {
    const int64_t at = Position<mode>(text, needles.Get(row, i), 1);
    if (at == 0) continue;
    if (what == Multi::kAny) return 1;
    if (what == Multi::kFirstIndex) return i + 1;
    best = best == 0 ? at : std::min(best, at);
  }
  return best;
}

template <Multi what, Mode mode>
Bound BindMulti(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 1));
  HOGLET_RETURN_IF_ERROR(ExpectNeedles(call, 1));
  const Type type = what == Multi::kAny ? U8() : U64();
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<View> text(batch.args[0]);
    const Needles needles(batch.args[1]);
    Vector out = Vector::Flat(type, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      int64_t value = 0;
      if (batch.live(i)) {
        if (needles.size(i) > kNeedlesMax) return TooManyNeedles(needles.size(i));
        value = SearchMany<what, mode>(text[i], needles, i);
      }
      if (what == Multi::kAny) {
        out.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(value);
      } else {
        out.mutable_data<int64_t>()[i] = value;
      }
    }
    return out;
  });
}

template <Mode mode>
Bound BindAllPositions(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 1));
  HOGLET_RETURN_IF_ERROR(ExpectNeedles(call, 1));
  return MakeFunction(Type::Array(U64()), [](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<View> text(batch.args[0]);
    const Needles needles(batch.args[1]);
    std::shared_ptr<uint32_t[]> offsets(new uint32_t[batch.rows + 1]);
    std::vector<int64_t> positions;
    offsets[0] = 0;
    for (size_t i = 0; i < batch.rows; ++i) {
      const uint32_t count = batch.live(i) ? needles.size(i) : 0;
      for (uint32_t k = 0; k < count; ++k)
        positions.push_back(Position<mode>(text[i], needles.Get(i, k), 1));
      offsets[i + 1] = static_cast<uint32_t>(positions.size());
    }
    Vector child = Vector::Flat(U64(), positions.size());
    std::copy(positions.begin(), positions.end(), child.mutable_data<int64_t>());
    return Vector::ArrayOf(Type::Array(U64()), offsets, std::move(child), batch.rows);
  });
}

// --- Subsequences ---

template <Mode mode>
uint8_t HasSubsequence(View text, View needle) {
  const auto next = [](View from, size_t* at) {
    const uint32_t c =
        IsUtf8(mode) ? NextCodePoint(from, at) : static_cast<unsigned char>(from[(*at)++]);
    if (mode == Mode::kFold)
      return static_cast<uint32_t>(static_cast<unsigned char>(LowerChar(static_cast<char>(c))));
    return mode == Mode::kFoldUtf8 ? LowerCodePoint(c) : c;
  };
  size_t at = 0;
  for (size_t i = 0; i < needle.size();) {
    const uint32_t wanted = next(needle, &i);
    do {
      if (at >= text.size()) return 0;
    } while (next(text, &at) != wanted);
  }
  return 1;
}

template <Mode mode>
Bound BindSubsequence(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 2));
  return MapRows<uint8_t, View, View>(U8(), HasSubsequence<mode>);
}

// --- Tokens: runs of ASCII letters and digits and of all other bytes from 128 on ---

bool IsTokenByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<signed char>(c) < 0;
}
bool IsToken(View text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenByte);
}

template <bool fold>
bool HasToken(View text, View token) {
  for (size_t i = 0; i < text.size();) {
    while (i < text.size() && !IsTokenByte(text[i])) ++i;
    const size_t begin = i;
    while (i < text.size() && IsTokenByte(text[i])) ++i;
    const View found = text.substr(begin, i - begin);
    if (!found.empty() && (fold ? EqualsIgnoreCase(found, token) : found == token)) return true;
  }
  return false;
}

template <bool fold, bool or_null>
Bound BindHasToken(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 2));
  if (or_null) {
    return MapRows<uint8_t, View, View>(U8().Nullable(), [](View text, View token) {
      return IsToken(token) ? std::optional<uint8_t>(HasToken<fold>(text, token)) : std::nullopt;
    });
  }
  return MapRows<uint8_t, View, View>(U8(), [](View text, View token) -> absl::StatusOr<uint8_t> {
    if (!IsToken(token))
      return Error("bad_arguments", "Needle must not contain whitespace or separator characters");
    return HasToken<fold>(text, token);
  });
}

// The tokens of a string, for hasAnyTokens and hasAllTokens.
std::vector<View> TokensOf(View text) {
  std::vector<View> tokens;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    while (i < text.size() && IsTokenByte(text[i])) ++i;
    if (i > begin) tokens.push_back(text.substr(begin, i - begin));
    ++i;
  }
  return tokens;
}

template <bool all>
bool MatchTokens(View text, std::span<const View> tokens) {
  const auto has = [text](View token) { return HasToken<false>(text, token); };
  if (tokens.empty()) return false;
  return all ? std::all_of(tokens.begin(), tokens.end(), has)
             : std::any_of(tokens.begin(), tokens.end(), has);
}

template <bool all>
Bound BindTokens(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 1));
  if (call.type(1).IsStringLike()) {
    return MapRows<uint8_t, View, View>(
        U8(), [](View text, View tokens) { return MatchTokens<all>(text, TokensOf(tokens)); });
  }
  HOGLET_RETURN_IF_ERROR(ExpectNeedles(call, 1));
  return MakeFunction(U8(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<View> text(batch.args[0]);
    const Needles needles(batch.args[1]);
    Vector out = Vector::Flat(U8(), batch.rows);
    std::vector<View> tokens;
    for (size_t i = 0; i < batch.rows; ++i) {
      tokens.clear();
      for (uint32_t k = 0; k < needles.size(i); ++k) tokens.push_back(needles.Get(i, k));
      out.mutable_data<uint8_t>()[i] = batch.live(i) && MatchTokens<all>(text[i], tokens);
    }
    return out;
  });
}

// --- N-grams: four bytes, or three code points ---

// The code point's bytes as a number. Folding clears the bits that differ between the cases of
// ASCII and of most of Cyrillic.
template <Mode mode>
uint32_t GramUnit(View text, size_t* at) {
  if (!IsUtf8(mode)) {
    const char c = text[(*at)++];
    return static_cast<unsigned char>(mode == Mode::kFold ? LowerChar(c) : c);
  }
  const size_t begin = *at;
  NextCodePoint(text, at);
  const size_t size = *at - begin;
  uint32_t unit = 0;
  for (size_t i = 0; i < size; ++i)
    unit |= static_cast<uint32_t>(static_cast<unsigned char>(text[begin + i])) << (8 * i);
  if (mode == Mode::kFoldUtf8) {
    for (size_t i = 0; i < size; ++i) unit &= ~(32u << (8 * i));
    if (size > 1) unit &= ~1u;
  }
  return unit;
}

template <Mode mode>
std::vector<UInt128> Grams(View text) {
  constexpr size_t kUnits = IsUtf8(mode) ? 3 : 4;
  constexpr UInt128 kMask = (static_cast<UInt128>(1) << (32 * (kUnits - 1))) - 1;
  std::vector<UInt128> grams;
  UInt128 gram = 0;
  size_t units = 0;
  for (size_t i = 0; i < text.size();) {
    gram = (gram & kMask) << 32 | GramUnit<mode>(text, &i);
    if (++units >= kUnits) grams.push_back(gram);
  }
  std::sort(grams.begin(), grams.end());
  return grams;
}

// The share of n-grams that only one string has; or (search) the share of the needle's that the
// text has.
template <Mode mode, bool search>
double GramShare(View text, View needle) {
  constexpr size_t kTextMax = 1u << 15;  // bytes; longer texts resemble nothing
  if (text.size() > kTextMax || needle.size() > kTextMax) return search ? 0 : 1;
  const std::vector<UInt128> a = Grams<mode>(text), b = Grams<mode>(needle);
  size_t common = 0;
  for (size_t i = 0, k = 0; i < a.size() && k < b.size();) {
    if (a[i] == b[k]) {
      ++common, ++i, ++k;
    } else {
      ++(a[i] < b[k] ? i : k);
    }
  }
  if (search)
    return 1.0f - static_cast<float>(b.size() - common) /
                      static_cast<float>(std::max<size_t>(b.size(), 1));
  const size_t total = a.size() + b.size();
  return static_cast<float>(total - 2 * common) / static_cast<float>(std::max<size_t>(total, 1));
}

template <Mode mode, bool search>
Bound BindGrams(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 2));
  return MapRows<double, View, View>(Type(TypeKind::kFloat32), GramShare<mode, search>);
}

// --- Fuzzy matches: plain needles that occur with up to so many bytes changed, added or left out
// ---

constexpr size_t kFuzzyNeedleMax = 1000;  // bytes

bool FuzzyFind(View text, View needle, size_t edits_max) {
  // The fewest edits that turn a prefix of the needle into some substring that ends here, for each
  // prefix.
  std::vector<size_t> edits(needle.size() + 1);
  for (size_t k = 0; k < edits.size(); ++k) edits[k] = k;
  bool found = edits.back() <= edits_max;
  for (size_t i = 0; i < text.size() && !found; ++i) {
    size_t diagonal = 0;
    for (size_t k = 1; k < edits.size(); ++k) {
      const size_t changed = diagonal + (text[i] != needle[k - 1]);
      diagonal = edits[k];
      edits[k] = std::min({changed, edits[k] + 1, edits[k - 1] + 1});
    }
    found = edits.back() <= edits_max;
  }
  return found;
}

enum class Fuzzy { kAny, kAnyIndex, kAllIndices };

template <Fuzzy what>
Bound BindFuzzy(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 3));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 1));
  HOGLET_RETURN_IF_ERROR(ExpectNeedles(call, 2));
  HOGLET_ASSIGN_OR_RETURN(const int64_t edits, call.ConstantInteger(1));
  if (edits < 0)
    return Error("bad_arguments", "Edit distance of function ", call.name, " must not be negative");
  if (!call.has_constant(2)) return call.BadType(2);
  std::vector<std::string> needles;
  for (const Datum& needle : call.constant(2).list()) {
    if (needle.is_null()) return call.BadType(2);
    if (needle.string().find_first_of("\\^$.[]|()?*+{}") != View::npos) {
      return Error("not_implemented", "Function ", call.name,
                   " takes plain strings, not regular expressions");
    }
    if (needle.string().size() > kFuzzyNeedleMax) {
      return Error("bad_arguments", "Patterns of function ", call.name, " have at most ",
                   kFuzzyNeedleMax, " bytes");
    }
    needles.emplace_back(needle.string());
  }
  const auto matches = [needles, edits](View text) {
    std::vector<Datum> found;
    for (size_t i = 0; i < needles.size(); ++i) {
      if (FuzzyFind(text, needles[i], static_cast<size_t>(edits)))
        found.emplace_back(static_cast<int64_t>(i + 1));
      if (what != Fuzzy::kAllIndices && !found.empty()) break;
    }
    return found;
  };
  if (what == Fuzzy::kAllIndices) {
    return MapDatums(Type::Array(U64()),
                     [matches](std::span<const Datum> args) -> absl::StatusOr<Datum> {
                       return Datum(matches(args[0].string()));
                     });
  }
  const auto first = [matches](View text) -> int64_t {
    const std::vector<Datum> found = matches(text);
    return found.empty() ? 0 : found[0].integer();
  };
  if (what == Fuzzy::kAnyIndex) return MapRows<int64_t, View>(U64(), first);
  return MapRows<uint8_t, View>(U8(), [first](View text) { return first(text) > 0; });
}

constexpr ScalarEntry kTable[] = {
    {"multiFuzzyMatchAny", BindFuzzy<Fuzzy::kAny>},
    {"multiFuzzyMatchAnyIndex", BindFuzzy<Fuzzy::kAnyIndex>},
    {"multiFuzzyMatchAllIndices", BindFuzzy<Fuzzy::kAllIndices>},
    {"position", BindSearch<Position<Mode::kExact>, false>},
    {"positionCaseInsensitive", BindSearch<Position<Mode::kFold>, false>},
    {"positionUTF8", BindSearch<Position<Mode::kUtf8>, false>},
    {"positionCaseInsensitiveUTF8", BindSearch<Position<Mode::kFoldUtf8>, false>},
    {"locate", BindSearch<Position<Mode::kExact>, true>},
    {"countSubstrings", BindSearch<CountOf<Mode::kExact>, false>},
    {"countSubstringsCaseInsensitive", BindSearch<CountOf<Mode::kFold>, false>},
    {"countSubstringsCaseInsensitiveUTF8", BindSearch<CountOf<Mode::kFoldUtf8>, false>},
    {"startsWith", BindAffix<false>},
    {"endsWith", BindAffix<true>},
    {"startsWithUTF8", BindAffix<false>},
    {"endsWithUTF8", BindAffix<true>},
    {"multiSearchAny", BindMulti<Multi::kAny, Mode::kExact>},
    {"multiSearchAnyUTF8", BindMulti<Multi::kAny, Mode::kUtf8>},
    {"multiSearchAnyCaseInsensitive", BindMulti<Multi::kAny, Mode::kFold>},
    {"multiSearchAnyCaseInsensitiveUTF8", BindMulti<Multi::kAny, Mode::kFoldUtf8>},
    {"multiSearchFirstIndex", BindMulti<Multi::kFirstIndex, Mode::kExact>},
    {"multiSearchFirstIndexUTF8", BindMulti<Multi::kFirstIndex, Mode::kUtf8>},
    {"multiSearchFirstIndexCaseInsensitive", BindMulti<Multi::kFirstIndex, Mode::kFold>},
    {"multiSearchFirstIndexCaseInsensitiveUTF8", BindMulti<Multi::kFirstIndex, Mode::kFoldUtf8>},
    {"multiSearchFirstPosition", BindMulti<Multi::kFirstPosition, Mode::kExact>},
    {"multiSearchFirstPositionUTF8", BindMulti<Multi::kFirstPosition, Mode::kUtf8>},
    {"multiSearchFirstPositionCaseInsensitive", BindMulti<Multi::kFirstPosition, Mode::kFold>},
    {"multiSearchFirstPositionCaseInsensitiveUTF8",
     BindMulti<Multi::kFirstPosition, Mode::kFoldUtf8>},
    {"multiSearchAllPositions", BindAllPositions<Mode::kExact>},
    {"multiSearchAllPositionsUTF8", BindAllPositions<Mode::kUtf8>},
    {"multiSearchAllPositionsCaseInsensitive", BindAllPositions<Mode::kFold>},
    {"multiSearchAllPositionsCaseInsensitiveUTF8", BindAllPositions<Mode::kFoldUtf8>},
    {"hasSubsequence", BindSubsequence<Mode::kExact>},
    {"hasSubsequenceCaseInsensitive", BindSubsequence<Mode::kFold>},
    {"hasSubsequenceUTF8", BindSubsequence<Mode::kUtf8>},
    {"hasSubsequenceCaseInsensitiveUTF8", BindSubsequence<Mode::kFoldUtf8>},
    {"hasToken", BindHasToken<false, false>},
    {"hasTokenCaseInsensitive", BindHasToken<true, false>},
    {"hasTokenOrNull", BindHasToken<false, true>},
    {"hasTokenCaseInsensitiveOrNull", BindHasToken<true, true>},
    {"hasAnyTokens", BindTokens<false>},
    {"hasAllTokens", BindTokens<true>},
    {"ngramDistance", BindGrams<Mode::kExact, false>},
    {"ngramDistanceCaseInsensitive", BindGrams<Mode::kFold, false>},
    {"ngramDistanceUTF8", BindGrams<Mode::kUtf8, false>},
    {"ngramDistanceCaseInsensitiveUTF8", BindGrams<Mode::kFoldUtf8, false>},
    {"ngramSearch", BindGrams<Mode::kExact, true>},
    {"ngramSearchCaseInsensitive", BindGrams<Mode::kFold, true>},
    {"ngramSearchUTF8", BindGrams<Mode::kUtf8, true>},
    {"ngramSearchCaseInsensitiveUTF8", BindGrams<Mode::kFoldUtf8, true>},
};

}  // namespace

std::span<const ScalarEntry> StringSearchFunctions() { return kTable; }

}  // namespace hoglet::fn
