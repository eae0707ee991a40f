#include "query/exec/column_numbers.h"

#include <gtest/gtest.h>

#include "tests/query/exec/numbered_column.h"

namespace hoglet {
namespace {

std::string TextOf(const Datum& value) {
  if (value.is_null()) return "NULL";
  return std::holds_alternative<Int128>(value.value)
             ? std::to_string(static_cast<uint64_t>(value.wide() >> 70))
             : value.string();
}

class NumberedInterner : public testing::TestWithParam<TypeKind> {};

// With numbers as without them, whether rows without a dictionary come never, late or throughout.
TEST_P(NumberedInterner, GivesTheIdsThatAPlainOneGives) {
  for (const int flat_from : {1000, 20, 0}) {
    NumberedColumn column(Type(GetParam()), 7);
    auto numbers = std::make_shared<ColumnNumbers>(column.type(), 1 << 20);
    ColumnInterner plain(column.type());
    ColumnInterner numbered(column.type());
    numbered.UseNumbers(numbers);
    for (int round = 0; round < 40; ++round) {
      const Vector rows = column.Rows(round < flat_from || round % 3 != 0);
      std::vector<uint32_t> expected(rows.size());
      std::vector<uint32_t> ids(rows.size());
      plain.Intern(rows, expected.data());
      numbered.Intern(rows, ids.data());
      ASSERT_EQ(ids, expected) << round;
    }
    ASSERT_EQ(numbered.size(), plain.size());
    for (size_t id = 0; id < plain.size(); ++id)
      EXPECT_EQ(numbered.Values().Get(id), plain.Values().Get(id));
    EXPECT_EQ(numbered.Values(3, 5).Get(4), plain.Values().Get(7));
  }
}

TEST_P(NumberedInterner, TakesOverAnother) {
  for (const bool mixed : {false, true}) {
    NumberedColumn column(Type(GetParam()), 11);
    auto numbers = std::make_shared<ColumnNumbers>(column.type(), 1 << 20);
    ColumnInterner interners[2] = {ColumnInterner(column.type()), ColumnInterner(column.type())};
    for (ColumnInterner& interner : interners) {
      interner.UseNumbers(numbers);
      for (int round = 0; round < 5; ++round) {
        const Vector rows = column.Rows(!mixed || round != 3);
        std::vector<uint32_t> ids(rows.size());
        interner.Intern(rows, ids.data());
      }
    }
    std::vector<uint32_t> ids;
    interners[0].InternAll(interners[1], &ids);
    ASSERT_EQ(ids.size(), interners[1].size());
    for (size_t id = 0; id < ids.size(); ++id)
      EXPECT_EQ(interners[0].Values().Get(ids[id]), interners[1].Values().Get(id));
    std::map<std::string, int> seen;
    for (size_t id = 0; id < interners[0].size(); ++id)
      EXPECT_EQ(++seen[TextOf(interners[0].Values().Get(id))], 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, NumberedInterner,
                         testing::Values(TypeKind::kString, TypeKind::kUuid));

TEST(ColumnNumbers, EqualValuesHaveEqualNumbersInAllDictionaries) {
  const Type type(TypeKind::kString);
  const auto dictionary = [&](std::vector<Datum> values) {
    return std::make_shared<const Vector>(BuildVector(type, values));
  };
  ColumnNumbers numbers(type, 1 << 20);
  const auto first = dictionary({std::string("a"), std::string("b"), std::string("c")});
  const auto second = dictionary({std::string("b"), std::string("d"), Datum()});
  EXPECT_EQ(numbers.Of(first)->of_code, (std::vector<uint32_t>{0, 1, 2}));
  EXPECT_EQ(numbers.Of(second)->of_code, (std::vector<uint32_t>{1, 3, 4}));
  EXPECT_EQ(numbers.Of(second)->limit, 5u);
  EXPECT_EQ(numbers.Of(first), numbers.Of(first));
}

TEST(ColumnNumbers, AreMadeWhenEnoughRowsHaveAsked) {
  const Type type(TypeKind::kString);
  std::vector<Datum> values;
  for (int i = 0; i < 1000; ++i) values.emplace_back(std::to_string(i));
  const auto dictionary = std::make_shared<const Vector>(BuildVector(type, values));
  ColumnNumbers numbers(type, 1 << 20);
  EXPECT_EQ(numbers.Of(dictionary, 0), nullptr);
  EXPECT_EQ(numbers.Of(dictionary, 100), nullptr);
  EXPECT_EQ(numbers.Of(dictionary, 24), nullptr);
  EXPECT_EQ(numbers.MemoryBytes(), ColumnNumbers(type, 1).MemoryBytes());
  EXPECT_NE(numbers.Of(dictionary, 1), nullptr);
  EXPECT_NE(numbers.Of(dictionary, 0), nullptr);
}

TEST(ColumnNumbers, RefusesWhenFullAndKnowsWhenItsValuesHaveGone) {
  const Type type(TypeKind::kString);
  ColumnNumbers numbers(type, 100'000);
  std::vector<std::shared_ptr<const Vector>> dictionaries;
  for (int d = 0; d < 100; ++d) {
    std::vector<Datum> values;
    for (int i = 0; i < 100; ++i) values.emplace_back(std::to_string(d * 100 + i));
    dictionaries.push_back(std::make_shared<const Vector>(BuildVector(type, values)));
  }
  size_t kept = 0;
  while (kept < dictionaries.size() && numbers.Of(dictionaries[kept]) != nullptr) ++kept;
  EXPECT_GT(kept, 1u);
  EXPECT_LT(kept, dictionaries.size());
  EXPECT_FALSE(numbers.OutOfDate());
  dictionaries.erase(dictionaries.begin(), dictionaries.begin() + static_cast<long>(kept));
  EXPECT_EQ(numbers.Of(dictionaries[0]), nullptr);
  EXPECT_TRUE(numbers.OutOfDate());
}

TEST(PairInterner, AgreesWithAMapWhateverTheRange) {
  std::mt19937 random(3);
  for (const uint32_t range : {3u, 700u, 1u << 20}) {
    PairInterner pairs;
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> model;
    for (uint32_t round = 1; round <= 20; ++round) {
      const uint32_t limit = 1 + range * round / 20;
      std::vector<uint32_t> left(500);
      std::vector<uint32_t> right(500);
      for (size_t i = 0; i < left.size(); ++i) {
        left[i] = random() % 20 == 0 ? kNoId : random() % limit;
        right[i] = random() % 20 == 0 ? kNoId : random() % limit;
      }
      std::vector<uint32_t> ids = left;
      pairs.Intern({limit, limit}, right.data(), ids.size(), ids.data());
      for (size_t i = 0; i < ids.size(); ++i) {
        if (left[i] == kNoId || right[i] == kNoId) {
          EXPECT_EQ(ids[i], kNoId);
          continue;
        }
        const auto [entry, inserted] =
            model.try_emplace({left[i], right[i]}, static_cast<uint32_t>(model.size()));
        EXPECT_EQ(ids[i], entry->second);
        EXPECT_EQ(pairs.Find(left[i], right[i]), entry->second);
      }
    }
    EXPECT_EQ(pairs.size(), model.size());
    EXPECT_EQ(pairs.Find(range + 5, 0), kNoId);
  }
}

}  // namespace
}  // namespace hoglet
