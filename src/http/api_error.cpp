#include "src/http/api_error.h"

#include "src/base/json.h"

namespace hoglet {
namespace {

struct StatusNames {
  int status;
  std::string_view type;
  std::string_view code;
};

constexpr StatusNames kNames[] = {
    {400, "validation_error", "invalid_input"},
    {401, "authentication_error", "not_authenticated"},
    {403, "authentication_error", "permission_denied"},
    {404, "invalid_request", "not_found"},
    {405, "invalid_request", "method_not_allowed"},
    {408, "invalid_request", "request_timeout"},
    {409, "invalid_request", "conflict"},
    {413, "invalid_request", "payload_too_large"},
    {429, "throttled_error", "throttled"},
};

StatusNames NamesOf(int status) {
  for (const StatusNames& names : kNames) {
    if (names.status == status) return names;
  }
  if (status < 500) return {status, "invalid_request", "invalid_input"};
  return {status, "server_error", "error"};
}

}  // namespace

HttpResponse HttpApiError(int status, std::string_view detail, std::string_view code,
                          std::string_view type, std::string_view attr) {
  const StatusNames names = NamesOf(status);
  JsonWriter json;
  json.BeginObject()
      .Field("type", type.empty() ? names.type : type)
      .Field("code", code.empty() ? names.code : code)
      .Field("detail", detail)
      .Key("attr");
  attr.empty() ? json.Null() : json.String(attr);
  json.EndObject();
  return HttpJson(status, json.Take());
}

}  // namespace hoglet
