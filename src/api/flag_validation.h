#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "src/api/json_fields.h"
#include "src/metadata/object_store.h"

// What a feature flag may look like (spec rest-api.md section 18, flags.md sections 3.1 and 10).
// Pure functions over what clients send; every time is bounded by the size of that and of what it
// refers to.

namespace hoglet {

// Why a field is refused, as the API says it.
struct FieldError {
  std::string attr;
  std::string detail;
  std::string code = "invalid_input";
};

std::optional<FieldError> CheckFlagKey(std::string_view key);

// Reads the field of that name, which must be one of kFlagFields, into the form in which it is
// stored. `value` is JSON.
std::optional<FieldError> ReadFlagField(std::string_view name, std::string_view value,
                                        std::string* stored);
// In the order in which their errors are reported; `key`, `filters` and what the server sets by
// itself are not among them.
inline constexpr std::string_view kFlagFields[] = {"name",
                                                   "deleted",
                                                   "active",
                                                   "ensure_experience_continuity",
                                                   "rollback_conditions",
                                                   "performed_rollback",
                                                   "tags",
                                                   "evaluation_tags",
                                                   "evaluation_contexts",
                                                   "creation_context",
                                                   "is_remote_configuration",
                                                   "has_encrypted_payloads",
                                                   "evaluation_runtime",
                                                   "bucketing_identifier"};

// What the filters of a flag may refer to. Null for what is not there.
struct FlagReferences {
  std::function<ObjectJson(int64_t id)> find_flag;
  std::function<ObjectJson(int64_t id)> find_cohort;
  int64_t flag_id = 0;  // of the flag itself; 0: it is new
};

// Checks the filters (any JSON) and brings them into the form in which they are stored: payloads
// that are no texts become texts of JSON; all else stays as it is, unknown members included.
std::optional<FieldError> ReadFlagFilters(std::string_view filters,
                                          const FlagReferences& references, std::string* stored);

// Whether a condition of the filters is about the value of that flag.
bool RefersToFlag(std::string_view filters, int64_t flag_id);

// The filters with "$feature_enrollment/<from>" of their super groups turned into that of `to`.
std::string RenameEnrollment(std::string_view filters, std::string_view from, std::string_view to);

// Calls `visit` for every JSON object within `json`, itself included, the outer ones first.
void VisitJsonObjects(std::string_view json,
                      const std::function<void(const JsonObjectView&)>& visit);

}  // namespace hoglet
