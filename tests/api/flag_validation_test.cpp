#include "src/api/flag_validation.h"

#include <gtest/gtest.h>

#include "src/base/strings.h"

namespace hoglet {
namespace {

ObjectJson Json(std::string json) { return std::make_shared<const std::string>(std::move(json)); }

// Flags 1 and 2 are there, 2 looks at 1; 3 is disabled, 4 deleted. Cohort 1 is a plain one, 2 looks
// at events, 3 is made of 2, 4 is deleted, 5 and 6 are made of each other, 7 is static.
FlagReferences References(int64_t flag_id = 0) {
  const auto flag = [](int64_t id) -> ObjectJson {
    switch (id) {
      case 1:
        return Json(R"({"id":1,"key":"one","active":true,"deleted":false,"filters":{}})");
      case 2:
        return Json(
            R"({"id":2,"key":"two","active":true,"filters":{"groups":[{"properties":[)"
            R"({"type":"flag","key":"1","operator":"flag_evaluates_to","value":true}]}]}})");
      case 3:
        return Json(R"({"id":3,"key":"three","active":false,"filters":{}})");
      case 4:
        return Json(R"({"id":4,"key":"four","active":true,"deleted":true,"filters":{}})");
    }
    return nullptr;
  };
  const auto tree = [](const std::string& leaf) {
    return Json(
        StrCat(R"({"name":"c","filters":{"properties":{"type":"OR","values":[{"type":"AND",)"
               R"("values":[)",
               leaf, "]}]}}}"));
  };
  const auto cohort = [tree](int64_t id) -> ObjectJson {
    const auto of = [](int other) {
      return StrCat(R"({"type":"cohort","key":"id","value":)", other, "}");
    };
    switch (id) {
      case 1:
        return tree(R"({"type":"person","key":"a","value":"b"})");
      case 2:
        return tree(R"({"type":"behavioral","key":"$pageview","value":"performed_event"})");
      case 3:
        return tree(of(2));
      case 4:
        return Json(R"({"name":"c","deleted":true})");
      case 5:
        return tree(of(6));
      case 6:
        return tree(of(5));
      case 7:
        return Json(R"({"name":"c","is_static":true,"filters":{"type":"behavioral"}})");
    }
    return nullptr;
  };
  return {.find_flag = flag, .find_cohort = cohort, .flag_id = flag_id};
}

struct FilterCase {
  const char* name;
  std::string filters;
  std::string code;  // empty: taken
};

std::string Group(const std::string& members) { return StrCat(R"({"groups":[{)", members, "}]}"); }
std::string Property(const std::string& members) {
  return Group(StrCat(R"("properties":[{)", members, "}]"));
}
std::string Person(const std::string& op, const std::string& value) {
  return Property(StrCat(R"("type":"person","key":"k","operator":")", op, R"(","value":)", value));
}
std::string Variants(const std::string& variants, const std::string& more = "") {
  return StrCat(R"({"groups":[{"rollout_percentage":50}],"multivariate":{"variants":[)", variants,
                "]}", more, "}");
}
std::string ThousandValues(int count) {
  std::string list;
  for (int i = 0; i < count; ++i) StrAppend(&list, list.empty() ? "" : ",", i);
  return StrCat("[", list, "]");
}

const char kBad[] = "invalid_input";
const char kTwo[] = R"({"key":"a","rollout_percentage":50},{"key":"b","rollout_percentage":50})";

const FilterCase kFilterCases[] = {
    {"one empty condition", Group("")},
    {"no object", "[]", kBad},
    {"no JSON", "{", kBad},
    {"no condition", "{}", kBad},
    {"an empty list", R"({"groups":[]})", kBad},
    {"groups no list", R"({"groups":{"a":1}})", kBad},
    {"a condition that is a text", R"({"groups":["x"]})", kBad},
    {"rollout null", Group(R"("rollout_percentage":null,"properties":null)")},
    {"rollout 0.5", Group(R"("rollout_percentage":0.5)")},
    {"rollout -1", Group(R"("rollout_percentage":-1)"), kBad},
    {"rollout 100.1", Group(R"("rollout_percentage":100.1)"), kBad},
    {"rollout a text", Group(R"("rollout_percentage":"50")"), kBad},
    {"rollout huge", Group(R"("rollout_percentage":99999999999999999999999)"), kBad},
    {"properties no list", Group(R"("properties":{})"), kBad},
    {"property no object", Group(R"("properties":[1])"), kBad},

    {"person", Person("exact", R"(["a"])")},
    {"operator absent", Property(R"("type":"person","key":"k","value":1)")},
    {"created_at of the person",
     Property(
         R"("type":"person_metadata","key":"created_at","operator":"is_date_after","value":"-7d")")},
    {"no type", Property(R"("key":"k","value":1)"), kBad},
    {"type a number", Property(R"("type":5,"key":"k","value":1)"), kBad},
    {"event", Property(R"("type":"event","key":"k","value":1)"), kBad},
    {"no key", Property(R"("type":"person","value":1)"), kBad},
    {"no value", Property(R"("type":"person","key":"k")"), "invalid_value"},
    {"set without a value", Property(R"("type":"person","key":"k","operator":"is_set")")},
    {"1000 values", Person("exact", ThousandValues(1000))},
    {"1001 values", Person("exact", ThousandValues(1001)), kBad},
    {"unknown operator", Person("like", "\"a\""), "invalid_operator"},
    {"in", Person("in", "[1]"), "invalid_operator"},
    {"flag operator", Person("flag_evaluates_to", "true"), "invalid_operator"},
    {"regex", Person("regex", "\"a.*\"")},
    {"regex of a number", Person("regex", "5"), "invalid_value"},
    {"not_regex of a list", Person("not_regex", R"(["a"])"), "invalid_value"},
    {"icontains of a bool", Person("icontains", "true"), "invalid_value"},
    {"gt of a text", Person("gt", "\"5\"")},
    {"gt of a number", Person("gt", "5"), "invalid_value"},
    {"lte of null", Person("lte", "null"), "invalid_value"},
    {"contains any", Person("icontains_multi", R"(["a","b"])")},
    {"contains any of numbers", Person("icontains_multi", "[1]"), "invalid_value"},
    {"between", Person("between", R"([1,"2"])")},
    {"between of one", Person("between", "[1]"), "invalid_value"},
    {"between of words", Person("not_between", R"(["a","b"])"), "invalid_value"},
    {"before a day", Person("is_date_before", "\"2024-05-01\"")},
    {"before a moment", Person("is_date_before", "\"2024-05-01T10:20:30Z\"")},
    {"before a moment without zone", Person("is_date_before", "\"2024-05-01 10:20:30\"")},
    {"before a minute", Person("is_date_before", "\"2024-05-01 10:20\"")},
    {"relative", Person("is_date_after", "\"-30d\"")},
    {"relative without minus", Person("is_date_after", "\"6h\"")},
    {"relative too far", Person("is_date_after", "\"-10000d\""), "invalid_date"},
    {"relative of seconds", Person("is_date_after", "\"-5s\""), "invalid_date"},
    {"two signs", Person("is_date_after", "\"--5d\""), "invalid_date"},
    {"no date", Person("is_date_after", "\"soon\""), "invalid_date"},
    {"no day", Person("is_date_before", "\"2024-02-31\""), "invalid_date"},
    {"a number as date", Person("is_date_before", "1714557600"), "invalid_date"},
    {"semver", Person("semver_gt", "\"1.2.3\"")},

    {"cohort", Property(R"("type":"cohort","key":"id","value":1,"operator":"in")")},
    {"cohort as text", Property(R"("type":"cohort","key":"id","value":"1")")},
    {"static cohort", Property(R"("type":"cohort","key":"id","value":7)")},
    {"ring of cohorts", Property(R"("type":"cohort","key":"id","value":5)")},
    {"missing cohort", Property(R"("type":"cohort","key":"id","value":99)"),
     "cohort_does_not_exist"},
    {"deleted cohort", Property(R"("type":"cohort","key":"id","value":4)"),
     "cohort_does_not_exist"},
    {"cohort without id", Property(R"("type":"cohort","key":"id")"), "cohort_does_not_exist"},
    {"cohort of a list", Property(R"("type":"cohort","key":"id","value":[1])"),
     "cohort_does_not_exist"},
    {"cohort of events", Property(R"("type":"cohort","key":"id","value":2)"),
     "behavioral_cohort_found"},
    {"cohort made of it", Property(R"("type":"cohort","key":"id","value":3)"),
     "behavioral_cohort_found"},
    {"cohort exact", Property(R"("type":"cohort","key":"id","value":1,"operator":"exact")")},
    {"cohort greater", Property(R"("type":"cohort","key":"id","value":1,"operator":"gt")"),
     "invalid_operator"},

    {"flag", Property(R"("type":"flag","key":"1","operator":"flag_evaluates_to","value":true)")},
    {"flag by number",
     Property(R"("type":"flag","key":1,"operator":"flag_evaluates_to","value":"v")")},
    {"flag exact", Property(R"("type":"flag","key":"1","operator":"exact","value":true)"),
     "invalid_operator"},
    {"flag by key",
     Property(R"("type":"flag","key":"one","operator":"flag_evaluates_to","value":true)"), kBad},
    {"missing flag",
     Property(R"("type":"flag","key":"99","operator":"flag_evaluates_to","value":true)"), kBad},
    {"disabled flag",
     Property(R"("type":"flag","key":"3","operator":"flag_evaluates_to","value":true)"), kBad},
    {"deleted flag",
     Property(R"("type":"flag","key":"4","operator":"flag_evaluates_to","value":true)"), kBad},
    {"flag is null",
     Property(R"("type":"flag","key":"1","operator":"flag_evaluates_to","value":null)"),
     "invalid_value"},

    {"variants", Variants(kTwo)},
    {"variants of fractions",
     Variants(
         R"({"key":"a","rollout_percentage":33.33},{"key":"b","rollout_percentage":33.33},{"key":"c","rollout_percentage":33.34})")},
    {"no variants", Variants("")},
    {"99 %", Variants(R"({"key":"a","rollout_percentage":50},{"key":"b","rollout_percentage":49})"),
     kBad},
    {"below 0",
     Variants(R"({"key":"a","rollout_percentage":150},{"key":"b","rollout_percentage":-50})"),
     kBad},
    {"no share", Variants(R"({"key":"a"})"), kBad},
    {"no key of a variant", Variants(R"({"rollout_percentage":100})"), kBad},
    {"one key twice",
     Variants(R"({"key":"a","rollout_percentage":50},{"key":"a","rollout_percentage":50})"), kBad},
    {"multivariate a list", R"({"groups":[{}],"multivariate":[]})", kBad},
    {"override",
     StrCat(R"({"groups":[{"variant":"b"}],"multivariate":{"variants":[)", kTwo, "]}}")},
    {"override of none", Group(R"("variant":"b")"), kBad},
    {"override of another",
     StrCat(R"({"groups":[{"variant":"c"}],"multivariate":{"variants":[)", kTwo, "]}}"), kBad},

    {"payload", R"({"groups":[{}],"payloads":{"true":"{\"a\":1}"}})"},
    {"payload that is empty", R"({"groups":[{}],"payloads":{"true":""}})"},
    {"payload no JSON", R"({"groups":[{}],"payloads":{"true":"{a"}})", kBad},
    {"payload of false", R"({"groups":[{}],"payloads":{"false":"1"}})", kBad},
    {"payload of a variant", Variants(kTwo, R"(,"payloads":{"a":"1","b":"2"})")},
    {"payload of no variant", Variants(kTwo, R"(,"payloads":{"true":"1"})"), kBad},
    {"payloads a list", R"({"groups":[{}],"payloads":[]})", kBad},

    {"group flag",
     R"({"aggregation_group_type_index":1,"groups":[{"properties":[{"type":"group","group_type_index":1,"key":"k","value":"v"}]}]})"},
    {"group of another type",
     R"({"aggregation_group_type_index":1,"groups":[{"properties":[{"type":"group","group_type_index":0,"key":"k","value":"v"}]}]})",
     kBad},
    {"person in a group flag",
     R"({"aggregation_group_type_index":0,"groups":[{"properties":[{"type":"person","key":"k","value":"v"}]}]})",
     kBad},
    {"group in a person flag",
     Property(R"("type":"group","group_type_index":0,"key":"k","value":"v")"), kBad},
    {"group type 5", R"({"aggregation_group_type_index":5,"groups":[{}]})", kBad},
    {"group type a text", R"({"aggregation_group_type_index":"0","groups":[{}]})", kBad},
    {"mixed",
     R"({"groups":[{"aggregation_group_type_index":0,"properties":[{"type":"group","group_type_index":0,"key":"k","value":"v"},{"type":"person","key":"k","value":"v"}]}]})"},
    {"enrollment",
     R"({"groups":[{}],"super_groups":[{"properties":[{"key":"$feature_enrollment/x","type":"person","operator":"exact","value":["true"]}],"rollout_percentage":100}]})"},
    {"super groups a text", R"({"groups":[{}],"super_groups":"x"})", kBad},
    {"super groups null", R"({"groups":[{}],"super_groups":null,"holdout_groups":null})"},
    {"super group a number", R"({"groups":[{}],"super_groups":[5]})", kBad},
    {"super group with a wrong variant", R"({"groups":[{}],"super_groups":[{"variant":5}]})", kBad},
    {"holdout groups a number", R"({"groups":[{}],"holdout_groups":5})", kBad},
    {"switches",
     R"({"groups":[{}],"early_exit":true,"feature_enrollment":false,"multivariate":null,"payloads":null,"holdout":null,"aggregation_group_type_index":null})"},
    {"switches null", R"({"groups":[{}],"early_exit":null,"feature_enrollment":null})"},
    {"early exit a text", R"({"groups":[{}],"early_exit":"x"})", kBad},
    {"early exit an object", R"({"groups":[{}],"early_exit":{}})", kBad},
    {"enrollment a number", R"({"groups":[{}],"feature_enrollment":1})", kBad},
    {"group type a fraction", R"({"aggregation_group_type_index":0.5,"groups":[{}]})", kBad},
    {"group type a bool", R"({"aggregation_group_type_index":true,"groups":[{}]})", kBad},
    {"multivariate a text", R"({"groups":[{}],"multivariate":"x"})", kBad},
    {"variants no list", R"({"groups":[{}],"multivariate":{"variants":{}}})", kBad},
    {"payloads a number", R"({"groups":[{}],"payloads":5})", kBad},
    {"holdout a text", R"({"groups":[{}],"holdout":"x"})", kBad},
    {"holdout of a text", R"({"groups":[{}],"holdout":{"id":1,"exclusion_percentage":"1"}})", kBad},
    {"holdout", R"({"groups":[{}],"holdout":{"id":1,"exclusion_percentage":10}})"},
    {"holdout without id", R"({"groups":[{}],"holdout":{"exclusion_percentage":10}})", kBad},
};

TEST(FlagValidation, Filters) {
  for (const FilterCase& test : kFilterCases) {
    std::string stored;
    const auto error = ReadFlagFilters(test.filters, References(), &stored);
    EXPECT_EQ(error.has_value() ? error->code : "", test.code)
        << test.name << ": " << (error.has_value() ? error->detail : stored);
    if (error.has_value()) {
      EXPECT_EQ(error->attr, "filters") << test.name;
    }
  }
}

TEST(FlagValidation, NoRings) {
  const std::string on_two =
      Property(R"("type":"flag","key":"2","operator":"flag_evaluates_to","value":true)");
  std::string stored;
  EXPECT_FALSE(ReadFlagFilters(on_two, References(), &stored).has_value());
  EXPECT_FALSE(ReadFlagFilters(on_two, References(9), &stored).has_value());
  EXPECT_TRUE(ReadFlagFilters(on_two, References(2), &stored).has_value());
  // By 2, which looks at it.
  EXPECT_TRUE(ReadFlagFilters(on_two, References(1), &stored).has_value());
}

TEST(FlagValidation, ALongChainEndsAndNeedsNoStack) {
  FlagReferences references;
  references.flag_id = 1;
  references.find_flag = [](int64_t id) {
    return id > 10'000 ? nullptr
                       : Json(StrCat(R"({"active":true,"filters":{"groups":[{"properties":[)"
                                     R"({"type":"flag","key":")",
                                     id + 1, R"("}]}]}})"));
  };
  std::string stored;
  EXPECT_FALSE(ReadFlagFilters(Property(R"("type":"flag","key":"2","operator":)"
                                        R"("flag_evaluates_to","value":true)"),
                               references, &stored)
                   .has_value());
}

