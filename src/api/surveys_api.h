#pragma once

#include "include/hoglet/query_engine.h"
#include "src/api/product_api.h"

namespace hoglet {

// Surveys (spec rest-api.md section 20, flags.md section 9), under /api/projects/:id/surveys/, and
// for SDKs under /api/surveys/?token=: all but the archived. Also
//   GET .../surveys/responses_count/
//   GET .../surveys/stats/, .../surveys/:id/stats/    date_from, date_to
//
// A survey owns two flags, active while it runs (it has started, has not ended, and is not
// archived): `internal_targeting_flag_id`, "survey-targeting-...-custom", is true for who has not
// answered or dismissed it; `targeting_flag_id`, made of targeting_flag_filters, for whom it is
// meant. `owns_targeting_flag` says that the latter is not a flag that was there before.
//
// The iteration of a survey that is repeated moves on when SDKs ask for it.
class SurveysApi : public ProductApi {
 public:
  // `engine` outlives the API.
  SurveysApi(const Parts& parts, QueryEngine* engine);

  void AddRoutes(HttpRouter* router) override;

 private:
  std::optional<FieldError> Apply(const Edit& edit, JsonFields* fields) const override;
  void Release(const Edit& edit, const JsonFields& fields) const override;
  void Show(const JsonFields& fields, const Objects& flags, JsonWriter* json) const override;
  std::string PublicJson(TeamId team_id, uint32_t choice) const override;

  std::optional<FieldError> CheckParts(const Edit& edit, JsonFields* fields) const;
  std::optional<FieldError> CheckLink(const Edit& edit, int64_t flag_id) const;
  std::optional<FieldError> CheckName(const Edit& edit, const JsonFields& fields) const;
  std::optional<FieldError> LinkTargetingFlag(const Edit& edit, JsonFields* fields) const;
  std::optional<FieldError> SetTargetingFlag(const Edit& edit, JsonFields* fields) const;
  std::optional<FieldError> SetInternalFlag(const Edit& edit, JsonFields* fields) const;
  std::optional<FieldError> MakeTargetingFlag(const Edit& edit, const std::string& filters,
                                              const char* suffix, JsonFields* fields,
                                              std::string_view member) const;
  // Brings the iterations of the project's running surveys to the hour.
  void MoveIterations(TeamId team_id) const;

  HttpResponse Stats(const RestCall& call) const;
  HttpResponse ResponsesCount(const RestCall& call) const;

  QueryEngine* engine_;
};

}  // namespace hoglet
