#include "src/flags/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/flags/flag_hash.h"
#include "tests/flags/flag_support.h"

namespace hoglet {
namespace {

constexpr const char* kEveryone = R"({"groups":[{}]})";
constexpr const char* kNobody = R"({"groups":[{"rollout_percentage":0}]})";

std::string WithFilter(std::string_view filter, std::string_view rest = "") {
  return StrCat(R"({"groups":[{"properties":[)", filter, R"(]}])", rest, "}");
}
std::string DependsOn(std::string_view id, std::string_view value) {
  return WithFilter(StrCat(R"({"type":"flag","key":")", id,
                           R"(","operator":"flag_evaluates_to","value":)", value, "}"));
}
std::string InCohort(int64_t id, std::string_view op = "in") {
  return WithFilter(
      StrCat(R"({"type":"cohort","key":"id","operator":")", op, R"(","value":)", id, "}"));
}
std::string CohortJson(int64_t id, std::string_view tree) {
  return StrCat(R"({"id":)", id, R"(,"filters":{"properties":)", tree, "}}");
}

FlagContext ContextOf(std::string_view distinct_id) {
  FlagContext context;
  context.distinct_id = distinct_id;
  return context;
}

// Of one flag, for a context.
std::string Evaluate(const std::string& filters, const FlagContext& context,
                     std::string_view extra = "", std::vector<std::string> cohorts = {}) {
  const auto set = CompileFlags({FlagJson(1, "f", filters, extra)}, std::move(cohorts));
  return Summary(EvaluateFlags(*set, {}, context), "f");
}

TEST(EvaluateFlags, TheLaterOfEqualReasonsIsTold) {
  const FlagContext context = ContextOf("a");
  const std::string no_match = R"({"properties":[{"key":"x","value":"y"}]})";
  EXPECT_EQ(Evaluate(StrCat(R"({"groups":[)", no_match, ",", no_match, "]}"), context),
            "off no_condition_match 1");
  EXPECT_EQ(Evaluate(StrCat(R"({"groups":[{"rollout_percentage":0},)", no_match, "]}"), context),
            "off out_of_rollout_bound 0");
  EXPECT_EQ(Evaluate(R"({"groups":[{"rollout_percentage":0},{}],"early_exit":true})", context),
            "off out_of_rollout_bound 0");
  EXPECT_EQ(Evaluate(StrCat(R"({"groups":[)", no_match, R"(,{}],"early_exit":true})"), context),
            "on condition_match 1");
  EXPECT_EQ(Evaluate(R"({"groups":[]})", context), "off no_group_type");
}

TEST(EvaluateFlags, PersonsAreHashedByDeviceThenHashKeyThenAnonymousId) {
  // Only "anon" is in.
  const double hash = FlagHash("f.", "anon", "");
  std::string outside = "a";
  while (FlagHash("f.", outside, "") <= hash) outside += 'a';
  std::string filters = R"({"groups":[{"rollout_percentage":)";
  AppendJsonDouble(hash * 100 + 1e-9, &filters);
  filters += "}]}";
  constexpr const char* kDevice = R"(,"bucketing_identifier":"device_id")";
  constexpr const char* kContinuity = R"(,"ensure_experience_continuity":true)";
  FlagContext context = ContextOf(outside);
  EXPECT_EQ(Evaluate(filters, context), "off out_of_rollout_bound 0");
  EXPECT_EQ(Evaluate(filters, context, kDevice), "off out_of_rollout_bound 0");
  context.device_id = "anon";
  EXPECT_EQ(Evaluate(filters, context), "off out_of_rollout_bound 0");
  EXPECT_EQ(Evaluate(filters, context, kDevice), "on condition_match 0");
  context.device_id = "";
  context.anon_distinct_id = "anon";
  EXPECT_EQ(Evaluate(filters, context), "off out_of_rollout_bound 0");
  EXPECT_EQ(Evaluate(filters, context, kContinuity), "on condition_match 0");
  context.hash_keys = {{"f", outside}};
  EXPECT_EQ(Evaluate(filters, context, kContinuity), "off out_of_rollout_bound 0");
  context.hash_keys = {{"other", outside}};
  EXPECT_EQ(Evaluate(filters, context, kContinuity), "on condition_match 0");
}

TEST(EvaluateFlags, DeviceBucketingNeedsADevice) {
  constexpr const char* kDevice = R"(,"bucketing_identifier":"device_id")";
  const FlagContext context = ContextOf("a");
  EXPECT_EQ(Evaluate(kEveryone, context, kDevice), "off out_of_rollout_bound 0");
  EXPECT_EQ(Evaluate(R"({"early_exit":true,"groups":[{},{}]})", context, kDevice),
            "off out_of_rollout_bound 1");
}

TEST(EvaluateFlags, AnEmptyIdIsInEveryRollout) {
  const FlagContext context = ContextOf("");
  EXPECT_EQ(Evaluate(kNobody, context), "on condition_match 0");
  EXPECT_EQ(Evaluate(R"({"groups":[{}],"multivariate":{"variants":[
      {"key":"none","rollout_percentage":0},{"key":"a","rollout_percentage":1}]}})",
                     context),
            "a condition_match 0");
}

