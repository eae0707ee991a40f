#include "src/base/directories.h"

#include <vector>

#include "include/hoglet/status.h"

namespace hoglet {

std::string ParentDirectory(const std::string& path) {
  // "a/b/" names b.
  const size_t last = path.find_last_not_of('/');
  if (last == std::string::npos) return path.empty() ? "." : "/";
  const size_t slash = path.find_last_of('/', last);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status CreateDirectoriesDurably(Env* env, const std::string& path) {
  std::vector<std::string> parents = {ParentDirectory(path)};
  while (!env->Exists(parents.back()) && parents.back() != ParentDirectory(parents.back())) {
    parents.push_back(ParentDirectory(parents.back()));
  }
  HOGLET_RETURN_IF_ERROR(env->CreateDirectories(path));
  for (const std::string& parent : parents) {
    const absl::Status synced = env->SyncDirectory(parent);
    if (!synced.ok() && !absl::IsPermissionDenied(synced)) return synced;
  }
  return absl::OkStatus();
}

}  // namespace hoglet
