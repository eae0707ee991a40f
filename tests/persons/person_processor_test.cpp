#include "src/persons/person_processor.h"

#include <gmock/gmock.h>

#include "tests/persons/person_support.h"

// The identity and property rules, over a store.

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using PersonProcessorTest = PersonStoreTest;

TEST_F(PersonProcessorTest, CreatesOnFirstSight) {
  const PersonOutcome outcome =
      Do({.id = "anna", .set = R"({"a":1,"b":"set"})", .set_once = R"({"b":"once","c":null})"});
  EXPECT_EQ(outcome.person_id, PersonUuid(kTeam, "anna"));
  const PersonRecord person = Find("anna");
  EXPECT_EQ(person.id, PersonUuid(kTeam, "anna"));
  EXPECT_EQ(person.created_at_us, kStartUs);
  EXPECT_EQ(person.version, 0);
  EXPECT_FALSE(person.is_identified);
  EXPECT_THAT(person.properties, HasSubstr("\"a\":1"));
  EXPECT_THAT(person.properties, HasSubstr("\"b\":\"set\""));
  EXPECT_THAT(person.properties, HasSubstr("\"c\":null"));
  EXPECT_THAT(person.properties,
              HasSubstr(R"("$creator_event_uuid":"00000000-0000-0000-0000-000000000001")"));
  EXPECT_THAT(Mappings(), ElementsAre("anna 0"));
  EXPECT_FALSE(store->FindByDistinctId(kTeam, "bert")->has_value());
  EXPECT_FALSE(store->FindByDistinctId(kTeam + 1, "anna")->has_value());
}

TEST_F(PersonProcessorTest, SetsSetsOnceAndUnsets) {
  Do({.id = "anna", .set = R"({"a":1,"gone":true})"});
  Do({.id = "anna", .set = R"({"a":2})", .set_once = R"({"a":3,"once":1})"});
  EXPECT_EQ(Find("anna").version, 1);
  EXPECT_THAT(Properties("anna"), HasSubstr("\"a\":2"));
  EXPECT_THAT(Properties("anna"), HasSubstr("\"once\":1"));
  Do({.id = "anna", .set = R"({"gone":1,"new":1})", .unset = {"gone", "new", "never"}});
  EXPECT_THAT(Properties("anna"), Not(HasSubstr("gone")));
  EXPECT_THAT(Properties("anna"), HasSubstr("\"new\":1"));
  const int64_t version = Find("anna").version;
  Do({.id = "anna", .set = R"({"a":2})", .set_once = R"({"once":2})", .unset = {"never"}});
  EXPECT_EQ(Find("anna").version, version);
}

TEST_F(PersonProcessorTest, FilteredPropertiesAloneAreNotWritten) {
  Do({.id = "anna", .set = R"({"$browser":"A"})"});
  const PersonOutcome outcome = Do({.id = "anna", .set = R"({"$browser":"B"})"});
  EXPECT_TRUE(outcome.needs_overlay);
  EXPECT_THAT(Properties("anna"), HasSubstr("\"$browser\":\"A\""));
  Do({.id = "anna", .set = R"({"$browser":"C","plan":1})"});
  EXPECT_THAT(Properties("anna"), HasSubstr("\"$browser\":\"C\""));
}

