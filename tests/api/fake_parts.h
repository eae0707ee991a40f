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
  static constexpr char kSecret[] = "phs_fake_secret_token";

  bool IsKnownToken(std::string_view token) const override { return token == kToken; }
  std::vector<ProjectInfo> Projects() const override { return {Project()}; }
  std::optional<ProjectInfo> FindProject(TeamId id) const override {
    if (id == 1 || id == 2) return Project(id);
    return std::nullopt;
  }
  std::optional<ProjectInfo> FindProjectByToken(std::string_view token) const override {
    return token == kToken ? std::optional(Project()) : std::nullopt;
  }
  std::optional<ProjectInfo> FindProjectBySecret(std::string_view secret) const override {
    return secret == kSecret ? std::optional(Project()) : std::nullopt;
  }
  // Of the first project only.
  std::optional<Caller> FindPersonalApiKey(std::string_view key) const override {
    if (key != kKey) return std::nullopt;
    return Caller{.user_id = 1, .key_id = 1, .scopes = scopes, .scoped_projects = {1}};
  }
  std::optional<UserInfo> FindUser(int64_t id) const override {
    if (id != 1) return std::nullopt;
    return UserInfo{1, "0191a0b5-0000-7000-8000-000000000001", "me@example.com", "Me"};
  }

  std::vector<std::string> scopes;  // of the key

 private:
  static ProjectInfo Project(TeamId id = 1) {
    return {id, "Default <project>", kToken, "UTC", "0191a0b5-0000-7000-8000-000000000002"};
  }
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
