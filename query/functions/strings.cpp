#include <algorithm>

#include "query/functions/arrays.h"
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/text_match.h"
#include "query/functions/types.h"

// Functions that make strings of strings. Without UTF8 in the name they count bytes and know the
// case of ASCII only.

namespace hoglet::fn {
namespace {

using View = std::string_view;
constexpr int64_t kPaddedMax = 1'000'000;       // bytes or code points
constexpr int64_t kRepeatsMax = 1'000'000;      // of one string
constexpr size_t kRepeatedBytesMax = 1u << 30;  // of one result

absl::Status ExpectStrings(const Call& call, size_t begin, size_t end) {
  for (size_t i = begin; i < end && i < call.size(); ++i) {
    if (!call.type(i).IsStringLike()) return call.BadType(i);
  }
  return absl::OkStatus();
}

template <void (*append)(View, std::string*)>
Bound BindText(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 1));
  return MapStrings<View>(StringType(), append);
}

void AppendLower(View text, std::string* out) {
  for (const char c : text) out->push_back(LowerChar(c));
}
void AppendUpper(View text, std::string* out) {
  for (const char c : text) out->push_back(UpperChar(c));
}

template <bool utf8>
void AppendInitCap(View text, std::string* out) {
  bool inside = false;
  for (size_t i = 0; i < text.size();) {
    const uint32_t c = utf8 ? NextCodePoint(text, &i) : static_cast<unsigned char>(text[i++]);
    const bool ascii_word = (c | 32) - 'a' < 26 || c - '0' < 10;
    const bool in_word = ascii_word || (utf8 && (LowerCodePoint(c) != c || UpperCodePoint(c) != c));
    if (!utf8 && !ascii_word) {
      out->push_back(static_cast<char>(c));
    } else {
      AppendCodePoint(inside ? LowerCodePoint(c) : UpperCodePoint(c), out);
    }
    inside = in_word;
  }
}

void AppendReversedUtf8(View text, std::string* out) {
  for (size_t end = text.size(); end > 0;) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    out->append(text.substr(begin, end - begin));
    end = begin;
  }
}

Bound BindReverse(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (IsArray(call.type(0))) return BindArrayReverse(call);
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 1));
  return MapStrings<View>(
      StringType(), [](View text, std::string* out) { out->assign(text.rbegin(), text.rend()); });
}

template <typename R, R (*measure)(View), TypeKind kind>
Bound BindMeasure(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 1));
  return MapRows<R, View>(Type(kind), measure);
}

int64_t CodePoints(View text) { return static_cast<int64_t>(CountCodePoints(text)); }
int64_t FirstByte(View text) { return text.empty() ? 0 : static_cast<unsigned char>(text[0]); }
uint8_t IsUtf8(View text) { return IsValidUtf8(text); }

// --- Parts ---

template <bool utf8>
int64_t LengthOf(View text) {
  return utf8 ? CodePoints(text) : static_cast<int64_t>(text.size());
}

// `count` bytes or code points from `begin` on, both within the text.
template <bool utf8>
View Slice(View text, int64_t begin, int64_t count) {
  if (!utf8) return text.substr(static_cast<size_t>(begin), static_cast<size_t>(count));
  text.remove_prefix(CodePointOffset(text, static_cast<size_t>(begin)));
  return text.substr(0, CodePointOffset(text, static_cast<size_t>(count)));
}

// Positions count from 1, or from -1 backwards; a negative length is what to leave out at the end.
template <bool utf8>
View Substring(View text, int64_t start, int64_t length) {
  const int64_t size = LengthOf<utf8>(text);
  if (start == 0 || start > size) return {};
  // The first position, which may lie before the text.
  const int64_t begin = start > 0 ? start - 1 : std::max(start, -size - INT32_MAX) + size;
  const int64_t room = size - begin;
  const int64_t count = length < 0 ? room + std::max(length, -room) : std::min(length, room);
  const int64_t from = std::max<int64_t>(begin, 0);
  const int64_t to = begin + count;
  return to > from ? Slice<utf8>(text, from, to - from) : View();
}

