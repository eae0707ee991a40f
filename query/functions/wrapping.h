#pragma once

#include <cstdint>

namespace hoglet::fn {

// Integers modulo 2^64, as ClickHouse's wrap; signed overflow would be undefined.
inline int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
inline int64_t WrappingMultiply(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

}  // namespace hoglet::fn
