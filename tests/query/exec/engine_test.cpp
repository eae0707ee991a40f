#include "query/exec/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "include/hoglet/env.h"
#include "src/base/strings.h"
#include "src/base/vector/vector.h"

// Queries as text through the whole engine, without tables.

namespace hoglet {
namespace {

using testing::HasSubstr;

class NoTables final : public TableCatalog {
 public:
  const ScannableTable* Find(std::string_view) const override { return nullptr; }
};

// A project whose properties named "n" are numbers if it is told so.
class NumberSchema final : public SchemaProvider {
 public:
  explicit NumberSchema(std::vector<std::string> group_types)
      : group_types_(std::move(group_types)) {}
  std::vector<std::string> GroupTypes() const override { return group_types_; }
  PropertyType PropertyTypeOf(PropertyKind, std::string_view name) const override {
    return name == "n" ? PropertyType::kNumeric : PropertyType::kNone;
  }

 private:
  const std::vector<std::string> group_types_;
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    EngineOptions options;
    options.env = Env::Posix();
    options.tables = &tables_;
    options.project = [](TeamId team) {
      if (team == 1) return QueryProject();
      return QueryProject{
          .schema = std::make_shared<NumberSchema>(std::vector<std::string>{"company"}),
          .timezone = "Asia/Tokyo",
          .week_start_day = 1};
    };
    engine_ = MakeQueryEngine(std::move(options));
  }

  absl::StatusOr<QueryResult> Run(const std::string& text, TeamId team = 1) {
    QueryRequest request;
    request.team_id = team;
    request.text = text;
    return engine_->Run(request);
  }
  // The first value of the first row as text, or the error.
  std::string Ask(const std::string& text, TeamId team = 1) {
    const auto result = Run(StrCat("SELECT toString(", text, ")"), team);
    if (!result.ok()) return std::string(FromAbsl(result.status().message()));
    const Datum value = result->batches[0][0].Get(0);
    return value.is_null() ? "NULL" : std::string(value.string());
  }
  std::string ErrorOf(const std::string& text, TeamId team = 1) {
    const auto result = Run(text, team);
    return result.ok() ? "no error" : std::string(FromAbsl(result.status().message()));
  }

