#include "src/base/captured_event.h"

#include "src/base/bytes.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr uint8_t kVersion = 1;

enum Flag : uint8_t {
  kHistoricalMigration = 1,
  kCookieless = 2,
  kForceDisablePersonProcessing = 4,
  kHasSentAt = 8,
  kCaptureWarning = 16,
  kAllFlags = 31,
};

uint8_t FlagsOf(const CapturedEventView& event) {
  return static_cast<uint8_t>(
      (event.historical_migration ? kHistoricalMigration : 0) |
      (event.is_cookieless ? kCookieless : 0) |
      (event.force_disable_person_processing ? kForceDisablePersonProcessing : 0) |
      (event.sent_at_us.has_value() ? kHasSentAt : 0) |
      (event.is_capture_warning ? kCaptureWarning : 0));
}

bool ReadBody(ByteReader* in, uint8_t flags, CapturedEventView* view) {
  std::string_view uuid;
  if (!in->GetBytes(view->uuid.bytes.size(), &uuid)) return false;
  std::memcpy(view->uuid.bytes.data(), uuid.data(), uuid.size());
  if (!in->GetLittle(&view->timestamp_us) || !in->GetLittle(&view->now_us)) return false;
  if (flags & kHasSentAt) {
    int64_t sent_at_us = 0;
    if (!in->GetLittle(&sent_at_us)) return false;
    view->sent_at_us = sent_at_us;
  }
  return in->GetString(&view->distinct_id) && in->GetString(&view->token) &&
         in->GetString(&view->event) && in->GetString(&view->ip) && in->GetString(&view->json) &&
         in->empty();
}

}  // namespace

void AppendCapturedEventHead(const CapturedEventView& event, std::string* out) {
  out->push_back(static_cast<char>(kVersion));
  out->push_back(static_cast<char>(FlagsOf(event)));
  out->append(reinterpret_cast<const char*>(event.uuid.bytes.data()), event.uuid.bytes.size());
  PutLittle(out, event.timestamp_us);
  PutLittle(out, event.now_us);
  if (event.sent_at_us.has_value()) PutLittle(out, *event.sent_at_us);
  PutString(out, event.distinct_id);
  PutString(out, event.token);
  PutString(out, event.event);
  PutString(out, event.ip);
  PutVarint(out, event.json.size());
}

void AppendCapturedEvent(const CapturedEventView& event, std::string* out) {
  AppendCapturedEventHead(event, out);
  out->append(event.json);
}

std::string EncodeCapturedEvent(const CapturedEvent& event) {
  std::string out;
  AppendCapturedEvent(ViewOf(event), &out);
  return out;
}

absl::StatusOr<CapturedEventView> DecodeCapturedEvent(std::string_view bytes) {
  ByteReader in(bytes);
  uint8_t version = 0;
  uint8_t flags = 0;
  if (!in.GetLittle(&version) || !in.GetLittle(&flags)) {
    return absl::DataLossError("captured event: too short for its header");
  }
  if (version != kVersion) {
    return absl::UnimplementedError(
        StrCat("captured event: version ", version, ", this program reads ", kVersion));
  }
  if (flags & ~kAllFlags) {
    return absl::DataLossError(StrCat("captured event: unknown flags ", flags));
  }
  CapturedEventView view;
  if (!ReadBody(&in, flags, &view)) {
    return absl::DataLossError(
        StrCat("captured event: its ", bytes.size(), " bytes do not hold its fields"));
  }
  view.historical_migration = flags & kHistoricalMigration;
  view.is_cookieless = flags & kCookieless;
  view.force_disable_person_processing = flags & kForceDisablePersonProcessing;
  view.is_capture_warning = flags & kCaptureWarning;
  return view;
}

namespace {

// Owned from views, or views of what is owned.
template <typename To, typename From>
To Converted(const From& from) {
  To to;
  to.uuid = from.uuid;
  to.distinct_id = from.distinct_id;
  to.token = from.token;
  to.event = from.event;
  to.ip = from.ip;
  to.timestamp_us = from.timestamp_us;
  to.now_us = from.now_us;
  to.sent_at_us = from.sent_at_us;
  to.historical_migration = from.historical_migration;
  to.is_cookieless = from.is_cookieless;
  to.force_disable_person_processing = from.force_disable_person_processing;
  to.json = from.json;
  return to;
}

}  // namespace

CapturedEvent ToCapturedEvent(const CapturedEventView& view) {
  return Converted<CapturedEvent>(view);
}

CapturedEventView ViewOf(const CapturedEvent& event) { return Converted<CapturedEventView>(event); }

}  // namespace hoglet
