#include "src/metadata/object_store.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

#include "include/hoglet/status.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "src/base/arena.h"
#include "src/base/hash.h"
#include "src/base/json.h"
#include "src/base/limits.h"
#include "src/base/logging.h"
#include "src/base/rocksdb/rocks_files.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/metadata/object_database.h"
#include "src/metadata/object_rows.h"

namespace hoglet {
namespace {

using object_rows::RowKey;
using object_rows::Table;

// Enough for the files of an opening and the next change.
constexpr uint64_t kProbeBytes = 4 << 20;
// Members of one row: some thousand, so that a change of one person writes little.
constexpr uint64_t kMembersRowMean = 1024;
constexpr size_t kMembersRowMax = 8192;

using Members = std::shared_ptr<const CohortMembers>;
using MembersByCohort = std::map<int64_t, Members>;

// All of a project at one moment. Immutable once it is shown.
struct ProjectState {
  uint64_t version = 0;
  std::map<ObjectKind, std::shared_ptr<const Objects>> objects;
  std::map<ObjectKind, int64_t> next_ids;
  std::shared_ptr<const MembersByCohort> members = std::make_shared<const MembersByCohort>();

  const Objects& Of(ObjectKind kind) const {
    static const auto* const none = new Objects;
    const auto found = objects.find(kind);
    return found == objects.end() ? *none : *found->second;
  }
};
using StatePtr = std::shared_ptr<const ProjectState>;

absl::Status CheckDocument(ObjectKind kind, int64_t id, std::string_view json) {
  const auto what = [&] { return StrCat("object ", static_cast<int>(kind), "/", id); };
  if (id < 0 || id == std::numeric_limits<int64_t>::max()) {
    return absl::InvalidArgumentError(StrCat(what(), ": not an id"));
  }
  if (json.size() > limits::kObjectBytesMax) {
    return absl::InvalidArgumentError(
        StrCat(what(), ": ", json.size(), " bytes, the limit is ", limits::kObjectBytesMax));
  }
  Arena arena;
  JsonObjectView members;
  absl::Status parsed = ParseJsonObject(json, &arena, &members);
  if (parsed.ok()) return parsed;
  return absl::InvalidArgumentError(StrCat(what(), ": no JSON object: ", parsed.message()));
}

absl::Status CheckActivity(const Activity& activity) {
  const size_t names = activity.id.size() + activity.scope.size() + activity.item_id.size() +
                       activity.activity.size();
  if (names <= limits::kActivityNamesBytesMax &&
      activity.detail_json.size() <= limits::kActivityDetailBytesMax) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("activity: a text is too long");
}

// Where the rows of a cohort's members end: the same for the same neighbourhood of persons, so that
// most rows of a changed cohort are those of before.
std::vector<std::pair<size_t, size_t>> MemberRows(const std::vector<Uuid>& persons) {
  std::vector<std::pair<size_t, size_t>> rows;
  size_t begin = 0;
  for (size_t i = 1; i <= persons.size(); ++i) {
    const bool ends =
        i == persons.size() || i - begin == kMembersRowMax ||
        FastHash64(std::string_view(reinterpret_cast<const char*>(persons[i].bytes.data()),
                                    persons[i].bytes.size())) %
                kMembersRowMean ==
            0;
    if (!ends) continue;
    rows.emplace_back(begin, i - begin);
    begin = i;
  }
  return rows;
}

// Puts the rows of `after` that `before` does not have, and deletes the others of `before`.
void WriteMembers(TeamId project, int64_t cohort_id, const std::vector<Uuid>& before,
                  const std::vector<Uuid>& after, rocksdb::WriteBatch* batch) {
  const auto old_rows = MemberRows(before);
  const auto new_rows = MemberRows(after);
  size_t old_at = 0;
  const auto key = [&](const Uuid& first) {
    return object_rows::MembersKey(project, cohort_id, first);
  };
  for (const auto& [begin, count] : new_rows) {
    for (; old_at < old_rows.size() && before[old_rows[old_at].first].bytes < after[begin].bytes;
         ++old_at) {
      batch->Delete(key(before[old_rows[old_at].first]));
    }
    bool is_same = false;
    if (old_at < old_rows.size() && before[old_rows[old_at].first] == after[begin]) {
      is_same = old_rows[old_at].second == count &&
                std::equal(&after[begin], &after[begin] + count, &before[old_rows[old_at].first]);
      ++old_at;
    }
    if (!is_same) {
      batch->Put(key(after[begin]), object_rows::EncodeMembers(&after[begin], count));
    }
  }
  for (; old_at < old_rows.size(); ++old_at) batch->Delete(key(before[old_rows[old_at].first]));
}

void SortUnique(std::vector<Uuid>* persons) {
  std::sort(persons->begin(), persons->end());
  persons->erase(std::unique(persons->begin(), persons->end()), persons->end());
}

// Collects what one change does, without doing it.
class StagedTransaction final : public ObjectStore::Transaction {
 public:
  StagedTransaction(Env* env, StatePtr base) : env_(env), base_(std::move(base)) {}

