#include "src/base/vector/type.h"

#include <gtest/gtest.h>

namespace hoglet {
namespace {

class TypeNames : public testing::TestWithParam<const char*> {};

TEST_P(TypeNames, ReadBackAsWritten) {
  auto type = Type::Parse(GetParam());
  ASSERT_TRUE(type.ok()) << type.status();
  EXPECT_EQ(type->Name(), GetParam());
  auto again = Type::Parse(type->Name());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *type);
}

INSTANTIATE_TEST_SUITE_P(
    All, TypeNames,
    testing::Values("UInt8", "Int128", "Float64", "String", "Nullable(String)", "FixedString(16)",
                    "Date", "DateTime", "DateTime('Europe/Berlin')", "DateTime64(6, 'UTC')",
                    "DateTime64(3)", "Decimal(18, 4)", "UUID", "Array(Nullable(Int64))",
                    "Tuple(String, UInt8)", "Tuple(a String, b Array(UInt8))",
                    "Map(String, Array(UInt64))", "Enum8('full' = 0, 'propertyless' = 1)",
                    "IntervalDay", "Tuple()", "Array(Array(Tuple(x Nullable(Float64))))"));

TEST(Type, ReadsOtherSpellings) {
  EXPECT_EQ(Type::Parse("LowCardinality(Nullable(String))")->Name(), "Nullable(String)");
  EXPECT_EQ(Type::Parse("Decimal64(4)")->Name(), "Decimal(18, 4)");
}

TEST(Type, RefusesWhatIsNoType) {
  for (const char* text :
       {"", "Strin", "Array(", "Array(String))", "Decimal(39, 1)", "FixedString(0)",
        "DateTime64(10)", "Tuple(a String, UInt8)", "Enum8('a')", "Nullable String"}) {
    EXPECT_EQ(Type::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(Type::Parse(std::string(5000, 'A')).ok());
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += "Array(";
  EXPECT_FALSE(Type::Parse(deep).ok());
}

TEST(Type, SameBaseLooksPastNullabilityAndZone) {
  EXPECT_TRUE(Type::DateTime64(6, "UTC").SameBase(Type::DateTime64(6, "Asia/Tokyo").Nullable()));
  EXPECT_FALSE(Type::DateTime64(6, "UTC").SameBase(Type::DateTime64(3, "UTC")));
  EXPECT_TRUE(Type(TypeKind::kString).SameBase(Type(TypeKind::kString).Nullable()));
  EXPECT_FALSE(Type(TypeKind::kString).SameBase(Type(TypeKind::kUuid)));
}

}  // namespace
}  // namespace hoglet
