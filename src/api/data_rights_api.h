#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/log.h"
#include "include/hoglet/person_store.h"
#include "include/hoglet/query_engine.h"
#include "include/hoglet/token_directory.h"
#include "src/base/thread_pool.h"
#include "src/http/router.h"
#include "src/ingest/command.h"
#include "src/ingest/dead_letter.h"
#include "src/metadata/metadata_store.h"

namespace hoglet {

// Deleting what was recorded (spec rest-api.md section 10), how long it is kept, and the dead
// letters:
//   DELETE /api/projects/:id/persons/:uuid/[?delete_events]
//   POST   /api/projects/:id/persons/bulk_delete/        {"ids" or "distinct_ids",
//   "delete_events"?} POST   /api/projects/:id/persons/:uuid/delete_events/ POST
//   /api/projects/:id/events/bulk_delete/         {"where": "<HogQL condition>"}  hoglet's own GET,
//   POST /api/projects/:id/retention/               {"days": n}, 0: for ever        hoglet's own
//   GET    /api/projects/:id/dead_letters/, POST .../dead_letters/{replay,drop}/ {"ids"}  hoglet's
//   own
//
// A deletion is a command in the log: it is durable before the answer, takes effect exactly once in
// the order of the events, and is answered once queries show it (or after a few seconds, with the
// work still to come). Thread-safe.
class DataRightsApi {
 public:
  struct Parts {
    Env* env = nullptr;
    Log* log = nullptr;
    QueryEngine* engine = nullptr;
    const ProjectDirectory* projects = nullptr;
    const PersonReader* persons = nullptr;
    MetadataStore* metadata = nullptr;
    DeadLetterQueue* dead_letters = nullptr;
    // Waits a while until the pipeline has applied the log below an offset.
    std::function<bool(uint64_t offset)> wait_applied;
  };

  // What `parts` points to outlives the API.
  explicit DataRightsApi(const Parts& parts);

  void AddRoutes(HttpRouter* router);
  // Refuses further requests and waits for the running ones.
  void Stop() { pool_.Stop(); }

 private:
  using Action = HttpResponse (DataRightsApi::*)(const HttpRequest&, const ProjectInfo&);

  void Add(const char* method, const std::string& path, const char* scope, Action action,
           HttpRouter* router);
  HttpResponse DeletePerson(const HttpRequest& request, const ProjectInfo& project);
  HttpResponse DeletePersonEvents(const HttpRequest& request, const ProjectInfo& project);
  HttpResponse BulkDeletePersons(const HttpRequest& request, const ProjectInfo& project);
  HttpResponse BulkDeleteEvents(const HttpRequest& request, const ProjectInfo& project);
  HttpResponse GetRetention(const HttpRequest& request, const ProjectInfo& project);
  HttpResponse SetRetention(const HttpRequest& request, const ProjectInfo& project);
  HttpResponse ListDeadLetters(const HttpRequest& request, const ProjectInfo& project);
  HttpResponse ReplayDeadLetters(const HttpRequest& request, const ProjectInfo& project);
  HttpResponse DropDeadLetters(const HttpRequest& request, const ProjectInfo& project);

  HttpResponse SettleDeadLetters(const HttpRequest& request, const ProjectInfo& project,
                                 bool replays);
  // Submits the command for the person that the path names.
  HttpResponse SubmitForPerson(const HttpRequest& request, const ProjectInfo& project,
                               const IngestCommand& command);
  // Appends the commands as one batch: all of them or none.
  absl::Status Submit(const std::vector<IngestCommand>& commands);
  absl::StatusOr<std::vector<Uuid>> FindMatchingPersons(const ProjectInfo& project,
                                                        const std::string& where);
  absl::StatusOr<uint64_t> DeleteMatching(const ProjectInfo& project, const std::string& where);

  const Parts parts_;
  ThreadPool pool_;
};

// The commands that apply a project's retention now; none if it has none.
std::vector<IngestCommand> RetentionCommands(const Project& project, int64_t now_us);

}  // namespace hoglet
