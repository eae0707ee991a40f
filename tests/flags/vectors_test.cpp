#include <gtest/gtest.h>

#include "include/hoglet/env.h"
#include "src/base/strings.h"
#include "tests/conformance/suites.h"

namespace hoglet {
namespace {

class FlagVectors : public testing::TestWithParam<const char*> {};

TEST_P(FlagVectors, Hold) {
  const std::string file = GetParam();
  auto text = Env::Posix()->ReadWholeFile(StrCat(HOGLET_SOURCE_DIR, "/tests/vectors/flags/", file));
  ASSERT_TRUE(text.ok());
  const SuiteRun run = RunFlagsSuite(*text, file);
  EXPECT_EQ(run.error, "");
  EXPECT_GT(run.passed, 0);
  for (const CaseFailure& failure : run.failures) {
    ADD_FAILURE() << failure.name << ": " << failure.detail;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, FlagVectors,
                         testing::Values("hash.json", "consistency.json", "bucketing_edges.json",
                                         "operators.json", "relative_dates.json", "evaluate.json"));

}  // namespace
}  // namespace hoglet
