#pragma once

#include <string>
#include <string_view>

#include "src/flags/evaluate.h"
#include "src/flags/flag_request.h"
#include "src/flags/flag_source.h"

// From a request and what is known of its person and groups to what flags are evaluated over.

namespace hoglet {

// What the flags of a set want to know of a request. Views into the request.
PersonStore::FactsWanted WantedFacts(const FlagSet& set, const FlagRequest& request);

// The context of a request. `facts` are those of WantedFacts(), or why they could not be had;
// `source` says who is in cohorts. The set, the request and the source outlive the context.
FlagContext MakeFlagContext(const FlagSet& set, const FlagRequest& request,
                            const PersonStore::FactsWanted& wanted,
                            const absl::StatusOr<PersonStore::Facts>& facts, FlagSource* source,
                            int64_t now_us);

}  // namespace hoglet
