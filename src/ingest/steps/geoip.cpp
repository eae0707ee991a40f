#include "src/ingest/steps/geoip.h"

#include <string>

#include "src/base/strings.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {
namespace {

// What a person is told of even where it is not known, so that old values go.
constexpr std::string_view kAlwaysSet[] = {
    "city_name",          "city_confidence",    "subdivision_2_name", "subdivision_2_code",
    "subdivision_1_name", "subdivision_1_code", "country_name",       "country_code",
    "continent_name",     "continent_code",     "postal_code",        "latitude",
    "longitude",          "accuracy_radius",    "time_zone"};

// A developer's machine stands for a place that databases know.
constexpr std::string_view kLoopback = "127.0.0.1";
constexpr std::string_view kInsteadOfLoopback = "89.160.20.129";

JsonMember Named(const JsonMember& member, std::string_view prefix, Arena* arena) {
  return Renamed(member, std::string_view(arena->Copy(StrCat(prefix, member.key))));
}

// Lays the facts over the object that is property `key`, made if it is not there.
void Assign(KeyRef key, std::string_view prefix, const JsonObjectView& facts, Arena* arena,
            JsonObjectView* properties) {
  JsonObjectView members;
  if (const JsonMember* own = FindProperty(properties, key)) members = MembersOf(*own, arena);
  for (const std::string_view name : kAlwaysSet) {
    SetProperty(&members, Named({.key = name}, prefix, arena));
  }
  for (const JsonMember& fact : facts) SetProperty(&members, Named(fact, prefix, arena));
  SetProperty(properties, ObjectMember(key, members, arena));
}

}  // namespace

void AddGeoIp(const GeoIpDatabase& database, Arena* arena, ParsedEvent* event) {
  JsonObjectView* properties = &event->properties;
  const JsonMember* disabled = FindProperty(properties, "$geoip_disable");
  if (disabled != nullptr && IsTruthy(*disabled)) return;
  std::string_view ip = event->captured.ip;
  if (const JsonMember* own = FindProperty(properties, "$ip")) {
    ip = own->kind == JsonKind::kString ? own->text : std::string_view();
  }
  if (ip == kLoopback) ip = kInsteadOfLoopback;
  JsonObjectView facts;
  if (!database.Find(ip, arena, &facts)) return;
  for (const JsonMember& fact : facts) SetProperty(properties, Named(fact, "$geoip_", arena));
  if (!event->is_person_processed) return;  // $set and $set_once would be taken out again
  Assign("$set", "$geoip_", facts, arena, properties);
  Assign("$set_once", "$initial_geoip_", facts, arena, properties);
}

}  // namespace hoglet
