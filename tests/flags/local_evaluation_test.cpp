#include "src/flags/local_evaluation.h"

#include <gmock/gmock.h>

#include "src/base/strings.h"

namespace hoglet {
namespace {

using testing::HasSubstr;
using testing::Not;

Objects MakeObjects(const std::vector<std::string>& texts) {
  Objects objects;
  int64_t id = 0;
  for (const std::string& text : texts) {
    ++id;
    objects[id] = std::make_shared<const std::string>(StrCat("{\"id\":", id, ",", text, "}"));
  }
  return objects;
}

FlagDocument Make(const std::vector<std::string>& flags, const std::vector<std::string>& cohorts,
                  bool with_cohorts = true) {
  const Objects flag_objects = MakeObjects(flags);
  const Objects cohort_objects = MakeObjects(cohorts);
  const std::vector<std::string> group_types = {"company", "project"};
  return MakeFlagDocument({.team_id = 7,
                           .flags = flag_objects,
                           .cohorts = cohort_objects,
                           .group_types = group_types,
                           .with_cohorts = with_cohorts});
}

std::string Flag(std::string_view key, std::string_view properties = "",
                 std::string_view extra = "") {
  return StrCat(R"("key":")", key, R"(","active":true,"filters":{"groups":[{"properties":[)",
                properties, R"(],"rollout_percentage":50.0}]})", extra);
}

constexpr char kUses1[] =
    R"({"type":"flag","key":"1","operator":"flag_evaluates_to","value":true})";
constexpr char kUses2[] = R"({"type":"flag","key":2,"operator":"flag_evaluates_to","value":true})";
constexpr char kInCohort1[] = R"({"type":"cohort","key":"id","value":1,"operator":"in"})";

TEST(LocalEvaluation, ShowsWhatSdksRead) {
  const FlagDocument document = Make({Flag("a"), Flag("gone", "", R"(,"deleted":true)"),
                                      Flag("config", "", R"(,"is_remote_configuration":true)"),
                                      Flag("b", "", R"(,"version":3,"evaluation_tags":["x"])")},
                                     {});
  EXPECT_THAT(
      document.json,
      HasSubstr(R"({"id":1,"team_id":7,"name":"","key":"a","filters":{"groups":[{"properties":[],)"
                R"("rollout_percentage":50.0}]},"deleted":false,"active":true,)"));
  EXPECT_THAT(document.json, HasSubstr(R"("version":3)"));
  EXPECT_THAT(document.json, HasSubstr(R"("evaluation_contexts":["x"],"evaluation_tags":["x"])"));
  EXPECT_THAT(document.json,
              HasSubstr(R"("group_type_mapping":{"0":"company","1":"project"},"cohorts":{})"));
  EXPECT_THAT(document.json, Not(HasSubstr("gone")));
  EXPECT_THAT(document.json, Not(HasSubstr("\"config\"")));
}

TEST(LocalEvaluation, NamesTheFlagsThatOneDependsOn) {
  const std::string json = Make({Flag("a"), Flag("b", kUses1), Flag("c", kUses2)}, {}).json;
  EXPECT_THAT(json, HasSubstr(R"({"type":"flag","key":"a","operator":"flag_evaluates_to",)"
                              R"("value":true,"dependency_chain":["a"]})"));
  EXPECT_THAT(json, HasSubstr(R"("key":"b","operator":"flag_evaluates_to","value":true,)"
                              R"("dependency_chain":["a","b"])"));
  const std::string ring = Make({Flag("a", kUses2), Flag("b", kUses1)}, {}).json;
  EXPECT_THAT(ring, HasSubstr(R"("dependency_chain":[])"));
  EXPECT_THAT(ring, Not(HasSubstr(R"("dependency_chain":[")")));
  const std::string missing = Make({Flag("a", kUses2)}, {}).json;
  EXPECT_THAT(missing, HasSubstr(R"("key":2,"operator":"flag_evaluates_to","value":true,)"
                                 R"("dependency_chain":[])"));
}

std::string Uses(int64_t id) {
  return StrCat(R"({"type":"flag","key":")", id,
                R"(","operator":"flag_evaluates_to","value":true})");
}

// "x1","x2",... up to `count`.
std::string KeysUpTo(int count) {
  std::string keys;
  for (int i = 1; i <= count; ++i) StrAppend(&keys, i == 1 ? "" : ",", "\"x", i, "\"");
  return keys;
}

TEST(LocalEvaluation, ChainsAreAsLongAsThereAreFlags) {
  std::vector<std::string> flags = {Flag("x1")};
  for (int i = 2; i <= 500; ++i) flags.push_back(Flag(StrCat("x", i), Uses(i - 1)));
  const std::string json = Make(flags, {}).json;
  for (const int count : {1, 63, 64, 65, 499}) {
    EXPECT_THAT(json, HasSubstr(StrCat("\"dependency_chain\":[", KeysUpTo(count), "]"))) << count;
  }
  // The last is in a ring with the first, and all between them with it.
  flags[0] = Flag("x1", Uses(500));
  flags.push_back(Flag("after", Uses(250)));
  EXPECT_THAT(Make(flags, {}).json, Not(HasSubstr("\"dependency_chain\":[\"")));
}

TEST(LocalEvaluation, ManyWaysToAFlagAreGoneOnce) {
  // There are 2^400 ways from the last to the first.
  std::vector<std::string> flags = {Flag("x1"), Flag("x2", Uses(1))};
  for (int i = 3; i <= 400; ++i) {
    flags.push_back(Flag(StrCat("x", i), StrCat(Uses(i - 2), ",", Uses(i - 1))));
  }
  EXPECT_THAT(Make(flags, {}).json,
              HasSubstr(StrCat("\"dependency_chain\":[", KeysUpTo(399), "]")));
  flags[0] = Flag("x1", Uses(9999));
  EXPECT_THAT(Make(flags, {}).json, Not(HasSubstr("\"dependency_chain\":[\"")));
}

TEST(LocalEvaluation, ADocumentNamesSoManyFlagsAndNoMore) {
  constexpr int kFlags = 3000;
  std::vector<std::string> flags = {Flag("x1")};
  for (int i = 2; i <= kFlags; ++i) flags.push_back(Flag(StrCat("x", i), Uses(i - 1)));
  const std::string json = Make(flags, {}).json;
  EXPECT_THAT(json, HasSubstr(StrCat("\"dependency_chain\":[", KeysUpTo(1000), "]")));
  EXPECT_THAT(json, HasSubstr("\"dependency_chain\":[]"));
  EXPECT_LT(json.size(), 16u << 20);
}

TEST(LocalEvaluation, CohortsAreFollowedHoweverFar) {
  std::vector<std::string> cohorts;
  for (int i = 1; i <= 300; ++i) {
    cohorts.push_back(StrCat(R"("filters":{"properties":{"type":"AND","values":[)",
                             R"({"key":"id","type":"cohort","value":)", i % 300 + 1, "}]}}"));
  }
  EXPECT_THAT(Make({Flag("a", kInCohort1)}, cohorts).json, HasSubstr(R"("300":{"type":"AND")"));
}

constexpr char kTree[] = R"({"type":"OR","values":[{"type":"AND","values":[)"
                         R"({"key":"plan","type":"person","value":["pro"],"operator":"exact"},)"
                         R"({"key":"id","type":"cohort","value":2}]}]})";

TEST(LocalEvaluation, BringsTheCohortsThatFlagsReach) {
  const std::string person = R"({"type":"AND","values":[{"key":"x","type":"person","value":1}]})";
  const std::vector<std::string> cohorts = {
      StrCat(R"("filters":{"properties":)", kTree, "}"),
      StrCat(R"("filters":{"properties":)", person, "}"),
      StrCat(R"("filters":{"properties":)", person, "}"),  // of no flag
  };
  const std::string json = Make({Flag("a", kInCohort1)}, cohorts).json;
  EXPECT_THAT(json, HasSubstr(StrCat(R"("cohorts":{"1":)", kTree, R"(,"2":)", person, "}")));
  std::vector<std::string> one_static = cohorts;
  one_static[1] += R"(,"is_static":true)";
  EXPECT_THAT(Make({Flag("a", kInCohort1)}, one_static).json,
              HasSubstr(StrCat(R"("cohorts":{"1":)", kTree, "}")));
}

TEST(LocalEvaluation, ASimpleCohortBecomesConditionsForOlderSdks) {
  const std::string a = R"({"key":"a","type":"person","value":1})";
  const std::string b = R"({"key":"b","type":"person","value":2})";
  const auto group = [](const char* type, const std::string& values) {
    return StrCat(R"({"type":")", type, R"(","values":[)", values, "]}");
  };
  const std::string rest = R"(,"rollout_percentage":50.0})";
  const std::string both = StrCat(R"([{"properties":[)", a, ",", b, "]", rest, "]");
  const std::string either =
      StrCat(R"([{"properties":[)", a, "]", rest, R"(,{"properties":[)", b, "]", rest, "]");
  const std::pair<std::string, std::string> kCases[] = {
      {group("AND", a + "," + b), both},
      {group("OR", a + "," + b), either},
      {group("OR", group("AND", a + "," + b)), both},
      {group("OR", group("AND", a) + "," + group("OR", b)), either},
      {group("AND", group("AND", a) + "," + group("AND", b)), ""},
      {group("OR", R"({"key":"a","type":"person","value":1,"negation":true})"), ""},
      {group("OR", R"({"key":"id","type":"cohort","value":2})"), ""},
      {group("OR", ""), ""},
  };
  for (const auto& [tree, groups] : kCases) {
    const std::string json =
        Make({Flag("f", kInCohort1)}, {StrCat(R"("filters":{"properties":)", tree, "}")},
             /*with_cohorts=*/false)
            .json;
    EXPECT_THAT(json, HasSubstr(R"("cohorts":{})"));
    EXPECT_THAT(json, HasSubstr(groups.empty() ? kInCohort1 : StrCat("\"groups\":", groups)))
        << tree;
  }
}

TEST(LocalEvaluation, TheEtagNamesTheContent) {
  const FlagDocument a = Make({Flag("a")}, {});
  EXPECT_EQ(a.etag, Make({Flag("a")}, {}).etag);
  EXPECT_NE(a.etag, Make({Flag("b")}, {}).etag);
  const std::string bare = a.etag.substr(3, a.etag.size() - 4);
  EXPECT_EQ(bare.size(), 16u);
  for (const std::string& header :
       {a.etag, "\"" + bare + "\"", bare, "\"x\", " + a.etag, std::string("*")}) {
    EXPECT_TRUE(MatchesEtag(header, a.etag)) << header;
  }
  for (const std::string& header : {std::string(), std::string("\"x\""), bare.substr(1)}) {
    EXPECT_FALSE(MatchesEtag(header, a.etag)) << header;
  }
}

}  // namespace
}  // namespace hoglet
