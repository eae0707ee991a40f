#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/person_store.h"
#include "include/hoglet/query_engine.h"
#include "include/hoglet/token_directory.h"
#include "src/api/cohort_body.h"
#include "src/api/rest.h"
#include "src/cohorts/cohort_calculator.h"
#include "src/http/router.h"
#include "src/metadata/object_store.h"

namespace hoglet {

// Cohorts (spec rest-api.md section 12), under /api/projects/:id and /api/environments/:id:
//   GET, POST  /cohorts/            GET, PATCH  /cohorts/:id/     DELETE is refused
//   GET        /cohorts/:id/persons/     JSON, or CSV with ?format=csv
//   PATCH      /cohorts/:id/add_persons_to_static_cohort/, remove_person_from_static_cohort/
//   GET        /cohorts/:id/duplicate_as_static_cohort/, /cohorts/:id/activity/, /cohorts/activity/
//   GET        /persons/cohorts/?person_id=
//
// A dynamic cohort is calculated after the answer; a static one is filled before it, and the answer
// says who is in it. Thread-safe.
class CohortsApi {
 public:
  struct Parts {
    Env* env = nullptr;
    QueryEngine* engine = nullptr;
    const ProjectDirectory* projects = nullptr;
    const PersonReader* persons = nullptr;
    ObjectStore* objects = nullptr;
    CohortCalculator* calculator = nullptr;  // null: dynamic cohorts are not calculated
  };

  // What `parts` points to outlives the API.
  explicit CohortsApi(const Parts& parts) : parts_(parts) {}

  void AddRoutes(HttpRouter* router);

  // Makes a static cohort of the living among these persons for who asks, and returns it as GET
  // shows it. kInvalidArgument if they are too many.
  absl::StatusOr<std::string> CreateStatic(const RestCall& call, std::string name,
                                           std::string description, std::vector<Uuid> persons);

 private:
  using Transaction = ObjectStore::Transaction;
  using Refusal = std::optional<HttpResponse>;
  // Says of a change to a live cohort whether it is refused.
  using Edit = std::function<Refusal(Transaction* transaction, Cohort* cohort)>;

  HttpResponse List(const RestCall& call) const;
  HttpResponse Create(const RestCall& call);
  HttpResponse Get(const RestCall& call) const;
  HttpResponse Change(const RestCall& call);
  HttpResponse Persons(const RestCall& call) const;
  HttpResponse AddPersons(const RestCall& call);
  HttpResponse RemovePerson(const RestCall& call);
  HttpResponse Duplicate(const RestCall& call);
  HttpResponse ActivityOfOne(const RestCall& call) const;
  HttpResponse ActivityOfAll(const RestCall& call) const;
  HttpResponse CohortsOfPerson(const RestCall& call) const;

  // The live cohort that the path names.
  std::optional<Cohort> Find(const RestCall& call) const;
  void Write(TeamId project, const Cohort& cohort, JsonWriter* json) const;
  HttpResponse Answer(int status, TeamId project, int64_t id) const;
  // Runs `edit` on the stored cohort and stores what it made of it with a line in the log.
  Refusal Edited(const RestCall& call, int64_t id, bool sees_deleted, const Edit& edit);
  // Whether the cohort, as it is to be, can be filled as the body says.
  static Refusal CheckFill(const CohortBody& body, const Cohort& cohort);
  // What the cohorts and flags of the project say against the cohort, as it is to be.
  Refusal CheckReferences(const Transaction& transaction, const Cohort& cohort) const;
  Refusal CheckFlags(const Transaction& transaction, const Cohort& before,
                     const Cohort& after) const;

  // Whom a body puts into a static cohort; nothing if it does not say.
  struct Fill {
    std::optional<std::vector<Uuid>> persons;  // sorted
    uint64_t overrides_version = 0;            // PersonReader's, before they were looked for
    Refusal refusal;
  };
  Fill FindFill(const RestCall& call, const CohortBody& body) const;
  absl::Status FollowMerges(const RestCall& call, int64_t id, const CohortBody& body,
                            const Fill& filled);
  absl::StatusOr<std::vector<Uuid>> PersonsOfCsv(TeamId project, const CohortCsv& csv) const;
  absl::StatusOr<std::vector<Uuid>> PersonsByEmail(TeamId project,
                                                   const std::vector<std::string>& emails) const;
  absl::StatusOr<std::vector<Uuid>> PersonsByDistinctId(TeamId project,
                                                        const std::vector<std::string>& ids) const;
  absl::StatusOr<std::vector<Uuid>> Living(TeamId project, const std::vector<Uuid>& ids) const;
  absl::StatusOr<QueryRequest> ReadPersonsQuery(TeamId project,
                                                const std::string& query_json) const;
  Fill PersonsOfQuery(const RestCall& call, const std::string& query_json) const;
  // The members of a page, or those that a search finds.
  absl::StatusOr<std::vector<Uuid>> MembersOnPage(const RestCall& call, const Cohort& cohort,
                                                  const std::string& search, const Page& page,
                                                  bool* has_more) const;

  const Parts parts_;
};

}  // namespace hoglet
