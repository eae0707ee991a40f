#include <cstddef>
#include <cstdint>
#include <string_view>

#include "include/hoglet/status.h"
#include "query/hogql/parser.h"
#include "src/cohorts/cohort_definition.h"
#include "src/cohorts/cohort_query.h"

// Any bytes as filters, and as groups of old: what is taken becomes a query that parses, whatever
// names and values it holds.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoglet;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto converted = ConvertCohortGroups(text);
  const auto parsed = ParseCohortFilters(converted.ok() ? std::string_view(*converted) : text);
  if (!parsed.ok() || !parsed->has_value()) return 0;
  CohortQueryContext context;
  context.now_us = 1'700'000'000'000'000;
  context.property_type = [](bool, std::string_view key) {
    return static_cast<CohortPropertyType>(key.size() % 4);
  };
  const auto query = BuildCohortQuery(**parsed, context);
  if (!query.ok()) return 0;
  const auto tree = hogql::ParseSelect(*query);
  HOGLET_ASSERT(tree.ok());
  HOGLET_ASSERT(CohortsIn(**parsed).size() <= kCohortLeavesMax);
  return 0;
}
