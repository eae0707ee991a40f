#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "query/analyze/analyzer.h"
#include "query/hogql/parser.h"
#include "tests/query/analyze/fake_catalog.h"

// Queries and their plans, as text in plans.txt: "-- query" lines, then the plan or "error: ..." up
// to an empty line. HOGLET_UPDATE=1 rewrites the file with what comes out; read the difference
// before you keep it.

namespace hoglet {
namespace {

class Properties : public SchemaProvider {
 public:
  PropertyType PropertyTypeOf(PropertyKind, std::string_view name) const override {
    if (name == "amount") return PropertyType::kNumeric;
    if (name == "is_paid") return PropertyType::kBoolean;
    if (name == "paid_at") return PropertyType::kDateTime;
    return PropertyType::kNone;
  }
  std::vector<std::string> GroupTypes() const override { return {"organization"}; }
  std::vector<Cohort> CohortsById(int64_t id) const override {
    return id == 7 ? std::vector<Cohort>{{7, true, {}}} : std::vector<Cohort>();
  }
  std::vector<std::string> ActionsByName(std::string_view name) const override {
    return name == "buy" ? std::vector<std::string>{"event = 'order' and properties.amount > 0"}
                         : std::vector<std::string>();
  }
};

std::string PlanOf(const std::string& query) {
  static const FakeCatalog catalog;
  static const Properties properties;
  AnalyzeContext context;
  context.team_id = 2;
  context.functions = &catalog;
  context.schema = &properties;
  context.eval.now_us = 1'700'000'000'000'000;
  if (query.find("/* Berlin */") != std::string::npos) context.timezone = "Europe/Berlin";
  if (query.find("/* joined */") != std::string::npos)
    context.persons_mode = PersonsOnEventsMode::kOverridePropertiesJoined;
  if (query.find("/* disabled */") != std::string::npos)
    context.persons_mode = PersonsOnEventsMode::kDisabled;
  auto tree = hogql::ParseSelect(query);
  if (!tree.ok()) return "error: " + std::string(tree.status().message()) + "\n";
  auto analyzed = AnalyzeSelect(**tree, context);
  if (!analyzed.ok())
    return "error: " + ErrorCodeOf(analyzed.status()) + ": " +
           std::string(analyzed.status().message()) + "\n";
  std::string columns;
  for (const OutputColumn& column : analyzed->plan->output)
    columns += (columns.empty() ? "" : ", ") + column.name + " " + column.type.Name();
  return columns + "\n" + PlanToString(*analyzed->plan);
}

TEST(Plans, AreAsWritten) {
  const std::string path = HOGLET_SOURCE_DIR "/tests/query/analyze/plans.txt";
  std::ifstream file(path);
  ASSERT_TRUE(file.is_open()) << path;
  const bool update = std::getenv("HOGLET_UPDATE") != nullptr;
  std::ostringstream out;
  std::string query, wanted;
  auto check = [&] {
    if (query.empty()) return;
    const std::string plan = PlanOf(query);
    if (!update) {
      EXPECT_EQ(plan, wanted) << query;
    }
    out << "-- " << query << "\n" << plan << "\n";
    query.clear();
    wanted.clear();
  };
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("-- ")) {
      check();
      query = line.substr(3);
    } else if (!line.empty()) {
      wanted += line + "\n";
    }
  }
  check();
  if (update) std::ofstream(path) << out.str();
}

}  // namespace
}  // namespace hoglet
