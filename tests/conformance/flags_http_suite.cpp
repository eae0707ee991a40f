#include <simdjson.h>

#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "src/api/flag_routes.h"
#include "src/base/base64.h"
#include "src/base/canonical_json.h"
#include "src/base/json.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/capture/capture_rules.h"
#include "src/flags/flag_request.h"
#include "src/flags/flag_service.h"
#include "tests/conformance/suites.h"

// The rows of flags/http.json: how requests to /flags are read, and the errors they get.

namespace hoglet {
namespace {

using simdjson::dom::element;

constexpr std::string_view kValidToken = "phc_valid";
constexpr uint64_t kBodyBytesMax = 10 << 20;

std::optional<element> Find(const element& object, std::string_view key) {
  element value;
  if (!object.is_object() || object.at_key(key).get(value) || value.is_null()) return std::nullopt;
  return value;
}

// Empty if absent or null.
std::string Text(const element& object, std::string_view key) {
  const auto value = Find(object, key);
  if (!value.has_value()) return "";
  return value->is_string() ? std::string(std::string_view(*value)) : CanonicalJson(*value);
}

class OneToken : public TokenDirectory {
 public:
  bool IsKnownToken(std::string_view token) const override { return token == kValidToken; }
};

// What differs, in words; empty if the row holds.
using Check = std::string (*)(const element& row);

std::string Differs(std::string_view what, std::string_view got, std::string_view wanted) {
  return got == wanted ? "" : StrCat(what, ": expected ", wanted, ", got ", got, "; ");
}

HttpRequest RequestOf(const element& row) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/flags/";
  if (const auto query = Find(row, "query")) {
    for (const auto [name, value] : simdjson::dom::object(*query)) {
      StrAppend(&request.query, request.query.empty() ? "" : "&", name, "=",
                std::string_view(value));
    }
  }
  if (const auto headers = Find(row, "headers")) {
    for (const auto [name, value] : simdjson::dom::object(*headers)) {
      request.headers.Add(name, std::string_view(value));
    }
  }
  if (const std::string type = Text(row, "content_type"); !type.empty()) {
    request.headers.Add("content-type", type);
  }
  const std::string base64 = Text(row, "body_base64");
  request.body = base64.empty() ? Text(row, "body") : Base64Decode(base64).value_or("");
  return request;
}

std::string CheckError(const element& row) {
  MemoryEnv env;
  MetricRegistry metrics;
  const OneToken tokens;
  FlagService service(&env, &tokens, /*source=*/nullptr, FlagService::Options(), &metrics);
  HttpRouter router(&env, &metrics);
  AddFlagRoutes(&service, &router);
  HttpRequest request = RequestOf(row);
  if (const size_t at = request.body.find("<valid>"); at != std::string::npos) {
    request.body.replace(at, 7, kValidToken);
  }
  HttpResponse answer;
  router.Handle(std::move(request), [&](HttpResponse response) { answer = std::move(response); });
  std::string out = Differs("status", std::to_string(answer.status), CanonicalJson(row["status"]));
  const std::string wanted = Text(row, "body_contains");
  if (answer.Body().find(wanted) == std::string_view::npos) {
    StrAppend(&out, "the body lacks '", wanted, "': ", answer.Body());
  }
  return out;
}

// The JSON that a value was made of.
std::string JsonOf(const FlagValue& value) {
  if (value.kind != FlagValue::Kind::kString) return std::string(value.text);
  std::string json;
  AppendJsonString(value.text, &json);
  return json;
}

std::string CheckProperties(const element& wanted, const FlagProperties& got) {
  std::string out;
  for (const auto [key, value] : simdjson::dom::object(wanted)) {
    const FlagValue* own = got.Find(key);
    out += Differs(key, own == nullptr ? "absent" : JsonOf(*own), CanonicalJson(value));
  }
  return out;
}

std::string CheckDecoding(const element& row) {
  HttpRequest request = RequestOf(row);
  const FlagQuery query = ReadFlagQuery(request.path, request.query);
  const auto read = ReadFlagRequest(&request, query, kBodyBytesMax);
  if (!read.ok()) return std::string(FromAbsl(read.status().message()));
  const FlagRequest& got = **read;
  std::string out = Differs("token", got.token, Text(row, "token")) +
                    Differs("distinct_id", got.distinct_id.value_or(""), Text(row, "distinct_id"));
  if (const auto wanted = Find(row, "person_properties")) {
    out += CheckProperties(*wanted, got.person_properties);
  }
  if (const auto wanted = Find(row, "group_properties")) {
    for (const auto [type, properties] : simdjson::dom::object(*wanted)) {
      const FlagProperties* own = got.GroupProperties(type);
      out += own == nullptr ? StrCat("no properties of ", type) : CheckProperties(properties, *own);
    }
  }
  return out;
}

std::string CheckDevice(const element& row) {
  HttpRequest request = RequestOf(row);
  const auto read = ReadFlagRequest(&request, FlagQuery(), kBodyBytesMax);
  if (!read.ok()) return std::string(FromAbsl(read.status().message()));
  return Differs("device_id", (*read)->device_id, Text(row, "device_id"));
}

std::string CheckClientIp(const element& row) {
  HttpRequest request;
  request.peer_ip = Text(row, "peer");
  if (const auto header = Find(row, "x_forwarded_for")) {
    request.headers.Add("x-forwarded-for", std::string_view(*header));
  }
  return Differs("ip", ClientIp(request), Text(row, "ip"));
}

std::string CheckRequestId(const element& row) {
  MemoryEnv env;
  HttpHeaders headers;
  const std::string sent = Text(row, "x_request_id");
  if (!sent.empty()) headers.Add("x-request-id", sent);
  const std::string got = FlagRequestId(headers, &env);
  const std::string wanted = Text(row, "request_id");
  if (wanted != "<new uuid>") return Differs("request_id", got, wanted);
  return ParseUuid(got).has_value() && got != sent ? "" : StrCat("no new uuid: ", got);
}

std::string CheckDefaults(const element& row) {
  const std::string path = Text(row, "path");
  const FlagQuery got = ReadFlagQuery(path.empty() ? "/flags" : path, RequestOf(row).query);
  const std::string version = got.version.has_value() ? std::to_string(*got.version) : "";
  const std::string config = !got.config.has_value() ? "" : *got.config ? "true" : "false";
  return Differs("v", version, Text(row, "v")) + Differs("config", config, Text(row, "config"));
}

std::string CheckRuntime(const element& row) {
  FlagSetSource source;
  int64_t id = 0;
  for (const auto [key, runtime] : simdjson::dom::object(row["flag_runtimes"])) {
    source.flags.push_back(StrCat(R"({"id":)", ++id, R"(,"key":")", key,
                                  R"(","active":true,"evaluation_runtime":)",
                                  CanonicalJson(runtime), R"(,"filters":{"groups":[{}]}})"));
  }
  const auto set = FlagSet::Compile(std::move(source));
  FlagSelection selection;
  const std::string runtime = Text(row, "request_runtime");
  if (!runtime.empty()) {
    selection.runtime = runtime == "client"   ? FlagRuntime::kClient
                        : runtime == "server" ? FlagRuntime::kServer
                                              : FlagRuntime::kAll;
  }
  std::set<std::string> got;
  for (const FlagResult& result : EvaluateFlags(*set, selection, {}).results) {
    got.insert(result.flag->key);
  }
  std::string out;
  for (const element key : simdjson::dom::array(row["kept"])) {
    if (got.erase(std::string(std::string_view(key))) == 0) {
      StrAppend(&out, std::string_view(key), " is missing; ");
    }
  }
  for (const std::string& key : got) StrAppend(&out, key, " was kept; ");
  return out;
}

Check CheckOf(std::string_view kind) {
  static constexpr std::pair<std::string_view, Check> kChecks[] = {
      {"error", CheckError},           {"decode", CheckDecoding},
      {"device_id", CheckDevice},      {"client_ip", CheckClientIp},
      {"request_id", CheckRequestId},  {"query_defaults", CheckDefaults},
      {"runtime_filter", CheckRuntime}};
  for (const auto& [name, check] : kChecks) {
    if (name == kind) return check;
  }
  return nullptr;
}

}  // namespace

SuiteRun RunFlagsHttpSuite(const std::string& text, const std::string& file) {
  SuiteRun run;
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(text).get(root)) {
    run.error = "not JSON";
    return run;
  }
  for (const element row : simdjson::dom::array(root["rows"])) {
    const std::string name = StrCat(file, ":", Text(row, "id"));
    const Check check = CheckOf(Text(row, "kind"));
    const std::string differences = check == nullptr ? "unknown kind" : check(row);
    if (differences.empty()) {
      ++run.passed;
    } else {
      run.Fail(name, differences);
    }
  }
  return run;
}

}  // namespace hoglet
