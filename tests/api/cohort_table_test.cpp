#include "src/api/cohort_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/cohorts/cohort_document.h"
#include "storage/schema.h"

namespace hoglet {
namespace {

using testing::ElementsAre;

constexpr TeamId kTeam = 1;

Uuid Person(uint16_t n) {
  Uuid out;
  out.bytes[14] = static_cast<uint8_t>(n >> 8);
  out.bytes[15] = static_cast<uint8_t>(n);
  return out;
}

std::vector<Uuid> Persons(uint16_t count) {
  std::vector<Uuid> out;
  for (uint16_t n = 0; n < count; ++n) out.push_back(Person(n));
  return out;
}

class CohortTableTest : public testing::Test {
 protected:
  void SetUp() override { objects_ = *ObjectStore::Open(&env_, "objects"); }

  void Put(TeamId team, const Cohort& cohort, std::vector<Uuid> members) {
    const absl::Status status = objects_->Change(team, [&](ObjectStore::Transaction* transaction) {
      transaction->Put(ObjectKind::kCohort, cohort.id, WriteCohort(cohort));
      transaction->SetMembers(cohort.id, std::move(members));
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  }

  // "cohort:first person+rows" of each granule.
  std::vector<std::string> Granules(const TableScan& scan) {
    std::vector<std::string> out;
    for (size_t g = 0; g < scan.granule_count(); ++g) {
      auto reader = scan.OpenGranule(g);
      EXPECT_TRUE(reader.ok()) << reader.status();
      EXPECT_EQ((*reader)->rows(), scan.granule_rows(g));
      const auto cohorts = (*reader)->Read({.name = "cohort_id"});
      const auto persons = (*reader)->Read({.name = "person_id"}, Selection{0});
      EXPECT_TRUE(cohorts.ok() && persons.ok());
      EXPECT_EQ(persons->size(), 1u);
      const Uuid first = Int128ToUuid(VectorReader<Int128>(*persons).at(0));
      out.push_back(StrCat(VectorReader<int64_t>(*cohorts).at(0), ":",
                           first.bytes[14] * 256 + first.bytes[15], "+", (*reader)->rows()));
    }
    return out;
  }

  MemoryEnv env_;
  std::unique_ptr<ObjectStore> objects_;
};

TEST_F(CohortTableTest, ShowsTheLiveCohortsOfItsKindAndTeam) {
  Put(kTeam, {.id = 1, .is_static = true}, {Person(4), Person(9)});
  Put(kTeam, {.id = 2}, {Person(5)});
  Put(kTeam, {.id = 3, .is_static = true, .is_deleted = true}, {Person(6)});
  Put(kTeam, {.id = 4, .is_static = true}, {});
  Put(kTeam, {.id = 5, .is_static = true}, Persons(kVectorRowsMax + 1));
  Put(2, {.id = 6, .is_static = true}, {Person(7)});
  const auto fixed = CohortPeopleTable(objects_.get(), /*is_static=*/true);
  const auto moving = CohortPeopleTable(objects_.get(), /*is_static=*/false);
  const auto scan = fixed->OpenScan(kTeam, {});
  ASSERT_TRUE(scan.ok()) << scan.status();
  EXPECT_THAT(Granules(**scan), ElementsAre("1:4+2", "5:0+8192", "5:8192+1"));
  EXPECT_THAT(Granules(**moving->OpenScan(kTeam, {})), ElementsAre("2:5+1"));
  EXPECT_THAT(Granules(**fixed->OpenScan(2, {})), ElementsAre("6:7+1"));

  // Of its moment.
  Put(kTeam, {.id = 1, .is_static = true}, {Person(8)});
  EXPECT_THAT(Granules(**scan), ElementsAre("1:4+2", "5:0+8192", "5:8192+1"));
  EXPECT_THAT(Granules(**fixed->OpenScan(kTeam, {})), ElementsAre("1:8+1", "5:0+8192", "5:8192+1"));
}

TEST_F(CohortTableTest, OnlyDynamicOnesHaveAVersion) {
  const auto fixed = CohortPeopleTable(objects_.get(), /*is_static=*/true);
  const auto moving = CohortPeopleTable(objects_.get(), /*is_static=*/false);
  for (const char* column : {"sign", "version"}) {
    EXPECT_TRUE(absl::IsNotFound(fixed->ColumnType({.name = column}).status()));
    EXPECT_TRUE(moving->ColumnType({.name = column}).ok());
  }
  EXPECT_TRUE(absl::IsNotFound(moving->ColumnType({.name = "x"}).status()));
  Put(kTeam, {.id = 1}, {Person(1)});
  const auto scan = moving->OpenScan(kTeam, {});
  const auto reader = (*scan)->OpenGranule(0);
  EXPECT_EQ((*reader)->Read({.name = "sign"})->Get(0), Datum(1));
  EXPECT_EQ((*reader)->Read({.name = "version"})->Get(0), Datum(kCohortVersion));
}

}  // namespace
}  // namespace hoglet
