#include "tests/capture/outline_check.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "include/hoglet/status.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/capture/json_document.h"
#include "src/capture/json_outline.h"

namespace hoglet {
namespace {

using Element = simdjson::dom::element;
using Type = simdjson::dom::element_type;
using Kind = JsonNode::Kind;
enum Scope { kRoot, kEvent, kProperties, kNobody };

bool IsKnown(std::string_view name) {
  constexpr std::array<std::string_view, 19> kNames = {"batch",
                                                       "properties",
                                                       "event",
                                                       "distinct_id",
                                                       "timestamp",
                                                       "uuid",
                                                       "token",
                                                       "api_key",
                                                       "offset",
                                                       "$set",
                                                       "$set_once",
                                                       "sent_at",
                                                       "$token",
                                                       "$ignore_sent_at",
                                                       "$cookieless_mode",
                                                       "$product_tour_id",
                                                       "$distinct_id",
                                                       "capture_internal",
                                                       "historical_migration"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Kind KindOf(const Element& value) {
  switch (value.type()) {
    case Type::NULL_VALUE:
      return Kind::kNull;
    case Type::BOOL:
      return bool(value) ? Kind::kTrue : Kind::kFalse;
    case Type::STRING:
      return Kind::kString;
    case Type::ARRAY:
      return Kind::kArray;
    case Type::OBJECT:
      return Kind::kObject;
    default:
      return Kind::kNumber;
  }
}

// The elements of a batch are outlined like those of a root array.
Scope ScopeOf(Scope outer, std::string_view key, const Element& value) {
  if (outer == kRoot && key == "batch" && value.type() == Type::ARRAY) return kRoot;
  const bool has_properties = outer == kRoot || outer == kEvent;
  return has_properties && key == "properties" && value.type() == Type::OBJECT ? kProperties
                                                                               : kNobody;
}

// In a text with numbers that simdjson alone does not read, others are read as doubles too.
void Compare(const JsonNode& node, const Element& value, Scope scope, bool is_plain) {
  HOGLET_ASSERT(node.kind() == KindOf(value));
  if (is_plain) HOGLET_ASSERT(CanonicalJson(node.text()) == CanonicalJson(value));
  if (value.type() == Type::STRING) {
    Arena arena;
    HOGLET_ASSERT(node.String(&arena) == std::string_view(value));
  }
  if (is_plain && node.kind() == Kind::kNumber) {
    const auto integer = node.Int64();
    HOGLET_ASSERT(integer.has_value() == (value.type() == Type::INT64));
    if (integer.has_value()) HOGLET_ASSERT(*integer == int64_t(value));
  }
  std::vector<JsonNode> children;
  for (const JsonNode child : node) children.push_back(child);
  size_t index = 0;
  if (value.type() == Type::ARRAY && scope == kRoot) {
    for (const Element item : simdjson::dom::array(value)) {
      HOGLET_ASSERT(index < children.size() && children[index].name() == KnownName::kNone);
      Compare(children[index++], item, kEvent, is_plain);
    }
  } else if (value.type() == Type::OBJECT && scope != kNobody) {
    for (const auto [key, item] : simdjson::dom::object(value)) {
      if (!IsKnown(key)) continue;
      HOGLET_ASSERT(index < children.size() &&
                    JsonOutline::Spelling(children[index].name()) == key);
      Compare(children[index++], item, ScopeOf(scope, key, item), is_plain);
    }
  }
  HOGLET_ASSERT(index == children.size());
}

}  // namespace

bool CheckOutline(std::string_view text) {
  // Not a byte more than the reader asks for, so that a sanitizer sees it read too far.
  std::string padded;
  padded.reserve(text.size() + JsonOutline::kPaddingBytes);
  padded.assign(text);
  // Used again and again, as in a server: what it learned from other texts must not matter.
  static thread_local JsonOutline outline;
  const bool quick = IsValidUtf8(text) && outline.Read(padded);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const bool is_plain = !text.empty() && !parser.parse(simdjson::padded_string(text)).get(root);
  bool is_json = false;
  const absl::Status parsed = VisitJsonDocument(padded, [&](const Element& value) {
    is_json = true;
    if (quick) Compare(outline.root(), value, kRoot, is_plain);
  });
  HOGLET_ASSERT(is_json == parsed.ok());
  HOGLET_ASSERT(is_json || !quick);
  if (!is_json) return false;
  HOGLET_ASSERT(outline.ReadAccepted(padded));
  const absl::Status again = VisitJsonDocument(
      padded, [&](const Element& value) { Compare(outline.root(), value, kRoot, is_plain); });
  HOGLET_ASSERT(again.ok());
  return quick;
}

}  // namespace hoglet