TEST_F(PersonProcessorTest, IdentifyMergesTheVisitorIntoTheUser) {
  Do({.id = "visitor", .set = R"({"both":"v","v":1})", .second = 5});
  Do({.id = "user", .set = R"({"both":"u"})", .second = 9});
  EXPECT_EQ(store->overrides_version(kTeam), 0u);
  const PersonOutcome outcome =
      Do({.id = "user", .merge = MergeKind::kIdentify, .other = "visitor", .set = R"({"x":1})"});
  EXPECT_EQ(outcome.person_id, PersonUuid(kTeam, "user"));
  ASSERT_TRUE(outcome.removed.has_value());
  EXPECT_EQ(outcome.removed->person_id, PersonUuid(kTeam, "visitor"));
  EXPECT_EQ(outcome.removed->version, 100);
  const PersonRecord person = Find("visitor");
  EXPECT_EQ(person.id, PersonUuid(kTeam, "user"));
  EXPECT_EQ(person.created_at_us, kStartUs + 5'000'000);
  EXPECT_EQ(person.version, 1);
  EXPECT_TRUE(person.is_identified);
  EXPECT_THAT(person.properties, HasSubstr("\"both\":\"u\""));
  EXPECT_THAT(person.properties, HasSubstr("\"v\":1"));
  EXPECT_THAT(person.properties, HasSubstr("\"x\":1"));
  EXPECT_THAT(Mappings(), ElementsAre("user 0", "visitor 1"));
  EXPECT_EQ(PersonCount(), 1u);
  EXPECT_EQ(Shown("visitor"), PersonUuid(kTeam, "user"));
  EXPECT_EQ(store->overrides_version(kTeam), 1u);
}

TEST_F(PersonProcessorTest, AliasAttachesAnIdThatHasNoPerson) {
  Do({.id = "anna"});
  Do({.id = "anna", .merge = MergeKind::kAlias, .other = "annie"});
  EXPECT_EQ(Find("annie").id, PersonUuid(kTeam, "anna"));
  EXPECT_TRUE(Find("anna").is_identified);
  EXPECT_THAT(Mappings(), ElementsAre("anna 0", "annie 0"));
  // Nothing was stored under it before, so nothing has to be shown elsewhere.
  EXPECT_EQ(store->overrides_version(kTeam), 0u);
  // Again: they are one already.
  const int64_t version = Find("anna").version;
  Do({.id = "anna", .merge = MergeKind::kAlias, .other = "annie"});
  EXPECT_EQ(Find("anna").version, version);
}

TEST_F(PersonProcessorTest, AnIdUsedWithoutAPersonIsOverriddenWhenAttached) {
  EXPECT_EQ(Do({.id = "ghost", .is_personless = true}).mode, PersonMode::kPropertyless);
  Do({.id = "anna"});
  Do({.id = "anna", .merge = MergeKind::kAlias, .other = "ghost"});
  EXPECT_THAT(Mappings(), ElementsAre("anna 0", "ghost 1"));
  EXPECT_EQ(Shown("ghost"), PersonUuid(kTeam, "anna"));
}

struct NeitherCase {
  const char* name;
  bool is_target_used;
  bool is_source_used;
  const char* primary;
  int64_t target_version;
  int64_t source_version;
};

class NeitherHasAPerson : public PersonStoreTest,
                          public testing::WithParamInterface<NeitherCase> {};

INSTANTIATE_TEST_SUITE_P(Uses, NeitherHasAPerson,
                         testing::Values(NeitherCase{"NoNo", false, false, "target", 0, 0},
                                         NeitherCase{"NoYes", false, true, "source", 0, 0},
                                         NeitherCase{"YesNo", true, false, "target", 0, 0},
                                         NeitherCase{"YesYes", true, true, "target", 0, 1}),
                         [](const auto& param_info) { return param_info.param.name; });

TEST_P(NeitherHasAPerson, IdentifyMakesOneForBoth) {
  if (GetParam().is_target_used) Do({.id = "target", .is_personless = true});
  if (GetParam().is_source_used) Do({.id = "source", .is_personless = true});
  Do({.id = "target", .merge = MergeKind::kIdentify, .other = "source"});
  EXPECT_EQ(Find("target").id, PersonUuid(kTeam, GetParam().primary));
  EXPECT_TRUE(Find("source").is_identified);
  EXPECT_THAT(Mappings(), ElementsAre(StrCat("source ", GetParam().source_version),
                                      StrCat("target ", GetParam().target_version)));
}

