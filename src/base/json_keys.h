#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "src/base/arena.h"
#include "src/base/key_ids.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hoglet {

// The lists of keys that JSON objects were seen to have, as a tree: a node stands for a key after
// the keys above it. Most objects have the keys of an earlier one, so a reader that follows the
// tree knows nearly every key before it has read it: comparing it with the text is all that is
// left, with no search for its end, for a repetition or for its number. Not thread-safe.
class JsonKeyPaths {
 public:
  struct Node {
    const char* quoted = nullptr;  // the key as `"key":`, with kSlack readable bytes after it
    uint32_t quoted_bytes = 0;
    KeyId id = kNoKeyId;
    uint32_t visits = 0;  // while it has no number
    uint32_t depth = 0;
    uint64_t hash = 0;
    bool is_repeat = false;  // the key stands further up too
    const Node* parent = nullptr;
    Node* next = nullptr;  // where the last reader went

    std::string_view key() const { return {quoted + 1, quoted_bytes - 3}; }
  };
  static constexpr size_t kSlack = 32;

  // Objects that follow one another and those inside them have different keys.
  enum Level { kOuter, kInner };

  JsonKeyPaths() { Clear(); }
  // Where an object starts. Before an outer one all is forgotten if the tree has grown too large;
  // nodes of before are then gone.
  Node* Root(Level level) {
    if (level == kOuter && nodes_.size() >= kNodesMax) Clear();
    return &nodes_[level];
  }
  // The node of a key that stands in the text as it is, without escapes; null if it cannot have
  // one.
  Node* Step(Node* at, std::string_view key);
  // The node after `at` if the text goes on with its key and at least kSlack bytes more, else null.
  static Node* Follow(const Node* at, const char* text, const char* end);

 private:
  static constexpr size_t kNodesMax = 1 << 14;
  static constexpr uint32_t kDepthMax = 128;
  static constexpr size_t kKeyBytesMax = 200;
  // Names that are met once or twice stay without a number.
  static constexpr uint32_t kVisitsForId = 8;

  void Clear();
  static void Visit(Node* node) {
    if (node->id == kNoKeyId && ++node->visits == kVisitsForId) node->id = MakeKeyId(node->key());
  }
  Node* NewNode(const Node* parent, std::string_view key, uint64_t hash);

  Arena arena_;
  std::deque<Node> nodes_;
  absl::flat_hash_map<uint64_t, Node*> children_;  // by parent and key
};

inline JsonKeyPaths::Node* JsonKeyPaths::Follow(const Node* at, const char* text, const char* end) {
  Node* const next = at->next;
  if (next == nullptr || static_cast<size_t>(end - text) < next->quoted_bytes + kSlack) {
    return nullptr;
  }
#if defined(__SSE2__)
  for (uint32_t i = 0; i < next->quoted_bytes; i += 16) {
    const auto load = [i](const char* from) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    };
    const __m128i same = _mm_cmpeq_epi8(load(text), load(next->quoted));
    const auto differs = static_cast<uint32_t>(_mm_movemask_epi8(same)) ^ 0xffffu;
    if (differs == 0) continue;
    if (i + static_cast<uint32_t>(__builtin_ctz(differs)) < next->quoted_bytes) return nullptr;
    break;
  }
#else
  if (std::memcmp(text, next->quoted, next->quoted_bytes) != 0) return nullptr;
#endif
  Visit(next);
  return next;
}

}  // namespace hoglet
