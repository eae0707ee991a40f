#include "src/cohorts/cohort_members.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/memory_env.h"
#include "src/base/uuid.h"
#include "src/cohorts/cohort_document.h"

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr TeamId kTeam = 1;

Uuid Person(uint8_t n) {
  Uuid out;
  out.bytes[15] = n;
  return out;
}

class CohortMembershipTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = ObjectStore::Open(&env_, "objects");
    ASSERT_TRUE(opened.ok()) << opened.status();
    objects_ = *std::move(opened);
  }

  void Put(TeamId team, int64_t id, bool is_static, std::vector<Uuid> members) {
    const absl::Status status = objects_->Change(team, [&](ObjectStore::Transaction* transaction) {
      transaction->Put(ObjectKind::kCohort, id, WriteCohort({.id = id, .is_static = is_static}));
      transaction->SetMembers(id, std::move(members));
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  }
  std::vector<int> Members(TeamId team, int64_t id) const {
    std::vector<int> out;
    const auto members = objects_->Members(team, id);
    for (const Uuid& person : members->persons()) out.push_back(person.bytes[15]);
    return out;
  }

  MemoryEnv env_;
  std::unique_ptr<ObjectStore> objects_;
};

TEST_F(CohortMembershipTest, MergesMoveMembersOfStaticCohorts) {
  Put(kTeam, 1, true, {Person(1), Person(2)});
  Put(kTeam, 2, true, {Person(2)});
  Put(kTeam, 3, false, {Person(1)});
  Put(2, 1, true, {Person(1)});
  CohortMembership membership(objects_.get());
  const uint64_t before = objects_->version(kTeam);
  ASSERT_TRUE(membership.PersonsMerged(std::vector{PersonMerge{kTeam, Person(9), Person(8)}}).ok());
  EXPECT_EQ(objects_->version(kTeam), before) << "nothing to do, nothing written";

  // In their order: 1 becomes 3 becomes 2.
  const std::vector<PersonMerge> merges = {
      {kTeam, Person(1), Person(3)}, {kTeam, Person(3), Person(2)}, {3, Person(1), Person(2)}};
  for (int times = 0; times < 2; ++times) {
    ASSERT_TRUE(membership.PersonsMerged(merges).ok());
    EXPECT_THAT(Members(kTeam, 1), ElementsAre(2));
    EXPECT_THAT(Members(kTeam, 2), ElementsAre(2));
    EXPECT_THAT(Members(kTeam, 3), ElementsAre(1));
    EXPECT_THAT(Members(2, 1), ElementsAre(1));
  }
}

TEST_F(CohortMembershipTest, SeesCohortsThatAreMadeLater) {
  CohortMembership membership(objects_.get());
  ASSERT_TRUE(membership.PersonsMerged(std::vector{PersonMerge{kTeam, Person(1), Person(2)}}).ok());
  Put(kTeam, 1, true, {Person(1)});
  ASSERT_TRUE(membership.PersonsMerged(std::vector{PersonMerge{kTeam, Person(1), Person(2)}}).ok());
  EXPECT_THAT(Members(kTeam, 1), ElementsAre(2));
}

TEST_F(CohortMembershipTest, DeletedPersonsAreInNoCohort) {
  Put(kTeam, 1, true, {Person(1), Person(2)});
  Put(kTeam, 2, false, {Person(1)});
  Put(2, 1, true, {Person(1)});
  CohortMembership membership(objects_.get());
  for (int times = 0; times < 2; ++times) {
    ASSERT_TRUE(membership.PersonsDeleted(kTeam, std::vector{Person(1), Person(7)}).ok());
    EXPECT_THAT(Members(kTeam, 1), ElementsAre(2));
    EXPECT_THAT(Members(kTeam, 2), IsEmpty());
    EXPECT_THAT(Members(2, 1), ElementsAre(1));
  }
}

TEST_F(CohortMembershipTest, CountsAreLimited) {
  EXPECT_TRUE(CheckMemberCount(*objects_, kTeam, 1, kMembersPerCohortMax).ok());
  EXPECT_TRUE(
      absl::IsResourceExhausted(CheckMemberCount(*objects_, kTeam, 1, kMembersPerCohortMax + 1)));
}

}  // namespace
}  // namespace hoglet
