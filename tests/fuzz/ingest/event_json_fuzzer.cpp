#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "include/hoglet/status.h"
#include "src/base/arena.h"
#include "src/base/captured_event.h"
#include "src/base/json.h"
#include "src/ingest/event_parser.h"

// Any bytes as the JSON of an event: the reader must end, its two ways of reading an object must
// agree, what it writes must read back as itself, and the pipeline's first steps must leave an
// event in order.

namespace {

using hoglet::Arena;
using hoglet::JsonMember;
using hoglet::JsonObjectView;

constexpr std::string_view kProperties = "properties";

void CheckCanonical(std::string_view text) {
  Arena arena;
  JsonMember value;
  if (!hoglet::ParseJsonValue(text, &arena, &value).ok()) return;
  std::string canonical;
  hoglet::AppendJsonValue(value, &canonical);
  HOGLET_ASSERT(hoglet::IsValidUtf8(canonical));
  JsonMember again;
  HOGLET_ASSERT(hoglet::ParseJsonValue(canonical, &arena, &again).ok());
  std::string twice;
  hoglet::AppendJsonValue(again, &twice);
  HOGLET_ASSERT(canonical == twice);
}

void CheckNested(std::string_view text) {
  Arena arena;
  JsonObjectView whole;
  JsonObjectView split;
  JsonObjectView nested;
  const bool ok = hoglet::ParseJsonObject(text, &arena, &whole).ok();
  HOGLET_ASSERT(hoglet::ParseJsonObjectWith(text, kProperties, &arena, &split, &nested).ok() == ok);
  if (!ok) return;
  HOGLET_ASSERT(whole.size() == split.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    HOGLET_ASSERT(whole[i].key == split[i].key);
    std::string expected;
    std::string found;
    hoglet::AppendJsonValue(whole[i], &expected);
    const bool is_nested = whole[i].key == kProperties && expected.starts_with('{');
    hoglet::AppendJsonValue(split[i], &found);
    if (is_nested) {
      HOGLET_ASSERT(found == "{}");
      found = hoglet::SerializeJsonObject(nested);
    }
    HOGLET_ASSERT(expected == found);
  }
}

class OneTeam final : public hoglet::TeamDirectory {
 public:
  std::optional<hoglet::TeamSettings> FindByToken(std::string_view) const override {
    hoglet::TeamSettings team;
    team.team_id = team.project_id = 1;
    return team;
  }
};

void CheckSteps(std::string_view name, std::string_view text) {
  static const OneTeam teams;
  static hoglet::EventParser parser(&teams);
  hoglet::CapturedEvent captured;
  captured.token = "phc_fuzz";
  captured.distinct_id = "someone";
  captured.event = name;
  captured.ip = "127.0.0.1";
  captured.json = text;
  const std::string record = hoglet::EncodeCapturedEvent(captured);
  Arena arena;
  hoglet::ParsedEvent event;
  event.value = record;
  parser.Parse(&arena, &event);
  std::set<std::string_view> keys;
  for (const JsonMember& member : event.properties) {
    HOGLET_ASSERT(keys.insert(member.key).second);
    if (member.kind != hoglet::JsonKind::kRaw) continue;
    JsonMember value;
    HOGLET_ASSERT(hoglet::ParseJsonValue(member.text, &arena, &value).ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckCanonical(text);
  CheckNested(text);
  for (const std::string_view name : {"$pageview", "$identify", "$groupidentify", "$$heatmap"}) {
    CheckSteps(name, text);
  }
  return 0;
}
