// Any text may be refused, none may crash or hang the parser; and what it reads, it prints to a
// text that it reads and prints the same again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "query/hogql/parser.h"
#include "query/hogql/printer.h"

namespace {

namespace hogql = hoglet::hogql;

template <class Parse>
void Check(const std::string& text, const Parse& parse) {
  const auto tree = parse(text);
  if (!tree.ok()) return;
  const std::string printed = hogql::PrintHogQL(**tree);
  // A query is an expression only in parentheses.
  const bool query = (*tree)->kind == hogql::NodeKind::kSelectQuery ||
                     (*tree)->kind == hogql::NodeKind::kSelectSetQuery;
  const auto again = parse(query ? "(" + printed + ")" : printed);
  // Canonical text is longer and nests deeper, so it may run into a limit.
  if (!again.ok()) {
    const auto error = hogql::GetParseError(again.status());
    const bool limit = error->message.find("levels") != std::string::npos ||
                       error->message.find("limit") != std::string::npos ||
                       error->message.find("ambiguous") != std::string::npos;
    if (!limit) std::abort();
    return;
  }
  if (hogql::PrintHogQL(**again) != printed) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      Check(text, [](const std::string& t) { return hogql::ParseSelect(t); });
      break;
    case 1:
      Check(text, [](const std::string& t) { return hogql::ParseExpr(t); });
      break;
    case 2:
      Check(text, [](const std::string& t) { return hogql::ParseProgram(t); });
      break;
    case 3:
      (void)hogql::ParseOrder(text);
      break;
    case 4:
      (void)hogql::ParseTemplate(text);
      break;
    default:
      (void)hogql::ParseStringLiteral(text);
      break;
  }
  return 0;
}
