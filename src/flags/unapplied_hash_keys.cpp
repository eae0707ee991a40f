#include "src/flags/unapplied_hash_keys.h"

#include <algorithm>

namespace hoglet {

void UnappliedHashKeys::AddTo(TeamId team, uint64_t applied, PersonStore::Facts* facts) {
  std::lock_guard lock(mutex_);
  const auto is_applied = [applied](const std::optional<uint64_t>& offset) {
    return offset.has_value() && *offset < applied;
  };
  while (!writes_.empty() && is_applied(writes_.front().offset)) PopLocked();
  AddKeysLocked(team, facts->person, &facts->hash_keys);
  AddKeysLocked(team, facts->other_person, &facts->other_hash_keys);
}

void UnappliedHashKeys::AddKeysLocked(TeamId team, const PersonPtr& person,
                                      PersonStore::FlagHashKeys* keys) const {
  if (person == nullptr || keys_.empty()) return;
  const auto found = keys_.find({team, person->id});
  if (found == keys_.end()) return;
  for (const auto& [flag, key] : found->second) {
    const auto at = std::lower_bound(
        keys->begin(), keys->end(), flag,
        [](const auto& entry, const std::string& name) { return entry.first < name; });
    if (at == keys->end() || at->first != flag) keys->insert(at, {flag, key.hash_key});
  }
}

// Whoever is first decides, as in the store.
uint64_t UnappliedHashKeys::Add(const FlagHashKeyWrite& write) {
  std::lock_guard lock(mutex_);
  if (writes_.size() >= kWritesMax) PopLocked();
  const uint64_t number = first_number_ + writes_.size();
  writes_.push_back({std::nullopt, write});
  for (const Uuid& person : write.persons) {
    auto& keys = keys_[{write.team_id, person}];
    for (const std::string& flag : write.flags) keys.try_emplace(flag, Key{write.hash_key, number});
  }
  return number;
}

void UnappliedHashKeys::Sent(uint64_t number, const absl::StatusOr<uint64_t>& offset) {
  std::lock_guard lock(mutex_);
  if (number < first_number_) return;  // forgotten early
  Write& write = writes_[number - first_number_];
  if (!offset.ok()) RemoveKeysLocked(number, write.write);
  write.offset = offset.ok() ? *offset : 0;
}

void UnappliedHashKeys::RemoveKeysLocked(uint64_t number, const FlagHashKeyWrite& write) {
  for (const Uuid& person : write.persons) {
    const auto found = keys_.find({write.team_id, person});
    if (found == keys_.end()) continue;
    std::erase_if(found->second, [&](const auto& key) { return key.second.number == number; });
    if (found->second.empty()) keys_.erase(found);
  }
}

void UnappliedHashKeys::PopLocked() {
  RemoveKeysLocked(first_number_, writes_.front().write);
  writes_.pop_front();
  ++first_number_;
}

}  // namespace hoglet
