#pragma once

#include <string>

#include "absl/status/status.h"
#include "include/hoglet/env.h"

namespace hoglet {

// The directory that holds the name of `path`: "." for a bare name, "/" for one at the root.
std::string ParentDirectory(const std::string& path);

// Makes the directory, and durable every name on the way to it that was missing, and its own name
// in any case: whoever made that may have died before it was durable. Passes over a parent that
// this process may not open, whose names are not ours to sync.
absl::Status CreateDirectoriesDurably(Env* env, const std::string& path);

}  // namespace hoglet
