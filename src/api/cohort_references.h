#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/cohorts/cohort_document.h"
#include "src/metadata/object_store.h"

// Which cohorts refer to which, and which flags use them.

namespace hoglet {

// The cohorts of a project that are not deleted.
class CohortGraph {
 public:
  explicit CohortGraph(const Objects& cohorts);
  // As if it were as given.
  void Put(const Cohort& cohort);

  bool Has(int64_t id) const { return nodes_.contains(id); }
  const std::vector<int64_t>& ReferredBy(int64_t id) const;
  // Whether the cohort reaches itself.
  bool HasLoop(int64_t id) const;
  // Whether it, or one that it refers to, is about what people did.
  bool IsBehavioral(int64_t id) const;
  // It and those it refers to, transitively.
  std::set<int64_t> Closure(int64_t id) const;

 private:
  struct Node {
    std::vector<int64_t> refers_to;
    bool is_behavioral = false;
  };
  std::map<int64_t, Node> nodes_;
};

// The keys of live flags that depend on the cohort.
std::vector<std::string> FlagsUsing(const Objects& flags, const CohortGraph& cohorts, int64_t id);

}  // namespace hoglet
