#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"

namespace hoglet {

// A person as stored. `properties` is a JSON object text.
struct PersonRecord {
  TeamId team_id = 0;
  Uuid id;
  std::string properties = "{}";
  int64_t created_at_us = 0;
  bool is_identified = false;
  int64_t version = 0;
};

struct DistinctIdRecord {
  TeamId team_id = 0;
  std::string distinct_id;
  Uuid person_id;
  int64_t version = 0;
};

// What queries read of persons. Thread-safe. All answers are of one moment per call, and include
// what the pipeline has applied but not yet checkpointed.
class PersonReader {
 public:
  virtual ~PersonReader() = default;

  // Replaces, in place, each person id of an event row by the person its distinct id belongs to now
  // (an id that was re-pointed after first use: PostHog's person_distinct_id_overrides).
  // `distinct_ids` and `person_ids` have the same length.
  virtual void ApplyOverrides(TeamId team, std::span<const std::string_view> distinct_ids,
                              std::span<Uuid> person_ids) const = 0;
  // Grows whenever an override changes; 0 while there is none. Lets callers cache ApplyOverrides.
  virtual uint64_t overrides_version(TeamId team) const = 0;
  // The distinct ids whose overrides have changed since that version, some of them several times;
  // nothing if that is too long ago to be known.
  virtual std::optional<std::vector<std::string>> OverridesChangedSince(TeamId team,
                                                                        uint64_t version) const = 0;

  // Calls `visit` for each living person / mapping of the team, in key order, until it returns
  // false.
  virtual absl::Status VisitPersons(
      TeamId team, const std::function<bool(const PersonRecord&)>& visit) const = 0;
  virtual absl::Status VisitDistinctIds(
      TeamId team, const std::function<bool(const DistinctIdRecord&)>& visit) const = 0;
  virtual absl::StatusOr<std::optional<PersonRecord>> FindByDistinctId(
      TeamId team, std::string_view distinct_id) const = 0;
  virtual absl::StatusOr<std::optional<PersonRecord>> FindById(TeamId team,
                                                               const Uuid& id) const = 0;
  // Of one person, sorted.
  virtual absl::StatusOr<std::vector<std::string>> FindDistinctIds(TeamId team,
                                                                   const Uuid& id) const = 0;
};

}  // namespace hoglet
