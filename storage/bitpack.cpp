#include "storage/bitpack.h"

#include <bit>
#include <cstring>

namespace hoglet {

namespace {

uint64_t WidthMask(int width) { return width >= 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1; }

uint64_t LoadWord(const char* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// Bits go out a word at a time; each word overlaps the one before in the bytes that are not full
// yet, so that nothing is read back.
class BitSink {
 public:
  explicit BitSink(char* out) : at_(out) {}

  // At most 56 bits.
  void Put(uint64_t value, int bits) {
    word_ |= value << filled_;
    std::memcpy(at_, &word_, sizeof(word_));
    filled_ += bits;
    at_ += filled_ >> 3;
    word_ >>= filled_ & ~7;
    filled_ &= 7;
  }

 private:
  char* at_;
  uint64_t word_ = 0;
  int filled_ = 0;  // bits of word_, below 8 between two calls
};

// Widths up to 56 / `together` bits: so many values are put as one.
template <int together, typename T>
void PackNarrow(const T* values, size_t count, uint64_t base, int width, char* out) {
  BitSink sink(out);
  size_t i = 0;
  for (; i + together <= count; i += together) {
    uint64_t word = 0;
    for (int k = 0; k < together; ++k) {
      word |= (static_cast<uint64_t>(values[i + k]) - base) << (k * width);
    }
    sink.Put(word, width * together);
  }
  for (; i < count; ++i) sink.Put(static_cast<uint64_t>(values[i]) - base, width);
}

template <typename T>
void PackWide(const T* values, size_t count, uint64_t base, int width, char* out) {
  constexpr int kLowBits = 32;
  BitSink sink(out);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t delta = static_cast<uint64_t>(values[i]) - base;
    sink.Put(delta & WidthMask(kLowBits), kLowBits);
    sink.Put(delta >> kLowBits, width - kLowBits);
  }
}

template <typename T>
void Pack(const T* values, size_t count, uint64_t base, int width, char* out) {
  std::memset(out + PackedBytes(count, width) - kPackSlackBytes, 0, kPackSlackBytes);
  if (width == 0) return;
  if (width <= 14) {
    PackNarrow<4>(values, count, base, width, out);
  } else if (width <= 28) {
    PackNarrow<2>(values, count, base, width, out);
  } else if (width <= 56) {
    PackNarrow<1>(values, count, base, width, out);
  } else {
    PackWide(values, count, base, width, out);
  }
}

// Widths up to 56 bits: one load covers a value wherever its first bit lies.
template <typename T>
void UnpackNarrow(const char* __restrict in, size_t count, uint64_t base, int width,
                  T* __restrict out) {
  const uint64_t mask = WidthMask(width);
  size_t bit = 0;
  for (size_t i = 0; i < count; ++i, bit += width) {
    out[i] = static_cast<T>(base + ((LoadWord(in + (bit >> 3)) >> (bit & 7)) & mask));
  }
}

template <typename T>
void UnpackWide(const char* __restrict in, size_t count, uint64_t base, int width,
                T* __restrict out) {
  const uint64_t mask = WidthMask(width);
  size_t bit = 0;
  for (size_t i = 0; i < count; ++i, bit += width) {
    const char* at = in + (bit >> 3);
    const int shift = static_cast<int>(bit & 7);
    const uint64_t high = static_cast<uint8_t>(at[8]);
    const uint64_t value = (LoadWord(at) >> shift) | (shift == 0 ? 0 : high << (64 - shift));
    out[i] = static_cast<T>(base + (value & mask));
  }
}

template <typename T>
void Unpack(const char* in, size_t count, uint64_t base, int width, T* out) {
  if (width <= 56) {
    UnpackNarrow(in, count, base, width, out);
  } else {
    UnpackWide(in, count, base, width, out);
  }
}

}  // namespace

int BitWidth(uint64_t value) { return std::bit_width(value); }

size_t PackedBytes(size_t count, int width) {
  if (width == 0) return kPackSlackBytes;
  return (count * static_cast<size_t>(width) + 7) / 8 + kPackSlackBytes;
}

void PackBits(const int64_t* values, size_t count, int64_t base, int width, char* out) {
  Pack(values, count, static_cast<uint64_t>(base), width, out);
}

void PackBits(const uint32_t* values, size_t count, uint32_t base, int width, char* out) {
  Pack(values, count, base, width, out);
}

void UnpackBits(const char* in, size_t count, int64_t base, int width, int64_t* out) {
  Unpack(in, count, static_cast<uint64_t>(base), width, out);
}

void UnpackBits(const char* in, size_t count, uint32_t base, int width, uint32_t* out) {
  Unpack(in, count, base, width, out);
}

size_t CountBits(const uint64_t* bits, size_t rows) {
  size_t count = 0;
  for (size_t word = 0; word < rows / 64; ++word) count += std::popcount(bits[word]);
  if (rows % 64 != 0) count += std::popcount(bits[rows / 64] & WidthMask(rows % 64));
  return count;
}

}  // namespace hoglet