  ObjectJson Find(ObjectKind kind, int64_t id) const override {
    if (const auto staged = objects_.find({kind, id}); staged != objects_.end()) {
      return staged->second;
    }
    const Objects& present = base_->Of(kind);
    const auto found = present.find(id);
    return found == present.end() ? nullptr : found->second;
  }

  Objects All(ObjectKind kind) const override {
    Objects out = base_->Of(kind);
    for (const auto& [key, json] : objects_) {
      if (key.first != kind) continue;
      if (json == nullptr) {
        out.erase(key.second);
      } else {
        out[key.second] = json;
      }
    }
    return out;
  }

  int64_t NewId(ObjectKind kind) override {
    int64_t& next = NextId(kind);
    return next++;
  }

  void Put(ObjectKind kind, int64_t id, std::string json) override {
    Note(CheckDocument(kind, id, json));
    if (!status_.ok()) return;
    int64_t& next = NextId(kind);
    next = std::max(next, id + 1);
    objects_[{kind, id}] = std::make_shared<const std::string>(std::move(json));
  }

  void Remove(ObjectKind kind, int64_t id) override {
    if (Find(kind, id) == nullptr) return;
    objects_[{kind, id}] = nullptr;
    if (kind == ObjectKind::kCohort && MembersOf(id) != nullptr) members_[id] = nullptr;
  }

  void Log(Activity activity) override {
    Note(CheckActivity(activity));
    activity.created_at_us = env_->NowMicros();
    if (activity.id.empty()) activity.id = FormatUuid(UuidV7(env_));
    activities_.push_back(std::move(activity));
  }

  void SetMembers(int64_t cohort_id, std::vector<Uuid> persons) override {
    SortUnique(&persons);
    if (persons.size() > limits::kCohortMembersMax) {
      Note(
          absl::InvalidArgumentError(StrCat("cohort ", cohort_id, ": ", persons.size(),
                                            " members, the limit is ", limits::kCohortMembersMax)));
      return;
    }
    members_[cohort_id] = std::make_shared<const CohortMembers>(std::move(persons));
  }

  void AddMembers(int64_t cohort_id, const std::vector<Uuid>& persons) override {
    std::vector<Uuid> added = persons;
    SortUnique(&added);
    const Members present = MembersOf(cohort_id);
    if (present != nullptr) {
      std::vector<Uuid> both;
      both.reserve(present->persons().size() + added.size());
      std::set_union(present->persons().begin(), present->persons().end(), added.begin(),
                     added.end(), std::back_inserter(both));
      added = std::move(both);
    }
    SetMembers(cohort_id, std::move(added));
  }

  void RemoveMembers(int64_t cohort_id, const std::vector<Uuid>& persons) override {
    const Members present = MembersOf(cohort_id);
    if (present == nullptr) return;
    std::vector<Uuid> removed = persons;
    SortUnique(&removed);
    std::vector<Uuid> left;
    std::set_difference(present->persons().begin(), present->persons().end(), removed.begin(),
                        removed.end(), std::back_inserter(left));
    SetMembers(cohort_id, std::move(left));
  }

