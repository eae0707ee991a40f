#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "include/hoglet/event.h"
#include "src/base/key_hash.h"
#include "src/base/key_ids.h"

namespace hoglet {

// The places of a fixed list of names, found by the number of a member's key or, if it has none, by
// its text. Keeps views. Thread-safe once made.
template <size_t kSlots>
class NumberedNames {
 public:
  explicit NumberedNames(std::span<const std::string_view> names) : by_name_(names) {
    for (size_t i = 0; i < names.size(); ++i) {
      const KeyId id = MakeKeyId(names[i]);
      if (id >= by_id_.size()) by_id_.resize(id + 1, -1);
      if (id != kNoKeyId) by_id_[id] = static_cast<int>(i);
    }
  }

  // The index in the list, -1 if it is not there.
  int Find(const JsonMember& member) const {
    if (member.key_id == kNoKeyId) return Find(member.key);
    return member.key_id < by_id_.size() ? by_id_[member.key_id] : -1;
  }
  int Find(std::string_view name) const { return by_name_.Find(name); }

 private:
  NameTable<kSlots> by_name_;
  std::vector<int> by_id_;
};

}  // namespace hoglet
