#include "src/api/cohort_references.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/cohorts/cohort_definition.h"

namespace hoglet {
namespace {

// The ids in filters of the type "cohort", wherever they stand in a JSON value. Its nesting is
// bounded by the parser.
void CollectCohorts(const JsonMember& value, Arena* arena, std::set<int64_t>* ids) {
  if (value.kind != JsonKind::kRaw) return;
  std::vector<JsonMember> items;
  if (value.text.starts_with('[')) {
    if (!ParseJsonArray(value.text, arena, &items).ok()) return;
  } else if (!ParseJsonObject(value.text, arena, &items).ok()) {
    return;
  }
  const JsonMember* type = FindJsonMember(items, "type");
  const JsonMember* id = FindJsonMember(items, "value");
  if (type != nullptr && type->kind == JsonKind::kString && type->text == "cohort" &&
      id != nullptr) {
    int64_t number = id->integer;
    if (id->kind == JsonKind::kString && !absl::SimpleAtoi(ToAbsl(id->text), &number)) return;
    ids->insert(number);
    return;
  }
  for (const JsonMember& item : items) CollectCohorts(item, arena, ids);
}

bool IsTrue(const JsonObjectView& members, std::string_view key) {
  const JsonMember* member = FindJsonMember(members, key);
  return member != nullptr && member->kind == JsonKind::kBool && member->boolean;
}

}  // namespace

CohortGraph::CohortGraph(const Objects& cohorts) {
  for (const auto& [id, json] : cohorts) {
    const auto cohort = ReadCohort(*json);
    if (cohort.ok() && !cohort->is_deleted) Put(*cohort);
  }
}

void CohortGraph::Put(const Cohort& cohort) {
  Node& node = nodes_[cohort.id];
  node = Node();
  // Who is in a static one does not depend on anything.
  if (cohort.is_static || cohort.filters_json.empty()) return;
  const auto condition = ParseCohortFilters(cohort.filters_json);
  if (!condition.ok() || !condition->has_value()) return;
  node.refers_to = CohortsIn(**condition);
  node.is_behavioral = HasBehavior(**condition);
}

const std::vector<int64_t>& CohortGraph::ReferredBy(int64_t id) const {
  static const auto* const none = new std::vector<int64_t>;
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? *none : found->second.refers_to;
}

std::set<int64_t> CohortGraph::Closure(int64_t id) const {
  std::set<int64_t> reached = {id};
  std::vector<int64_t> open = {id};
  while (!open.empty()) {
    const int64_t next = open.back();
    open.pop_back();
    for (const int64_t other : ReferredBy(next)) {
      if (reached.insert(other).second) open.push_back(other);
    }
  }
  return reached;
}

bool CohortGraph::HasLoop(int64_t id) const {
  const auto& direct = ReferredBy(id);
  return std::any_of(direct.begin(), direct.end(),
                     [&](int64_t other) { return Closure(other).contains(id); });
}

bool CohortGraph::IsBehavioral(int64_t id) const {
  const std::set<int64_t> all = Closure(id);
  return std::any_of(all.begin(), all.end(), [&](int64_t other) {
    const auto found = nodes_.find(other);
    return found != nodes_.end() && found->second.is_behavioral;
  });
}

std::vector<std::string> FlagsUsing(const Objects& flags, const CohortGraph& cohorts, int64_t id) {
  std::vector<std::string> keys;
  for (const auto& [flag_id, json] : flags) {
    Arena arena;
    JsonObjectView flag;
    if (!ParseJsonObject(*json, &arena, &flag).ok()) continue;
    const JsonMember* filters = FindJsonMember(flag, "filters");
    const JsonMember* key = FindJsonMember(flag, "key");
    if (!IsTrue(flag, "active") || IsTrue(flag, "deleted") || filters == nullptr || key == nullptr)
      continue;
    std::set<int64_t> direct;
    CollectCohorts(*filters, &arena, &direct);
    if (std::any_of(direct.begin(), direct.end(),
                    [&](int64_t used) { return cohorts.Closure(used).contains(id); }))
      keys.emplace_back(key->text);
  }
  return keys;
}

}  // namespace hoglet
