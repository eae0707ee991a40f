#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "src/persons/person_store.h"

namespace hoglet {

// Group types and groups. A project has at most kGroupTypesMax types; each gets the lowest free
// index when it is first seen and keeps it. Used by the store's writer thread.
class GroupProcessor {
 public:
  explicit GroupProcessor(PersonStore* store) : store_(store) {}

  // The index of a type, made if there is room; -1 if there is none.
  absl::StatusOr<int> TypeIndex(TeamId project_id, std::string_view type);

  struct Identify {
    TeamId team_id = 0;
    TeamId project_id = 0;
    std::string_view type;
    std::string_view key;
    int64_t timestamp_us = 0;
    int64_t received_at_us = 0;
    // $group_set; keys unique.
    const JsonObjectView* properties = nullptr;
  };
  // Creates or updates the group of a $groupidentify. No effect if the type has no index. On an
  // error the call can be repeated.
  absl::Status Apply(const Identify& identify);

 private:
  PersonStore* store_;
  // What this process has asked of the store before.
  absl::flat_hash_map<TeamId, std::vector<std::string>> types_;
};

}  // namespace hoglet
