#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "include/hoglet/event.h"

// Which keys open which project, as the HTTP surfaces ask it. Thread-safe; answers come from
// memory, as every request asks.

namespace hoglet {

// What a project wants of the SDKs that load its configuration.
struct SdkSettings {
  bool heatmaps = false;
  bool has_feature_flags = false;  // one that is on
  bool has_surveys = false;        // one that runs, and they are not switched off
  bool opts_out_of_autocapture = false;
  bool captures_dead_clicks = false;
  bool captures_network_timing = false;
  bool captures_web_vitals = false;
  bool captures_exceptions = false;
  bool captures_console_logs = false;
  bool persists_flags = false;
};

// Project API keys ("phc_..."): public, write-only.
class TokenDirectory {
 public:
  virtual ~TokenDirectory() = default;
  // Whether the token belongs to a project. In doubt, true: a refused event is lost for good (SDKs
  // do not retry a 401).
  virtual bool IsKnownToken(std::string_view token) const = 0;
  // The token's project.
  virtual std::optional<TeamId> FindTeam(std::string_view token) const {
    return (void)token, std::nullopt;
  }
  // What the token's project tells SDKs of itself; the defaults for an unknown one.
  virtual SdkSettings SettingsOf(std::string_view token) const {
    return (void)token, SdkSettings();
  }
};

struct ProjectInfo {
  TeamId team_id = 0;  // also the project id of URLs
  std::string name;
  std::string token;
  std::string timezone = "UTC";
  std::string organization_id;  // a UUID
};

struct UserInfo {
  int64_t id = 0;
  std::string uuid;
  std::string email;
  std::string first_name;
};

// Who asks, with which personal API key.
struct Caller {
  int64_t user_id = 0;
  int64_t key_id = 0;
  std::vector<std::string> scopes;                // "feature_flag:read", "*"; empty: all
  std::vector<TeamId> scoped_projects;            // empty: all
  std::vector<std::string> scoped_organizations;  // UUIDs; empty: all
};

// Projects, users and personal API keys ("phx_..."): secret, for the REST API.
class ProjectDirectory : public TokenDirectory {
 public:
  virtual std::vector<ProjectInfo> Projects() const = 0;
  virtual std::optional<ProjectInfo> FindProject(TeamId id) const = 0;
  virtual std::optional<ProjectInfo> FindProjectByToken(std::string_view token) const = 0;
  // By its secret token ("phs_..."), which opens local evaluation and remote config only.
  virtual std::optional<ProjectInfo> FindProjectBySecret(std::string_view secret) const = 0;
  // Nothing unless it is a living personal API key. Its use is noted.
  virtual std::optional<Caller> FindPersonalApiKey(std::string_view key) const = 0;
  virtual std::optional<UserInfo> FindUser(int64_t id) const = 0;
};

}  // namespace hoglet
