#pragma once

#include <string>

#include "src/ingest/vector_json.h"

namespace hoglet {

// Each runs one case through the parser, the applier and a person store in memory, and returns what
// differs; empty: passed.
std::string RunIdentityCase(const VectorJson& test);
std::string RunPersonPropertiesCase(const VectorJson& test);

}  // namespace hoglet
