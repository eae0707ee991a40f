#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "include/hoglet/query_engine.h"
#include "include/hoglet/token_directory.h"
#include "src/base/vector/vector.h"

namespace hoglet {

// One project, one key.
class FakeProjects : public ProjectDirectory {
 public:
  static constexpr char kToken[] = "phc_fake_project_token";
  static constexpr char kKey[] = "phx_fake_personal_key";

  bool IsKnownToken(std::string_view token) const override { return token == kToken; }
  std::vector<ProjectInfo> Projects() const override { return {Project()}; }
  std::optional<ProjectInfo> FindProject(TeamId id) const override {
    if (id == 1 || id == 2) return Project(id);
    return std::nullopt;
  }
  bool IsPersonalApiKey(std::string_view key) const override { return key == kKey; }
  bool MayRead(std::string_view key, TeamId team_id) const override {
    return key == kKey && team_id == 1;
  }

 private:
  static ProjectInfo Project(TeamId id = 1) { return {id, "Default <project>", kToken, "UTC"}; }
};

// Answers every query by a function of the test.
class FakeEngine : public QueryEngine {
 public:
  using Answer = std::function<absl::StatusOr<QueryResult>(const QueryRequest&)>;

  explicit FakeEngine(Answer answer = {}) : answer_(std::move(answer)) {}
  absl::StatusOr<QueryResult> Run(const QueryRequest& request) override {
    if (answer_) return answer_(request);
    return OneValue();
  }
  std::string ErrorCode(const absl::Status& status) const override {
    return absl::IsInvalidArgument(status) ? "hogql_query_error" : "";
  }

  static QueryResult OneValue() {
    QueryResult result;
    result.columns = {"1"};
    result.types = {"UInt8"};
    result.batches.push_back({Vector::Constant(Type(TypeKind::kUInt8), Datum(int64_t{1}), 1)});
    result.hogql = "SELECT 1 LIMIT 100";
    return result;
  }

 private:
  Answer answer_;
};

}  // namespace hoglet
