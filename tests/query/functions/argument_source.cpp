#include "tests/query/functions/argument_source.h"

#include <cmath>
#include <limits>
#include <span>

#include "query/functions/types.h"

namespace hoglet {
namespace {

constexpr const char* kTypes[] = {"UInt8",
                                  "UInt16",
                                  "UInt32",
                                  "UInt64",
                                  "Int8",
                                  "Int32",
                                  "Int64",
                                  "Int64",
                                  "Int128",
                                  "UInt128",
                                  "Bool",
                                  "Float32",
                                  "Float64",
                                  "Float64",
                                  "Decimal(18, 2)",
                                  "Decimal(38, 10)",
                                  "String",
                                  "String",
                                  "String",
                                  "FixedString(16)",
                                  "Date",
                                  "Date32",
                                  "DateTime('UTC')",
                                  "DateTime('America/New_York')",
                                  "DateTime64(6, 'Europe/Berlin')",
                                  "DateTime64(3, 'UTC')",
                                  "UUID",
                                  "IPv4",
                                  "IPv6",
                                  "Array(Int64)",
                                  "Array(Int64)",
                                  "Array(UInt8)",
                                  "Array(Float64)",
                                  "Array(String)",
                                  "Array(Nullable(Int64))",
                                  "Array(Nullable(String))",
                                  "Array(Array(Int64))",
                                  "Array(Tuple(Float64, Float64))",
                                  "Array(Tuple(String, Int64))",
                                  "Array(Date)",
                                  "Tuple(Int64, String)",
                                  "Tuple(Float64, Float64)",
                                  "Tuple(Int64, Int64)",
                                  "Tuple(a Int64, b Nullable(String))",
                                  "Map(String, Int64)",
                                  "Map(String, String)",
                                  "Map(Int64, Float64)"};

constexpr const char* kTexts[] = {
    "",
    " ",
    "a",
    "abc",
    "Hello, World!",
    "привет",
    "日本語",
    "\xff\xfe\x80",
    "a,b,,c",
    "0",
    "1",
    "-1",
    "42",
    "3.14",
    "1e400",
    "nan",
    "-inf",
    "true",
    "99999999999999999999999999999999999999999",
    "2024-02-29",
    "2024-02-29 23:59:59",
    "2024-03-10 02:30:00.123456",
    "1969-12-31T23:59:59Z",
    "9999-99-99 99:99:99",
    "10:11",
    "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
    "192.168.0.1",
    "::1",
    "10.0.0.0/8",
    "https://user:pw@www.example.co.uk:80/a/b?x=1&y=%20z#frag",
    "//host",
    "http://",
    "?a=&&=b&c",
    R"({"a": 1, "b": [1, "x", null, {"c": 2.5}], "": {}})",
    R"([1, 2, {"a": "b"}])",
    R"({"a": )",
    "YWJj",
    "====",
    "616263",
    "%41%zz%",
    "v1.2.3-rc.1",
    "[1,2,3]",
    "['a','b']",
    "<a href='x'>t</a>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

constexpr const char* kConstantTexts[] = {"day",
                                          "second",
                                          "month",
                                          "week",
                                          "UTC",
                                          "America/New_York",
                                          "%Y-%m-%d %H:%i:%S",
                                          "yyyy-MM-dd",
                                          "Int64",
                                          "Nullable(Float64)",
                                          "String",
                                          "UInt8",
                                          "Float64",
                                          "Array(Int64)",
                                          "Date",
                                          "sum",
                                          "max",
                                          "(\\w)(\\d?)",
                                          "a",
                                          "%a_",
                                          "",
                                          ",",
                                          "both",
                                          "CSV",
                                          "{} {}",
                                          "x"};

constexpr int64_t kIntegers[] = {
    0,   1,      -1,    2,          7,          -5,        100,       127,           128,       255,
    256, -32768, 65535, 2147483647, 4294967295, INT64_MAX, INT64_MIN, INT64_MAX - 1, 1700000000};

constexpr double kDoubles[] = {0.0,
                               -0.0,
                               1.0,
                               -1.5,
                               2.5,
                               1e-300,
                               1e300,
                               0.1,
                               123456.789,
                               9.3e18,
                               -9.3e18,
                               std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN(),
                               45.0,
                               -179.9};

int64_t RandomInteger(Random& random) {
  switch (Pick(random, 3)) {
    case 0:
      return kIntegers[Pick(random, std::size(kIntegers))];
    case 1:
      return static_cast<int64_t>(Pick(random, 12));
    default: {
      // Between what is small and what is refused lie lengths that only take long.
      const auto value = static_cast<int64_t>(random() >> Pick(random, 64));
      return value >= 4096 && value < (int64_t{1} << 33) ? value % 4096 : value;
    }
  }
}

int64_t InRange(Random& random, int64_t min, int64_t max) {
  if (Pick(random, 8) == 0) return Pick(random, 2) == 0 ? min : max;
  return min + static_cast<int64_t>(random() % (static_cast<uint64_t>(max - min) + 1));
}

int64_t FitInteger(TypeKind kind, int64_t value) {
  if (kind == TypeKind::kBool) return value & 1;
  return fn::WrapInteger(kind == TypeKind::kIPv4 ? TypeKind::kUInt32 : kind, value);
}

std::string RandomText(Random& random) {
  if (Pick(random, 4) != 0) return kTexts[Pick(random, std::size(kTexts))];
  std::string text(Pick(random, 20), '\0');
  for (char& c : text)
    c = static_cast<char>(Pick(random, 4) != 0 ? 32 + Pick(random, 95) : random());
  return text;
}

Int128 RandomWide(Random& random) {
  if (Pick(random, 2) == 0) return RandomInteger(random);
  return static_cast<Int128>((static_cast<UInt128>(random()) << 64) | random());
}

Datum RandomNumber(Random& random, const Type& type) {
  constexpr int64_t kSecondsPerDay = 86400;
  switch (type.kind()) {
    case TypeKind::kFloat32:
      return static_cast<double>(static_cast<float>(kDoubles[Pick(random, std::size(kDoubles))]));
    case TypeKind::kFloat64:
      if (Pick(random, 3) == 0) return static_cast<double>(RandomInteger(random)) / 8;
      return kDoubles[Pick(random, std::size(kDoubles))];
    case TypeKind::kDate:
      return InRange(random, 0, 65535);
    case TypeKind::kDate32:
      return InRange(random, -25567, 120529);
    case TypeKind::kDateTime:
      return InRange(random, 0, 4294967295);
    case TypeKind::kDateTime64: {
      int64_t ticks = 1;
      for (int i = 0; i < type.scale(); ++i) ticks *= 10;
      return InRange(random, -25567 * kSecondsPerDay, 120529 * kSecondsPerDay) * ticks +
             static_cast<int64_t>(random() % static_cast<uint64_t>(ticks));
    }
    case TypeKind::kDecimal:
      if (type.physical() == Physical::kI128) {
        return static_cast<Int128>(static_cast<int64_t>(random()) >> Pick(random, 60));
      }
      return InRange(random, -999'999'999, 999'999'999) >> Pick(random, 28);
    default:
      if (type.physical() == Physical::kI128) return RandomWide(random);
      return FitInteger(type.kind(), RandomInteger(random));
  }
}

}  // namespace

Type RandomType(Random& random) {
  Type type = *Type::Parse(kTypes[Pick(random, std::size(kTypes))]);
  const Physical physical = type.physical();
  const bool scalar = physical != Physical::kArray && physical != Physical::kTuple;
  return scalar && Pick(random, 4) == 0 ? type.Nullable() : type;
}

FunctionArgument RandomConstant(Random& random) {
  FunctionArgument argument;
  switch (Pick(random, 6)) {
    case 0:
      argument.type = Type(TypeKind::kUInt8);
      argument.constant = Datum(static_cast<int64_t>(Pick(random, 4)));
      break;
    case 1:
      argument.type = Type(TypeKind::kInt64);
      argument.constant = Datum(RandomInteger(random));
      break;
    default:
      argument.type = Type(TypeKind::kString);
      argument.constant =
          Datum(std::string(kConstantTexts[Pick(random, std::size(kConstantTexts))]));
  }
  return argument;
}

Datum RandomValue(Random& random, const Type& type) {
  if (type.nullable() && Pick(random, 5) == 0) return Datum();
  switch (type.physical()) {
    case Physical::kString: {
      std::string text = RandomText(random);
      if (type.kind() == TypeKind::kFixedString) {
        text.resize(static_cast<size_t>(type.precision()), '\0');
      }
      return text;
    }
    case Physical::kArray: {
      std::vector<Datum> list;
      const size_t count = Pick(random, 6);
      const Type element = type.kind() == TypeKind::kMap
                               ? Type::Tuple({type.children()[0], type.children()[1]})
                               : type.element();
      for (size_t i = 0; i < count; ++i) list.push_back(RandomValue(random, element));
      return list;
    }
    case Physical::kTuple: {
      std::vector<Datum> list;
      for (const Type& child : type.children()) list.push_back(RandomValue(random, child));
      return list;
    }
    default:
      return RandomNumber(random, type);
  }
}

}  // namespace hoglet
