#pragma once

#include <algorithm>
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

// The same without vector instructions: what UnpackBits does where the processor has none.
void UnpackBitsScalar(const char* in, size_t count, int64_t base, int width, int64_t* out);
void UnpackBitsScalar(const char* in, size_t count, uint32_t base, int width, uint32_t* out);

// Moves `count` dense values to the positions of the set bits of `validity` (exactly `count` of
// them in `rows` bits), in place from the back; other positions get the default value. `values` has
// room for `rows`.
template <typename T>
void SpreadToValid(T* values, size_t count, const uint64_t* validity, size_t rows) {
  size_t source = count;
  const auto spread = [&](size_t begin, size_t end) {
    for (size_t row = end; row-- > begin;) {
      const bool valid = (validity[row >> 6] >> (row & 63)) & 1;
      source -= valid ? 1 : 0;
      values[row] = valid ? values[source] : T{};
    }
  };
  const size_t words = rows / 64;
  spread(words * 64, rows);
  for (size_t word = words; word-- > 0;) {
    T* const to = values + word * 64;
    if (validity[word] == 0) {
      std::fill_n(to, 64, T{});
    } else if (validity[word] == ~uint64_t{0}) {
      source -= 64;
      std::copy_backward(values + source, values + source + 64, to + 64);
    } else {
      spread(word * 64, word * 64 + 64);
    }
  }
}

// Set bits among the first `rows`.
size_t CountBits(const uint64_t* bits, size_t rows);

}  // namespace hoglet
