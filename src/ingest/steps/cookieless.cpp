#include "src/ingest/steps/cookieless.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "include/hoglet/status.h"
#include "src/base/base64.h"
#include "src/base/bytes.h"
#include "src/base/hash.h"
#include "src/base/json.h"
#include "src/base/public_suffix.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {
namespace {

constexpr size_t kExtraUnitsMax = 100;
constexpr int kIpv6GroupsKept = 4;  // /64: what one household or office has

bool Drop(ParsedEvent* event, std::string_view reason) {
  event->fate = ParsedEvent::Fate::kDrop;
  event->reason = reason;
  return false;
}

bool DropWithWarning(ParsedEvent* event, std::string_view type, std::string_view missing_property) {
  IngestionWarning warning{type, {}};
  const auto add = [&](std::string_view name, std::string_view text) {
    std::string json;
    AppendJsonString(text, &json);
    warning.details.emplace_back(name, std::move(json));
  };
  add("event", event->event);
  add("distinctId", event->captured.distinct_id);
  if (!missing_property.empty()) add("missingProperty", missing_property);
  event->warnings.push_back(std::move(warning));
  return Drop(event, type);
}

// What the ids are made of; views into the event or the arena.
struct Facts {
  std::string_view user_agent;
  std::string_view ip;
  std::string_view host;
  std::string_view extra;
};

std::string_view TextOf(JsonObjectView* properties, std::string_view key, Arena* arena) {
  const JsonMember* member = FindProperty(properties, key);
  return member != nullptr && IsTruthy(*member) ? ToText(*member, arena) : std::string_view();
}

// False: dropped, since something is missing.
bool ReadFacts(Arena* arena, ParsedEvent* event, Facts* facts) {
  JsonObjectView* properties = &event->properties;
  facts->user_agent = TextOf(properties, "$raw_user_agent", arena);
  facts->ip = TextOf(properties, "$ip", arena);
  if (facts->ip.empty()) facts->ip = event->captured.ip;
  facts->host = TextOf(properties, "$host", arena);
  facts->extra = CutUtf16(TextOf(properties, "$cookieless_extra", arena), kExtraUnitsMax);
  if (facts->user_agent.empty()) {
    return DropWithWarning(event, "cookieless_missing_user_agent", "$raw_user_agent");
  }
  if (facts->ip.empty()) return DropWithWarning(event, "cookieless_missing_ip", "$ip");
  if (facts->host.empty()) return DropWithWarning(event, "cookieless_missing_host", "$host");
  return true;
}

// An IPv6 address without the part that a machine chooses itself; an IPv4 address as it is.
std::string NetworkOf(std::string_view ip) {
  if (ip.find(':') == std::string_view::npos) return std::string(ip);
  // An IPv4 address in the clothes of the other.
  if (ip.find('.') != std::string_view::npos) return std::string(ip.substr(ip.rfind(':') + 1));
  std::array<std::string, 8> groups;
  size_t count = 0;
  std::string_view left = ip;
  while (!left.empty() && count < groups.size()) {
    const size_t end = std::min(left.find(':'), left.size());
    if (end == 0 && left.starts_with("::")) break;  // the rest of the kept part is zeros
    if (end > 0) groups[count++] = absl::AsciiStrToLower(ToAbsl(left.substr(0, end)));
    left.remove_prefix(std::min(end + 1, left.size()));
    if (left.starts_with(':')) break;
  }
  std::string network;
  for (int i = 0; i < kIpv6GroupsKept; ++i) {
    std::string_view group = groups[static_cast<size_t>(i)];
    while (group.size() > 1 && group[0] == '0') group.remove_prefix(1);
    StrAppend(&network, group.empty() ? "0" : group, ":");
  }
  return network + ":/64";
}

// The time zone of the event, else the team's.
TimeZone ZoneOf(ParsedEvent* event, Arena* arena) {
  const std::string_view name = TextOf(&event->properties, "$timezone", arena);
  if (!name.empty()) {
    if (const auto zone = TimeZone::Load(name); zone.ok()) return *zone;
  }
  return event->team.timezone;
}

struct Ids {
  std::string distinct_id;
  std::string device_id;
  std::string session_id;
};

// 16 bytes.
std::string SaltedHash(std::string_view salt, std::string_view text) {
  HOGLET_ASSERT(salt.size() == 16);
  uint64_t key0 = 0;
  uint64_t key1 = 0;
  ByteReader in(salt);
  HOGLET_ASSERT(in.GetLittle(&key0) && in.GetLittle(&key1));
  std::string out;
  for (const uint64_t half : SipHash128Keyed(key0, key1, text)) PutLittle(&out, half);
  return out;
}

// A UUIDv7 of the beginning of the day whose random part is the hash.
std::string SessionIdOf(int64_t day_begin_us, std::string_view hash) {
  const uint64_t time_ms = static_cast<uint64_t>(FloorDivide(day_begin_us, 1000));
  Uuid id;
  for (size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<uint8_t>(time_ms >> (40 - 8 * i));
  for (size_t i = 6; i < 16; ++i) id.bytes[i] = static_cast<uint8_t>(hash[i - 6]);
  id.bytes[6] = static_cast<uint8_t>(0x70 | (id.bytes[6] & 0x0f));
  id.bytes[8] = static_cast<uint8_t>(0x80 | (id.bytes[8] & 0x3f));
  return FormatUuid(id);
}

Ids IdsOf(TeamId team_id, const Facts& facts, std::string_view salt, int64_t day_begin_us) {
  // The number is that of identifications before, which the stateless mode does not count.
  const std::string text =
      StrCat(team_id, "-", NetworkOf(facts.ip), "-", CookielessRootDomain(facts.host), "-",
             facts.user_agent, "-0-", facts.extra);
  const std::string hash = SaltedHash(salt, text);
  const std::string base64 = Base64EncodeUnpadded(hash);
  return {StrCat("cookieless_", base64), StrCat("cookielessd_", base64),
          SessionIdOf(day_begin_us, hash)};
}

// Takes a key out of the object `name` among the members.
void RemoveInside(JsonObjectView* members, std::string_view name, std::string_view key,
                  Arena* arena) {
  JsonMember* object = FindProperty(members, name);
  if (object == nullptr || !IsObject(*object)) return;
  JsonObjectView inside = MembersOf(*object, arena);
  if (FindProperty(&inside, key) == nullptr) return;
  RemoveProperty(&inside, key);
  *object = ObjectMember(object->key, inside, arena);
}

void RemovePersonalData(Arena* arena, JsonObjectView* root, ParsedEvent* event) {
  for (const std::string_view key : {"$ip", "$raw_user_agent", "$cookieless_extra"}) {
    RemoveProperty(&event->properties, key);
  }
  for (JsonObjectView* members : {root, &event->properties}) {
    RemoveInside(members, "$set", "$raw_user_agent", arena);
    RemoveInside(members, "$set_once", "$initial_raw_user_agent", arena);
  }
  event->captured.ip = {};
}

}  // namespace

std::string CookielessRootDomain(std::string_view host) {
  std::string_view text = host;
  std::string_view default_port = "80";
  if (const size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    if (text.substr(0, scheme) == "https") default_port = "443";
    text.remove_prefix(scheme + 3);
  } else if (std::count(text.begin(), text.end(), ':') > 1 && text[0] != '[') {
    return StrCat("[", absl::AsciiStrToLower(ToAbsl(text)), "]");  // a bare IPv6 address
  }
  text = text.substr(0, text.find_first_of("/?#"));
  if (const size_t user = text.rfind('@'); user != std::string_view::npos) {
    text.remove_prefix(user + 1);
  }
  std::string_view port;
  const size_t bracket = text.rfind(']');
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    port = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  const std::string name = absl::AsciiStrToLower(ToAbsl(text));
  const bool is_address =
      name.starts_with('[') || name.find_first_not_of("0123456789.") == std::string::npos;
  const std::string_view domain = is_address ? std::string_view() : RegistrableDomain(name);
  std::string root(domain.empty() ? std::string_view(name) : domain);
  if (root == "localhost") root = "127.0.0.1";
  return port.empty() || port == default_port ? root : StrCat(root, ":", port);
}

bool RewriteCookieless(CookielessSalts* salts, Arena* arena, JsonObjectView* root,
                       ParsedEvent* event) {
  if (salts == nullptr || !event->team.is_cookieless_enabled) {
    return Drop(event, "cookieless_disabled");
  }
  if (event->event == "$create_alias" || event->event == "$merge_dangerously" ||
      event->event == "$identify") {
    return Drop(event, "cookieless_unsupported_event");
  }
  Facts facts;
  if (!ReadFacts(arena, event, &facts)) return false;

  const absl::TimeZone zone = ZoneOf(event, arena).absl_zone();
  const absl::CivilDay day =
      absl::ToCivilDay(absl::FromUnixMicros(event->captured.timestamp_us), zone);
  const auto salt = salts->ForDay(day - absl::CivilDay(1970, 1, 1), event->captured.now_us);
  if (!salt.ok()) {
    event->fate = ParsedEvent::Fate::kDeadLetter;
    event->reason = StrCat("cookieless: ", salt.status().message());
    return false;
  }
  if (!salt->has_value()) return DropWithWarning(event, "cookieless_timestamp_out_of_range", "");

  const int64_t begin_us = absl::ToUnixMicros(absl::FromCivil(day, zone));
  const Ids ids = IdsOf(event->team.team_id, facts, **salt, begin_us);
  RemovePersonalData(arena, root, event);
  event->distinct_id = arena->Copy(ids.distinct_id);
  SetProperty(&event->properties, StringMember("$device_id", arena->Copy(ids.device_id)));
  SetProperty(&event->properties, StringMember("$session_id", arena->Copy(ids.session_id)));
  return true;
}

}  // namespace hoglet
