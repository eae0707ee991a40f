#include "src/cli/directory_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/memory_env.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

using testing::HasSubstr;

struct OffsetsCase {
  const char* name;
  DirectoryOffsets offsets;
  const char* message;  // part of it; null: fine
};

class DirectoryOffsetsTest : public testing::TestWithParam<OffsetsCase> {};

TEST_P(DirectoryOffsetsTest, AreChecked) {
  const absl::Status status = CheckOffsets("d", GetParam().offsets);
  if (GetParam().message == nullptr) {
    EXPECT_TRUE(status.ok()) << status;
    return;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(FromAbsl(status.message())), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Offsets, DirectoryOffsetsTest,
    testing::Values(
        OffsetsCase{"new", {0, 0, 0, 0}, nullptr}, OffsetsCase{"stopped", {0, 9, 9, 9}, nullptr},
        OffsetsCase{"after a crash", {3, 9, 5, 7}, nullptr},
        OffsetsCase{"before the first checkpoint", {0, 9, 0, 0}, nullptr},
        OffsetsCase{"both stores gone, the log whole", {0, 9, 0, 0}, nullptr},
        OffsetsCase{"persons gone, the log whole", {0, 9, 0, 9}, nullptr},
        OffsetsCase{"events gone, the log whole", {0, 9, 9, 0}, "move d/persons away"},
        OffsetsCase{"events gone, the log cut", {4, 9, 9, 0}, "Put d/events back"},
        OffsetsCase{"events old", {0, 9, 9, 5}, "d/events is lost or old: it holds the rows of 5"},
        OffsetsCase{"persons gone, the log cut", {4, 9, 0, 9}, "d/persons is lost or old"},
        OffsetsCase{"both stores gone, the log cut", {4, 9, 0, 0}, "d/persons is lost or old"},
        OffsetsCase{"log gone", {0, 0, 9, 9}, "Put d/log back"},
        OffsetsCase{"log and persons gone", {0, 0, 0, 9}, "d/events has taken 9"},
        OffsetsCase{"log and events gone", {0, 0, 9, 0}, "d/persons has taken 9"}),
    [](const auto& info) {
      std::string name;
      for (const char c : std::string(info.param.name)) {
        if (std::isalnum(static_cast<unsigned char>(c))) name.push_back(c);
      }
      return name + std::to_string(info.index);
    });

TEST(DirectoryCheck, DataWithoutProjectsIsRefused) {
  const auto touch = [](MemoryEnv* env, const std::string& file) {
    ASSERT_TRUE(env->CreateDirectories(file.substr(0, file.rfind('/'))).ok());
    ASSERT_TRUE(env->ReplaceFile(file, "x").ok());
  };
  for (const char* file :
       {"d/events/MANIFEST", "d/persons/CURRENT", "d/log/events_plugin_ingestion/TOPIC"}) {
    MemoryEnv env;
    EXPECT_TRUE(CheckMetadataIsThere(&env, "d").ok());
    touch(&env, file);
    const absl::Status status = CheckMetadataIsThere(&env, "d");
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(FromAbsl(status.message())),
                testing::AllOf(HasSubstr("d/metadata/metadata.json is missing"), HasSubstr(file)));
    touch(&env, "d/metadata/metadata.json");
    EXPECT_TRUE(CheckMetadataIsThere(&env, "d").ok());
  }
  // A directory made ready by hand is a new one.
  MemoryEnv env;
  ASSERT_TRUE(env.CreateDirectories("d/events").ok());
  ASSERT_TRUE(env.CreateDirectories("d/metadata").ok());
  EXPECT_TRUE(CheckMetadataIsThere(&env, "d").ok());
}

}  // namespace
}  // namespace hoglet
