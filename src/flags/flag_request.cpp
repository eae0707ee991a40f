#include "src/flags/flag_request.h"

#include <simdjson.h>

#include <charconv>

#include "absl/strings/ascii.h"
#include "include/hoglet/status.h"
#include "src/base/base64.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/url.h"
#include "src/base/uuid.h"
#include "src/capture/capture_rules.h"
#include "src/capture/compression.h"
#include "src/capture/json_document.h"
#include "src/flags/json5.h"

namespace hoglet {
namespace {

using simdjson::dom::element;

constexpr size_t kDistinctIdCharactersMax = 200;

absl::Status Undecodable(std::string_view why) {
  return absl::InvalidArgumentError(StrCat("Failed to decode request: ", why,
                                           ". Please check your request format and try again."));
}

// To be there is to be true, unless it says otherwise.
std::optional<bool> ReadBool(std::string_view query, std::string_view name) {
  const auto text = FindQueryValue(query, name);
  if (!text.has_value()) return std::nullopt;
  const auto is = [&text](std::string_view no) { return EqualsIgnoreCase(*text, no); };
  return !(is("false") || is("0") || is("no") || is("off"));
}

// Absent and empty are the same; what is no number is version 1.
std::optional<int> ReadVersion(std::string_view query) {
  auto text = FindQueryValue(query, "v");
  if (!text.has_value() || text->empty()) text = FindQueryValue(query, "version");
  if (!text.has_value() || text->empty()) return std::nullopt;
  int version = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, version);
  return error == std::errc() && stop == end ? version : 1;
}

FlagsShape ShapeOf(bool is_decide, std::optional<int> version) {
  const int v = version.value_or(1);
  if (!is_decide) return v >= 2 ? FlagsShape::kDetails : FlagsShape::kValues;
  if (v >= 4) return FlagsShape::kDetails;
  if (v == 3) return FlagsShape::kValues;
  return v == 2 ? FlagsShape::kEnabledObject : FlagsShape::kEnabledArray;
}

std::string_view MediaTypeOf(std::string_view content_type) {
  return TrimWhitespace(content_type.substr(0, content_type.find(';')));
}

std::string_view FirstCharacters(std::string_view text, size_t count) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool is_start = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (is_start && count-- == 0) break;
  }
  return text.substr(0, at);
}

FlagValue Keep(const element& value, Arena* arena) {
  FlagValue kept = FlagValue::FromJson(value, arena);
  if (kept.kind == FlagValue::Kind::kString) kept.text = arena->Copy(kept.text);
  return kept;
}

// Fills a FlagRequest from the members of the body; false if one has the wrong type.
class BodyReader {
 public:
  explicit BodyReader(FlagRequest* request) : request_(request), arena_(&request->arena) {}

  bool Read(const element& root) {
    if (!root.is_object()) return false;
    for (const auto [key, value] : simdjson::dom::object(root)) {
      if (!value.is_null() && !Member(key, value)) return false;
    }
    if (!request_->device_id.empty()) return true;
    const FlagValue* own = request_->person_properties.Find("$device_id");
    if (own != nullptr && own->kind == FlagValue::Kind::kString) request_->device_id = own->text;
    return true;
  }

 private:
  bool Member(std::string_view key, const element& value);
  bool Text(const element& value, std::string_view* out);
  bool Texts(const element& value, std::vector<std::string>* out);
  bool Flag(const element& value, bool* out);
  bool DistinctId(const element& value);
  bool AnonDistinctId(const element& value);
  bool Properties(const element& value, FlagProperties* out);
  bool Groups(const element& value);
  bool GroupProperties(const element& value);
  bool Runtime(const element& value);

  FlagRequest* request_;
  Arena* arena_;
};

bool BodyReader::Member(std::string_view key, const element& value) {
  if (key == "token" || key == "$token" || key == "api_key") return Text(value, &request_->token);
  if (key == "distinct_id" || key == "$distinct_id") return DistinctId(value);
  if (key == "person_properties" || key == "$properties") {
    return Properties(value, &request_->person_properties);
  }
  if (key == "groups" || key == "$groups") return Groups(value);
  if (key == "group_properties" || key == "$group_properties") return GroupProperties(value);
  if (key == "$anon_distinct_id" || key == "anon_distinct_id") return AnonDistinctId(value);
  if (key == "$device_id" || key == "device_id") return Text(value, &request_->device_id);
  if (key == "geoip_disable") return Flag(value, &request_->disables_geoip);
  if (key == "disable_flags") return Flag(value, &request_->disables_flags);
  if (key == "flag_keys" || key == "flag_keys_to_evaluate") {
    return Texts(value, &request_->flag_keys.emplace());
  }
  if (key == "evaluation_contexts" || key == "evaluation_environments") {
    return Texts(value, &request_->contexts);
  }
  if (key == "evaluation_runtime") return Runtime(value);
  if (key == "timezone" || key == "ip_address") return value.is_string();  // of no further use
  return true;
}

