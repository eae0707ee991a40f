#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/query_engine.h"
#include "include/hoglet/token_directory.h"
#include "src/base/metrics.h"
#include "src/base/thread_pool.h"

namespace hoglet {

// POST /api/projects/:project_id/query/ (spec hogql.md section 19). Queries run on a pool of their
// own, so that neither the event loops nor the capture workers wait for them; more than the pool
// and its queue hold are answered with 429. Every refresh mode runs the query at once and answers
// with its rows. Thread-safe.
class QueryApi {
 public:
  struct Options {
    unsigned threads = 2;
    size_t queue_max = 32;
    int64_t timeout_us = 60'000'000;
    uint64_t body_bytes_max = 20ull << 20;
  };

  // All pointers outlive the API.
  QueryApi(Env* env, QueryEngine* engine, const ProjectDirectory* projects, const Options& options,
           MetricRegistry* metrics = MetricRegistry::Default());

  void Handle(const HttpRequest& request, const HttpResponder& responder);
  const Options& options() const { return options_; }
  // Refuses further queries and waits for the running ones; stop the HTTP server first, which
  // cancels them.
  void Stop();

 private:
  void Run(const QueryRequest& request, const HttpResponder& responder);

  Env* env_;
  QueryEngine* engine_;
  const ProjectDirectory* projects_;
  const Options options_;
  Counter* queries_;
  Counter* failures_;
  Counter* turned_away_;
  Histogram* seconds_;
  ThreadPool pool_;
};

// The query of an API body, for the project; kInvalidArgument with the client's text.
absl::StatusOr<QueryRequest> ReadQueryBody(const std::string& body);

// The API's answer to an error that the engine returned.
HttpResponse QueryErrorResponse(const QueryEngine& engine, const absl::Status& status);

}  // namespace hoglet
