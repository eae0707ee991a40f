#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "src/base/arena.h"
#include "src/flags/evaluate.h"

// What a request to /flags or /decide asks (spec flags.md section 1). Pure functions.

namespace hoglet {

// The answer's shape, by path and version (section 2.1).
enum class FlagsShape : uint8_t { kDetails, kValues, kEnabledObject, kEnabledArray };

// The query parameters, with the defaults of section 1.2 applied.
struct FlagQuery {
  std::optional<int> version;  // as asked or by default; absent may stay so
  std::optional<bool> config;
  FlagsShape shape = FlagsShape::kDetails;
  std::string compression;  // "": none
  bool only_surveys = false;
  bool ignores_stored_person = false;

  bool with_config() const { return config.value_or(false); }
};
FlagQuery ReadFlagQuery(std::string_view path, std::string_view query);

// The body, decoded. Views point into the arena.
struct FlagRequest {
  Arena arena;
  std::string_view token;
  std::optional<std::string_view> distinct_id;  // cut to 200 characters
  FlagProperties person_properties;
  std::vector<std::pair<std::string_view, FlagValue>> groups;  // by type
  std::vector<std::pair<std::string_view, FlagProperties>> group_properties;
  std::optional<std::string_view> anon_distinct_id;
  std::string_view device_id;  // empty: none
  bool disables_geoip = false;
  bool disables_flags = false;
  std::optional<std::vector<std::string>> flag_keys;
  std::vector<std::string> contexts;
  std::optional<FlagRuntime> runtime;  // of the body

  const FlagProperties* GroupProperties(std::string_view type) const;
};

// Decodes the body (section 1.3), which is moved out of. kInvalidArgument with the client's text,
// kOutOfRange beyond `bytes_max` after decompression.
absl::StatusOr<std::unique_ptr<FlagRequest>> ReadFlagRequest(HttpRequest* request,
                                                             const FlagQuery& query,
                                                             uint64_t bytes_max);

// Where the asking program runs, by its body and headers (section 3.2); nullopt: unknown.
std::optional<FlagRuntime> RuntimeOf(const HttpHeaders& headers,
                                     std::optional<FlagRuntime> of_body);

// The X-Request-Id if it is a UUID, else a new one.
std::string FlagRequestId(const HttpHeaders& headers, Env* env);

}  // namespace hoglet
