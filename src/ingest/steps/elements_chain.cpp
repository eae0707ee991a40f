#include "src/ingest/steps/elements_chain.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {
namespace {

constexpr size_t kTextUnitsMax = 400;
constexpr size_t kHrefUnitsMax = 2048;

using Attributes = std::vector<std::pair<std::string, std::string>>;

// Primary weights of ASCII in the root collation: white space and punctuation in this order, then
// digits, then letters.
std::array<uint8_t, 128> CollationWeights() {
  std::array<uint8_t, 128> weights{};
  constexpr std::string_view kPunctuation = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
  for (size_t i = 0; i < kPunctuation.size(); ++i) {
    weights[static_cast<uint8_t>(kPunctuation[i])] = static_cast<uint8_t>(1 + i);
  }
  for (int i = 0; i < 10; ++i) weights['0' + i] = static_cast<uint8_t>(60 + i);
  for (int i = 0; i < 26; ++i) {
    weights['a' + i] = static_cast<uint8_t>(80 + i);
    weights['A' + i] = static_cast<uint8_t>(80 + i);
  }
  return weights;
}

int WeightOf(char c) {
  static const std::array<uint8_t, 128> weights = CollationWeights();
  const auto byte = static_cast<uint8_t>(c);
  return byte < 128 ? weights[byte] : byte;
}

std::optional<std::string> OptionalText(const JsonObjectView& members, std::string_view key,
                                        Arena* arena) {
  const JsonMember* member = FindJsonMember(members, key);
  if (member == nullptr || member->kind == JsonKind::kNull) return std::nullopt;
  return std::string(ToText(*member, arena));
}

std::vector<std::string> SplitOnSpaces(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const size_t space = text.find(' ');
    parts.emplace_back(text.substr(0, space));
    if (space == std::string_view::npos) return parts;
    text.remove_prefix(space + 1);
  }
}

std::optional<std::vector<std::string>> ReadClasses(const JsonMember* value, Arena* arena) {
  if (value == nullptr || !IsTruthy(*value)) return std::nullopt;
  if (value->kind == JsonKind::kString) return SplitOnSpaces(value->text);
  std::vector<JsonMember> items;
  if (!IsArray(*value) || !ParseJsonArray(value->text, arena, &items).ok()) return std::nullopt;
  std::vector<std::string> classes;
  for (const JsonMember& item : items) classes.emplace_back(ToText(item, arena));
  return classes;
}

Element ReadElement(const JsonObjectView& members, Arena* arena) {
  Element element;
  element.tag_name = OptionalText(members, "tag_name", arena);
  element.text = OptionalText(members, "$el_text", arena);
  if (element.text) element.text = std::string(CutUtf16(*element.text, kTextUnitsMax));
  element.href = OptionalText(members, "attr__href", arena);
  if (element.href) element.href = std::string(CutUtf16(*element.href, kHrefUnitsMax));
  element.attr_id = OptionalText(members, "attr__id", arena);
  element.attr_class = ReadClasses(FindJsonMember(members, "attr__class"), arena);
  element.nth_child = OptionalText(members, "nth_child", arena);
  element.nth_of_type = OptionalText(members, "nth_of_type", arena);
  for (const JsonMember& member : members) {
    if (!member.key.starts_with("attr__")) continue;
    element.attributes.emplace_back(member.key, ToText(member, arena));
  }
  return element;
}

bool HasAttribute(const Attributes& attributes, std::string_view name) {
  return std::any_of(attributes.begin(), attributes.end(),
                     [name](const auto& attribute) { return attribute.first == name; });
}

void AppendEscapedQuotes(std::string_view text, std::string* out) {
  for (const char c : text) {
    if (c == '"') out->push_back('\\');
    out->push_back(c);
  }
}

