#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/json.h"

namespace hoglet {

// The members of a JSON object as JSON texts, to read and to replace one by one; the order stays.
// What was parsed keeps nothing of the text it was parsed from.
class JsonFields {
 public:
  // kInvalidArgument unless it is one JSON object.
  static absl::StatusOr<JsonFields> Parse(std::string_view object_json);

  // The JSON text of the member; empty if there is none.
  std::string_view Find(std::string_view key) const;
  bool Has(std::string_view key) const { return !Find(key).empty(); }
  // Of another type, or absent: empty, 0, false.
  std::string Text(std::string_view key) const;
  int64_t Int(std::string_view key) const;
  bool Bool(std::string_view key) const { return Find(key) == "true"; }

  // Replaces the member in its place, or appends it. `json` must be one JSON text.
  void Set(std::string_view key, std::string json);
  void SetText(std::string_view key, std::string_view text);

  const std::vector<std::pair<std::string, std::string>>& members() const { return members_; }
  std::string ToJson() const;

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace hoglet
