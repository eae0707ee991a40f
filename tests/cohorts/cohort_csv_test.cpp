#include "src/cohorts/cohort_csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/strings.h"

namespace hoglet {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using Kind = CohortCsv::Kind;

struct CsvCase {
  const char* name;
  std::string file;
  Kind kind;
  std::vector<std::string> ids;
};

TEST(CohortCsv, FindsTheIds) {
  const CsvCase cases[] = {
      {"one column", "b\r\na\n\n b \n", Kind::kDistinctIds, {"a", "b"}},
      {"no line end", "a", Kind::kDistinctIds, {"a"}},
      {"header is an id", "distinct_id\na", Kind::kDistinctIds, {"a", "distinct_id"}},
      {"column of e-mails", "E-Mail\na@b", Kind::kEmails, {"a@b"}},
      {"byte order mark", "\xef\xbb\xbfPerson .ID\nx", Kind::kPersonIds, {"x"}},
      {"columns", "name,distinct-id\n1,a\n2\n3,b,c\n", Kind::kDistinctIds, {"a", "b"}},
      {"the better column", "email,distinct_id,person_id\ne,d,p\n", Kind::kPersonIds, {"p"}},
      {"quotes", "email,x\n\"a\"\"b,\n\",1\n\"open", Kind::kEmails, {"a\"b,", "open"}},
  };
  for (const CsvCase& c : cases) {
    const auto csv = ReadCohortCsv(c.file);
    ASSERT_TRUE(csv.ok()) << c.name << csv.status();
    EXPECT_EQ(csv->kind, c.kind) << c.name;
    EXPECT_THAT(csv->ids, ElementsAreArray(c.ids)) << c.name;
  }
}

TEST(CohortCsv, SaysWhatIsWrong) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "empty"},
      {"\n\n", "empty"},
      {"a,b\n1,2", "none of them is named"},
      {"email,b\n,2\n", "no valid ids"},
      {"a\xff", "not UTF-8"},
  };
  for (const auto& [file, message] : cases) {
    const auto csv = ReadCohortCsv(file);
    ASSERT_FALSE(csv.ok()) << file;
    EXPECT_THAT(std::string(csv.status().message()), HasSubstr(message)) << file;
  }
}

TEST(CohortCsv, IsBounded) {
  std::string file;
  for (size_t i = 0; i < kCohortCsvIdsMax; ++i) file += "a\n";
  EXPECT_TRUE(ReadCohortCsv(file).ok());
  EXPECT_FALSE(ReadCohortCsv(file + "a").ok());
}

}  // namespace
}  // namespace hoglet