  // The first thing that could not be done.
  const absl::Status& status() const { return status_; }
  bool empty() const { return objects_.empty() && members_.empty() && activities_.empty(); }

  // What is to be written, and the project as it is then. kInvalidArgument if it were too much.
  absl::StatusOr<StatePtr> Finish(TeamId project, uint64_t last_activity,
                                  rocksdb::WriteBatch* batch) const {
    auto next = std::make_shared<ProjectState>(*base_);
    if (!objects_.empty() || !members_.empty()) ++next->version;
    HOGLET_RETURN_IF_ERROR(FinishObjects(project, next.get(), batch));
    FinishMembers(project, next.get(), batch);
    for (const Activity& activity : activities_) {
      WriteActivity(project, activity, ++last_activity, batch);
    }
    return StatePtr(std::move(next));
  }
  size_t activity_count() const { return activities_.size(); }

 private:
  void Note(const absl::Status& status) {
    if (status_.ok()) status_ = status;
  }

  int64_t& NextId(ObjectKind kind) {
    const auto [it, inserted] = next_ids_.try_emplace(kind, 1);
    if (inserted) {
      const auto present = base_->next_ids.find(kind);
      if (present != base_->next_ids.end()) it->second = present->second;
    }
    return it->second;
  }

  Members MembersOf(int64_t cohort_id) const {
    if (const auto staged = members_.find(cohort_id); staged != members_.end()) {
      return staged->second;
    }
    const auto found = base_->members->find(cohort_id);
    return found == base_->members->end() ? nullptr : found->second;
  }

  absl::Status FinishObjects(TeamId project, ProjectState* next, rocksdb::WriteBatch* batch) const {
    std::set<ObjectKind> kinds;
    for (const auto& [key, json] : objects_) {
      kinds.insert(key.first);
      const std::string row = object_rows::ObjectKey(project, key.first, key.second);
      if (json == nullptr) {
        batch->Delete(row);
      } else {
        batch->Put(row, object_rows::EncodeJson(*json));
      }
    }
    for (const ObjectKind kind : kinds) {
      auto all = std::make_shared<const Objects>(All(kind));
      uint64_t bytes = 0;
      for (const auto& [id, json] : *all) bytes += json->size();
      if (all->size() > limits::kObjectsMax || bytes > limits::kObjectsBytesMax) {
        return absl::InvalidArgumentError(
            StrCat("objects: ", all->size(), " with ", bytes, " bytes in a project; the limit is ",
                   limits::kObjectsMax, " and ", limits::kObjectsBytesMax, " of a kind"));
      }
      next->objects[kind] = std::move(all);
    }
    for (const auto& [kind, id] : next_ids_) {
      next->next_ids[kind] = id;
      batch->Put(object_rows::NextIdKey(project, kind),
                 object_rows::EncodeNumber(static_cast<uint64_t>(id)));
    }
    return absl::OkStatus();
  }

  void FinishMembers(TeamId project, ProjectState* next, rocksdb::WriteBatch* batch) const {
    if (members_.empty()) return;
    static const auto* const nobody = new std::vector<Uuid>;
    auto all = std::make_shared<MembersByCohort>(*base_->members);
    for (const auto& [cohort_id, members] : members_) {
      const auto old = base_->members->find(cohort_id);
      const auto& before = old == base_->members->end() ? *nobody : old->second->persons();
      const auto& after = members == nullptr ? *nobody : members->persons();
      WriteMembers(project, cohort_id, before, after, batch);
      const std::string key = object_rows::CohortKey(project, cohort_id);
      if (members == nullptr) {
        batch->Delete(key);
        all->erase(cohort_id);
      } else {
        batch->Put(key, object_rows::EncodeNumber(after.size()));
        (*all)[cohort_id] = members;
      }
    }
    next->members = std::move(all);
  }

