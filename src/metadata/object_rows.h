#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "src/metadata/object_store.h"

// Keys and values of the object store: FORMAT.md, byte for byte.

namespace hoglet::object_rows {

inline constexpr uint8_t kValueVersion = 1;
inline constexpr uint64_t kStoreVersion = 1;

enum class Table : uint8_t {
  kFormat = 0,
  kObjects = 1,
  kNextIds = 2,
  kCohorts = 3,
  kMembers = 4,
  kActivity = 5,
  kActivityBySubject = 6,
};

std::string FormatKey();
std::string ObjectKey(TeamId project, ObjectKind kind, int64_t id);
std::string NextIdKey(TeamId project, ObjectKind kind);
std::string CohortKey(TeamId project, int64_t cohort_id);
std::string MembersKey(TeamId project, int64_t cohort_id, const Uuid& first);
// Without the number: what the keys of the project's lines begin with.
std::string ActivityPrefix(TeamId project);
// The same for the lines of a scope, or of one item of it.
std::string SubjectPrefix(TeamId project, std::string_view scope, std::string_view item_id);
std::string Numbered(std::string prefix, uint64_t number);
// The number at the end of a key that Numbered() made.
uint64_t NumberOf(std::string_view key);

// A key of the tables that are read at opening.
struct RowKey {
  Table table = Table::kFormat;
  TeamId project = 0;
  ObjectKind kind = ObjectKind::kFeatureFlag;
  int64_t id = 0;
  Uuid first;
};
bool ParseKey(std::string_view key, RowKey* out);

std::string EncodeNumber(uint64_t value);
std::string EncodeJson(std::string_view json);
std::string EncodeMembers(const Uuid* persons, size_t count);
std::string EncodeActivity(const Activity& activity);

// kUnimplemented for a value of a newer version, kDataLoss for one that is cut short or damaged.
absl::Status DecodeNumber(std::string_view value, uint64_t* out);
absl::Status DecodeJson(std::string_view value, std::string* out);
// Appends.
absl::Status DecodeMembers(std::string_view value, std::vector<Uuid>* out);
absl::Status DecodeActivity(std::string_view value, Activity* out);

}  // namespace hoglet::object_rows
