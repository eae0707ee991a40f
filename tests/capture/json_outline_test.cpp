#include "src/capture/json_outline.h"

#include <gtest/gtest.h>

#include <random>

#include "include/hoglet/env.h"
#include "src/base/base64.h"
#include "src/base/strings.h"
#include "tests/capture/outline_check.h"

namespace hoglet {
namespace {

std::string Nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string Batch(std::string_view event) {
  return StrCat(R"({"api_key":"k","batch":[)", event, ",", event, R"(],"sent_at":null})");
}

TEST(JsonOutline, ReadsWhatRequestsSay) {
  for (const char* text : {
           R"({"event":"a","distinct_id":"d","properties":{"token":"t","x":[{"event":1}]}})",
           R"([{"event":"a","properties":{"distinct_id":7,"$set":{"a":1}}},{}])",
           R"({"batch":[{"event":"a"},{"offset":-5,"uuid":null}],"batch":[{"event":"b"}]})",
           R"({"batch":{"event":"a"},"properties":[{"token":"t"}],"event":{"properties":{}}})",
           R"({"batch":[[{"event":"a"}],1,"x",true,null],"token":"t"})",
           "\t{ \"api_key\" : \"k\" ,\r\n \"batch\" : [ { } , { \"event\" : \"e\" } ] } \n",
           R"({"event":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000"})",
           R"({"a":[0,-0,1.5,-1.25e+10,1e-99,123456789012345678,0.00000000000000000000001]})",
           R"({"":1,"$":2,"$se":3,"$set_onc":4,"$set_once":null,"propertie":5,"eventt":6})",
           R"({"\u0065vent":"a","prop\u0065rties":{"t\u006Fken":"t","\u00e9":1,"a\/b":2}})",
           "[]",
           "{}",
           "17",
           "\"event\"",
           "null",
       }) {
    EXPECT_TRUE(CheckOutline(text)) << text;
  }
}

TEST(JsonOutline, LeavesTheUnusualToOthers) {
  for (const std::string& text :
       {std::string("[12345678901234567890123]"), std::string("[1e100]"), Nested(126), Nested(127),
        Nested(128), StrCat("[\"", std::string(5 << 20, 'x'), "\"]")}) {
    EXPECT_FALSE(CheckOutline(text));
  }
}

TEST(JsonOutline, RefusesWhatIsNotJson) {
  for (const char* text : {
           "",
           " ",
           "{",
           "[",
           "[1,]",
           "[,1]",
           "{\"a\":1,}",
           "{\"a\"}",
           "{\"a\":}",
           "{a:1}",
           "nul",
           "truE",
           "[1] 2",
           "[1]]",
           "01",
           "-",
           "+1",
           ".5",
           "1.",
           "1e",
           "1e+",
           "0x1",
           "NaN",
           "[1 2]",
           "{\"a\" 1}",
           "{\"a\":1 \"b\":2}",
           "[\"\x01\"]",
           "[\"\t\"]",
           "[\"a]",
           "[\"\\\"]",
           "[\"\\x\"]",
           "[\"\\u12g4\"]",
           "[\"\\u12\"]",
           "[\"\\ud800\"]",
           "[\"\\udc00\"]",
           "[\"\\ud83d\\u0041\"]",
           "[\"\\ud83dx\"]",
           "[true false]",
           "\xef\xbb\xbf[]",
           "[1]\x0b",
       }) {
    EXPECT_FALSE(CheckOutline(text)) << text;
  }
  EXPECT_FALSE(CheckOutline(std::string_view("[1]\0", 4)));
  EXPECT_FALSE(CheckOutline(std::string_view("[\"a\0b\"]", 7)));
  EXPECT_FALSE(CheckOutline("[\"\xff\"]"));
}

// Cut anywhere, a text is no JSON; ended anywhere, strings end where they end.
TEST(JsonOutline, EveryLengthAndPlace) {
  const std::string whole =
      Batch(R"({"event":"$pageview","properties":{"$set":{"a":[1,-2.5e3]},"q":"\"x\"","n":null}})");
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_FALSE(CheckOutline(whole.substr(0, bytes)));
  }
  for (size_t bytes = 0; bytes < 100; ++bytes) {
    const std::string filler(bytes, 'x');
    EXPECT_TRUE(CheckOutline(StrCat(R"({"k)", filler, R"(":1,"event":")", filler, R"("})")));
    EXPECT_TRUE(CheckOutline(StrCat(R"([")", filler, R"(\\",")", filler, R"(\"é"])")));
  }
}

