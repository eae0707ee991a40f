#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/flags/flag_request.h"
#include "src/flags/json5.h"
#include "src/flags/local_evaluation.h"

// A request to /flags (the first byte chooses path and content type, then the query up to a line
// break, then the body), the body as JSON5, and as a flag and a cohort for local evaluation. What
// is made of JSON5 must be JSON.

namespace {

constexpr uint64_t kBytesMax = 1 << 20;

void ReadAsRequest(uint8_t choice, std::string_view query, std::string_view body) {
  constexpr const char* kTypes[] = {"application/json", "application/x-www-form-urlencoded",
                                    "text/plain", ""};
  hoglet::HttpRequest request;
  request.headers.Add("content-type", kTypes[choice >> 1 & 3]);
  request.body = std::string(body);
  const auto read = hoglet::ReadFlagRequest(
      &request, hoglet::ReadFlagQuery((choice & 1) != 0 ? "/decide" : "/flags", query), kBytesMax);
  HOGLET_ASSERT(read.ok() || !read.status().message().empty());
  if (!read.ok() || !(*read)->distinct_id.has_value()) return;
  HOGLET_ASSERT(hoglet::IsValidUtf8(*(*read)->distinct_id));
}

void ReadAsJson5(std::string_view text) {
  const auto json = hoglet::StrictJson(text);
  if (!json.has_value()) return;
  hoglet::Arena arena;
  hoglet::JsonMember value;
  const absl::Status status = hoglet::ParseJsonValue(*json, &arena, &value);
  // What JSON5 may say and JSON cannot hold: a number too large.
  HOGLET_ASSERT(status.ok() || json->find_first_of("0123456789") != std::string::npos);
}

// Stored documents are JSON objects.
void ReadAsStored(std::string_view text) {
  hoglet::Arena arena;
  hoglet::JsonObjectView members;
  if (!hoglet::ParseJsonObject(text, &arena, &members).ok()) return;
  const std::vector<std::string> no_types;
  hoglet::Objects objects;
  for (int64_t id = 1; id <= 2; ++id) {
    objects[id] = std::make_shared<const std::string>(hoglet::SerializeJsonObject(members));
  }
  for (const bool with_cohorts : {false, true}) {
    const hoglet::FlagDocument document = hoglet::MakeFlagDocument({.flags = objects,
                                                                    .cohorts = objects,
                                                                    .group_types = no_types,
                                                                    .with_cohorts = with_cohorts});
    HOGLET_ASSERT(hoglet::ParseJsonObject(document.json, &arena, &members).ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t line = text.find('\n');
  const std::string_view query = line == std::string_view::npos ? "" : text.substr(0, line);
  const std::string_view body = line == std::string_view::npos ? text : text.substr(line + 1);
  ReadAsRequest(data[0], query, body);
  ReadAsJson5(body);
  ReadAsStored(body);
  return 0;
}
