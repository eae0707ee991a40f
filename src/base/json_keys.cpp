#include "src/base/json_keys.h"

#include "src/base/hash.h"
#include "src/base/strings.h"

namespace hoglet {

void JsonKeyPaths::Clear() {
  children_.clear();
  nodes_.clear();
  nodes_.resize(kInner + 1);
  arena_.Reset();
}

JsonKeyPaths::Node* JsonKeyPaths::Step(Node* at, std::string_view key) {
  if (key.size() > kKeyBytesMax || at->depth >= kDepthMax) return nullptr;
  const uint64_t hash = FastHash64(key);
  const auto [child, is_new] =
      children_.try_emplace(FastHash64(hash ^ reinterpret_cast<uint64_t>(at)), nullptr);
  if (is_new) {
    child->second = NewNode(at, key, hash);
  } else if (child->second->parent != at || child->second->key() != key) {
    return nullptr;  // another of the same hash
  }
  Visit(child->second);
  return at->next = child->second;
}

JsonKeyPaths::Node* JsonKeyPaths::NewNode(const Node* parent, std::string_view key, uint64_t hash) {
  Node& node = nodes_.emplace_back();
  char* quoted = arena_.Allocate(key.size() + 3 + kSlack);
  quoted[0] = '"';
  std::memcpy(quoted + 1, key.data(), key.size());
  std::memcpy(quoted + 1 + key.size(), "\":", 2);
  std::memset(quoted + 3 + key.size(), 0, kSlack);
  node.quoted = quoted;
  node.quoted_bytes = static_cast<uint32_t>(key.size() + 3);
  node.id = FindKeyId(key);
  node.depth = parent->depth + 1;
  node.hash = hash;
  node.parent = parent;
  for (const Node* above = parent; above->parent != nullptr; above = above->parent) {
    if (above->hash == hash && above->key() == key) node.is_repeat = true;
  }
  return &node;
}

}  // namespace hoglet
