#pragma once

#include <string>
#include <vector>

#include "include/hoglet/event.h"
#include "src/metadata/object_store.h"

namespace hoglet {

// What SDKs fetch to evaluate flags by themselves (spec flags.md section 7.2).
struct FlagDocument {
  std::string json;
  std::string etag;  // weak, with its quotes: W/"0123456789abcdef"
};

struct FlagDocumentSource {
  TeamId team_id = 0;
  const Objects& flags;
  const Objects& cohorts;
  const std::vector<std::string>& group_types;  // names by index
  // With the cohorts that flags refer to; otherwise a flag's only cohort becomes person filters
  // where it can.
  bool with_cohorts = true;
};

// A pure function. What the documents hold beside what SDKs need stays as it is written there.
FlagDocument MakeFlagDocument(const FlagDocumentSource& source);

// Whether an If-None-Match header names the ETag: in its weak, strong or bare form, or as "*".
bool MatchesEtag(std::string_view if_none_match, std::string_view etag);

}  // namespace hoglet
