#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "include/hoglet/event_store.h"
#include "include/hoglet/log.h"
#include "include/hoglet/status.h"
#include "src/base/captured_event.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/ingest/team_directory.h"

// Stand-ins for the stores around the pipeline.

namespace hoglet {

// A folder of its own, removed at the end.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "hoglet-XXXXXX").string();
    path_ = mkdtemp(path.data());
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// A log in memory: every append is durable at once.
class FakeLog : public Log {
 public:
  absl::Status OpenTopic(const std::string& topic, const TopicOptions& options) override {
    std::lock_guard lock(mutex_);
    topics_[topic].partitions = options.partitions;
    return absl::OkStatus();
  }
  bool HasTopic(const std::string& topic) override {
    std::lock_guard lock(mutex_);
    return topics_.contains(topic);
  }
  void AppendAsync(const std::string& topic, const std::vector<LogRecord>& records,
                   AppendDone done) override {
    done(Append(topic, records));
  }
  absl::StatusOr<uint64_t> Append(const std::string& topic,
                                  const std::vector<LogRecord>& records) override {
    std::lock_guard lock(mutex_);
    if (!append_error_.ok()) return append_error_;
    auto owner = std::make_shared<std::vector<std::pair<std::string, std::string>>>();
    for (const LogRecord& record : records) {
      owner->emplace_back(record.key, StrCat(record.value, record.value_rest));
    }
    Topic& to = topics_[topic];
    LogBatch batch;
    batch.base_offset = to.end;
    for (const auto& [key, value] : *owner) batch.records.push_back({to.end++, 0, key, value});
    const uint64_t base = batch.base_offset;
    batch.owner = owner;
    to.batches.push_back(std::move(batch));
    changed_.notify_all();
    return base;
  }
  absl::StatusOr<std::vector<LogBatch>> Read(const std::string& topic, uint64_t offset,
                                             uint64_t bytes_max) override {
    std::lock_guard lock(mutex_);
    std::vector<LogBatch> batches;
    uint64_t bytes = 0;
    for (const LogBatch& batch : topics_[topic].batches) {
      if (batch.end_offset() <= offset) continue;
      if (!batches.empty() && bytes >= bytes_max) break;
      for (const auto& record : batch.records) bytes += record.value.size();
      batches.push_back(batch);
    }
    return batches;
  }
  uint64_t WaitForEnd(const std::string& topic, uint64_t offset, int64_t timeout_us) override {
    std::unique_lock lock(mutex_);
    const int interrupts = interrupts_;
    changed_.wait_for(lock, std::chrono::microseconds(timeout_us),
                      [&] { return topics_[topic].end > offset || interrupts_ != interrupts; });
    return topics_[topic].end;
  }
  void Interrupt() override {
    std::lock_guard lock(mutex_);
    ++interrupts_;
    changed_.notify_all();
  }
  uint64_t begin_offset(const std::string&) override { return 0; }
  uint64_t end_offset(const std::string& topic) override {
    std::lock_guard lock(mutex_);
    return topics_[topic].end;
  }
  absl::Status CommitConsumer(const std::string& topic, const std::string& consumer,
                              uint64_t offset) override {
    std::lock_guard lock(mutex_);
    consumers_[topic + "/" + consumer] = offset;
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> ConsumerOffset(const std::string& topic,
                                          const std::string& consumer) override {
    std::lock_guard lock(mutex_);
    return consumers_[topic + "/" + consumer];
  }
  absl::Status EnforceRetention() override { return absl::OkStatus(); }
  absl::Status Health() override { return absl::OkStatus(); }

  void SetAppendError(absl::Status status) {
    std::lock_guard lock(mutex_);
    append_error_ = std::move(status);
  }
  // All values of a topic.
  std::vector<std::string> Values(const std::string& topic) {
    std::lock_guard lock(mutex_);
    std::vector<std::string> values;
    for (const LogBatch& batch : topics_[topic].batches) {
      for (const auto& record : batch.records) values.emplace_back(record.value);
    }
    return values;
  }

 private:
  struct Topic {
    uint32_t partitions = 1;
    uint64_t end = 0;
    std::vector<LogBatch> batches;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Topic> topics_;
  std::map<std::string, uint64_t> consumers_;
  absl::Status append_error_;
  int interrupts_ = 0;
};

// One line of text for a row: everything in it.
inline std::string DescribeRow(const EventRow& row) {
  JsonWriter json;
  json.BeginObject()
      .Field("team", row.team_id)
      .Field("uuid", FormatUuid(row.uuid))
      .Field("event", row.event)
      .Field("distinct_id", row.distinct_id)
      .Field("timestamp", row.timestamp_us)
      .Field("elements_chain", row.elements_chain)
      .Field("created_at", row.created_at_us)
      .Field("version", row.version_us)
      .Field("person_id", FormatUuid(row.person_id))
      .Field("person_created_at", row.person_created_at_us)
      .Field("person_mode", static_cast<int>(row.person_mode))
      .Field("historical", row.historical_migration);
  json.Key("properties").Raw(SerializeJsonObject(row.properties));
  json.Key("person_properties")
      .Raw(row.person_properties ? SerializeJsonObject(*row.person_properties) : "{}");
  json.EndObject();
  return json.Take();
}

// Keeps rows as text. What was not flushed is lost by Crash(). Counts every insert, so that a row
// inserted twice shows.
class FakeEventStore : public EventStore {
 public:
  absl::Status Insert(std::span<const EventRow> rows) override {
    std::lock_guard lock(mutex_);
    HOGLET_RETURN_IF_ERROR(Fail("insert"));
    for (const EventRow& row : rows) {
      open_.push_back(DescribeRow(row));
      open_bytes_ += open_.back().size();
    }
    return absl::OkStatus();
  }
  // Remembers what was asked, with the number of rows before it; removes nothing.
  absl::StatusOr<uint64_t> Delete(TeamId team_id, const ScanFilter& rows) override {
    std::lock_guard lock(mutex_);
    HOGLET_RETURN_IF_ERROR(Fail("delete"));
    std::string ids;
    for (const std::string& id : rows.distinct_ids.value_or(std::vector<std::string>())) {
      StrAppend(&ids, " ", id);
    }
    for (const Uuid& id : rows.uuids.value_or(std::vector<Uuid>())) {
      StrAppend(&ids, " ", FormatUuid(id));
    }
    deletions_.push_back(StrCat("team ", team_id, " after ",
                                durable_.size() + sealed_.size() + open_.size(), " rows:", ids));
    return 0;
  }
  std::vector<std::string> deletions() const {
    std::lock_guard lock(mutex_);
    return deletions_;
  }
  uint64_t open_bytes() const override {
    std::lock_guard lock(mutex_);
    return open_bytes_;
  }
  uint64_t memtable_bytes() const override { return open_bytes(); }
  absl::Status Seal(uint64_t source_offset) override {
    std::lock_guard lock(mutex_);
    if (has_sealed_) return absl::FailedPreconditionError("sealed already");
    HOGLET_RETURN_IF_ERROR(Fail("seal"));
    sealed_ = std::move(open_);
    open_.clear();
    open_bytes_ = 0;
    sealed_offset_ = source_offset;
    has_sealed_ = true;
    return absl::OkStatus();
  }
  bool HasSealed() const override {
    std::lock_guard lock(mutex_);
    return has_sealed_;
  }
  absl::Status FlushSealed() override {
    std::lock_guard lock(mutex_);
    HOGLET_RETURN_IF_ERROR(Fail("flush"));
    if (!has_sealed_) return absl::OkStatus();
    durable_.insert(durable_.end(), sealed_.begin(), sealed_.end());
    sealed_.clear();
    durable_offset_ = sealed_offset_;
    has_sealed_ = false;
    return absl::OkStatus();
  }
  void SetWritersBehind(bool behind) override {
    std::lock_guard lock(mutex_);
    if (behind_.empty() || behind_.back() != behind) behind_.push_back(behind);
  }
  // What SetWritersBehind() was told, without repetitions.
  std::vector<bool> behind() const {
    std::lock_guard lock(mutex_);
    return behind_;
  }
  uint64_t durable_offset() const override {
    std::lock_guard lock(mutex_);
    return durable_offset_;
  }

  // The process dies: what was not flushed is gone.
  void Crash() {
    std::lock_guard lock(mutex_);
    open_.clear();
    sealed_.clear();
    open_bytes_ = 0;
    has_sealed_ = false;
  }
  std::vector<std::string> Rows() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> rows = durable_;
    rows.insert(rows.end(), sealed_.begin(), sealed_.end());
    rows.insert(rows.end(), open_.begin(), open_.end());
    return rows;
  }
  using StepHook = std::function<absl::Status(const std::string&)>;
  // Asked before each step ("insert", "seal", "flush"); an error makes it fail. Null: nobody is.
  void SetStepHook(StepHook hook) {
    std::lock_guard lock(mutex_);
    step_hook_ = std::move(hook);
  }

 private:
  absl::Status Fail(const std::string& step) {
    return step_hook_ ? step_hook_(step) : absl::OkStatus();
  }

  mutable std::mutex mutex_;
  StepHook step_hook_;
  std::vector<std::string> open_;
  std::vector<std::string> sealed_;
  std::vector<std::string> durable_;
  std::vector<std::string> deletions_;
  std::vector<bool> behind_;
  uint64_t open_bytes_ = 0;
  uint64_t sealed_offset_ = 0;
  uint64_t durable_offset_ = 0;
  bool has_sealed_ = false;
};

class FakeTeams : public TeamDirectory {
 public:
  FakeTeams() { teams["token"] = {.team_id = 1, .project_id = 1}; }
  std::optional<TeamSettings> FindByToken(std::string_view token) const override {
    const auto it = teams.find(std::string(token));
    if (it == teams.end()) return std::nullopt;
    return it->second;
  }
  std::map<std::string, TeamSettings> teams;
};

// An event as capture would hand it on. `properties` is the text of a JSON object.
inline CapturedEvent MakeEvent(uint64_t number, const std::string& event,
                               const std::string& distinct_id,
                               const std::string& properties = "{}") {
  CapturedEvent captured;
  for (int i = 0; i < 8; ++i) {
    captured.uuid.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  }
  captured.uuid.bytes[6] = 0x70;
  captured.uuid.bytes[8] |= 0x80;
  captured.distinct_id = distinct_id;
  captured.token = "token";
  captured.event = event;
  captured.timestamp_us = 1'700'000'000'000'000 + static_cast<int64_t>(number) * 1'000'000;
  captured.now_us = captured.timestamp_us + 250'000;
  JsonWriter json;
  json.BeginObject().Field("event", event).Field("distinct_id", distinct_id);
  json.Key("properties").Raw(properties).EndObject();
  captured.json = json.Take();
  return captured;
}

}  // namespace hoglet
