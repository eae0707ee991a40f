// Marketing channels: the rules themselves are in src/base/channel_type.h.

#include "query/functions/registry.h"
#include "query/functions/types.h"
#include "src/base/channel_type.h"

namespace hoglet::fn {
namespace {

using View = std::string_view;
using Member = std::optional<std::string> ChannelDefinition::*;

template <typename Find>
Bound BindLookup(const Call& call, Find find) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (IsNothing(call.type(0))) return NullResult();
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<View>(StringType().Nullable(), [find](View name, std::string* out) {
    const std::optional<View> type = find(name);
    if (type.has_value()) out->assign(*type);
    return type.has_value();
  });
}

template <Member member>
Bound BindSource(const Call& call) {
  return BindLookup(call, [](View name) { return ChannelTable::BuiltIn().OfSource(name, member); });
}

template <Member member>
Bound BindMedium(const Call& call) {
  return BindLookup(call, [](View name) { return ChannelTable::BuiltIn().OfMedium(name, member); });
}

Bound BindDomainType(const Call& call) {
  return BindLookup(call, [](View domain) { return ReferringDomainType(domain); });
}

// channelType(campaign, medium, source, referring domain, gclid, fbclid, gad source): texts, empty
// where there is none.
Bound BindChannelType(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(7, 7));
  for (size_t i = 0; i < 7; ++i) {
    if (!call.type(i).IsStringLike()) return call.BadType(i);
  }
  return MapStrings<View, View, View, View, View, View, View>(
      StringType(), [](View campaign, View medium, View source, View domain, View gclid,
                       View fbclid, View gad_source, std::string* out) {
        ChannelFacts facts;
        facts.utm_campaign = campaign;
        facts.utm_medium = medium;
        facts.utm_source = source;
        if (!domain.empty() && domain != "null") facts.referring_domain = domain;
        facts.has_gclid = !gclid.empty();
        facts.has_fbclid = !fbclid.empty();
        facts.gad_source = gad_source;
        out->assign(ChannelType(facts));
      });
}

constexpr ScalarEntry kTable[] = {
    {"lookupDomainType", BindDomainType},
    {"lookupPaidSourceType", BindSource<&ChannelDefinition::type_if_paid>},
    {"lookupPaidMediumType", BindMedium<&ChannelDefinition::type_if_paid>},
    {"lookupOrganicSourceType", BindSource<&ChannelDefinition::type_if_organic>},
    {"lookupOrganicMediumType", BindMedium<&ChannelDefinition::type_if_organic>},
    {"channelType", BindChannelType},
};

}  // namespace

std::span<const ScalarEntry> ChannelFunctions() { return kTable; }

}  // namespace hoglet::fn