template <bool utf8>
Bound BindSubstring(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 1));
  for (size_t i = 1; i < call.size(); ++i) {
    if (!call.type(i).IsInteger()) return call.BadType(i);
  }
  if (call.size() == 3) return MapViews<View, int64_t, int64_t>(StringType(), Substring<utf8>);
  return MapViews<View, int64_t>(StringType(), [](View text, int64_t start) {
    return Substring<utf8>(text, start, INT64_MAX);
  });
}

// The first or last `count`; a negative count is what to leave out at the other end.
template <bool utf8, bool right>
View EndPart(View text, int64_t count) {
  const int64_t size = LengthOf<utf8>(text);
  const int64_t kept = count < 0 ? size + std::max(count, -size) : std::min(count, size);
  return Slice<utf8>(text, right ? size - kept : 0, kept);
}

template <bool utf8, bool right>
Bound BindEndPart(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 1));
  if (!call.type(1).IsInteger()) return call.BadType(1);
  return MapViews<View, int64_t>(StringType(), EndPart<utf8, right>);
}

template <bool left, bool right>
View Trim(View text, View set) {
  if (left) text.remove_prefix(std::min(text.find_first_not_of(set), text.size()));
  if (right) text = text.substr(0, text.find_last_not_of(set) + 1);
  return text;
}

template <bool left, bool right>
Bound BindTrim(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 2));
  if (call.size() == 2) return MapViews<View, View>(StringType(), Trim<left, right>);
  return MapViews<View>(StringType(), [](View text) { return Trim<left, right>(text, " "); });
}

// --- Longer strings ---

template <bool utf8, bool left>
absl::Status Pad(View text, int64_t length, View pad, std::string* out) {
  if (length > kPaddedMax) {
    return Error("too_large_string_size", "New padded length (", length,
                 ") is too big, maximum is: ", kPaddedMax);
  }
  if (length < 0) {
    return Error("index_of_positional_argument_is_out_of_range", "New padded length (", length,
                 ") is negative");
  }
  const int64_t size = LengthOf<utf8>(text);
  if (length <= size) {
    out->append(Slice<utf8>(text, 0, length));
    return absl::OkStatus();
  }
  if (pad.empty()) pad = " ";
  const int64_t pad_size = std::max<int64_t>(LengthOf<utf8>(pad), 1);
  if (!left) out->append(text);
  int64_t missing = length - size;
  for (; missing >= pad_size; missing -= pad_size) out->append(pad);
  out->append(Slice<utf8>(pad, 0, missing));
  if (left) out->append(text);
  return absl::OkStatus();
}

template <bool utf8, bool left>
Bound BindPad(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 1));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 2, 3));
  if (!call.type(1).IsInteger()) return call.BadType(1);
  if (call.size() == 3) return MapStrings<View, int64_t, View>(StringType(), Pad<utf8, left>);
  return MapStrings<View, int64_t>(StringType(), [](View text, int64_t length, std::string* out) {
    return Pad<utf8, left>(text, length, " ", out);
  });
}

absl::Status Repeat(View text, int64_t times, std::string* out) {
  if (times <= 0 || text.empty()) return absl::OkStatus();
  if (times > kRepeatsMax || static_cast<size_t>(times) > kRepeatedBytesMax / text.size()) {
    return Error("too_large_string_size", "Too many times to repeat (", times,
                 "), the result would be too large");
  }
  out->reserve(text.size() * static_cast<size_t>(times));
  for (int64_t i = 0; i < times; ++i) out->append(text);
  return absl::OkStatus();
}

Bound BindRepeat(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 1));
  if (!call.type(1).IsInteger()) return call.BadType(1);
  return MapStrings<View, int64_t>(StringType(), Repeat);
}

Bound BindSpace(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsInteger()) return call.BadType(0);
  return MapStrings<int64_t>(
      StringType(), [](int64_t times, std::string* out) { return Repeat(" ", times, out); });
}

// One row of the arguments as text: strings as they are, other values as toString() gives them.
void AppendArgument(const Vector& arg, size_t row, std::string* out) {
  const size_t at = arg.is_constant() ? 0 : row;
  if (arg.type().IsStringLike()) {
    out->append(arg.data<View>()[at]);
  } else {
    AppendText(arg, row, out);
  }
}

