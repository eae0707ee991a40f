#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/persons/person_support.h"

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::Pair;

class PersonFactsTest : public PersonStoreTest {
 protected:
  PersonStore::FactsWanted Wanted(std::string_view id) const {
    return {.team = kTeam, .distinct_id = id, .hash_keys = true};
  }
  // The properties that somebody set; "-" for nobody.
  static std::string Show(const PersonPtr& person) {
    if (person == nullptr) return "-";
    JsonObjectView set;
    for (const JsonMember& member : person->properties->members()) {
      if (!member.key.starts_with('$')) set.push_back(member);
    }
    return SerializeJsonObject(set);
  }
  // What was asked for, from wherever it is.
  std::string Ask(const std::string& id) {
    const auto facts = store->Ask(Wanted(id));
    if (!facts.ok()) return facts.status().ToString();
    return Show(facts->person);
  }
  // The same from memory; "?" if that does not know.
  std::string Remember(const std::string& id) {
    const auto facts = store->Remember(Wanted(id));
    if (!facts.has_value()) return "?";
    return Show(facts->person);
  }
  void SetHashKey(const std::string& id, const std::string& flag,
                  std::optional<std::string> hash_key) {
    PersonChanges changes;
    changes.team_id = kTeam;
    changes.flags.push_back({Find(id).id, flag, std::move(hash_key)});
    store->Apply(std::move(changes));
  }
};

TEST_F(PersonFactsTest, MemoryHasWhatWasAskedForOnce) {
  Do({.id = "a", .set = R"({"n":1})"});
  ASSERT_TRUE(Commit(1).ok());
  EXPECT_EQ(Remember("a"), "?");
  EXPECT_EQ(Ask("a"), R"({"n":1})");
  EXPECT_EQ(Remember("a"), R"({"n":1})");
  // That somebody is unknown is known, too.
  EXPECT_EQ(Remember("b"), "?");
  EXPECT_EQ(Ask("b"), "-");
  EXPECT_EQ(Remember("b"), "-");
}

TEST_F(PersonFactsTest, AChangeShowsAtOnceAndAfterItsCommit) {
  Do({.id = "a", .set = R"({"n":1})"});
  ASSERT_TRUE(Commit(1).ok());
  Ask("a");
  Ask("b");
  for (int n = 2; n < 6; ++n) {
    Do({.id = "a", .set = StrCat(R"({"n":)", n, "}")});
    const std::string now = StrCat(R"({"n":)", n, "}");
    EXPECT_EQ(Remember("a"), now) << "open";
    ASSERT_TRUE(store->Seal(static_cast<uint64_t>(n)).ok());
    EXPECT_EQ(Remember("a"), now) << "sealed";
    ASSERT_TRUE(store->CommitSealed().ok());
    EXPECT_EQ(Remember("a"), "?") << "what memory held is outdated";
    EXPECT_EQ(Ask("a"), now) << "committed";
    EXPECT_EQ(Remember("a"), now);
  }
  Do({.id = "b", .set = R"({"new":1})"});
  ASSERT_TRUE(Commit(7).ok());
  EXPECT_EQ(Ask("b"), R"({"new":1})");
}

TEST_F(PersonFactsTest, FollowsMergesAndDeletions) {
  Do({.id = "a", .set = R"({"n":1})"});
  Do({.id = "b", .set = R"({"m":1})"});
  ASSERT_TRUE(Commit(1).ok());
  Ask("a");
  Ask("b");
  Do({.id = "a", .merge = MergeKind::kIdentify, .other = "b"});
  EXPECT_EQ(Remember("b"), Remember("a"));
  ASSERT_TRUE(Commit(2).ok());
  EXPECT_EQ(Ask("b"), Ask("a"));
  EXPECT_THAT(Ask("b"), testing::HasSubstr("\"m\":1"));
  PersonChanges changes;
  changes.team_id = kTeam;
  IdState gone;
  gone.is_deleted = true;
  changes.ids.push_back({"a", gone, Find("a").id});
  changes.ids.push_back({"b", gone, Find("a").id});
  changes.removed.push_back(Find("a").id);
  store->Apply(std::move(changes));
  EXPECT_EQ(Remember("a"), "-");
  ASSERT_TRUE(Commit(3).ok());
  EXPECT_EQ(Ask("a"), "-");
  EXPECT_EQ(Ask("b"), "-");
}

