#pragma once

#include <optional>
#include <string>
#include <vector>

#include "include/hoglet/event.h"
#include "include/hoglet/http_message.h"
#include "src/cohorts/cohort_csv.h"
#include "src/cohorts/cohort_document.h"

namespace hoglet {

// What a POST or PATCH of a cohort says; what it does not say is not set. Checked field by field.
struct CohortBody {
  std::optional<std::string> name;
  std::optional<std::string> description;
  std::optional<std::string> filters_json;  // empty: null
  std::optional<std::string> groups_json;
  std::optional<std::string> query_json;   // empty: null
  std::optional<std::string> cohort_type;  // empty: null
  std::optional<bool> is_static;
  std::optional<bool> is_deleted;
  std::optional<std::vector<Uuid>> person_ids;  // _create_static_person_ids
  std::optional<CohortCsv> csv;

  bool undeletes() const { return is_deleted == false; }
  // Whether it says who is to be in the cohort.
  bool has_criteria() const { return filters_json.has_value() || groups_json.has_value(); }
};

// Reads a JSON body, or a multipart form with its texts and the file "csv". Returns the answer that
// refuses it, or nothing.
std::optional<HttpResponse> ReadCohortBody(const HttpRequest& request, CohortBody* body);

// Changes what the body says, filters made of groups included.
void ApplyCohortBody(const CohortBody& body, Cohort* cohort);

}  // namespace hoglet
