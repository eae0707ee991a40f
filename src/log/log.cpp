#include "include/hoglet/log.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "include/hoglet/status.h"
#include "src/base/directories.h"
#include "src/base/hash.h"
#include "src/base/strings.h"
#include "src/log/segment_format.h"
#include "src/log/topic.h"

namespace hoglet {
namespace {

using log_internal::SpaceGuard;
using log_internal::Topic;

absl::Status NoSuchTopic(const std::string& topic) {
  return absl::NotFoundError(StrCat("no topic \"", topic, "\""));
}

class LogImpl : public Log {
 public:
  LogImpl(Env* env, std::string directory, const Options& options)
      : env_(env),
        directory_(std::move(directory)),
        space_(env, directory_, options.free_bytes_min) {}

  absl::Status Start() {
    HOGLET_RETURN_IF_ERROR(CreateDirectoriesDurably(env_, directory_));
    HOGLET_ASSIGN_OR_RETURN(lock_, env_->Lock(directory_ + "/LOCK"));
    HOGLET_ASSIGN_OR_RETURN(const auto entries, env_->List(directory_));
    for (const DirectoryEntry& entry : entries) {
      if (entry.is_directory) HOGLET_RETURN_IF_ERROR(OpenExisting(entry.name));
    }
    return absl::OkStatus();
  }

  absl::Status OpenTopic(const std::string& topic, const TopicOptions& options) override {
    if (!log_internal::IsTopicName(topic)) {
      return absl::InvalidArgumentError(StrCat("\"", topic, "\" is not a topic name"));
    }
    if (options.partitions == 0) return absl::InvalidArgumentError("a topic needs a partition");
    std::unique_lock lock(mutex_);
    if (auto found = topics_.find(topic); found != topics_.end()) {
      return found->second->SetOptions(options);
    }
    HOGLET_ASSIGN_OR_RETURN(auto created,
                            Topic::Create(env_, &space_, TopicDirectory(topic), topic, options));
    HOGLET_RETURN_IF_ERROR(env_->SyncDirectory(directory_));
    topics_.emplace(topic, std::move(created));
    return absl::OkStatus();
  }

  bool HasTopic(const std::string& topic) override { return Find(topic) != nullptr; }

  void AppendAsync(const std::string& topic, const std::vector<LogRecord>& records,
                   AppendDone done) override {
    Topic* found = Find(topic);
    if (found == nullptr) return done(NoSuchTopic(topic));
    found->AppendAsync(records, std::move(done));
  }

  absl::StatusOr<uint64_t> Append(const std::string& topic,
                                  const std::vector<LogRecord>& records) override {
    std::mutex mutex;
    std::condition_variable ready;
    bool is_done = false;
    absl::StatusOr<uint64_t> result;
    AppendAsync(topic, records, [&](absl::StatusOr<uint64_t> base_offset) {
      // Notified under the lock: the waiter may destroy all of this as soon as it can take it.
      std::lock_guard lock(mutex);
      result = std::move(base_offset);
      is_done = true;
      ready.notify_one();
    });
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return is_done; });
    return result;
  }

  absl::StatusOr<std::vector<LogBatch>> Read(const std::string& topic, uint64_t offset,
                                             uint64_t bytes_max) override {
    Topic* found = Find(topic);
    if (found == nullptr) return NoSuchTopic(topic);
    return found->Read(offset, bytes_max);
  }

  uint64_t WaitForEnd(const std::string& topic, uint64_t offset, int64_t timeout_us) override {
    Topic* found = Find(topic);
    return found == nullptr ? 0 : found->WaitForEnd(offset, timeout_us);
  }

  void Interrupt() override {
    std::shared_lock lock(mutex_);
    for (const auto& [name, topic] : topics_) topic->Interrupt();
  }

  uint64_t begin_offset(const std::string& topic) override {
    Topic* found = Find(topic);
    return found == nullptr ? 0 : found->begin_offset();
  }

  uint64_t end_offset(const std::string& topic) override {
    Topic* found = Find(topic);
    return found == nullptr ? 0 : found->end_offset();
  }

  absl::Status CommitConsumer(const std::string& topic, const std::string& consumer,
                              uint64_t offset) override {
    Topic* found = Find(topic);
    if (found == nullptr) return NoSuchTopic(topic);
    return found->CommitConsumer(consumer, offset);
  }

  absl::StatusOr<uint64_t> ConsumerOffset(const std::string& topic,
                                          const std::string& consumer) override {
    Topic* found = Find(topic);
    if (found == nullptr) return NoSuchTopic(topic);
    return found->ConsumerOffset(consumer);
  }

  absl::Status EnforceRetention() override {
    std::shared_lock lock(mutex_);
    for (const auto& [name, topic] : topics_) HOGLET_RETURN_IF_ERROR(topic->EnforceRetention());
    return absl::OkStatus();
  }

  absl::Status Health() override {
    std::shared_lock lock(mutex_);
    for (const auto& [name, topic] : topics_) HOGLET_RETURN_IF_ERROR(topic->Health());
    return space_.Check();
  }

 private:
  std::string TopicDirectory(const std::string& topic) const {
    return StrCat(directory_, "/", topic);
  }

  absl::Status OpenExisting(const std::string& name) {
    const std::string path = TopicDirectory(name);
    if (!log_internal::IsTopicName(name)) return absl::OkStatus();
    if (!env_->Exists(path + "/TOPIC")) {
      // A creation cut short leaves nothing but its temporary file.
      HOGLET_ASSIGN_OR_RETURN(const auto entries, env_->List(path));
      for (const DirectoryEntry& entry : entries) {
        if (entry.name != "TOPIC.tmp") {
          return absl::DataLossError(StrCat(path, "/TOPIC: missing beside ", entry.name));
        }
      }
      return absl::OkStatus();
    }
    HOGLET_ASSIGN_OR_RETURN(auto topic, Topic::Open(env_, &space_, path, name, TopicOptions()));
    topics_.emplace(name, std::move(topic));
    return absl::OkStatus();
  }

  // Topics are never removed, so the pointer stays good.
  Topic* Find(const std::string& topic) {
    std::shared_lock lock(mutex_);
    const auto found = topics_.find(topic);
    return found == topics_.end() ? nullptr : found->second.get();
  }

  Env* env_;
  const std::string directory_;
  std::unique_ptr<FileLock> lock_;  // released after the topics are closed
  SpaceGuard space_;
  std::shared_mutex mutex_;
  std::map<std::string, std::unique_ptr<Topic>> topics_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Log>> Log::Open(Env* env, const std::string& directory,
                                               const Options& options) {
  auto log = std::make_unique<LogImpl>(env, directory, options);
  HOGLET_RETURN_IF_ERROR(log->Start());
  return log;
}

uint32_t LogPartitionOf(std::string_view key, uint32_t partitions) {
  HOGLET_ASSERT(partitions > 0);
  return static_cast<uint32_t>(SipHash64(key) % partitions);
}

}  // namespace hoglet
