// The JSON form of the tree: {"node": "Call", "name": "count", ...}, keys in a fixed order. Absent
// and null mean the same, empty optional lists are left out. Spans are not part of it.
#pragma once

#include <string>
#include <string_view>

#include "query/hogql/ast.h"

namespace hoglet::hogql {

std::string TreeToJson(const Node& node);

// Appends `text` (UTF-8) as a JSON string, quotes included.
void AppendJsonString(std::string_view text, std::string* out);

// The shortest decimal text that reads back as `value`, always with a '.' or an exponent. `value`
// is finite.
std::string ShortestDouble(double value);

}  // namespace hoglet::hogql
