#include "query/exec/spill_codec.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "query/exec/spill.h"

// Rows of every type to bytes and back, and bytes that are none.

namespace hoglet {
namespace {

// Every kind of column, nullable and not, nested too.
std::vector<Type> AllTypes() {
  std::vector<Type> types = {Type(TypeKind::kNothing).Nullable(),
                             Type(TypeKind::kBool),
                             Type(TypeKind::kUInt8),
                             Type(TypeKind::kInt32),
                             Type(TypeKind::kUInt64),
                             Type(TypeKind::kInt128),
                             Type(TypeKind::kFloat32),
                             Type(TypeKind::kFloat64),
                             Type::Decimal(9, 2),
                             Type::Decimal(38, 10),
                             Type(TypeKind::kString),
                             Type::FixedString(3),
                             Type(TypeKind::kDate),
                             Type(TypeKind::kDate32),
                             Type::DateTime("Europe/Berlin"),
                             Type::DateTime64(6, "Asia/Tokyo"),
                             Type(TypeKind::kTime),
                             Type(TypeKind::kUuid),
                             Type(TypeKind::kIPv4),
                             Type(TypeKind::kIPv6),
                             Type::Enum8({{"a", 1}, {"b", 2}}),
                             Type::Interval(IntervalUnit::kDay),
                             Type::State("sum", {Type(TypeKind::kInt64)})};
  const size_t plain = types.size();
  for (size_t i = 1; i < plain; ++i) types.push_back(types[i].Nullable());
  types.push_back(Type::Array(Type(TypeKind::kString)));
  types.push_back(Type::Array(Type(TypeKind::kInt64).Nullable()));
  types.push_back(Type::Array(Type(TypeKind::kNothing).Nullable()));
  types.push_back(Type::Array(Type::Array(Type(TypeKind::kFloat64))));
  types.push_back(Type::Map(Type(TypeKind::kString), Type(TypeKind::kInt64)));
  types.push_back(Type::Tuple({Type(TypeKind::kString).Nullable(), Type(TypeKind::kUuid)}));
  types.push_back(
      Type::Tuple({Type::Array(Type(TypeKind::kString)), Type(TypeKind::kBool)}, {"names", "set"}));
  return types;
}

class Values {
 public:
  explicit Values(uint64_t seed) : random_(seed) {}

  Datum Of(const Type& type) {
    if (type.physical() == Physical::kNone || (type.nullable() && random_() % 4 == 0)) return {};
    switch (type.physical()) {
      case Physical::kU8:
        return Datum(static_cast<int64_t>(random_() % 2));
      case Physical::kI64:
        return Datum(static_cast<int64_t>(random_()));
      case Physical::kF64:
        return Datum(static_cast<double>(random_()) / 7);
      case Physical::kI128:
        return Datum(static_cast<Int128>(static_cast<UInt128>(random_()) * random_()));
      case Physical::kString:
        return Datum(std::string(random_() % 40, static_cast<char>(random_())));
      case Physical::kArray: {
        const Type element =
            type.kind() == TypeKind::kMap ? Type::Tuple(type.children()) : type.element();
        std::vector<Datum> list(random_() % 4);
        for (Datum& value : list) value = Of(element);
        return Datum(std::move(list));
      }
      case Physical::kTuple: {
        std::vector<Datum> list;
        for (const Type& child : type.children()) list.push_back(Of(child));
        return Datum(std::move(list));
      }
      default:
        return {};
    }
  }

  // In a random form.
  Vector Column(const Type& type, size_t rows) {
    const uint64_t form = random_() % 4;
    if (form == 0) return Vector::Constant(type, Of(type), rows);
    const size_t entries = form == 1 ? 1 + random_() % 5 : rows;
    VectorBuilder builder(type);
    for (size_t i = 0; i < entries; ++i) builder.Append(Of(type));
    Vector flat = builder.Build();
    if (form != 1) return flat;
    auto codes = std::shared_ptr<uint32_t[]>(new uint32_t[rows]);
    for (size_t i = 0; i < rows; ++i) codes[i] = static_cast<uint32_t>(random_() % entries);
    return Vector::Dictionary(std::make_shared<const Vector>(std::move(flat)), std::move(codes),
                              rows);
  }

  uint64_t Random() { return random_(); }