TEST(EvaluateFlags, GroupsAreHashedByTheirKey) {
  constexpr const char* kGroup = R"({"aggregation_group_type_index":1,"groups":[{}]})";
  FlagContext context = ContextOf("a");
  EXPECT_EQ(Evaluate(kGroup, context), "off no_group_type 0");
  context.groups[1].is_named = true;
  EXPECT_EQ(Evaluate(kGroup, context), "off no_group_type 0");
  context.groups[1].key = "acme";
  EXPECT_EQ(Evaluate(kGroup, context), "on condition_match 0");
  EXPECT_EQ(Evaluate(R"({"aggregation_group_type_index":7,"groups":[{}]})", context),
            "off no_group_type 0");
  // null is persons, whatever the flag says.
  EXPECT_EQ(Evaluate(R"({"aggregation_group_type_index":0,
                         "groups":[{},{"aggregation_group_type_index":null}]})",
                     context),
            "on condition_match 1");
}

TEST(EvaluateFlags, TellsOfConditionsLeftOutForLackOfAGroup) {
  const auto set = CompileFlags({FlagJson(1, "f", R"({"groups":[
      {"aggregation_group_type_index":0},{"properties":[{"key":"x","value":"y"}]}]})")});
  const FlagEvaluation evaluation = EvaluateFlags(*set, {}, ContextOf("a"));
  std::string description;
  evaluation.results[0].AppendDescription(&description);
  EXPECT_EQ(description,
            "No matching condition set (group conditions were not evaluated because no group type "
            "was provided)");
}