  static void WriteActivity(TeamId project, const Activity& activity, uint64_t number,
                            rocksdb::WriteBatch* batch) {
    using object_rows::Numbered;
    batch->Put(Numbered(object_rows::ActivityPrefix(project), number),
               object_rows::EncodeActivity(activity));
    batch->Put(Numbered(object_rows::SubjectPrefix(project, activity.scope, ""), number), "");
    if (activity.item_id.empty()) return;
    batch->Put(
        Numbered(object_rows::SubjectPrefix(project, activity.scope, activity.item_id), number),
        "");
  }

  Env* const env_;
  const StatePtr base_;
  absl::Status status_;
  std::map<std::pair<ObjectKind, int64_t>, ObjectJson> objects_;  // null: removed
  std::map<ObjectKind, int64_t> next_ids_;
  std::map<int64_t, Members> members_;  // null: removed
  std::vector<Activity> activities_;
};

// What is read back at opening, table by table in the order of the keys.
class StateReader {
 public:
  // kDataLoss or kUnimplemented, naming the row.
  absl::Status Take(std::string_view key, std::string_view value) {
    RowKey row;
    if (!object_rows::ParseKey(key, &row)) return absl::DataLossError("a damaged key");
    absl::Status status = TakeRow(row, value);
    if (status.ok()) return status;
    return absl::Status(status.code(), ToAbsl(StrCat("project ", row.project, ", table ",
                                                     static_cast<int>(row.table), ", id ", row.id,
                                                     ": ", status.message())));
  }

  // What only the whole tells.
  absl::Status Finish() {
    for (auto& [project, building] : projects_) {
      auto members = std::make_shared<MembersByCohort>();
      for (auto& [cohort_id, persons] : building.members) {
        if (building.counts[cohort_id] != persons.size()) {
          return absl::DataLossError(StrCat("project ", project, ", cohort ", cohort_id, ": ",
                                            persons.size(), " members, should be ",
                                            building.counts[cohort_id]));
        }
        (*members)[cohort_id] = std::make_shared<const CohortMembers>(std::move(persons));
      }
      building.members.clear();
      auto state = std::make_shared<ProjectState>();
      state->version = 1;
      state->members = std::move(members);
      state->next_ids = building.next_ids;
      for (auto& [kind, objects] : building.objects) {
        state->objects[kind] = std::make_shared<const Objects>(std::move(objects));
      }
      states_[project] = std::move(state);
    }
    return absl::OkStatus();
  }

  std::map<TeamId, StatePtr> TakeStates() { return std::move(states_); }
  uint64_t object_count() const { return object_count_; }

 private:
  struct Building {
    std::map<ObjectKind, Objects> objects;
    std::map<ObjectKind, int64_t> next_ids;
    std::map<int64_t, uint64_t> counts;
    std::map<int64_t, std::vector<Uuid>> members;
  };

  absl::Status TakeRow(const RowKey& row, std::string_view value) {
    uint64_t number = 0;
    switch (row.table) {
      case Table::kObjects:
        return TakeObject(row, value);
      case Table::kNextIds:
        HOGLET_RETURN_IF_ERROR(object_rows::DecodeNumber(value, &number));
        projects_[row.project].next_ids[row.kind] = static_cast<int64_t>(number);
        return absl::OkStatus();
      case Table::kCohorts: {
        HOGLET_RETURN_IF_ERROR(object_rows::DecodeNumber(value, &number));
        if (number > limits::kCohortMembersMax) return absl::DataLossError("too many members");
        Building& building = projects_[row.project];
        building.counts[row.id] = number;
        building.members[row.id].reserve(number);
        return absl::OkStatus();
      }
      case Table::kMembers: {
        std::vector<Uuid>& members = projects_[row.project].members[row.id];
        const size_t begin = members.size();
        HOGLET_RETURN_IF_ERROR(object_rows::DecodeMembers(value, &members));
        if (members[begin] != row.first) return absl::DataLossError("not the members of its key");
        return absl::OkStatus();
      }
      case Table::kActivity: {
        Activity activity;
        return object_rows::DecodeActivity(value, &activity);
      }
      case Table::kFormat:
      case Table::kActivityBySubject:
        break;
    }
    return absl::OkStatus();
  }

