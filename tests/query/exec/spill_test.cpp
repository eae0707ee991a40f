#include "query/exec/spill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "query/exec/engine.h"
#include "src/base/fault_env.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/base/vector/vector.h"

// Queries that have far too little memory: the answers of those that have enough, or a clear error,
// and in any case nothing left on the disk.

namespace hoglet {
namespace {

using testing::HasSubstr;

constexpr uint64_t kEnough = 1 << 30;
constexpr uint64_t kLittle = 2 << 20;
const std::string kFolder = "spill";

class NoTables final : public TableCatalog {
 public:
  const ScannableTable* Find(std::string_view) const override { return nullptr; }
};

class SpillTest : public testing::Test {
 protected:
  SpillTest() { Start({.free_bytes_min = 0}); }

  void Start(const SpillSpace::Options& options, uint64_t bytes_total = ~uint64_t{0}) {
    engine_.reset();
    space_ = *SpillSpace::Open(&faults_, kFolder, options, &metrics_);
    written_ = metrics_.GetCounter("hoglet_query_spill_written_bytes_total", "");
    EngineOptions engine;
    engine.env = Env::Posix();
    engine.tables = &tables_;
    engine.spill = space_.get();
    engine.memory_bytes_total = bytes_total;
    engine_ = MakeQueryEngine(std::move(engine));
  }

  absl::StatusOr<QueryResult> Run(const std::string& text, uint64_t memory_bytes) {
    QueryRequest request;
    request.team_id = 1;
    request.text = text;
    request.memory_bytes_max = memory_bytes;
    request.cancelled = cancelled_;
    auto result = engine_->Run(request);
    EXPECT_THAT(env_.Files(), testing::IsEmpty()) << text;
    EXPECT_EQ(space_->bytes(), 0u) << text;
    return result;
  }

  // The values of the one row.
  std::vector<Datum> Row(const std::string& text, uint64_t memory_bytes) {
    const auto result = Run(text, memory_bytes);
    EXPECT_TRUE(result.ok()) << text << "\n" << result.status();
    std::vector<Datum> row;
    if (!result.ok() || result->batches.empty()) return row;
    for (const Vector& column : result->batches[0]) row.push_back(column.Get(0));
    return row;
  }

  static std::string Text(const std::string& column) {
    return StrCat("ifNull(toString(", column, "), '-')");
  }
  // A checksum of rows in any order.
  static std::string Checksum(const std::string& query, const std::vector<std::string>& columns) {
    std::string row;
    for (const std::string& column : columns) StrAppend(&row, Text(column), ", '|', ");
    return StrCat("SELECT count(), groupBitXor(cityHash64(concat(", row, "'|'))) FROM (", query,
                  ")");
  }
  // `query` gives one row. With little memory it uses the disk, and the answer is the same.
  void ExpectSame(const std::string& query, uint64_t little = kLittle) {
    const uint64_t before = written_->value();
    const std::vector<Datum> expected = Row(query, kEnough);
    EXPECT_EQ(written_->value(), before) << "enough memory, and yet: " << query;
    EXPECT_EQ(Row(query, little), expected) << query;
    EXPECT_GT(written_->value(), before) << "nothing was written: " << query;
  }

