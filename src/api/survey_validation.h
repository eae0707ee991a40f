#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "include/hoglet/env.h"
#include "src/api/flag_validation.h"
#include "src/api/json_fields.h"

// What a survey may look like (spec rest-api.md section 20). Functions over what clients send; what
// they do not know is kept as it is.

namespace hoglet {

// The questions (a JSON array, or null) as they are stored: each has an id.
std::optional<FieldError> ReadSurveyQuestions(std::string_view questions, Env* env,
                                              std::string* stored);
std::optional<FieldError> CheckSurveyAppearance(std::string_view appearance);
// `linked_flag` (may be null) is whose variant a condition may name.
std::optional<FieldError> CheckSurveyConditions(std::string_view conditions,
                                                const JsonFields* linked_flag);
// Filters that are true for everyone target nobody.
std::optional<FieldError> CheckSurveyTargeting(std::string_view filters);
// What a survey on a page of its own cannot have, as `fields` say after the change.
std::optional<FieldError> CheckExternalSurvey(const JsonFields& fields);

}  // namespace hoglet
