#include "src/capture/capture_rules.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

#include "src/base/url.h"
#include "src/capture/event_time.h"

namespace hoglet {
namespace {

constexpr size_t kTokenBytesMax = 64;
constexpr size_t kDistinctIdCodePointsMax = 200;

// Bytes of the white-space character that begins `text`; 0 if it is none.
size_t SpaceBytesAtFront(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  if ((byte(0) >= 9 && byte(0) <= 13) || byte(0) == ' ') return 1;
  if (text.size() >= 2 && byte(0) == 0xc2 && (byte(1) == 0x85 || byte(1) == 0xa0)) return 2;
  if (text.size() < 3) return 0;
  const uint32_t code_point = (byte(0) & 15u) << 12 | (byte(1) & 63u) << 6 | (byte(2) & 63u);
  if (byte(0) != 0xe1 && byte(0) != 0xe2 && byte(0) != 0xe3) return 0;
  const bool is_space = code_point == 0x1680 || (code_point >= 0x2000 && code_point <= 0x200a) ||
                        code_point == 0x2028 || code_point == 0x2029 || code_point == 0x202f ||
                        code_point == 0x205f || code_point == 0x3000;
  return is_space ? 3 : 0;
}

size_t SpaceBytesAtBack(std::string_view text) {
  for (size_t bytes = 1; bytes <= 3 && bytes <= text.size(); ++bytes) {
    if (SpaceBytesAtFront(text.substr(text.size() - bytes)) == bytes) return bytes;
  }
  return 0;
}

std::string_view FirstCodePoints(std::string_view text, size_t count) {
  size_t code_points = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins_code_point = (static_cast<uint8_t>(text[i]) & 0xc0) != 0x80;
    if (begins_code_point && ++code_points > count) return text.substr(0, i);
  }
  return text;
}

// The text if it is an IP address; IPv4 may carry a port, IPv6 brackets.
std::string AddressOf(std::string_view text) {
  text = TrimWhitespace(text);
  if (text.starts_with('"') && text.ends_with('"') && text.size() >= 2) {
    text = text.substr(1, text.size() - 2);
  }
  if (text.starts_with('[')) {
    text = text.substr(1, text.find(']') == std::string_view::npos ? 0 : text.find(']') - 1);
  } else if (const size_t colon = text.find(':');
             colon != std::string_view::npos &&
             text.find(':', colon + 1) == std::string_view::npos) {
    text = text.substr(0, colon);
  }
  std::string address(text);
  char parsed[sizeof(in6_addr)];
  const bool valid = inet_pton(AF_INET, address.c_str(), parsed) == 1 ||
                     inet_pton(AF_INET6, address.c_str(), parsed) == 1;
  return valid ? address : std::string();
}

std::string FirstAddress(std::string_view list) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (std::string address = AddressOf(list.substr(0, comma)); !address.empty()) return address;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return {};
}

// The first `for=` of a Forwarded header.
std::string ForwardedFor(std::string_view value) {
  const size_t at = value.find("for=");
  if (at == std::string_view::npos) return {};
  value.remove_prefix(at + 4);
  return AddressOf(value.substr(0, value.find_first_of(",;")));
}

}  // namespace

int HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kDeadlineExceeded:
      return 408;
    case absl::StatusCode::kOutOfRange:
      return 413;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
      return 503;
    default:
      return 500;
  }
}

std::string_view TrimWhitespace(std::string_view text) {
  while (const size_t bytes = SpaceBytesAtFront(text)) text.remove_prefix(bytes);
  while (const size_t bytes = SpaceBytesAtBack(text)) text.remove_suffix(bytes);
  return text;
}

std::string_view TokenFault(std::string_view token) {
  if (token.empty()) return "empty";
  if (token.size() > kTokenBytesMax) return "too_long";
  for (const char c : token) {
    if (static_cast<uint8_t>(c) > 127) return "not_ascii";
  }
  if (token.starts_with("phx_")) return "personal_api_key";
  if (token.find('\0') != std::string_view::npos) return "null_byte";
  return {};
}

absl::Status CheckToken(std::string_view token, const TokenDirectory* tokens) {
  const std::string_view fault = TokenFault(token);
  if (!fault.empty()) {
    return absl::UnauthenticatedError("API key is not valid: " + std::string(fault));
  }
  if (tokens != nullptr && !tokens->IsKnownToken(token)) {
    return absl::UnauthenticatedError(
        "API key does not belong to any project. Check the project API key in your PostHog project "
        "settings");
  }
  return absl::OkStatus();
}

std::string_view CleanDistinctId(std::string_view text, Arena* arena) {
  if (TrimWhitespace(text).empty()) return {};
  if (text.size() > kDistinctIdCodePointsMax)
    text = FirstCodePoints(text, kDistinctIdCodePointsMax);
  if (text.find('\0') == std::string_view::npos) return text;
  std::string id;
  for (const char c : text) {
    if (c == '\0') {
      id.append("\xef\xbf\xbd");
    } else {
      id.push_back(c);
    }
  }
  return arena->Copy(id);
}

std::string ClientIp(const HttpRequest& request) {
  const auto header = [&request](std::string_view name) { return request.headers.Find(name); };
  if (auto address = FirstAddress(header("x-forwarded-for")); !address.empty()) return address;
  for (const std::string_view name :
       {"x-real-ip", "fly-client-ip", "true-client-ip", "cf-connecting-ip"}) {
    if (auto address = AddressOf(header(name)); !address.empty()) return address;
  }
  if (auto address = ForwardedFor(header("forwarded")); !address.empty()) return address;
  return request.peer_ip;
}

bool QueryHas(std::string_view query, std::string_view name, std::string_view value) {
  const auto found = FindQueryValue(query, name);
  return found.has_value() && *found == value;
}

std::optional<int64_t> SentAtOfQuery(std::string_view query) {
  for (const std::string_view name : {"_", "sent_at"}) {
    const auto text = FindQueryValue(query, name);
    if (!text.has_value()) continue;
    int64_t millis = 0;
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, millis);
    if (error == std::errc() && stop == end) return SentAtOfQueryMillis(millis);
  }
  return std::nullopt;
}

QuotaResource ResourceOf(std::string_view event, bool has_product_tour_id) {
  if (event == "$exception") return QuotaResource::kExceptions;
  const bool is_survey =
      event == "survey sent" || event == "survey shown" || event == "survey dismissed";
  if (is_survey && !has_product_tour_id) return QuotaResource::kSurveys;
  if (event.starts_with("$ai_")) return QuotaResource::kAiEvents;
  return QuotaResource::kEvents;
}

bool IsOverQuota(const CaptureQuotas* quotas, std::string_view token, std::string_view event,
                 bool has_product_tour_id) {
  return quotas != nullptr && quotas->IsLimited(token, ResourceOf(event, has_product_tour_id));
}

absl::Status EventTooLarge(uint64_t bytes, uint64_t limit) {
  return absl::OutOfRangeError("maximum event size exceeded: event of " + std::to_string(bytes) +
                               " bytes exceeds limit of " + std::to_string(limit) + " bytes");
}

}  // namespace hoglet
