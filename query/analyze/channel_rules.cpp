#include "query/analyze/channel_rules.h"

#include <algorithm>
#include <utility>

#include "include/hoglet/status.h"
#include "re2/re2.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr size_t kItemsMax = 1000;
constexpr size_t kTextBytesMax = 4096;

constexpr std::string_view kOperators[] = {"exact",     "is_not",        "is_set", "is_not_set",
                                           "icontains", "not_icontains", "regex",  "not_regex"};

constexpr std::pair<std::string_view, std::string ChannelRuleFields::*> kFields[] = {
    {"utm_source", &ChannelRuleFields::utm_source},
    {"utm_medium", &ChannelRuleFields::utm_medium},
    {"utm_campaign", &ChannelRuleFields::utm_campaign},
    {"referring_domain", &ChannelRuleFields::referring_domain},
    {"url", &ChannelRuleFields::url},
    {"pathname", &ChannelRuleFields::pathname},
    {"hostname", &ChannelRuleFields::hostname},
};

absl::Status Wrong(size_t rule, std::string_view what) {
  return absl::InvalidArgumentError(StrCat("customChannelTypeRules: rule ", rule + 1, ": ", what));
}

std::string TextOf(const JsonObjectView& members, std::string_view key) {
  const JsonMember* member = FindJsonMember(members, key);
  return member != nullptr && member->kind == JsonKind::kString ? std::string(member->text) : "";
}

absl::Status ReadValues(const JsonObjectView& members, size_t rule, Arena* arena,
                        ChannelRule::Item* item) {
  const JsonMember* value = FindJsonMember(members, "value");
  if (value == nullptr || value->kind == JsonKind::kNull) return absl::OkStatus();
  std::vector<JsonMember> list = {*value};
  if (value->kind == JsonKind::kRaw) {
    list.clear();
    if (!ParseJsonArray(value->text, arena, &list).ok()) {
      return Wrong(rule, "a value is a text or a list of texts");
    }
  }
  for (const JsonMember& text : list) {
    if (text.kind != JsonKind::kString || text.text.size() > kTextBytesMax) {
      return Wrong(rule, StrCat("a value is a text of up to ", kTextBytesMax, " bytes"));
    }
    item->values.emplace_back(text.text);
  }
  return absl::OkStatus();
}

absl::StatusOr<ChannelRule::Item> ReadItem(const JsonMember& member, size_t rule, Arena* arena) {
  JsonObjectView members;
  if (member.kind != JsonKind::kRaw || !ParseJsonObject(member.text, arena, &members).ok()) {
    return Wrong(rule, "an item is no object");
  }
  ChannelRule::Item item;
  item.key = TextOf(members, "key");
  item.op = TextOf(members, "op");
  const auto is_key = [&](const auto& field) { return field.first == item.key; };
  if (std::none_of(std::begin(kFields), std::end(kFields), is_key)) {
    return Wrong(rule, StrCat("unknown key '", item.key, "'"));
  }
  if (std::find(std::begin(kOperators), std::end(kOperators), item.op) == std::end(kOperators)) {
    return Wrong(rule, StrCat("unknown op '", item.op, "'"));
  }
  if (item.op == "is_set" || item.op == "is_not_set") return item;
  HOGLET_RETURN_IF_ERROR(ReadValues(members, rule, arena, &item));
  if (item.op != "regex" && item.op != "not_regex") return item;
  for (const std::string& pattern : item.values) {
    if (!RE2(pattern, RE2::Quiet).ok()) {
      return Wrong(rule, StrCat("'", pattern, "' is no regular expression"));
    }
  }
  return item;
}

