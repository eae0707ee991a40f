#pragma once

#include <string>

#include "src/ingest/vector_json.h"

namespace hoglet {

// Each runs one case through the parser, the applier and a person store in `directory` (not there yet), and returns what differs;
// empty: passed.
std::string RunIdentityCase(const VectorJson& test, const std::string& directory);
std::string RunPersonPropertiesCase(const VectorJson& test, const std::string& directory);

}  // namespace hoglet