bool BodyReader::Text(const element& value, std::string_view* out) {
  std::string_view text;
  if (value.get(text)) return false;
  *out = arena_->Copy(text);
  return true;
}

bool BodyReader::Texts(const element& value, std::vector<std::string>* out) {
  if (!value.is_array()) return false;
  for (const element item : simdjson::dom::array(value)) {
    std::string_view text;
    if (item.get(text)) return false;
    out->emplace_back(text);
  }
  return true;
}

bool BodyReader::Flag(const element& value, bool* out) { return !value.get(*out); }

bool BodyReader::DistinctId(const element& value) {
  if (!value.is_string() && !value.is_number()) return false;
  request_->distinct_id = FirstCharacters(Keep(value, arena_).text, kDistinctIdCharactersMax);
  return true;
}

// Cut as distinct ids are: it may be kept, once for each flag.
bool BodyReader::AnonDistinctId(const element& value) {
  std::string_view text;
  if (!Text(value, &text)) return false;
  request_->anon_distinct_id = FirstCharacters(text, kDistinctIdCharactersMax);
  return true;
}

bool BodyReader::Properties(const element& value, FlagProperties* out) {
  if (!value.is_object()) return false;
  for (const auto [key, property] : simdjson::dom::object(value)) {
    out->Set(arena_->Copy(key), Keep(property, arena_));
  }
  return true;
}

bool BodyReader::Groups(const element& value) {
  if (!value.is_object()) return false;
  for (const auto [type, key] : simdjson::dom::object(value)) {
    request_->groups.emplace_back(arena_->Copy(type), Keep(key, arena_));
  }
  return true;
}

bool BodyReader::GroupProperties(const element& value) {
  if (!value.is_object()) return false;
  for (const auto [type, properties] : simdjson::dom::object(value)) {
    FlagProperties read;
    if (!Properties(properties, &read)) return false;
    request_->group_properties.emplace_back(arena_->Copy(type), std::move(read));
  }
  return true;
}

bool BodyReader::Runtime(const element& value) {
  std::string_view name;
  if (value.get(name)) return false;
  request_->runtime = EqualsIgnoreCase(name, "client")   ? FlagRuntime::kClient
                      : EqualsIgnoreCase(name, "server") ? FlagRuntime::kServer
                                                         : FlagRuntime::kAll;
  return true;
}

// What experience continuity hashes by: SDKs of servers send it as a property. All cookieless
// visitors send the same word, which would make them one.
void SettleAnonDistinctId(FlagRequest* request) {
  constexpr std::string_view kCookieless = "$posthog_cookieless";
  std::optional<std::string_view>& id = request->anon_distinct_id;
  if (!id.has_value()) {
    const FlagValue* sent = request->person_properties.Find("$anon_distinct_id");
    if (sent != nullptr && sent->kind == FlagValue::Kind::kString) {
      id = FirstCharacters(sent->text, kDistinctIdCharactersMax);
    }
  }
  if (id == kCookieless) id.reset();
}

// Null if the text is no JSON, or its members have the wrong types.
std::unique_ptr<FlagRequest> Parse(std::string text) {
  std::unique_ptr<FlagRequest> request;
  bool is_sound = false;
  const auto visit = [&](const element& root) {
    request = std::make_unique<FlagRequest>();
    is_sound = BodyReader(request.get()).Read(root);
  };
  if (!VisitJsonDocument(&text, visit).ok()) {
    const auto strict = StrictJson(text);
    if (!strict.has_value() || !VisitJsonDocument(*strict, visit).ok()) return nullptr;
  }
  if (!is_sound) return nullptr;
  SettleAnonDistinctId(request.get());
  return request;
}

std::optional<std::string> DecodeBase64(std::string text) {
  std::erase(text, ' ');
  text.append((4 - text.size() % 4) % 4, '=');
  return Base64Decode(text);
}

absl::StatusOr<std::string> Inflate(std::string body, const HttpHeaders& headers,
                                    const FlagQuery& query, uint64_t bytes_max) {
  const bool is_gzip = query.compression.starts_with("gzip") ||
                       headers.Find("content-encoding").find("gzip") != std::string_view::npos ||
                       body.starts_with("\x1f\x8b");
  if (is_gzip) {
    auto text = DecompressGzip(body, bytes_max);
    if (absl::IsOutOfRange(text.status())) return text.status();
    if (!text.ok()) return Undecodable("gzip decompression failed");
    return text;
  }
  if (body.size() > bytes_max) return absl::OutOfRangeError("request body too large");
  return body;
}

