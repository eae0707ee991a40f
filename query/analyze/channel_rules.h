#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace hoglet {

// A project's own marketing channel: visits that fit it are of `channel_type`, whatever the
// built-in rules say (spec ingestion.md section 19). The first rule that fits wins.
struct ChannelRule {
  struct Item {
    // utm_source, utm_medium, utm_campaign, referring_domain, url, pathname or hostname.
    std::string key;
    // exact, is_not, is_set, is_not_set, icontains, not_icontains, regex or not_regex.
    std::string op;
    std::vector<std::string> values;  // any of them; none for is_set and is_not_set

    friend bool operator==(const Item&, const Item&) = default;
  };
  std::string channel_type;
  bool needs_all = true;  // AND between the items
  std::vector<Item> items;

  friend bool operator==(const ChannelRule&, const ChannelRule&) = default;
};

// Reads customChannelTypeRules, a JSON list; "" and "null" are an empty one. kInvalidArgument says
// what is wrong with which rule; at most 1,000 items in all.
absl::StatusOr<std::vector<ChannelRule>> ParseChannelRules(std::string_view json);

// HogQL texts of what a rule may ask about; values may be null, but not empty for absent.
struct ChannelRuleFields {
  std::string utm_source;
  std::string utm_medium;
  std::string utm_campaign;
  std::string referring_domain;
  std::string url;
  std::string pathname;
  std::string hostname;
};

// HogQL text of the channel: that of the first rule that fits, else `otherwise`, itself a text.
std::string ChannelRulesText(const std::vector<ChannelRule>& rules, const ChannelRuleFields& fields,
                             std::string_view otherwise);

}  // namespace hoglet
