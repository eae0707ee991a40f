// How names and strings are written in HogQL.
#pragma once

#include <string>
#include <string_view>

namespace hoglet::hogql {

// Letters, digits, '_' and '$', no digit first.
bool IsPlainName(std::string_view name);

// Would the name, unquoted at the start of an operand, be taken for something else?
bool IsRiskyFieldName(std::string_view name);

// `name` in backquotes.
std::string Backquote(std::string_view name);

// `name` as it must be written: as is, or in backquotes.
std::string QuoteName(std::string_view name);

// `text` as a string literal.
std::string QuoteString(std::string_view text);

}  // namespace hoglet::hogql
