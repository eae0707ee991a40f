#include "query/hogql/quoting.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "query/hogql/keywords.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

// Escapes what a literal in these quotes cannot hold as it is. The quote itself is doubled in
// names and escaped in strings, as the original does.
void AppendEscaped(std::string_view text, std::string* out) {
  for (const char c : text) {
    switch (c) {
      case '\b':
        *out += "\\b";
        break;
      case '\f':
        *out += "\\f";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\t':
        *out += "\\t";
        break;
      case '\a':
        *out += "\\a";
        break;
      case '\v':
        *out += "\\v";
        break;
      case '\\':
        *out += "\\\\";
        break;
      default:
        *out += c;
    }
  }
}

}  // namespace

bool IsPlainName(std::string_view name) {
  if (name.empty() || absl::ascii_isdigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '$'; });
}

bool IsRiskyFieldName(std::string_view name) {
  switch (FindKeyword(name)) {
    case Keyword::kArray:
    case Keyword::kCase:
    case Keyword::kDistinct:
    case Keyword::kFrom:
    case Keyword::kGroup:
    case Keyword::kHaving:
    case Keyword::kInner:
    case Keyword::kInterval:
    case Keyword::kLambda:
    case Keyword::kLeft:
    case Keyword::kLimit:
    case Keyword::kNot:
    case Keyword::kOffset:
    case Keyword::kOrder:
    case Keyword::kPrewhere:
    case Keyword::kQualify:
    case Keyword::kReturn:
    case Keyword::kSample:
    case Keyword::kSelect:
    case Keyword::kSettings:
    case Keyword::kUnion:
    case Keyword::kUsing:
    case Keyword::kWhere:
    case Keyword::kWindow:
    case Keyword::kWith:
      return true;
    default:
      return absl::EqualsIgnoreCase(ToAbsl(name), "true") ||
             absl::EqualsIgnoreCase(ToAbsl(name), "false");
  }
}

std::string Backquote(std::string_view name) {
  std::string quoted = "`";
  AppendEscaped(absl::StrReplaceAll(ToAbsl(name), {{"`", "``"}}), &quoted);
  return quoted + "`";
}

std::string QuoteName(std::string_view name) {
  return IsPlainName(name) && IsNameKeyword(FindKeyword(name)) ? std::string(name)
                                                               : Backquote(name);
}

std::string QuoteString(std::string_view text) {
  std::string quoted = "'";
  std::string escaped;
  AppendEscaped(text, &escaped);
  for (const char c : escaped) {
    if (c == '\'') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace hoglet::hogql
