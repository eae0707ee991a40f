#include "src/persons/person_store.h"

#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <thread>

#include "include/hoglet/status.h"
#include "src/persons/person_codec.h"
#include "src/persons/person_database.h"
#include "src/persons/property_set.h"
#include "tests/persons/person_support.h"

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One hash for many names would make each change of a person with thousands of properties slow.
TEST(PropertyKeyHash, HangsOnEveryByte) {
  for (size_t bytes = 1; bytes < 70; ++bytes) {
    std::set<uint32_t> hashes = {PropertyKeyHash(std::string(bytes, 'a'))};
    for (size_t i = 0; i < bytes; ++i) {
      std::string name(bytes, 'a');
      name[i] = 'b';
      hashes.insert(PropertyKeyHash(name));
    }
    EXPECT_EQ(hashes.size(), bytes + 1);
  }
}

TEST_F(PersonStoreTest, KeepsWhatIsCommittedAndForgetsTheRest) {
  Do({.id = "user", .set = R"({"a":1})"});
  Do({.id = "visitor"});
  Do({.id = "user", .merge = MergeKind::kIdentify, .other = "visitor"});
  const PersonRecord before = Find("user");
  ASSERT_TRUE(Commit(3).ok());
  EXPECT_EQ(store->applied_offset(), 3u);
  Do({.id = "later"});
  ASSERT_TRUE(store->Seal(4).ok());
  Do({.id = "user", .set = R"({"a":2})"});
  store.reset();
  memory.CrashDroppingAll();
  Open();
  EXPECT_EQ(store->applied_offset(), 3u);
  EXPECT_FALSE(store->FindByDistinctId(kTeam, "later")->has_value());
  EXPECT_EQ(Find("visitor").properties, before.properties);
  EXPECT_EQ(Find("visitor").version, before.version);
  EXPECT_THAT(Mappings(), ElementsAre("user 0", "visitor 1"));
  EXPECT_EQ(Shown("visitor"), PersonUuid(kTeam, "user"));
  EXPECT_EQ(store->overrides_version(kTeam), 1u);
}

TEST_F(PersonStoreTest, ReadersSeeEveryGeneration) {
  Do({.id = "a", .set = R"({"n":1})"});
  ASSERT_TRUE(Commit(1).ok());
  Do({.id = "b"});
  Do({.id = "a", .set = R"({"n":2})"});
  ASSERT_TRUE(store->Seal(2).ok());
  EXPECT_EQ(store->Seal(3).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(store->HasSealed());
  Do({.id = "c"});
  Do({.id = "a", .set = R"({"n":3})"});
  EXPECT_THAT(Properties("a"), HasSubstr("\"n\":3"));
  EXPECT_THAT(Mappings(), ElementsAre("a 0", "b 0", "c 0"));
  EXPECT_EQ(PersonCount(), 3u);
  ASSERT_TRUE(store->CommitSealed().ok());
  EXPECT_FALSE(store->HasSealed());
  EXPECT_TRUE(store->CommitSealed().ok());
  EXPECT_THAT(Properties("a"), HasSubstr("\"n\":3"));
  EXPECT_EQ(PersonCount(), 3u);
  const auto by_id = store->FindById(kTeam, PersonUuid(kTeam, "b"));
  ASSERT_TRUE(by_id.ok());
  EXPECT_TRUE(by_id->has_value());
}

TEST_F(PersonStoreTest, SettlingEmptiesTheWriteAheadLogAndKeepsAll) {
  const auto log_bytes = [&] {
    uint64_t bytes = 0;
    const auto entries = env.List("persons");
    for (const DirectoryEntry& entry : *entries) {
      if (entry.name.ends_with(".log")) bytes += env.FileBytes("persons/" + entry.name).value();
    }
    return bytes;
  };
  constexpr int kPersons = 2000;
  const std::string text(1000, 'x');
  std::atomic<bool> is_cancelled{false};
  for (uint64_t round = 1; round <= 3; ++round) {
    for (int i = 0; i < kPersons; ++i) {
      Do({.id = StrCat("user ", i),
          .set = StrCat(R"({"round":)", round, R"(,"text":")", text, "\"}")});
    }
    ASSERT_TRUE(Commit(round).ok());
    EXPECT_GT(log_bytes(), uint64_t{1} << 20);
    if (round == 2) {
      is_cancelled = true;
      const absl::Status status = store->Settle(is_cancelled);
      EXPECT_TRUE(status.ok() || absl::IsCancelled(status)) << status;
      is_cancelled = false;
      continue;
    }
    EXPECT_TRUE(store->Settle(is_cancelled).ok());
    EXPECT_LT(log_bytes(), uint64_t{1} << 20);
    EXPECT_TRUE(store->Settle(is_cancelled).ok()) << "nothing to do";
  }
  Open();
  EXPECT_EQ(store->applied_offset(), 3u);
  for (int i = 0; i < kPersons; i += 100) {
    const auto person = store->FindByDistinctId(kTeam, StrCat("user ", i));
    ASSERT_TRUE(person.ok() && person->has_value());
    EXPECT_NE((*person)->properties.find(R"("round":3)"), std::string::npos);
  }
}

