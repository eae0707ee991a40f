#include "src/base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "src/base/key_hash.h"
#include "src/base/limits.h"

namespace hoglet {
namespace {

// The canonical text of any JSON text, or the error.
std::string Canonical(std::string_view text) {
  Arena arena;
  JsonMember value;
  const absl::Status status = ParseJsonValue(text, &arena, &value);
  if (!status.ok()) return std::string(status.message());
  std::string out;
  AppendJsonValue(value, &out);
  return out;
}

struct TextCase {
  const char* text;
  const char* canonical;
};

class JsonText : public testing::TestWithParam<TextCase> {};

TEST_P(JsonText, ReadsAndPrints) {
  EXPECT_EQ(Canonical(GetParam().text), GetParam().canonical);
  // The same inside an array, where it is text and not a member.
  EXPECT_EQ(Canonical(std::string("[") + GetParam().text + "]"),
            std::string("[") + GetParam().canonical + "]");
}

INSTANTIATE_TEST_SUITE_P(
    Values, JsonText,
    testing::Values(
        TextCase{"null", "null"}, TextCase{" true ", "true"}, TextCase{"false", "false"},
        TextCase{"0", "0"}, TextCase{"-0", "0"}, TextCase{"-0.0", "0"}, TextCase{"1.0", "1"},
        TextCase{"1e3", "1000"}, TextCase{"1E+3", "1000"}, TextCase{"23.4", "23.4"},
        TextCase{"0.1", "0.1"}, TextCase{"1e21", "1e+21"},
        TextCase{"1e20", "100000000000000000000"},
        TextCase{"123456789012345680000", "123456789012345680000"}, TextCase{"1e-6", "0.000001"},
        TextCase{"1e-7", "1e-7"}, TextCase{"1.5e-10", "1.5e-10"},
        TextCase{"-1.25e300", "-1.25e+300"}, TextCase{"1e-400", "0"},
        TextCase{"9007199254740993", "9007199254740993"},
        TextCase{"9223372036854775807", "9223372036854775807"},
        TextCase{"-9223372036854775808", "-9223372036854775808"},
        TextCase{"9223372036854775808", "9223372036854776000"},
        TextCase{"18446744073709551615", "18446744073709551615"},
        TextCase{"123456789012345678901234567890", "123456789012345678901234567890"},
        TextCase{"9007199254740993.0", "9007199254740992"}, TextCase{"\"\"", "\"\""},
        TextCase{"\"a\\u0041\\/\\n\\u001f\"", "\"aA/\\n\\u001f\""},
        TextCase{"\"\\u0000\"", "\"\\u0000\""},
        TextCase{"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
        TextCase{"\"\\ud83d\"", "\"\xef\xbf\xbd\""}, TextCase{"\"\\ude00x\"", "\"\xef\xbf\xbdx\""},
        TextCase{"\"\\ud83d\\u0041\"",
                 "\"\xef\xbf\xbd"
                 "A\""},
        TextCase{"\"\xc3\xa9\"", "\"\xc3\xa9\""},
        TextCase{"\"a long string without any escapes in it\"",
                 "\"a long string without any escapes in it\""},
        TextCase{"\"sixteen bytes or so, then a quote \\\" and more\"",
                 "\"sixteen bytes or so, then a quote \\\" and more\""},
        TextCase{"[]", "[]"}, TextCase{"{}", "{}"}, TextCase{" [ 1 , [ ] , { } ] ", "[1,[],{}]"},
        TextCase{"{\"a\" : 1.0 , \"b\" : { \"c\" : [ 1e2 ] } }", "{\"a\":1,\"b\":{\"c\":[100]}}"},
        TextCase{"{\"a\":1,\"a\":2}", "{\"a\":1}"},
        TextCase{"{\"a\":1,\"b\":{\"x\":1,\"x\":2},\"a\":3}", "{\"a\":1,\"b\":{\"x\":1}}"},
        TextCase{"{\"\":1}", "{\"\":1}"}, TextCase{"{\"\\u0061\":1,\"a\":2}", "{\"a\":1}"}));

class BadJson : public testing::TestWithParam<const char*> {};

TEST_P(BadJson, IsRefused) {
  Arena arena;
  JsonMember value;
  EXPECT_EQ(ParseJsonValue(GetParam(), &arena, &value).code(), absl::StatusCode::kInvalidArgument)
      << GetParam();
  EXPECT_FALSE(ParseJsonValue(std::string("[") + GetParam() + "]", &arena, &value).ok() &&
               GetParam()[0] != '\0' && GetParam()[0] != ' ');
}

INSTANTIATE_TEST_SUITE_P(Texts, BadJson,
                         testing::Values("", " ", "nul", "True", "01", "-", "-a", "1.", ".5", "1e",
                                         "1e+", "+1", "0x1", "NaN", "Infinity", "\"", "\"a", "\"\\",
                                         "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\t\"", "\"\n\"",
                                         "'a'", "[", "[1", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"",
                                         "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}", "{1:1}",
                                         "{\"a\" 1}", "1 2", "[] x", "\"\xff\"", "\"\xc0\x80\"",
                                         "\"\xed\xa0\x80\"", "\xef\xbb\xbf{}", "[1}", "{\"a\":1]",
                                         "/**/1"));

TEST(Json, TypedMembers) {
  Arena arena;
  JsonObjectView members;
  const std::string text =
      R"({"n":null,"b":true,"i":-7,"d":1.5,"s":"x","e":"a\nb","o":{"k":[1.0]},"a":[],"big":99999999999999999999})";
  ASSERT_TRUE(ParseJsonObject(text, &arena, &members).ok());
  ASSERT_EQ(members.size(), 9u);
  EXPECT_EQ(FindJsonMember(members, "n")->kind, JsonKind::kNull);
  EXPECT_TRUE(FindJsonMember(members, "b")->boolean);
  EXPECT_EQ(FindJsonMember(members, "i")->integer, -7);
  EXPECT_EQ(FindJsonMember(members, "d")->number, 1.5);
  EXPECT_EQ(FindJsonMember(members, "e")->text, "a\nb");
  EXPECT_EQ(FindJsonMember(members, "o")->text, "{\"k\":[1]}");
  EXPECT_EQ(FindJsonMember(members, "a")->kind, JsonKind::kRaw);
  EXPECT_EQ(FindJsonMember(members, "big")->kind, JsonKind::kRaw);
  EXPECT_EQ(FindJsonMember(members, "big")->text, "99999999999999999999");
  EXPECT_EQ(FindJsonMember(members, "none"), nullptr);
  EXPECT_EQ(
      SerializeJsonObject(members),
      R"({"n":null,"b":true,"i":-7,"d":1.5,"s":"x","e":"a\nb","o":{"k":[1]},"a":[],"big":99999999999999999999})");
  // Without escapes nothing is copied.
  EXPECT_GE(FindJsonMember(members, "s")->text.data(), text.data());
  EXPECT_LT(FindJsonMember(members, "s")->text.data(), text.data() + text.size());
  EXPECT_FALSE(ParseJsonObject("[]", &arena, &members).ok());
  std::vector<JsonMember> items;
  EXPECT_FALSE(ParseJsonArray("{}", &arena, &items).ok());
  ASSERT_TRUE(ParseJsonArray("[1,\"a\",{}]", &arena, &items).ok());
  EXPECT_EQ(items.size(), 3u);
}

TEST(Json, ManyKeysStayUnique) {
  std::string text = "{";
  for (int i = 0; i < 200; ++i)
    text += "\"k" + std::to_string(i % 100) + "\":" + std::to_string(i) + ",";
  text.back() = '}';
  Arena arena;
  JsonObjectView members;
  ASSERT_TRUE(ParseJsonObject(text, &arena, &members).ok());
  ASSERT_EQ(members.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(members[static_cast<size_t>(i)].integer, i);
}

// The members of one object read beside the others give what reading it by itself gives.
TEST(Json, NestedMembersInOnePass) {
  Arena arena;
  JsonObjectView members;
  JsonObjectView nested;
  const auto read = [&](std::string_view text) {
    const absl::Status status = ParseJsonObjectWith(text, "p", &arena, &members, &nested);
    return status.ok() ? SerializeJsonObject(members) + " " + SerializeJsonObject(nested)
                       : std::string(status.message());
  };
  EXPECT_EQ(read(R"({"a":1,"p":{"x":[1.0],"p":{"p":2},"x":3},"b":{"p":{"y":"\/"}}})"),
            R"({"a":1,"p":{},"b":{"p":{"y":"/"}}} {"x":[1],"p":{"p":2}})");
  EXPECT_EQ(read(R"({"p":[1],"p":{"x":1}})"), R"({"p":[1]} {})");
  EXPECT_EQ(read(R"({"p":{"x":1},"p":{"x":2,"y":3}})"), R"({"p":{}} {"x":1})");
  EXPECT_EQ(read("{}"), "{} {}");
  EXPECT_EQ(read(R"({"p":{"x":1,}})"), "JSON: expected a key at byte 12");
  const size_t depth = limits::kJsonDepthMax - 2;
  const std::string deep = std::string(depth, '[') + std::string(depth, ']');
  EXPECT_EQ(read(R"({"p":{"x":)" + deep + "}}"), R"({"p":{}} {"x":)" + deep + "}");
  EXPECT_NE(read(R"({"p":{"x":[)" + deep + "]}}").find("nested too deep"), std::string::npos);
}

// Read in place or out of its canonical text, an object's members are the same.
TEST(Json, NestedMembersAreThoseOfTheirText) {
  const char* const values[] = {"1.0",
                                "-0",
                                "-0.0",

                                "5e-324",
                                "1e-400",
                                "1e22",
                                "123456789012345678901234567890",
                                "9007199254740993",
                                "-1.50",
                                "9223372036854775807",
                                "-9223372036854775808",
                                "18446744073709551615",
                                "0.1e1",
                                "100e-2",
                                "1E5",
                                "null",
                                "true",
                                "\"\"",
                                R"("\u0000")",
                                R"("\ud83d\ude00")",
                                R"("\ud83d")",
                                R"("a\/b\u0041")",
                                "\"\x7f é\"",
                                R"({"a":1.0,"a":2,"\u0061":3})",
                                R"([1.0,-0,"\u00e9"])",
                                "{}",
                                "[]",
                                R"({"$set":{"x":[{"y":1e3}]}})"};
  std::string object = "{";
  for (size_t i = 0; i < std::size(values); ++i) {
    object += (i > 0 ? " , \"k" : "\"k") + std::to_string(i) + "\" : " + values[i];
  }
  object += "}";
  Arena arena;
  JsonObjectView members;
  JsonObjectView in_place;
  const std::string whole = "{\"a\":1,\"p\":" + object + "}";
  const absl::Status status = ParseJsonObjectWith(whole, "p", &arena, &members, &in_place);
  ASSERT_TRUE(status.ok()) << status << " " << whole;
  const std::string text = Canonical(object);
  JsonObjectView of_text;
  ASSERT_TRUE(ParseJsonObject(text, &arena, &of_text).ok());
  ASSERT_EQ(in_place.size(), std::size(values));
  ASSERT_EQ(of_text.size(), in_place.size());
  for (size_t i = 0; i < in_place.size(); ++i) {
    EXPECT_EQ(in_place[i].kind, of_text[i].kind) << values[i];
    EXPECT_EQ(in_place[i].text, of_text[i].text) << values[i];
    EXPECT_EQ(in_place[i].integer, of_text[i].integer) << values[i];
    if (in_place[i].kind == JsonKind::kDouble) {
      EXPECT_EQ(in_place[i].number, of_text[i].number) << values[i];
    }
  }
}

TEST(Json, KeysStayUniqueInObjectsOfAnySize) {
  for (int keys = 1; keys < 260; ++keys) {
    std::string once;
    for (int i = 0; i < keys; ++i) {
      once += (once.empty() ? "\"" : ",\"") + std::to_string(i * 7919) + "\":" + std::to_string(i);
    }
    EXPECT_EQ(Canonical("{" + once + "," + once + "}"), "{" + once + "}");
  }
}

TEST(NameTable, FindsItsNamesAndNoOthers) {
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i)
    texts.push_back(std::string(static_cast<size_t>(i / 2), 'x') + (i % 2 ? "a" : "b"));
  const std::vector<std::string_view> names(texts.begin(), texts.end());
  const NameTable<128> table(names);
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(table.Find(names[i]), static_cast<int>(i));
    EXPECT_EQ(table.Find(texts[i] + "c"), -1);
  }
  EXPECT_EQ(table.Find(""), -1);
}

TEST(Json, DepthHasALimit) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(Canonical(nested(limits::kJsonDepthMax)), nested(limits::kJsonDepthMax));
  EXPECT_NE(Canonical(nested(limits::kJsonDepthMax + 1)).find("nested too deep"),
            std::string::npos);
  // Siblings are not depth.
  std::string wide = "[";
  for (int i = 0; i < 1000; ++i) wide += "[],{},";
  wide.back() = ']';
  EXPECT_EQ(Canonical(wide), wide);
}

TEST(Json, ErrorsSayWhere) {
  EXPECT_EQ(Canonical("{\"a\":1,}"), "JSON: expected a key at byte 7");
  EXPECT_EQ(Canonical("[1 2]"), "JSON: expected , or ] in an array at byte 3");
  EXPECT_EQ(Canonical("{} x"), "JSON: text after the value at byte 3");
}

TEST(Json, DoublesReadBackEqual) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    std::string text;
    AppendJsonDouble(value, &text);
    Arena arena;
    JsonMember member;
    ASSERT_TRUE(ParseJsonValue(text, &arena, &member).ok()) << text;
    const double back =
        member.kind == JsonKind::kInt64 ? static_cast<double>(member.integer) : member.number;
    if (member.kind != JsonKind::kRaw) {
      ASSERT_EQ(back, value) << text;
    }
  }
  std::string text;
  AppendJsonDouble(std::nan(""), &text);
  AppendJsonDouble(std::numeric_limits<double>::infinity(), &text);
  EXPECT_EQ(text, "nullnull");
}

