#include "src/cli/data_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "src/base/captured_event.h"
#include "src/base/strings.h"
#include "tests/ingest/fakes.h"
#include "tests/ingest/streams.h"

namespace hoglet {
namespace {

using testing::HasSubstr;

class DataDirectoryTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<DataDirectory>> Open() {
    return DataDirectory::Open(Env::Posix(), path_, {.project_token = "token"});
  }

  // A directory that has taken and stored some events.
  void Fill() {
    auto directory = Open();
    ASSERT_TRUE(directory.ok()) << directory.status();
    Append(directory->get(), 5);
    ASSERT_TRUE((*directory)->Close().ok());
  }

  void Append(DataDirectory* directory, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string value = EncodeCapturedEvent(MakeEvent(++made_, "$pageview", "anna", "{}"));
      ASSERT_TRUE(directory->log().Append(kEventsTopic, {{"anna", value}}).ok());
    }
  }

  uint64_t CountRows(DataDirectory* directory) {
    EXPECT_TRUE(
        directory->ingestor().WaitApplied(directory->log().end_offset(kEventsTopic), 30'000'000));
    const auto statistics = directory->events().statistics();
    return statistics.part_rows - statistics.masked_rows + statistics.memtable_rows;
  }

  std::string RefusalOf() {
    const auto begin = std::chrono::steady_clock::now();
    std::string message = "opened";
    {
      const auto directory = Open();
      if (!directory.ok()) message = FromAbsl(directory.status().message());
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
    return message;
  }

  void Remove(const std::string& name) { std::filesystem::remove_all(path_ + "/" + name); }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_.path("data");
  int made_ = 0;
};

TEST_F(DataDirectoryTest, LostEventsAreRefusedAgainAndAgain) {
  Fill();
  Remove("events");
  EXPECT_THAT(RefusalOf(), HasSubstr(path_ + "/events is lost or old"));
  // The attempt has made an empty table.
  EXPECT_THAT(RefusalOf(), HasSubstr(path_ + "/events is lost or old"));
  // What the message says to do.
  Remove("persons");
  const auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(CountRows(directory->get()), 5u);
}

TEST_F(DataDirectoryTest, ALostLogIsRefused) {
  Fill();
  Remove("log");
  EXPECT_THAT(RefusalOf(), HasSubstr("is lost or old: it ends at offset 0"));
  Remove("persons");
  EXPECT_THAT(RefusalOf(), HasSubstr("new events would be mistaken for old ones"));
}

TEST_F(DataDirectoryTest, LostProjectsAreRefused) {
  Fill();
  Remove("metadata");
  EXPECT_THAT(RefusalOf(), HasSubstr("metadata.json is missing"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/metadata"));
  // What the message says to do.
  const std::string other = scratch_.path("other");
  ASSERT_TRUE(DataDirectory::Open(Env::Posix(), other, {.project_token = "token"}).ok());
  std::filesystem::copy(other + "/metadata", path_ + "/metadata",
                        std::filesystem::copy_options::recursive);
  const auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ((*directory)->projects().Projects()[0].token, "token");
  EXPECT_EQ(CountRows(directory->get()), 5u);
}

TEST_F(DataDirectoryTest, ClosingLeavesNothingBehind) {
  {
    const auto directory = Open();
    ASSERT_TRUE(directory.ok());
    Append(directory->get(), 50);
    ASSERT_TRUE((*directory)->Close().ok());
    EXPECT_EQ((*directory)->persons().applied_offset(), 50u);
  }
  const auto directory = Open();
  ASSERT_TRUE(directory.ok());
  EXPECT_EQ(CountRows(directory->get()), 50u);
}

}  // namespace
}  // namespace hoglet