TEST_F(PersonFactsTest, HashKeysOfBothPersons) {
  Do({.id = "a"});
  Do({.id = "b"});
  SetHashKey("a", "x", "1");
  SetHashKey("b", "y", "2");
  ASSERT_TRUE(Commit(1).ok());
  PersonStore::FactsWanted wanted = Wanted("a");
  wanted.other_distinct_id = "b";
  ASSERT_TRUE(store->Ask(wanted).ok());
  SetHashKey("a", "z", "3");
  SetHashKey("b", "y", std::nullopt);
  for (int commit = 2; commit < 5; ++commit) {
    const auto facts = store->Ask(wanted);
    ASSERT_TRUE(facts.ok()) << facts.status();
    EXPECT_THAT(facts->hash_keys, ElementsAre(Pair("x", "1"), Pair("z", "3"))) << commit;
    EXPECT_TRUE(facts->other_hash_keys.empty()) << commit;
    ASSERT_TRUE(Commit(static_cast<uint64_t>(commit)).ok());
  }
}

TEST_F(PersonFactsTest, Groups) {
  auto group = std::make_shared<Group>();
  group->team_id = kTeam;
  group->type_index = 2;
  group->key = "acme";
  group->properties = *PropertySet::Parse(R"({"size":1})");
  store->PutGroup(group);
  ASSERT_TRUE(Commit(1).ok());
  const PersonStore::FactsWanted wanted{
      .team = kTeam, .person = false, .groups = {{2, "acme"}, {2, "none"}, {0, "acme"}}};
  EXPECT_FALSE(store->Remember(wanted).has_value());
  ASSERT_TRUE(store->Ask(wanted).ok());
  const auto facts = store->Remember(wanted);
  ASSERT_TRUE(facts.has_value());
  ASSERT_EQ(facts->groups.size(), 3u);
  EXPECT_EQ(facts->groups[0]->properties->ToJson(), R"({"size":1})");
  EXPECT_EQ(facts->groups[1], nullptr);
  EXPECT_EQ(facts->groups[2], nullptr);
}

TEST_F(PersonFactsTest, ADamagedDiskIsToldAndNotKept) {
  Do({.id = "a", .set = R"({"n":1})"});
  ASSERT_TRUE(Commit(1).ok());
  store.reset();
  Open();
  env.FailAfter(1, FaultKind::kIoError, /*sticky=*/true);
  EXPECT_THAT(Ask("a"), testing::Not(testing::StartsWith("{")));
  EXPECT_EQ(Remember("a"), "?");
}

// Readers beside a writer that commits all the time: nobody ever sees an older state after a newer
// one, nor a state that never was.
TEST_F(PersonFactsTest, ReadersNeverGoBack) {
  constexpr int kSteps = 400;
  Do({.id = "a", .set = R"({"n":0})"});
  ASSERT_TRUE(Commit(1).ok());
  std::atomic<int> written{0};
  std::atomic<bool> is_done{false};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      int seen = 0;
      while (!is_done) {
        const int before = written;
        const auto facts = store->Ask(Wanted("a"));
        ASSERT_TRUE(facts.ok()) << facts.status();
        const int n =
            static_cast<int>(facts->person->properties->Find(std::string_view("n"))->integer);
        ASSERT_GE(n, before);
        ASSERT_GE(n, seen);
        seen = n;
      }
    });
  }
  for (int n = 1; n <= kSteps; ++n) {
    Do({.id = "a", .set = StrCat(R"({"n":)", n, "}")});
    written = n;
    if (n % 3 != 0) continue;
    EXPECT_TRUE(Commit(static_cast<uint64_t>(n) + 1).ok());
  }
  is_done = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace hoglet
