#pragma once

#include "src/api/product_api.h"

namespace hoglet {

// Changes that the SDK makes to pages, by variant (spec flags.md section 9), under
// /api/projects/:id/web_experiments/, and for SDKs under /api/web_experiments/?token=: those that
// are neither ended nor archived, drafts included, as these can be previewed.
//
// Each has a multivariate flag of its own, in `feature_flag_id`, which is active from `start_date`
// to `end_date` unless the experiment is archived.
class WebExperimentsApi : public ProductApi {
 public:
  explicit WebExperimentsApi(const Parts& parts);

 private:
  std::optional<FieldError> Apply(const Edit& edit, JsonFields* fields) const override;
  void Release(const Edit& edit, const JsonFields& fields) const override;
  void Show(const JsonFields& fields, const Objects& flags, JsonWriter* json) const override;
  std::string PublicJson(TeamId team_id, uint32_t choice) const override;

  std::optional<FieldError> MakeOwnFlag(const Edit& edit, JsonFields* fields) const;
};

}  // namespace hoglet
