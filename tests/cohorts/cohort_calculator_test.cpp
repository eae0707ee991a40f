#include "src/cohorts/cohort_calculator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/base/vector/vector.h"

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr TeamId kTeam = 1;

std::string PersonText(int n) { return StrCat("00000000-0000-0000-0000-00000000000", n); }

// Answers with persons by what the query asks for. Queries come from the calculator's thread.
class ScriptedEngine final : public QueryEngine {
 public:
  using Answer = std::function<absl::StatusOr<QueryResult>(const QueryRequest&)>;

  absl::StatusOr<QueryResult> Run(const QueryRequest& request) override {
    Answer answer;
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
      answer = answer_;
    }
    return answer(request);
  }
  void SetAnswer(Answer answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  std::vector<QueryRequest> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  std::string ErrorCode(const absl::Status&) const override { return ""; }

  static QueryResult Persons(const std::vector<int>& numbers) {
    QueryResult result;
    result.columns = {"id"};
    for (const int n : numbers)
      result.batches.push_back(
          {Vector::Constant(Type(TypeKind::kString), Datum(PersonText(n)), 1)});
    return result;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<QueryRequest> requests_;
  Answer answer_ = [](const QueryRequest&) { return Persons({2, 1, 2}); };
};

class CohortCalculatorTest : public testing::Test {
 protected:
  void SetUp() override {
    objects_ = *ObjectStore::Open(&env_, "objects");
    metadata_ = *MetadataStore::Open(&env_, "metadata");
    // Its thread has nothing to do unless it is asked to.
    options_.interval_us = kMicrosPerDay;
    calculator_ = Make();
  }

  std::unique_ptr<CohortCalculator> Make() {
    return std::make_unique<CohortCalculator>(CohortCalculator::Parts{.env = &env_,
                                                                      .engine = &engine_,
                                                                      .objects = objects_.get(),
                                                                      .metadata = metadata_.get()},
                                              options_);
  }
  void Put(const Cohort& cohort) {
    const absl::Status status = objects_->Change(kTeam, [&](ObjectStore::Transaction* transaction) {
      transaction->Put(ObjectKind::kCohort, cohort.id, WriteCohort(cohort));
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  }
  Cohort Get(int64_t id) const {
    return *ReadCohort(*objects_->Find(kTeam, ObjectKind::kCohort, id));
  }
  std::vector<int> Members(int64_t id) const {
    std::vector<int> out;
    const auto members = objects_->Members(kTeam, id);
    if (members == nullptr) return {-1};
    for (const Uuid& person : members->persons()) out.push_back(person.bytes[15]);
    return out;
  }
  static std::string Filters(const std::string& filter) {
    return StrCat(R"({"properties":{"type":"AND","values":[)", filter, "]}}");
  }
  static std::string Set(const char* key) {
    return StrCat(R"({"type":"person","key":")", key, R"(","operator":"is_set"})");
  }
  static std::string In(int64_t id) {
    return StrCat(R"({"type":"cohort","key":"id","value":)", id, "}");
  }

  MemoryEnv env_;
  ScriptedEngine engine_;
  std::unique_ptr<ObjectStore> objects_;
  std::unique_ptr<MetadataStore> metadata_;
  CohortCalculator::Options options_;
  std::unique_ptr<CohortCalculator> calculator_;
};

TEST_F(CohortCalculatorTest, StoresWhoIsIn) {
  Put({.id = 1, .filters_json = Filters(Set("a")), .is_calculating = true});
  ASSERT_TRUE(calculator_->Calculate(kTeam, 1).ok());
  EXPECT_THAT(Members(1), ElementsAre(1, 2));
  const Cohort cohort = Get(1);
  EXPECT_FALSE(cohort.is_calculating);
  EXPECT_EQ(cohort.last_calculation_us, env_.NowMicros());
  EXPECT_EQ(cohort.version, 1);
  ASSERT_EQ(engine_.requests().size(), 1u);
  EXPECT_EQ(engine_.requests()[0].text, "SELECT id FROM persons WHERE properties.`a` IS NOT NULL");
  EXPECT_EQ(engine_.requests()[0].team_id, kTeam);
  EXPECT_EQ(engine_.requests()[0].limit_context, LimitContext::kCohortCalculation);
  EXPECT_EQ(engine_.requests()[0].rows_max, kMembersPerCohortMax + 1);
}

TEST_F(CohortCalculatorTest, NoCriteriaNobody) {
  Put({.id = 1});
  ASSERT_TRUE(calculator_->Calculate(kTeam, 1).ok());
  EXPECT_THAT(Members(1), IsEmpty());
  EXPECT_TRUE(engine_.requests().empty());
}

TEST_F(CohortCalculatorTest, LeavesStaticAndDeletedOnesAlone) {
  Put({.id = 1, .filters_json = Filters(Set("a")), .is_static = true});
  Put({.id = 2, .filters_json = Filters(Set("a")), .is_deleted = true});
  EXPECT_TRUE(calculator_->Calculate(kTeam, 1).ok());
  EXPECT_TRUE(calculator_->Calculate(kTeam, 2).ok());
  EXPECT_TRUE(absl::IsNotFound(calculator_->Calculate(kTeam, 3)));
  EXPECT_TRUE(engine_.requests().empty());
}

TEST_F(CohortCalculatorTest, ThoseReferredToComeFirst) {
  Put({.id = 1, .filters_json = Filters(StrCat(In(2), ",", In(3), ",", In(9)))});
  Put({.id = 2, .filters_json = Filters(StrCat(In(3), ",", In(1)))});
  Put({.id = 3, .filters_json = Filters(Set("a"))});
  ASSERT_TRUE(calculator_->Calculate(kTeam, 1).ok());
  std::vector<std::string> ids;
  for (const QueryRequest& request : engine_.requests()) ids.push_back(request.client_query_id);
  EXPECT_THAT(ids, ElementsAre("cohort-3", "cohort-2", "cohort-1"));
}

TEST_F(CohortCalculatorTest, ErrorsAreCountedAndMembersKept) {
  Put({.id = 1, .filters_json = Filters(Set("a")), .is_calculating = true});
  ASSERT_TRUE(calculator_->Calculate(kTeam, 1).ok());
  const int64_t calculated_us = env_.NowMicros();
  engine_.SetAnswer([](const QueryRequest&) { return absl::ResourceExhaustedError("too much"); });
  env_.AdvanceMicros(kMicrosPerHour);
  EXPECT_TRUE(absl::IsResourceExhausted(calculator_->Calculate(kTeam, 1)));
  EXPECT_EQ(Get(1).errors_calculating, 1);
  EXPECT_EQ(Get(1).last_calculation_us, calculated_us);
  EXPECT_THAT(Members(1), ElementsAre(1, 2));

  // Half an hour, then an hour.
  EXPECT_EQ(calculator_->CalculateDue(), 0u);
  env_.AdvanceMicros(30 * kMicrosPerMinute);
  EXPECT_EQ(calculator_->CalculateDue(), 1u);
  EXPECT_EQ(Get(1).errors_calculating, 2);
  env_.AdvanceMicros(59 * kMicrosPerMinute);
  EXPECT_EQ(calculator_->CalculateDue(), 0u);
  env_.AdvanceMicros(kMicrosPerMinute);
  engine_.SetAnswer([](const QueryRequest&) { return ScriptedEngine::Persons({3}); });
  EXPECT_EQ(calculator_->CalculateDue(), 1u);
  EXPECT_EQ(Get(1).errors_calculating, 0);
  EXPECT_THAT(Members(1), ElementsAre(3));
}

TEST_F(CohortCalculatorTest, IsDueAfterAQuarterOfAnHour) {
  Put({.id = 1, .filters_json = Filters(Set("a"))});
  Put({.id = 2, .filters_json = Filters(In(1))});
  EXPECT_EQ(calculator_->CalculateDue(), 2u);
  EXPECT_EQ(engine_.requests().size(), 2u) << "1 for itself, and not again for 2";
  env_.AdvanceMicros(14 * kMicrosPerMinute);
  EXPECT_EQ(calculator_->CalculateDue(), 0u);
  env_.AdvanceMicros(kMicrosPerMinute);
  EXPECT_EQ(calculator_->CalculateDue(), 2u);
}

TEST_F(CohortCalculatorTest, TooManyAreAnError) {
  options_.members_max = 2;
  calculator_ = Make();
  Put({.id = 1, .filters_json = Filters(Set("a"))});
  EXPECT_TRUE(absl::IsResourceExhausted(calculator_->Calculate(kTeam, 1)));
  EXPECT_EQ(engine_.requests()[0].rows_max, 3u);
  EXPECT_EQ(Get(1).errors_calculating, 1);
  EXPECT_THAT(Members(1), ElementsAre(-1));
}

TEST_F(CohortCalculatorTest, AChangeMeanwhileIsNotOverwritten) {
  Put({.id = 1, .filters_json = Filters(Set("a")), .is_calculating = true});
  engine_.SetAnswer([this](const QueryRequest&) {
    Put({.id = 1, .filters_json = Filters(Set("b")), .is_calculating = true});
    return ScriptedEngine::Persons({1});
  });
  ASSERT_TRUE(calculator_->Calculate(kTeam, 1).ok());
  EXPECT_THAT(Members(1), ElementsAre(-1));
  EXPECT_TRUE(Get(1).is_calculating);
}

TEST_F(CohortCalculatorTest, WhoAsksMeanwhileWaitsForTheNext) {
  Put({.id = 1, .filters_json = Filters(Set("a")), .is_calculating = true, .requests = 1});
  engine_.SetAnswer([this](const QueryRequest&) {
    Put({.id = 1, .filters_json = Filters(Set("a")), .is_calculating = true, .requests = 2});
    return ScriptedEngine::Persons({1});
  });
  ASSERT_TRUE(calculator_->Calculate(kTeam, 1).ok());
  EXPECT_THAT(Members(1), ElementsAre(1));
  EXPECT_TRUE(Get(1).is_calculating);
  ASSERT_TRUE(calculator_->Calculate(kTeam, 1).ok());
  EXPECT_FALSE(Get(1).is_calculating);
}

TEST_F(CohortCalculatorTest, DefinitionsMayChangeMeanwhile) {
  for (int64_t id = 1; id <= 20; ++id) Put({.id = id, .filters_json = Filters(Set("a"))});
  engine_.SetAnswer([](const QueryRequest&) { return ScriptedEngine::Persons({1}); });
  std::atomic<bool> is_over = false;
  std::thread changes([&] {
    for (int i = 0; !is_over; ++i)
      Put({.id = 21 + i % 5, .filters_json = Filters(Set("b")), .is_deleted = true});
  });
  for (int times = 0; times < 20; ++times) {
    calculator_->CalculateDue();
    env_.AdvanceMicros(kMicrosPerHour);
  }
  is_over = true;
  changes.join();
  EXPECT_EQ(Get(1).version, 20);
}

TEST_F(CohortCalculatorTest, GoesOnAfterARestartAndStopsAtOnce) {
  Put({.id = 1, .filters_json = Filters(Set("a")), .is_calculating = true});
  std::atomic<bool> has_begun = false;
  engine_.SetAnswer([&](const QueryRequest& request) -> absl::StatusOr<QueryResult> {
    has_begun = true;
    while (!request.cancelled->load()) std::this_thread::yield();
    return absl::CancelledError("stopped");
  });
  calculator_ = Make();
  while (!has_begun) std::this_thread::yield();
  calculator_->Stop();
  EXPECT_EQ(Get(1).errors_calculating, 0);
  EXPECT_TRUE(Get(1).is_calculating);
}

TEST(MembersOf, AreUuids) {
  QueryResult result;
  result.batches.push_back({Vector::Constant(Type(TypeKind::kInt64), Datum(1), 1)});
  EXPECT_TRUE(absl::IsInvalidArgument(MembersOf(result, 0, 10).status()));
  result.batches = {{Vector::Constant(Type(TypeKind::kUuid), Datum(Int128{1}), 3)}};
  const auto members = MembersOf(result, 0, 10);
  ASSERT_TRUE(members.ok()) << members.status();
  EXPECT_THAT(*members, ElementsAre(*ParseUuid(PersonText(1))));
}

}  // namespace
}  // namespace hoglet
