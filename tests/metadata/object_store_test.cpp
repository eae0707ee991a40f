#include "src/metadata/object_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "include/hoglet/status.h"
#include "rocksdb/db.h"
#include "src/base/fault_env.h"
#include "src/base/limits.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/metadata/object_database.h"
#include "src/metadata/object_rows.h"

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kDirectory[] = "data/objects";
constexpr auto kFlag = ObjectKind::kFeatureFlag;
constexpr auto kCohort = ObjectKind::kCohort;

Uuid Person(uint64_t n) {
  Uuid out;
  for (int i = 0; i < 8; ++i) out.bytes[8 + i] = static_cast<uint8_t>(n >> (56 - 8 * i));
  return out;
}

std::vector<Uuid> Persons(uint64_t begin, uint64_t end) {
  std::vector<Uuid> out;
  for (uint64_t n = begin; n < end; ++n) out.push_back(Person(n));
  return out;
}

class ObjectStoreTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    store.reset();
    auto opened = ObjectStore::Open(&env, kDirectory);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store = *std::move(opened);
  }

  absl::Status Put(TeamId project, ObjectKind kind, int64_t id, const std::string& json) {
    return store->Change(project, [&](ObjectStore::Transaction* transaction) {
      transaction->Put(kind, id, json);
      return absl::OkStatus();
    });
  }
  std::string Json(TeamId project, ObjectKind kind, int64_t id) const {
    const ObjectJson json = store->Find(project, kind, id);
    return json == nullptr ? "none" : *json;
  }
  std::vector<std::string> ItemsOf(TeamId project, const ObjectStore::ActivityFilter& filter,
                                   size_t count_max = 1000) const {
    std::vector<std::string> out;
    const absl::Status status =
        store->VisitActivity(project, filter, [&](const Activity& activity) {
          out.push_back(StrCat(activity.scope, "/", activity.item_id, "/", activity.user_id));
          return out.size() < count_max;
        });
    EXPECT_TRUE(status.ok()) << status;
    return out;
  }
  std::vector<std::string> Faults(uint64_t* objects = nullptr) {
    std::vector<std::string> out;
    store.reset();
    const auto count = ObjectStore::Check(&env, kDirectory,
                                          [&](const std::string& fault) { out.push_back(fault); });
    // What cannot be read at all is one fault.
    if (!count.ok()) out.emplace_back(count.status().message());
    if (objects != nullptr && count.ok()) *objects = *count;
    return out;
  }
  // Puts a row past the store.
  void PutRow(const std::string& key, const std::string& value) {
    store.reset();
    auto database = ObjectDatabase::Open(&env, kDirectory, ObjectDatabase::Access::kReadWrite);
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_TRUE((*database)->db().Put(rocksdb::WriteOptions(), key, value).ok());
  }

  MemoryEnv memory;
  FaultEnv env{&memory};
  std::unique_ptr<ObjectStore> store;
};

TEST_F(ObjectStoreTest, KeepsObjectsOfProjectsAndKindsApart) {
  EXPECT_EQ(store->version(1), 0u);
  ASSERT_TRUE(Put(1, kFlag, 1, R"({"a":1})").ok());
  ASSERT_TRUE(Put(1, kCohort, 1, R"({"b":1})").ok());
  ASSERT_TRUE(Put(-2, kFlag, 1, R"({"c":1})").ok());
  EXPECT_EQ(store->version(1), 2u);
  EXPECT_EQ(store->version(-2), 1u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Json(1, kFlag, 1), R"({"a":1})");
    EXPECT_EQ(Json(1, kCohort, 1), R"({"b":1})");
    EXPECT_EQ(Json(-2, kFlag, 1), R"({"c":1})");
    EXPECT_EQ(Json(2, kFlag, 1), "none");
    EXPECT_EQ(store->All(1, kFlag)->size(), 1u);
    EXPECT_TRUE(store->All(3, kFlag)->empty());
    memory.CrashDroppingAll();
    Open();
  }
}

TEST_F(ObjectStoreTest, SnapshotsStay) {
  ASSERT_TRUE(Put(1, kFlag, 1, R"({"a":1})").ok());
  const auto before = store->All(1, kFlag);
  ASSERT_TRUE(Put(1, kFlag, 1, R"({"a":2})").ok());
  ASSERT_TRUE(Put(1, kFlag, 2, "{}").ok());
  EXPECT_EQ(before->size(), 1u);
  EXPECT_EQ(*before->at(1), R"({"a":1})");
  EXPECT_EQ(store->All(1, kFlag)->size(), 2u);
}

