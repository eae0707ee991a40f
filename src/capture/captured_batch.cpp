#include "include/hoglet/status.h"
#include "src/capture/capture.h"

namespace hoglet {
namespace {

// What a record has besides the event's JSON, in an ordinary event.
constexpr size_t kRecordBytesBesidesJson = 256;

}  // namespace

void CapturedBatch::Reserve(size_t events, size_t json_bytes) {
  sizes_.reserve(events);
  bytes_.reserve(json_bytes + events * kRecordBytesBesidesJson);
}

void CapturedBatch::Add(const CapturedEventView& event) {
  const size_t begin = bytes_.size();
  bytes_.append(event.token).push_back(':');
  bytes_.append(event.is_cookieless ? event.ip : event.distinct_id);
  const size_t key_end = bytes_.size();
  AppendCapturedEvent(event, &bytes_);
  HOGLET_ASSERT(bytes_.size() - key_end <= UINT32_MAX);
  sizes_.push_back(
      {static_cast<uint32_t>(key_end - begin), static_cast<uint32_t>(bytes_.size() - key_end)});
}

void CapturedBatch::Clear() {
  bytes_.clear();
  sizes_.clear();
}

std::vector<LogRecord> CapturedBatch::Records() const {
  std::vector<LogRecord> records;
  records.reserve(sizes_.size());
  std::string_view left = bytes_;
  for (const Sizes& sizes : sizes_) {
    records.push_back(
        {left.substr(0, sizes.key_bytes), left.substr(sizes.key_bytes, sizes.value_bytes)});
    left.remove_prefix(sizes.key_bytes + sizes.value_bytes);
  }
  return records;
}

CapturedEvent CapturedBatch::operator[](size_t index) const {
  HOGLET_ASSERT(index < sizes_.size());
  auto view = DecodeCapturedEvent(Records()[index].value);
  HOGLET_ASSERT(view.ok());
  return ToCapturedEvent(*view);
}

}  // namespace hoglet
