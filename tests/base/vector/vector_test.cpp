#include "src/base/vector/vector.h"

#include <gtest/gtest.h>

#include "tests/base/vector/vector_support.h"

namespace hoglet {
namespace {

Vector Integers(const std::vector<Datum>& values) {
  return BuildVector(Type(TypeKind::kInt64), values);
}

Vector Dictionary(const std::vector<Datum>& values, const std::vector<uint32_t>& codes) {
  auto dictionary = std::make_shared<const Vector>(Integers(values));
  std::shared_ptr<uint32_t[]> copy(new uint32_t[codes.size()]);
  std::copy(codes.begin(), codes.end(), copy.get());
  return Vector::Dictionary(dictionary, copy, codes.size());
}

std::vector<Datum> Values(const Vector& vector) {
  std::vector<Datum> out;
  for (size_t i = 0; i < vector.size(); ++i) out.push_back(vector.Get(i));
  return out;
}

const Datum kNull;

// The same logical rows in every form behave alike.
struct FormCase {
  const char* name;
  Vector vector;
  std::vector<Datum> rows;
};

class VectorForms : public testing::TestWithParam<FormCase> {};

TEST_P(VectorForms, ReadAlike) {
  const auto& [name, vector, rows] = GetParam();
  EXPECT_EQ(Values(vector), rows);
  EXPECT_EQ(Values(vector.Flatten()), rows);
  EXPECT_EQ(vector.Flatten().form(), Vector::Form::kFlat);
  const VectorReader<int64_t> reader(vector);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(reader.valid(i), !rows[i].is_null());
    if (!rows[i].is_null()) {
      EXPECT_EQ(reader.at(i), rows[i].integer());
    }
  }
}

TEST_P(VectorForms, GatherSliceAndConcat) {
  const auto& [name, vector, rows] = GetParam();
  const Selection picked = {0, 2, 2, 3};
  std::vector<Datum> expected;
  for (uint16_t row : picked) expected.push_back(rows[row]);
  EXPECT_EQ(Values(vector.Gather(picked)), expected);
  EXPECT_EQ(vector.Gather(picked).form(), vector.form());
  EXPECT_EQ(Values(vector.Slice(1, 2)), (std::vector<Datum>{rows[1], rows[2]}));
  const Vector parts[] = {vector, vector.Slice(0, 1)};
  std::vector<Datum> joined = rows;
  joined.push_back(rows[0]);
  EXPECT_EQ(Values(Vector::Concat(parts)), joined);
}

INSTANTIATE_TEST_SUITE_P(
    All, VectorForms,
    testing::Values(
        FormCase{"flat", Integers({1, 2, 3, 4}), {1, 2, 3, 4}},
        FormCase{"flat with nulls", Integers({1, kNull, 3, kNull}), {1, kNull, 3, kNull}},
        FormCase{"constant",
                 Vector::Constant(Type(TypeKind::kInt64), Datum(int64_t{7}), 4),
                 {7, 7, 7, 7}},
        FormCase{"null constant",
                 Vector::NullConstant(Type(TypeKind::kInt64), 4),
                 {kNull, kNull, kNull, kNull}},
        FormCase{"dictionary", Dictionary({10, kNull, 30}, {2, 1, 0, 2}), {30, kNull, 10, 30}}),
    [](const auto& info) {
      std::string name = info.param.name;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST(Vector, ConcatOfOneDictionaryKeepsIt) {
  const Vector whole = Dictionary({1, 2}, {0, 1, 1});
  const Vector parts[] = {whole.Slice(0, 2), whole.Slice(2, 1)};
  const Vector joined = Vector::Concat(parts);
  EXPECT_EQ(joined.form(), Vector::Form::kDictionary);
  EXPECT_EQ(joined.dictionary(), whole.dictionary());
}

TEST(Vector, StringsOutliveTheirBuilder) {
  Vector vector;
  {
    VectorBuilder builder(Type(TypeKind::kString));
    builder.AppendString(std::string(100'000, 'x'));
    builder.AppendString("short");
    vector = builder.Build().Gather(Selection{1, 0});
  }
  EXPECT_EQ(vector.Get(0), Datum(std::string("short")));
  EXPECT_EQ(vector.Get(1).string().size(), 100'000u);
}

TEST(Vector, NestedValues) {
  const Type type =
      Type::Array(Type::Tuple({Type(TypeKind::kString), Type(TypeKind::kInt64).Nullable()}));
  VectorBuilder builder(type);
  const Datum row = std::vector<Datum>{std::vector<Datum>{std::string("a"), int64_t{1}},
                                       std::vector<Datum>{std::string("b"), Datum()}};
  builder.Append(row);
  builder.Append(Datum(std::vector<Datum>{}));
  builder.Append(row);
  const Vector vector = builder.Build();
  EXPECT_EQ(Values(vector), (std::vector<Datum>{row, Datum(std::vector<Datum>{}), row}));
  EXPECT_EQ(Values(vector.Gather(Selection{2, 1})),
            (std::vector<Datum>{row, Datum(std::vector<Datum>{})}));
  const Vector constant = Vector::Constant(type, row, 3);
  EXPECT_EQ(Values(constant.Flatten()), (std::vector<Datum>{row, row, row}));
}

TEST(Vector, MapIsAnArrayOfPairs) {
  VectorBuilder builder(Type::Map(Type(TypeKind::kString), Type(TypeKind::kUInt8)));
  const Datum row = std::vector<Datum>{std::vector<Datum>{std::string("k"), int64_t{5}}};
  builder.Append(row);
  EXPECT_EQ(builder.Build().Get(0), row);
}

}  // namespace
}  // namespace hoglet