TEST_F(ObjectStoreTest, ATransactionSeesItselfAndIdsAreNeverGivenTwice) {
  ASSERT_TRUE(store
                  ->Change(1,
                           [](ObjectStore::Transaction* transaction) {
                             EXPECT_EQ(transaction->NewId(kFlag), 1);
                             EXPECT_EQ(transaction->NewId(kFlag), 2);
                             transaction->Put(kFlag, 1, R"({"a":1})");
                             transaction->Put(kFlag, 2, R"({"b":1})");
                             transaction->Put(kFlag, 7, R"({"c":1})");
                             EXPECT_EQ(*transaction->Find(kFlag, 1), R"({"a":1})");
                             transaction->Remove(kFlag, 2);
                             transaction->Remove(kFlag, 99);
                             EXPECT_EQ(transaction->Find(kFlag, 2), nullptr);
                             EXPECT_EQ(transaction->All(kFlag).size(), 2u);
                             return absl::OkStatus();
                           })
                  .ok());
  EXPECT_EQ(store->version(1), 1u);
  Open();
  EXPECT_EQ(store->All(1, kFlag)->size(), 2u);
  ASSERT_TRUE(store
                  ->Change(1,
                           [](ObjectStore::Transaction* transaction) {
                             EXPECT_EQ(transaction->NewId(kFlag), 8);
                             EXPECT_EQ(transaction->NewId(kCohort), 1);
                             return absl::OkStatus();
                           })
                  .ok());
}

TEST_F(ObjectStoreTest, AnErrorOfTheChangeUndoesIt) {
  const absl::Status status = store->Change(1, [](ObjectStore::Transaction* transaction) {
    transaction->Put(kFlag, 1, "{}");
    transaction->Log({.scope = "FeatureFlag"});
    return absl::AlreadyExistsError("no");
  });
  EXPECT_EQ(status, absl::AlreadyExistsError("no"));
  EXPECT_EQ(Json(1, kFlag, 1), "none");
  EXPECT_EQ(store->version(1), 0u);
  EXPECT_THAT(ItemsOf(1, {}), ElementsAre());
}

