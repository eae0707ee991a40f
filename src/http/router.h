#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "src/base/metrics.h"

// From a request line to a handler, and what every answer gets on its way back: CORS headers and a
// count in the metrics.

namespace hoglet {

// What browsers on other sites may do with a route.
enum class CorsPolicy : uint8_t {
  kNone,         // no CORS headers: answers are for pages of this server only
  kBearer,       // any origin, without its cookies: callers bring their own key
  kCredentials,  // any origin, cookies allowed: SDK endpoints, which hold nothing secret
};

struct HttpRouteOptions {
  uint64_t body_bytes_max = 1 << 20;
  CorsPolicy cors = CorsPolicy::kBearer;
  // What the path tells of its methods ("GET, OPTIONS, HEAD") with 204 to OPTIONS, and with 405.
  // Empty: OPTIONS is 200 without it, and 405 names the methods of the routes.
  std::string_view allow;
  // Runs on the worker pool whatever the size of the body; otherwise only requests with large
  // bodies do.
  bool on_worker = false;
  // The answer when the body never came whole; null: JSON errors. `limit` is body_bytes_max.
  HttpResponse (*body_error)(const HttpRequest& request, HttpBodyError error,
                             uint64_t limit) = nullptr;
};

class HttpRoute {
 public:
  HttpRoute(MetricRegistry* metrics, const std::string& methods, std::string pattern,
            HttpRouteOptions options, HttpHandler handler);

  const HttpRouteOptions& options() const { return options_; }
  const std::string& pattern() const { return pattern_; }
  // Space-separated, upper case; "GET" includes HEAD.
  bool AllowsMethod(std::string_view method) const;
  const std::vector<std::string>& methods() const { return methods_; }
  const HttpHandler& handler() const { return handler_; }

  void Count(int status, double seconds) const;
  HttpResponse BodyError(const HttpRequest& request, HttpBodyError error) const;

 private:
  Counter* CounterOf(int status) const;

  MetricRegistry* metrics_;
  std::vector<std::string> methods_;
  std::string pattern_;
  HttpRouteOptions options_;
  HttpHandler handler_;
  Histogram* seconds_;
  mutable std::array<std::atomic<Counter*>, 600> by_status_{};
};

struct HttpMatch {
  const HttpRoute* route =
      nullptr;  // null: no such path (404), or none for the method (405, `allow` set)
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string allow;  // "GET,POST,OPTIONS" of the path, whatever the method
  CorsPolicy cors = CorsPolicy::kCredentials;
  std::string_view told_allow;  // HttpRouteOptions::allow
};

// Routes are added before the first request; from then on every method is const and thread-safe.
class HttpRouter {
 public:
  // `env` (for durations) and `metrics` outlive the router.
  explicit HttpRouter(Env* env, MetricRegistry* metrics = MetricRegistry::Default());

  // `methods`: e.g. "GET POST". `pattern`: "/batch" (also serves "/batch/") or with parameters,
  // "/array/:token/config". A parameter matches one non-empty segment. Exact paths win over
  // patterns, earlier patterns over later ones. Different methods of one path may have handlers of
  // their own.
  void Add(std::string_view methods, std::string_view pattern, HttpRouteOptions options,
           HttpHandler handler);

  HttpMatch Find(std::string_view method, std::string_view path) const;

  // Answers what has no handler (OPTIONS, 404, 405), else calls the handler; CORS headers are put
  // on whatever it answers.
  void Dispatch(const HttpMatch& match, HttpRequest request, HttpResponder responder) const;
  // Find and Dispatch; for tests and suites without a socket. Bodies over the route's limit get its
  // body error.
  void Handle(HttpRequest request, HttpResponder responder) const;

  // The CORS headers that an answer to `request` carries.
  static void AddCorsHeaders(const HttpMatch& match, const HttpRequest& request,
                             HttpResponse* response);

 private:
  struct PathEntry {
    std::vector<std::string> segments;  // of a pattern; parameters start with ':'
    std::vector<std::unique_ptr<HttpRoute>> routes;
    std::string allow;
  };
  struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  PathEntry* EntryOf(std::string_view pattern);
  const PathEntry* MatchPattern(std::string_view path,
                                std::vector<std::pair<std::string, std::string>>* parameters) const;

  Env* env_;
  MetricRegistry* metrics_;
  std::unique_ptr<HttpRoute> not_found_;  // counts what matches nothing
  std::unordered_map<std::string, std::unique_ptr<PathEntry>, StringHash, std::equal_to<>> exact_;
  std::vector<std::unique_ptr<PathEntry>> patterns_;
};

}  // namespace hoglet
