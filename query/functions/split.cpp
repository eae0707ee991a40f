#include <optional>

#include "query/functions/registry.h"
#include "query/functions/types.h"

// Strings cut into arrays.

namespace hoglet::fn {
namespace {

// Calls add(part) for each part until it returns false.
using Parts = void (*)(std::string_view text, std::string_view separator,
                       const std::function<bool(std::string_view)>& add);

void SplitBy(std::string_view text, std::string_view separator,
             const std::function<bool(std::string_view)>& add) {
  if (separator.empty()) {
    for (size_t i = 0; i < text.size(); ++i) {
      if (!add(text.substr(i, 1))) return;
    }
    return;
  }
  for (;;) {
    const size_t at = text.find(separator);
    if (!add(text.substr(0, at)) || at == std::string_view::npos) return;
    text.remove_prefix(at + separator.size());
  }
}

template <bool (*is_part)(unsigned char)>
void Runs(std::string_view text, std::string_view,
          const std::function<bool(std::string_view)>& add) {
  size_t i = 0;
  while (i < text.size()) {
    while (i < text.size() && !is_part(static_cast<unsigned char>(text[i]))) ++i;
    const size_t begin = i;
    while (i < text.size() && is_part(static_cast<unsigned char>(text[i]))) ++i;
    if (i > begin && !add(text.substr(begin, i - begin))) return;
  }
}

bool IsLetter(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsTokenByte(unsigned char c) { return IsLetter(c) || (c >= '0' && c <= '9') || c >= 0x80; }
bool IsNotSpace(unsigned char c) { return c != ' ' && !(c >= '\t' && c <= '\r'); }

const Type& StringArray() {
  static const Type* const kType = new Type(Type::Array(StringType()));
  return *kType;
}

bool IsText(const Type& type) { return type.IsStringLike() || IsNothing(type); }

// The function of the text at argument `at`; a NULL text has no parts. Argument `limit_at`, if
// given, bounds their number.
Bound Splitter(const Call& call, Parts parts, std::optional<std::string> separator, size_t at,
               size_t limit_at) {
  if (IsNothing(call.type(at))) return NullResult();
  if (!IsText(call.type(at))) return call.BadType(at);
  const bool limited = call.size() > limit_at;
  if (limited && !call.type(limit_at).IsInteger()) return call.BadType(limit_at);
  return MakeFunction(StringArray(), [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<std::string_view> text(batch.args[at]);
    const Vector none = Vector::Constant(I64(), Datum(0), batch.rows);
    const Input<int64_t> limit(limited ? batch.args[limit_at] : none);
    return BuildStringLists(StringArray(), batch, [&](size_t row, StringList* list) {
      if (batch.args[at].IsNull(row)) return absl::OkStatus();
      int64_t left = limit[row];
      parts(text[row], separator.value_or(""), [&](std::string_view part) {
        list->AddView(part);
        return left <= 0 || --left != 0;
      });
      return absl::OkStatus();
    });
  });
}

Bound BindSplitByChar(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_ASSIGN_OR_RETURN(std::string separator, call.ConstantString(0));
  if (separator.size() != 1) {
    return Error("bad_arguments", "Illegal separator of function ", call.name,
                 ": must be exactly one byte");
  }
  return Splitter(call, SplitBy, std::move(separator), 1, 2);
}

Bound BindSplitByString(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_ASSIGN_OR_RETURN(std::string separator, call.ConstantString(0));
  return Splitter(call, SplitBy, std::move(separator), 1, 2);
}

template <Parts parts>
Bound BindRuns(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  return Splitter(call, parts, std::nullopt, 0, 1);
}

Bound BindTokens(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  return Splitter(call, Runs<IsTokenByte>, std::nullopt, 0, 1);
}

// Begins of code points, and the end.
std::vector<size_t> CodePointStarts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

Bound BindNgrams(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (IsNothing(call.type(0))) return NullResult();
  if (!IsText(call.type(0))) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(const int64_t length, call.ConstantInteger(1));
  if (length <= 0)
    return Error("bad_arguments", "The length of n-grams must be positive in function ", call.name);
  return MakeFunction(StringArray(), [length](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<std::string_view> text(batch.args[0]);
    return BuildStringLists(StringArray(), batch, [&](size_t row, StringList* list) {
      if (batch.args[0].IsNull(row)) return absl::OkStatus();
      const std::vector<size_t> starts = CodePointStarts(text[row]);
      for (size_t i = 0; static_cast<uint64_t>(length) < starts.size() - i; ++i) {
        list->AddView(
            text[row].substr(starts[i], starts[i + static_cast<size_t>(length)] - starts[i]));
      }
      return absl::OkStatus();
    });
  });
}

constexpr ScalarEntry kTable[] = {
    {"splitByChar", BindSplitByChar, kSeesNulls},
    {"splitByString", BindSplitByString, kSeesNulls},
    {"splitByWhitespace", BindRuns<Runs<IsNotSpace>>, kSeesNulls},
    {"splitByNonAlpha", BindRuns<Runs<IsTokenByte>>, kSeesNulls},
    {"alphaTokens", BindRuns<Runs<IsLetter>>, kSeesNulls},
    {"splitByAlpha", BindRuns<Runs<IsLetter>>, kSeesNulls},
    {"tokens", BindTokens, kSeesNulls},
    {"ngrams", BindNgrams, kSeesNulls},
};

}  // namespace

std::span<const ScalarEntry> SplitFunctions() { return kTable; }

}  // namespace hoglet::fn
