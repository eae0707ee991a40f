#include "src/base/channel_type.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "src/base/public_suffix.h"

namespace hoglet {
namespace {

using Text = std::optional<std::string_view>;

struct SourceList {
  std::string_view domain_type;
  std::string_view type_if_paid;  // empty: none
  std::string_view type_if_organic;
  // Names between blanks. A trailing '+' adds the name without its last label as well
  // ("google.com+": google.com and google); a trailing '*' stands for country domains, see below.
  std::string_view names;
};

constexpr SourceList kSources[] = {
#include "src/base/channel_sources.inc"
};

// Where a name with a star has a domain, beside .com.
constexpr std::string_view kCountryDomains =
    "ad ae al am as at az ba be bf bg bi bj bs bt by ca cat cd cf cg ch ci cl cm cn co.ao co.bw "
    "co.ck co.cr co.id co.il co.in co.jp co.ke co.kr co.ls co.ma co.mz co.nz co.th co.tz co.ug "
    "co.uk co.uz co.ve co.vi co.za co.zm co.zw com.af com.ag com.ar com.au com.bd com.bh com.bn "
    "com.bo com.br com.bz com.co com.cu com.cy com.do com.ec com.eg com.et com.fj com.gh com.gi "
    "com.gt com.hk com.jm com.kh com.kw com.lb com.ly com.mm com.mt com.mx com.my com.na com.ng "
    "com.ni com.np com.om com.pa com.pe com.pg com.ph com.pk com.pr com.py com.qa com.sa com.sb "
    "com.sg com.sl com.sv com.tj com.tr com.tw com.ua com.uy com.vc com.vn cv cz de dj dk dm dz ee "
    "es fi fm fr ga ge gg gl gm gr gy hn hr ht hu ie im iq is it je jo kg ki kz la li lk lt lu lv "
    "md me mg mk ml mn mu mv mw ne nl no nr nu pl pn ps pt ro rs ru rw sc se sh si sk sm sn so sr "
    "st td tg tl tm tn to tt vu ws";

struct MediumRow {
  std::string_view names;  // between semicolons
  std::string_view type_if_paid;
  std::string_view type_if_organic;
};

constexpr MediumRow kMediums[] = {
    {"affiliate;partnership;partnerships", "", "Affiliate"},
    {"app;link;referral", "", "Referral"},
    {"audio", "", "Audio"},
    {"banner;cpm;display;expandable;interstitial", "Display", "Display"},
    {"e mail;e-mail;e_mail;email", "", "Email"},
    {"mobile;notification;push", "", "Push"},
    {"sm;social;social media;social network;social-media;social-network", "Paid Social",
     "Organic Social"},
    {"video", "Paid Video", "Organic Video"},
};

std::optional<std::string> Optional(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

template <typename Visit>
void ForEachName(std::string_view names, char separator, const Visit& visit) {
  while (!names.empty()) {
    const size_t end = std::min(names.find(separator), names.size());
    if (end > 0) visit(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
}

void AddListed(const SourceList& list, std::string_view name, ChannelTable* table) {
  const ChannelDefinition definition{Optional(list.domain_type), Optional(list.type_if_paid),
                                     Optional(list.type_if_organic)};
  if (name.ends_with('*')) {
    name.remove_suffix(1);
    table->AddSource(name, definition);
    table->AddSource(StrCat(name, ".com"), definition);
    ForEachName(kCountryDomains, ' ', [&](std::string_view country) {
      table->AddSource(StrCat(name, ".", country), definition);
    });
    return;
  }
  if (name.ends_with('+')) {
    name.remove_suffix(1);
    table->AddSource(name.substr(0, name.rfind('.')), definition);
  }
  table->AddSource(name, definition);
}

// Lower case; nothing for "" and "null".
std::optional<std::string> Normalized(Text text) {
  if (!text.has_value() || text->empty() || *text == "null") return std::nullopt;
  return absl::AsciiStrToLower(ToAbsl(*text));
}

// Whether a campaign is about shopping: "shopping" anywhere, or "shop" that no other word ends in.
bool MatchesShop(std::string_view campaign) {
  if (campaign.find("shopping") != std::string_view::npos) return true;
  for (size_t at = campaign.find("shop"); at != std::string_view::npos;
       at = campaign.find("shop", at + 1)) {
    if (at == 0) return true;
    const char before = campaign[at - 1];
    if (before == 'e' || before < 'a' || before > 'z') return true;
  }
  return false;
}

bool IsPaidMedium(std::string_view medium) {
  for (const std::string_view name : {"cpc", "cpm", "cpv", "cpa", "ppc", "retargeting"}) {
    if (medium == name) return true;
  }
  return medium.starts_with("paid");
}

// The facts as the rules read them.
struct Facts {
  std::optional<std::string> campaign;
  std::optional<std::string> medium;
  std::optional<std::string> source;
  Text domain;
  bool has_fbclid = false;
  Text gad_source;

  bool CampaignContains(std::string_view word) const {
    return campaign.has_value() && campaign->find(word) != std::string::npos;
  }
  bool CampaignMatchesShop() const { return campaign.has_value() && MatchesShop(*campaign); }
};

std::string_view PaidType(const Facts& facts, const ChannelTable& table) {
  constexpr auto kPaid = &ChannelDefinition::type_if_paid;
  if (facts.source) {
    if (const Text type = table.OfSource(*facts.source, kPaid)) return *type;
  }
  if (facts.CampaignMatchesShop()) return "Paid Shopping";
  if (facts.medium) {
    if (const Text type = table.OfMedium(*facts.medium, kPaid)) return *type;
  }
  if (facts.domain) {
    if (const Text type = table.OfSource(*facts.domain, kPaid)) return *type;
  }
  if (facts.gad_source == "1") return "Paid Search";
  if (facts.CampaignContains("video")) return "Paid Video";
  return facts.has_fbclid ? "Paid Social" : "Paid Unknown";
}

std::string_view OrganicType(const Facts& facts, const ChannelTable& table) {
  constexpr auto kOrganic = &ChannelDefinition::type_if_organic;
  if (facts.source) {
    if (const Text type = table.OfSource(*facts.source, kOrganic)) return *type;
  }
  if (facts.CampaignMatchesShop()) return "Organic Shopping";
  if (facts.medium) {
    if (const Text type = table.OfMedium(*facts.medium, kOrganic)) return *type;
  }
  if (facts.domain) {
    if (const Text type = table.OfSource(*facts.domain, kOrganic)) return *type;
  }
  if (facts.CampaignContains("video")) return "Organic Video";
  if (facts.medium && facts.medium->ends_with("push")) return "Push";
  if (facts.has_fbclid) return "Organic Social";
  if (facts.domain == "$direct") return "Direct";
  return facts.domain ? "Referral" : "Unknown";
}

bool IsDirect(const Facts& facts) {
  const bool no_source = !facts.source || *facts.source == "(direct)" ||
                         *facts.source == "direct" || *facts.source == "$direct";
  return facts.domain == "$direct" && !facts.medium && no_source && !facts.has_fbclid;
}

}  // namespace

const ChannelTable& ChannelTable::BuiltIn() {
  static const auto* const table = [] {
    auto* made = new ChannelTable();
    for (const SourceList& list : kSources) {
      ForEachName(list.names, ' ', [&](std::string_view name) { AddListed(list, name, made); });
    }
    // Names that are written otherwise in the lists: with a blank, with a plus.
    made->AddSource("e mail", {std::nullopt, std::nullopt, "Email"});
    made->AddSource("google+", {"Social", "Paid Social", "Organic Social"});
    for (const MediumRow& row : kMediums) {
      ForEachName(row.names, ';', [&](std::string_view name) {
        made->AddMedium(name,
                        {std::nullopt, Optional(row.type_if_paid), Optional(row.type_if_organic)});
      });
    }
    return made;
  }();
  return *table;
}

void ChannelTable::AddSource(std::string_view name, ChannelDefinition definition) {
  sources_.insert_or_assign(std::string(name), std::move(definition));
}

void ChannelTable::AddMedium(std::string_view name, ChannelDefinition definition) {
  mediums_.insert_or_assign(std::string(name), std::move(definition));
}

const ChannelDefinition* ChannelTable::FindSource(std::string_view name) const {
  const auto found = sources_.find(name);
  return found == sources_.end() ? nullptr : &found->second;
}

const ChannelDefinition* ChannelTable::FindMedium(std::string_view name) const {
  const auto found = mediums_.find(name);
  return found == mediums_.end() ? nullptr : &found->second;
}

std::optional<std::string_view> ChannelTable::OfSource(
    std::string_view name, std::optional<std::string> ChannelDefinition::*member) const {
  const ChannelDefinition* row = FindSource(name);
  if (row == nullptr || !(row->*member).has_value()) row = FindSource(RegistrableDomain(name));
  if (row == nullptr || !(row->*member).has_value()) return std::nullopt;
  return *(row->*member);
}

std::optional<std::string_view> ChannelTable::OfMedium(
    std::string_view name, std::optional<std::string> ChannelDefinition::*member) const {
  const ChannelDefinition* row = FindMedium(name);
  if (row == nullptr || !(row->*member).has_value()) return std::nullopt;
  return *(row->*member);
}

std::string_view ChannelType(const ChannelFacts& facts, const ChannelTable& table) {
  Facts read;
  read.campaign = Normalized(facts.utm_campaign);
  read.medium = Normalized(facts.utm_medium);
  read.source = Normalized(facts.utm_source);
  read.domain = facts.referring_domain;
  read.has_fbclid = facts.has_fbclid;
  read.gad_source = facts.gad_source;
  if (read.gad_source == "" || read.gad_source == "null") read.gad_source.reset();

  if (read.CampaignContains("cross-network")) return "Cross Network";
  const bool is_paid =
      (read.medium && IsPaidMedium(*read.medium)) || facts.has_gclid || read.gad_source.has_value();
  if (is_paid) return PaidType(read, table);
  return IsDirect(read) ? "Direct" : OrganicType(read, table);
}

std::optional<std::string_view> ReferringDomainType(std::optional<std::string_view> domain,
                                                    const ChannelTable& table) {
  if (!domain.has_value()) return std::nullopt;
  if (*domain == "$direct") return "$direct";
  return table.OfSource(*domain, &ChannelDefinition::domain_type);
}

}  // namespace hoglet
