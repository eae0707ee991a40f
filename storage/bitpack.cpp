#include "storage/bitpack.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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
void UnpackScalar(const char* in, size_t count, uint64_t base, int width, T* out) {
  if (width <= 56) {
    UnpackNarrow(in, count, base, width, out);
  } else {
    UnpackWide(in, count, base, width, out);
  }
}

#if defined(__x86_64__)
// Eight values take `width` bytes, so every eighth begins at a byte. A register holds the bytes of
// a run of values; each lane of it picks the bytes its value lies in and shifts them down. All
// loads are of 16 bytes.

// Where one lane of 16 bytes takes its values from.
struct LanePlan {
  size_t offset;                 // of the bytes, from the start of eight values
  alignas(16) uint8_t pick[16];  // byte of the lane for each byte of the values
  uint64_t shifts[4];            // of each value
};

// For values `first` and on, as many as fit into 16 bytes of `value_bytes` each.
LanePlan PlanLane(int width, int first, int value_bytes) {
  LanePlan plan;
  const int begin_bit = first * width;
  plan.offset = static_cast<size_t>(begin_bit / 8);
  for (int value = 0; value < 16 / value_bytes; ++value) {
    const int bit = begin_bit % 8 + value * width;
    plan.shifts[value] = static_cast<uint64_t>(bit % 8);
    for (int byte = 0; byte < value_bytes; ++byte)
      plan.pick[value * value_bytes + byte] = static_cast<uint8_t>(bit / 8 + byte);
  }
  return plan;
}

__attribute__((target("avx2"))) __m256i LoadLanes(const char* low, const char* high) {
  return _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low))),
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)), 1);
}

__attribute__((target("avx2"))) __m256i PickOf(const LanePlan& low, const LanePlan& high) {
  return _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(low.pick))),
      _mm_load_si128(reinterpret_cast<const __m128i*>(high.pick)), 1);
}

constexpr int kAvx2Width32Max = 25;  // with a shift of up to 7, a value lies in 4 bytes
constexpr int kAvx2Width64Max = 57;  // in 8

// Returns how many values it has unpacked.
__attribute__((target("avx2"))) size_t UnpackAvx2(const char* __restrict in, size_t count,
                                                  uint64_t base, int width,
                                                  uint32_t* __restrict out) {
  const LanePlan low = PlanLane(width, 0, 4);
  const LanePlan high = PlanLane(width, 4, 4);
  const __m256i pick = PickOf(low, high);
  const auto shift = [](const LanePlan& lane, int i) { return static_cast<int>(lane.shifts[i]); };
  const __m256i shifts =
      _mm256_setr_epi32(shift(low, 0), shift(low, 1), shift(low, 2), shift(low, 3), shift(high, 0),
                        shift(high, 1), shift(high, 2), shift(high, 3));
  const __m256i mask = _mm256_set1_epi32(static_cast<int>(WidthMask(width)));
  const __m256i bases = _mm256_set1_epi32(static_cast<int>(base));
  const size_t eights = count / 8;
  for (size_t i = 0; i < eights; ++i, in += width) {
    const __m256i bytes = _mm256_shuffle_epi8(LoadLanes(in, in + high.offset), pick);
    const __m256i values = _mm256_and_si256(_mm256_srlv_epi32(bytes, shifts), mask);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8 * i), _mm256_add_epi32(values, bases));
  }
  return 8 * eights;
}

__attribute__((target("avx2"))) size_t UnpackAvx2(const char* __restrict in, size_t count,
                                                  uint64_t base, int width,
                                                  int64_t* __restrict out) {
  const LanePlan lanes[4] = {PlanLane(width, 0, 8), PlanLane(width, 2, 8), PlanLane(width, 4, 8),
                             PlanLane(width, 6, 8)};
  const __m256i picks[2] = {PickOf(lanes[0], lanes[1]), PickOf(lanes[2], lanes[3])};
  __m256i shifts[2];
  for (int half = 0; half < 2; ++half) {
    const LanePlan* lane = lanes + 2 * half;
    shifts[half] = _mm256_setr_epi64x(
        static_cast<int64_t>(lane[0].shifts[0]), static_cast<int64_t>(lane[0].shifts[1]),
        static_cast<int64_t>(lane[1].shifts[0]), static_cast<int64_t>(lane[1].shifts[1]));
  }
  const __m256i mask = _mm256_set1_epi64x(static_cast<int64_t>(WidthMask(width)));
  const __m256i bases = _mm256_set1_epi64x(static_cast<int64_t>(base));
  const size_t eights = count / 8;
  for (size_t i = 0; i < eights; ++i, in += width) {
    for (int half = 0; half < 2; ++half) {
      const LanePlan* lane = lanes + 2 * half;
      const __m256i bytes =
          _mm256_shuffle_epi8(LoadLanes(in + lane[0].offset, in + lane[1].offset), picks[half]);
      const __m256i values = _mm256_and_si256(_mm256_srlv_epi64(bytes, shifts[half]), mask);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8 * i + 4 * half),
                          _mm256_add_epi64(values, bases));
    }
  }
  return 8 * eights;
}

template <typename T>
size_t UnpackFast(const char* in, size_t count, uint64_t base, int width, T* out) {
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  const int width_max = sizeof(T) == 4 ? kAvx2Width32Max : kAvx2Width64Max;
  return has_avx2 && width <= width_max ? UnpackAvx2(in, count, base, width, out) : 0;
}
#else
template <typename T>
size_t UnpackFast(const char*, size_t, uint64_t, int, T*) {
  return 0;
}
#endif

template <typename T>
void Unpack(const char* in, size_t count, uint64_t base, int width, T* out) {
  const size_t done = UnpackFast(in, count, base, width, out);
  in += done / 8 * static_cast<size_t>(width);
  out += done;
  UnpackScalar(in, count - done, base, width, out);
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

void UnpackBitsScalar(const char* in, size_t count, int64_t base, int width, int64_t* out) {
  UnpackScalar(in, count, static_cast<uint64_t>(base), width, out);
}

void UnpackBitsScalar(const char* in, size_t count, uint32_t base, int width, uint32_t* out) {
  UnpackScalar(in, count, base, width, out);
}

size_t CountBits(const uint64_t* bits, size_t rows) {
  size_t count = 0;
  for (size_t word = 0; word < rows / 64; ++word) count += std::popcount(bits[word]);
  if (rows % 64 != 0) count += std::popcount(bits[rows / 64] & WidthMask(rows % 64));
  return count;
}

}  // namespace hoglet
