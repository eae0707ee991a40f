#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "src/api/capture_conformance.h"

namespace hoglet {
namespace {

namespace fs = std::filesystem;

TEST(CaptureVectors, Pass) {
  int passed = 0;
  const fs::path folder = fs::path(HOGLET_SOURCE_DIR) / "tests/vectors/capture";
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    const std::string name = entry.path().filename().string();
    std::string lines;
    const auto counts =
        RunCaptureVectors(text, name, [&lines](const std::string& line) { lines += line + "\n"; });
    ASSERT_TRUE(counts.ok()) << counts.status();
    EXPECT_EQ(counts->failed, 0) << lines;
    passed += counts->passed;
    RecordProperty(name, std::to_string(counts->passed) + " passed");
    printf("%s: %d passed, %d failed\n", name.c_str(), counts->passed, counts->failed);
  }
  EXPECT_GE(passed, 100);
}

}  // namespace
}  // namespace hoglet
