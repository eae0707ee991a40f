#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "src/persons/person_store.h"
#include "tests/ingest/fakes.h"

// Streams of events for the tests of the pipeline, and what they left in the person store.

namespace hoglet {

// A stream that uses everything: pages, merges of all kinds and outcomes, personless ids, groups,
// unknown tokens, broken records.
inline std::vector<std::string> MixedStream(uint64_t seed, size_t count, size_t people) {
  std::mt19937_64 random(seed);
  const auto id = [&] { return "user-" + std::to_string(random() % people); };
  std::vector<std::string> values;
  for (uint64_t i = 0; i < count; ++i) {
    CapturedEvent event;
    const auto number = std::to_string(random() % 10);
    switch (random() % 16) {
      case 0:
        event = MakeEvent(i, "$identify", id(), R"({"$anon_distinct_id":")" + id() + "\"}");
        break;
      case 1:
        event = MakeEvent(i, "$create_alias", id(), R"({"alias":")" + id() + "\"}");
        break;
      case 2:
        event = MakeEvent(i, random() % 4 ? "$set" : "$merge_dangerously", id(),
                          R"({"alias":")" + id() + R"(","$set":{"plan":)" + number + "}}");
        break;
      case 3:
      case 4:
        event =
            MakeEvent(i, "$pageview", id(), R"({"$process_person_profile":false,"$set":{"x":1}})");
        break;
      case 5:
        event = MakeEvent(i, "$groupidentify", id(),
                          R"({"$group_type":"t)" + number + R"(","$group_key":"k)" + number +
                              R"(","$group_set":{"n":)" + number + "}}");
        break;
      case 6:
        event = MakeEvent(i, "paid", id(),
                          R"({"$groups":{"t)" + number + R"(":"acme"},"$unset":["plan"]})");
        break;
      case 7:
        event = MakeEvent(i, "stray", id());
        event.token = "unknown";
        break;
      case 8:
        event = MakeEvent(i, "broken", id());
        if (random() % 4 == 0) event.json = "{\"event\":";
        break;
      default:
        event = MakeEvent(i, "$pageview", id(),
                          R"({"$current_url":"/)" + number + R"(","$browser":"B)" + number +
                              R"(","$set_once":{"first":)" + number + R"(},"$set":{"last":)" +
                              number + "}}");
    }
    values.push_back(EncodeCapturedEvent(event));
  }
  return values;
}

// Persons, mappings, groups and overrides of team 1 as text.
inline std::string DescribePersons(const PersonStore& store) {
  std::string text;
  const auto add_person = [&](const PersonRecord& person) {
    StrAppend(&text, FormatUuid(person.id), " ", person.properties, " ", person.created_at_us, " ",
              person.is_identified, " ", person.version, "\n");
    return true;
  };
  EXPECT_TRUE(store.VisitPersons(1, add_person).ok());
  const auto add_id = [&](const DistinctIdRecord& id) {
    const std::string_view name = id.distinct_id;
    Uuid shown;
    store.ApplyOverrides(1, {&name, 1}, {&shown, 1});
    StrAppend(&text, name, " ", FormatUuid(id.person_id), " ", id.version, " ", FormatUuid(shown),
              "\n");
    return true;
  };
  EXPECT_TRUE(store.VisitDistinctIds(1, add_id).ok());
  for (int type = 0; type < kGroupTypesMax; ++type) {
    const auto add_group = [&](const Group& group) {
      StrAppend(&text, type, " ", group.key, " ", group.properties->ToJson(), " ", group.version,
                "\n");
      return true;
    };
    EXPECT_TRUE(store.VisitGroups(1, type, add_group).ok());
  }
  return text;
}

}  // namespace hoglet
