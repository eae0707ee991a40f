#include <gmock/gmock.h>

#include <thread>

#include "include/hoglet/status.h"
#include "src/persons/person_database.h"
#include "tests/persons/person_support.h"

// A disk that fails or is full under the person store, and back.

namespace hoglet {
namespace {

using testing::HasSubstr;

class PersonStoreFaults : public PersonStoreTest {
 protected:
  // Two persons, one committed; then `break_disk`, commits that fail while readers go on, and
  // `mend_disk`, after which the commit succeeds without reopening the store.
  void FailAndRecover(const std::function<void()>& break_disk,
                      const std::function<void()>& mend_disk) {
    Do({.id = "a", .set = R"({"n":1})"});
    ASSERT_TRUE(Commit(1).ok());
    Do({.id = "b"});
    Do({.id = "a", .set = R"({"n":2})"});
    ASSERT_TRUE(store->Seal(2).ok());
    break_disk();
    for (int attempt = 0; attempt < 3; ++attempt) {
      EXPECT_FALSE(store->CommitSealed().ok());
      EXPECT_TRUE(store->HasSealed());
      EXPECT_EQ(store->applied_offset(), 1u);
      EXPECT_THAT(Properties("a"), HasSubstr("\"n\":2"));
      EXPECT_EQ(PersonCount(), 2u);
      EXPECT_EQ(Mappings().size(), 2u);
    }
    mend_disk();
    const absl::Status committed = store->CommitSealed();
    ASSERT_TRUE(committed.ok()) << committed;
    EXPECT_EQ(store->applied_offset(), 2u);
    Do({.id = "c"});
    ASSERT_TRUE(Commit(3).ok());
    store.reset();
    memory.CrashDroppingAll();
    Open();
    EXPECT_EQ(store->applied_offset(), 3u);
    EXPECT_EQ(PersonCount(), 3u);
    EXPECT_THAT(Properties("a"), HasSubstr("\"n\":2"));
  }
};

TEST_F(PersonStoreFaults, AFullDisk) {
  FailAndRecover([this] { env.SetDiskFull(true); }, [this] { env.SetDiskFull(false); });
}

TEST_F(PersonStoreFaults, SayThatTheDiskIsFull) {
  Do({.id = "a"});
  ASSERT_TRUE(store->Seal(1).ok());
  env.SetDiskFull(true);
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(store->CommitSealed().code(), absl::StatusCode::kResourceExhausted);
  }
}

TEST_F(PersonStoreFaults, SyncsThatFail) {
  FailAndRecover([this] { env.SetSyncFails(true); }, [this] { env.SetSyncFails(false); });
}

TEST_F(PersonStoreFaults, AnOpeningThatFailsLeavesReadersTheirStore) {
  // The probe finds space, the new manifest does not.
  FailAndRecover(
      [this] {
        env.SetObserver([this](const std::string& operation, const std::string& path) {
          const bool is_log = path.ends_with(".log");
          const bool is_manifest = path.find("MANIFEST") != std::string::npos;
          if (operation == "write" && (is_log || is_manifest)) env.SetDiskFull(true);
          if (operation == "open for writing" && path.ends_with("PROBE")) env.SetDiskFull(false);
        });
      },
      [this] {
        env.SetObserver(nullptr);
        env.SetDiskFull(false);
      });
}

TEST_F(PersonStoreFaults, ReadErrorsPass) {
  Do({.id = "a"});
  ASSERT_TRUE(Commit(1).ok());
  Open();
  env.FailAfter(1, FaultKind::kIoError, /*sticky=*/true);
  const auto found = store->FindByDistinctId(kTeam, "a");
  EXPECT_EQ(found.status().code(), absl::StatusCode::kUnavailable) << found.status();
  env.ClearFault();
  EXPECT_EQ(Find("a").id, PersonUuid(kTeam, "a"));
}

TEST_F(PersonStoreFaults, AReaderThatStaysPutsTheReopeningOff) {
  Do({.id = "a"});
  ASSERT_TRUE(Commit(1).ok());
  Do({.id = "b"});
  ASSERT_TRUE(store->Seal(2).ok());
  env.SetSyncFails(true);
  EXPECT_FALSE(store->CommitSealed().ok());
  env.SetSyncFails(false);
  int visited = 0;
  ASSERT_TRUE(store
                  ->VisitPersons(kTeam,
                                 [&](const PersonRecord&) {
                                   ++visited;
                                   absl::Status commit;
                                   std::thread([&] { commit = store->CommitSealed(); }).join();
                                   EXPECT_EQ(commit.code(), absl::StatusCode::kUnavailable);
                                   // A reader may read on inside.
                                   EXPECT_TRUE(store->FindByDistinctId(kTeam, "a").ok());
                                   return true;
                                 })
                  .ok());
  EXPECT_EQ(visited, 2);
  EXPECT_TRUE(store->CommitSealed().ok());
}

}  // namespace
}  // namespace hoglet