// Strings made by f(batch, row, out) of arguments of any type.
template <typename F>
Bound MapArguments(F f) {
  return MakeFunction(StringType(),
                      [f = std::move(f)](const Batch& batch) -> absl::StatusOr<Vector> {
                        StringWriter writer(StringType(), batch.rows);
                        std::string text;
                        for (size_t i = 0; i < batch.rows; ++i) {
                          if (!batch.live(i)) continue;
                          text.clear();
                          f(batch, i, &text);
                          writer.Set(i, text);
                        }
                        return writer.Take();
                      });
}

Bound BindConcat(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  bool all_arrays = true;
  for (size_t i = 0; i < call.size(); ++i) all_arrays &= IsArray(call.type(i));
  if (all_arrays) return BindArrayConcat(call);
  return MapArguments([](const Batch& batch, size_t row, std::string* out) {
    for (const Vector& arg : batch.args) AppendArgument(arg, row, out);
  });
}

Bound BindConcatWithSeparator(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 1));
  return MapArguments([](const Batch& batch, size_t row, std::string* out) {
    for (size_t i = 1; i < batch.args.size(); ++i) {
      if (i > 1) AppendArgument(batch.args[0], row, out);
      AppendArgument(batch.args[i], row, out);
    }
  });
}

// A pattern of format(): text, each piece but the last followed by an argument.
struct FormatPiece {
  std::string text;
  std::optional<size_t> argument;  // from 0
};

absl::StatusOr<std::vector<FormatPiece>> ParseFormat(View pattern, size_t arguments) {
  std::vector<FormatPiece> pieces(1);
  const auto bad = [](View what) { return Error("bad_arguments", what); };
  size_t next = 0;
  bool numbered = false, unnumbered = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if ((c == '{' || c == '}') && i + 1 < pattern.size() && pattern[i + 1] == c) {
      pieces.back().text.push_back(c);
      ++i;
      continue;
    }
    if (c == '}')
      return bad("Closed curly brace without open one in the pattern of function format");
    if (c != '{') {
      pieces.back().text.push_back(c);
      continue;
    }
    const size_t close = pattern.find('}', i);
    if (close == View::npos)
      return bad("Twice open or unclosed curly brace in the pattern of function format");
    const View number = pattern.substr(i + 1, close - i - 1);
    size_t index = 0;
    for (const char digit : number) {
      if (digit < '0' || digit > '9')
        return bad("Not a number in curly braces in the pattern of function format");
      index = std::min<size_t>(index * 10 + static_cast<size_t>(digit - '0'), 1'000'000);
    }
    (number.empty() ? unnumbered : numbered) = true;
    if (numbered && unnumbered)
      return bad("Cannot mix automatic and manual numbering in function format");
    if (number.empty()) index = next++;
    if (index >= arguments) return bad("Argument is too big for formatting in function format");
    pieces.back().argument = index;
    pieces.emplace_back();
    i = close;
  }
  return pieces;
}

Bound BindFormat(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  HOGLET_ASSIGN_OR_RETURN(const std::string pattern, call.ConstantString(0));
  HOGLET_ASSIGN_OR_RETURN(const auto pieces, ParseFormat(pattern, call.size() - 1));
  return MapArguments([pieces](const Batch& batch, size_t row, std::string* out) {
    for (const FormatPiece& piece : pieces) {
      out->append(piece.text);
      if (piece.argument.has_value()) AppendArgument(batch.args[*piece.argument + 1], row, out);
    }
  });
}

Bound BindAppendTrailing(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 2));
  HOGLET_ASSIGN_OR_RETURN(const std::string tail, call.ConstantString(1));
  if (tail.size() != 1)
    return Error("bad_arguments", "Second argument of function ", call.name,
                 " must be a one-character string");
  return MapStrings<View>(StringType(), [tail](View text, std::string* out) {
    out->append(text);
    if (!text.empty() && text.back() != tail[0]) out->append(tail);
  });
}

// --- Replacement ---

template <bool all>
void Replace(View text, View from, View to, std::string* out) {
  while (!from.empty()) {
    const size_t at = text.find(from);
    if (at == View::npos) break;
    out->append(text.substr(0, at));
    out->append(to);
    text.remove_prefix(at + from.size());
    if (!all) break;
  }
  out->append(text);
}