TEST(FlagValidation, StoresWhatItWasGiven) {
  std::string stored;
  ASSERT_FALSE(ReadFlagFilters(R"({"z":[1,2.5], "groups":[{"rollout_percentage":50,"sort_key":"x",
      "properties":[{"value":1,"type":"person","key":"k","cohort_name":"n"}]}],
      "payloads":{"true":{"b":1,"a":[true]}}})",
                               References(), &stored)
                   .has_value());
  EXPECT_EQ(stored,
            R"({"z":[1,2.5],"groups":[{"rollout_percentage":50,"sort_key":"x","properties":[)"
            R"({"value":1,"type":"person","key":"k","cohort_name":"n"}]}],)"
            R"("payloads":{"true":"{\"b\":1,\"a\":[true]}"}})");
}

struct KeyCase {
  std::string key;
  std::string code;
};

TEST(FlagValidation, Keys) {
  const KeyCase cases[] = {{"a", ""},
                           {"A-b_9", ""},
                           {std::string(400, 'x'), ""},
                           {std::string(401, 'x'), "max_length"},
                           {"", "blank"},
                           {"a b", "invalid_key"},
                           {"a.b", "invalid_key"},
                           {"ä", "invalid_key"},
                           {std::string("a\0b", 3), "invalid_key"}};
  for (const KeyCase& test : cases) {
    const auto error = CheckFlagKey(test.key);
    EXPECT_EQ(error.has_value() ? error->code : "", test.code) << test.key;
  }
}

