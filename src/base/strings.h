#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/base/hash.h"

// Debian builds Abseil for C++14, so its string_view is not std::string_view and does not convert.
// These bridge the two: use hoglet's StrCat and StrAppend instead of Abseil's, and the maps below
// for keys that are strings.

namespace hoglet {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view FromAbsl(absl::string_view text) { return {text.data(), text.size()}; }

namespace internal {

template <typename T>
decltype(auto) ForStrCat(const T& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return ToAbsl(value);
  } else {
    return (value);
  }
}

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return FastHash64(text); }
};
struct StringEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

}  // namespace internal

// As absl::StrCat and absl::StrAppend, std::string_view included.
template <typename... Args>
std::string StrCat(const Args&... args) {
  return absl::StrCat(internal::ForStrCat(args)...);
}
template <typename... Args>
void StrAppend(std::string* out, const Args&... args) {
  absl::StrAppend(out, internal::ForStrCat(args)...);
}

// Keys std::string or std::string_view; looked up by either.
template <typename Key, typename Value>
using StringMap = absl::flat_hash_map<Key, Value, internal::StringHash, internal::StringEqual>;
template <typename Key>
using StringSet = absl::flat_hash_set<Key, internal::StringHash, internal::StringEqual>;

}  // namespace hoglet