absl::StatusOr<ChannelRule> ReadRule(const JsonMember& member, size_t index, Arena* arena) {
  JsonObjectView members;
  if (member.kind != JsonKind::kRaw || !ParseJsonObject(member.text, arena, &members).ok()) {
    return Wrong(index, "it is no object");
  }
  ChannelRule rule;
  rule.channel_type = TextOf(members, "channel_type");
  if (rule.channel_type.empty() || rule.channel_type.size() > kTextBytesMax) {
    return Wrong(index, StrCat("channel_type is a text of 1 to ", kTextBytesMax, " bytes"));
  }
  const std::string combiner = TextOf(members, "combiner");
  if (combiner != "AND" && combiner != "OR") return Wrong(index, "combiner is AND or OR");
  rule.needs_all = combiner == "AND";
  const JsonMember* items = FindJsonMember(members, "items");
  std::vector<JsonMember> list;
  if (items == nullptr || items->kind != JsonKind::kRaw ||
      !ParseJsonArray(items->text, arena, &list).ok() || list.size() > kItemsMax) {
    return Wrong(index, StrCat("items is a list of up to ", kItemsMax));
  }
  for (const JsonMember& item : list) {
    HOGLET_ASSIGN_OR_RETURN(rule.items.emplace_back(), ReadItem(item, index, arena));
  }
  return rule;
}

// -- As HogQL --

std::string Literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\\' || c == '\'') out += '\\';
    out += c;
  }
  return out + "'";
}

// % and _ of a text searched for are wildcards in a LIKE pattern.
std::string Contains(std::string_view text) { return Literal(StrCat("%", text, "%")); }

std::string ConditionText(std::string_view field, std::string_view op, std::string_view value) {
  if (op == "exact") return StrCat(field, " = ", Literal(value));
  if (op == "is_not") return StrCat(field, " != ", Literal(value));
  if (op == "icontains") return StrCat(field, " ilike ", Contains(value));
  if (op == "not_icontains") return StrCat(field, " not ilike ", Contains(value));
  const std::string match = StrCat("match(toString(", field, "), ", Literal(value), ")");
  if (op == "regex") return StrCat("ifNull(", match, ", false)");
  return StrCat("ifNull(not(", match, "), true)");
}

// Empty: the item says nothing.
std::string ItemText(const ChannelRule::Item& item, const ChannelRuleFields& fields) {
  const auto* known = std::find_if(std::begin(kFields), std::end(kFields),
                                   [&](const auto& field) { return field.first == item.key; });
  const std::string& field = fields.*known->second;
  if (item.op == "is_set") return StrCat("isNotNull(", field, ")");
  if (item.op == "is_not_set") return StrCat("isNull(", field, ")");
  std::string text;
  for (const std::string& value : item.values) {
    StrAppend(&text, text.empty() ? "(" : " or ", ConditionText(field, item.op, value));
  }
  return text.empty() ? "" : text + ")";
}

std::string RuleText(const ChannelRule& rule, const ChannelRuleFields& fields) {
  std::string text;
  for (const ChannelRule::Item& item : rule.items) {
    const std::string condition = ItemText(item, fields);
    if (condition.empty()) continue;
    StrAppend(&text, text.empty() ? "" : (rule.needs_all ? " and " : " or "), condition);
  }
  return text.empty() ? "true" : text;
}

}  // namespace

absl::StatusOr<std::vector<ChannelRule>> ParseChannelRules(std::string_view json) {
  std::vector<ChannelRule> rules;
  if (json.empty() || json == "null") return rules;
  Arena arena;
  std::vector<JsonMember> list;
  if (!ParseJsonArray(json, &arena, &list).ok() || list.size() > kItemsMax) {
    return absl::InvalidArgumentError(
        StrCat("customChannelTypeRules: a list of up to ", kItemsMax, " rules is expected"));
  }
  size_t items = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(rules.emplace_back(), ReadRule(list[i], i, &arena));
    items += rules.back().items.size();
    if (items > kItemsMax) return Wrong(i, StrCat("more than ", kItemsMax, " items in all"));
  }
  return rules;
}

std::string ChannelRulesText(const std::vector<ChannelRule>& rules, const ChannelRuleFields& fields,
                             std::string_view otherwise) {
  if (rules.empty()) return std::string(otherwise);
  std::string text = "multiIf(";
  for (const ChannelRule& rule : rules) {
    StrAppend(&text, RuleText(rule, fields), ", ", Literal(rule.channel_type), ", ");
  }
  return StrCat(text, otherwise, ")");
}

}  // namespace hoglet
