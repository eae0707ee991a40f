#pragma once

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "src/flags/property_lookup.h"

namespace hoglet {

// Whether one request's person is in cohorts, each decided once. Not thread-safe.
class CohortMatcher {
 public:
  // All outlive it.
  CohortMatcher(const FlagSet::Impl& set, const FlagContext& context, PropertyLookup* properties)
      : set_(set), context_(context), properties_(*properties) {}

  // The error of a filter whose cohort cannot be decided for anyone; empty: there is none.
  std::string_view ErrorOf(const CohortReference& reference) const;
  // Whether the filter holds: that the person is in the cohort, or is not. The reference must have
  // no error.
  FlagAnswer Match(const CohortReference& reference);

 private:
  enum class State : uint8_t { kNotAsked, kIn, kNotIn };

  FlagAnswer IsMember(uint32_t position);
  FlagAnswer Decide(const CompiledCohort& cohort);
  FlagAnswer MatchNode(const CohortNode& node);
  FlagAnswer MatchLeaf(const FlagFilter& filter, bool is_in_any);

  const FlagSet::Impl& set_;
  const FlagContext& context_;
  PropertyLookup& properties_;
  absl::InlinedVector<State, 16> states_;
};

}  // namespace hoglet