TEST(EvaluateFlags, GroupPropertiesAreSentStoredAndTheKey) {
  const auto filter = [](std::string_view key, std::string_view value) {
    return WithFilter(StrCat(R"({"type":"group","group_type_index":0,"key":")", key,
                             R"(","value":")", value, R"("})"));
  };
  const SentProperties sent(R"({"plan":"pro","$group_key":"fake"})");
  FlagContext context = ContextOf("a");
  EXPECT_EQ(Evaluate(filter("plan", "pro"), context), "off no_condition_match 0");
  context.groups[0].stored = MakeGroup(R"({"plan":"free","size":"big"})");
  EXPECT_EQ(Evaluate(filter("size", "big"), context), "off no_condition_match 0");
  context.groups[0].is_named = true;
  context.groups[0].key = "7";
  context.groups[0].key_value = {FlagValue::Kind::kNumber, "7"};
  context.groups[0].overrides = sent.get();
  EXPECT_EQ(Evaluate(filter("size", "big"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(filter("plan", "pro"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(filter("$group_key", "7"), context), "on condition_match 0");
}

TEST(EvaluateFlags, PersonPropertiesAreSentThenTheIdThenStored) {
  const auto is = [](std::string_view key, std::string_view value) {
    return WithFilter(StrCat(R"({"key":")", key, R"(","value":")", value, R"("})"));
  };
  FlagContext context = ContextOf("me");
  context.person = MakePerson(R"({"email":"a@b.c","distinct_id":"old","utm_source":"mail",
                                  "$initial_browser":"Opera","n":null})");
  EXPECT_EQ(Evaluate(is("email", "A@B.C"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(is("distinct_id", "me"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(is("$initial_utm_source", "mail"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(is("$initial_email", "a@b.c"), context), "off no_condition_match 0");
  EXPECT_EQ(Evaluate(WithFilter(R"({"key":"n","operator":"is_set"})"), context),
            "on condition_match 0");
  const SentProperties sent(R"({"email":"x","distinct_id":"sent","$browser":"Firefox",
                                "_kx":"k"})");
  context.person_overrides = sent.get();
  EXPECT_EQ(Evaluate(is("email", "x"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(is("distinct_id", "sent"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(is("$initial_browser", "Opera"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(is("$initial__kx", "k"), context), "on condition_match 0");
  context.ignores_stored_person = true;
  EXPECT_EQ(Evaluate(is("$initial_browser", "Firefox"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(is("$initial_utm_source", "mail"), context), "off no_condition_match 0");
}

TEST(EvaluateFlags, PhonesCallTheSystemByAnotherName) {
  const auto is = [](std::string_view key, std::string_view value) {
    return WithFilter(StrCat(R"({"key":")", key, R"(","value":")", value, R"("})"));
  };
  FlagContext context = ContextOf("me");
  context.person = MakePerson(R"({"$os_name":"iOS"})");
  for (const char* key : {"$os", "$os_name", "$initial_os"}) {
    EXPECT_EQ(Evaluate(is(key, "iOS"), context), "on condition_match 0") << key;
  }
  const SentProperties sent(R"({"$os":"Android"})");
  context.person_overrides = sent.get();
  EXPECT_EQ(Evaluate(is("$os_name", "iOS"), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(is("$initial_os", "Android"), context), "on condition_match 0");
  context.ignores_stored_person = true;
  EXPECT_EQ(Evaluate(is("$os_name", "Android"), context), "on condition_match 0");
}

TEST(EvaluateFlags, CohortsOfOldAreGroups) {
  const std::vector<std::string> cohorts = {
      R"({"id":1,"groups":[{"properties":[{"key":"a","value":"1","type":"person"},
                                          {"key":"b","value":"2","type":"person"}]},
                           {"properties":[{"key":"c","value":"3","type":"person"}]}]})",
      R"({"id":2,"groups":[]})"};
  const auto of = [&](const char* properties, int64_t cohort) {
    FlagContext context = ContextOf("me");
    context.person = MakePerson(properties);
    return Evaluate(InCohort(cohort), context, "", cohorts);
  };
  EXPECT_EQ(of(R"({"a":"1","b":"2"})", 1), "on condition_match 0");
  EXPECT_EQ(of(R"({"c":"3"})", 1), "on condition_match 0");
  EXPECT_EQ(of(R"({"a":"1"})", 1), "off no_condition_match 0");
  EXPECT_EQ(of(R"({"a":"1"})", 2), "off no_condition_match 0");
}

TEST(EvaluateFlags, MetadataIsOfThePersonsRow) {
  const std::string filter = WithFilter(
      R"({"type":"person_metadata","key":"created_at","operator":"is_date_before","value":"2024-01-02"})");
  const SentProperties sent(R"({"created_at":"2020-01-01"})");
  FlagContext context = ContextOf("a");
  context.person_overrides = sent.get();
  EXPECT_EQ(Evaluate(filter, context), "off no_condition_match 0");
  context.person = MakePerson("{}", *ParseRfc3339("2024-01-01T23:00:00.5Z"));
  EXPECT_EQ(Evaluate(filter, context), "on condition_match 0");
  EXPECT_EQ(Evaluate(WithFilter(R"({"type":"person_metadata","key":"created_at",
                                    "value":"2024-01-01T23:00:00.500+00:00"})"),
                     context),
            "on condition_match 0");
}

TEST(EvaluateFlags, EarlyAccessComesFirst) {
  FlagContext context = ContextOf("a");
  constexpr const char* kEnrollment =
      R"({"feature_enrollment":true,"groups":[{}],"payloads":{"true":"\"p\""}})";
  EXPECT_EQ(Evaluate(kEnrollment, context), "on condition_match 0");
  for (const auto& [value, expected] : {std::pair{"true", "on super_condition_value 0"},
                                        {"\"true\"", "on super_condition_value 0"},
                                        {"\"True\"", "off super_condition_value 0"},
                                        {"false", "off super_condition_value 0"},
                                        {"null", "off super_condition_value 0"},
                                        {"[\"true\"]", "off super_condition_value 0"}}) {
    const SentProperties sent(StrCat(R"({"$feature_enrollment/f":)", value, "}"));
    context.person_overrides = sent.get();
    const auto set = CompileFlags({FlagJson(1, "f", kEnrollment)});
    const FlagEvaluation evaluation = EvaluateFlags(*set, {}, context);
    EXPECT_EQ(Summary(evaluation, "f"), expected) << value;
    EXPECT_EQ(evaluation.results[0].payload_json, R"("\"p\"")");
  }
  const SentProperties sent(R"({"x":"no","y":"yes"})");
  context.person_overrides = sent.get();
  constexpr const char* kSuper = R"({"groups":[{}],"super_groups":[
      {"properties":[{"key":"x","value":"yes"}]},{"properties":[{"key":"y","value":"yes"}]}]})";
  EXPECT_EQ(Evaluate(kSuper, context), "off super_condition_value 0");
  context.person_overrides = nullptr;
  EXPECT_EQ(Evaluate(kSuper, context), "on condition_match 0");
  EXPECT_EQ(Evaluate(R"({"groups":[{}],"super_groups":[{"properties":[]}]})", context),
            "on condition_match 0");
}

TEST(EvaluateFlags, HoldoutsAreOfTheFlagsAggregation) {
  const auto holdout = [](double percentage, std::string_view rest = "") {
    return StrCat(R"({"groups":[{}],"holdout":{"id":7,"exclusion_percentage":)", percentage, "}",
                  rest, "}");
  };
  const FlagContext context = ContextOf("a");
  const double percentage = FlagHash("holdout-", "a", "") * 100;
  EXPECT_EQ(Evaluate(holdout(percentage + 0.01), context), "holdout-7 holdout_condition_value");
  EXPECT_EQ(Evaluate(holdout(percentage - 0.01), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(holdout(250), context), "holdout-7 holdout_condition_value");
  EXPECT_EQ(Evaluate(holdout(-1), context), "on condition_match 0");
  // Hash keys of the flag do not move anybody in or out, the group does.
  FlagContext keyed = context;
  keyed.hash_keys = {{"f", "b"}};
  EXPECT_EQ(Evaluate(holdout(percentage + 0.01), keyed), "holdout-7 holdout_condition_value");
  const double none = FlagHash("holdout-", "", "") * 100;
  EXPECT_EQ(Evaluate(holdout(none + 0.01, R"(,"aggregation_group_type_index":0)"), context),
            "holdout-7 holdout_condition_value");
}

TEST(EvaluateFlags, VariantsOfConditionsMustExist) {
  constexpr const char* kVariants =
      R"("multivariate":{"variants":[{"key":"a","rollout_percentage":100},{"key":"b"}]},
         "payloads":{"a":1,"b":{"x": 1.50},"true":null})";
  const FlagContext context = ContextOf("someone");
  EXPECT_EQ(Evaluate(StrCat(R"({"groups":[{"variant":"b"}],)", kVariants, "}"), context),
            "b condition_match 0");
  EXPECT_EQ(Evaluate(StrCat(R"({"groups":[{"variant":"c"}],)", kVariants, "}"), context),
            "a condition_match 0");
  const auto set =
      CompileFlags({FlagJson(1, "f", StrCat(R"({"groups":[{"variant":"b"}],)", kVariants, "}"))});
  EXPECT_EQ(EvaluateFlags(*set, {}, context).results[0].payload_json, R"({"x":1.5})");
}

TEST(EvaluateFlags, DependenciesAreDecidedFirst) {
  const std::string wants = R"({"type":"flag","key":"3","operator":"flag_evaluates_to","value":)";
  const auto set = CompileFlags(
      {FlagJson(1, "any", DependsOn("3", "true")), FlagJson(2, "none", DependsOn("3", "false")),
       FlagJson(3, "target", R"({"groups":[{}],"multivariate":{"variants":[
           {"key":"v","rollout_percentage":100}]}})"),
       FlagJson(4, "variant", DependsOn("3", "\"v\"")),
       FlagJson(5, "case", DependsOn("3", "\"V\"")), FlagJson(6, "null", DependsOn("3", "null")),
       FlagJson(7, "number", DependsOn("3", "1")),
       FlagJson(8, "operator", WithFilter(R"({"type":"flag","key":"3","value":true})")),
       FlagJson(9, "no id", DependsOn("target", "true")),
       R"({"id":10,"key":"off","active":false,"filters":{"groups":[{}]}})",
       FlagJson(11, "of off", DependsOn("10", "false")),
       FlagJson(12, "deleted", kEveryone, R"(,"deleted":true)"),
       FlagJson(13, "of deleted", DependsOn("12", "false"))});
  const FlagEvaluation evaluation = EvaluateFlags(*set, {}, ContextOf("a"));
  EXPECT_FALSE(evaluation.has_errors);
  for (const char* key : {"any", "variant", "of off", "of deleted"}) {
    EXPECT_EQ(Summary(evaluation, key), "on condition_match 0") << key;
  }
  for (const char* key : {"none", "case", "null", "number", "operator", "no id"}) {
    EXPECT_EQ(Summary(evaluation, key), "off no_condition_match 0") << key;
  }
  EXPECT_EQ(Summary(evaluation, "off"), "absent");
  EXPECT_EQ(Summary(evaluation, "deleted"), "absent");
}

TEST(EvaluateFlags, CyclesVanishAndMissingFlagsAreTold) {
  const auto set = CompileFlags(
      {FlagJson(1, "a", DependsOn("2", "true")), FlagJson(2, "b", DependsOn("1", "true")),
       FlagJson(3, "self", DependsOn("3", "true")),
       FlagJson(4, "of cycle", DependsOn("1", "false")),
       FlagJson(8, "of that", DependsOn("4", "false")),
       FlagJson(5, "missing", DependsOn("99", "false")),
       FlagJson(6, "of missing", DependsOn("5", "false")), FlagJson(7, "alone", kEveryone)});
  FlagSelection selection;
  const FlagEvaluation evaluation = EvaluateFlags(*set, selection, ContextOf("x"));
  EXPECT_TRUE(evaluation.has_errors);
  for (const char* key : {"a", "b", "self", "of cycle", "of that"}) {
    EXPECT_EQ(Summary(evaluation, key), "absent") << key;
  }
  EXPECT_EQ(Summary(evaluation, "missing"), "off missing_dependency");
  EXPECT_EQ(Summary(evaluation, "of missing"), "off missing_dependency");
  EXPECT_EQ(Summary(evaluation, "alone"), "on condition_match 0");
  selection.keys = {"alone", "missing"};
  EXPECT_FALSE(EvaluateFlags(*set, selection, ContextOf("x")).has_errors);
}

TEST(EvaluateFlags, SelectsByKeysRuntimeContextsAndSurveys) {
  const auto set =
      CompileFlags({FlagJson(1, "web", kEveryone,
                             R"(,"evaluation_runtime":"client","evaluation_contexts":["w"])"),
                    FlagJson(2, "server", kEveryone, R"(,"evaluation_runtime":"server")"),
                    FlagJson(3, "survey-targeting-x", kEveryone),
                    FlagJson(4, "of server", DependsOn("2", "true"))});
  const auto keys = [&set](const FlagSelection& selection) {
    std::string out;
    for (const FlagResult& result : EvaluateFlags(*set, selection, ContextOf("x")).results) {
      StrAppend(&out, result.flag->key, result.is_enabled ? "+ " : "- ");
    }
    return out;
  };
  EXPECT_EQ(keys({}), "survey-targeting-x+ of server- ");
  EXPECT_EQ(keys({.runtime = FlagRuntime::kAll}), "web+ server+ survey-targeting-x+ of server+ ");
  EXPECT_EQ(keys({.runtime = FlagRuntime::kClient}), "web+ survey-targeting-x+ of server- ");
  EXPECT_EQ(keys({.only_surveys = true}), "survey-targeting-x+ ");
  EXPECT_EQ(keys({.runtime = FlagRuntime::kAll, .contexts = {"m"}}),
            "server+ survey-targeting-x+ of server+ ");
  EXPECT_EQ(keys({.runtime = FlagRuntime::kAll, .contexts = {"m", "w"}}),
            "web+ server+ survey-targeting-x+ of server+ ");
  EXPECT_EQ(keys({.runtime = FlagRuntime::kAll, .keys = {{"of server", "unknown"}}}),
            "server+ of server+ ");
  EXPECT_EQ(keys({.runtime = FlagRuntime::kClient, .keys = {{"of server"}}}), "of server- ");
  EXPECT_EQ(keys({.runtime = FlagRuntime::kAll, .keys = {std::vector<std::string>()}}), "");
  EXPECT_EQ(keys({.runtime = FlagRuntime::kAll, .keys = {{"of server"}}, .filtered_out_ids = {2}}),
            "of server- ");
}

TEST(EvaluateFlags, CohortsAreTrees) {
  const auto leaf = [](std::string_view key, std::string_view rest = "") {
    return StrCat(R"({"key":")", key, R"(","type":"person","value":"1")", rest, "}");
  };
  const auto group = [](std::string_view type, std::string_view values) {
    return StrCat(R"({"type":")", type, R"(","values":[)", values, "]}");
  };
  const SentProperties sent(R"({"a":"1","b":"2"})");
  FlagContext context = ContextOf("x");
  context.person_overrides = sent.get();
  const auto is_in = [&](const std::string& tree) {
    return Evaluate(InCohort(1), context, "",
                    {CohortJson(1, tree), CohortJson(2, group("OR", group("OR", leaf("a"))))});
  };
  const std::string in = "on condition_match 0";
  const std::string out = "off no_condition_match 0";
  EXPECT_EQ(is_in(group("OR", group("AND", leaf("a")))), in);
  EXPECT_EQ(is_in(group("OR", group("property", leaf("a") + "," + leaf("b")))), out);
  EXPECT_EQ(is_in(group("AND", group("OR", leaf("a") + "," + leaf("b")))), in);
  EXPECT_EQ(is_in(group("AND", "")), in);
  EXPECT_EQ(is_in(group("OR", "")), out);
  EXPECT_EQ(is_in(group("OR", group("AND", leaf("c", R"(,"negation":true)")))), in);
  EXPECT_EQ(is_in(group("OR", group("AND", leaf("c", R"(,"operator":"is_not","negation":true)")))),
            out);
  EXPECT_EQ(is_in(group("OR", group("AND", group("OR", group("AND", leaf("a")))))), in);
  EXPECT_EQ(is_in(group("XOR", leaf("a"))), out);
  EXPECT_EQ(is_in("[]"), out);
  const std::string other = R"({"key":"id","type":"cohort","value":2)";
  EXPECT_EQ(is_in(group("OR", group("OR", other + "}"))), in);
  EXPECT_EQ(is_in(group("OR", group("OR", other + R"(,"operator":"not_in"})"))), out);
  EXPECT_EQ(is_in(group("OR", group("OR", other + R"(,"negation":true})"))), in);
  EXPECT_EQ(is_in(group("OR", group("AND", other + R"(,"negation":true})"))), out);
  EXPECT_EQ(is_in(group("OR", group("AND", other + R"(,"operator":"exact"})"))), out);
}

TEST(EvaluateFlags, CalculatedCohortsAreAskedFor) {
  const std::vector<std::string> cohorts = {
      R"({"id":1,"is_static":true,"filters":{"properties":{}}})",
      CohortJson(2, R"({"type":"OR","values":[{"type":"AND","values":[
          {"type":"behavioral","key":"$pageview","value":"performed_event"}]}]})")};
  FlagContext context = ContextOf("x");
  EXPECT_EQ(Evaluate(InCohort(1), context, "", cohorts), "off no_condition_match 0");
  EXPECT_EQ(Evaluate(InCohort(1, "not_in"), context, "", cohorts), "on condition_match 0");
  context.is_member = [](int64_t id) { return id == 2; };
  EXPECT_EQ(Evaluate(InCohort(1), context, "", cohorts), "off no_condition_match 0");
  EXPECT_EQ(Evaluate(InCohort(2), context, "", cohorts), "on condition_match 0");
}