// The bodies of the vectors' requests that are short enough to be changed many times, as they came.
std::vector<std::string> VectorBodies() {
  std::vector<std::string> bodies;
  for (const char* file : {"distinct_id", "sdk_traffic", "shapes", "timestamps", "token", "uuid"}) {
    const std::string path = StrCat(HOGLET_SOURCE_DIR "/tests/vectors/capture/", file, ".json");
    const auto text = Env::Posix()->ReadWholeFile(path);
    EXPECT_TRUE(text.ok()) << text.status();
    constexpr std::string_view kField = "\"body_base64\": \"";
    for (size_t at = text->find(kField); at != std::string::npos; at = text->find(kField, at)) {
      at += kField.size();
      auto body = Base64Decode(std::string_view(*text).substr(at, text->find('"', at) - at));
      if (body.has_value() && !body->empty() && body->size() < 2'000) {
        bodies.push_back(*std::move(body));
      }
    }
  }
  EXPECT_GT(bodies.size(), 30u);
  return bodies;
}

// A few random changes, at marks of JSON or anywhere.
std::string Damaged(std::string text, std::mt19937* random) {
  constexpr std::string_view kMarks = "\"\\{}[]:,0159-+.eEu tfn\n\x01\x7f\xc3\xa9";
  const auto below = [random](size_t count) { return static_cast<size_t>((*random)() % count); };
  for (size_t changes = below(4); changes > 0; --changes) {
    const size_t at = below(text.size());
    switch (below(4)) {
      case 0:
        text[at] = kMarks[below(kMarks.size())];
        break;
      case 1:
        text.insert(at, 1, kMarks[below(kMarks.size())]);
        break;
      case 2:
        text.erase(at, 1 + below(3));
        break;
      default:
        text.insert(at, text.substr(below(text.size()), below(20)));
    }
    if (text.empty()) text = " ";
  }
  return text;
}

// Whatever a few changes make of requests, both readers agree.
TEST(JsonOutline, AgreesWithTheParserOnDamagedRequests) {
  std::vector<std::string> seeds = VectorBodies();
  const size_t vector_count = seeds.size();
  const std::vector<std::string> made = {
      Batch(R"({"event":"a","distinct_id":1.50,"uuid":"u","properties":{"token":"t","$set":{}}})"),
      R"([{"event":"\u00e9\ud83d\ude00","timestamp":"t","offset":123456789,"$set_once":null}])",
      R"({"event":"a\"b","properties":{"distinct_id":{"a":[]},"capture_internal":false,"z":-0.5e7}})",
      R"( { "historical_migration" : true , "batch" : [ { } , [ ] ] , "api_key" : "k" } )"};
  seeds.insert(seeds.end(), made.begin(), made.end());
  std::mt19937 random(20260319);
  constexpr int kRounds = 20'000;
  int taken = 0;
  for (int round = 0; round < kRounds; ++round) {
    // As many of the made ones as of the others.
    const size_t index =
        round % 2 == 0 ? random() % vector_count : vector_count + random() % made.size();
    taken += CheckOutline(Damaged(seeds[index], &random));
  }
  // Neither all nor none, or the changes prove nothing.
  EXPECT_GT(taken, kRounds / 4);
  EXPECT_LT(taken, kRounds * 3 / 4);
}

// More keys than are remembered, of all lengths, in an order that changes.
TEST(JsonOutline, ManyKeys) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string text = "[{";
    for (int i = 0; i < 40; ++i) {
      const std::string key = StrCat("k", random() % 3'000, std::string(random() % 40, '_'));
      StrAppend(&text, i == 0 ? "" : ",", "\"", key, i % 7 == 0 ? "\" :" : "\":", i);
      if (i % 10 == 0)
        StrAppend(&text, R"(,"event":"e","$set":{"a":1},"properties":{"token":"t"})");
    }
    EXPECT_TRUE(CheckOutline(StrCat(text, "}]")));
    // A key that is as guessed but for its end.
    EXPECT_TRUE(CheckOutline(R"({"abc":1,"abcd":2})"));
    EXPECT_TRUE(CheckOutline(R"({"abc":1,"abcd" :2})"));
    EXPECT_FALSE(CheckOutline(R"({"abc":1,"abcd"2})"));
    EXPECT_FALSE(CheckOutline(R"({"abc":1,"abcd":})"));
    EXPECT_FALSE(CheckOutline(R"({"abc":1,"abc)"));
  }
}

TEST(JsonOutline, IsReused) {
  JsonOutline outline;
  for (const char* name : {"first", "second"}) {
    std::string text = StrCat(R"([{"event":")", name, R"("}])");
    JsonOutline::Pad(&text);
    ASSERT_TRUE(outline.Read(text));
    Arena arena;
    EXPECT_EQ((*(*outline.root().begin()).begin()).String(&arena), name);
    outline.Shrink();
  }
}

}  // namespace
}  // namespace hoglet