template <bool all>
Bound BindReplace(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 3));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 3));
  return MapStrings<View, View, View>(StringType(), Replace<all>);
}

// Code points to what replaces them; what has no counterpart is left out.
template <bool utf8>
Bound BindTranslate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 3));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 3));
  HOGLET_ASSIGN_OR_RETURN(const std::string from, call.ConstantString(1));
  HOGLET_ASSIGN_OR_RETURN(const std::string to, call.ConstantString(2));
  const bool ascii = CountCodePoints(from) == from.size() && CountCodePoints(to) == to.size();
  if (!(utf8 ? IsValidUtf8(from) && IsValidUtf8(to) : ascii)) {
    return Error("bad_arguments", "Second and third arguments of function ", call.name, " must be ",
                 utf8 ? "valid UTF-8" : "ASCII", " strings");
  }
  if (CountCodePoints(from) < CountCodePoints(to)) {
    return Error("bad_arguments", "Second argument of function ", call.name,
                 " must not be shorter than the third argument");
  }
  absl::flat_hash_map<uint32_t, std::string> map;
  for (size_t i = 0, k = 0; i < from.size();) {
    std::string& target = map[NextCodePoint(from, &i)];
    target.clear();
    if (k < to.size()) AppendCodePoint(NextCodePoint(to, &k), &target);
  }
  return MapStrings<View>(StringType(), [map = std::move(map)](View text, std::string* out) {
    for (size_t i = 0; i < text.size();) {
      const size_t begin = i;
      const auto found = map.find(NextCodePoint(text, &i));
      out->append(found == map.end() ? text.substr(begin, i - begin) : View(found->second));
    }
  });
}

// --- Encodings ---

struct Charset {
  View name;  // upper case
  size_t unit_bytes;
  bool big_endian;
  uint32_t last;  // code point
};
constexpr Charset kCharsets[] = {
    {"UTF-8", 1, false, 0x10FFFF},   {"UTF8", 1, false, 0x10FFFF},
    {"UTF-16BE", 2, true, 0x10FFFF}, {"UTF-16LE", 2, false, 0x10FFFF},
    {"UTF-32BE", 4, true, 0x10FFFF}, {"UTF-32LE", 4, false, 0x10FFFF},
    {"ISO-8859-1", 1, false, 0xFF},  {"LATIN1", 1, false, 0xFF},
    {"US-ASCII", 1, false, 0x7F},    {"ASCII", 1, false, 0x7F},
};
constexpr uint32_t kReplacement = 0xFFFD;

absl::StatusOr<Charset> FindCharset(View name) {
  for (const Charset& charset : kCharsets) {
    if (EqualsIgnoreCase(charset.name, name)) return charset;
  }
  return Error("cannot_create_charset_converter", "Can't create converter for charset ", name);
}

bool IsUtf8(const Charset& charset) { return charset.unit_bytes == 1 && charset.last > 0xFF; }

// The next unit of the text; one cut off by the end is a replacement character.
uint32_t NextUnit(const Charset& charset, View text, size_t* at) {
  const size_t bytes = charset.unit_bytes;
  if (*at + bytes > text.size()) {
    *at = text.size();
    return kReplacement;
  }
  uint32_t unit = 0;
  for (size_t i = 0; i < bytes; ++i) {
    unit = unit << 8 |
           static_cast<unsigned char>(text[*at + (charset.big_endian ? i : bytes - 1 - i)]);
  }
  *at += bytes;
  return unit;
}

uint32_t Decode(const Charset& charset, View text, size_t* at) {
  uint32_t c = IsUtf8(charset) ? NextCodePoint(text, at) : NextUnit(charset, text, at);
  if (charset.unit_bytes == 2 && c >= 0xD800 && c < 0xDC00) {
    size_t next = *at;
    const uint32_t low = next < text.size() ? NextUnit(charset, text, &next) : 0;
    if (low >= 0xDC00 && low < 0xE000) {
      *at = next;
      return 0x10000 + ((c - 0xD800) << 10 | (low - 0xDC00));
    }
  }
  return c > charset.last || (c >= 0xD800 && c < 0xE000) ? kReplacement : c;
}

