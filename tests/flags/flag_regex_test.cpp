#include "src/flags/flag_regex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <span>
#include <string>

namespace hoglet {
namespace {

using Outcome = FlagRegex::Outcome;

struct RegexCase {
  const char* pattern;
  const char* text;
  bool matches;
};

void ExpectAnswers(std::span<const RegexCase> cases) {
  for (const RegexCase& c : cases) {
    const auto regex = FlagRegex::Compile(c.pattern);
    ASSERT_NE(regex, nullptr) << c.pattern;
    EXPECT_EQ(regex->Find(c.text), c.matches ? Outcome::kMatch : Outcome::kNoMatch)
        << c.pattern << ' ' << c.text;
  }
}

TEST(FlagRegex, MatchesAsRustDoes) {
  const RegexCase cases[] = {
      {"b", "abc", true},
      {"B", "abc", false},
      {"(?i)B", "abc", true},
      {"(?i)Ä", "xä", true},
      {"^a.c$", "abc", true},
      {"a.c", "a\nc", false},
      {"(?s)a.c", "a\nc", true},
      {"c$", "abc\n", false},  // the very end
      {"(?=x)c$|bc$", "abc\n", false},
      {"(?m)b$", "ab\nc", true},
      {"^\\w+$", "Grüße", true},
      {"^\\w+$", "gr-", false},
      {"^\\d$", "٣", true},
      {"\\bäb\\b", "ö äb ü", true},
      {"\\Bb", "äb", true},
      {"a\\sb", "a\u00a0b", true},
      {"^.$", "ä", true},
      {"(?<!foo)bar", "foobar", false},
      {"(a)\\1", "xaax", true},
      {"^(?=.*\\d).{4,}$", "abc1", true},
      {"[[:alpha:]]+", "abc", true},
      {"[]a]", "]", true},
      {"^[^@]+@x\\.de$", "a@x.de", true},
      {"", "", true},
      // Marks and joiners are of words, as the letters they belong to.
      {"^\\w+$", "हिन्दी", true},
      {"^\\w+\\s\\w+$", "नमस्ते दुनिया", true},
      {"^[\\w-]+$", "हिन्दी-x", true},
      {"\\W", "हिन्दी", false},
      {"^\\b\\w+\\b$", "cafe\u0301", true},
      {"e\\b", "cafe\u0301", false},
      {"^[\\u4e00-\\u9fff]+$", "漢字", true},
      {"^\\u{41}\\U00000042$", "AB", true},
      {"^a\\sb$", "a\vb", true},
      {"^[\\s]$", "\v", true},
      {"\\S", "\v", false},
      {"^[\\w.-]+@", "a.b-c@x", true},
      {"[-\\w]", "-", true},
      {"[^-a]", "-", false},
  };
  ExpectAnswers(cases);
}

TEST(FlagRegex, ClassesOfClasses) {
  const RegexCase cases[] = {
      {"[\\w&&a-c]", "c", true},
      {"[\\w&&a-c]", "d", false},
      {"[[0-9]&&[^4]]", "1", true},
      {"[[0-9]&&[^4]]", "4", false},
      {"^[[a-c][x-z]]+$", "axz", true},
      {"^[[a-c][x-z]]+$", "m", false},
      {"[\\w--\\d]", "5", false},
      {"[\\w--\\d]", "e", true},
      {"^[a-g~~b-h]$", "a", true},
      {"^[a-g~~b-h]$", "h", true},
      {"^[a-g~~b-h]$", "c", false},
      {"^[^[a-c]x]$", "b", false},
      {"^[^[a-c]x]$", "d", true},
      {"^[^a-z&&[^aeiou]]$", "e", true},
      {"^[^a-z&&[^aeiou]]$", "f", false},
      {"^[a-z&&[^aeiou]--x]$", "x", false},
      {"^[a-z&&[^aeiou]--x]$", "y", true},
      {"^[]a&&[^a]]$", "]", true},
      {"^[[:alpha:]&&[^x]]+$", "aB", true},
      {"^[a&&^]$", "^", false},
      {"^[\\u{61}-c&&b]$", "b", true},
      {"^[&&a]$", "a", false},
      {"^[a[b[c[d]]]]+$", "abcd", true},
      {"^[\\w&&[^\\d]]+$", "äé", true},
      {"[^[a]]", "\n", true},
  };
  ExpectAnswers(cases);
}

TEST(FlagRegex, RepeatsDigitsAndBoundaries) {
  const RegexCase cases[] = {
      {"^a{,3}$", "aa", true},
      {"^a{,3}$", "a{,3}", false},
      {"^a{,3}$", "aaaa", false},
      {"^[{,3}]+$", "{3,", true},
      {"^a\\{,3}$", "a{,3}", true},
      {"^\\h+$", "0aF", true},
      {"^\\h+$", "g", false},
      {"^\\H$", "g", true},
      {"^[\\h-]+$", "a-f", true},
      {"\\<cat\\>", "a cat.", true},
      {"\\<cat\\>", "concat", false},
      {"\\b{start}cat", "a cats", true},
      {"\\b{start}cat", "concat", false},
      {"cat\\b{end}", "concat", true},
      {"cat\\b{end-half}", "cats", false},
      {"\\b{start-half}\\.", "a .", true},
  };
  ExpectAnswers(cases);
}

TEST(FlagRegex, RefusesWhatRustRefuses) {
  const std::string cases[] = {"?*",
                               "(",
                               "[a",
                               "a)",
                               "a{1000}{1000}",
                               "(*ACCEPT)a",
                               "(?R)",
                               "\\Qa\\E",
                               "\\",
                               "(?=(?C1)a)",
                               std::string(100'000, 'a'),
                               "[\\w-.]",
                               "[\\d-z]",
                               "[a-\\w]",
                               "[\\s-_]",
                               "\\0",
                               "[\\1]",
                               "\\o{101}",
                               "\\cA",
                               "(?|a|b)",
                               "(?n)a",
                               "(?^i)a",
                               "\\u12",
                               "\\u{}",
                               "\\u{4g}",
                               "\\U0000004"};
  for (const std::string& pattern : cases) {
    EXPECT_EQ(FlagRegex::Compile(pattern), nullptr) << pattern.substr(0, 100);
  }
}

// Whatever they come to, they must come to it soon.
TEST(FlagRegex, HostilePatternsEnd) {
  const std::string patterns[] = {"(a+)+$",
                                  "(?=(a*)*)b",
                                  "(a*)*\\1b",
                                  "(?=a)(a|a)*b",
                                  "(?=(\\w*\\w*\\w*\\w*))b",
                                  "(?:(?:(?:a?){50}){50})(?=b)",
                                  "(x+x+)+(?!x)y",
                                  "^(\\w+\\s?)*$",
                                  "(?<=a)(.*)(.*)(.*)(.*)x\\1",
                                  "(?i)(?=\\w)[\\w.]*[\\w.]*@",
                                  "((a{0,100}){0,100}){0,100}(?=b)",
                                  std::string(16'000, '('),
                                  std::string(8'000, '[')};
  const std::string texts[] = {std::string(30, 'a'), std::string(5'000, 'a'),
                               std::string(200'000, 'a') + "b", std::string(100'000, 'x'),
                               "ä" + std::string(60'000, 'a')};
  for (const std::string& pattern : patterns) {
    const auto begin = std::chrono::steady_clock::now();
    const auto regex = FlagRegex::Compile(pattern);
    for (const std::string& text : texts) {
      if (regex != nullptr) regex->Find(text);
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took, std::chrono::seconds(10)) << pattern.substr(0, 100);
  }
}

TEST(FlagRegex, GivesUpInsteadOfGuessing) {
  const auto regex = FlagRegex::Compile("(?=(a+)+$)(a+)+$b");
  ASSERT_NE(regex, nullptr);
  EXPECT_EQ(regex->Find(std::string(40, 'a') + "!b"), Outcome::kError);
}

}  // namespace
}  // namespace hoglet
