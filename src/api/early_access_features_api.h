#pragma once

#include "src/api/product_api.h"

namespace hoglet {

// Features that visitors can try before everyone has them (spec rest-api.md section 20, flags.md
// sections 9 and 10), under /api/projects/:id/early_access_feature/, and for SDKs under
// /api/early_access_features/?token=[&stage=...], by default those in beta.
//
// Each has a flag of its own, in `feature_flag_id`, which is true for who enrolled as long as the
// feature is released but not for everyone: in alpha, beta and general availability.
class EarlyAccessFeaturesApi : public ProductApi {
 public:
  explicit EarlyAccessFeaturesApi(const Parts& parts);

 private:
  std::optional<FieldError> Apply(const Edit& edit, JsonFields* fields) const override;
  void Release(const Edit& edit, const JsonFields& fields) const override;
  void Show(const JsonFields& fields, const Objects& flags, JsonWriter* json) const override;
  uint32_t PublicChoice(const HttpRequest& request) const override;
  std::string PublicJson(TeamId team_id, uint32_t choice) const override;

  std::optional<FieldError> LinkFlag(const Edit& edit, int64_t flag_id, JsonFields* fields) const;
  std::optional<FieldError> OwnFlag(const Edit& edit, JsonFields* fields) const;
};

}  // namespace hoglet