  absl::Status TakeObject(const RowKey& row, std::string_view value) {
    std::string json;
    HOGLET_RETURN_IF_ERROR(object_rows::DecodeJson(value, &json));
    const absl::Status status = CheckDocument(row.kind, row.id, json);
    if (!status.ok()) return absl::DataLossError(FromAbsl(status.message()).data());
    projects_[row.project].objects[row.kind][row.id] =
        std::make_shared<const std::string>(std::move(json));
    ++object_count_;
    return absl::OkStatus();
  }

  std::map<TeamId, Building> projects_;
  std::map<TeamId, StatePtr> states_;
  uint64_t object_count_ = 0;
};

class RocksObjectStore final : public ObjectStore {
 public:
  RocksObjectStore(Env* env, std::string directory) : env_(env), directory_(std::move(directory)) {}

  ~RocksObjectStore() override {
    // Into tables, whose every block has a checksum. Without it nothing is lost.
    if (database_ == nullptr || needs_reopening_) return;
    database_->db().Flush(rocksdb::FlushOptions()).PermitUncheckedError();
  }

  absl::Status Open() {
    std::lock_guard change(change_mutex_);
    std::lock_guard use(database_mutex_);
    return OpenLocked();
  }

  uint64_t version(TeamId project) const override { return StateOf(project)->version; }

  std::shared_ptr<const Objects> All(TeamId project, ObjectKind kind) const override {
    const StatePtr state = StateOf(project);
    const auto found = state->objects.find(kind);
    return found == state->objects.end() ? std::make_shared<const Objects>() : found->second;
  }

  ObjectJson Find(TeamId project, ObjectKind kind, int64_t id) const override {
    const StatePtr state = StateOf(project);
    const Objects& objects = state->Of(kind);
    const auto found = objects.find(id);
    return found == objects.end() ? nullptr : found->second;
  }

  std::shared_ptr<const CohortMembers> Members(TeamId project, int64_t cohort_id) const override {
    const StatePtr state = StateOf(project);
    const auto found = state->members->find(cohort_id);
    return found == state->members->end() ? nullptr : found->second;
  }

  absl::Status Change(TeamId project,
                      const std::function<absl::Status(Transaction*)>& change) override {
    std::lock_guard lock(change_mutex_);
    if (needs_reopening_) HOGLET_RETURN_IF_ERROR(Reopen());
    StagedTransaction transaction(env_, StateOf(project));
    HOGLET_RETURN_IF_ERROR(change(&transaction));
    HOGLET_RETURN_IF_ERROR(transaction.status());
    if (transaction.empty()) return absl::OkStatus();
    HOGLET_ASSIGN_OR_RETURN(const uint64_t last_activity, LastActivity(project));
    rocksdb::WriteBatch batch;
    HOGLET_ASSIGN_OR_RETURN(StatePtr next, transaction.Finish(project, last_activity, &batch));
    HOGLET_RETURN_IF_ERROR(Write(&batch));
    last_activities_[project] = last_activity + transaction.activity_count();
    std::lock_guard show(mutex_);
    states_[project] = std::move(next);
    return absl::OkStatus();
  }

  absl::Status VisitActivity(TeamId project, const ActivityFilter& filter,
                             const std::function<bool(const Activity&)>& visit) const override;

 private:
  StatePtr StateOf(TeamId project) const {
    static const auto* const none = new StatePtr(std::make_shared<const ProjectState>());
    std::shared_lock lock(mutex_);
    const auto found = states_.find(project);
    return found == states_.end() ? *none : found->second;
  }

  absl::Status OpenLocked() {
    database_.reset();  // two would share files
    HOGLET_ASSIGN_OR_RETURN(
        database_, ObjectDatabase::Open(env_, directory_, ObjectDatabase::Access::kReadWrite));
    return Load();
  }