TEST_F(PersonStoreTest, AMergeMovesFlagHashKeys) {
  Do({.id = "user"});
  Do({.id = "visitor"});
  PersonChanges changes;
  changes.team_id = kTeam;
  changes.flags.push_back({PersonUuid(kTeam, "user"), "both", "u"});
  changes.flags.push_back({PersonUuid(kTeam, "visitor"), "both", "v"});
  changes.flags.push_back({PersonUuid(kTeam, "visitor"), "one", "v"});
  store->Apply(std::move(changes));
  ASSERT_TRUE(Commit(1).ok());
  Do({.id = "user", .merge = MergeKind::kIdentify, .other = "visitor"});
  for (int committed = 0; committed < 2; ++committed) {
    EXPECT_THAT(*store->LookupFlagHashKeys(kTeam, PersonUuid(kTeam, "user")),
                ElementsAre(std::pair("both", "u"), std::pair("one", "v")));
    EXPECT_THAT(*store->LookupFlagHashKeys(kTeam, PersonUuid(kTeam, "visitor")), IsEmpty());
    ASSERT_TRUE(Commit(2).ok());
  }
}

TEST_F(PersonStoreTest, RefusesASecondProcessAndANewerFormat) {
  EXPECT_FALSE(PersonStore::Open(&env, "persons", {}).ok());
  store.reset();
  {
    auto database = *PersonDatabase::Open(&env, "persons", PersonDatabase::MakeBlockCache(1 << 20),
                                          PersonDatabase::Access::kReadWrite);
    ASSERT_TRUE(
        database->Put(PersonDatabase::kMeta, "format", std::string("\x01\x02\0\0\0\0\0\0\0", 9))
            .ok());
  }
  EXPECT_EQ(PersonStore::Open(&env, "persons", {}).status().code(),
            absl::StatusCode::kUnimplemented);
}

// -- Damage --

TEST_F(PersonStoreTest, ADamagedRecordIsNamedAndHarmsNoOther) {
  for (const char* id : {"anna", "bert", "carl"}) Do({.id = id});
  ASSERT_TRUE(Commit(1).ok());
  store.reset();
  {
    auto database = *PersonDatabase::Open(&env, "persons", PersonDatabase::MakeBlockCache(1 << 20),
                                          PersonDatabase::Access::kReadWrite);
    ASSERT_TRUE(database
                    ->Put(PersonDatabase::kPersons,
                          person_codec::PersonKey(kTeam, PersonUuid(kTeam, "bert")),
                          std::string("\x01\x00", 2) + std::string(16, '\0') + "{\"a\":")
                    .ok());
    ASSERT_TRUE(
        database->Put(PersonDatabase::kIds, person_codec::IdKey(kTeam, "carl"), "\x01\xff").ok());
  }
  Open();
  const auto bert = store->FindByDistinctId(kTeam, "bert");
  EXPECT_EQ(bert.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(bert.status().message()),
              HasSubstr("team 1: person \"" + FormatUuid(PersonUuid(kTeam, "bert"))));
  const auto carl = store->LookupId(IdRef(kTeam, "carl"));
  EXPECT_EQ(carl.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(carl.status().message()), HasSubstr("team 1: distinct id \"carl\""));
  const std::vector<IdRef> ids = {IdRef(kTeam, "anna"), IdRef(kTeam, "bert"), IdRef(kTeam, "carl")};
  EXPECT_TRUE(store->Prefetch(ids).ok());
  EXPECT_EQ(Find("anna").id, PersonUuid(kTeam, "anna"));
  std::vector<std::string> faults;
  store.reset();
  ASSERT_TRUE(PersonStore::Check(&env, "persons", [&](const std::string& fault) {
                faults.push_back(fault);
              }).ok());
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_THAT(faults[0], HasSubstr(FormatUuid(PersonUuid(kTeam, "bert"))));
}

TEST_F(PersonStoreTest, ADamagedOverrideStopsTheOpening) {
  store.reset();
  {
    auto database = *PersonDatabase::Open(&env, "persons", PersonDatabase::MakeBlockCache(1 << 20),
                                          PersonDatabase::Access::kReadWrite);
    ASSERT_TRUE(
        database->Put(PersonDatabase::kOverrides, person_codec::IdKey(kTeam, "anna"), "\x01").ok());
  }
  const absl::Status opened = PersonStore::Open(&env, "persons", {}).status();
  EXPECT_EQ(opened.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(opened.message()), HasSubstr("override \"anna\""));
}