  MemoryEnv env_;
  FaultEnv faults_{&env_};
  MetricRegistry metrics_;
  NoTables tables_;
  std::unique_ptr<SpillSpace> space_;
  Counter* written_ = nullptr;
  std::unique_ptr<QueryEngine> engine_;
  std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
};

const std::string kGroups =
    "SELECT toString(number % 30011) AS k, count() AS n, sum(number) AS s FROM numbers(100000) "
    "GROUP BY k";

class SpilledAggregate : public SpillTest, public testing::WithParamInterface<const char*> {};

TEST_P(SpilledAggregate, IsTheSame) {
  ExpectSame(Checksum(StrCat("SELECT toString(number % 20011) AS k, ", GetParam(),
                             " AS v FROM numbers(70000) GROUP BY k"),
                      {"k", "v"}));
}

INSTANTIATE_TEST_SUITE_P(
    All, SpilledAggregate,
    testing::Values("count()", "sum(number)", "avg(number)", "min(number)", "max(toString(number))",
                    "any(toString(number))", "anyLast(number)", "argMin(toString(number), number)",
                    "argMax(number, toString(number))", "uniq(number)",
                    "uniqExact(toString(number))", "count(DISTINCT number % 3)",
                    "groupArray(toString(number))", "groupArray(2)(number)",
                    "groupUniqArray(number)", "quantile(0.5)(number)", "median(number)",
                    "quantiles(0.1, 0.9)(number)", "topK(2)(number)", "round(stddevPop(number), 3)",
                    "round(varSamp(number), 1)", "round(corr(number, number * number), 5)",
                    "groupBitXor(number)", "groupBitAnd(number)", "countIf(number % 2 = 0)",
                    "sumIf(number, number % 3 = 0)", "avgIf(number, number % 50000 = 1)",
                    "minIf(number, number > 30000)", "uniqIf(number, number % 2 = 1)",
                    "groupArrayIf(number, number % 2 = 0)", "sum(if(number % 3 = 0, NULL, number))",
                    "any(if(number % 3 = 0, NULL, toString(number)))",
                    "groupArray(if(number % 3 = 0, NULL, number))",
                    "sumMap(map(number % 3, number))", "max((number, toString(number)))",
                    "groupArray([number, number + 1])", "uniq(number % 7, number % 5)",
                    "sumArray([number, 1])", "groupUniqArrayArray([number, 1])",
                    "count(number) + max(number)", "countDistinctIf(number, number % 2 = 0)",
                    "argMaxIf(number, number, number % 2 = 0)", "groupArraySample(100, 7)(number)",
                    "groupBitmap(number)", "skewPop(number) > 100", "groupArrayMovingSum(number)"));

TEST_F(SpillTest, KeysOfAllKinds) {
  for (const char* key : {"toString(number % 30011)", "if(number % 4 = 0, NULL, number % 30011)",
                          "(number % 173, toString(number % 179))", "[number % 173, number % 179]",
                          "toFloat(number % 30011) / 3", "number % 173, toString(number % 179)",
                          "toDate(number % 30011), if(number % 7 = 0, NULL, number % 11)",
                          "repeat(toString(number % 20011), 20)"}) {
    ExpectSame(
        StrCat("SELECT count(), sum(n), groupBitXor(s) FROM (SELECT count() AS n, "
               "sum(number) AS s FROM numbers(150000) GROUP BY ",
               key, ")"));
  }
}

TEST_F(SpillTest, NanAndZeroAreOneGroupEach) {
  ExpectSame(
      Checksum("SELECT multiIf(number % 3 = 0, nan, number % 3 = 1, -0.0, number % 2 = 0, "
               "0.0, toFloat(number)) AS k, count() AS n FROM numbers(100000) GROUP BY k",
               {"k + 0.0", "n"}));
}

TEST_F(SpillTest, PartitionsThatDoNotFitAreDividedAgain) {
  ExpectSame(Checksum("SELECT toString(number) AS k, groupArray(number) AS v FROM numbers(200000) "
                      "GROUP BY k",
                      {"k", "v"}),
             1 << 20);
}

TEST_F(SpillTest, GroupsOfOneLargeStateEach) {
  ExpectSame(Checksum("SELECT number % 5 AS k, uniqExact(number) AS v FROM numbers(300000) "
                      "GROUP BY k",
                      {"k", "v"}),
             4 << 20);
}

// States keep arrays element by element; a constant one is held once, and kept by each group.
TEST_F(SpillTest, ArraysInStates) {
  ExpectSame(
      Checksum("SELECT number % 3001 AS k, groupArray(range(number % 3 + 20)) AS v FROM "
               "numbers(20000) GROUP BY k",
               {"k", "v"}));
  ExpectSame(Checksum("SELECT number AS k, any(range(200)) AS v FROM numbers(20000) GROUP BY k",
                      {"k", "v"}),
             4 << 20);
}

TEST_F(SpillTest, SubtotalsAndOrderedAggregates) {
  ExpectSame(
      Checksum("SELECT number % 173 AS a, toString(number % 179) AS b, count() AS n FROM "
               "numbers(100000) GROUP BY a, b WITH ROLLUP",
               {"a", "b", "n"}));
  ExpectSame(
      Checksum("SELECT number % 20011 AS k, groupArray(toString(number) ORDER BY number "
               "DESC) AS v, count() AS n FROM numbers(100000) GROUP BY k",
               {"k", "v", "n"}));
}

TEST_F(SpillTest, OneGroupThatDoesNotFitIsRefused) {
  const auto result =
      Run("SELECT length(groupArray(toString(number))) FROM numbers(1000000)", kLittle);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(engine_->ErrorCode(result.status()), "memory_limit_exceeded");
}

TEST_F(SpillTest, Sorts) {
  const std::string placed =
      "SELECT count(), sum((rowNumberInAllBlocks() + 1) * (cityHash64(v) % 1009)) FROM (";
  for (const char* order :
       {"number DESC", "cityHash64(toString(number))", "number % 10", "toString(number) DESC",
        "if(number % 5 = 0, NULL, number % 100) DESC, v", "[number % 7, number]",
        "number % 3 = 0, toFloat(number) / 7 DESC", "repeat('x', 20), number % 17"}) {
    ExpectSame(
        StrCat(placed, "SELECT toString(number) AS v FROM numbers(150000) ORDER BY ", order, ")"));
  }
  ExpectSame(StrCat(placed,
                    "SELECT repeat(toString(number), 9) AS v FROM numbers(150000) ORDER BY "
                    "cityHash64(toString(number)) LIMIT 60000 OFFSET 7)"));
  // Wide rows, and more runs than are merged at a time.
  ExpectSame(StrCat(placed,
                    "SELECT repeat(toString(number), 200) AS v FROM numbers(60000) ORDER BY "
                    "cityHash64(toString(number)))"),
             1 << 20);
}

TEST_F(SpillTest, ALimitBeyondAllNumbers) {
  ExpectSame(
      "SELECT count(), sum(v) FROM (SELECT number AS v FROM numbers(300000) ORDER BY "
      "cityHash64(v) LIMIT 9223372036854775807)");
}

TEST_F(SpillTest, Distinct) {
  ExpectSame(
      Checksum("SELECT DISTINCT toString(number % 60000) AS a, number % 2 AS b FROM "
               "numbers(200000)",
               {"a", "b"}));
  ExpectSame(
      Checksum("SELECT DISTINCT repeat(toString(number), 10) AS a FROM numbers(200000)", {"a"}),
      1 << 20);
}

class SpilledJoin : public SpillTest, public testing::WithParamInterface<const char*> {};

TEST_P(SpilledJoin, IsTheSame) {
  const std::string kind = GetParam();
  const bool left_only =
      kind.find("SEMI") != std::string::npos || kind.find("ANTI") != std::string::npos;
  const std::string left =
      "(SELECT if(number % 11 = 0, NULL, number) AS k, toString(number) AS v "
      "FROM numbers(50000)) a ";
  const std::string right =
      " (SELECT if(number % 13 = 0, NULL, intDiv(number * 3, 2)) AS k, "
      "repeat(toString(number), 10) AS w, number AS x FROM numbers(60000)) b";
  const std::vector<std::string> columns =
      left_only ? std::vector<std::string>{"v"} : std::vector<std::string>{"v", "w"};
  const std::string select =
      left_only ? "SELECT a.v AS v FROM " : "SELECT a.v AS v, b.w AS w FROM ";
  ExpectSame(Checksum(StrCat(select, left, kind, right, " ON a.k = b.k"), columns));
  ExpectSame(Checksum(StrCat(select, left, kind, right, " ON a.k = b.k"), columns), 1 << 20);
}

INSTANTIATE_TEST_SUITE_P(All, SpilledJoin,
                         testing::Values("INNER JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN",
                                         "LEFT SEMI JOIN", "LEFT ANTI JOIN", "ANY LEFT JOIN"));

TEST_F(SpillTest, JoinsWithMoreConditions) {
  const std::string left = "(SELECT number AS k, number % 7 AS x FROM numbers(50000)) a ";
  const std::string right =
      " (SELECT number % 30000 AS k, number % 5 AS y, repeat(toString(number), 9) AS w FROM "
      "numbers(60000)) b ON a.k = b.k AND a.x < b.y";
  for (const char* kind : {"INNER JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"}) {
    ExpectSame(Checksum(StrCat("SELECT a.k AS k, b.w AS w FROM ", left, kind, right), {"k", "w"}));
  }
}

TEST_F(SpillTest, ManyRowsOfOneKey) {
  const std::string left = "(SELECT number % 3 AS k, number AS v FROM numbers(60)) a ";
  const std::string right =
      " (SELECT number % 2 AS k, repeat(toString(number), 20) AS w FROM numbers(60000)) b "
      "ON a.k = b.k";
  ExpectSame(StrCat("SELECT count(), sum(length(b.w)), sum(a.v) FROM ", left, "INNER JOIN", right));
  const auto result =
      Run(StrCat("SELECT count(), sum(length(b.w)) FROM ", left, "FULL JOIN", right), kLittle);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(engine_->ErrorCode(result.status()), "memory_limit_exceeded");
  EXPECT_THAT(std::string(FromAbsl(result.status().message())), HasSubstr("one key"));
}

TEST_F(SpillTest, OneAboveTheOther) {
  ExpectSame(
      "SELECT count(), sum(n), sum((rowNumberInAllBlocks() + 1) % 1009 * (cityHash64(w) % 1009)) "
      "FROM (SELECT a.k AS k, b.w AS w, a.n AS n FROM (SELECT toString(number % 40000) AS k, "
      "count() AS n FROM numbers(100000) GROUP BY k) a JOIN (SELECT DISTINCT toString(number % "
      "50000) AS k, concat('w', toString(number % 50000)) AS w FROM numbers(100000)) b ON a.k = "
      "b.k ORDER BY w)");
}

// What a GROUP BY yields is shared out to two threads.
TEST_F(SpillTest, SeveralThreads) {
  const auto groups = [](const std::string& prefix) {
    return StrCat("(SELECT concat('", prefix,
                  "', toString(number % 60000)) AS k, count() AS n, "
                  "sum(number) AS s FROM numbers(150000) GROUP BY k)");
  };
  ExpectSame(Checksum(StrCat("SELECT substring(k, 2, 9) AS kk, sum(n) AS n, max(s) AS s FROM ",
                             groups("a"), " GROUP BY kk"),
                      {"kk", "n", "s"}));
  ExpectSame(
      StrCat("SELECT count(), sum((rowNumberInAllBlocks() + 1) % 1009 * (s % 1013)) FROM "
             "(SELECT s FROM ",
             groups("a"), " ORDER BY k)"));
  for (const char* kind : {"INNER JOIN", "FULL JOIN"}) {
    ExpectSame(Checksum(StrCat("SELECT a.k AS k, a.n AS n, b.s AS s FROM ", groups("a"), " a ",
                               kind, " ", groups("a"), " b ON a.k = b.k AND a.s % 3 > 0"),
                        {"k", "n", "s"}));
  }
}

TEST_F(SpillTest, MemoryOfAllQueriesTogether) {
  Start({.free_bytes_min = 0}, kLittle);
  const std::vector<Datum> row = Row(Checksum(kGroups, {"k", "n", "s"}), kEnough);
  EXPECT_GT(written_->value(), 0u);
  Start({.free_bytes_min = 0});
  EXPECT_EQ(row, Row(Checksum(kGroups, {"k", "n", "s"}), kEnough));
}

TEST_F(SpillTest, EveryFaultIsAnErrorAndLeavesNothing) {
  for (const std::string& query :
       {Checksum(kGroups, {"k", "n", "s"}),
        std::string("SELECT sum(length(v)) FROM (SELECT repeat(toString(number), 9) AS v FROM "
                    "numbers(60000) ORDER BY cityHash64(v))"),
        std::string("SELECT count() FROM (SELECT toString(number) AS k FROM numbers(40000)) a JOIN "
                    "(SELECT toString(number) AS k FROM numbers(40000)) b ON a.k = b.k"),
        std::string(
            "SELECT count() FROM (SELECT DISTINCT toString(number) FROM numbers(60000))")}) {
    const std::vector<Datum> expected = Row(query, kLittle);
    const uint64_t before = faults_.operations();
    Row(query, kLittle);
    const uint64_t operations = faults_.operations() - before;
    for (const FaultKind kind :
         {FaultKind::kIoError, FaultKind::kNoSpace, FaultKind::kShortWrite}) {
      for (uint64_t n = 1; n <= operations; n += 1 + operations / 25) {
        faults_.FailAfter(n, kind);
        // Files may stay when it is the removal that fails; see below.
        QueryRequest request;
        request.team_id = 1;
        request.text = query;
        request.memory_bytes_max = kLittle;
        const auto result = engine_->Run(request);
        faults_.ClearFault();
        if (!result.ok()) {
          EXPECT_THAT(result.status().code(), testing::AnyOf(absl::StatusCode::kInternal,
                                                             absl::StatusCode::kResourceExhausted))
              << result.status();
          if (absl::IsResourceExhausted(result.status())) {
            EXPECT_EQ(engine_->ErrorCode(result.status()), "not_enough_space") << result.status();
          }
        }
        EXPECT_EQ(space_->bytes(), 0u);
        for (const std::string& file : env_.Files()) ASSERT_TRUE(env_.Remove(file).ok());
      }
    }
    EXPECT_EQ(Row(query, kLittle), expected);
  }
}

TEST_F(SpillTest, AFullDiskIsSaidSo) {
  faults_.SetDiskFull(true);
  const auto result = Run(kGroups, kLittle);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(engine_->ErrorCode(result.status()), "not_enough_space");
  faults_.SetDiskFull(false);
  EXPECT_TRUE(Run(Checksum(kGroups, {"k"}), kLittle).ok());
}

TEST_F(SpillTest, LimitsOnDiskSpace) {
  const auto refused = [&](const std::string& words) {
    const auto result = Run(kGroups, kLittle);
    EXPECT_EQ(engine_->ErrorCode(result.status()), "not_enough_space");
    EXPECT_THAT(std::string(FromAbsl(result.status().message())), HasSubstr(words));
  };
  Start({.query_bytes_max = 10'000, .free_bytes_min = 0});
  refused("one query may write no more than 10000 bytes");
  Start({.bytes_max = 20'000, .free_bytes_min = 0});
  refused("all queries together may write no more than 20000 bytes");
  Start({.free_bytes_min = 1 << 30});
  faults_.SetFreeBytes((1 << 30) + 100);
  refused("are not for queries");
}

TEST_F(SpillTest, DamageIsNoticed) {
  std::atomic<int> reads{0};
  // All over the file, so that what is read next is among it.
  faults_.SetObserver([&](const std::string& operation, const std::string& path) {
    if (operation != "read" || ++reads != 3) return;
    for (uint64_t at = 100; env_.DamageByte(path, at, 0x10);) at += 500;
  });
  const auto result = Run(Checksum("SELECT repeat(toString(number), 9) AS v FROM numbers(100000) "
                                   "ORDER BY cityHash64(v)",
                                   {"v"}),
                          kLittle);
  EXPECT_TRUE(absl::IsDataLoss(result.status())) << result.status();
  EXPECT_GE(reads, 3);
  faults_.SetObserver(nullptr);
}

TEST_F(SpillTest, CancelledInTheMiddle) {
  std::atomic<int> writes{0};
  faults_.SetObserver([&](const std::string& operation, const std::string&) {
    if (operation == "write" && ++writes == 5) cancelled_->store(true);
  });
  EXPECT_EQ(Run(kGroups, kLittle).status().code(), absl::StatusCode::kCancelled);
  EXPECT_GE(writes, 5);
  faults_.SetObserver(nullptr);
}

TEST_F(SpillTest, WhatACrashLeftIsRemoved) {
  engine_.reset();
  env_.Write(kFolder + "/7", "left behind");
  env_.Write(kFolder + "/folder/8", "left behind");
  Start({.free_bytes_min = 0});
  EXPECT_THAT(env_.Files(), testing::IsEmpty());
}

}  // namespace
}  // namespace hoglet
