#include "query/exec/interner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "tests/base/vector/vector_support.h"

namespace hoglet {
namespace {

TEST(U64Interner, NumbersInOrderOfFirstSight) {
  U64Interner interner;
  for (uint64_t i = 0; i < 10'000; ++i) EXPECT_EQ(interner.Intern(i * 7919), i);
  for (uint64_t i = 0; i < 10'000; ++i) EXPECT_EQ(interner.Find(i * 7919), i);
  EXPECT_EQ(interner.Find(1), kNoId);
  EXPECT_EQ(interner.size(), 10'000u);
}

TEST(ColumnInterner, NullIsAValueUnlessToldOtherwise) {
  const Vector column =
      BuildVector(Type(TypeKind::kString),
                  {std::string("a"), Datum(), std::string(""), Datum(), std::string("a")});
  std::vector<uint32_t> ids(5);
  ColumnInterner with(Type(TypeKind::kString));
  with.Intern(column, ids.data());
  EXPECT_EQ(ids, (std::vector<uint32_t>{0, 1, 2, 1, 0}));
  EXPECT_EQ(with.Values().Get(1), Datum());
  ColumnInterner without(Type(TypeKind::kString));
  without.Intern(column, ids.data(), /*nulls_as_values=*/false);
  EXPECT_EQ(ids, (std::vector<uint32_t>{0, kNoId, 1, kNoId, 0}));
}

TEST(ColumnInterner, OneNanAndOneZero) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Vector column = BuildVector(Type(TypeKind::kFloat64), {0.0, -0.0, nan, -nan, 1.0});
  std::vector<uint32_t> ids(5);
  ColumnInterner interner(Type(TypeKind::kFloat64));
  interner.Intern(column, ids.data());
  EXPECT_EQ(ids, (std::vector<uint32_t>{0, 0, 1, 1, 2}));
}

// Against a map of rows, for keys of several types and all forms.
TEST(RowInterner, AgreesWithAMapOfRows) {
  std::mt19937 random(42);
  const std::vector<Type> types = {Type(TypeKind::kString), Type(TypeKind::kInt64),
                                   Type(TypeKind::kUuid), Type::Array(Type(TypeKind::kUInt8))};
  RowInterner interner(types);
  std::map<std::string, uint32_t> model;
  std::vector<std::vector<Datum>> first_rows;
  for (int round = 0; round < 20; ++round) {
    const size_t rows = 1 + random() % 500;
    std::vector<std::vector<Datum>> columns(4);
    for (size_t i = 0; i < rows; ++i) {
      columns[0].push_back(random() % 10 == 0 ? Datum() : Datum(std::string(random() % 4, 'x')));
      columns[1].push_back(random() % 10 == 0 ? Datum()
                                              : Datum(static_cast<int64_t>(random() % 5)));
      columns[2].push_back(Datum(static_cast<Int128>(random() % 3) << 100));
      columns[3].push_back(Datum(std::vector<Datum>(random() % 3, Datum(int64_t{1}))));
    }
    std::vector<Vector> vectors;
    for (size_t c = 0; c < 4; ++c) vectors.push_back(BuildVector(types[c], columns[c]));
    std::vector<const Vector*> keys;
    for (const Vector& vector : vectors) keys.push_back(&vector);
    std::vector<uint32_t> groups(rows);
    interner.Intern(keys, rows, groups.data());
    RowFinder finder(interner);
    std::vector<uint32_t> found(rows);
    finder.Find(keys, rows, found.data());
    EXPECT_EQ(found, groups);
    for (size_t i = 0; i < rows; ++i) {
      std::string text;
      for (const auto& column : columns) {
        const Datum& value = column[i];
        text += value.is_null()                                ? "N"
                : std::holds_alternative<int64_t>(value.value) ? std::to_string(value.integer())
                : std::holds_alternative<Int128>(value.value)
                    ? std::to_string(static_cast<int64_t>(value.wide() >> 100))
                : value.value.index() == 4 ? "'" + value.string()
                                           : std::to_string(value.list().size());
        text += "|";
      }
      const auto [it, inserted] = model.try_emplace(text, static_cast<uint32_t>(model.size()));
      EXPECT_EQ(groups[i], it->second) << text;
      if (inserted)
        first_rows.push_back({columns[0][i], columns[1][i], columns[2][i], columns[3][i]});
    }
  }
  ASSERT_EQ(interner.size(), model.size());
  for (size_t c = 0; c < 4; ++c) {
    const Vector keys = interner.KeyColumn(c, interner.KeyValues(c), 0, interner.size());
    for (size_t g = 0; g < interner.size(); ++g) EXPECT_EQ(keys.Get(g), first_rows[g][c]);
  }
}

}  // namespace
}  // namespace hoglet
