#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/token_directory.h"

namespace hoglet {

struct Organization {
  int64_t id = 0;
  std::string name;
};

// A project ("team"), the unit that events, persons and queries belong to.
struct Project {
  TeamId id = 0;
  int64_t organization_id = 0;
  std::string name;
  std::string api_token;
  std::string timezone = "UTC";
  int week_start_day = 0;  // 0 Sunday, 1 Monday
  bool anonymize_ips = false;
  bool person_processing_opt_out = false;
  int64_t drop_events_older_than_s = 0;  // 0: never
};

// A personal API key as kept: never the key itself.
struct PersonalApiKey {
  std::string label;
  std::string sha256;  // hex
  std::string mask;    // "phx_...a1b2", for people to tell keys apart
  int64_t created_at_us = 0;
};

// Organizations, projects and keys: few, read on every request, changed rarely. All of it is in memory; every change replaces one small
// file, whose first line carries version, length and CRC-32C of the rest.
//
// Thread-safe. One process at a time (the data directory is locked).
class MetadataStore final : public ProjectDirectory {
 public:
  struct FirstStart {
    // Empty ones are made up. Later starts: the token must be that of a project; a new personal key is added.
    std::string project_token;
    std::string personal_api_key;
  };

  // Opens the store in `directory`, making organization 1, project 1 and a personal key if there is none. kDataLoss if the file is damaged,
  // kFailedPrecondition if project_token belongs to no project of it, kInvalidArgument if a token or key is malformed.
  static absl::StatusOr<std::unique_ptr<MetadataStore>> Open(Env* env, const std::string& directory, const FirstStart& first_start);

  // Reads the file and reports each fault; returns the number of projects.
  static absl::StatusOr<uint64_t> Check(Env* env, const std::string& directory, const std::function<void(const std::string&)>& report);

  // Whether Open() made the store, and the personal key it made up then ("" otherwise). It cannot be had later.
  bool created() const { return created_; }
  const std::string& new_personal_api_key() const { return new_personal_api_key_; }

  bool IsKnownToken(std::string_view token) const override { return FindProjectByToken(token).has_value(); }
  std::vector<ProjectInfo> Projects() const override;
  std::optional<ProjectInfo> FindProject(TeamId id) const override;
  bool IsPersonalApiKey(std::string_view key) const override;
  bool MayRead(std::string_view personal_api_key, TeamId team_id) const override;

  std::optional<Project> FindProjectByToken(std::string_view token) const;
  std::vector<PersonalApiKey> personal_api_keys() const;

 private:
  struct Contents {
    std::vector<Organization> organizations;
    std::vector<Project> projects;
    std::vector<PersonalApiKey> keys;
  };

  MetadataStore(Env* env, std::string path) : env_(env), path_(std::move(path)) {}
  static absl::StatusOr<Contents> Read(Env* env, const std::string& path);
  static absl::StatusOr<Contents> Parse(std::string_view json);
  static std::string Serialize(const Contents& contents);
  absl::Status Create(const FirstStart& first_start);
  absl::Status Adopt(const FirstStart& first_start);
  void AddKey(std::string_view key, std::string label);
  absl::Status Save();

  Env* env_;
  std::string path_;
  bool created_ = false;
  std::string new_personal_api_key_;
  mutable std::mutex mutex_;  // guards contents_
  Contents contents_;
};

}  // namespace hoglet
