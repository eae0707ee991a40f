#include "src/ingest/steps/snapshot_block.h"

#include <algorithm>
#include <cmath>

#include "src/base/json.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {
namespace {

// rrweb's numbers.
constexpr int kIncrementalEvent = 3;
constexpr int kPluginEvent = 6;
enum IncrementalSource : int {
  kMouseMove = 1,
  kMouseInteraction = 2,
  kScroll = 3,
  kViewportResize = 4,
  kInput = 5,
  kTouchMove = 6,
  kMediaInteraction = 7,
  kDrag = 12,
};
enum MouseInteraction : int { kClick = 2, kContextMenu = 3, kDoubleClick = 4, kTouchEnd = 9 };

constexpr size_t kUrlsMax = 25;
constexpr size_t kUrlUnitsMax = 4096;
constexpr size_t kNameUnitsMax = 1000;
constexpr double kActivityGapMs = 5000;

std::optional<double> NumberOf(const JsonMember* member) {
  if (member == nullptr) return std::nullopt;
  if (member->kind == JsonKind::kInt64) return static_cast<double>(member->integer);
  if (member->kind == JsonKind::kDouble) return member->number;
  return std::nullopt;
}

// -1 if it is no number.
int CodeOf(const JsonObjectView& members, std::string_view key) {
  const std::optional<double> number = NumberOf(FindJsonMember(members, key));
  const bool fits = number.has_value() && *number >= 0 && *number < 1000;
  return fits && *number == std::floor(*number) ? static_cast<int>(*number) : -1;
}

std::string_view TextOf(const JsonObjectView& members, std::string_view key) {
  const JsonMember* member = FindJsonMember(members, key);
  return member != nullptr && member->kind == JsonKind::kString ? member->text : std::string_view();
}

JsonObjectView ObjectOf(const JsonObjectView& members, std::string_view key, Arena* arena) {
  const JsonMember* member = FindJsonMember(members, key);
  return member == nullptr ? JsonObjectView() : MembersOf(*member, arena);
}

bool IsActiveSource(int source) {
  return (source >= kMouseMove && source <= kMediaInteraction) || source == kDrag;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n\r\f\v";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace

void SnapshotBlock::AddMessage(const Message& message) {
  if (facts_.message_count == 0 && message.source.has_value() && !message.source->empty()) {
    facts_.snapshot_source = std::string(CutUtf16(*message.source, kNameUnitsMax));
  }
  if (!facts_.snapshot_library && message.library.has_value() && !message.library->empty()) {
    facts_.snapshot_library = std::string(CutUtf16(*message.library, kNameUnitsMax));
  }
  ++facts_.message_count;
}

bool SnapshotBlock::AddEvent(std::string_view window_id, const JsonMember& event) {
  arena_.Reset();
  const JsonObjectView members = MembersOf(event, &arena_);
  const std::optional<double> timestamp = NumberOf(FindJsonMember(members, "timestamp"));
  if (!timestamp.has_value() || *timestamp <= 0) return false;
  lines_ += '[';
  AppendJsonString(window_id, &lines_);
  lines_ += ',';
  AppendJsonValue(event, &lines_);
  lines_ += "]\n";

  const int type = CodeOf(members, "type");
  const JsonObjectView data = ObjectOf(members, "data", &arena_);
  const bool is_active = type == kIncrementalEvent && IsActiveSource(CodeOf(data, "source"));
  moments_.push_back({*timestamp, is_active});
  AddUrl(data);
  if (type == kIncrementalEvent) CountInteraction(data);
  if (type == kPluginEvent) CountConsole(data);
  ++facts_.event_count;
  return true;
}

void SnapshotBlock::AddUrl(const JsonObjectView& data) {
  std::string_view url = Trimmed(TextOf(data, "href"));
  JsonObjectView payload;
  if (url.empty()) {
    payload = ObjectOf(data, "payload", &arena_);
    url = Trimmed(TextOf(payload, "href"));
  }
  if (url.empty()) return;
  url = CutUtf16(url, kUrlUnitsMax);
  if (!facts_.first_url) facts_.first_url = std::string(url);
  std::vector<std::string>& urls = facts_.urls;
  if (urls.size() >= kUrlsMax || std::find(urls.begin(), urls.end(), url) != urls.end()) return;
  urls.emplace_back(url);
}

void SnapshotBlock::CountInteraction(const JsonObjectView& data) {
  const int source = CodeOf(data, "source");
  facts_.keypress_count += source == kInput;
  facts_.mouse_activity_count +=
      source == kMouseMove || source == kMouseInteraction || source == kTouchMove;
  if (source != kMouseInteraction) return;
  const int kind = CodeOf(data, "type");
  facts_.click_count +=
      kind == kClick || kind == kContextMenu || kind == kDoubleClick || kind == kTouchEnd;
}

void SnapshotBlock::CountConsole(const JsonObjectView& data) {
  if (TextOf(data, "plugin") != "rrweb/console@1") return;
  const JsonObjectView payload = ObjectOf(data, "payload", &arena_);
  const std::string_view level = TextOf(payload, "level");
  if (level == "warn" || level == "countReset") {
    ++facts_.console_warn_count;
  } else if (level == "error" || level == "assert") {
    ++facts_.console_error_count;
  } else {
    ++facts_.console_log_count;
  }
}

// Cuts the block into stretches with and without activity; a stretch of activity ends with the
// first event that comes more than the gap after the last active one.
int64_t SnapshotBlock::ActiveMs() const {
  std::vector<Moment> moments = moments_;
  std::stable_sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
    return a.timestamp_ms < b.timestamp_ms;
  });
  struct Segment {
    double begin_ms;
    double end_ms;
    double last_active_ms;
    bool is_active;
  };
  double active_ms = 0;
  std::optional<Segment> current;
  const auto close = [&] {
    if (current && current->is_active) {
      active_ms += std::max(1.0, current->end_ms - current->begin_ms);
    }
  };
  for (const Moment& moment : moments) {
    const bool begins =
        !current || (moment.is_active && !current->is_active) ||
        (current->is_active && moment.timestamp_ms - current->last_active_ms > kActivityGapMs);
    if (begins) {
      close();
      current =
          Segment{moment.timestamp_ms, moment.timestamp_ms, moment.timestamp_ms, moment.is_active};
      continue;
    }
    current->end_ms = moment.timestamp_ms;
    if (moment.is_active) current->last_active_ms = moment.timestamp_ms;
  }
  close();
  return static_cast<int64_t>(std::floor(active_ms));
}

SnapshotBlockFacts SnapshotBlock::Facts() const {
  SnapshotBlockFacts facts = facts_;
  facts.size_bytes = static_cast<int64_t>(lines_.size());
  facts.active_ms = ActiveMs();
  if (moments_.empty()) return facts;
  const auto [first, last] = std::minmax_element(
      moments_.begin(), moments_.end(),
      [](const Moment& a, const Moment& b) { return a.timestamp_ms < b.timestamp_ms; });
  facts.first_timestamp_ms = first->timestamp_ms;
  facts.last_timestamp_ms = last->timestamp_ms;
  return facts;
}

}  // namespace hoglet
