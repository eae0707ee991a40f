#include "src/api/override_map.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "include/hoglet/person_store.h"
#include "storage/schema.h"

namespace hoglet {
namespace {

// Beyond so many changed ids to one of a dictionary, it is asked for anew as a whole.
constexpr size_t kEntriesPerChange = 16;
constexpr size_t kIdsAtOnce = 4096;

struct Change {
  uint32_t code;  // of a distinct id in its dictionary
  Uuid person;    // the nil UUID: as stored
};

// `base`, which has so many ids, with other persons for some of them.
std::shared_ptr<const Repointed> With(const Repointed& base, const std::vector<Change>& changes,
                                      size_t ids, const std::shared_ptr<const Vector>& stored) {
  auto out = std::make_shared<Repointed>(base);
  out->code_of_id.resize(ids, Repointed::kStored);
  const Vector& before = base.persons != nullptr ? *base.persons : *stored;
  absl::flat_hash_map<std::array<uint8_t, 16>, uint32_t> codes;
  std::vector<Int128> added;
  for (const auto& [code, person] : changes) {
    if (IsNilUuid(person)) {
      out->code_of_id[code] = Repointed::kStored;
      continue;
    }
    const auto next = static_cast<uint32_t>(before.size() + added.size());
    const auto [entry, inserted] = codes.try_emplace(person.bytes, next);
    if (inserted) added.push_back(UuidToInt128(person));
    out->code_of_id[code] = entry->second;
  }
  if (added.empty() && base.persons == nullptr) {
    out->code_of_id = {};
    return out;
  }
  if (added.empty()) return out;
  Vector whole = Vector::Flat(before.type(), before.size() + added.size());
  std::copy(added.begin(), added.end(),
            std::copy_n(before.data<Int128>(), before.size(), whole.mutable_data<Int128>()));
  for (size_t i = 0; i < before.size() && before.MayHaveNulls(); ++i) {
    if (before.IsNull(i)) whole.SetNull(i);
  }
  out->persons = std::make_shared<const Vector>(std::move(whole));
  return out;
}

// The values of a flat vector.
std::span<const std::string_view> TextsOf(const Vector& ids) {
  return {ids.data<std::string_view>(),
          ids.is_constant() ? std::min<size_t>(1, ids.size()) : ids.size()};
}

}  // namespace

RepointedCache::Found RepointedCache::Find(const Key& key) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(AddressesOf(key));
  if (found == entries_.end() || !IsOf(found->second, key)) return {};
  return {found->second.repointed, found->second.version};
}

std::shared_ptr<const Repointed> RepointedCache::Insert(
    const Key& key, uint64_t version, std::shared_ptr<const Repointed> repointed) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(AddressesOf(key));
  if (found != entries_.end() && IsOf(found->second, key) && found->second.version >= version)
    return found->second.repointed;
  const size_t bytes = kEntryBytes + repointed->bytes();
  if (bytes > bytes_max_) return repointed;
  if (bytes_ + bytes > bytes_max_) MakeRoom();
  Entry& entry = entries_[AddressesOf(key)];
  bytes_ += bytes - entry.bytes;
  entry = {version, key.distinct_ids, key.person_ids, repointed, bytes};
  return repointed;
}

// Forgets entries that nobody can find any more or, if they are few, all.
void RepointedCache::MakeRoom() {
  absl::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    const bool is_dead = entry.distinct_ids.expired() || entry.person_ids.expired();
    if (is_dead) bytes_ -= entry.bytes;
    return is_dead;
  });
  if (bytes_ <= bytes_max_ / 2) return;
  entries_.clear();
  bytes_ = 0;
}

OverrideMap::OverrideMap(const PersonReader* persons, TeamId team, RepointedCache* cache)
    : persons_(persons), team_(team), version_(persons->overrides_version(team)), cache_(cache) {}

Vector OverrideMap::Apply(Vector person_ids, const Vector& distinct_ids) {
  const bool both = person_ids.form() == Vector::Form::kDictionary &&
                    distinct_ids.form() == Vector::Form::kDictionary;
  return both ? ApplyToDictionary(person_ids, distinct_ids)
              : ApplyToRows(std::move(person_ids), distinct_ids);
}

std::vector<Uuid> OverrideMap::Lookup(std::span<const std::string_view> ids) const {
  std::vector<Uuid> persons(ids.size());
  // Who takes events in waits for each call.
  for (size_t i = 0; i < ids.size(); i += kIdsAtOnce) {
    const size_t count = std::min(kIdsAtOnce, ids.size() - i);
    persons_->ApplyOverrides(team_, ids.subspan(i, count), std::span(persons).subspan(i, count));
  }
  return persons;
}