void AppendElement(const Element& element, std::string* out) {
  if (element.tag_name) out->append(*element.tag_name);
  if (element.attr_class) {
    std::vector<std::string> classes = *element.attr_class;
    std::sort(classes.begin(), classes.end());
    for (const std::string& name : classes) {
      out->push_back('.');
      for (const char c : name) {
        if (c != '"') out->push_back(c);
      }
    }
  }
  out->push_back(':');
  Attributes attributes = element.attributes;
  const auto add = [&](std::string_view name, std::string_view value) {
    // An attribute of the same name wins.
    if (!value.empty() && !HasAttribute(element.attributes, name)) {
      attributes.emplace_back(name, value);
    }
  };
  add("text", element.text.value_or(""));
  add("nth-child", element.nth_child.value_or("0"));
  add("nth-of-type", element.nth_of_type.value_or("0"));
  add("href", element.href.value_or(""));
  add("attr_id", element.attr_id.value_or(""));
  std::stable_sort(attributes.begin(), attributes.end(), [](const auto& a, const auto& b) {
    return AttributeNameLess(a.first, b.first);
  });
  for (const auto& [name, value] : attributes) {
    AppendEscapedQuotes(name, out);
    out->append("=\"");
    AppendEscapedQuotes(value, out);
    out->push_back('"');
  }
}

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

// The position of the ":name=" that begins the attributes, or npos.
size_t FindAttributes(std::string_view run) {
  for (size_t colon = run.find(':'); colon != std::string_view::npos;
       colon = run.find(':', colon + 1)) {
    size_t end = colon + 1;
    while (end < run.size() && IsNameCharacter(run[end])) ++end;
    if (end < run.size() && run[end] == '=') return colon;
  }
  return std::string_view::npos;
}

// One key="value" from the front of `text`. A value has at least one character and ends at a quote
// that follows no backslash; neither part spans lines. False: there is no more.
bool TakeAttribute(std::string_view* text, std::string_view* name, std::string_view* value) {
  for (size_t begin = 0; begin < text->size();) {
    const size_t line_end = std::min(text->find('\n', begin), text->size());
    const std::string_view line = text->substr(begin, line_end - begin);
    const size_t open = line.find("=\"");
    if (open != std::string_view::npos) {
      for (size_t close = line.find('"', open + 3); close != std::string_view::npos;
           close = line.find('"', close + 1)) {
        if (line[close - 1] == '\\') continue;
        *name = line.substr(0, open);
        *value = line.substr(open + 2, close - open - 2);
        text->remove_prefix(begin + close + 1);
        return true;
      }
    }
    begin = line_end + 1;
  }
  return false;
}

Element ParseRun(std::string_view run) {
  Element element;
  const size_t attributes_at = FindAttributes(run);
  const std::string_view head = run.substr(0, attributes_at);
  const size_t dot = head.find('.');
  if (!head.empty()) element.tag_name = std::string(head.substr(0, dot));
  if (dot != std::string_view::npos) {
    element.attr_class.emplace();
    for (std::string_view rest = head.substr(dot + 1); !rest.empty();) {
      const size_t end = std::min(rest.find('.'), rest.size());
      if (end > 0) element.attr_class->emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  if (attributes_at == std::string_view::npos) return element;
  std::string_view rest = run.substr(attributes_at + 1);
  std::string_view name;
  std::string_view value;
  StringMap<std::string_view, size_t> positions;  // of the attributes so far
  while (TakeAttribute(&rest, &name, &value)) {
    std::optional<std::string>* field = name == "href"          ? &element.href
                                        : name == "nth-child"   ? &element.nth_child
                                        : name == "nth-of-type" ? &element.nth_of_type
                                        : name == "text"        ? &element.text
                                        : name == "attr_id"     ? &element.attr_id
                                                                : nullptr;
    if (field != nullptr) {
      *field = std::string(value);
    } else if (const auto [it, is_new] = positions.try_emplace(name, element.attributes.size());
               is_new) {
      element.attributes.emplace_back(name, value);
    } else {
      element.attributes[it->second].second = value;
    }
  }
  return element;
}

// The end of the run that begins at `begin`: of characters that separate nothing, or inside quotes.
size_t RunEnd(std::string_view chain, size_t begin) {
  size_t at = begin;
  while (at < chain.size()) {
    const char c = chain[at];
    if (c == '"') {
      size_t close = at + 1;
      while (close < chain.size() && chain[close] != '"') close += chain[close] == '\\' ? 2 : 1;
      if (close >= chain.size()) return at;
      at = close + 1;
    } else if (c == ';' || std::isspace(static_cast<unsigned char>(c))) {
      return at;
    } else {
      ++at;
    }
  }
  return at;
}

void AddDistinct(std::string_view text, std::vector<std::string>* out) {
  if (std::find(out->begin(), out->end(), text) == out->end()) out->emplace_back(text);
}

// The values of name="..." where a colon or a quote precedes the name. The value ends at the next
// quote, escaped or not.
void CollectValues(std::string_view chain, std::string_view name, std::vector<std::string>* out) {
  const std::string needle = std::string(name) + "=\"";
  size_t from = 1;
  for (size_t at = chain.find(needle, from); at != std::string_view::npos;
       at = chain.find(needle, from)) {
    from = at + 1;
    if (chain[at - 1] != ':' && chain[at - 1] != '"') continue;
    const size_t begin = at + needle.size();
    const size_t end = chain.find('"', begin);
    if (end == std::string_view::npos) return;
    out->emplace_back(chain.substr(begin, end - begin));
    from = end + 1;
  }
}

}  // namespace

bool AttributeNameLess(std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    if (const int difference = WeightOf(a[i]) - WeightOf(b[i])) return difference < 0;
  }
  if (a.size() != b.size()) return a.size() < b.size();
  // Equal but for case: at the first difference the lower case one comes first.
  for (size_t i = 0; i < common; ++i) {
    if (a[i] != b[i]) return a[i] > b[i];
  }
  return false;
}

