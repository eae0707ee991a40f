#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "include/hoglet/status.h"
#include "src/base/strings.h"

namespace hoglet {

// A hash of short names that costs next to nothing: length, both ends and the middle. Names that
// agree in these collide, so it is for tables that compare the names and stay small.
inline uint64_t NameHash(std::string_view name) {
  constexpr uint64_t kA = 0x9e3779b97f4a7c15ull;
  constexpr uint64_t kB = 0xd6e8feb86659fd93ull;
  const auto load = [&name](size_t at, size_t bytes) {
    uint64_t value = 0;
    std::memcpy(&value, name.data() + at, bytes);
    return value;
  };
  const size_t size = name.size();
  uint64_t hash = size * kB;
  if (size >= 8) {
    hash ^= load(0, 8) * kA;
    hash = (hash ^ hash >> 29) + load(size - 8, 8);
    if (size > 16) hash = hash * kB + load(size / 2 - 4, 8);
  } else if (size >= 4) {
    hash ^= load(0, 4) * kA + load(size - 4, 4);
  } else if (size > 0) {
    hash ^= (load(0, 1) | load(size / 2, 1) << 8 | load(size - 1, 1) << 16) * kA;
  }
  hash *= kA;
  return hash ^ hash >> 32;
}

// The places of the names of a fixed list, made once. `kSlots` is a power of two, at least twice
// the names. Keeps views.
template <size_t kSlots>
class NameTable {
 public:
  static_assert((kSlots & (kSlots - 1)) == 0);

  explicit NameTable(std::span<const std::string_view> names) : names_(names) {
    HOGLET_ASSERT(names.size() * 2 <= kSlots);
    slots_.fill(-1);
    for (size_t i = 0; i < names.size(); ++i) {
      size_t slot = NameHash(names[i]) % kSlots;
      while (slots_[slot] >= 0) slot = (slot + 1) % kSlots;
      slots_[slot] = static_cast<int16_t>(i);
    }
  }

  // The index of the name in the list, -1 if it is not there.
  int Find(std::string_view name) const {
    for (size_t slot = NameHash(name) % kSlots; slots_[slot] >= 0; slot = (slot + 1) % kSlots) {
      if (names_[static_cast<size_t>(slots_[slot])] == name) return slots_[slot];
    }
    return -1;
  }

 private:
  std::span<const std::string_view> names_;
  std::array<int16_t, kSlots> slots_;
};

// The names met so far, for finding repeated ones. Few names, which is nearly always, cost no
// allocation. Keeps views.
class NameSet {
 public:
  NameSet() { slots_.fill(0); }

  // False if the name was there.
  bool Insert(std::string_view name) {
    if (many_.has_value()) return many_->insert(name).second;
    size_t slot = NameHash(name) % kSlots;
    for (; slots_[slot] != 0; slot = (slot + 1) % kSlots) {
      if (few_[slots_[slot] - 1].text() == name) return false;
    }
    if (count_ == kFewMax) {
      many_.emplace();
      for (const Name& few : few_) many_->insert(few.text());
      return many_->insert(name).second;
    }
    few_[count_] = {name.data(), name.size()};
    slots_[slot] = ++count_;
    return true;
  }

 private:
  static constexpr size_t kSlots = 128;
  static constexpr size_t kFewMax = 80;
  // Unlike a string_view, left as it is by the constructor.
  struct Name {
    const char* data;
    size_t size;
    std::string_view text() const { return {data, size}; }
  };

  std::array<uint8_t, kSlots> slots_;  // index + 1 of a name, 0: free
  std::array<Name, kFewMax> few_;
  uint8_t count_ = 0;
  std::optional<StringSet<std::string_view>> many_;
};

}  // namespace hoglet
