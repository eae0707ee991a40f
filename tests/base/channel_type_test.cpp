#include "src/base/channel_type.h"

#include <gtest/gtest.h>

#include "src/base/public_suffix.h"

namespace hoglet {
namespace {

struct DomainCase {
  std::string_view host;
  std::string_view registrable;
};

class RegistrableDomains : public testing::TestWithParam<DomainCase> {};

TEST_P(RegistrableDomains, FollowTheList) {
  EXPECT_EQ(RegistrableDomain(GetParam().host), GetParam().registrable) << GetParam().host;
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, RegistrableDomains,
    testing::Values(DomainCase{"", ""}, DomainCase{"google", ""}, DomainCase{"com", ""},
                    DomainCase{"co.uk", ""}, DomainCase{"facebook.com", "facebook.com"},
                    DomainCase{"l.facebook.com", "facebook.com"},
                    DomainCase{"www.ebay.co.uk", "ebay.co.uk"},
                    DomainCase{"A.B.Co.Uk", "B.Co.Uk"},          // the letters stay as they are
                    DomainCase{"x.y.github.io", "y.github.io"},  // a private suffix
                    DomainCase{"github.io", ""},                 //
                    DomainCase{"a.b.unknown-tld", "b.unknown-tld"},
                    DomainCase{"a.b.c.ck", "b.c.ck"},                          // *.ck
                    DomainCase{"c.ck", ""}, DomainCase{"a.www.ck", "www.ck"},  // !www.ck
                    DomainCase{"example.com.", "example.com"}));

TEST(ChannelTypes, ShopInACampaign) {
  const auto type = [](std::string_view campaign) {
    ChannelFacts facts;
    facts.utm_campaign = campaign;
    facts.referring_domain = "blog.example.org";
    return std::string(ChannelType(facts));
  };
  EXPECT_EQ(type("shop"), "Organic Shopping");
  EXPECT_EQ(type("Summer Shop"), "Organic Shopping");
  EXPECT_EQ(type("eshop"), "Organic Shopping");
  EXPECT_EQ(type("workshop"), "Referral");
  EXPECT_EQ(type("workshop shop"), "Organic Shopping");
  EXPECT_EQ(type("xshoppingx"), "Organic Shopping");
}

TEST(ChannelTypes, MissingTexts) {
  ChannelFacts facts;
  facts.utm_source = "null";
  facts.utm_medium = "";
  facts.referring_domain = "$direct";
  facts.gad_source = "null";
  EXPECT_EQ(ChannelType(facts), "Direct");
  facts.gad_source = "2";
  EXPECT_EQ(ChannelType(facts), "Paid Unknown");
  facts.gad_source.reset();
  facts.referring_domain.reset();
  EXPECT_EQ(ChannelType(facts), "Unknown");
  facts.referring_domain = "";
  EXPECT_EQ(ChannelType(facts), "Referral") << "a domain is taken as it is";
  facts.utm_campaign = "my CROSS-network try";
  EXPECT_EQ(ChannelType(facts), "Cross Network");
}

TEST(ChannelTypes, SourceBeatsCampaignBeatsMediumBeatsDomain) {
  ChannelFacts facts;
  facts.utm_medium = "cpm";
  facts.referring_domain = "m.youtube.com";
  EXPECT_EQ(ChannelType(facts), "Display");
  facts.utm_campaign = "shop";
  EXPECT_EQ(ChannelType(facts), "Paid Shopping");
  facts.utm_source = "Mail.Google.com";
  EXPECT_EQ(ChannelType(facts), "Paid Search");  // mail has no paid type, google.com has
  facts.utm_source = "l.instagram.com";
  EXPECT_EQ(ChannelType(facts), "Paid Social");
}

TEST(ChannelTypes, SourcesOfEveryClass) {
  constexpr auto kOrganic = &ChannelDefinition::type_if_organic;
  const ChannelTable& table = ChannelTable::BuiltIn();
  for (const auto& [name, type] : {
           std::pair("google", "Organic Search"),
           std::pair("google.com.vn", "Organic Search"),
           std::pair("google+", "Organic Social"),
           std::pair("plus.google.com", "Organic Social"),
           std::pair("gemini.google.com", "Organic Search"),
           std::pair("chatgpt.com", "Organic Search"),
           std::pair("de.search.yahoo.com", "Organic Search"),
           std::pair("answers.yahoo.com", "Organic Social"),
           std::pair("shopping.yahoo.co.jp", "Organic Shopping"),
           std::pair("www.tiktok.com", "Organic Social"),
           std::pair("shop.tiktok.com", "Organic Shopping"),
           std::pair("com.linkedin.android", "Organic Social"),
           std::pair("tv.twitch.android.app", "Organic Video"),
           std::pair("e mail", "Email"),
           std::pair("sms", "SMS"),
           std::pair("firebase", "Push"),
       }) {
    EXPECT_EQ(table.OfSource(name, kOrganic), type) << name;
  }
  for (const char* name : {"amazon.de", "github.com", "google.us", "ai", ""}) {
    EXPECT_EQ(table.OfSource(name, kOrganic), std::nullopt) << name;
  }
  EXPECT_EQ(table.OfSource("sms", &ChannelDefinition::domain_type), std::nullopt);
}

TEST(ChannelTypes, DomainTypes) {
  EXPECT_EQ(ReferringDomainType("$direct"), "$direct");
  EXPECT_EQ(ReferringDomainType("www.google.co.uk"), "Search");
  EXPECT_EQ(ReferringDomainType("mail.google.com"), "Email");
  EXPECT_EQ(ReferringDomainType("example.org"), std::nullopt);
  EXPECT_EQ(ReferringDomainType(std::nullopt), std::nullopt);
}

}  // namespace
}  // namespace hoglet
