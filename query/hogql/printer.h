// Canonical HogQL text of a tree.
//
// Operators become calls (`plus(1, 2)`, `and(a, b)`), tuples `tuple(...)`, names are back-quoted
// where they must be, ORDER BY always says ASC or DESC. The text parses, and prints to itself.
#pragma once

#include <string>
#include <string_view>

#include "query/hogql/ast.h"
#include "query/hogql/quoting.h"

namespace hoglet::hogql {

enum class PrintStyle {
  kCompact,  // One line.
  kPretty,   // One clause a line, its items on lines of their own, four spaces deeper.
};

std::string PrintHogQL(const Node& node, PrintStyle style = PrintStyle::kCompact);

// The name of the result column of an expression without an alias: its canonical text without '%'.
std::string ColumnName(const Expr& expr);

}  // namespace hoglet::hogql
