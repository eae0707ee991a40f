#pragma once

#include <cstddef>
#include <cstdint>

// Integers packed at a fixed number of bits, low bits first. Free functions over plain pointers;
// the loops hold no branch on the data.

namespace hoglet {

// Readable bytes that UnpackBits needs past the packed values: it loads whole words.
inline constexpr size_t kPackSlackBytes = 16;

// Bits that `value` needs, 0 .. 64.
int BitWidth(uint64_t value);

// Bytes of `count` values at `width` bits, slack included.
size_t PackedBytes(size_t count, int width);

// Writes PackedBytes(count, width) bytes: (values[i] - base) at `width` bits each, which they must
// fit.
void PackBits(const int64_t* values, size_t count, int64_t base, int width, char* out);
void PackBits(const uint32_t* values, size_t count, uint32_t base, int width, char* out);

// The inverse; `in` holds PackedBytes(count, width) bytes. Any bytes give some values.
void UnpackBits(const char* in, size_t count, int64_t base, int width, int64_t* out);
void UnpackBits(const char* in, size_t count, uint32_t base, int width, uint32_t* out);

// Moves `count` dense values to the positions of the set bits of `validity` (exactly `count` of
// them in `rows` bits), in place from the back; other positions get the default value. `values` has
// room for `rows`.
template <typename T>
void SpreadToValid(T* values, size_t count, const uint64_t* validity, size_t rows) {
  size_t source = count;
  for (size_t row = rows; row-- > 0;) {
    const bool valid = (validity[row >> 6] >> (row & 63)) & 1;
    source -= valid ? 1 : 0;
    values[row] = valid ? values[source] : T{};
  }
}

// Set bits among the first `rows`.
size_t CountBits(const uint64_t* bits, size_t rows);

}  // namespace hoglet