// What follows "data=", up to the next '=': the padding is lost there, and put back later.
std::string FormData(std::string_view body) {
  std::string text = PercentDecode(body, /*plus_is_space=*/false);
  if (!text.starts_with("data=")) return text;
  const size_t end = text.find('=', 5);
  return text.substr(5, end == std::string::npos ? end : end - 5);
}

}  // namespace

FlagQuery ReadFlagQuery(std::string_view path, std::string_view query) {
  const bool is_decide = path.starts_with("/decide");
  FlagQuery out;
  out.version = ReadVersion(query);
  out.config = ReadBool(query, "config");
  if (is_decide && !out.config.has_value()) {
    out.config = true;
  } else if (!out.version.has_value() && !out.config.has_value()) {
    out.version = 2;
    out.config = true;
  }
  out.shape = ShapeOf(is_decide, out.version);
  out.compression = FindQueryValue(query, "compression").value_or("");
  absl::AsciiStrToLower(&out.compression);
  out.only_surveys = ReadBool(query, "only_evaluate_survey_feature_flags").value_or(false);
  out.ignores_stored_person =
      ReadBool(query, "only_use_override_person_properties").value_or(false);
  return out;
}

const FlagProperties* FlagRequest::GroupProperties(std::string_view type) const {
  for (const auto& [name, properties] : group_properties) {
    if (name == type) return &properties;
  }
  return nullptr;
}

absl::StatusOr<std::unique_ptr<FlagRequest>> ReadFlagRequest(HttpRequest* request,
                                                             const FlagQuery& query,
                                                             uint64_t bytes_max) {
  const std::string& compression = query.compression;
  if (!compression.empty() && compression != "gzip" && compression != "gzip-js" &&
      compression != "base64") {
    return Undecodable(StrCat("unsupported compression: ", compression));
  }
  const std::string_view type = MediaTypeOf(request->headers.Find("content-type"));
  if (EqualsIgnoreCase(type, "application/x-www-form-urlencoded")) {
    if (compression.starts_with("gzip")) return Undecodable("gzip is not supported in forms");
    if (request->body.size() > bytes_max) return absl::OutOfRangeError("request body too large");
    auto text = DecodeBase64(FormData(request->body));
    auto parsed = text.has_value() ? Parse(*std::move(text)) : nullptr;
    if (parsed == nullptr) return Undecodable("invalid JSON");
    return parsed;
  }
  if (!type.empty() && !EqualsIgnoreCase(type, "application/json") &&
      !EqualsIgnoreCase(type, "text/plain")) {
    return Undecodable(StrCat("unsupported content type: ", type));
  }
  HOGLET_ASSIGN_OR_RETURN(std::string body,
                          Inflate(std::move(request->body), request->headers, query, bytes_max));
  if (auto parsed = Parse(body)) return parsed;
  auto text = DecodeBase64(PercentDecode(body, /*plus_is_space=*/false));
  auto parsed = text.has_value() ? Parse(*std::move(text)) : nullptr;
  if (parsed == nullptr) return Undecodable("invalid JSON");
  return parsed;
}

std::optional<FlagRuntime> RuntimeOf(const HttpHeaders& headers,
                                     std::optional<FlagRuntime> of_body) {
  if (of_body.has_value()) return of_body;
  const std::string_view agent = headers.Find("user-agent");
  const auto has = [agent](std::string_view part) {
    return agent.find(part) != std::string_view::npos;
  };
  for (const char* browser : {"Mozilla/", "Chrome/", "Safari/", "Firefox/", "Edge/"}) {
    if (has(browser)) return FlagRuntime::kClient;
  }
  for (const char* library :
       {"posthog-python/", "posthog-ruby/", "posthog-php/", "posthog-java/", "posthog-go/",
        "posthog-node/", "posthog-dotnet/", "posthog-elixir/"}) {
    if (agent.starts_with(library)) return FlagRuntime::kServer;
  }
  if (has("python-requests/") || has("curl/")) return FlagRuntime::kServer;
  for (const char* library :
       {"posthog-android/", "posthog-ios/", "posthog-react-native/", "posthog-flutter/"}) {
    if (agent.starts_with(library)) return FlagRuntime::kClient;
  }
  for (const char* name : {"origin", "referer", "sec-fetch-mode", "sec-fetch-site"}) {
    if (headers.Has(name)) return FlagRuntime::kClient;
  }
  return std::nullopt;
}

std::string FlagRequestId(const HttpHeaders& headers, Env* env) {
  const auto given = ParseUuid(headers.Find("x-request-id"));
  return FormatUuid(given.has_value() ? *given : UuidV4(env));
}

}  // namespace hoglet
