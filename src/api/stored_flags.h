#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "include/hoglet/log.h"
#include "src/flags/flag_source.h"
#include "src/flags/local_evaluation.h"
#include "src/metadata/metadata_store.h"
#include "src/metadata/object_store.h"

namespace hoglet {

class GeoIpDatabase;

// Flags, cohorts and persons as the data directory holds them. A project's flags are compiled when
// they are first asked for after a change, by whoever asks; a change is seen by the next request.
class StoredFlags final : public FlagSource {
 public:
  struct Parts {
    const ObjectStore* objects = nullptr;
    const PersonStore* persons = nullptr;
    const MetadataStore* metadata = nullptr;
    Log* log = nullptr;
    const GeoIpDatabase* geoip = nullptr;  // may be null
    // Below what offset of the log the pipeline has applied everything.
    std::function<uint64_t()> applied;
  };

  // What `parts` points to outlives it.
  explicit StoredFlags(const Parts& parts) : parts_(parts) {}

  std::shared_ptr<const FlagSet> Flags(TeamId team) override;
  std::optional<PersonStore::Facts> Remember(const PersonStore::FactsWanted& wanted) override;
  absl::StatusOr<PersonStore::Facts> Ask(const PersonStore::FactsWanted& wanted) override;
  bool FindPlace(std::string_view ip, Arena* arena, JsonObjectView* facts) override;
  bool IsMember(TeamId team, int64_t cohort_id, const Uuid& person) override;
  void KeepHashKeys(const FlagHashKeyWrite& write,
                    std::function<void(absl::StatusOr<uint64_t>)> done) override;
  uint64_t applied() const override { return parts_.applied(); }

  // A flag that is not stored, among the project's cohorts and group types.
  std::shared_ptr<const FlagSet> CompileWith(TeamId team, std::string flag_json) const;
  // Whether one is on.
  bool HasLiveFlags(TeamId team);
  // Whether one was started and has not ended.
  bool HasRunningSurveys(TeamId team);
  // The document for local evaluation as of now.
  std::shared_ptr<const FlagDocument> LocalEvaluation(TeamId team, bool with_cohorts);

 private:
  // What a compiled set was made of.
  struct Version {
    uint64_t objects = 0;
    uint64_t metadata = 0;
    uint64_t group_types = 0;
    friend bool operator==(const Version&, const Version&) = default;
  };
  struct Project {
    std::mutex mutex;
    Version version;
    std::shared_ptr<const FlagSet> set;  // null: not yet compiled
    bool has_live_flags = false;
    bool has_running_surveys = false;
    std::shared_ptr<const FlagDocument> documents[2];  // by with_cohorts; null: not asked for
  };

  // Returns it locked, with a set that is current.
  std::unique_lock<std::mutex> Refresh(TeamId team, Project** project);
  // All but the flags.
  FlagSetSource SourceOf(TeamId team) const;

  const Parts parts_;
  std::mutex mutex_;
  absl::flat_hash_map<TeamId, std::unique_ptr<Project>> projects_;
};

}  // namespace hoglet
