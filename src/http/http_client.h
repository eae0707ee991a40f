#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/http_message.h"

namespace hoglet {

// "http://host[:port][/path[?query]]"; the path defaults to "/". kInvalidArgument for anything else
// (there is no TLS).
struct HttpUrl {
  std::string host;
  uint16_t port = 80;
  std::string target = "/";
};
absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view url);

// A small blocking HTTP/1.1 client over one connection, kept open and reopened as needed: for the
// command line and tests. Not thread-safe.
class HttpClient {
 public:
  struct Options {
    int64_t timeout_ms = 60'000;  // for a whole exchange
    uint64_t response_bytes_max = 1ull << 30;
  };

  HttpClient(std::string host, uint16_t port) : HttpClient(std::move(host), port, Options()) {}
  HttpClient(std::string host, uint16_t port, Options options);
  ~HttpClient();

  // kUnavailable when the server cannot be reached or hangs up, kDeadlineExceeded after timeout_ms.
  // Any HTTP status is an answer.
  absl::StatusOr<HttpResponse> Send(std::string_view method, std::string_view target,
                                    const HttpHeaders& headers = {}, std::string_view body = "");
  absl::StatusOr<HttpResponse> Get(std::string_view target) { return Send("GET", target); }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoglet
