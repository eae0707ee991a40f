#include "src/base/key_ids.h"

#include <memory>
#include <mutex>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "src/base/json_scan.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

struct Registry {
  std::mutex mutex;
  StringMap<std::string, KeyId> ids;

  Registry() {
    for (const std::string_view key : kKnownKeys) Make(key);
  }

  KeyId Make(std::string_view key) {
    if (const auto found = ids.find(key); found != ids.end()) return found->second;
    if (ids.size() >= kKeyIdMax || FindStringBreak(key, 0) < key.size()) return kNoKeyId;
    const auto id = static_cast<KeyId>(ids.size() + 1);
    ids.emplace(std::string(key), id);
    return id;
  }
};

Registry& Keys() {
  static auto* const registry = new Registry();
  return *registry;
}

}  // namespace

KeyId FindKeyId(std::string_view key) {
  Registry& registry = Keys();
  std::lock_guard lock(registry.mutex);
  const auto found = registry.ids.find(key);
  return found == registry.ids.end() ? kNoKeyId : found->second;
}

KeyId MakeKeyId(std::string_view key) {
  Registry& registry = Keys();
  std::lock_guard lock(registry.mutex);
  return registry.Make(key);
}

}  // namespace hoglet
