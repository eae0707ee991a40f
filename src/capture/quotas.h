#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/strings.h"
#include "src/capture/capture.h"

namespace hoglet {

// "events", "exceptions", "surveys", "llm_events" or "recordings".
std::string_view QuotaResourceName(QuotaResource resource);

// Quotas as the operator states them: which tokens are over which. Fixed once made.
class QuotaList : public CaptureQuotas {
 public:
  // Each rule is "RESOURCE:TOKEN". kInvalidArgument for anything else.
  static absl::StatusOr<QuotaList> Parse(const std::vector<std::string>& rules);

  bool IsLimited(std::string_view token, QuotaResource resource) const override;

 private:
  std::map<QuotaResource, StringSet<std::string>> limited_;
};

}  // namespace hoglet
