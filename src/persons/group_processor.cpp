#include "src/persons/group_processor.h"

#include <memory>
#include <utility>

#include "include/hoglet/status.h"

namespace hoglet {

absl::StatusOr<int> GroupProcessor::TypeIndex(TeamId project_id, std::string_view type) {
  auto it = types_.find(project_id);
  if (it == types_.end()) {
    HOGLET_ASSIGN_OR_RETURN(std::vector<std::string> types, store_->LookupGroupTypes(project_id));
    it = types_.emplace(project_id, std::move(types)).first;
  }
  std::vector<std::string>& types = it->second;
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] == type) return static_cast<int>(i);
  }
  if (types.size() >= static_cast<size_t>(kGroupTypesMax)) return -1;
  types.emplace_back(type);
  store_->PutGroupTypes(project_id, types);
  return static_cast<int>(types.size() - 1);
}

absl::Status GroupProcessor::Apply(const Identify& identify) {
  HOGLET_ASSIGN_OR_RETURN(const int index, TypeIndex(identify.project_id, identify.type));
  if (index < 0) return absl::OkStatus();
  HOGLET_ASSIGN_OR_RETURN(const GroupPtr present,
                          store_->LookupGroup(identify.team_id, index, identify.key));
  auto group = std::make_shared<Group>();
  if (present == nullptr) {
    group->team_id = identify.team_id;
    group->type_index = index;
    group->key = std::string(identify.key);
    group->created_at_us = identify.timestamp_us;
    group->updated_at_us = identify.received_at_us;
    group->version = 1;
    group->properties = PropertySet::FromMembers(*identify.properties);
    store_->PutGroup(std::move(group));
    return absl::OkStatus();
  }
  JsonObjectView members = present->properties->members();
  bool has_changed = false;
  for (const JsonMember& member : *identify.properties) {
    const JsonMember* old = present->properties->Find(member.key);
    if (old == nullptr) {
      members.push_back(member);
    } else if (StrictlyEqual(*old, member)) {
      continue;
    } else {
      members[static_cast<size_t>(old - present->properties->members().data())] = member;
    }
    has_changed = true;
  }
  if (!has_changed) return absl::OkStatus();
  *group = *present;
  group->updated_at_us = identify.received_at_us;
  group->version = present->version + 1;
  group->properties = PropertySet::FromMembers(members);
  store_->PutGroup(std::move(group));
  return absl::OkStatus();
}

}  // namespace hoglet
