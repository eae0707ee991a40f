#include "src/flags/flag_value.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "src/base/json.h"
#include "src/base/unicode_case.h"

namespace hoglet {
namespace {

struct ValueCase {
  const char* json;
  FlagValue::Kind kind;
  const char* text;
};

using Kind = FlagValue::Kind;

TEST(FlagValue, SentOnesAreTextsAsSerdePrintsThem) {
  const ValueCase cases[] = {
      {"null", Kind::kNull, "null"},
      {"true", Kind::kBool, "true"},
      {"1", Kind::kNumber, "1"},
      {"1.0", Kind::kNumber, "1.0"},
      {"1e2", Kind::kNumber, "100.0"},
      {"18446744073709551615", Kind::kNumber, "18446744073709551615"},
      {R"("a\"b")", Kind::kString, "a\"b"},
      {R"([1, "a" , {"b":1,"a":2}])", Kind::kArray, R"([1,"a",{"a":2,"b":1}])"},
      {R"({"b":1,"a":2})", Kind::kObject, R"({"a":2,"b":1})"}};
  for (const ValueCase& c : cases) {
    simdjson::dom::parser parser;
    Arena arena;
    const simdjson::padded_string json = simdjson::padded_string(std::string(c.json));
    const FlagValue value = FlagValue::FromJson(parser.parse(json).value(), &arena);
    EXPECT_EQ(value.kind, c.kind) << c.json;
    EXPECT_EQ(value.text, c.text) << c.json;
  }
}

TEST(FlagValue, StoredOnesHaveLostTheirPoint) {
  const ValueCase cases[] = {{"null", Kind::kNull, "null"},
                             {"false", Kind::kBool, "false"},
                             {"-9223372036854775808", Kind::kNumber, "-9223372036854775808"},
                             {"1.0", Kind::kNumber, "1"},
                             {"1.5", Kind::kNumber, "1.5"},
                             {"1e300", Kind::kNumber, "1e300"},
                             {"18446744073709551615", Kind::kNumber, "18446744073709551615"},
                             {"18446744073709551617", Kind::kNumber, "1.8446744073709552e19"},
                             {"\"x\"", Kind::kString, "x"},
                             {R"({"b":[1],"a":2})", Kind::kObject, R"({"a":2,"b":[1]})"}};
  for (const ValueCase& c : cases) {
    Arena arena;
    JsonMember member;
    ASSERT_TRUE(ParseJsonValue(c.json, &arena, &member).ok()) << c.json;
    const FlagValue value = FlagValue::FromMember(member, &arena);
    EXPECT_EQ(value.kind, c.kind) << c.json;
    EXPECT_EQ(value.text, c.text) << c.json;
  }
}

TEST(FlagProperties, KeepTheLatest) {
  FlagProperties properties;
  EXPECT_TRUE(properties.empty());
  properties.Set("a", {Kind::kString, "1"});
  properties.Set("b", {Kind::kString, "2"});
  properties.Set("a", {Kind::kString, "3"});
  EXPECT_EQ(properties.Find("a")->text, "3");
  EXPECT_EQ(properties.Find("b")->text, "2");
  EXPECT_EQ(properties.Find("c"), nullptr);
}

TEST(FlagProperties, MayBeMany) {
  Arena arena;
  FlagProperties properties;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 20'000; ++i) {
      properties.Set(arena.Copy(std::to_string(i)),
                     {Kind::kNumber, arena.Copy(std::to_string(i + round))});
    }
  }
  for (int i = 0; i < 20'000; i += 999) {
    EXPECT_EQ(properties.Find(std::to_string(i))->text, std::to_string(i + 1));
  }
  EXPECT_EQ(properties.Find("20000"), nullptr);
}

TEST(UnicodeCase, LowersAsRustDoes) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"AbC", "abc"},
                                                       {"ÄÖÜẞ", "äöüß"},
                                                       {"İI", "i̇i"},
                                                       {"ΟΔΟΣ", "οδος"},
                                                       {"ΟΔΟΣ ΟΔΟΣΑ", "οδος οδοσα"},
                                                       {"Σ", "σ"},
                                                       {"Α'Σ'", "α'ς'"},
                                                       {"Α'Σ'Α", "α'σ'α"},
                                                       {"ᲐᏣ𐐀Ǆǅ", "აꮳ𐐨ǆǆ"},
                                                       {"\u212a\u2126", "kω"},
                                                       {"\xff"
                                                        "A\xe2\x82",
                                                        "\xff"
                                                        "a\xe2\x82"}};
  for (const auto& [text, lower] : cases) {
    std::string out;
    AppendLowercase(text, &out);
    EXPECT_EQ(out, lower) << text;
  }
}

}  // namespace
}  // namespace hoglet