TEST(EvaluateFlags, CohortsThatCannotBeDecidedFailTheFlag) {
  const auto asks = [](int64_t id, std::string_view value) {
    return CohortJson(id, StrCat(R"({"type":"OR","values":[{"type":"OR","values":[
        {"key":"id","type":"cohort","value":)",
                                 value, "}]}]}"));
  };
  const std::vector<std::string> cohorts = {asks(1, "2"),
                                            asks(2, "1"),
                                            asks(3, "99"),
                                            asks(4, "3"),
                                            asks(5, "[]"),
                                            asks(6, "\"7\""),
                                            R"({"id":7,"deleted":true,"is_static":true})",
                                            "nonsense"};
  const FlagContext context = ContextOf("x");
  EXPECT_EQ(Evaluate(InCohort(1), context, "", cohorts), "off dependency_cycle_cohort");
  EXPECT_EQ(Evaluate(InCohort(3), context, "", cohorts), "off dependency_not_found_cohort");
  EXPECT_EQ(Evaluate(InCohort(4), context, "", cohorts), "off dependency_not_found_cohort");
  EXPECT_EQ(Evaluate(InCohort(5), context, "", cohorts), "off cohort_filters_parsing_error");
  EXPECT_EQ(Evaluate(InCohort(6), context, "", cohorts), "off dependency_not_found_cohort");
  EXPECT_EQ(Evaluate(InCohort(98), context, "", cohorts), "off dependency_not_found_cohort");
  // Cohorts come last: what fails before spares the question.
  EXPECT_EQ(Evaluate(R"({"groups":[{"properties":[{"key":"id","type":"cohort","value":98},
                         {"key":"x","value":"y"}]}]})",
                     context),
            "off no_condition_match 0");
  const auto set =
      CompileFlags({FlagJson(1, "f", InCohort(98)), FlagJson(2, "g", DependsOn("1", "false"))});
  const FlagEvaluation evaluation = EvaluateFlags(*set, {}, context);
  EXPECT_TRUE(evaluation.has_errors && evaluation.results[0].has_failed);
  EXPECT_EQ(Summary(evaluation, "g"), "off no_condition_match 0");
  std::string description;
  evaluation.results[0].AppendDescription(&description);
  EXPECT_EQ(description, "Cohort dependency not found");
}

