#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "include/hoglet/event.h"
#include "src/base/uuid.h"
#include "src/base/vector/vector.h"

namespace hoglet {

class PersonReader;

// Whose the rows of a part are now: its dictionary of person ids, followed by the persons that
// distinct ids have been re-pointed to.
struct Repointed {
  static constexpr uint32_t kStored = ~uint32_t{0};

  std::shared_ptr<const Vector> persons;  // null: as stored, nobody was re-pointed
  std::vector<uint32_t> code_of_id;       // by code of the distinct id; kStored: as the row says
  bool has_sorted_ids = false;            // the distinct ids' dictionary is sorted

  size_t bytes() const {
    const size_t held = persons == nullptr ? 0 : persons->size() * sizeof(Int128);
    return sizeof(*this) + held + code_of_id.capacity() * sizeof(uint32_t);
  }
};

// What has been worked out for dictionaries that are still in use, in a bounded number of bytes,
// and the version of the team's overrides that it is of. Thread-safe.
class RepointedCache {
 public:
  struct Key {
    TeamId team = 0;
    std::shared_ptr<const Vector> distinct_ids;
    std::shared_ptr<const Vector> person_ids;
  };
  struct Found {
    std::shared_ptr<const Repointed> repointed;  // null: nothing was found
    uint64_t version = 0;
  };

  explicit RepointedCache(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  Found Find(const Key& key);
  // Returns what to use: that of another thread, if it was first.
  std::shared_ptr<const Repointed> Insert(const Key& key, uint64_t version,
                                          std::shared_ptr<const Repointed> repointed);

 private:
  static constexpr size_t kEntryBytes = 256;  // besides what it holds, about
  struct Entry {
    uint64_t version = 0;
    std::weak_ptr<const Vector> distinct_ids;
    std::weak_ptr<const Vector> person_ids;
    std::shared_ptr<const Repointed> repointed;
    size_t bytes = 0;
  };
  using Addresses = std::tuple<TeamId, const Vector*, const Vector*>;

  static Addresses AddressesOf(const Key& key) {
    return {key.team, key.distinct_ids.get(), key.person_ids.get()};
  }
  // A dictionary that has gone may have left its address to another one.
  static bool IsOf(const Entry& entry, const Key& key) {
    return entry.distinct_ids.lock() == key.distinct_ids &&
           entry.person_ids.lock() == key.person_ids;
  }
  void MakeRoom();

  const uint64_t bytes_max_;
  std::mutex mutex_;
  absl::flat_hash_map<Addresses, Entry> entries_;
  size_t bytes_ = 0;
};

// A person merge re-points distinct ids; rows keep the person they were written with. This lays the
// one over the other: what each distinct id of a dictionary now belongs to is asked once, not once
// a row, and when persons have been merged since, only the ids that this concerned are asked again.
// Thread-safe.
class OverrideMap {
 public:
  OverrideMap(const PersonReader* persons, TeamId team, RepointedCache* cache);

  // False if everything is as stored.
  bool any() const { return version_ != 0; }

  Vector Apply(Vector person_ids, const Vector& distinct_ids);

 private:
  using Ids = std::vector<std::string>;

  // The overriding person of each; the nil UUID where there is none.
  std::vector<Uuid> Lookup(std::span<const std::string_view> ids) const;
  Vector ApplyToRows(Vector person_ids, const Vector& distinct_ids) const;
  Vector ApplyToDictionary(const Vector& person_ids, const Vector& distinct_ids);
  std::shared_ptr<const Repointed> RepointedOf(const RepointedCache::Key& key);
  // Worked out from what was known at an earlier version; null if that does not pay.
  std::shared_ptr<const Repointed> Patched(const RepointedCache::Key& key,
                                           const RepointedCache::Found& known);
  std::shared_ptr<const Repointed> FromScratch(const RepointedCache::Key& key) const;
  // What has changed from a version to this map's; null if that is not known.
  std::shared_ptr<const Ids> ChangesSince(uint64_t version);

  const PersonReader* persons_;
  TeamId team_;
  uint64_t version_;
  RepointedCache* cache_;
  std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<const Ids>> changes_;  // by the version they begin at
};

}  // namespace hoglet
