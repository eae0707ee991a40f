#include "src/cli/housekeeping.h"

#include <chrono>
#include <string>
#include <vector>

#include "include/hoglet/status.h"
#include "src/api/data_rights_api.h"
#include "src/base/logging.h"
#include "src/base/thread_pool.h"
#include "src/base/time.h"
#include "src/capture/capture_service.h"

namespace hoglet {
namespace {

constexpr std::chrono::minutes kInterval{10};

}  // namespace

Housekeeping::Housekeeping(Env* env, Log* log, MetadataStore* metadata, EventTable* events,
                           CookielessSalts* salts)
    : env_(env), log_(log), metadata_(metadata), events_(events), salts_(salts), thread_([this] {
        Run();
      }) {}

Housekeeping::~Housekeeping() {
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

absl::Status Housekeeping::OrderExpiry() {
  const int64_t now_us = env_->NowMicros();
  const int64_t day = FloorDivide(now_us, kMicrosPerDay);
  for (const Project& project : metadata_->Projects()) {
    const auto ordered = ordered_day_.find(project.id);
    if (ordered != ordered_day_.end() && ordered->second == day) continue;
    std::vector<std::string> values;
    for (const IngestCommand& command : RetentionCommands(project, now_us)) {
      values.push_back(EncodeCommand(command));
    }
    std::vector<LogRecord> records;
    for (const std::string& value : values) records.push_back({"", value});
    HOGLET_RETURN_IF_ERROR(log_->Append(kEventsTopic, records).status());
    ordered_day_[project.id] = day;
  }
  return absl::OkStatus();
}

absl::Status Housekeeping::Purge() {
  const int64_t day = FloorDivide(env_->NowMicros(), kMicrosPerDay);
  if (day == purged_day_) return absl::OkStatus();
  HOGLET_RETURN_IF_ERROR(events_->PurgeDeleted());
  purged_day_ = day;
  return absl::OkStatus();
}

void Housekeeping::Run() {
  SetThreadName("housekeeping");
  std::unique_lock lock(mutex_);
  // Not at the start: a server that is started for a moment has better things to do.
  while (!changed_.wait_for(lock, kInterval, [this] { return is_stopping_; })) {
    lock.unlock();
    const absl::Status status = OrderExpiry();
    if (!status.ok()) LogWarning("expiry not ordered", {{"error", status}});
    const absl::Status purged = Purge();
    if (!purged.ok() && !absl::IsCancelled(purged))
      LogWarning("deleted rows not purged", {{"error", purged}});
    const absl::Status forgotten = salts_->RemoveExpired();
    if (!forgotten.ok()) LogWarning("expired salts not removed", {{"error", forgotten}});
    // By age: nobody may write or commit anything for days.
    const absl::Status dropped = log_->EnforceRetention();
    if (!dropped.ok()) LogWarning("log retention failed", {{"error", dropped}});
    const absl::Status noted = metadata_->FlushApiKeyUses();
    if (!noted.ok()) LogWarning("uses of API keys not written", {{"error", noted}});
    lock.lock();
  }
}

}  // namespace hoglet
