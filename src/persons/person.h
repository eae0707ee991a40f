#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "include/hoglet/event.h"
#include "src/persons/property_set.h"

namespace hoglet {

// A person as the pipeline holds it: immutable, replaced whole.
struct Person {
  TeamId team_id = 0;
  Uuid id;
  int64_t created_at_us = 0;
  int64_t version = 0;
  bool is_identified = false;
  PropertySetPtr properties = PropertySet::Empty();
};
using PersonPtr = std::shared_ptr<const Person>;

// What is known of a distinct id. All false: never seen.
struct IdState {
  Uuid person_id;  // if mapped
  int64_t version = 0;
  bool is_mapped = false;
  // Was used by an event without person processing.
  bool is_personless = false;
  // Took part in a merge since; a personless event must then look for its person again.
  bool is_merged = false;
  // It belonged to a person that was deleted: a state as if never seen, that also takes back what
  // the mapping had left elsewhere. Not stored.
  bool is_deleted = false;

  friend bool operator==(const IdState&, const IdState&) = default;
};

struct Group {
  TeamId team_id = 0;
  int type_index = 0;
  std::string key;
  int64_t created_at_us = 0;
  // When the server took the event that last changed it.
  int64_t updated_at_us = 0;
  int64_t version = 0;
  PropertySetPtr properties = PropertySet::Empty();
};
using GroupPtr = std::shared_ptr<const Group>;

inline constexpr int kGroupTypesMax = 5;

}  // namespace hoglet
