#include "src/http/router.h"

#include <algorithm>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/url.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    if (end != 0) pieces.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return pieces;
}

// One trailing slash is no difference; "/" itself stays.
std::string_view WithoutTrailingSlash(std::string_view path) {
  if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

std::string AllowOf(const std::vector<std::unique_ptr<HttpRoute>>& routes) {
  std::string allow;
  for (const auto& route : routes) {
    for (const std::string& method : route->methods()) {
      allow += method;
      allow += ',';
    }
  }
  return allow + "OPTIONS";
}

}  // namespace

HttpRoute::HttpRoute(MetricRegistry* metrics, const std::string& methods, std::string pattern,
                     HttpRouteOptions options, HttpHandler handler)
    : metrics_(metrics),
      methods_(Split(methods, ' ')),
      pattern_(std::move(pattern)),
      options_(options),
      handler_(std::move(handler)),
      seconds_(metrics->GetHistogram("hoglet_http_request_seconds",
                                     "Time from the request's last byte to its answer.",
                                     {{"route", pattern_}})) {}

bool HttpRoute::AllowsMethod(std::string_view method) const {
  for (const std::string& allowed : methods_) {
    if (allowed == method || (method == "HEAD" && allowed == "GET")) return true;
  }
  return false;
}

Counter* HttpRoute::CounterOf(int status) const {
  const size_t index = status >= 100 && status < 600 ? static_cast<size_t>(status) : 0;
  Counter* counter = by_status_[index].load(std::memory_order_acquire);
  if (counter == nullptr) {
    counter = metrics_->GetCounter("hoglet_http_requests_total", "Requests answered.",
                                   {{"route", pattern_}, {"status", std::to_string(index)}});
    by_status_[index].store(counter, std::memory_order_release);
  }
  return counter;
}

void HttpRoute::Count(int status, double seconds) const {
  CounterOf(status)->Add();
  seconds_->Observe(seconds);
}

HttpResponse HttpRoute::BodyError(const HttpRequest& request, HttpBodyError error) const {
  if (options_.body_error != nullptr) {
    return options_.body_error(request, error, options_.body_bytes_max);
  }
  switch (error) {
    case HttpBodyError::kTooLarge:
      return HttpApiError(413, "Request body exceeds the limit of " +
                                   std::to_string(options_.body_bytes_max) + " bytes.");
    case HttpBodyError::kTimeout:
      return HttpApiError(408, "The client stopped sending data.");
    case HttpBodyError::kBroken:
      break;
  }
  return HttpApiError(400, "The request body could not be read.");
}

HttpRouter::HttpRouter(Env* env, MetricRegistry* metrics)
    : env_(env),
      metrics_(metrics),
      not_found_(std::make_unique<HttpRoute>(metrics, "", "other", HttpRouteOptions{}, nullptr)) {}

HttpRouter::PathEntry* HttpRouter::EntryOf(std::string_view pattern) {
  pattern = WithoutTrailingSlash(pattern);
  if (pattern.find("/:") == std::string_view::npos) {
    auto& entry = exact_[std::string(pattern)];
    if (entry == nullptr) entry = std::make_unique<PathEntry>();
    return entry.get();
  }
  std::vector<std::string> segments = Split(pattern, '/');
  for (const auto& entry : patterns_) {
    if (entry->segments == segments) return entry.get();
  }
  patterns_.push_back(std::make_unique<PathEntry>());
  patterns_.back()->segments = std::move(segments);
  return patterns_.back().get();
}

void HttpRouter::Add(std::string_view methods, std::string_view pattern, HttpRouteOptions options,
                     HttpHandler handler) {
  HOGLET_ASSERT(!pattern.empty() && pattern.front() == '/');
  PathEntry* entry = EntryOf(pattern);
  entry->routes.push_back(std::make_unique<HttpRoute>(
      metrics_, std::string(methods), std::string(pattern), options, std::move(handler)));
  entry->allow = AllowOf(entry->routes);
}

const HttpRouter::PathEntry* HttpRouter::MatchPattern(
    std::string_view path, std::vector<std::pair<std::string, std::string>>* parameters) const {
  if (path.empty() || path.front() != '/') return nullptr;
  std::vector<std::string_view> segments;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    segments.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  for (const auto& entry : patterns_) {
    if (entry->segments.size() != segments.size()) continue;
    bool matches = true;
    for (size_t i = 0; i < segments.size() && matches; ++i) {
      const std::string& wanted = entry->segments[i];
      matches = wanted.front() == ':' ? !segments[i].empty() : wanted == segments[i];
    }
    if (!matches) continue;
    for (size_t i = 0; i < segments.size(); ++i) {
      if (entry->segments[i].front() != ':') continue;
      parameters->emplace_back(entry->segments[i].substr(1), PercentDecode(segments[i], false));
    }
    return entry.get();
  }
  return nullptr;
}

