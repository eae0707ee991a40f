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
  bool has_surveys = false;        // one that runs
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
};

// Projects and personal API keys ("phx_..."): secret, for the REST API.
class ProjectDirectory : public TokenDirectory {
 public:
  virtual std::vector<ProjectInfo> Projects() const = 0;
  virtual std::optional<ProjectInfo> FindProject(TeamId id) const = 0;
  // Whether the key is a living personal API key.
  virtual bool IsPersonalApiKey(std::string_view key) const = 0;
  // Whether the holder of the key may read the project.
  virtual bool MayRead(std::string_view personal_api_key, TeamId team_id) const = 0;
};

}  // namespace hoglet
