#pragma once

#include <string_view>

#include "include/hoglet/http_message.h"

namespace hoglet {

// The error body of the REST API (spec hogql.md section 17): {"type", "code", "detail", "attr"}. An
// empty `type` is chosen by the status, an empty `code` becomes "invalid_input" for 400 and the
// type's usual one otherwise. `attr` names the field that is wrong; empty: null.
HttpResponse HttpApiError(int status, std::string_view detail, std::string_view code = "",
                          std::string_view type = "", std::string_view attr = "");

}  // namespace hoglet