struct FieldCase {
  const char* name;
  const char* value;
  const char* stored;  // of a refused one its code
};

TEST(FlagValidation, Fields) {
  const FieldCase cases[] = {
      {"name", R"("A b")", R"("A b")"},
      {"name", "null", "\"\""},
      {"name", "5", "invalid_input"},
      {"active", "true", "true"},
      {"active", "\"False\"", "false"},
      {"active", "1", "true"},
      {"active", "2", "invalid_input"},
      {"active", "null", "null"},
      {"active", "\"yes\"", "invalid_input"},
      {"ensure_experience_continuity", "null", "null"},
      {"ensure_experience_continuity", "[]", "invalid_input"},
      {"tags", R"([" Beta ","beta","a",""])", R"(["beta","a"])"},
      {"tags", "\"a\"", "not_a_list"},
      {"tags", "[1]", "invalid_input"},
      {"evaluation_contexts", R"(["App"," Docs"])", R"(["App","Docs"])"},
      {"evaluation_runtime", "\"server\"", "\"server\""},
      {"evaluation_runtime", "null", "null"},
      {"evaluation_runtime", "\"moon\"", "invalid_choice"},
      {"bucketing_identifier", "\"device_id\"", "\"device_id\""},
      {"bucketing_identifier", "5", "invalid_choice"},
      {"creation_context", "\"surveys\"", "\"surveys\""},
      {"creation_context", "null", "invalid_choice"},
      {"rollback_conditions", R"([{"a":1}])", R"([{"a":1}])"},
      {"has_encrypted_payloads", "false", "false"},
      {"has_encrypted_payloads", "true", "invalid_input"},
  };
  for (const FieldCase& test : cases) {
    std::string stored;
    const auto error = ReadFlagField(test.name, test.value, &stored);
    EXPECT_EQ(error.has_value() ? error->code : stored, test.stored)
        << test.name << " " << test.value;
    if (error.has_value()) {
      EXPECT_EQ(error->attr, test.name);
    }
  }
}

TEST(FlagValidation, EnrollmentFollowsTheKey) {
  const std::string filters =
      R"({"groups":[{"properties":[{"key":"$feature_enrollment/a"}]}],"super_groups":[{"x":1,)"
      R"("properties":[{"key":"$feature_enrollment/a","value":["true"]},{"key":"$feature_enrollment/ab"}]},5]})";
  EXPECT_EQ(
      RenameEnrollment(filters, "a", "b"),
      R"({"groups":[{"properties":[{"key":"$feature_enrollment/a"}]}],"super_groups":[{"x":1,)"
      R"("properties":[{"key":"$feature_enrollment/b","value":["true"]},{"key":"$feature_enrollment/ab"}]},5]})");
  EXPECT_EQ(RenameEnrollment(R"({"super_groups":null})", "a", "b"), R"({"super_groups":null})");
}

}  // namespace
}  // namespace hoglet
