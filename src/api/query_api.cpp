#include "src/api/query_api.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <utility>

#include "include/hoglet/status.h"
#include "src/api/rest.h"
#include "src/api/result_json.h"
#include "src/base/digest.h"
#include "src/base/limits.h"
#include "src/base/uuid.h"
#include "src/capture/json_document.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

using simdjson::dom::element;

// A query may take a little longer, but events that come in meanwhile should not.
constexpr int kQueryNice = 5;

constexpr std::array<std::string_view, 9> kBodyFields = {
    "query", "refresh",       "async", "client_query_id", "filters_override", "variables_override",
    "name",  "limit_context", "scene"};
constexpr std::array<std::string_view, 14> kNodeFields = {
    "kind", "query",   "filters", "variables",    "values",       "modifiers", "name",
    "tags", "version", "explain", "connectionId", "sendRawQuery", "response",  "dateRange"};

template <size_t kCount>
bool Contains(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::Status WrongType(std::string_view field, std::string_view wanted) {
  return absl::InvalidArgumentError("\"" + std::string(field) + "\" must be " +
                                    std::string(wanted) + ".");
}

// A member that is an object, as text; null counts as absent.
absl::Status TakeObject(std::string_view name, const element& value, std::string_view text,
                        std::string* out) {
  if (value.is_null()) return absl::OkStatus();
  if (!value.is_object()) return WrongType(name, "an object");
  *out = std::string(text);
  return absl::OkStatus();
}

absl::Status ReadNode(const element& node, std::string_view text, QueryRequest* out) {
  if (!node.is_object()) return WrongType("query", "an object with a \"kind\"");
  std::string_view kind;
  if (node["kind"].get(kind)) return WrongType("query.kind", "a string");
  if (kind != "HogQLQuery") {
    return absl::InvalidArgumentError("Query kind \"" + std::string(kind) +
                                      "\" is not supported by this server; use HogQLQuery.");
  }
  std::string_view query;
  if (node["query"].get(query)) return WrongType("query.query", "a string");
  if (query.size() > limits::kQueryTextBytesMax) {
    return absl::InvalidArgumentError("The query is longer than " +
                                      std::to_string(limits::kQueryTextBytesMax) + " bytes.");
  }
  out->text = std::string(query);
  const std::vector<JsonSlice> slices = SliceJson(text);
  size_t index = 0;
  for (const auto [key, value] : simdjson::dom::object(node)) {
    const std::string_view member = slices[index++].value;
    if (!Contains(kNodeFields, key)) {
      return absl::InvalidArgumentError("HogQLQuery has no field \"" + std::string(key) + "\".");
    }
    if (key == "values") HOGLET_RETURN_IF_ERROR(TakeObject(key, value, member, &out->values_json));
    if (key == "filters")
      HOGLET_RETURN_IF_ERROR(TakeObject(key, value, member, &out->filters_json));
    if (key == "variables")
      HOGLET_RETURN_IF_ERROR(TakeObject(key, value, member, &out->variables_json));
    if (key == "modifiers") {
      HOGLET_RETURN_IF_ERROR(TakeObject(key, value, member, &out->modifiers_json));
      bool debug = false;
      if (value.is_object() && !value["debug"].get(debug)) out->debug = debug;
    }
    if (key == "explain" && value.is_bool()) out->debug |= bool(value);
  }
  return absl::OkStatus();
}

absl::Status ReadBody(const element& root, std::string_view text, QueryRequest* out) {
  if (!root.is_object()) return absl::InvalidArgumentError("The body must be a JSON object.");
  const std::vector<JsonSlice> slices = SliceJson(text);
  bool has_query = false;
  size_t index = 0;
  for (const auto [key, value] : simdjson::dom::object(root)) {
    const std::string_view member = slices[index++].value;
    if (!Contains(kBodyFields, key)) {
      return absl::InvalidArgumentError("The body has no field \"" + std::string(key) + "\".");
    }
    if (key == "query") {
      has_query = true;
      HOGLET_RETURN_IF_ERROR(ReadNode(value, member, out));
    } else if (key == "client_query_id" && !value.is_null()) {
      if (!value.is_string()) return WrongType(key, "a string");
      out->client_query_id = std::string(std::string_view(value));
    } else if (key == "filters_override") {
      HOGLET_RETURN_IF_ERROR(TakeObject(key, value, member, &out->filters_json));
    } else if (key == "variables_override") {
      HOGLET_RETURN_IF_ERROR(TakeObject(key, value, member, &out->variables_json));
    }
  }
  if (!has_query) return absl::InvalidArgumentError("The body has no \"query\".");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<QueryRequest> ReadQueryBody(const std::string& body) {
  QueryRequest request;
  if (body.empty()) return absl::InvalidArgumentError("The request has no body.");
  absl::Status read;
  const absl::Status parsed =
      VisitJsonDocument(body, [&](const element& root) { read = ReadBody(root, body, &request); });
  if (!parsed.ok()) {
    return absl::InvalidArgumentError("JSON parse error: " + std::string(parsed.message()));
  }
  HOGLET_RETURN_IF_ERROR(read);
  return request;
}

HttpResponse QueryErrorResponse(const QueryEngine& engine, const absl::Status& status) {
  const std::string detail(status.message());
  const std::string code = engine.ErrorCode(status);
  const auto or_else = [&code](std::string_view fallback) {
    return code.empty() ? fallback : std::string_view(code);
  };
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kFailedPrecondition:
      return HttpApiError(400, detail, or_else("invalid_input"));
    case absl::StatusCode::kPermissionDenied:
      return HttpApiError(403, detail, or_else("permission_denied"));
    case absl::StatusCode::kDeadlineExceeded:
      return HttpApiError(
          504,
          "Query has hit the max execution time before completing. See our docs for how to "
          "improve your query performance. " +
              detail,
          or_else("timeout_exceeded"));
    case absl::StatusCode::kResourceExhausted:
      // The engine says itself which limit it is.
      return HttpApiError(
          504,
          detail.starts_with("Query has reached")
              ? detail
              : "Query has reached the max memory limit before completing. " + detail,
          or_else("memory_limit_exceeded"));
    case absl::StatusCode::kCancelled:
      return HttpApiError(499, "The query was cancelled.", or_else("query_was_cancelled"));
    case absl::StatusCode::kUnavailable: {
      HttpResponse response = HttpApiError(503, detail, code);
      response.headers.Add("retry-after", "1");
      return response;
    }
    default:
      return HttpApiError(500, detail, code);
  }
}

QueryApi::QueryApi(Env* env, QueryEngine* engine, const ProjectDirectory* projects,
                   const Options& options, MetricRegistry* metrics)
    : env_(env),
      engine_(engine),
      projects_(projects),
      options_(options),
      queries_(metrics->GetCounter("hoglet_queries_total", "Queries begun.")),
      failures_(
          metrics->GetCounter("hoglet_query_errors_total", "Queries that ended in an error.")),
      turned_away_(metrics->GetCounter("hoglet_queries_turned_away_total",
                                       "Queries refused because the queue was full.")),
      seconds_(metrics->GetHistogram("hoglet_query_seconds", "Duration of queries.")),
      pool_("query", options.threads, options.queue_max, kQueryNice) {}

void QueryApi::Handle(const HttpRequest& request, const HttpResponder& responder) {
  ProjectInfo project;
  if (auto refusal = AuthorizeProject(request, *projects_, "query:read", &project)) {
    responder(*std::move(refusal));
    return;
  }
  auto query = ReadQueryBody(request.body);
  if (!query.ok()) {
    responder(HttpApiError(400, std::string(query.status().message())));
    return;
  }
  query->team_id = project.team_id;
  query->timezone = project.timezone;
  query->timeout_us = options_.timeout_us;
  query->cancelled = request.disconnected;
  if (query->client_query_id.empty()) {
    const Uuid id = UuidV7(env_);
    query->client_query_id = HexEncode(
        std::string_view(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()));
  }
  auto shared = std::make_shared<const QueryRequest>(*std::move(query));
  if (!pool_.TrySubmit([this, shared, responder] { Run(*shared, responder); })) {
    turned_away_->Add();
    HttpResponse response =
        HttpApiError(429, "Too many queries are waiting. Please try again later.");
    response.headers.Add("retry-after", "1");
    responder(std::move(response));
  }
}

// An answer that counts as memory of queries until it has been sent.
static HttpResponse CountedJson(std::string json, std::shared_ptr<ResultMemory> memory) {
  struct Counted {
    std::string json;
    std::shared_ptr<ResultMemory> memory;
  };
  auto counted = std::make_shared<const Counted>(Counted{std::move(json), std::move(memory)});
  HttpResponse response = HttpJson(200, "");
  response.shared_body = std::shared_ptr<const std::string>(counted, &counted->json);
  return response;
}

void QueryApi::Run(const QueryRequest& request, const HttpResponder& responder) {
  if (request.cancelled != nullptr && request.cancelled->load()) {
    responder(HttpApiError(499, "The client went away before the query began."));
    return;
  }
  queries_->Add();
  const int64_t begun_ns = env_->MonotonicNanos();
  absl::StatusOr<QueryResult> result = engine_->Run(request);
  seconds_->Observe(1e-9 * static_cast<double>(env_->MonotonicNanos() - begun_ns));
  absl::StatusOr<std::string> json =
      result.ok() ? TakeQueryResponseJson(request, &*result, env_->NowMicros())
                  : absl::StatusOr<std::string>(result.status());
  if (!json.ok()) {
    failures_->Add();
    responder(QueryErrorResponse(*engine_, json.status()));
    return;
  }
  responder(CountedJson(*std::move(json), std::move(result->memory)));
}

void QueryApi::Stop() { pool_.Stop(); }

}  // namespace hoglet