  // Everything but the activity log.
  absl::Status Load() {
    StateReader reader;
    absl::Status status;
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> rows(database_->db().NewIterator(read));
    for (rows->SeekToFirst(); rows->Valid() && status.ok(); rows->Next()) {
      const std::string_view key = rows->key().ToStringView();
      if (key[0] >= static_cast<char>(Table::kActivity)) break;
      status = reader.Take(key, rows->value().ToStringView());
    }
    if (status.ok()) status = database_->ToStatus(rows->status());
    if (status.ok()) status = reader.Finish();
    if (!status.ok()) {
      return absl::Status(status.code(),
                          ToAbsl(StrCat("object store ", directory_, ": ", status.message())));
    }
    last_activities_.clear();
    Show(reader.TakeStates());
    return absl::OkStatus();
  }

  // Versions go on growing over a reopening.
  void Show(std::map<TeamId, StatePtr> states) {
    std::lock_guard lock(mutex_);
    for (auto& [project, state] : states_) {
      auto next = std::make_shared<ProjectState>();
      if (const auto found = states.find(project); found != states.end()) *next = *found->second;
      next->version = state->version + 1;
      states[project] = std::move(next);
    }
    states_ = std::move(states);
  }

  absl::Status Reopen() {
    HOGLET_RETURN_IF_ERROR(ProbeSpace(env_, directory_, kProbeBytes));
    std::lock_guard use(database_mutex_);
    absl::Status status = OpenLocked();
    if (status.ok()) {
      needs_reopening_ = false;
      LogInfo("object store opened anew after an error");
      return status;
    }
    // The activity log can be read meanwhile.
    database_.reset();
    auto readable = ObjectDatabase::Open(env_, directory_, ObjectDatabase::Access::kReadOnly);
    if (readable.ok()) database_ = *std::move(readable);
    return status;
  }

  absl::Status Write(rocksdb::WriteBatch* batch) {
    std::shared_lock use(database_mutex_);
    rocksdb::WriteOptions write;
    write.sync = true;
    const rocksdb::Status status = database_->db().Write(write, batch);
    needs_reopening_ = !status.ok();
    return database_->ToStatus(status);
  }

  // The number of the project's newest line.
  absl::StatusOr<uint64_t> LastActivity(TeamId project) {
    if (const auto known = last_activities_.find(project); known != last_activities_.end()) {
      return known->second;
    }
    std::shared_lock use(database_mutex_);
    const std::string prefix = object_rows::ActivityPrefix(project);
    std::unique_ptr<rocksdb::Iterator> rows(database_->db().NewIterator(rocksdb::ReadOptions()));
    rows->SeekForPrev(object_rows::Numbered(prefix, std::numeric_limits<uint64_t>::max()));
    HOGLET_RETURN_IF_ERROR(database_->ToStatus(rows->status()));
    if (!rows->Valid() || !rows->key().starts_with(prefix)) return 0;
    return object_rows::NumberOf(rows->key().ToStringView());
  }

  Env* const env_;
  const std::string directory_;
  // Held by one change from its beginning to its end.
  // Mutexes are taken in this order; each guards what follows it.
  std::mutex change_mutex_;
  bool needs_reopening_ = false;
  std::map<TeamId, uint64_t> last_activities_;
  // Exclusively while the database is exchanged. Null only after an error.
  mutable std::shared_mutex database_mutex_;
  std::unique_ptr<ObjectDatabase> database_;
  mutable std::shared_mutex mutex_;
  std::map<TeamId, StatePtr> states_;
};

// The numbers of one subject's lines, the newest first.
class SubjectCursor {
 public:
  SubjectCursor(const rocksdb::DB& db, std::string prefix)
      : prefix_(std::move(prefix)),
        rows_(const_cast<rocksdb::DB&>(db).NewIterator(rocksdb::ReadOptions())) {
    rows_->SeekForPrev(object_rows::Numbered(prefix_, std::numeric_limits<uint64_t>::max()));
  }