// No byte of a table may be wrong unnoticed: every look-up gives the truth or says kDataLoss.
TEST_F(PersonStoreTest, DamagedBytesOfTablesNeverLie) {
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    Do({.id = StrCat("user-", i), .set = StrCat("{\"n\":", i, "}")});
    expected.push_back(Properties(StrCat("user-", i)));
  }
  ASSERT_TRUE(Commit(1).ok());
  store.reset();  // into tables
  std::vector<std::string> tables;
  for (const std::string& path : memory.Files()) {
    if (path.ends_with(".sst")) tables.push_back(path);
  }
  ASSERT_FALSE(tables.empty());
  int refused = 0;
  for (const std::string& table : tables) {
    const size_t bytes = memory.Contents(table).size();
    for (size_t at = 0; at < bytes; at += bytes / 12 + 1) {
      ASSERT_TRUE(memory.DamageByte(table, at, 0x10));
      auto opened = PersonStore::Open(&env, "persons", {.cache_bytes_max = 0});
      for (int i = 0; opened.ok() && i < 200; ++i) {
        const auto found = (*opened)->FindByDistinctId(kTeam, StrCat("user-", i));
        if (!found.ok()) {
          EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss) << found.status();
          ++refused;
          continue;
        }
        ASSERT_TRUE(found->has_value()) << table << " byte " << at;
        EXPECT_EQ((*found)->properties, expected[i]);
      }
      opened = absl::UnavailableError("closed");
      ASSERT_TRUE(memory.DamageByte(table, at, 0x10));
    }
  }
  EXPECT_GT(refused, 0);
}

// -- Threads --

// The writer moves a pair of ids from person to person, and commits; some commits fail, so that the
// database is opened anew beneath the readers, who must always see whole changes.
TEST_F(PersonStoreTest, ReadersSeeWholeChangesWhileTheWriterWrites) {
  constexpr int kRounds = 60;
  std::atomic<bool> is_over{false};
  std::atomic<uint64_t> reads{0};
  Do({.id = "user", .set = R"({"round":0,"again":0})"});
  const auto read = [&] {
    uint64_t overrides = 0;
    while (!is_over) {
      const auto person = store->FindByDistinctId(kTeam, "user");
      ASSERT_TRUE(person.ok()) << person.status();
      ASSERT_TRUE(person->has_value());
      Arena arena;
      JsonObjectView members;
      ASSERT_TRUE(ParseJsonObject((*person)->properties, &arena, &members).ok());
      ASSERT_EQ(FindJsonMember(members, "round")->integer,
                FindJsonMember(members, "again")->integer);
      const absl::Status visited = store->VisitDistinctIds(
          kTeam, [&](const DistinctIdRecord& id) { return id.team_id == kTeam; });
      ASSERT_TRUE(visited.ok()) << visited;
      const uint64_t version = store->overrides_version(kTeam);
      ASSERT_GE(version, overrides);
      overrides = version;
      Shown("visitor-1");
      ++reads;
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(read);
  std::thread committer;
  for (int round = 1; round <= kRounds; ++round) {
    Do({.id = StrCat("visitor-", round)});
    Do({.id = "user",
        .merge = MergeKind::kIdentify,
        .other = StrCat("visitor-", round),
        .set = StrCat("{\"round\":", round, ",\"again\":", round, "}")});
    if (committer.joinable()) committer.join();
    ASSERT_TRUE(store->Seal(static_cast<uint64_t>(round)).ok());
    committer = std::thread([this, round] {
      if (round % 10 == 0) env.SetSyncFails(true);
      const bool failed = !store->CommitSealed().ok();
      EXPECT_EQ(failed, round % 10 == 0);
      env.SetSyncFails(false);
      // Readers may be in the way for a while.
      for (int attempt = 0; store->HasSealed() && attempt < 200; ++attempt) {
        store->CommitSealed().IgnoreError();
      }
      EXPECT_FALSE(store->HasSealed());
    });
  }
  committer.join();
  is_over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(reads, 0u);
  EXPECT_EQ(store->applied_offset(), static_cast<uint64_t>(kRounds));
  EXPECT_EQ(Mappings().size(), kRounds + 1u);
  EXPECT_EQ(PersonCount(), 1u);
}

TEST(PersonCodec, GroupsOfBeforeTheyKnewTheirLastChange) {
  Group group;
  group.created_at_us = 5'000'000;
  group.updated_at_us = 7'000'000;
  group.version = 3;
  const std::string value = person_codec::EncodeGroup(group);
  const auto read = person_codec::DecodeGroup(value);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->updated_at_us, 7'000'000);
  // Version 1 has created_at, version, properties.
  std::string old = value;
  old[0] = 1;
  old.erase(9, 8);
  const auto before = person_codec::DecodeGroup(old);
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ(before->created_at_us, 5'000'000);
  EXPECT_EQ(before->updated_at_us, 5'000'000);
  EXPECT_EQ(before->version, 3);
  old[0] = 3;
  EXPECT_EQ(person_codec::DecodeGroup(old).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace hoglet
