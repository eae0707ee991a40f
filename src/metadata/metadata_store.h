#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/event.h"

namespace hoglet {

struct Organization {
  int64_t id = 1;
  Uuid uuid;
  std::string name;
  int64_t created_at_us = 0;
};

inline constexpr int64_t kOwnerId = 1;

// A person who uses this server. There is one, the owner, to whom all keys belong.
struct User {
  int64_t id = kOwnerId;
  Uuid uuid;
  std::string email;
  std::string first_name;
  int64_t created_at_us = 0;
};

// Settings that a project only hands on to SDKs, by their names in the API.
inline constexpr std::string_view kSdkSwitches[] = {"autocapture_opt_out",
                                                    "autocapture_exceptions_opt_in",
                                                    "autocapture_web_vitals_opt_in",
                                                    "capture_performance_opt_in",
                                                    "capture_dead_clicks",
                                                    "capture_console_log_opt_in",
                                                    "surveys_opt_in",
                                                    "flags_persistence_default"};

// A project; PostHog's older name is team, and both have the same id here.
struct Project {
  TeamId id = 1;
  Uuid uuid;
  std::string name;
  // What SDKs send, "phc_...": public.
  std::string api_token;
  // What servers that evaluate flags themselves ask with, "phs_...": secret.
  std::string secret_api_token;
  // The one before it, good until it is deleted; empty: none.
  std::string secret_api_token_backup;
  std::string timezone = "UTC";
  // 0 Sunday, 1 Monday.
  int week_start_day = 0;
  bool anonymize_ips = false;
  bool is_person_processing_opted_out = false;
  // 0: never.
  int64_t drop_events_older_than_s = 0;
  // False: nothing is kept of $heatmap_data. Not set is as true.
  std::optional<bool> heatmaps_opt_in;
  // Those of kSdkSwitches that were set.
  std::map<std::string, bool, std::less<>> sdk_switches;
  // What becomes of events without cookies: 0 they are dropped, 1 they get an id of the day.
  int cookieless_server_hash_mode = 0;
  // How queries are read unless they say otherwise (modifiers of the query API), a JSON object.
  std::string modifiers_json = "{}";
  // Events are removed once their timestamp is this old; 0: never.
  int64_t events_retention_days = 0;
  int64_t created_at_us = 0;
};

// A personal API key, "phx_...", of which only a hash is kept.
struct PersonalApiKey {
  int64_t id = 0;
  std::string label;
  std::string sha256_hex;
  // For people to tell keys apart: the first characters and the last ones.
  std::string mask;
  int64_t created_at_us = 0;
  int64_t user_id = kOwnerId;
  // What it may do, e.g. "feature_flag:read" or "*"; empty: everything.
  std::vector<std::string> scopes;
  std::vector<TeamId> scoped_teams;               // empty: all
  std::vector<std::string> scoped_organizations;  // UUIDs; empty: all
  int64_t last_used_at_us = 0;                    // to the hour; 0: never
  int64_t last_rolled_at_us = 0;                  // 0: never
};

// Organizations, projects and keys, in one file that is replaced whole at every change: there are
// few of them and they change by hand. Thread-safe; look-ups never wait for the disk.
class MetadataStore {
 public:
  // Keys that the operator chose; empty ones are made up at the first start.
  struct ChosenKeys {
    std::string project_token;     // at a later start: must be that of a project
    std::string personal_api_key;  // at a later start: is added if it is new
  };

  // Reads `directory`/metadata.json, or creates it with organization 1 and project 1. kDataLoss if
  // the file is damaged (it is left as it is), kUnimplemented if it is of a newer version,
  // kInvalidArgument for a malformed chosen key, kFailedPrecondition for a chosen token of no
  // project.
  static absl::StatusOr<std::unique_ptr<MetadataStore>> Open(Env* env, const std::string& directory,
                                                             const ChosenKeys& chosen);
  static absl::StatusOr<std::unique_ptr<MetadataStore>> Open(Env* env,
                                                             const std::string& directory) {
    return Open(env, directory, ChosenKeys());
  }
  // Reads the file without changing it; `report` gets a line if it is damaged. Returns the number
  // of projects.
  static absl::StatusOr<uint64_t> Check(Env* env, const std::string& directory,
                                        const std::function<void(const std::string&)>& report);
  virtual ~MetadataStore() = default;

  // The personal API key of a store just created, to be shown once; empty at every later start.
  virtual const std::string& initial_api_key() const = 0;

  virtual Organization organization() const = 0;
  virtual std::vector<Project> Projects() const = 0;
  virtual std::optional<Project> FindProject(TeamId id) const = 0;
  virtual std::optional<Project> FindProjectByToken(std::string_view api_token) const = 0;
  // Changes everything but id, uuid and creation time. kNotFound; kInvalidArgument for an unknown
  // time zone, a number out of its range, an empty name or token, modifiers over 64 KiB or nested
  // too deep, or a token of another project. Durable on return.
  virtual absl::Status UpdateProject(const Project& project) = 0;
  // The same for what `change` makes of the project as it is, so that of two changes at a time
  // neither undoes the other. An error of `change`, which must not call the store, is handed on.
  virtual absl::Status ChangeProject(TeamId id,
                                     const std::function<absl::Status(Project*)>& change) = 0;
  // Gives the project a new random token and returns it.
  virtual absl::StatusOr<std::string> ResetProjectToken(TeamId id) = 0;

  // The project of a living secret token, the one being replaced included.
  virtual std::optional<Project> FindProjectBySecret(std::string_view secret) const = 0;
  // Gives the project a new secret token; the old one becomes the backup. Returns the new one.
  virtual absl::StatusOr<std::string> RotateSecretToken(TeamId id) = 0;

  virtual std::optional<User> FindUser(int64_t id) const = 0;

  // Whether this is the text of a personal API key; its record if so.
  virtual std::optional<PersonalApiKey> FindApiKey(std::string_view key) const = 0;
  virtual std::vector<PersonalApiKey> ApiKeys() const = 0;
  // Makes a key and returns its text, which cannot be had again.
  virtual absl::StatusOr<std::string> CreateApiKey(const std::string& label) = 0;
  struct CreatedKey {
    PersonalApiKey record;
    std::string text;
  };
  // The same with its label, user, scopes and what it is scoped to from `wanted`. kInvalidArgument
  // for lists or names that are too long.
  virtual absl::StatusOr<CreatedKey> CreateApiKey(const PersonalApiKey& wanted) = 0;
  // Changes the same fields as `change` does. kNotFound. An error of `change`, which must not call
  // the store, is handed on.
  virtual absl::Status ChangeApiKey(int64_t id,
                                    const std::function<absl::Status(PersonalApiKey*)>& change) = 0;
  // Gives the key another text; the old one is void at once.
  virtual absl::StatusOr<CreatedKey> RollApiKey(int64_t id) = 0;
  virtual absl::Status DeleteApiKey(int64_t id) = 0;
  // Notes that a key was used now, if the last use noted is an hour ago. Waits for no disk.
  virtual void NoteApiKeyUse(const PersonalApiKey& key) = 0;
  // Makes such notes durable; nothing if there are none. Every other change does it too.
  virtual absl::Status FlushApiKeyUses() = 0;

  // Whether definitions were ever stored beside this; set once they are durable.
  virtual bool has_objects() const = 0;
  virtual absl::Status RememberObjects() = 0;

  // Moves with every change; lets callers cache look-ups.
  virtual uint64_t version() const = 0;
};

}  // namespace hoglet
