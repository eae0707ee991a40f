#include "src/ingest/definition_scout.h"

#include "src/base/hash.h"
#include "src/base/key_ids.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {
namespace {

constexpr size_t kNameBytesMax = 200;
constexpr size_t kUpdatesMax = 10'000;  // of one event; one with more is passed over
constexpr size_t kKnownMax = 100'000;
constexpr int64_t kHourUs = 3'600'000'000;

uint64_t Mix(uint64_t a, uint64_t b) { return FastHash64(a ^ (b * 0x9e3779b97f4a7c15ull)); }

// Adds a name to the hash of a list of names.
uint64_t WithName(uint64_t hash, const JsonMember& member) {
  hash ^= member.key_id != kNoKeyId ? member.key_id : FastHash64(member.key);
  hash *= 0x9e3779b97f4a7c15ull;
  return hash ^ hash >> 32;
}

uint64_t Seed(DefinitionKind kind, TeamId project_id, std::string_view scope) {
  return Mix(FastHash64(scope),
             Mix(static_cast<uint64_t>(kind), static_cast<uint64_t>(project_id)));
}

bool IsSkippedProperty(std::string_view key) {
  if (!key.starts_with('$')) return false;
  if (key == "$set" || key == "$set_once" || key == "$unset" || key == "$groups") return true;
  return key.size() == 8 && key.starts_with("$group_") && key[7] >= '0' && key[7] <= '4';
}

bool IsSkippedPair(std::string_view key) {
  return key.starts_with("$feature/") || key.starts_with("$feature_enrollment/");
}

}  // namespace

void DefinitionScout::SeeEvent(ParsedEvent* event) {
  const uint64_t hash = Seed(DefinitionKind::kEvent, event->team.project_id, event->event);
  const auto [known, is_new] = known_.try_emplace(hash);
  const int64_t now_us = event->captured.now_us;
  if (!is_new && now_us < known->second.seen_at_us + kHourUs) return;
  known->second.seen_at_us = now_us;
  event->definitions.push_back({DefinitionKind::kEvent, event->event, {}, std::nullopt});
}

bool DefinitionScout::SeeProperty(DefinitionKind kind, uint64_t hash, const JsonMember& member,
                                  Arena* arena, ParsedEvent* event) {
  const auto [known, is_new] = known_.try_emplace(hash);
  if (known->second.has_type) return true;
  const auto type = DetectPropertyType(member.key, member, event->captured.now_us);
  if (!is_new && !type.has_value()) return false;
  known->second.has_type = type.has_value();
  event->definitions.push_back({kind, {}, WithoutNul(member.key, arena), type});
  return type.has_value();
}

// Nearly always both the property and its being on the event are known: one look-up tells.
bool DefinitionScout::SeeOnEvent(uint64_t property_seed, uint64_t pair_seed,
                                 const JsonMember& member, Arena* arena, ParsedEvent* event) {
  if (member.key.size() > kNameBytesMax) return true;
  const uint64_t name = FastHash64(member.key);
  const uint64_t pair = Mix(pair_seed, name);
  const auto [known, is_new] = known_.try_emplace(pair);
  if (known->second.has_type) return true;
  const bool has_type =
      SeeProperty(DefinitionKind::kEventProperty, Mix(property_seed, name), member, arena, event);
  if (has_type) known_[pair].has_type = true;
  if (!is_new || IsSkippedPair(member.key)) return has_type;
  event->definitions.push_back({DefinitionKind::kEventPropertyPair, event->event,
                                WithoutNul(member.key, arena), std::nullopt});
  return has_type;
}

bool DefinitionScout::IsCompletelyKnown(const ParsedEvent& event, uint64_t* names_hash) const {
  uint64_t hash = Seed(DefinitionKind::kEvent, event.team.project_id, event.event);
  for (const JsonMember& member : event.properties) hash = WithName(hash, member);
  for (const auto* list : {&event.request.set, &event.request.set_once}) {
    hash = Mix(hash, list->size());
    for (const PropertyAssignment& assignment : *list) {
      if (!assignment.is_implied) hash = WithName(hash, assignment.member);
    }
  }
  *names_hash = hash;
  return complete_.contains(hash);
}

void DefinitionScout::Scan(Arena* arena, ParsedEvent* event) {
  if (event->event.size() > kNameBytesMax || event->event == "$$plugin_metrics") return;
  if (event->properties.size() > kUpdatesMax) return;
  if (known_.size() > kKnownMax || complete_.size() > kKnownMax) {
    known_.clear();
    complete_.clear();
  }
  SeeEvent(event);
  const TeamId project_id = event->team.project_id;
  if (event->event == "$groupidentify") {
    if (!event->is_group_identify) return;
    const uint64_t seed = Seed(DefinitionKind::kGroupProperty, project_id, event->group_type);
    for (const JsonMember& member : event->group_set) {
      if (member.key.size() > kNameBytesMax) continue;
      SeeProperty(DefinitionKind::kGroupProperty, Mix(seed, FastHash64(member.key)), member, arena,
                  event);
    }
    return;
  }
  uint64_t names_hash = 0;
  if (IsCompletelyKnown(*event, &names_hash)) return;
  bool is_complete = true;
  const uint64_t property_seed = Seed(DefinitionKind::kEventProperty, project_id, {});
  const uint64_t pair_seed = Seed(DefinitionKind::kEventPropertyPair, project_id, event->event);
  for (const JsonMember& member : event->properties) {
    if (!IsSkippedProperty(member.key)) {
      is_complete &= SeeOnEvent(property_seed, pair_seed, member, arena, event);
    }
  }
  const uint64_t person_seed = Seed(DefinitionKind::kPersonProperty, project_id, {});
  for (const auto* list : {&event->request.set, &event->request.set_once}) {
    for (const PropertyAssignment& assignment : *list) {
      if (assignment.is_implied || assignment.member.key.size() > kNameBytesMax) continue;
      is_complete &= SeeProperty(DefinitionKind::kPersonProperty,
                                 Mix(person_seed, FastHash64(assignment.member.key)),
                                 assignment.member, arena, event);
    }
  }
  if (is_complete) complete_.insert(names_hash);
}

}  // namespace hoglet