  NoTables tables_;
  std::unique_ptr<QueryEngine> engine_;
};

TEST_F(EngineTest, TheProjectOfTheQueryDecides) {
  EXPECT_EQ(Ask("toDateTime('2024-01-01 00:00:00') = toDateTime('2024-01-01 00:00:00', 'UTC')"),
            "1");
  EXPECT_EQ(Ask("toDateTime('2024-01-01 00:00:00') = toDateTime('2023-12-31 15:00:00', 'UTC')", 2),
            "1");
  EXPECT_EQ(Run("SELECT 1", 1)->timezone, "UTC");
  EXPECT_EQ(Run("SELECT 1", 2)->timezone, "Asia/Tokyo");
  // 2024-01-07 is a Sunday.
  EXPECT_EQ(Ask("toDate(toStartOfWeek(toDate('2024-01-07')))", 1), "2024-01-07");
  EXPECT_EQ(Ask("toDate(toStartOfWeek(toDate('2024-01-07')))", 2), "2024-01-01");
  EXPECT_THAT(ErrorOf("SELECT company.key FROM events", 1), HasSubstr("company"));
  EXPECT_THAT(ErrorOf("SELECT company.key FROM events", 2), testing::Not(HasSubstr("company")));
}

TEST_F(EngineTest, UnknownTablesSuggestWhatIsNear) {
  EXPECT_EQ(ErrorOf("SELECT 1 FROM evnts"), "Unknown table `evnts`. Did you mean: events?");
  EXPECT_THAT(ErrorOf("SELECT 1 FROM person"),
              HasSubstr("Unknown table `person`. Did you mean: persons"));
  EXPECT_THAT(ErrorOf("WITH signups AS (SELECT 1) SELECT * FROM signup"),
              HasSubstr("Did you mean: signups?"));
  EXPECT_EQ(ErrorOf("SELECT 1 FROM zzz"), "Unknown table `zzz`.");
}

TEST_F(EngineTest, PopulateSeries) {
  EXPECT_EQ(Ask("mapPopulateSeries(map(1, 10, 5, 20), 6)"), "{1:10,2:0,3:0,4:0,5:20,6:0}");
  EXPECT_EQ(Ask("mapPopulateSeries(map(-2, 1, 1, 2))"), "{-2:1,-1:0,0:0,1:2}");
  EXPECT_EQ(Ask("mapPopulateSeries(map(1, 4, 1, 5, 5, 6))"), "{1:5,2:0,3:0,4:0,5:6}");
  EXPECT_EQ(Ask("mapPopulateSeries(map(3, 'c', 5, 'e'), 4)"), "{3:'c',4:''}");
  EXPECT_EQ(Ask("mapPopulateSeries(map(3, 1), 2)"), "{}");
  EXPECT_EQ(Ask("mapPopulateSeries([1, 3], [10, 30], 5)"), "([1,2,3,4,5],[10,0,30,0,0])");
  EXPECT_THAT(Ask("mapPopulateSeries([1, 3], [10])"), HasSubstr("mapPopulateSeries"));
  // Keys of 64 bits without a sign: the last ones are above those of 63 bits.
  EXPECT_EQ(Ask("mapPopulateSeries([9223372036854775807, 9223372036854775809], [1, 2])"),
            "([9223372036854775807,9223372036854775808,9223372036854775809],[1,0,2])");
  EXPECT_EQ(Ask("mapPopulateSeries([18446744073709551614], [5], 18446744073709551615)"),
            "([18446744073709551614,18446744073709551615],[5,0])");
}

TEST_F(EngineTest, PopulateSeriesIsBounded) {
  const std::string more = "would make more than";
  EXPECT_THAT(Ask("mapPopulateSeries([0, 18446744073709551615], [1, 2])"), HasSubstr(more));
  EXPECT_THAT(Ask("mapPopulateSeries([-9223372036854775807, 5], [1, 2])"), HasSubstr(more));
  EXPECT_THAT(Ask("length(mapPopulateSeries([1000000], [1], 60000000).1)"), HasSubstr(more));
  // Many rows of one batch that would each be fine.
  EXPECT_THAT(
      ErrorOf(
          "SELECT length(mapPopulateSeries([number], [1], number + 900000).1) FROM numbers(100)"),
      HasSubstr(more));
  EXPECT_EQ(
      ErrorOf("SELECT length(mapPopulateSeries([number], [1], number + 900).1) FROM numbers(100)"),
      "no error");
}

// What ClickHouse's best effort makes of texts that are nearly dates; "error" for none.
TEST_F(EngineTest, TextsThatAreNearlyDates) {
  const std::pair<const char*, const char*> cases[] = {
      {"2020", "2020-01-01 00:00:00.000000"},
      {"2020-06", "2020-06-01 00:00:00.000000"},
      {"2020-00-00", "2020-01-01 00:00:00.000000"},
      {"2020-01-01 12:34:56.5 +0230", "2020-01-01 10:04:56.500000"},
      {"2020-01-01 12:34:56 -3:30", "2020-01-01 16:04:56.000000"},
      {"2020-01-01 12:34:56+330", "2020-01-01 09:04:56.000000"},
      {"2020-01-01 12:34:56 UTC", "2020-01-01 12:34:56.000000"},
      {"2020-01-01 12:34:56 MSK", "2020-01-01 09:34:56.000000"},
      {"2020-01-01 12:34:56 EST", "error"},
      {"2020-01-01T12:34:56z", "error"},
      {"2020-01-01 12:34:56.", "2020-01-01 12:34:56.000000"},
      {"2020-01-01 12:34:56.1.2", "error"},
      {"2020-01-01 12:34:56 7", "error"},
      {"2020-01-01 12:34:56x", "error"},
      {"2020-01-01 1234", "error"},
      {"2020-01-01-123456", "2020-01-01 12:34:56.000000"},
      {"2020-01-01, 12:34:56", "2020-01-01 12:34:56.000000"},
      {"2020-01-01,", "error"},
      {"2020-01-01;", "error"},
      {"2020-01-01\t", "error"},
      {"2020-02-30", "error"},
      {"2020-1-5 7:08 pm", "2020-01-05 19:08:00.000000"},
      {"2020-1-5 12:08 AM", "2020-01-05 00:08:00.000000"},
      {"5-Jan-2020 7:08", "2020-01-05 07:08:00.000000"},
      {"January 5, 2020", "2020-01-05 00:00:00.000000"},
      {"Marchy 5 2020", "error"},
      {"31.12.99", "1999-12-31 00:00:00.000000"},
      {"12/31/2020", "2020-12-31 00:00:00.000000"},
      {"1.2.3", "error"},
      {"202001", "2020-01-01 00:00:00.000000"},
      {"123456789.25", "1973-11-29 21:33:09.250000"},
      {"15778368001", "error"},
      {"1577836800 ", "error"},
      {"-1577836800", "error"},
      {"now", "error"},
      {"", "error"},
  };
  for (const auto& [text, expected] : cases) {
    const std::string asked = StrCat("'", text, "'");
    const bool is_error = std::string_view(expected) == "error";
    EXPECT_EQ(Ask(StrCat("parseDateTimeBestEffort(concat(", asked, ", ''))")),
              is_error ? "NULL" : expected)
        << text;
    const std::string cast = Ask(StrCat("toDateTime64(", asked, ")"));
    EXPECT_TRUE(is_error ? cast.starts_with("Cannot convert") : cast == expected)
        << text << ": " << cast;
  }
  // No year, as ClickHouse has it: this one.
  EXPECT_EQ(Ask("toYear(toDateTime('0000-00-00 00:00:00')) = toYear(now())"), "1");
  EXPECT_EQ(Ask("toYear(toDateTime('1')) = toYear(now())"), "1");
  EXPECT_EQ(Ask("toDateTime('1969-12-31 23:59:59')"), "1970-01-01 00:00:00");
  EXPECT_EQ(Ask("toDateTime64('1800-01-01')"), "1900-01-01 00:00:00.000000");
}

}  // namespace
}  // namespace hoglet
