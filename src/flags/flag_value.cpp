#include "src/flags/flag_value.h"

#include <simdjson.h>

#include <charconv>
#include <cstdlib>
#include <string>

#include "src/base/canonical_json.h"
#include "src/base/json.h"

namespace hoglet {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// A number that neither int64 nor double holds exactly, by its digits: serde_json keeps what fits
// 64 bits and makes a float of the rest.
std::string_view LongNumber(std::string_view digits, Arena* arena) {
  const bool is_unsigned = digits.size() < 20 || (digits.size() == 20 && digits[0] != '-' &&
                                                  digits <= "18446744073709551615");
  if (is_unsigned) return digits;
  std::string out;
  AppendSerdeFloat(std::strtod(std::string(digits).c_str(), nullptr), &out);
  return arena->Copy(out);
}

// The text of a stored array or object: there the keys have the order of the document.
std::string_view CanonicalText(std::string_view json, Arena* arena) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(json.data(), json.size()).get(root)) return json;
  return arena->Copy(CanonicalJson(root));
}

}  // namespace

FlagValue FlagValue::FromJson(const element& value, Arena* arena) {
  switch (value.type()) {
    case element_type::NULL_VALUE:
      return {};
    case element_type::BOOL:
      return {Kind::kBool, bool(value) ? "true" : "false"};
    case element_type::STRING:
      return {Kind::kString, std::string_view(value)};
    case element_type::ARRAY:
      return {Kind::kArray, arena->Copy(CanonicalJson(value))};
    case element_type::OBJECT:
      return {Kind::kObject, arena->Copy(CanonicalJson(value))};
    default:
      return {Kind::kNumber, arena->Copy(CanonicalJson(value))};
  }
}

FlagValue FlagValue::FromMember(const JsonMember& member, Arena* arena) {
  switch (member.kind) {
    case JsonKind::kNull:
      return {};
    case JsonKind::kBool:
      return {Kind::kBool, member.boolean ? "true" : "false"};
    case JsonKind::kString:
      return {Kind::kString, member.text};
    case JsonKind::kInt64: {
      char* digits = arena->Allocate(24);
      const auto end = std::to_chars(digits, digits + 24, member.integer).ptr;
      const auto used = static_cast<size_t>(end - digits);
      arena->ShrinkLast(24, used);
      return {Kind::kNumber, {digits, used}};
    }
    case JsonKind::kDouble: {
      std::string text;
      AppendSerdeFloat(member.number, &text);
      return {Kind::kNumber, arena->Copy(text)};
    }
    case JsonKind::kRaw:
      break;
  }
  if (member.text.starts_with('[')) return {Kind::kArray, CanonicalText(member.text, arena)};
  if (member.text.starts_with('{')) return {Kind::kObject, CanonicalText(member.text, arena)};
  return {Kind::kNumber, LongNumber(member.text, arena)};
}

void FlagProperties::Set(std::string_view key, const FlagValue& value) {
  if (const size_t position = PositionOf(key); position < items_.size()) {
    items_[position].value = value;
    return;
  }
  items_.push_back({key, value});
  if (items_.size() <= kListedMax) return;
  // A hostile request may have many.
  for (size_t i = positions_.size(); i < items_.size(); ++i) positions_[items_[i].key] = i;
}

const FlagValue* FlagProperties::Find(std::string_view key) const {
  const size_t position = PositionOf(key);
  return position == items_.size() ? nullptr : &items_[position].value;
}

size_t FlagProperties::PositionOf(std::string_view key) const {
  if (items_.size() > kListedMax) {
    const auto found = positions_.find(key);
    return found == positions_.end() ? items_.size() : found->second;
  }
  size_t position = 0;
  while (position < items_.size() && items_[position].key != key) ++position;
  return position;
}

}  // namespace hoglet