TEST_F(PersonProcessorTest, RefusesToMergeAnIdentifiedSource) {
  Do({.id = "a1"});
  Do({.id = "a", .merge = MergeKind::kIdentify, .other = "a1"});
  Do({.id = "b"});
  const PersonOutcome refused =
      Do({.id = "b", .merge = MergeKind::kIdentify, .other = "a", .set = R"({"x":1})"});
  ASSERT_EQ(refused.warnings.size(), 1u);
  EXPECT_EQ(refused.warnings[0].type, "cannot_merge_already_identified");
  EXPECT_EQ(PersonCount(), 2u);
  EXPECT_TRUE(Find("b").is_identified);
  EXPECT_THAT(Properties("b"), HasSubstr("\"x\":1"));
  const PersonOutcome merged = Do({.id = "b", .merge = MergeKind::kMergeDangerously, .other = "a"});
  EXPECT_TRUE(merged.warnings.empty());
  EXPECT_EQ(PersonCount(), 1u);
  EXPECT_EQ(Find("a1").id, PersonUuid(kTeam, "b"));
}

TEST_F(PersonProcessorTest, IllegalIdsAreNotMerged) {
  for (const char* illegal : {"", " \t", "anonymous", "GUEST", "'null'", "\"undefined\"", "0"}) {
    const PersonOutcome outcome =
        Do({.id = "anna", .merge = MergeKind::kIdentify, .other = illegal});
    ASSERT_EQ(outcome.warnings.size(), 1u) << illegal;
    EXPECT_EQ(outcome.warnings[0].type, "cannot_merge_with_illegal_distinct_id");
  }
  for (const char* legal : {" anonymous ", "NULL", "NONE", "Nan", "anna2"}) {
    EXPECT_FALSE(IsIllegalDistinctId(legal)) << legal;
  }
  EXPECT_FALSE(Find("anna").is_identified);
}

std::string Filler(const std::string& prefix, size_t kilobytes) {
  std::string json = "{";
  for (size_t i = 0; i < kilobytes; ++i) {
    StrAppend(&json, i ? "," : "", "\"", prefix, 1000 + i, "\":\"", std::string(1024, 'x'), "\"");
  }
  return json + "}";
}

TEST_F(PersonProcessorTest, RefusesAnUpdateBeyondTheSizeLimit) {
  Do({.id = "anna", .set = Filler("a", 500)});
  const PersonRecord before = Find("anna");
  const PersonOutcome refused = Do({.id = "anna", .set = Filler("b", 200)});
  ASSERT_EQ(refused.warnings.size(), 1u);
  EXPECT_EQ(refused.warnings[0].type, "person_properties_size_violation");
  EXPECT_TRUE(refused.dead_letter_reason.empty());
  EXPECT_EQ(Find("anna").properties, before.properties);
  EXPECT_TRUE(Do({.id = "anna", .set = Filler("b", 100)}).warnings.empty());
  EXPECT_GT(Properties("anna").size(), before.properties.size());
}

TEST_F(PersonProcessorTest, TrimsWhatIsMadeTooLarge) {
  Do({.id = "new", .set = Filler("a", 700)});
  EXPECT_LE(Properties("new").size(), kPersonPropertiesTrimmedBytes);
  Do({.id = "both", .merge = MergeKind::kIdentify, .other = "other", .set = Filler("a", 700)});
  EXPECT_LE(Properties("both").size(), kPersonPropertiesTrimmedBytes);
  // Each fits, together they do not.
  Do({.id = "left", .set = Filler("a", 400)});
  Do({.id = "right", .set = Filler("b", 400), .set_once = R"({"email":"r@example.com"})"});
  Do({.id = "left", .merge = MergeKind::kMergeDangerously, .other = "right"});
  const std::string merged = Properties("right");
  EXPECT_LE(merged.size(), kPersonPropertiesTrimmedBytes);
  EXPECT_GT(merged.size(), kPersonPropertiesTrimmedBytes - 4096);
  // From the front of the alphabet, but for what is protected.
  EXPECT_THAT(merged, Not(HasSubstr("\"a1000\"")));
  EXPECT_THAT(merged, HasSubstr("\"b1399\""));
  EXPECT_THAT(merged, HasSubstr("r@example.com"));
}

}  // namespace
}  // namespace hoglet
