#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Requests and answers as handlers see them: no sockets, no library types. What is between them and
// the wire is src/http.

namespace hoglet {

inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

// Names compare without case. Order is kept; of repeated names Find gives the first.
class HttpHeaders {
 public:
  void Add(std::string_view name, std::string_view value) { items_.emplace_back(name, value); }
  // Empty when absent; Has() tells absent from empty.
  std::string_view Find(std::string_view name) const {
    for (const auto& [key, value] : items_) {
      if (EqualsIgnoreCase(key, name)) return value;
    }
    return {};
  }
  bool Has(std::string_view name) const {
    for (const auto& [key, value] : items_) {
      if (EqualsIgnoreCase(key, name)) return true;
    }
    return false;
  }
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

struct HttpRequest {
  std::string method;  // upper case; HEAD arrives at handlers as GET
  std::string path;    // percent-encoding untouched, without the query
  std::string query;   // raw, without '?'
  HttpHeaders headers;
  std::string body;  // whole
  std::string peer_ip;
  // Of the route's pattern, percent-decoded.
  std::vector<std::pair<std::string, std::string>> path_parameters;
  // Becomes true when the client went away while the request was worked on. Null in tests.
  std::shared_ptr<const std::atomic<bool>> disconnected;

  std::string_view PathParameter(std::string_view name) const {
    for (const auto& [key, value] : path_parameters) {
      if (key == name) return value;
    }
    return {};
  }
};

struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: no header
  HttpHeaders headers;
  std::string body;
  // Used instead of `body` if set: one text for many answers.
  std::shared_ptr<const std::string> shared_body;
  bool close = false;  // the connection ends after this answer

  std::string_view Body() const { return shared_body != nullptr ? *shared_body : body; }
};

// Called exactly once, from any thread, at once or later. Copies are one responder: the first call
// counts.
using HttpResponder = std::function<void(HttpResponse)>;
// Runs on an event loop or a worker; must not block for long on the former.
using HttpHandler = std::function<void(HttpRequest, HttpResponder)>;

// Why a body never reached its handler.
enum class HttpBodyError : uint8_t {
  kTooLarge,  // over the route's limit
  kTimeout,   // the client stopped sending
  kBroken,    // malformed chunks
};

inline HttpResponse HttpText(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

inline HttpResponse HttpJson(int status, std::string json) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(json);
  return response;
}

}  // namespace hoglet