TEST_F(ObjectStoreTest, RefusesWhatIsTooMuch) {
  const std::string large = StrCat(R"({"a":")", std::string(limits::kObjectBytesMax, 'x'), "\"}");
  EXPECT_EQ(Put(1, kFlag, 1, large).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put(1, kFlag, 1, "[]").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put(1, kFlag, 1, "{").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put(1, kFlag, -1, "{}").code(), absl::StatusCode::kInvalidArgument);
  const absl::Status many = store->Change(1, [](ObjectStore::Transaction* transaction) {
    for (uint64_t i = 0; i <= limits::kObjectsMax; ++i) {
      transaction->Put(kFlag, transaction->NewId(kFlag), "{}");
    }
    return absl::OkStatus();
  });
  EXPECT_EQ(many.code(), absl::StatusCode::kInvalidArgument) << many;
  EXPECT_TRUE(store->All(1, kFlag)->empty());
  const absl::Status log = store->Change(1, [](ObjectStore::Transaction* transaction) {
    transaction->Log({.scope = std::string(limits::kActivityNamesBytesMax + 1, 's')});
    return absl::OkStatus();
  });
  EXPECT_EQ(log.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ObjectStoreTest, Members) {
  const auto change = [&](const std::function<void(ObjectStore::Transaction*)>& what) {
    const uint64_t version = store->version(1);
    ASSERT_TRUE(store
                    ->Change(1,
                             [&](ObjectStore::Transaction* transaction) {
                               what(transaction);
                               return absl::OkStatus();
                             })
                    .ok());
    EXPECT_GT(store->version(1), version);
    // As before and after a restart.
    const auto members = store->Members(1, 5);
    Open();
    const auto read = store->Members(1, 5);
    ASSERT_EQ(members == nullptr, read == nullptr);
    if (read != nullptr) {
      EXPECT_EQ(members->persons(), read->persons());
    }
  };
  EXPECT_EQ(store->Members(1, 5), nullptr);
  change([](auto* transaction) { transaction->SetMembers(5, {}); });
  ASSERT_NE(store->Members(1, 5), nullptr);
  EXPECT_TRUE(store->Members(1, 5)->persons().empty());
  change([](auto* transaction) {
    std::vector<Uuid> persons = Persons(0, 30'000);
    std::reverse(persons.begin(), persons.end());
    persons.push_back(Person(7));
    transaction->SetMembers(5, persons);
  });
  EXPECT_EQ(store->Members(1, 5)->persons(), Persons(0, 30'000));
  change([](auto* transaction) {
    transaction->RemoveMembers(5, {Person(0), Person(20'000), Person(99'999)});
    transaction->AddMembers(5, {Person(40'000), Person(5), Person(20'000)});
  });
  const auto members = store->Members(1, 5);
  EXPECT_EQ(members->persons().size(), 30'000u);
  EXPECT_FALSE(members->Contains(Person(0)));
  EXPECT_TRUE(members->Contains(Person(20'000)));
  EXPECT_TRUE(members->Contains(Person(40'000)));
  EXPECT_FALSE(members->Contains(Person(40'001)));
  change([](auto* transaction) { transaction->SetMembers(5, Persons(100, 200)); });
  EXPECT_EQ(store->Members(1, 5)->persons().size(), 100u);
  EXPECT_EQ(store->Members(2, 5), nullptr);
  // With the cohort its members go.
  change([](auto* transaction) {
    transaction->Put(kCohort, 5, "{}");
    transaction->AddMembers(6, Persons(1, 3));
  });
  change([](auto* transaction) { transaction->Remove(kCohort, 5); });
  EXPECT_EQ(store->Members(1, 5), nullptr);
  EXPECT_EQ(store->Members(1, 6)->persons().size(), 2u);
}

TEST_F(ObjectStoreTest, OnePersonMoreWritesLittle) {
  const auto add = [&](const std::vector<Uuid>& persons) {
    ASSERT_TRUE(store
                    ->Change(1,
                             [&](ObjectStore::Transaction* transaction) {
                               transaction->AddMembers(1, persons);
                               return absl::OkStatus();
                             })
                    .ok());
  };
  add(Persons(10, 200'000));
  const uint64_t before = memory.UsedBytes();
  add({Person(1)});
  EXPECT_LT(memory.UsedBytes() - before, 300'000u);
}

TEST_F(ObjectStoreTest, ActivityIsFoundByScopeItemAndUser) {
  memory.SetNowMicros(1'000);
  ASSERT_TRUE(store
                  ->Change(1,
                           [](ObjectStore::Transaction* transaction) {
                             transaction->Log({.scope = "FeatureFlag",
                                               .item_id = "1",
                                               .activity = "created",
                                               .user_id = 1});
                             transaction->Log({.scope = "FeatureFlag",
                                               .item_id = "12",
                                               .user_id = 2,
                                               .detail_json = R"({"x":1})"});
                             transaction->Log({.scope = "Cohort", .item_id = "1", .user_id = 1});
                             return absl::OkStatus();
                           })
                  .ok());
  EXPECT_EQ(store->version(1), 0u);
  Open();
  ASSERT_TRUE(store
                  ->Change(1,
                           [](ObjectStore::Transaction* transaction) {
                             transaction->Log(
                                 {.scope = "FeatureFlag", .item_id = "1", .user_id = 2});
                             transaction->Log({.scope = "Cohort"});
                             return absl::OkStatus();
                           })
                  .ok());
  EXPECT_THAT(ItemsOf(1, {}), ElementsAre("Cohort//0", "FeatureFlag/1/2", "Cohort/1/1",
                                          "FeatureFlag/12/2", "FeatureFlag/1/1"));
  EXPECT_THAT(ItemsOf(1, {}, 2), ElementsAre("Cohort//0", "FeatureFlag/1/2"));
  EXPECT_THAT(ItemsOf(1, {.scopes = {"FeatureFlag"}}),
              ElementsAre("FeatureFlag/1/2", "FeatureFlag/12/2", "FeatureFlag/1/1"));
  EXPECT_THAT(ItemsOf(1, {.scopes = {"FeatureFlag"}, .item_id = "1"}),
              ElementsAre("FeatureFlag/1/2", "FeatureFlag/1/1"));
  EXPECT_THAT(ItemsOf(1, {.scopes = {"FeatureFlag", "Cohort", "Cohort"}, .item_id = "1"}),
              ElementsAre("FeatureFlag/1/2", "Cohort/1/1", "FeatureFlag/1/1"));
  EXPECT_THAT(ItemsOf(1, {.item_id = "1", .user_id = 1}),
              ElementsAre("Cohort/1/1", "FeatureFlag/1/1"));
  EXPECT_THAT(ItemsOf(1, {.scopes = {"Feature"}}), ElementsAre());
  EXPECT_THAT(ItemsOf(2, {}), ElementsAre());
  ASSERT_TRUE(store
                  ->VisitActivity(1, {.item_id = "12"},
                                  [](const Activity& activity) {
                                    EXPECT_EQ(activity.created_at_us, 1'000);
                                    EXPECT_EQ(activity.detail_json, R"({"x":1})");
                                    EXPECT_EQ(activity.id.size(), 36u);
                                    return true;
                                  })
                  .ok());
}

// A flag, a cohort with members and a line of the log, changed together.
absl::Status ChangeAll(ObjectStore* store, int n) {
  return store->Change(1, [n](ObjectStore::Transaction* transaction) {
    transaction->Put(kFlag, 1, StrCat(R"({"n":)", n, "}"));
    transaction->Put(kFlag, transaction->NewId(kFlag), "{}");
    transaction->SetMembers(1, Persons(n, 3'000 + n));
    transaction->Log({.scope = "FeatureFlag", .item_id = StrCat(n)});
    return absl::OkStatus();
  });
}

// Which change the store shows; everything in it must be of that one.
int Shown(const ObjectStore& store) {
  const ObjectJson flag = store.Find(1, kFlag, 1);
  std::string newest = "0";
  size_t lines = 0;
  EXPECT_TRUE(store
                  .VisitActivity(1, {.scopes = {"FeatureFlag"}},
                                 [&](const Activity& activity) {
                                   if (lines++ == 0) newest = activity.item_id;
                                   return true;
                                 })
                  .ok());
  int n = 0;
  EXPECT_TRUE(absl::SimpleAtoi(newest, &n));
  EXPECT_EQ(lines, static_cast<size_t>(n));
  if (n == 0) {
    EXPECT_EQ(flag, nullptr);
    EXPECT_EQ(store.Members(1, 1), nullptr);
    return 0;
  }
  EXPECT_EQ(*flag, StrCat(R"({"n":)", n, "}"));
  EXPECT_EQ(store.All(1, kFlag)->size(), static_cast<size_t>(n) + 1);
  EXPECT_EQ(store.Members(1, 1)->persons(), Persons(n, 3'000 + n));
  return n;
}

TEST(ObjectStoreFaults, ACrashAtAnyWriteLeavesAChangeWholeOrNotAtAll) {
  bool was_hit = true;
  for (uint64_t at = 1; was_hit; ++at) {
    MemoryEnv memory(at);
    FaultEnv env(&memory);
    int acknowledged = 0;
    env.FailAfter(at, FaultKind::kShortWrite, /*sticky=*/true);
    {
      const auto store = ObjectStore::Open(&env, kDirectory);
      for (int n = 1; n <= 4 && store.ok(); ++n) {
        if (ChangeAll(store->get(), n).ok()) acknowledged = n;
      }
      was_hit = env.fault_hit();
      env.SetDead(true);
      memory.Crash(at);
    }
    env.SetDead(false);
    env.ClearFault();
    const auto store = ObjectStore::Open(&env, kDirectory);
    ASSERT_TRUE(store.ok()) << at << ": " << store.status();
    const int shown = Shown(**store);
    EXPECT_GE(shown, acknowledged) << "failed at " << at;
    EXPECT_LE(shown, acknowledged + 1) << "failed at " << at;
    EXPECT_TRUE(ChangeAll(store->get(), shown + 1).ok());
    EXPECT_EQ(Shown(**store), shown + 1);
  }
}

struct Breakage {
  const char* name;
  std::function<void(FaultEnv*)> begin;
  std::function<void(FaultEnv*)> end;
  absl::StatusCode code;
};

TEST(ObjectStoreFaults, AFullOrFailingDiskChangesNothingAndPasses) {
  const Breakage breakages[] = {
      {"full", [](FaultEnv* env) { env->SetDiskFull(true); },
       [](FaultEnv* env) { env->SetDiskFull(false); }, absl::StatusCode::kResourceExhausted},
      {"no sync", [](FaultEnv* env) { env->SetSyncFails(true); },
       [](FaultEnv* env) { env->SetSyncFails(false); }, absl::StatusCode::kUnavailable},
      {"dead", [](FaultEnv* env) { env->FailAfter(1, FaultKind::kIoError, true); },
       [](FaultEnv* env) { env->ClearFault(); }, absl::StatusCode::kUnavailable},
  };
  for (const Breakage& breakage : breakages) {
    SCOPED_TRACE(breakage.name);
    MemoryEnv memory;
    FaultEnv env(&memory);
    const auto store = *ObjectStore::Open(&env, kDirectory);
    ASSERT_TRUE(ChangeAll(store.get(), 1).ok());
    breakage.begin(&env);
    for (int attempt = 0; attempt < 3; ++attempt) {
      const absl::Status failed = ChangeAll(store.get(), 2);
      EXPECT_FALSE(failed.ok());
      if (attempt == 0 || absl::IsResourceExhausted(failed)) {
        EXPECT_EQ(failed.code(), breakage.code) << failed;
      }
      EXPECT_EQ(*store->Find(1, kFlag, 1), R"({"n":1})");
    }
    breakage.end(&env);
    const uint64_t version = store->version(1);
    // Of a sync that failed nobody knows; then the change is there once the store is opened anew.
    ASSERT_TRUE(store->Change(1, [](ObjectStore::Transaction*) { return absl::OkStatus(); }).ok());
    const int shown = Shown(*store);
    ASSERT_TRUE(ChangeAll(store.get(), shown + 1).ok());
    EXPECT_GT(store->version(1), version);
    EXPECT_EQ(Shown(*store), shown + 1);
  }
}

TEST_F(ObjectStoreTest, CheckCountsAndFindsNothingWrong) {
  for (int n = 1; n <= 3; ++n) ASSERT_TRUE(ChangeAll(store.get(), n).ok());
  uint64_t objects = 0;
  EXPECT_THAT(Faults(&objects), ElementsAre());
  EXPECT_EQ(objects, 4u);
}

TEST_F(ObjectStoreTest, DamageAnywhereInTablesIsFound) {
  for (int n = 1; n <= 3; ++n) ASSERT_TRUE(ChangeAll(store.get(), n).ok());
  store.reset();
  for (const std::string& path : memory.Files()) {
    if (!path.ends_with(".sst")) continue;
    for (uint64_t offset = 3; offset < memory.Contents(path).size(); offset += 997) {
      ASSERT_TRUE(memory.DamageByte(path, offset, 0x10));
      EXPECT_FALSE(Faults().empty()) << path << " at " << offset;
      ASSERT_TRUE(memory.DamageByte(path, offset, 0x10));
    }
  }
  EXPECT_THAT(Faults(), ElementsAre());
}

struct BadRow {
  const char* name;
  std::string key;
  std::string value;
  absl::StatusCode code;
};

// After a kill the last changes are in the write-ahead log alone.
TEST_F(ObjectStoreTest, DamageInTheLogIsRefusedUnlessItIsAtItsEnd) {
  constexpr int kChanges = 20;
  for (int n = 1; n <= kChanges; ++n) ASSERT_TRUE(ChangeAll(store.get(), n).ok());
  env.SetDead(true);
  store.reset();
  env.SetDead(false);
  const auto open = [&] { return ObjectStore::Open(&env, kDirectory).status(); };
  for (const std::string& path : memory.Files()) {
    if (!path.ends_with(".log")) continue;
    const uint64_t bytes = memory.Contents(path).size();
    ASSERT_GT(bytes, 1000u);
    for (uint64_t offset = 0; offset < bytes / 2; offset += 41) {
      ASSERT_TRUE(memory.DamageByte(path, offset, 0x10));
      const absl::Status opened = open();
      EXPECT_EQ(opened.code(), absl::StatusCode::kDataLoss) << offset;
      EXPECT_THAT(std::string(opened.message()), HasSubstr(".log: damaged at byte"));
      ASSERT_TRUE(memory.DamageByte(path, offset, 0x10));
    }
    // What a crash leaves of a change that nobody was told of.
    ASSERT_TRUE(memory.DamageByte(path, bytes - 1, 0x10));
  }
  EXPECT_TRUE(open().ok()) << open();
}

TEST_F(ObjectStoreTest, RefusesToOpenDamageAndNewerVersions) {
  const std::string newer(1, 2);
  const BadRow rows[] = {
      {"newer store", object_rows::FormatKey(), object_rows::EncodeNumber(2),
       absl::StatusCode::kUnimplemented},
      {"newer object", object_rows::ObjectKey(1, kFlag, 1), newer + "{}",
       absl::StatusCode::kUnimplemented},
      {"no object", object_rows::ObjectKey(1, kFlag, 1), object_rows::EncodeJson("{"),
       absl::StatusCode::kDataLoss},
      {"empty", object_rows::ObjectKey(1, kFlag, 1), "", absl::StatusCode::kDataLoss},
      {"key", object_rows::ObjectKey(1, kFlag, 1) + "x", object_rows::EncodeJson("{}"),
       absl::StatusCode::kDataLoss},
      {"too few members", object_rows::CohortKey(1, 1), object_rows::EncodeNumber(1),
       absl::StatusCode::kDataLoss},
      {"members of no cohort", object_rows::MembersKey(1, 1, Person(1)),
       object_rows::EncodeMembers(Persons(1, 2).data(), 1), absl::StatusCode::kDataLoss},
      {"members of another key", object_rows::MembersKey(1, 1, Person(2)),
       object_rows::EncodeMembers(Persons(1, 2).data(), 1), absl::StatusCode::kDataLoss},
      {"half a member", object_rows::MembersKey(1, 1, Person(2)),
       object_rows::EncodeJson("12345678"), absl::StatusCode::kDataLoss},
  };
  for (const BadRow& row : rows) {
    SCOPED_TRACE(row.name);
    store.reset();
    ASSERT_TRUE(memory.RemoveTree(kDirectory).ok());
    Open();
    PutRow(row.key, row.value);
    const auto opened = ObjectStore::Open(&env, kDirectory);
    EXPECT_EQ(opened.status().code(), row.code) << opened.status();
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr(kDirectory));
  }
}

// FORMAT.md, byte for byte.
TEST(ObjectRows, AreAsTheFormatSays) {
  using namespace std::string_literals;
  EXPECT_EQ(object_rows::FormatKey(), "\0"s);
  EXPECT_EQ(object_rows::ObjectKey(1, kCohort, 258),
            "\x01\x80\0\0\0\0\0\0\x01\x02\x80\0\0\0\0\0\x01\x02"s);
  EXPECT_EQ(object_rows::NextIdKey(-1, kFlag), "\x02\x7f\xff\xff\xff\xff\xff\xff\xff\x01"s);
  EXPECT_EQ(object_rows::CohortKey(1, 2), "\x03\x80\0\0\0\0\0\0\x01\x80\0\0\0\0\0\0\x02"s);
  EXPECT_EQ(object_rows::MembersKey(1, 2, Person(3)),
            "\x04\x80\0\0\0\0\0\0\x01\x80\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03"s);
  EXPECT_EQ(object_rows::Numbered(object_rows::ActivityPrefix(1), 5),
            "\x05\x80\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x05"s);
  EXPECT_EQ(object_rows::Numbered(object_rows::SubjectPrefix(1, "AB", "7"), 5),
            "\x06\x80\0\0\0\0\0\0\x01\x02"
            "AB\x01"
            "7\0\0\0\0\0\0\0\x05"s);
  EXPECT_EQ(object_rows::EncodeNumber(5), "\x01\x05\0\0\0\0\0\0\0"s);
  EXPECT_EQ(object_rows::EncodeJson("{}"), "\x01{}"s);
  const Activity activity{.id = "i",
                          .scope = "s",
                          .item_id = "",
                          .activity = "a",
                          .user_id = 2,
                          .created_at_us = 3,
                          .detail_json = "{}"};
  EXPECT_EQ(object_rows::EncodeActivity(activity),
            "\x01\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01i\x01s\0\x01"
            "a\x02{}"s);
}

}  // namespace
}  // namespace hoglet
