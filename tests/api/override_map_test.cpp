#include "src/api/override_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include "include/hoglet/person_store.h"
#include "src/base/strings.h"
#include "storage/schema.h"
#include "tests/base/vector/vector_support.h"

namespace hoglet {
namespace {

constexpr TeamId kTeam = 7;
constexpr int kIds = 3000;

std::string IdOf(int i) { return StrCat("id ", 10'000 + i); }
Uuid PersonOf(int i) {
  Uuid uuid;
  uuid.bytes[0] = 1;
  for (int byte = 0; byte < 4; ++byte) uuid.bytes[15 - byte] = static_cast<uint8_t>(i >> 8 * byte);
  return uuid;
}

// Overrides in a map, with the last few changes.
class Overrides final : public PersonReader {
 public:
  void Set(int id, int person) {
    if (person < 0) {
      people_.erase(IdOf(id));
    } else {
      people_[IdOf(id)] = PersonOf(person);
    }
    changes_.push_back(IdOf(id));
  }
  void ForgetChanges() { known_from_ = changes_.size(); }
  size_t asked() const { return asked_; }

  void ApplyOverrides(TeamId, std::span<const std::string_view> distinct_ids,
                      std::span<Uuid> person_ids) const override {
    asked_ += distinct_ids.size();
    for (size_t i = 0; i < distinct_ids.size(); ++i) {
      const auto found = people_.find(std::string(distinct_ids[i]));
      if (found != people_.end()) person_ids[i] = found->second;
    }
  }
  uint64_t overrides_version(TeamId) const override { return changes_.size(); }
  std::optional<std::vector<std::string>> OverridesChangedSince(TeamId,
                                                                uint64_t version) const override {
    if (version < known_from_) return std::nullopt;
    return std::vector<std::string>(changes_.begin() + static_cast<ptrdiff_t>(version),
                                    changes_.end());
  }
  absl::Status VisitPersons(TeamId,
                            const std::function<bool(const PersonRecord&)>&) const override {
    return absl::UnimplementedError("");
  }
  absl::Status VisitDistinctIds(
      TeamId, const std::function<bool(const DistinctIdRecord&)>&) const override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::optional<PersonRecord>> FindByDistinctId(TeamId,
                                                               std::string_view) const override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::optional<PersonRecord>> FindById(TeamId, const Uuid&) const override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<std::string>> FindDistinctIds(TeamId, const Uuid&) const override {
    return absl::UnimplementedError("");
  }

 private:
  std::map<std::string, Uuid> people_;
  std::vector<std::string> changes_;
  size_t known_from_ = 0;
  mutable size_t asked_ = 0;
};

// Rows of a part: ids and the persons they were written with.
struct Rows {
  Vector ids;
  Vector persons;
};

Rows MakeRows(bool sorted, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int> numbers;
  for (int i = 0; i < kIds; ++i) {
    if (random() % 2 == 0) numbers.push_back(i);
  }
  if (!sorted) std::shuffle(numbers.begin(), numbers.end(), random);
  std::vector<Datum> ids;
  std::vector<Datum> persons;
  for (const int number : numbers) {
    ids.emplace_back(IdOf(number));
    persons.emplace_back(UuidToInt128(PersonOf(number)));
  }
  const auto count = static_cast<uint32_t>(numbers.size());
  std::shared_ptr<uint32_t[]> codes(new uint32_t[2 * count]);
  for (uint32_t i = 0; i < 2 * count; ++i) codes[i] = static_cast<uint32_t>(random() % count);
  const auto rows_of = [&](TypeKind kind, const std::vector<Datum>& values) {
    return Vector::Dictionary(std::make_shared<const Vector>(BuildVector(Type(kind), values)),
                              codes, 2 * count);
  };
  return {rows_of(TypeKind::kString, ids), rows_of(TypeKind::kUuid, persons)};
}

void ExpectApplied(const Overrides& overrides, const Rows& rows, const Vector& got) {
  for (size_t i = 0; i < rows.ids.size(); ++i) {
    const std::string id = rows.ids.Get(i).string();
    Uuid person;
    const std::string_view view = id;
    overrides.ApplyOverrides(kTeam, {&view, 1}, {&person, 1});
    const Datum expected = IsNilUuid(person) ? rows.persons.Get(i) : Datum(UuidToInt128(person));
    ASSERT_EQ(got.Get(i), expected) << i << " " << id;
  }
}

TEST(OverrideMap, FollowsTheOverridesWhateverIsCached) {
  for (const uint64_t bytes_max : {uint64_t{0}, uint64_t{100'000}, uint64_t{1} << 24}) {
    Overrides overrides;
    RepointedCache cache(bytes_max);
    std::mt19937 random(5);
    const Rows parts[] = {MakeRows(true, 1), MakeRows(false, 2), MakeRows(true, 3)};
    EXPECT_FALSE(OverrideMap(&overrides, kTeam, &cache).any());
    for (int round = 0; round < 60; ++round) {
      const int changes = round % 10 == 9 ? 500 : static_cast<int>(random() % 5);
      for (int i = 0; i < changes || round == 0; ++i) {
        overrides.Set(static_cast<int>(random() % kIds),
                      static_cast<int>(random() % (2 * kIds)) - kIds / 2);
        if (round == 0) break;
      }
      if (round % 7 == 6) overrides.ForgetChanges();
      OverrideMap map(&overrides, kTeam, &cache);
      ASSERT_TRUE(map.any());
      for (const Rows& part : parts) {
        if (random() % 4 == 0) continue;  // some are not looked at every time
        ExpectApplied(overrides, part, map.Apply(part.persons, part.ids));
        ExpectApplied(overrides, part, map.Apply(part.persons.Flatten(), part.ids.Flatten()));
      }
    }
  }
}

TEST(OverrideMap, AsksOnlyForWhatHasChanged) {
  Overrides overrides;
  RepointedCache cache(1 << 24);
  const Rows part = MakeRows(true, 1);
  overrides.Set(1, 2);
  (void)OverrideMap(&overrides, kTeam, &cache).Apply(part.persons, part.ids);
  const size_t first = overrides.asked();
  EXPECT_GE(first, part.ids.dictionary()->size());
  for (int i = 0; i < 10; ++i) overrides.Set(i, 100 + i);
  (void)OverrideMap(&overrides, kTeam, &cache).Apply(part.persons, part.ids);
  EXPECT_LE(overrides.asked() - first, 10u);
  // Nothing of this part: what is known stays the same object, and with it what others know of it.
  const Vector before = OverrideMap(&overrides, kTeam, &cache).Apply(part.persons, part.ids);
  overrides.Set(kIds + 5, 1);
  const Vector after = OverrideMap(&overrides, kTeam, &cache).Apply(part.persons, part.ids);
  EXPECT_EQ(before.dictionary(), after.dictionary());
}

// Persons that no id belongs to any longer do not pile up.
TEST(OverrideMap, DictionariesDoNotGrowForEver) {
  Overrides overrides;
  RepointedCache cache(1 << 24);
  const Rows part = MakeRows(true, 1);
  size_t largest = 0;
  for (int round = 0; round < 2000; ++round) {
    for (int i = 0; i < 20; ++i) overrides.Set(i, 10'000 + round * 20 + i);
    OverrideMap map(&overrides, kTeam, &cache);
    const Vector rows = map.Apply(part.persons, part.ids);
    largest = std::max(largest, rows.dictionary()->size());
  }
  EXPECT_LE(largest, 2 * part.persons.dictionary()->size() + 1100);
}

}  // namespace
}  // namespace hoglet
