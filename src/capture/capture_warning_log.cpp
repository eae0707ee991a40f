#include "src/capture/capture_warning_log.h"

#include "src/base/json.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/capture/capture_service.h"

namespace hoglet {
namespace {

constexpr int64_t kHourUs = 3'600'000'000;
constexpr size_t kRememberedMax = 10'000;
constexpr size_t kShownBytesMax = 200;

// The beginning of a text, up to a whole character.
std::string_view Shown(std::string_view text) {
  if (text.size() <= kShownBytesMax) return text;
  size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

std::string DetailsJson(const CaptureWarning& warning) {
  JsonWriter json;
  json.BeginObject();
  if (!warning.event.empty()) json.Field("event", Shown(warning.event));
  if (!warning.distinct_id.empty()) json.Field("distinctId", Shown(warning.distinct_id));
  json.EndObject();
  return json.Take();
}

}  // namespace

bool CaptureWarningLog::IsDue(const CaptureWarning& warning, int64_t now_us) {
  const int64_t hour = FloorDivide(now_us, kHourUs);
  std::lock_guard lock(mutex_);
  if (last_hour_.size() >= kRememberedMax) last_hour_.clear();
  const auto [known, is_new] =
      last_hour_.try_emplace(StrCat(warning.token, "\n", warning.type), hour);
  if (is_new) return true;
  if (known->second == hour) return false;
  known->second = hour;
  return true;
}

void CaptureWarningLog::Record(const std::vector<CaptureWarning>& warnings, int64_t now_us) {
  CapturedBatch batch;
  for (const CaptureWarning& warning : warnings) {
    if (!IsDue(warning, now_us)) continue;
    const std::string details = DetailsJson(warning);
    CapturedEventView record;
    record.uuid = warning.uuid;
    record.token = warning.token;
    record.event = warning.type;
    record.distinct_id = Shown(warning.distinct_id);
    record.timestamp_us = record.now_us = now_us;
    record.is_capture_warning = true;
    record.json = details;
    batch.Add(record);
  }
  if (batch.empty()) return;
  log_->AppendAsync(kEventsTopic, batch.Records(), [](const absl::StatusOr<uint64_t>&) {});
}

}  // namespace hoglet