void AppendUnit(const Charset& charset, uint32_t unit, std::string* out) {
  for (size_t i = 0; i < charset.unit_bytes; ++i) {
    const size_t byte = charset.big_endian ? charset.unit_bytes - 1 - i : i;
    out->push_back(static_cast<char>(unit >> (8 * byte)));
  }
}

void Encode(const Charset& charset, uint32_t c, std::string* out) {
  constexpr uint32_t kSubstitute = 0x1A;
  if (IsUtf8(charset)) {
    AppendCodePoint(c, out);
  } else if (charset.unit_bytes == 2 && c >= 0x10000) {
    AppendUnit(charset, 0xD800 | (c - 0x10000) >> 10, out);
    AppendUnit(charset, 0xDC00 | ((c - 0x10000) & 0x3FF), out);
  } else {
    AppendUnit(charset, c > charset.last ? kSubstitute : c, out);
  }
}

Bound BindConvertCharset(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 3));
  HOGLET_RETURN_IF_ERROR(ExpectStrings(call, 0, 3));
  HOGLET_ASSIGN_OR_RETURN(const std::string from_name, call.ConstantString(1));
  HOGLET_ASSIGN_OR_RETURN(const std::string to_name, call.ConstantString(2));
  HOGLET_ASSIGN_OR_RETURN(const Charset from, FindCharset(from_name));
  HOGLET_ASSIGN_OR_RETURN(const Charset to, FindCharset(to_name));
  return MapStrings<View>(StringType(), [from, to](View text, std::string* out) {
    for (size_t i = 0; i < text.size();) Encode(to, Decode(from, text, &i), out);
  });
}

constexpr ScalarEntry kTable[] = {
    {"convertCharset", BindConvertCharset},
    {"lower", BindText<AppendLower>},
    {"upper", BindText<AppendUpper>},
    {"lowerUTF8", BindText<AppendLowerUtf8>},
    {"upperUTF8", BindText<AppendUpperUtf8>},
    {"initcap", BindText<AppendInitCap<false>>},
    {"initcapUTF8", BindText<AppendInitCap<true>>},
    {"reverse", BindReverse},
    {"reverseUTF8", BindText<AppendReversedUtf8>},
    {"toValidUTF8", BindText<AppendValidUtf8>},
    {"isValidUTF8", BindMeasure<uint8_t, IsUtf8, TypeKind::kUInt8>},
    {"lengthUTF8", BindMeasure<int64_t, CodePoints, TypeKind::kUInt64>},
    {"ascii", BindMeasure<int64_t, FirstByte, TypeKind::kInt32>},
    {"substring", BindSubstring<false>},
    {"substringUTF8", BindSubstring<true>},
    {"left", BindEndPart<false, false>},
    {"leftUTF8", BindEndPart<true, false>},
    {"right", BindEndPart<false, true>},
    {"rightUTF8", BindEndPart<true, true>},
    {"trim", BindTrim<true, true>},
    {"trimBoth", BindTrim<true, true>},
    {"trimLeft", BindTrim<true, false>},
    {"trimRight", BindTrim<false, true>},
    {"leftPad", BindPad<false, true>},
    {"lpad", BindPad<false, true>},
    {"leftPadUTF8", BindPad<true, true>},
    {"rightPad", BindPad<false, false>},
    {"rpad", BindPad<false, false>},
    {"rightPadUTF8", BindPad<true, false>},
    {"repeat", BindRepeat},
    {"space", BindSpace},
    {"concat", BindConcat},
    {"concatWithSeparator", BindConcatWithSeparator},
    {"format", BindFormat},
    {"appendTrailingCharIfAbsent", BindAppendTrailing},
    {"replace", BindReplace<true>},
    {"replaceAll", BindReplace<true>},
    {"replaceOne", BindReplace<false>},
    {"translate", BindTranslate<false>},
    {"translateUTF8", BindTranslate<true>},
};

}  // namespace

std::span<const ScalarEntry> StringFunctions() { return kTable; }

}  // namespace hoglet::fn