TEST(Json, EscapingIsAlwaysValid) {
  EXPECT_EQ(JsonEscape("a\"b\\c\x01\x7f"), "a\\\"b\\\\c\\u0001\x7f");
  EXPECT_EQ(JsonEscape("\xff"
                       "a\xc3"),
            "\xef\xbf\xbd"
            "a\xef\xbf\xbd");
  EXPECT_EQ(JsonEscape(std::string_view("\0", 1)), "\\u0000");
  std::mt19937_64 random(3);
  for (int i = 0; i < 5000; ++i) {
    std::string text(random() % 12, '\0');
    for (char& c : text) c = static_cast<char>(random() % 4 == 0 ? random() : 0xe0 + random() % 32);
    const std::string escaped = JsonEscape(text);
    EXPECT_TRUE(IsValidUtf8(escaped));
    EXPECT_EQ(IsValidUtf8(text), escaped.find("\xef\xbf\xbd") == std::string::npos ||
                                     text.find("\xef\xbf\xbd") != std::string::npos);
  }
}

// Counts of U+FFFD as in the Unicode standard's examples (3.9, "maximal subparts"), which WHATWG
// and Rust follow.
TEST(Json, OneReplacementForEachPartOfACharacter) {
  const auto repaired = [](std::string_view text) {
    std::string out;
    for (const char c : JsonEscape(text)) out.push_back(c);
    for (size_t at; (at = out.find("\xef\xbf\xbd")) != std::string::npos;) out.replace(at, 3, "?");
    return out;
  };
  EXPECT_EQ(repaired("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), "????????A");
  EXPECT_EQ(repaired("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), "????????A");
  EXPECT_EQ(repaired("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), "?????A??B");
  EXPECT_EQ(repaired("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), "????A");
  EXPECT_EQ(repaired("a\xf0\x9f\x98"), "a?");
  EXPECT_EQ(repaired("\xe2\x82\xac\xe2\x82z"), "\xe2\x82\xac?z");
}

TEST(JsonWriter, Writes) {
  JsonWriter writer;
  writer.BeginObject()
      .Field("a", 1)
      .Field("b", "x\"")
      .Field("c", true)
      .Field("d", 1.5)
      .Field("u", uint64_t{18446744073709551615u})
      .Key("e")
      .BeginArray()
      .Int(1)
      .Null()
      .Raw("{}")
      .EndArray()
      .Key("f")
      .BeginObject()
      .EndObject()
      .EndObject();
  EXPECT_EQ(
      writer.text(),
      R"({"a":1,"b":"x\"","c":true,"d":1.5,"u":18446744073709551615,"e":[1,null,{}],"f":{}})");
}

TEST(Json, NoPrefixOfATextCrashes) {
  const std::string text =
      R"({"a":[1.5e3,"x\u00e9\ud83d\ude00",{"b":null}],"c":true,"d":-12,"e":"\\\""})";
  for (size_t bytes = 0; bytes < text.size(); ++bytes) {
    Arena arena;
    JsonObjectView members;
    // A buffer of exactly that size, so that a sanitizer sees a read past it.
    const std::vector<char> exact(text.begin(), text.begin() + static_cast<long>(bytes));
    EXPECT_FALSE(ParseJsonObject({exact.data(), exact.size()}, &arena, &members).ok());
  }
}

TEST(Arena, HandsOutAndTakesBack) {
  Arena arena(64);
  char* a = arena.Allocate(10);
  arena.ShrinkLast(10, 3);
  EXPECT_EQ(arena.Allocate(1), a + 8);
  EXPECT_EQ(arena.Copy("hello"), "hello");
  EXPECT_EQ(arena.Copy(""), "");
  arena.Allocate(10'000);
  EXPECT_GE(arena.bytes_used(), 10'000u);
  const size_t reserved = arena.bytes_reserved();
  arena.Reset();
  EXPECT_EQ(arena.bytes_used(), 0u);
  EXPECT_LE(arena.bytes_reserved(), reserved);
  arena.Allocate(10'000);
  EXPECT_LE(arena.bytes_reserved(), reserved);
}

// Numbers of members that are read on the short way are those that are read at leisure.
TEST(Json, NumbersAreTheSameOnBothWays) {
  std::mt19937_64 random(11);
  const auto digits = [&random](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text.push_back(static_cast<char>('0' + random() % 10));
    return text;
  };
  for (int round = 0; round < 200'000; ++round) {
    std::string number = random() % 4 == 0 ? "-" : "";
    number += random() % 8 == 0 ? "0" : std::to_string(1 + random() % 9) + digits(random() % 19);
    if (random() % 2 == 0) number += "." + digits(1 + random() % 18);
    if (random() % 16 == 0) number += "e" + std::to_string(random() % 20);
    // About 2^53, where doubles end to hold every integer.
    if (round % 8 == 0) {
      number = std::to_string((uint64_t{1} << 53) - 4 + random() % 8);
      number.insert(1 + random() % 15, 1, '.');
    }
    const std::string rest = ",\"z\":\"" + std::string(64, '-') + "\"}";
    Arena arena;
    JsonObjectView fast;
    JsonObjectView slow;
    // The space behind it takes it off the short way.
    const std::string plain = "{\"json_test n\":" + number + rest;
    const std::string spaced = "{\"json_test n\":" + number + " " + rest;
    ASSERT_TRUE(ParseJsonObject(plain, &arena, &fast).ok());
    ASSERT_TRUE(ParseJsonObject(spaced, &arena, &slow).ok());
    ASSERT_EQ(fast[0].kind, slow[0].kind) << number;
    ASSERT_EQ(fast[0].text, slow[0].text) << number;
    if (fast[0].kind == JsonKind::kInt64) {
      ASSERT_EQ(fast[0].integer, slow[0].integer) << number;
    } else if (fast[0].kind == JsonKind::kDouble) {
      ASSERT_EQ(fast[0].number, slow[0].number) << number;
    }
  }
}

// An object in the arena is the text that the others make, plain or not.
TEST(Json, ObjectsInAnArena) {
  const std::string long_text(200, 'x');
  const std::string_view texts[] = {
      "",     "a",        "1234567890123456", "1234567890123456\"",      "\\",  "\n",
      "\x7f", "\xc3\xa9", long_text,          std::string_view("\0", 1), "\xff"};
  Arena arena;
  JsonObjectView all;
  for (const std::string_view key : texts) {
    for (const std::string_view text : texts) {
      const JsonMember member{.key = key, .kind = JsonKind::kString, .text = text};
      EXPECT_EQ(MakeJsonObject({member, member}, &arena), SerializeJsonObject({member, member}));
      all.push_back(member);
    }
    for (const int64_t integer : {INT64_MIN, int64_t{0}, INT64_MAX}) {
      all.push_back({.key = key, .kind = JsonKind::kInt64, .integer = integer});
      EXPECT_EQ(MakeJsonObject({all.back()}, &arena), SerializeJsonObject({all.back()}));
    }
    for (const double number : {-1.7976931348623157e308, -2.2250738585072014e-308, 0.1}) {
      all.push_back({.key = key, .kind = JsonKind::kDouble, .number = number});
      EXPECT_EQ(MakeJsonObject({all.back()}, &arena), SerializeJsonObject({all.back()}));
    }
    all.push_back({.key = key, .kind = JsonKind::kBool, .boolean = true});
    all.push_back({.key = key, .kind = JsonKind::kNull});
    all.push_back({.key = key, .kind = JsonKind::kRaw, .text = "[1,2]"});
  }
  EXPECT_EQ(MakeJsonObject(all, &arena), SerializeJsonObject(all));
  EXPECT_EQ(MakeJsonObject({}, &arena), "{}");
}

}  // namespace
}  // namespace hoglet