std::vector<Element> ExtractElements(std::string_view json) {
  Arena arena;
  std::vector<JsonMember> items;
  std::vector<Element> elements;
  if (!ParseJsonArray(json, &arena, &items).ok()) return elements;
  for (const JsonMember& item : items) {
    if (IsObject(item)) elements.push_back(ReadElement(MembersOf(item, &arena), &arena));
  }
  return elements;
}

std::string ElementsToChain(const std::vector<Element>& elements) {
  std::string chain;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) chain.push_back(';');
    AppendElement(elements[i], &chain);
  }
  return chain;
}

std::vector<Element> ParseElementsChain(std::string_view chain_text) {
  std::string chain;
  for (size_t i = 0; i < chain_text.size(); ++i) {
    if (chain_text.substr(i, 2) == "\\n") {
      ++i;
    } else {
      chain.push_back(chain_text[i]);
    }
  }
  std::vector<Element> elements;
  const std::string_view view = chain;
  for (size_t at = 0; at < view.size();) {
    const size_t end = RunEnd(view, at);
    if (end > at) elements.push_back(ParseRun(view.substr(at, end - at)));
    at = end > at ? end : at + 1;
  }
  return elements;
}

ElementsColumns DeriveElementsColumns(std::string_view chain) {
  ElementsColumns columns;
  std::vector<std::string> found;
  CollectValues(chain, "href", &found);
  if (!found.empty()) columns.href = found.front();
  found.clear();
  CollectValues(chain, "text", &found);
  for (const std::string& text : found) AddDistinct(text, &columns.texts);
  found.clear();
  CollectValues(chain, "attr_id", &found);
  for (const std::string& id : found) AddDistinct(id, &columns.ids);
  constexpr std::string_view kTags[] = {"a",      "button",   "form", "input",
                                        "select", "textarea", "label"};
  for (size_t begin = 0; begin < chain.size();) {
    for (const std::string_view tag : kTags) {
      if (chain.substr(begin, tag.size()) != tag) continue;
      const size_t after = begin + tag.size();
      if (after == chain.size() || chain[after] == '.' || chain[after] == ':') {
        AddDistinct(tag, &columns.elements);
      }
    }
    const size_t separator = chain.find(';', begin);
    if (separator == std::string_view::npos) break;
    begin = separator + 1;
  }
  return columns;
}

}  // namespace hoglet
