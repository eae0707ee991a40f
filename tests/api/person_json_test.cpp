#include "src/api/person_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/uuid.h"

namespace hoglet {
namespace {

using testing::ElementsAre;

constexpr char kId[] = "00000000-0000-0000-0000-000000000001";

ShownPerson Show(const std::string& properties, std::vector<std::string> ids) {
  PersonRecord record{.team_id = 1, .id = *ParseUuid(kId), .properties = properties};
  record.created_at_us = 1'700'000'000'123'456;
  return ShowPerson(std::move(record), std::move(ids));
}

TEST(ShowPerson, NamesByThePropertyThatSaysMost) {
  EXPECT_EQ(Show(R"({"name":"n","email":"e"})", {"d"}).name, "e");
  EXPECT_EQ(Show(R"({"name":"n","email":null,"UserName":"u"})", {"d"}).name, "n");
  EXPECT_EQ(Show(R"({"username":7})", {"d"}).name, "7");
  EXPECT_EQ(Show(R"({"name":{"first":"n"}})", {"d"}).name, "d");
  EXPECT_EQ(Show("{}", {kId, "b", "a"}).name, "b") << "rather than a UUID";
  EXPECT_THAT(Show("{}", {kId, "b", "a"}).distinct_ids, ElementsAre("b", "a", kId));
  EXPECT_EQ(Show("{}", {}).name, kId);
}

TEST(ShowPerson, AsJsonAndAsCsv) {
  const ShownPerson person = Show(R"({"email":"a,b","x":1})", {"c\"d", "e"});
  JsonWriter json;
  WritePersonRow(person, 1, &json);
  EXPECT_EQ(json.text(),
            R"({"type":"person","id":"00000000-0000-0000-0000-000000000001",)"
            R"("uuid":"00000000-0000-0000-0000-000000000001","name":"a,b","distinct_ids":["c\"d"],)"
            R"("properties":{"email":"a,b","x":1},"created_at":"2023-11-14T22:13:20.123456Z",)"
            R"("is_identified":false,"matched_recordings":[],"value_at_data_point":null})");
  std::string csv;
  AppendPersonCsv(person, &csv);
  EXPECT_EQ(csv,
            "00000000-0000-0000-0000-000000000001,\"a,b\",\"a,b\",2023-11-14T22:13:20.123456Z,"
            "\"{\"\"email\"\":\"\"a,b\"\",\"\"x\"\":1}\",\"[\"\"c\\\"\"d\"\",\"\"e\"\"]\"\r\n");
}

}  // namespace
}  // namespace hoglet
