#include "src/capture/quotas.h"

#include <array>
#include <optional>

namespace hoglet {
namespace {

constexpr std::array kResources = {QuotaResource::kEvents, QuotaResource::kExceptions,
                                   QuotaResource::kSurveys, QuotaResource::kAiEvents,
                                   QuotaResource::kRecordings};

std::optional<QuotaResource> ResourceNamed(std::string_view name) {
  for (const QuotaResource resource : kResources) {
    if (QuotaResourceName(resource) == name) return resource;
  }
  return std::nullopt;
}

}  // namespace

std::string_view QuotaResourceName(QuotaResource resource) {
  switch (resource) {
    case QuotaResource::kEvents:
      return "events";
    case QuotaResource::kExceptions:
      return "exceptions";
    case QuotaResource::kSurveys:
      return "surveys";
    case QuotaResource::kAiEvents:
      return "llm_events";
    case QuotaResource::kRecordings:
      return "recordings";
  }
  return {};
}

absl::StatusOr<QuotaList> QuotaList::Parse(const std::vector<std::string>& rules) {
  QuotaList quotas;
  for (const std::string& rule : rules) {
    const std::string_view text = rule;
    const size_t colon = text.find(':');
    const auto resource = ResourceNamed(text.substr(0, colon));
    if (colon == std::string_view::npos || !resource.has_value() || colon + 1 == text.size()) {
      return absl::InvalidArgumentError(
          StrCat("quota ", rule,
                 ": expected RESOURCE:TOKEN with a resource of events, exceptions, surveys, "
                 "llm_events or recordings"));
    }
    quotas.limited_[*resource].emplace(text.substr(colon + 1));
  }
  return quotas;
}

bool QuotaList::IsLimited(std::string_view token, QuotaResource resource) const {
  const auto tokens = limited_.find(resource);
  return tokens != limited_.end() && tokens->second.contains(token);
}

}  // namespace hoglet
