#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/base/strings.h"

namespace hoglet {

// Where visits come from: PostHog's marketing channels (spec ingestion.md section 19).

// What is known of one source ("google", "l.facebook.com", an Android app) or medium ("email").
struct ChannelDefinition {
  std::optional<std::string> domain_type;  // Search, Social, ...; of sources only
  std::optional<std::string> type_if_paid;
  std::optional<std::string> type_if_organic;
};

// Sources and mediums by name. Not changed once it is shared between threads.
class ChannelTable {
 public:
  // The one built in.
  static const ChannelTable& BuiltIn();

  // Replaces a row of the same name.
  void AddSource(std::string_view name, ChannelDefinition definition);
  void AddMedium(std::string_view name, ChannelDefinition definition);

  const ChannelDefinition* FindSource(std::string_view name) const;
  const ChannelDefinition* FindMedium(std::string_view name) const;

  // The first non-null `member` of the source of exactly that name and of its registrable domain.
  std::optional<std::string_view> OfSource(
      std::string_view name, std::optional<std::string> ChannelDefinition::*member) const;
  std::optional<std::string_view> OfMedium(
      std::string_view name, std::optional<std::string> ChannelDefinition::*member) const;

 private:
  StringMap<std::string, ChannelDefinition> sources_;
  StringMap<std::string, ChannelDefinition> mediums_;
};

// What a session began with, or the $initial_* properties of a person. Raw values: "" and "null"
// count as absent, but for the referring domain, which is taken as it is.
struct ChannelFacts {
  std::optional<std::string_view> utm_source;
  std::optional<std::string_view> utm_medium;
  std::optional<std::string_view> utm_campaign;
  std::optional<std::string_view> referring_domain;
  bool has_gclid = false;
  bool has_fbclid = false;
  std::optional<std::string_view> gad_source;
};

// "Paid Search", "Direct", ..., "Unknown". A view into `table` or a constant.
std::string_view ChannelType(const ChannelFacts& facts,
                             const ChannelTable& table = ChannelTable::BuiltIn());

// The class of a referring domain: Search, Social, ...; "$direct" for that itself.
std::optional<std::string_view> ReferringDomainType(
    std::optional<std::string_view> domain, const ChannelTable& table = ChannelTable::BuiltIn());

}  // namespace hoglet
