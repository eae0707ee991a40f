#pragma once

#include <string>

#include "query/analyze/analyzer.h"

// The tables made of the events of a session (spec ingestion.md section 18), as HogQL texts.

namespace hoglet::analysis {

// `sessions`: one row a session. Ids that are no UUIDv7 are not sessions.
std::string SessionsViewText(const SessionModifiers& modifiers);
// `raw_sessions`: the same as aggregate states, for argMinMerge() and its like.
std::string RawSessionsViewText();

// A person's or session's channel, from HogQL texts that are '' for nothing.
std::string ChannelTypeText(const SessionModifiers& modifiers, const ChannelRuleFields& fields,
                            const std::string& gclid, const std::string& fbclid,
                            const std::string& gad_source);

}  // namespace hoglet::analysis