HttpMatch HttpRouter::Find(std::string_view method, std::string_view path) const {
  path = WithoutTrailingSlash(path);
  HttpMatch match;
  const PathEntry* entry = nullptr;
  if (auto found = exact_.find(path); found != exact_.end()) {
    entry = found->second.get();
  } else {
    entry = MatchPattern(path, &match.parameters);
  }
  if (entry == nullptr) return match;
  match.allow = entry->allow;
  match.told_allow = entry->routes.front()->options().allow;
  match.cors = entry->routes.front()->options().cors;
  for (const auto& route : entry->routes) {
    if (!route->AllowsMethod(method)) continue;
    match.route = route.get();
    match.cors = route->options().cors;
    break;
  }
  return match;
}

void HttpRouter::AddCorsHeaders(const HttpMatch& match, const HttpRequest& request,
                                HttpResponse* response) {
  if (match.cors == CorsPolicy::kNone) return;
  response->headers.Add("vary",
                        "origin, access-control-request-method, access-control-request-headers");
  const std::string_view origin = request.headers.Find("origin");
  if (!origin.empty()) response->headers.Add("access-control-allow-origin", origin);
  if (match.cors == CorsPolicy::kCredentials) {
    response->headers.Add("access-control-allow-credentials", "true");
  }
  if (request.method != "OPTIONS") return;
  // The SDK's paths that can be read have one policy, whatever else they take.
  const bool any_sdk_path =
      match.cors == CorsPolicy::kCredentials && match.allow.find("GET") != std::string::npos;
  response->headers.Add("access-control-allow-methods",
                        match.allow.empty() || any_sdk_path ? "GET,POST,OPTIONS" : match.allow);
  const std::string_view wanted = request.headers.Find("access-control-request-headers");
  if (!wanted.empty()) response->headers.Add("access-control-allow-headers", wanted);
}

namespace {

// Puts the CORS headers on the answer and counts it. If every copy of it goes without an answer,
// the answer is 500: a lost callback leaves no client waiting, and a browser sees the status.
class FinishingResponder {
 public:
  FinishingResponder(HttpResponder responder, HttpHeaders cors, const HttpRoute* counted, Env* env)
      : state_(std::make_shared<State>(std::move(responder), std::move(cors), counted, env)) {}

  void operator()(HttpResponse response) const { state_->Answer(std::move(response)); }

 private:
  struct State {
    State(HttpResponder responder_in, HttpHeaders cors_in, const HttpRoute* counted_in, Env* env_in)
        : responder(std::move(responder_in)),
          cors(std::move(cors_in)),
          counted(counted_in),
          env(env_in),
          started_ns(env_in->MonotonicNanos()) {}
    ~State() { Answer(HttpApiError(500, "The request was not answered.")); }

    void Answer(HttpResponse response) {
      if (answered.exchange(true)) return;
      for (const auto& [name, value] : cors.items()) response.headers.Add(name, value);
      counted->Count(response.status,
                     1e-9 * static_cast<double>(env->MonotonicNanos() - started_ns));
      responder(std::move(response));
    }

    const HttpResponder responder;
    const HttpHeaders cors;
    const HttpRoute* const counted;
    Env* const env;
    const int64_t started_ns;
    std::atomic<bool> answered{false};
  };
  std::shared_ptr<State> state_;
};

}  // namespace

void HttpRouter::Dispatch(const HttpMatch& match, HttpRequest request,
                          HttpResponder responder) const {
  HttpResponse cors;
  AddCorsHeaders(match, request, &cors);
  const HttpRoute* counted = match.route != nullptr ? match.route : not_found_.get();
  FinishingResponder finish(std::move(responder), std::move(cors.headers), counted, env_);
  if (request.method == "OPTIONS") {
    HttpResponse response;
    if (!match.told_allow.empty()) {
      response.status = 204;
      response.headers.Add("allow", match.told_allow);
    }
    finish(std::move(response));
    return;
  }
  if (match.route == nullptr) {
    if (match.allow.empty()) {
      finish(HttpApiError(404, "Endpoint not found."));
      return;
    }
    HttpResponse response = HttpApiError(405, "Method \"" + request.method + "\" not allowed.");
    response.headers.Add("allow", match.told_allow.empty() ? match.allow : match.told_allow);
    finish(std::move(response));
    return;
  }
  request.path_parameters = match.parameters;
  if (request.method == "HEAD") request.method = "GET";
  match.route->handler()(std::move(request), std::move(finish));
}

void HttpRouter::Handle(HttpRequest request, HttpResponder responder) const {
  HttpMatch match = Find(request.method, request.path);
  if (match.route != nullptr && request.body.size() > match.route->options().body_bytes_max) {
    HttpResponse response = match.route->BodyError(request, HttpBodyError::kTooLarge);
    AddCorsHeaders(match, request, &response);
    match.route->Count(response.status, 0);
    responder(std::move(response));
    return;
  }
  Dispatch(match, std::move(request), std::move(responder));
}

}  // namespace hoglet
