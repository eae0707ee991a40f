#include "query/exec/numbered_distinct.h"

#include <gtest/gtest.h>

#include "query/functions/functions.h"
#include "tests/query/exec/numbered_column.h"

namespace hoglet {
namespace {

constexpr size_t kGroups = 5;

// The states of a function for some groups.
class States {
 public:
  explicit States(const AggregateFunction& function)
      : function_(function), stride_((function.state_bytes() + 15) / 16 * 16) {
    memory_ = static_cast<char*>(::operator new (stride_* kGroups, std::align_val_t{16}));
    function.CreateMany(memory_, stride_, kGroups);
  }
  ~States() {
    for (size_t g = 0; g < kGroups; ++g) function_.Destroy(at(g));
    ::operator delete (memory_, std::align_val_t{16});
  }
  char* at(size_t group) const { return memory_ + group * stride_; }

  // Row i goes into group groups[i].
  void Update(const Vector& rows, const std::vector<uint32_t>& groups) {
    EvalContext context;
    std::vector<char*> states;
    for (const uint32_t group : groups) states.push_back(at(group));
    ASSERT_TRUE(function_.Update(context, states.data(), {&rows, 1}, rows.size()).ok());
  }
  std::vector<int64_t> Counts() const {
    VectorBuilder builder(function_.result_type());
    for (size_t g = 0; g < kGroups; ++g) EXPECT_TRUE(function_.Finalize(at(g), &builder).ok());
    const Vector results = builder.Build();
    return {results.data<int64_t>(), results.data<int64_t>() + kGroups};
  }

 private:
  const AggregateFunction& function_;
  size_t stride_;
  char* memory_;
};

std::shared_ptr<const AggregateFunction> PlainCount(const Type& type) {
  FunctionArgument argument;
  argument.type = type;
  auto bound = BuiltinFunctions().BindAggregate("uniqExact", {}, {&argument, 1}, false);
  EXPECT_TRUE(bound.ok()) << bound.status();
  return *std::move(bound);
}

class NumberedDistinctTest : public testing::TestWithParam<std::tuple<TypeKind, uint32_t>> {
 protected:
  NumberedDistinctTest()
      : column_(Type(std::get<0>(GetParam())).Nullable(), 11, std::get<1>(GetParam())),
        plain_(PlainCount(column_.type())),
        numbers_(std::make_shared<ColumnNumbers>(column_.type(), 8 << 20)),
        numbered_(MakeNumberedDistinct(plain_, numbers_)) {}

  // Some rounds of rows into both; `flat_one_in`: how often they come without a dictionary.
  void Feed(States* expected, States* got, unsigned flat_one_in) {
    for (unsigned round = 0; round < 30; ++round) {
      const Vector rows = column_.Rows(flat_one_in == 0 || round % flat_one_in != 0);
      std::vector<uint32_t> groups;
      // The last group stays empty.
      for (size_t i = 0; i < rows.size(); ++i)
        groups.push_back(static_cast<uint32_t>(random_() % (kGroups - 1)));
      expected->Update(rows, groups);
      got->Update(rows, groups);
    }
  }

  std::mt19937 random_{3};
  NumberedColumn column_;
  std::shared_ptr<const AggregateFunction> plain_;
  std::shared_ptr<ColumnNumbers> numbers_;
  std::shared_ptr<const AggregateFunction> numbered_;
};

TEST_P(NumberedDistinctTest, CountsWhatThePlainOneCounts) {
  for (const unsigned flat_one_in : {0, 1, 2, 7}) {
    States expected(*plain_);
    States got(*numbered_);
    Feed(&expected, &got, flat_one_in);
    EXPECT_EQ(got.Counts(), expected.Counts()) << flat_one_in;
    EXPECT_EQ(got.Counts().back(), 0);
  }
}

TEST_P(NumberedDistinctTest, MergesAndSerializes) {
  for (const auto& [left_flat, right_flat] : {std::pair(0u, 0u), {0u, 3u}, {3u, 0u}, {2u, 2u}}) {
    States expected_left(*plain_), expected_right(*plain_), left(*numbered_), right(*numbered_);
    Feed(&expected_left, &left, left_flat);
    Feed(&expected_right, &right, right_flat);
    // As a spilled state comes back: in the form of the plain function.
    States back(*numbered_);
    for (size_t g = 0; g < kGroups; ++g) {
      std::string bytes;
      ASSERT_TRUE(numbered_->Serialize(right.at(g), &bytes).ok());
      ASSERT_TRUE(numbered_->Deserialize(bytes, back.at(g)).ok());
    }
    EXPECT_EQ(back.Counts(), expected_right.Counts());
    for (size_t g = 0; g < kGroups; ++g) {
      ASSERT_TRUE(plain_->Merge(expected_left.at(g), expected_right.at(g)).ok());
      ASSERT_TRUE(numbered_->Merge(left.at(g), (g % 2 == 0 ? right : back).at(g)).ok());
    }
    EXPECT_EQ(left.Counts(), expected_left.Counts());
    // The empty group takes over all of another, too.
    ASSERT_TRUE(plain_->Merge(expected_left.at(kGroups - 1), expected_left.at(0)).ok());
    ASSERT_TRUE(numbered_->Merge(left.at(kGroups - 1), left.at(0)).ok());
    EXPECT_EQ(left.Counts(), expected_left.Counts());
  }
}

INSTANTIATE_TEST_SUITE_P(Values, NumberedDistinctTest,
                         testing::Combine(testing::Values(TypeKind::kString, TypeKind::kUuid),
                                          testing::Values(60u, 400u, 100'000u)));

TEST(NumberedDistinct, IsForPlainCallsOnly) {
  AggregateCall call;
  call.name = "uniqExact";
  call.arguments = {0};
  EXPECT_TRUE(CountsDistinct(call));
  call.arguments = {0, 1};
  EXPECT_FALSE(CountsDistinct(call));
  call.arguments = {0};
  call.name = "uniq";
  EXPECT_FALSE(CountsDistinct(call));
}

}  // namespace
}  // namespace hoglet
