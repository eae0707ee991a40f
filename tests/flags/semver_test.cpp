#include "src/flags/semver.h"

#include <gtest/gtest.h>

namespace hoglet {
namespace {

TEST(SemVersion, ReadsWhatPeopleWrite) {
  for (const char* text : {"1.2.3", "v1.2.3", " 1.2.3 ", "1", "1.2", "01.002.3", "1.2.3-a.b+c.01",
                           "v 1.2.3", "1.2.3-0", "18446744073709551615.0.0", "\u00a01.2\u3000"}) {
    EXPECT_TRUE(SemVersion::Parse(text).has_value()) << text;
  }
  for (const char* text : {"", "v", "1.2.3.4", "1..2", "1.2.", ".1", "a", "1.2.x", "1.2.3-",
                           "1.2.3-a..b", "1.2.3-01", "1.2.3+", "1.2.3 4", " v1.2.3", "vv1",
                           "18446744073709551616.0.0", "1.2.3-\xc3\xa4", "-1.2.3", "null"}) {
    EXPECT_FALSE(SemVersion::Parse(text).has_value()) << text;
  }
}

// SemVer 2.0's own list, and build metadata behind it.
TEST(SemVersion, IsOrdered) {
  const char* const ascending[] = {"0.9.9",
                                   "1.0.0-1",
                                   "1.0.0-2",
                                   "1.0.0-10",
                                   "1.0.0-alpha",
                                   "1.0.0-alpha.1",
                                   "1.0.0-alpha.beta",
                                   "1.0.0-beta",
                                   "1.0.0-beta.2",
                                   "1.0.0-beta.11",
                                   "1.0.0-rc.1",
                                   "1.0.0",
                                   "1.0.0+0",
                                   "1.0.0+00",
                                   "1.0.0+1",
                                   "1.0.0+a",
                                   "1.0.0+a.1",
                                   "1.0.1",
                                   "1.1.0",
                                   "2.0.0"};
  for (size_t i = 0; i < std::size(ascending); ++i) {
    for (size_t j = 0; j < std::size(ascending); ++j) {
      const int order =
          CompareVersions(*SemVersion::Parse(ascending[i]), *SemVersion::Parse(ascending[j]));
      EXPECT_EQ(order < 0, i < j) << ascending[i] << ' ' << ascending[j];
      EXPECT_EQ(order > 0, i > j) << ascending[i] << ' ' << ascending[j];
    }
  }
}

struct RequirementCase {
  char op;  // ~ ^ *
  const char* text;
  const char* holds;
  const char* fails;
};

class Requirements : public testing::TestWithParam<RequirementCase> {};

TEST_P(Requirements, HoldForSomeVersions) {
  const RequirementCase& c = GetParam();
  const auto requirement = c.op == '~'   ? SemRequirement::Tilde(c.text)
                           : c.op == '^' ? SemRequirement::Caret(c.text)
                                         : SemRequirement::Wildcard(c.text);
  ASSERT_TRUE(requirement.has_value()) << c.text;
  EXPECT_TRUE(requirement->Matches(*SemVersion::Parse(c.holds))) << c.text << ' ' << c.holds;
  EXPECT_FALSE(requirement->Matches(*SemVersion::Parse(c.fails))) << c.text << ' ' << c.fails;
}

INSTANTIATE_TEST_SUITE_P(All, Requirements,
                         testing::Values(RequirementCase{'~', "1.2.3", "1.2.9", "1.3.0"},
                                         RequirementCase{'~', "1.2", "1.2.0", "1.1.9"},
                                         RequirementCase{'~', "1.2.3-beta", "1.2.3-rc", "1.2.4-rc"},
                                         RequirementCase{'^', "1.2.3", "1.9.0", "2.0.0"},
                                         RequirementCase{'^', "0.2.3", "0.2.4", "0.3.0"},
                                         RequirementCase{'^', "0.0.3", "0.0.3", "0.0.4"},
                                         RequirementCase{'^', "0", "0.0.0", "0.0.1"},
                                         RequirementCase{'^', "1.2.3-a", "1.2.3-b", "1.2.3-A"},
                                         RequirementCase{'^', "1.2.3", "1.2.3", "1.2.4-beta"},
                                         RequirementCase{'*', "1.*", "1.9.9", "2.0.0"},
                                         RequirementCase{'*', "1.*.*", "1.0.0", "0.9.0"},
                                         RequirementCase{'*', "1.2.*", "1.2.9", "1.3.0"},
                                         RequirementCase{'*', "*", "9.9.9", "9.9.9-a"},
                                         RequirementCase{'*', "1.2", "1.3.0", "1.1.0"},
                                         RequirementCase{'*', ">=1.2, <1.4", "1.3.9", "1.4.0"},
                                         RequirementCase{'*', ">1", "2.0.0", "1.9.9"},
                                         RequirementCase{'*', "<=1.2", "1.2.9", "1.3.0"},
                                         RequirementCase{'*', "=1.2.3", "1.2.3", "1.2.4"},
                                         RequirementCase{'*', "03.08.*", "3.8.1", "3.9.0"}));

TEST(Requirements, CanBeNonsense) {
  for (const char* text : {"1.*.3", "*.1", "*,1", "", "1.2.3.4", "1,", ">", "1.2.3-01", "a.*"}) {
    EXPECT_FALSE(SemRequirement::Wildcard(text).has_value()) << text;
  }
  EXPECT_FALSE(SemRequirement::Tilde("1.2.3.4").has_value());
  EXPECT_FALSE(SemRequirement::Caret("x").has_value());
}

}  // namespace
}  // namespace hoglet