  bool Valid() const {
    return rows_->Valid() && rows_->key().starts_with(prefix_) &&
           rows_->key().size() == prefix_.size() + sizeof(uint64_t);
  }
  uint64_t number() const { return object_rows::NumberOf(rows_->key().ToStringView()); }
  void Next() { rows_->Prev(); }
  rocksdb::Status status() const { return rows_->status(); }

 private:
  std::string prefix_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

bool Takes(const ObjectStore::ActivityFilter& filter, const Activity& activity) {
  return (filter.item_id.empty() || filter.item_id == activity.item_id) &&
         (filter.user_id == 0 || filter.user_id == activity.user_id);
}

absl::Status RocksObjectStore::VisitActivity(
    TeamId project, const ActivityFilter& filter,
    const std::function<bool(const Activity&)>& visit) const {
  std::shared_lock use(database_mutex_);
  if (database_ == nullptr) {
    return absl::UnavailableError(
        StrCat("object store ", directory_, ": could not be opened again after an error"));
  }
  const std::string all = object_rows::ActivityPrefix(project);
  std::vector<SubjectCursor> cursors;
  const std::set<std::string> scopes(filter.scopes.begin(), filter.scopes.end());
  for (const std::string& scope : scopes) {
    cursors.emplace_back(database_->db(),
                         object_rows::SubjectPrefix(project, scope, filter.item_id));
  }
  if (scopes.empty()) cursors.emplace_back(database_->db(), all);
  while (true) {
    SubjectCursor* newest = nullptr;
    for (SubjectCursor& cursor : cursors) {
      HOGLET_RETURN_IF_ERROR(database_->ToStatus(cursor.status()));
      if (cursor.Valid() && (newest == nullptr || cursor.number() > newest->number())) {
        newest = &cursor;
      }
    }
    if (newest == nullptr) return absl::OkStatus();
    std::string value;
    HOGLET_RETURN_IF_ERROR(database_->ToStatus(database_->db().Get(
        rocksdb::ReadOptions(), object_rows::Numbered(all, newest->number()), &value)));
    Activity activity;
    if (const absl::Status read = object_rows::DecodeActivity(value, &activity); !read.ok()) {
      return absl::Status(read.code(),
                          ToAbsl(StrCat("object store ", directory_, ": ", read.message())));
    }
    if (Takes(filter, activity) && !visit(activity)) return absl::OkStatus();
    newest->Next();
  }
}

}  // namespace

bool CohortMembers::Contains(const Uuid& person) const {
  return std::binary_search(persons_.begin(), persons_.end(), person);
}

absl::StatusOr<std::unique_ptr<ObjectStore>> ObjectStore::Open(Env* env,
                                                               const std::string& directory) {
  auto store = std::make_unique<RocksObjectStore>(env, directory);
  HOGLET_RETURN_IF_ERROR(store->Open());
  return store;
}

absl::StatusOr<uint64_t> ObjectStore::Check(Env* env, const std::string& directory,
                                            const std::function<void(const std::string&)>& report) {
  HOGLET_RETURN_IF_ERROR(CheckRocksSideFiles(env, directory, report));
  HOGLET_ASSIGN_OR_RETURN(const auto database,
                          ObjectDatabase::Open(env, directory, ObjectDatabase::Access::kCheck));
  const auto note = [&](const absl::Status& status) {
    if (!status.ok()) report(StrCat(directory, ": ", status.message()));
  };
  note(database->ToStatus(database->db().VerifyFileChecksums(rocksdb::ReadOptions())));
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  StateReader reader;
  std::unique_ptr<rocksdb::Iterator> rows(database->db().NewIterator(read));
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    note(reader.Take(rows->key().ToStringView(), rows->value().ToStringView()));
  }
  note(database->ToStatus(rows->status()));
  note(reader.Finish());
  return reader.object_count();
}

}  // namespace hoglet
