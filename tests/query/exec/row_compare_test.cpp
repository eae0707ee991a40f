#include "query/exec/row_compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "tests/base/vector/vector_support.h"

namespace hoglet {
namespace {

TEST(SortedRows, NullAndNanComeLastInBothDirections) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Batch batch{
      .columns = {BuildVector(Type(TypeKind::kFloat64),
                              {Datum(), 2.0, nan, -1.0, -std::numeric_limits<double>::infinity()})},
      .rows = 5};
  EXPECT_EQ(SortedRows(batch, {{0, false}}), (std::vector<uint32_t>{4, 3, 1, 2, 0}));
  EXPECT_EQ(SortedRows(batch, {{0, true}}), (std::vector<uint32_t>{1, 3, 4, 2, 0}));
}

TEST(SortedRows, UnsignedAndSignedDiffer) {
  Batch batch{.columns = {BuildVector(Type(TypeKind::kUInt64), {int64_t{-1}, int64_t{5}}),
                          BuildVector(Type(TypeKind::kInt64), {int64_t{-1}, int64_t{5}})},
              .rows = 2};
  EXPECT_EQ(SortedRows(batch, {{0, false}}), (std::vector<uint32_t>{1, 0}));
  EXPECT_EQ(SortedRows(batch, {{1, false}}), (std::vector<uint32_t>{0, 1}));
}

TEST(SortedRows, IsStableAndEqualsAPlainSort) {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    const size_t rows = random() % 300;
    std::vector<Datum> strings;
    std::vector<Datum> integers;
    for (size_t i = 0; i < rows; ++i) {
      strings.push_back(
          random() % 8 == 0
              ? Datum()
              : Datum(std::string(random() % 3, 'p') +
                      std::string("prefix-longer-than-a-word").substr(random() % 20)));
      integers.push_back(Datum(static_cast<int64_t>(random() % 7) - 3));
    }
    Batch batch{.columns = {BuildVector(Type(TypeKind::kString), strings),
                            BuildVector(Type(TypeKind::kInt64), integers)},
                .rows = rows};
    const std::vector<SortKey> keys = {{0, round % 2 == 0}, {1, round % 3 == 0}};
    std::vector<uint32_t> expected(rows);
    std::iota(expected.begin(), expected.end(), 0);
    std::stable_sort(expected.begin(), expected.end(), [&](uint32_t a, uint32_t b) {
      return CompareRows(batch, a, batch, b, keys) < 0;
    });
    EXPECT_EQ(SortedRows(batch, keys), expected);
    expected.resize(std::min<size_t>(rows, 10));
    EXPECT_EQ(SortedRows(batch, keys, 10), expected);
  }
}

}  // namespace
}  // namespace hoglet
