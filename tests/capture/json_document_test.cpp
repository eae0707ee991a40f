#include "src/capture/json_document.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <atomic>
#include <thread>

namespace hoglet {
namespace {

std::string CanonicalOf(const std::string& text) {
  std::string canonical;
  const absl::Status status = VisitJsonDocument(
      text, [&](const simdjson::dom::element& root) { canonical = CanonicalJson(root); });
  return status.ok() ? canonical : std::string("error");
}

TEST(JsonDocument, CanonicalText) {
  EXPECT_EQ(CanonicalOf(R"({ "b" : [1, 2.50, -0.0, 1e3] , "a":{"z":null,"y":true} })"),
            R"({"a":{"y":true,"z":null},"b":[1,2.5,-0.0,1000.0]})");
  EXPECT_EQ(CanonicalOf("23"), "23");
  EXPECT_EQ(CanonicalOf("23.4"), "23.4");
  EXPECT_EQ(CanonicalOf("1e16"), "1e16");
  EXPECT_EQ(CanonicalOf("1e15"), "1000000000000000.0");
  EXPECT_EQ(CanonicalOf("1.5e300"), "1.5e300");
  EXPECT_EQ(CanonicalOf("0.00001"), "0.00001");
  EXPECT_EQ(CanonicalOf("0.000001"), "1e-6");
  EXPECT_EQ(CanonicalOf("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(CanonicalOf(R"("a\"\u00e9\n")"), "\"a\\\"é\\n\"");
}

TEST(JsonDocument, IntegersBeyondSixtyFourBitsAreDoubles) {
  EXPECT_EQ(CanonicalOf("123456789012345678901234567890"), "1.2345678901234568e29");
  EXPECT_EQ(
      CanonicalOf(R"(["99999999999999999999",-99999999999999999999,1.23456789012345678901e2])"),
      R"(["99999999999999999999",-1e20,123.45678901234568])");
  EXPECT_EQ(CanonicalOf("[99999999999999999999e5]"), "[1e25]");
}

TEST(JsonDocument, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1,}", "nul", "\"\\ud800\"", "[1] 2", "01",
                           "\"\x01\"", "1e999", "NaN"}) {
    EXPECT_EQ(CanonicalOf(text), "error") << text;
  }
}

TEST(JsonDocument, NestingIsBounded) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_NE(CanonicalOf(nested(100)), "error");
  EXPECT_EQ(CanonicalOf(nested(200)), "error");
  EXPECT_EQ(CanonicalOf(std::string(1'000'000, '[')), "error");
}

TEST(JsonDocument, LargeTexts) {
  EXPECT_EQ(CanonicalOf("[\"" + std::string(3 << 20, 'a') + "\"]").size(), (3u << 20) + 4);
}

TEST(JsonDocument, ManyValuesAreRefusedBeforeTheyTakeMemory) {
  std::string dense = "[0";
  for (int i = 0; i < 5'000'000; ++i) dense += ",0";
  EXPECT_EQ(CanonicalOf(dense + "]"), "error");
  EXPECT_NE(CanonicalOf(dense.substr(0, 6'000'000) + "]"), "error");
}

TEST(JsonDocument, LargeTextsOfManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i, &right] {
      const std::string text =
          "[\"" + std::string((i + 1) << 20, 'x') + "\"," + std::to_string(i) + "]";
      right += CanonicalOf(text) == text;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 8);
}

TEST(SliceJson, Objects) {
  const auto slices = SliceJson(R"( { "a" : "x\"}," , "b":[1,{"c":"]"}] ,"d":-1.5e3, "e":{} } )");
  ASSERT_EQ(slices.size(), 4u);
  EXPECT_EQ(slices[0].key, "\"a\"");
  EXPECT_EQ(slices[0].value, R"("x\"},")");
  EXPECT_EQ(slices[1].value, R"([1,{"c":"]"}])");
  EXPECT_EQ(slices[2].value, "-1.5e3");
  EXPECT_EQ(slices[3].value, "{}");
}

TEST(SliceJson, Arrays) {
  const auto slices = SliceJson("[1 , \"a\\\\\", null,[],{\"k\":[[]]}\n]");
  ASSERT_EQ(slices.size(), 5u);
  EXPECT_EQ(slices[0].value, "1");
  EXPECT_EQ(slices[1].value, R"("a\\")");
  EXPECT_EQ(slices[2].value, "null");
  EXPECT_EQ(slices[4].value, R"({"k":[[]]})");
  EXPECT_TRUE(SliceJson("[ ]").empty());
  EXPECT_TRUE(SliceJson("{}").empty());
  EXPECT_TRUE(SliceJson("17").empty());
}

TEST(SliceJson, StringsOfEveryLengthEndWhereTheyEnd) {
  for (size_t length = 0; length < 40; ++length) {
    for (size_t escape = 0; escape <= length; ++escape) {
      std::string text = std::string(escape, '!') + "\\\"" + std::string(length - escape, '#');
      text = "[\"" + text + "\",2]";
      const auto slices = SliceJson(text);
      ASSERT_EQ(slices.size(), 2u) << text;
      EXPECT_EQ(slices[0].value, text.substr(1, text.size() - 4));
    }
  }
}

TEST(SliceJson, FromMemberReadsNoFurther) {
  EXPECT_EQ(FromMember(R"({ "a" : [1], "b": {"c":2} , "d":3})", 1), R"({"c":2} , "d":3})");
  EXPECT_EQ(FromMember(R"({"a":1})", 0), "1}");
}

std::string RepairedOf(std::string text) {
  const absl::Status status = VisitJsonDocument(&text, [](const simdjson::dom::element&) {});
  return status.ok() ? text : std::string("error");
}

TEST(HalfSurrogates, AreReplacedInPlace) {
  EXPECT_EQ(RepairedOf(R"({"a":"x\ud83d"})"), R"({"a":"x\ufffd"})");
  EXPECT_EQ(RepairedOf(R"({"a":"\udE00 \uD83d\uDe00"})"), R"({"a":"\ufffd \uD83d\uDe00"})");
  EXPECT_EQ(RepairedOf(R"(["\ud83d\ud83d\ude00"])"), R"(["\ufffd\ud83d\ude00"])");
  EXPECT_EQ(RepairedOf(R"(["\ud83d\u0041"])"), R"(["\ufffd\u0041"])");
  EXPECT_EQ(RepairedOf(R"(["\\ud83d"])"), R"(["\\ud83d"])");
  EXPECT_EQ(RepairedOf(R"(["\ud83"])"), "error");
  EXPECT_EQ(RepairedOf(R"(["\ud83d)"), "error");
}

}  // namespace
}  // namespace hoglet
