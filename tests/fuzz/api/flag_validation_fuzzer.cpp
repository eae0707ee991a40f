#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "include/hoglet/status.h"
#include "src/api/flag_validation.h"
#include "src/api/json_fields.h"

// Any bytes as the filters of a flag, and as the value of each of its fields: the checks must end,
// and what they let through must be JSON that they let through again as it is.

namespace {

using hoglet::JsonFields;
using hoglet::ObjectJson;

// Some ids are there, and all refer to others in the same way.
ObjectJson Find(int64_t id) {
  if (id <= 0 || id > 8) return nullptr;
  return std::make_shared<const std::string>(
      R"({"key":"k","active":true,"filters":[{"type":"flag","key":")" + std::to_string(id + 1) +
      R"("},{"type":")" + (id == 8 ? "behavioral" : "cohort") + R"(","value":)" +
      std::to_string(id / 2) + "}]}");
}

void CheckFilters(std::string_view json) {
  const hoglet::FlagReferences references{.find_flag = Find, .find_cohort = Find, .flag_id = 3};
  std::string stored;
  if (hoglet::ReadFlagFilters(json, references, &stored).has_value()) return;
  std::string again;
  HOGLET_ASSERT(!hoglet::ReadFlagFilters(stored, references, &again).has_value());
  HOGLET_ASSERT(stored == again);
  HOGLET_ASSERT(JsonFields::Parse(hoglet::RenameEnrollment(stored, "a", "b")).ok());
}

void CheckFields(std::string_view json) {
  for (const std::string_view name : hoglet::kFlagFields) {
    std::string stored;
    if (hoglet::ReadFlagField(name, json, &stored).has_value()) continue;
    std::string again;
    HOGLET_ASSERT(!hoglet::ReadFlagField(name, stored, &again).has_value());
    HOGLET_ASSERT(stored == again);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckFilters(text);
  CheckFields(text);
  (void)hoglet::CheckFlagKey(text);
  return 0;
}