TEST(EvaluateFlags, LongChainsOfCohortsEnd) {
  std::vector<std::string> cohorts;
  for (int i = 1; i <= 5000; ++i) {
    cohorts.push_back(CohortJson(i, StrCat(R"({"type":"AND","values":[{"type":"AND","values":[
        {"key":"id","type":"cohort","value":)",
                                           i + 1, "}]}]}")));
  }
  cohorts.push_back(CohortJson(5001, R"({"type":"AND","values":[]})"));
  const FlagContext context = ContextOf("x");
  EXPECT_EQ(Evaluate(InCohort(1), context, "", cohorts), "off cohort_filters_parsing_error");
  EXPECT_EQ(Evaluate(InCohort(4950), context, "", cohorts), "on condition_match 0");
}

TEST(EvaluateFlags, FlagsThatNeedNothingStoredAnswerWithoutStorage) {
  FlagContext context = ContextOf("x");
  context.person_error = "database_error";
  context.group_error = "timeout:group_properties";
  context.hash_key_error = "hash_key_override_error";
  const SentProperties sent(R"({"email":"a","$browser":"b"})");
  context.person_overrides = sent.get();
  const auto is = [](std::string_view key, std::string_view rest = "") {
    return StrCat(R"({"key":")", key, R"(","value":"a")", rest, "}");
  };
  constexpr const char* kContinuity = R"(,"ensure_experience_continuity":true)";
  EXPECT_EQ(Evaluate(kEveryone, context), "on condition_match 0");
  EXPECT_EQ(Evaluate(WithFilter(is("email")), context), "on condition_match 0");
  EXPECT_EQ(Evaluate(WithFilter(is("distinct_id")), context), "off no_condition_match 0");
  EXPECT_EQ(Evaluate(WithFilter(is("name")), context), "off database_error");
  // Stored first values come before what would fill them.
  EXPECT_EQ(Evaluate(WithFilter(is("$initial_browser")), context), "off database_error");
  EXPECT_EQ(Evaluate(WithFilter(is("name") + "," + is("distinct_id")), context),
            "off no_condition_match 0");
  EXPECT_EQ(Evaluate(R"({"feature_enrollment":true})", context), "off database_error");
  EXPECT_EQ(Evaluate(InCohort(1), context, "", {R"({"id":1,"is_static":true})"}),
            "off database_error");
  EXPECT_EQ(Evaluate(kEveryone, context, kContinuity), "on condition_match 0");
  EXPECT_EQ(Evaluate(R"({"groups":[{"rollout_percentage":50}]})", context, kContinuity),
            "off hash_key_override_error");
  context.groups[0].is_named = true;
  context.groups[0].key = "acme";
  EXPECT_EQ(Evaluate(R"({"aggregation_group_type_index":0,"groups":[{"rollout_percentage":0}]})",
                     context, kContinuity),
            "off out_of_rollout_bound 0");
  EXPECT_EQ(Evaluate(WithFilter(is("plan", R"(,"type":"group","group_type_index":0)")), context),
            "off timeout:group_properties");
  const auto set = CompileFlags(
      {FlagJson(1, "f", WithFilter(is("name"))), FlagJson(2, "g", DependsOn("1", "true"))});
  EXPECT_EQ(Summary(EvaluateFlags(*set, {}, context), "g"), "off database_error");
  context.ignores_stored_person = true;
  EXPECT_EQ(Evaluate(WithFilter(is("name")), context), "off no_condition_match 0");
}

}  // namespace
}  // namespace hoglet
