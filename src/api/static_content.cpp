#include "src/api/static_content.h"

#include <utility>

#include "include/hoglet/status.h"
#include "src/base/strings.h"
#include "src/capture/compression.h"

namespace hoglet {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `visit` with each trimmed piece of a comma-separated list until it returns false.
template <typename Visit>
void VisitList(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (!visit(Trim(list.substr(0, comma)))) return;
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
}

// "q=0", "q=0.0" and the like: the coding is refused.
bool IsRefused(std::string_view parameters) {
  const size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return false;
  const std::string_view weight = Trim(parameters.substr(at + 2));
  return weight.starts_with('0') && weight.find_first_of("123456789") == std::string_view::npos;
}

bool HasCopy(const HttpRequest& request, std::string_view etag) {
  bool found = false;
  VisitList(request.headers.Find("if-none-match"), [&](std::string_view known) {
    if (known.starts_with("W/")) known.remove_prefix(2);
    found = known == "*" || known == StrCat("\"", etag, "\"");
    return !found;
  });
  return found;
}

}  // namespace

bool AcceptsGzip(const HttpRequest& request) {
  bool accepted = false;
  VisitList(request.headers.Find("accept-encoding"), [&](std::string_view coding) {
    const size_t semicolon = coding.find(';');
    const std::string_view name = Trim(coding.substr(0, semicolon));
    if (!EqualsIgnoreCase(name, "gzip") && name != "*") return true;
    accepted = semicolon == std::string_view::npos || !IsRefused(coding.substr(semicolon));
    return name == "*";  // what is said of gzip itself counts more
  });
  return accepted;
}

HttpResponse AnswerStatic(const HttpRequest& request, const StaticContent& content) {
  HttpResponse response;
  // Weak: compressed and plain are one content but not the same bytes.
  response.headers.Add("etag", StrCat("W/\"", content.etag, "\""));
  response.headers.Add("cache-control", content.cache_control);
  response.headers.Add("vary", "accept-encoding");
  if (HasCopy(request, content.etag)) {
    response.status = 304;
    return response;
  }
  response.content_type = content.content_type;
  if (AcceptsGzip(request)) {
    response.headers.Add("content-encoding", "gzip");
    response.body = content.gzip;
    return response;
  }
  auto plain = DecompressGzip(content.gzip, content.plain_bytes);
  HOGLET_ASSERT(plain.ok());
  response.body = *std::move(plain);
  return response;
}

}  // namespace hoglet
