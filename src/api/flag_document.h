#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/api/flag_validation.h"
#include "src/api/json_fields.h"
#include "src/base/json.h"
#include "src/metadata/object_store.h"

// Flags as the API stores them, for everything that makes or changes one: the flags themselves, and
// the products that own some. All is part of somebody's transaction.

namespace hoglet {

inline constexpr char kFlagActivityScope[] = "FeatureFlag";

// Who changes something, where and when.
struct ChangeAuthor {
  TeamId team_id = 0;
  int64_t user_id = 0;
  int64_t now_us = 0;
};

// Every member of a flag, in the order in which they are shown; key and filters are still empty.
JsonFields NewFlagDocument(int64_t id, const ChangeAuthor& author);
// Puts the members in their places and moves the version on. A new key is also that of its
// enrollment.
void ApplyFlagChanges(const JsonFields& changes, const ChangeAuthor& author, JsonFields* flag);
// By another flag that is not deleted.
bool IsFlagKeyTaken(const ObjectStore::Transaction& transaction, const std::string& key,
                    int64_t except_id);
// What a line of the activity log says of two documents of one flag.
std::string FlagChangesJson(std::string_view before, std::string_view after);
void LogFlagChange(const JsonFields& flag, const char* activity, int64_t user_id,
                   std::string changes_json, ObjectStore::Transaction* transaction);
// What the filters of that flag (0: a new one) may refer to. `transaction` outlives it.
FlagReferences ReferencesOf(const ObjectStore::Transaction& transaction, int64_t flag_id);
// Why the change must not be: it disables or deletes a flag by whose value live, active others
// decide theirs, which would change though nobody touched them; or it deletes one that an early
// access feature or a running web experiment offers, or makes the former's one of groups.
std::optional<FieldError> RefuseWhileNeeded(const JsonFields& before, const JsonFields& after,
                                            const ObjectStore::Transaction& transaction);

// A flag as a product wants it.
struct FlagWanted {
  std::string key;
  std::string name;
  std::string filters;           // JSON
  std::string creation_context;  // "surveys"
  bool is_active = true;
};
// Checks and puts a new flag; `id` is its own. Nothing is put if it is refused.
std::optional<FieldError> MakeFlag(const FlagWanted& wanted, const ChangeAuthor& author,
                                   ObjectStore::Transaction* transaction, int64_t* id);
// Brings the members of a flag to these values and logs it, unless they are so already. Filters are
// checked as a client's are. A flag that is not there is left so.
std::optional<FieldError> ChangeFlag(int64_t id, const JsonFields& wanted,
                                     const ChangeAuthor& author,
                                     ObjectStore::Transaction* transaction);
// Removes the flag for good; for those that a product owns.
void RemoveFlag(int64_t id, const ChangeAuthor& author, ObjectStore::Transaction* transaction);
// Nothing if there is no such flag, or it is deleted.
std::optional<JsonFields> FindLiveFlag(const ObjectStore::Transaction& transaction, int64_t id);

// The flag within the JSON of what is linked to it; null if there is none of that id.
void WriteMinimalFlag(const Objects& flags, int64_t id, JsonWriter* json);
void WriteMinimalFlag(const JsonFields& flag, JsonWriter* json);

}  // namespace hoglet
