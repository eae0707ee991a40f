#include "src/api/result_json.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hoglet {
namespace {

struct ValueCase {
  const char* type;
  Datum value;
  const char* json;
};

TEST(ResultJson, Values) {
  const Datum list(std::vector<Datum>{Datum(int64_t{1}), Datum(int64_t{2})});
  const Int128 uuid =
      (static_cast<Int128>(0x0190c0de00007000) << 64) | static_cast<Int128>(0x8000000000000001);
  const ValueCase cases[] = {
      {"Bool", Datum(int64_t{1}), "true"},
      {"UInt8", Datum(int64_t{1}), "1"},
      {"Int64", Datum(int64_t{-5}), "-5"},
      {"UInt64", Datum(int64_t{-1}), "18446744073709551615"},
      {"Float64", Datum(0.1), "0.1"},
      {"Float64", Datum(2.0), "2.0"},
      {"Float64", Datum(std::nan("")), "null"},
      {"Float64", Datum(INFINITY), "null"},
      {"Float32", Datum(static_cast<double>(0.1f)), "0.1"},
      {"String", Datum(std::string("a\"b\n")), R"("a\"b\n")"},
      {"Date", Datum(int64_t{19'844}), R"("2024-05-01")"},
      {"DateTime('UTC')", Datum(int64_t{1'714'558'830}), R"("2024-05-01T10:20:30Z")"},
      {"DateTime64(6, 'UTC')", Datum(int64_t{1'714'558'830'000'000}), R"("2024-05-01T10:20:30Z")"},
      {"DateTime64(6, 'UTC')", Datum(int64_t{1'714'558'830'123'456}),
       R"("2024-05-01T10:20:30.123456Z")"},
      {"DateTime64(3, 'Europe/Berlin')", Datum(int64_t{1'714'558'830'500}),
       R"("2024-05-01T12:20:30.500000+02:00")"},
      {"UUID", Datum(uuid), R"("0190c0de-0000-7000-8000-000000000001")"},
      {"Decimal(10, 2)", Datum(int64_t{-105}), "-1.05"},
      {"Decimal(10, 2)", Datum(int64_t{5}), "0.05"},
      {"IPv4", Datum(int64_t{0x7f000001}), R"("127.0.0.1")"},
      {"Array(Int64)", list, "[1,2]"},
      {"Tuple(Int64, Int64)", list, "[1,2]"},
      {"Nullable(String)", Datum(), "null"},
  };
  for (const ValueCase& c : cases) {
    const auto type = Type::Parse(c.type);
    ASSERT_TRUE(type.ok()) << c.type;
    VectorBuilder builder(*type);
    if (c.value.is_null()) {
      builder.AppendNull();
    } else {
      builder.Append(c.value);
    }
    std::string json;
    AppendResultValue(builder.Build(), 0, &json);
    EXPECT_EQ(json, c.json) << c.type;
  }
}

TEST(ResultJson, ConstantsAndDictionaries) {
  const Vector constant = Vector::Constant(Type(TypeKind::kString), Datum(std::string("x")), 3);
  std::string json;
  AppendResultValue(constant, 2, &json);
  EXPECT_EQ(json, "\"x\"");
  VectorBuilder builder(Type(TypeKind::kString).Nullable());
  builder.AppendString("a");
  builder.AppendNull();
  auto dictionary = std::make_shared<const Vector>(builder.Build());
  std::shared_ptr<uint32_t[]> codes(new uint32_t[3]{1, 0, 1});
  const Vector coded = Vector::Dictionary(dictionary, codes, 3);
  json.clear();
  for (size_t row = 0; row < 3; ++row) AppendResultValue(coded, row, &json);
  EXPECT_EQ(json, "null\"a\"null");
}

QueryResult TwoColumns() {
  QueryResult result;
  result.columns = {"name", "n"};
  result.types = {"Nullable(String)", "UInt64"};
  VectorBuilder names(Type(TypeKind::kString).Nullable());
  names.AppendString("a,\"b\"");
  names.AppendNull();
  VectorBuilder numbers(Type(TypeKind::kUInt64));
  numbers.AppendInteger(7);
  numbers.AppendInteger(12345);
  std::vector<Vector> batch;
  batch.push_back(names.Build());
  batch.push_back(numbers.Build());
  result.batches.push_back(std::move(batch));
  return result;
}

TEST(ResultFormats, CsvJsonLinesAndTable) {
  const QueryResult result = TwoColumns();
  EXPECT_EQ(FormatResult({}, result, ResultFormat::kCsv), "name,n\n\"a,\"\"b\"\"\",7\n,12345\n");
  EXPECT_EQ(FormatResult({}, result, ResultFormat::kJsonLines),
            "{\"name\":\"a,\\\"b\\\"\",\"n\":7}\n{\"name\":null,\"n\":12345}\n");
  EXPECT_EQ(FormatResult({}, result, ResultFormat::kTable),
            " name  │ n    \n───────┼───────\n a,\"b\" │     7\n NULL  │ 12345\n(2 rows)\n");
  EXPECT_EQ(ResultRowsJson(result), R"([["a,\"b\"",7],[null,12345]])");
}

TEST(ResultJson, TheAnswerHasEveryField) {
  QueryResult result = TwoColumns();
  result.has_more = true;
  result.limit = 100;
  result.offset = 0;
  result.timings.push_back({"./run", 0.5});
  QueryRequest request;
  request.text = "select 1";
  const std::string json = QueryResponseJson(request, result, 1'714'558'830'000'000);
  for (const char* piece :
       {R"-("types":[["name","Nullable(String)"],["n","UInt64"]])-",
        R"("hasMore":true,"limit":100,"offset":0)", R"("timings":[{"k":"./run","t":0.5}])",
        R"("error":null)", R"("query":"select 1")"}) {
    EXPECT_NE(json.find(piece), std::string::npos) << piece << " in " << json;
  }
}

class CountedMemory final : public ResultMemory {
 public:
  explicit CountedMemory(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  uint64_t bytes() const override { return bytes_; }
  uint64_t asked() const { return asked_; }  // last
  absl::Status Set(uint64_t bytes) override {
    asked_ = bytes;
    if (bytes > bytes_max_) return absl::ResourceExhaustedError("full");
    bytes_ = bytes;
    return absl::OkStatus();
  }

 private:
  const uint64_t bytes_max_;
  uint64_t bytes_ = 500;
  uint64_t asked_ = 0;
};

TEST(ResultJson, RowsGiveWayToTheirText) {
  QueryResult result = TwoColumns();
  result.batches.push_back(TwoColumns().batches[0]);
  const std::string expected = QueryResponseJson({}, result, 5);
  result.memory = std::make_shared<CountedMemory>(1000);
  const auto json = TakeQueryResponseJson({}, &result, 5);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(*json, expected);
  EXPECT_EQ(result.memory->bytes(), json->size());
  for (const auto& batch : result.batches) EXPECT_TRUE(batch.empty());
  result = TwoColumns();
  EXPECT_EQ(*TakeQueryResponseJson({}, &result, 5), QueryResponseJson({}, TwoColumns(), 5));
  result = TwoColumns();
  result.memory = std::make_shared<CountedMemory>(100);
  EXPECT_EQ(TakeQueryResponseJson({}, &result, 5).status().code(),
            absl::StatusCode::kResourceExhausted);
}

// A value that all rows share is small in memory and large in the text.
TEST(ResultJson, TextIsCountedWhileItIsWritten) {
  QueryResult result;
  result.columns = {"a"};
  result.types = {"String"};
  const Type text(TypeKind::kString);
  result.batches.push_back({Vector::Constant(text, Datum(std::string(100'000, 'x')), 8000)});
  const auto memory = std::make_shared<CountedMemory>(4 << 20);
  result.memory = memory;
  const auto json = TakeQueryResponseJson({}, &result, 5);
  EXPECT_EQ(json.status().code(), absl::StatusCode::kResourceExhausted);
  // Refused soon after the limit, not after 800 MB.
  EXPECT_LE(memory->asked(), uint64_t{6} << 20);
}

}  // namespace
}  // namespace hoglet
