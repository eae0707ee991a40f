#include <functional>

#include "include/hoglet/status.h"
#include "src/base/strings.h"
#include "src/capture/capture.h"

namespace hoglet {
namespace {

// What a record has besides the event's JSON, in an ordinary event.
constexpr size_t kRecordBytesBesidesJson = 256;

}  // namespace

void CapturedBatch::Reserve(size_t events, size_t json_bytes) {
  places_.reserve(events);
  bytes_.reserve(json_bytes + events * kRecordBytesBesidesJson);
}

void CapturedBatch::Keep(std::shared_ptr<const std::string> text) {
  HOGLET_ASSERT(text_ == nullptr);
  text_ = std::move(text);
}

bool CapturedBatch::IsKept(std::string_view json) const {
  const std::less_equal<const char*> not_after;
  return text_ != nullptr && not_after(text_->data(), json.data()) &&
         not_after(json.data() + json.size(), text_->data() + text_->size());
}

void CapturedBatch::Add(const CapturedEventView& event) {
  const size_t begin = bytes_.size();
  bytes_.append(event.token).push_back(':');
  bytes_.append(event.is_cookieless ? event.ip : event.distinct_id);
  const size_t key_end = bytes_.size();
  Place place;
  if (IsKept(event.json)) {
    AppendCapturedEventHead(event, &bytes_);
    place.value_rest = event.json;
    kept_bytes_ += event.json.size();
  } else {
    AppendCapturedEvent(event, &bytes_);
  }
  HOGLET_ASSERT(bytes_.size() - key_end <= UINT32_MAX);
  place.key_bytes = static_cast<uint32_t>(key_end - begin);
  place.value_bytes = static_cast<uint32_t>(bytes_.size() - key_end);
  places_.push_back(place);
}

void CapturedBatch::Clear() { *this = CapturedBatch(); }

std::vector<LogRecord> CapturedBatch::Records() const {
  std::vector<LogRecord> records;
  records.reserve(places_.size());
  std::string_view left = bytes_;
  for (const Place& place : places_) {
    records.push_back({left.substr(0, place.key_bytes),
                       left.substr(place.key_bytes, place.value_bytes), place.value_rest});
    left.remove_prefix(place.key_bytes + place.value_bytes);
  }
  return records;
}

CapturedEvent CapturedBatch::operator[](size_t index) const {
  HOGLET_ASSERT(index < places_.size());
  const LogRecord record = Records()[index];
  const std::string value = StrCat(record.value, record.value_rest);
  auto view = DecodeCapturedEvent(value);
  HOGLET_ASSERT(view.ok());
  return ToCapturedEvent(*view);
}

}  // namespace hoglet
