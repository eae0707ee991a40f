#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/token_directory.h"
#include "src/base/metrics.h"
#include "src/base/thread_pool.h"
#include "src/flags/flag_source.h"
#include "src/flags/token_buckets.h"
#include "src/flags/unapplied_hash_keys.h"

namespace hoglet {

// /flags and /decide. A request whose person is in memory is answered on the thread it came on;
// otherwise the person is read by a pool of its own, and whoever has waited too long, or finds the
// pool busy, is answered without it: flags that need no stored person are evaluated, the others
// fail, and the answer says so (errorsWhileComputingFlags).
//
// Thread-safe.
class FlagService {
 public:
  struct Options {
    uint64_t body_bytes_max = 2ull << 20;  // also after decompression
    unsigned reading_threads = 2;
    size_t reading_queue_max = 1024;
    // How long a request waits for its person.
    int64_t reading_us_max = 500'000;
    // Requests of one project a second, and how many it may save up; 0: no limit.
    uint32_t requests_per_second = 0;
    uint32_t requests_burst = 500;
  };

  // All pointers outlive the service. Without a `source` no project has flags.
  FlagService(Env* env, const TokenDirectory* tokens, FlagSource* source, const Options& options,
              MetricRegistry* metrics = MetricRegistry::Default());
  // Stop().
  ~FlagService();

  void Handle(HttpRequest request, HttpResponder responder);
  const Options& options() const { return options_; }
  // Answers what is waiting and joins the threads; stop the HTTP server first.
  void Stop();

 private:
  struct Pending;
  using PendingPtr = std::shared_ptr<Pending>;

  void Post(HttpRequest request, HttpResponder responder);
  // Nothing if the request may be answered.
  std::optional<HttpResponse> Admit(const Pending& pending);
  void FindFlags(Pending* pending);
  void Read(const PendingPtr& pending);
  void Finish(const PendingPtr& pending, absl::StatusOr<PersonStore::Facts> facts);
  // Whether hash keys are to be kept before the answer goes.
  bool FindHashKeys(const Pending& pending, const PersonStore::Facts& facts,
                    FlagHashKeyWrite* write) const;
  // The answer's JSON. `reads_continuity`, if not null, says whether a flag of it is one that keeps
  // what a person saw before logging in.
  std::string Evaluate(const Pending& pending, const absl::StatusOr<PersonStore::Facts>& facts,
                       std::string_view hash_key_error, bool* reads_continuity) const;
  void Answer(const Pending& pending, std::string json);
  void Watch();

  Env* env_;
  const TokenDirectory* tokens_;
  FlagSource* source_;
  const Options options_;
  Counter* requests_;
  Counter* unread_;
  Histogram* seconds_;
  TokenBuckets buckets_;
  UnappliedHashKeys unapplied_;
  ThreadPool readers_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::weak_ptr<Pending>> waiting_;  // in the order of their deadlines
  bool is_stopping_ = false;
  std::thread watch_;
};

}  // namespace hoglet