Vector OverrideMap::ApplyToRows(Vector person_ids, const Vector& distinct_ids) const {
  const bool is_dictionary = distinct_ids.form() == Vector::Form::kDictionary;
  const std::vector<Uuid> persons =
      Lookup(TextsOf(is_dictionary ? *distinct_ids.dictionary() : distinct_ids));
  const auto re_pointed = [](const Uuid& person) { return !IsNilUuid(person); };
  if (std::none_of(persons.begin(), persons.end(), re_pointed)) return person_ids;
  Vector out = Vector::Flat(person_ids.type(), person_ids.size());
  auto* values = out.mutable_data<Int128>();
  const VectorReader<Int128> stored(person_ids);
  const VectorReader<std::string_view> ids(distinct_ids);
  for (size_t i = 0; i < person_ids.size(); ++i) {
    const Uuid& person = persons[ids.position(i)];
    values[i] = re_pointed(person) ? UuidToInt128(person) : stored.at(i);
  }
  return out;
}

Vector OverrideMap::ApplyToDictionary(const Vector& person_ids, const Vector& distinct_ids) {
  const std::shared_ptr<const Repointed> repointed =
      RepointedOf({team_, distinct_ids.dictionary(), person_ids.dictionary()});
  if (repointed->persons == nullptr) return person_ids;
  std::shared_ptr<uint32_t[]> codes(new uint32_t[person_ids.size()]);
  for (size_t i = 0; i < person_ids.size(); ++i) {
    const uint32_t code = repointed->code_of_id[distinct_ids.codes()[i]];
    codes[i] = code == Repointed::kStored ? person_ids.codes()[i] : code;
  }
  return Vector::Dictionary(repointed->persons, std::move(codes), person_ids.size());
}

std::shared_ptr<const Repointed> OverrideMap::RepointedOf(const RepointedCache::Key& key) {
  const RepointedCache::Found known = cache_->Find(key);
  if (known.repointed != nullptr && known.version >= version_) return known.repointed;
  std::shared_ptr<const Repointed> repointed = Patched(key, known);
  if (repointed == nullptr) repointed = FromScratch(key);
  return cache_->Insert(key, version_, std::move(repointed));
}

std::shared_ptr<const Repointed> OverrideMap::Patched(const RepointedCache::Key& key,
                                                      const RepointedCache::Found& known) {
  if (known.repointed == nullptr || !known.repointed->has_sorted_ids) return nullptr;
  // Persons that patches have left behind are thrown away now and then.
  const size_t stored = key.person_ids->size();
  if (known.repointed->persons != nullptr && known.repointed->persons->size() > 2 * stored + 1024)
    return nullptr;
  const std::span<const std::string_view> ids = TextsOf(*key.distinct_ids);
  const auto changed_ids = ChangesSince(known.version);
  if (changed_ids == nullptr || changed_ids->size() * kEntriesPerChange > ids.size())
    return nullptr;
  std::vector<Change> changes;
  std::vector<std::string_view> found;
  for (const std::string& id : *changed_ids) {
    const auto place = std::lower_bound(ids.begin(), ids.end(), std::string_view(id));
    if (place == ids.end() || *place != id) continue;
    changes.push_back({static_cast<uint32_t>(place - ids.begin()), Uuid()});
    found.push_back(*place);
  }
  if (changes.empty()) return known.repointed;
  const std::vector<Uuid> persons = Lookup(found);
  for (size_t i = 0; i < found.size(); ++i) changes[i].person = persons[i];
  return With(*known.repointed, changes, ids.size(), key.person_ids);
}

std::shared_ptr<const Repointed> OverrideMap::FromScratch(const RepointedCache::Key& key) const {
  const std::span<const std::string_view> ids = TextsOf(*key.distinct_ids);
  const std::vector<Uuid> persons = Lookup(ids);
  std::vector<Change> changes;
  for (size_t i = 0; i < persons.size(); ++i) {
    if (!IsNilUuid(persons[i])) changes.push_back({static_cast<uint32_t>(i), persons[i]});
  }
  Repointed stored;
  stored.has_sorted_ids = std::is_sorted(ids.begin(), ids.end());
  return With(stored, changes, ids.size(), key.person_ids);
}

std::shared_ptr<const OverrideMap::Ids> OverrideMap::ChangesSince(uint64_t version) {
  std::lock_guard lock(mutex_);
  const auto known = changes_.find(version);
  if (known != changes_.end()) return known->second;
  std::shared_ptr<Ids> ids;
  if (auto changed = persons_->OverridesChangedSince(team_, version)) {
    ids = std::make_shared<Ids>(*std::move(changed));
    std::sort(ids->begin(), ids->end());
    ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
  }
  changes_[version] = ids;
  return ids;
}

}  // namespace hoglet
