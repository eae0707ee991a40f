#include "src/flags/json5.h"

#include <gtest/gtest.h>

#include <string>

namespace hoglet {
namespace {

struct Json5Case {
  const char* name;
  std::string text;
  const char* json;  // null: refused
};

class Json5 : public testing::TestWithParam<Json5Case> {};

TEST_P(Json5, IsTranslated) {
  const auto json = StrictJson(GetParam().text);
  if (GetParam().json == nullptr) {
    EXPECT_FALSE(json.has_value()) << *json;
  } else {
    ASSERT_TRUE(json.has_value());
    EXPECT_EQ(*json, GetParam().json);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Json5,
    testing::Values(
        Json5Case{"json", R"( {"a": [1, -2.5e3, true, null]} )", R"({"a":[1,-2.5e3,true,null]})"},
        Json5Case{"not numbers", "[NaN, Infinity, -Infinity, +NaN]", "[null,null,null,null]"},
        Json5Case{"bare names", "{$a_1: 1, \\u0062: 2, \xc3\xa9: 3}",
                  "{\"$a_1\":1,\"b\":2,\"\xc3\xa9\":3}"},
        Json5Case{"single quotes", R"(['it\'s "so"'])", R"(["it's \"so\""])"},
        Json5Case{"trailing commas", "{a:[1,],}", R"({"a":[1]})"},
        Json5Case{"comments", "/* x */[1,// y\n2]", "[1,2]"},
        Json5Case{"numbers", "[+1, .5, 5., 0xFF, -0x10]", "[1,0.5,5.0,255,-16]"},
        Json5Case{"escapes", R"(['\x41\u00e9\ud83d\ude00\v\
b'])",
                  "[\"A\xc3\xa9\xf0\x9f\x98\x80\\u000bb\"]"},
        Json5Case{"half a pair", R"(["\ud83d!"])", "[\"\xef\xbf\xbd!\"]"},
        Json5Case{"not UTF-8", "[\"\xff\"]", "[\"\xef\xbf\xbd\"]"}, Json5Case{"empty", "", nullptr},
        Json5Case{"two values", "1 2", nullptr}, Json5Case{"only a comma", "[,]", nullptr},
        Json5Case{"no end", "{a:[1", nullptr}, Json5Case{"no end of text", "'abc", nullptr},
        Json5Case{"no end of comment", "[1]/*", nullptr}, Json5Case{"a word", "yes", nullptr},
        Json5Case{"octal", "[01]", nullptr}, Json5Case{"no digits", "[0x]", nullptr},
        Json5Case{"no exponent", "[1e]", nullptr}, Json5Case{"a point", "[.]", nullptr},
        Json5Case{"line in text", "['a\nb']", nullptr},
        Json5Case{"deep", std::string(100'000, '['), nullptr}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& c : name) c = c == ' ' || c == '-' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace hoglet
