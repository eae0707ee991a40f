#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The elements around an autocaptured click, and the text form ("chain") in which an event keeps
// them.

namespace hoglet {

struct Element {
  std::optional<std::string> tag_name;
  std::optional<std::string> text;
  std::optional<std::string> href;
  std::optional<std::string> attr_id;
  // Absent is not the same as empty.
  std::optional<std::vector<std::string>> attr_class;
  // Decimal text, as sent.
  std::optional<std::string> nth_child;
  std::optional<std::string> nth_of_type;
  std::vector<std::pair<std::string, std::string>> attributes;
};

// `json`: $elements as an SDK sends them, a JSON list, innermost first. What is no object is
// skipped; a text that is not JSON gives none.
std::vector<Element> ExtractElements(std::string_view json);

std::string ElementsToChain(const std::vector<Element>& elements);
std::vector<Element> ParseElementsChain(std::string_view chain);

// What the event's columns elements_chain_* hold.
struct ElementsColumns {
  std::string href;
  std::vector<std::string> texts;
  std::vector<std::string> ids;
  std::vector<std::string> elements;
};
ElementsColumns DeriveElementsColumns(std::string_view chain);

// The order of attribute names in a chain: punctuation, digits, letters; letters without case,
// lower case first among equals.
bool AttributeNameLess(std::string_view a, std::string_view b);

}  // namespace hoglet
