#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "include/hoglet/status.h"
#include "src/base/fault_env.h"
#include "src/base/json.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/persons/person_processor.h"
#include "src/persons/person_store.h"

// A person store in memory, and events for it in short form.

namespace hoglet {

inline constexpr TeamId kTeam = 1;
inline constexpr int64_t kStartUs = 1'700'000'000'000'000;

// An event as the person step sees it; $set and the like are JSON texts.
struct ShortEvent {
  std::string id;
  MergeKind merge = MergeKind::kNone;
  std::string other = {};
  std::string set = "{}";
  std::string set_once = "{}";
  std::vector<std::string> unset = {};
  bool is_personless = false;
  int64_t second = 0;
};

class PersonStoreTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    store.reset();
    // Without caches every look-up goes to RocksDB.
    auto opened = PersonStore::Open(&env, "persons", {.cache_bytes_max = 0});
    ASSERT_TRUE(opened.ok()) << opened.status();
    store = *std::move(opened);
    processor = std::make_unique<PersonProcessor>(store.get(), PersonProcessor::Options{});
  }
  absl::Status Commit(uint64_t offset) {
    HOGLET_RETURN_IF_ERROR(store->Seal(offset));
    return store->CommitSealed();
  }

  PersonOutcome Do(const ShortEvent& event) {
    Arena arena;
    PropertyRequest request;
    for (const auto& [json, list] :
         {std::pair(&event.set, &request.set), std::pair(&event.set_once, &request.set_once)}) {
      JsonObjectView members;
      EXPECT_TRUE(ParseJsonObject(*json, &arena, &members).ok()) << *json;
      for (const JsonMember& member : members) list->push_back(MakePropertyAssignment(member));
    }
    for (const std::string& key : event.unset) request.unset.push_back(key);
    NormalizeRequest(&request);
    PersonEvent full{.id = IdRef(kTeam, event.id)};
    full.uuid.bytes[15] = static_cast<uint8_t>(++events_);
    full.timestamp_us = kStartUs + event.second * 1'000'000;
    full.policy = event.merge == MergeKind::kNone ? UpdatePolicy::kFiltered : UpdatePolicy::kAlways;
    full.is_person_processed = !event.is_personless;
    full.merge = event.merge;
    full.other_distinct_id = event.other;
    full.request = &request;
    PersonOutcome outcome;
    const absl::Status status = processor->Process(full, &outcome);
    EXPECT_TRUE(status.ok()) << status;
    return outcome;
  }

  PersonRecord Find(const std::string& distinct_id) {
    const auto found = store->FindByDistinctId(kTeam, distinct_id);
    EXPECT_TRUE(found.ok()) << found.status();
    if (!found.ok() || !found->has_value()) {
      ADD_FAILURE() << "no person of " << distinct_id;
      return {};
    }
    return **found;
  }
  std::string Properties(const std::string& distinct_id) { return Find(distinct_id).properties; }
  // The person that queries show for an event stored under the id's own person.
  Uuid Shown(const std::string& distinct_id) {
    const std::string_view id = distinct_id;
    Uuid person = PersonUuid(kTeam, distinct_id);
    store->ApplyOverrides(kTeam, {&id, 1}, {&person, 1});
    return person;
  }
  // Every mapping as "id version".
  std::vector<std::string> Mappings() {
    std::vector<std::string> mappings;
    EXPECT_TRUE(store
                    ->VisitDistinctIds(kTeam,
                                       [&](const DistinctIdRecord& id) {
                                         mappings.push_back(
                                             StrCat(id.distinct_id, " ", id.version));
                                         return true;
                                       })
                    .ok());
    return mappings;
  }
  size_t PersonCount() {
    size_t count = 0;
    EXPECT_TRUE(store
                    ->VisitPersons(kTeam,
                                   [&](const PersonRecord&) {
                                     ++count;
                                     return true;
                                   })
                    .ok());
    return count;
  }

  MemoryEnv memory;
  FaultEnv env{&memory};
  std::unique_ptr<PersonStore> store;
  std::unique_ptr<PersonProcessor> processor;

 private:
  uint64_t events_ = 0;
};

}  // namespace hoglet
