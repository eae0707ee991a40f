#include "src/capture/payload.h"

#include <array>
#include <optional>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/base64.h"
#include "src/base/json.h"
#include "src/base/url.h"
#include "src/capture/compression.h"

namespace hoglet {
namespace {

constexpr size_t kSniffedBytes = 128;

enum class Compression { kNone, kGzip, kLz64, kBase64 };

std::optional<Compression> CompressionOf(std::string_view name) {
  for (const std::string_view gzip : {"gzip", "gzip-js"}) {
    if (EqualsIgnoreCase(name, gzip)) return Compression::kGzip;
  }
  for (const std::string_view lz64 : {"lz64", "lz-string"}) {
    if (EqualsIgnoreCase(name, lz64)) return Compression::kLz64;
  }
  for (const std::string_view base64 : {"base64", "b64"}) {
    if (EqualsIgnoreCase(name, base64)) return Compression::kBase64;
  }
  return std::nullopt;
}

bool IsLower(std::string_view text) {
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') return false;
  }
  return true;
}

absl::Status Undecodable(std::string_view why) {
  return absl::InvalidArgumentError("failed to decode request: " + std::string(why));
}

bool IsForm(std::string_view content_type) {
  const std::string_view media_type = content_type.substr(0, content_type.find(';'));
  const size_t end = media_type.find_last_not_of(" \t");
  return EqualsIgnoreCase(media_type.substr(0, end == std::string_view::npos ? 0 : end + 1),
                          "application/x-www-form-urlencoded");
}

// Base64 that went through URL decoding lost its '+' to spaces.
void RestorePluses(std::string* text) {
  if (!LooksLikeLooseBase64(*text)) return;
  for (char& c : *text) {
    if (c == ' ') c = '+';
  }
}

struct Payload {
  std::string bytes;
  std::optional<Compression> hint;
};

absl::StatusOr<std::string> PayloadBytes(HttpRequest* request) {
  if (auto data = FindQueryValue(request->query, "data"); data.has_value() && !data->empty()) {
    RestorePluses(&*data);
    return *std::move(data);
  }
  if (request->body.empty()) return absl::InvalidArgumentError("request missing data payload");
  return std::move(request->body);
}

absl::Status OpenForm(Payload* payload) {
  if (!LooksLikeForm(payload->bytes))
    return Undecodable("expected form data in POST request payload");
  std::optional<std::string> data;
  std::optional<std::string> compression;
  bool is_sound = true;
  VisitQuery(payload->bytes, [&](std::string_view key, std::string_view value) {
    auto* field = key == "data" ? &data : key == "compression" ? &compression : nullptr;
    if (field == nullptr) return true;
    is_sound = !field->has_value();
    *field = PercentDecode(value, true);
    return is_sound;
  });
  if (!is_sound) return Undecodable("invalid urlencoded form data");
  if (!payload->hint.has_value() && compression.has_value()) {
    payload->hint = CompressionOf(*compression);
  }
  if (!data.has_value()) return absl::OkStatus();
  RestorePluses(&*data);
  payload->bytes = *std::move(data);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Decompress(Payload payload, uint64_t bytes_max) {
  const auto too_large = [](const absl::Status& status) {
    return absl::OutOfRangeError("maximum event size exceeded: " + std::string(status.message()));
  };
  if (payload.hint == Compression::kGzip || payload.bytes.starts_with("\x1f\x8b\x08")) {
    auto text = DecompressGzip(payload.bytes, bytes_max);
    if (absl::IsOutOfRange(text.status())) return too_large(text.status());
    if (!text.ok()) return Undecodable("invalid GZIP data");
    if (!IsValidUtf8(*text)) return Undecodable("invalid gzip data");
    return text;
  }
  if (payload.hint == Compression::kLz64) {
    auto text = DecompressLz64(payload.bytes, bytes_max);
    if (absl::IsOutOfRange(text.status())) return too_large(text.status());
    if (absl::IsDataLoss(text.status())) {
      return Undecodable("decompress_lz64: failed UTF16 to UTF8 conversion");
    }
    if (!text.ok()) return Undecodable("decompress_lz64: failed decompress to UTF16");
    return text;
  }
  if (!IsValidUtf8(payload.bytes)) return Undecodable("invalid UTF8 in request payload");
  if (payload.bytes.size() > bytes_max) {
    return absl::OutOfRangeError("maximum event size exceeded: body exceeds limit of " +
                                 std::to_string(bytes_max) + " bytes");
  }
  return std::move(payload.bytes);
}

}  // namespace

bool LooksLikeForm(std::string_view text) {
  text = text.substr(0, kSniffedBytes);
  while (true) {
    for (const std::string_view name : {"data=", "_=", "ip=", "compression="}) {
      if (text.starts_with(name)) return true;
    }
    const size_t next = text.find('&');
    if (next == std::string_view::npos) return false;
    text.remove_prefix(next + 1);
  }
}

absl::StatusOr<std::string> DecodePayload(HttpRequest* request, uint64_t decompressed_bytes_max) {
  Payload payload;
  HOGLET_ASSIGN_OR_RETURN(payload.bytes, PayloadBytes(request));
  if (!LooksLikeForm(payload.bytes) && LooksLikeStrictBase64(payload.bytes)) {
    if (auto decoded = Base64Decode(payload.bytes)) payload.bytes = *std::move(decoded);
  }
  if (const auto named = FindQueryValue(request->query, "compression")) {
    payload.hint = CompressionOf(*named);
  }
  if (IsForm(request->headers.Find("content-type"))) HOGLET_RETURN_IF_ERROR(OpenForm(&payload));
  if (!payload.hint.has_value()) {
    const std::string_view encoding = request->headers.Find("content-encoding");
    if (IsLower(encoding)) payload.hint = CompressionOf(encoding);
  }
  HOGLET_ASSIGN_OR_RETURN(std::string text, Decompress(std::move(payload), decompressed_bytes_max));
  if (LooksLikeStrictBase64(text)) {
    auto decoded = Base64Decode(text);
    if (decoded.has_value() && IsValidUtf8(*decoded)) return *std::move(decoded);
  }
  return text;
}

}  // namespace hoglet
