#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/event.h"

namespace hoglet {

// The kinds of things that people define in a project. Numbers are stored.
enum class ObjectKind : uint8_t {
  kFeatureFlag = 1,
  kCohort = 2,
  kEarlyAccessFeature = 3,
  kSurvey = 4,
  kWebExperiment = 5,
  kGroupType = 6,  // what people call a group type; its id is the type's index
};

using ObjectJson = std::shared_ptr<const std::string>;
// JSON objects by id. Immutable.
using Objects = std::map<int64_t, ObjectJson>;

// A line of the activity log: who changed what, and when.
struct Activity {
  std::string id;             // a UUID; made by the store if empty
  std::string scope;          // "FeatureFlag", "Cohort", ...
  std::string item_id;        // as the API shows it
  std::string activity;       // "created", "updated", "deleted", ...
  int64_t user_id = 0;        // 0: the server itself
  int64_t created_at_us = 0;  // set by the store
  std::string detail_json = "{}";
};

// The persons of one cohort, sorted. Immutable.
class CohortMembers {
 public:
  explicit CohortMembers(std::vector<Uuid> sorted) : persons_(std::move(sorted)) {}
  bool Contains(const Uuid& person) const;
  const std::vector<Uuid>& persons() const { return persons_; }

 private:
  const std::vector<Uuid> persons_;
};

// Flags, cohorts and other definitions as JSON documents, who is in a cohort, and the log of what
// was changed, on RocksDB. Definitions and members are all held in memory (members at 16 bytes
// each), so that reading never waits for a disk; changes are durable on return and seen by the next
// reader.
//
// Thread-safe. Readers get immutable snapshots.
class ObjectStore {
 public:
  static absl::StatusOr<std::unique_ptr<ObjectStore>> Open(Env* env, const std::string& directory);
  // Reads every byte without changing it: a line in `report` for each fault. Returns the number of
  // objects.
  static absl::StatusOr<uint64_t> Check(Env* env, const std::string& directory,
                                        const std::function<void(const std::string&)>& report);
  virtual ~ObjectStore() = default;

  // Moves with every change to objects or members of the project.
  virtual uint64_t version(TeamId project) const = 0;
  // Never null.
  virtual std::shared_ptr<const Objects> All(TeamId project, ObjectKind kind) const = 0;
  // Null if there is none.
  virtual ObjectJson Find(TeamId project, ObjectKind kind, int64_t id) const = 0;

  // What one change may do. Only within Change().
  class Transaction {
   public:
    virtual ~Transaction() = default;
    // As of now, with what this transaction has put.
    virtual ObjectJson Find(ObjectKind kind, int64_t id) const = 0;
    virtual Objects All(ObjectKind kind) const = 0;
    // Ids grow and are never given twice.
    virtual int64_t NewId(ObjectKind kind) = 0;
    virtual void Put(ObjectKind kind, int64_t id, std::string json) = 0;
    virtual void Remove(ObjectKind kind, int64_t id) = 0;
    virtual void Log(Activity activity) = 0;
    virtual void SetMembers(int64_t cohort_id, std::vector<Uuid> persons) = 0;
    virtual void AddMembers(int64_t cohort_id, const std::vector<Uuid>& persons) = 0;
    virtual void RemoveMembers(int64_t cohort_id, const std::vector<Uuid>& persons) = 0;
  };
  // Runs `change` alone and makes what it did durable as a whole; nothing if it fails. An error of
  // `change`, which must not call the store, is handed on. kResourceExhausted for a full disk.
  virtual absl::Status Change(TeamId project,
                              const std::function<absl::Status(Transaction*)>& change) = 0;

  // Null: the cohort has none (was never filled).
  virtual std::shared_ptr<const CohortMembers> Members(TeamId project, int64_t cohort_id) const = 0;

  struct ActivityFilter {
    std::vector<std::string> scopes;  // empty: all
    std::string item_id;              // empty: all
    int64_t user_id = 0;              // 0: all
  };
  // The newest first, until `visit` returns false.
  virtual absl::Status VisitActivity(TeamId project, const ActivityFilter& filter,
                                     const std::function<bool(const Activity&)>& visit) const = 0;
};

}  // namespace hoglet
