#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "include/hoglet/status.h"
#include "src/base/url.h"
#include "src/http/router.h"

// A method byte, then a path up to '?', then a query: every request gets exactly one answer.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoglet;
  static MetricRegistry metrics;
  static const HttpRouter* router = [] {
    auto* made = new HttpRouter(Env::Posix(), &metrics);
    const auto ok = [](HttpRequest request, const HttpResponder& responder) {
      responder(HttpText(200, std::string(request.PathParameter("token"))));
    };
    made->Add("GET POST", "/e", {}, ok);
    made->Add("GET", "/array/:token/config", {}, ok);
    made->Add("POST", "/api/projects/:project_id/query", {}, ok);
    made->Add("GET", "/", {}, ok);
    return made;
  }();
  if (size == 0) return 0;
  constexpr const char* kMethods[] = {"GET", "POST", "HEAD", "OPTIONS", "DELETE"};
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t question = text.find('?');
  HttpRequest request;
  request.method = kMethods[data[0] % 5];
  request.path = std::string(text.substr(0, question));
  if (question != std::string_view::npos) request.query = std::string(text.substr(question + 1));
  VisitQuery(request.query, [](std::string_view key, std::string_view value) {
    HOGLET_ASSERT(PercentDecode(key, true).size() <= key.size());
    HOGLET_ASSERT(PercentDecode(value, false).size() <= value.size());
    return true;
  });
  FindQueryValue(request.query, "data");
  int answers = 0;
  router->Handle(std::move(request), [&answers](const HttpResponse&) { ++answers; });
  HOGLET_ASSERT(answers == 1);
  return 0;
}
