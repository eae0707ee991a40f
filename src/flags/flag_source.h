#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "src/base/arena.h"
#include "src/flags/flag_set.h"
#include "src/persons/person_store.h"

namespace hoglet {

// Hash keys to be kept for the persons of two distinct ids (spec flags.md section 6).
struct FlagHashKeyWrite {
  TeamId team_id = 0;
  std::vector<Uuid> persons;  // whose the ids are now
  std::vector<std::string> distinct_ids;
  std::vector<std::string> flags;
  std::string hash_key;
};

// Where the endpoints get definitions and what is known of persons. Thread-safe.
class FlagSource {
 public:
  virtual ~FlagSource() = default;

  // The project's flags as they are now; from memory.
  virtual std::shared_ptr<const FlagSet> Flags(TeamId team) = 0;
  // As PersonStore's: from memory alone, and from the disk.
  virtual std::optional<PersonStore::Facts> Remember(const PersonStore::FactsWanted& wanted) = 0;
  virtual absl::StatusOr<PersonStore::Facts> Ask(const PersonStore::FactsWanted& wanted) = 0;
  // What is known of where an address is, as PostHog names it without "$geoip_"; false: nothing.
  // Texts go into the arena.
  virtual bool FindPlace(std::string_view ip, Arena* arena, JsonObjectView* facts) = 0;
  // Whether a person is among the stored members of a cohort; from memory.
  virtual bool IsMember(TeamId team, int64_t cohort_id, const Uuid& person) = 0;
  // Makes it durable and then calls `done`, from any thread, with the place it has taken in the
  // order of all changes. It shows in Remember() and Ask() once applied() is beyond that.
  virtual void KeepHashKeys(const FlagHashKeyWrite& write,
                            std::function<void(absl::StatusOr<uint64_t>)> done) = 0;
  virtual uint64_t applied() const = 0;
};

}  // namespace hoglet
