#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "src/http/router.h"
#include "tests/api/fake_parts.h"

namespace hoglet {

// Asks the resources of a router without a socket.
class ApiClient {
 public:
  explicit ApiClient(const HttpRouter* router, std::string key = FakeProjects::kKey)
      : router_(router), key_(std::move(key)) {}

  HttpResponse Send(std::string method, std::string_view target, std::string body = "") const {
    HttpRequest request;
    request.method = std::move(method);
    const size_t question = target.find('?');
    request.path = std::string(target.substr(0, question));
    if (question != std::string_view::npos)
      request.query = std::string(target.substr(question + 1));
    request.headers.Add("host", "hoglet.test:8000");
    if (!key_.empty()) request.headers.Add("authorization", "Bearer " + key_);
    request.body = std::move(body);
    HttpResponse out;
    router_->Handle(std::move(request), [&](HttpResponse response) { out = std::move(response); });
    return out;
  }

 private:
  const HttpRouter* router_;
  std::string key_;
};

}  // namespace hoglet