 private:
  std::mt19937_64 random_;
};

Batch RandomBatch(const std::vector<Type>& types, size_t rows, Values* values) {
  Batch batch{.columns = {}, .rows = rows};
  for (const Type& type : types) batch.columns.push_back(values->Column(type, rows));
  return batch;
}

TEST(SpillCodec, AllTypesAndFormsComeBack) {
  const std::vector<Type> types = AllTypes();
  Values values(1);
  for (int round = 0; round < 30; ++round) {
    // Some rows of several batches, in any order, become one.
    RowBuffer buffer(types);
    std::vector<std::vector<Datum>> expected;
    for (int part = 0; part < 3; ++part) {
      const Batch batch = RandomBatch(types, 1 + values.Random() % 70, &values);
      std::vector<uint32_t> rows(values.Random() % (batch.rows + 1));
      for (uint32_t& row : rows) row = static_cast<uint32_t>(values.Random() % batch.rows);
      buffer.Add(batch, rows.data(), rows.size());
      for (uint32_t row : rows) {
        auto& datums = expected.emplace_back();
        for (const Vector& column : batch.columns) datums.push_back(column.Get(row));
      }
    }
    EXPECT_EQ(buffer.rows(), expected.size());
    std::string bytes;
    buffer.Flush(&bytes);
    EXPECT_EQ(buffer.rows(), 0u);
    ByteReader reader(bytes);
    const auto decoded = DecodeBatch(reader, types);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_TRUE(reader.empty());
    ASSERT_EQ(decoded->rows, expected.size());
    for (size_t c = 0; c < types.size(); ++c) {
      EXPECT_TRUE(decoded->columns[c].type().SameBase(types[c])) << types[c].Name();
      for (size_t i = 0; i < expected.size(); ++i)
        EXPECT_EQ(decoded->columns[c].Get(i), expected[i][c]) << types[c].Name() << " row " << i;
    }
  }
}

TEST(SpillCodec, ZonesAndNamesStay) {
  const std::vector<Type> types = {Type::DateTime64(3, "Asia/Tokyo").Nullable(),
                                   Type::Tuple({Type(TypeKind::kInt64)}, {"n"})};
  Values values(3);
  const Batch batch = RandomBatch(types, 5, &values);
  RowBuffer buffer(types);
  const std::vector<uint32_t> rows = {0, 1, 2, 3, 4};
  buffer.Add(batch, rows.data(), rows.size());
  std::string bytes;
  buffer.Flush(&bytes);
  ByteReader reader(bytes);
  const auto decoded = DecodeBatch(reader, types);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->columns[0].type(), types[0]);
  EXPECT_EQ(decoded->columns[1].type(), types[1]);
}

TEST(SpillCodec, CutOrChangedBytesAreAStatus) {
  const std::vector<Type> types = AllTypes();
  Values values(2);
  const Batch batch = RandomBatch(types, 40, &values);
  std::vector<uint32_t> rows(batch.rows);
  std::iota(rows.begin(), rows.end(), 0);
  RowBuffer buffer(types);
  buffer.Add(batch, rows.data(), rows.size());
  std::string bytes;
  buffer.Flush(&bytes);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    ByteReader reader(std::string_view(bytes).substr(0, cut));
    EXPECT_EQ(DecodeBatch(reader, types).status().code(), absl::StatusCode::kDataLoss) << cut;
  }
  // Lengths that are anything: a status, or rows, but never more memory than there are bytes.
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = bytes;
    for (int i = 0; i < 3; ++i)
      changed[values.Random() % changed.size()] = static_cast<char>(values.Random());
    ByteReader reader(changed);
    DecodeBatch(reader, types).status().IgnoreError();
  }
}

TEST(SpillBlock, ComesBackOrIsAStatus) {
  Values values(4);
  for (const size_t size : {0, 1, 1000, 100'000}) {
    std::string raw(size, 'x');
    for (size_t i = 0; i < size; i += 3) raw[i] = static_cast<char>(values.Random());
    const std::string packed = PackSpillBlock(raw);
    EXPECT_EQ(*UnpackSpillBlock(packed, static_cast<uint32_t>(size)), raw);
    EXPECT_FALSE(UnpackSpillBlock(packed, static_cast<uint32_t>(size) + 1).ok());
    EXPECT_FALSE(UnpackSpillBlock(packed.substr(0, packed.size() - 1), size).ok());
    for (int round = 0; round < 200; ++round) {
      std::string changed = packed;
      changed[values.Random() % changed.size()] ^= static_cast<char>(1 << values.Random() % 8);
      EXPECT_EQ(UnpackSpillBlock(changed, static_cast<uint32_t>(size)).status().code(),
                absl::StatusCode::kDataLoss);
    }
  }
}

}  // namespace
}  // namespace hoglet
