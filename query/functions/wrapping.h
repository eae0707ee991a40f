#pragma once

#include <cstdint>
#include <type_traits>

#include "src/base/vector/type.h"

namespace hoglet::fn {

// Integers wrap modulo 2^64 or 2^128, like ClickHouse's; signed overflow would be undefined.
// Doubles are what they are.
template <typename T>
auto Unsigned(T value) {
  if constexpr (std::is_same_v<T, int64_t>) {
    return static_cast<uint64_t>(value);
  } else if constexpr (std::is_same_v<T, Int128>) {
    return static_cast<UInt128>(value);
  } else {
    return value;
  }
}

template <typename T>
T WrappingAdd(T a, T b) {
  return static_cast<T>(Unsigned(a) + Unsigned(b));
}
template <typename T>
T WrappingSubtract(T a, T b) {
  return static_cast<T>(Unsigned(a) - Unsigned(b));
}
template <typename T>
T WrappingMultiply(T a, T b) {
  return static_cast<T>(Unsigned(a) * Unsigned(b));
}

}  // namespace hoglet::fn
