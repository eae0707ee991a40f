#include "storage/encoding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <random>

#include "src/base/strings.h"
#include "src/base/time.h"
#include "storage/bitpack.h"
#include "storage/bloom.h"
#include "storage/row_mask.h"

namespace hoglet {
namespace {

// Rows that come out differ from those that went in: description, or "".
template <typename T>
std::string RoundTrip(const Vector& values, Compression compression, Encoding* encoding = nullptr) {
  auto chunk = EncodeChunk(values, compression);
  if (!chunk.ok()) return std::string(chunk.status().message());
  if (encoding != nullptr) *encoding = chunk->meta.encoding;
  auto body = UncompressChunk(chunk->meta, chunk->stored, nullptr);
  if (!body.ok()) return std::string(body.status().message());
  auto back = DecodeChunk(chunk->meta, *body, values.type().NotNullable());
  if (!back.ok()) return std::string(back.status().message());
  if (back->size() != values.size()) return "rows";
  for (size_t row = 0; row < values.size(); ++row) {
    if (back->IsNull(row) != values.IsNull(row)) return StrCat("null at ", row);
    if (values.IsNull(row)) continue;
    if constexpr (std::is_same_v<T, std::string_view>) {
      if (back->data<T>()[row] != values.data<T>()[row]) return StrCat("value at ", row);
    } else if (std::memcmp(&back->data<T>()[row], &values.data<T>()[row], sizeof(T)) != 0) {
      return StrCat("value at ", row);
    }
  }
  return "";
}

template <typename T>
Vector Make(TypeKind kind, const std::vector<T>& values, int null_every, uint64_t seed) {
  Vector vector = Vector::Flat(Type(kind), values.size());
  std::copy(values.begin(), values.end(), vector.mutable_data<T>());
  std::mt19937_64 random(seed);
  for (size_t row = 0; row < values.size() && null_every > 0; ++row) {
    if (random() % static_cast<uint64_t>(null_every) == 0) vector.SetNull(row);
  }
  return vector;
}

constexpr size_t kCounts[] = {1, 2, 63, 64, 65, 127, 1000, 8192};
constexpr Compression kCompressions[] = {Compression::kNone, Compression::kLz4, Compression::kZstd};

template <typename T, typename Generate>
void CheckAll(TypeKind kind, Generate generate) {
  for (const size_t count : kCounts) {
    for (const int null_every : {0, 1, 2, 50}) {
      for (const Compression compression : kCompressions) {
        std::vector<T> values;
        for (size_t i = 0; i < count; ++i) values.push_back(generate(i));
        EXPECT_EQ(RoundTrip<T>(Make(kind, values, null_every, count), compression), "")
            << count << " rows, nulls one in " << null_every;
      }
    }
  }
}

TEST(Encoding, IntegersOfEveryWidth) {
  std::mt19937_64 random(1);
  for (int width = 0; width <= 64; ++width) {
    const uint64_t mask = width == 64 ? ~0ull : (1ull << width) - 1;
    for (const int64_t base : {int64_t{0}, int64_t{-5}, std::numeric_limits<int64_t>::min()}) {
      std::vector<int64_t> values;
      for (int i = 0; i < 300; ++i) {
        values.push_back(static_cast<int64_t>(static_cast<uint64_t>(base) + (random() & mask)));
      }
      ASSERT_EQ(RoundTrip<int64_t>(Make(TypeKind::kInt64, values, 0, 0), Compression::kNone), "")
          << width;
    }
  }
}

TEST(Encoding, Integers) {
  std::mt19937_64 random(2);
  CheckAll<int64_t>(TypeKind::kInt64, [](size_t) { return int64_t{7}; });
  CheckAll<int64_t>(TypeKind::kInt64, [](size_t i) { return static_cast<int64_t>(i / 100); });
  CheckAll<int64_t>(TypeKind::kInt64, [&](size_t) { return static_cast<int64_t>(random()); });
  CheckAll<int64_t>(TypeKind::kInt64, [&](size_t i) {
    return i % 2 == 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
  });
}

TEST(Encoding, Doubles) {
  std::mt19937_64 random(3);
  CheckAll<double>(TypeKind::kFloat64, [](size_t) { return 1.25; });
  CheckAll<double>(TypeKind::kFloat64,
                   [&](size_t) { return static_cast<double>(random() % 10'000) / 100; });
  CheckAll<double>(TypeKind::kFloat64, [&](size_t) {
    return std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 1800) - 900);
  });
  const double odd[] = {-0.0, 0.0, 5e-324, 1.7976931348623157e308, 0.1, 1e15, 1e16, -1.5};
  CheckAll<double>(TypeKind::kFloat64, [&](size_t i) { return odd[i % std::size(odd)]; });
}

TEST(Encoding, BoolsWideAndStrings) {
  std::mt19937_64 random(4);
  CheckAll<uint8_t>(TypeKind::kBool, [&](size_t) { return static_cast<uint8_t>(random() % 2); });
  CheckAll<uint8_t>(TypeKind::kBool, [](size_t) { return uint8_t{1}; });
  CheckAll<Int128>(TypeKind::kUuid, [&](size_t) {
    return static_cast<Int128>((static_cast<UInt128>(random()) << 64) | random());
  });
  CheckAll<Int128>(TypeKind::kUuid, [](size_t) { return Int128{-1}; });
  std::deque<std::string> texts;
  CheckAll<std::string_view>(TypeKind::kString, [&](size_t i) -> std::string_view {
    if (i % 7 == 0) return "";
    return texts.emplace_back(random() % 40, static_cast<char>(random()));
  });
  CheckAll<std::string_view>(TypeKind::kString, [](size_t) { return std::string_view("same"); });
}

TEST(Encoding, ChoosesByTheValues) {
  const auto encoding_of = [](const std::vector<int64_t>& values) {
    Encoding encoding{};
    EXPECT_EQ(
        RoundTrip<int64_t>(Make(TypeKind::kInt64, values, 0, 0), Compression::kNone, &encoding),
        "");
    return encoding;
  };
  std::vector<int64_t> runs;
  std::vector<int64_t> noise;
  std::mt19937_64 random(5);
  for (int i = 0; i < 4000; ++i) {
    runs.push_back(i / 500 * 1'000'000);
    noise.push_back(static_cast<int64_t>(random() % 1000));
  }
  EXPECT_EQ(encoding_of(std::vector<int64_t>(100, 3)), Encoding::kConstant);
  EXPECT_EQ(encoding_of(runs), Encoding::kRunLength);
  EXPECT_EQ(encoding_of(noise), Encoding::kPacked);
  std::vector<double> prices;
  for (int i = 0; i < 1000; ++i) prices.push_back(static_cast<double>(random() % 10'000) / 100);
  Encoding encoding{};
  EXPECT_EQ(
      RoundTrip<double>(Make(TypeKind::kFloat64, prices, 0, 0), Compression::kNone, &encoding), "");
  EXPECT_EQ(encoding, Encoding::kDecimal);
}

TEST(Encoding, Multiples) {
  std::mt19937_64 random(9);
  const auto kSecond = int64_t{1'000'000};
  for (const int64_t factor : {int64_t{1'000}, kSecond}) {
    for (const int64_t base : {int64_t{0}, 1'700'000'000 * kSecond, -5 * kSecond}) {
      std::vector<int64_t> values;
      for (int i = 0; i < 1000; ++i) {
        values.push_back(base + static_cast<int64_t>(random() % 86'400) * factor);
      }
      Encoding encoding{};
      EXPECT_EQ(
          RoundTrip<int64_t>(Make(TypeKind::kInt64, values, 3, 1), Compression::kNone, &encoding),
          "");
      EXPECT_EQ(encoding, Encoding::kMultiples);
      ++values[500];
      EXPECT_EQ(
          RoundTrip<int64_t>(Make(TypeKind::kInt64, values, 0, 1), Compression::kNone, &encoding),
          "");
      EXPECT_EQ(encoding, Encoding::kPacked);
    }
  }
}

// Uuids of version 7 and seconds since 1970 that are near the times of their rows; others; times
// before 1970; nulls.
TEST(Encoding, ByTime) {
  std::mt19937_64 random(10);
  for (const int64_t begin_us : {int64_t{1'700'000'000'123'456}, int64_t{-86'400'000'001}}) {
    for (const int null_every : {0, 3, 1}) {
      for (const bool is_near : {true, false}) {
        std::vector<int64_t> times;
        std::vector<Int128> uuids;
        std::vector<double> seconds;
        for (int i = 0; i < 3000; ++i) {
          times.push_back(begin_us + static_cast<int64_t>(random() % 86'400'000'000));
          const int64_t ms =
              is_near ? FloorDivide(times.back(), 1000) + static_cast<int64_t>(random() % 8)
                      : static_cast<int64_t>(random() % (uint64_t{1} << 41));
          seconds.push_back(static_cast<double>(ms) / 1000);
          const uint64_t high = (static_cast<uint64_t>(ms) << 16) | 0x7000 | random() % 4096;
          uuids.push_back(static_cast<Int128>((static_cast<UInt128>(high) << 64) | random()));
        }
        const auto check = [&](const Vector& values, Encoding expected) {
          const auto chunk = EncodeChunk(values, Compression::kNone, times.data());
          ASSERT_TRUE(chunk.ok());
          if (is_near && null_every != 1) {
            EXPECT_EQ(chunk->meta.encoding, expected);
          }
          const ChunkBody body{chunk->stored, nullptr};
          const auto back =
              DecodeChunk(chunk->meta, body, values.type().NotNullable(), times.data());
          ASSERT_TRUE(back.ok()) << back.status();
          for (size_t row = 0; row < values.size(); ++row) {
            ASSERT_EQ(back->IsNull(row), values.IsNull(row));
            if (values.IsNull(row)) continue;
            if (values.type().physical() == Physical::kF64) {
              ASSERT_EQ(back->data<double>()[row], values.data<double>()[row]);
            } else {
              ASSERT_TRUE(back->data<Int128>()[row] == values.data<Int128>()[row]);
            }
          }
          if (IsByTime(chunk->meta.encoding)) {
            EXPECT_EQ(DecodeChunk(chunk->meta, body, values.type()).status().code(),
                      absl::StatusCode::kDataLoss);
          }
        };
        check(Make(TypeKind::kUuid, uuids, null_every, 1), Encoding::kWideByTime);
        check(Make(TypeKind::kFloat64, seconds, null_every, 2), Encoding::kDecimalByTime);
      }
    }
  }
}

TEST(Encoding, Codes) {
  std::mt19937_64 random(6);
  for (const size_t count : kCounts) {
    for (const uint32_t entries : {1u, 2u, 300u, 131'072u}) {
      std::vector<uint32_t> codes(count);
      std::vector<uint64_t> validity(BitmapWords(count), 0);
      for (size_t i = 0; i < count; ++i) {
        codes[i] = static_cast<uint32_t>(random() % entries);
        if (random() % 3 != 0) SetBit(validity.data(), i);
      }
      std::vector<uint32_t> with_nulls = codes;
      for (size_t i = 0; i < count; ++i) {
        if (!BitIsSet(validity.data(), i)) with_nulls[i] = UINT32_MAX;
      }
      const EncodedChunk chunk =
          EncodeCodes(with_nulls.data(), count, UINT32_MAX, Compression::kLz4);
      auto body = UncompressChunk(chunk.meta, chunk.stored, nullptr);
      ASSERT_TRUE(body.ok());
      std::vector<uint32_t> back(count);
      ASSERT_TRUE(DecodeCodes(chunk.meta, *body, entries, entries, back.data()).ok());
      for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(back[i], BitIsSet(validity.data(), i) ? codes[i] : entries);
      }
      if (chunk.meta.has_range() && chunk.meta.max > 0) {
        EXPECT_EQ(
            DecodeCodes(chunk.meta, *body, static_cast<uint32_t>(chunk.meta.max), 0, back.data())
                .code(),
            absl::StatusCode::kDataLoss);
      }
    }
  }
}

// Bodies with random damage decode to something or to kDataLoss.
TEST(Encoding, DamagedBodies) {
  std::mt19937_64 random(7);
  std::vector<std::string_view> texts;
  std::vector<int64_t> integers;
  std::vector<double> doubles;
  for (int i = 0; i < 500; ++i) {
    texts.push_back(i % 3 == 0 ? "some text" : "more");
    integers.push_back(i / 50);
    doubles.push_back(i / 8.0);
  }
  const Vector columns[] = {Make(TypeKind::kString, texts, 5, 1),
                            Make(TypeKind::kInt64, integers, 0, 2),
                            Make(TypeKind::kFloat64, doubles, 9, 3)};
  for (const Vector& column : columns) {
    const auto chunk = EncodeChunk(column, Compression::kNone);
    ASSERT_TRUE(chunk.ok());
    for (int i = 0; i < 3000; ++i) {
      std::string bytes = chunk->stored;
      for (uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      if (random() % 4 == 0) bytes.resize(random() % bytes.size());
      ChunkMeta meta = chunk->meta;
      if (random() % 4 == 0) {
        meta.encoding = static_cast<Encoding>(1 + random() % (kEncodingCount - 1));
      }
      const auto back =
          DecodeChunk(meta, {bytes, nullptr}, column.type().NotNullable(), integers.data());
      if (!back.ok()) {
        EXPECT_EQ(back.status().code(), absl::StatusCode::kDataLoss);
      }
    }
  }
}

TEST(BitPack, MatchesScalarReference) {
  std::mt19937_64 random(8);
  for (int width = 0; width <= 64; ++width) {
    const size_t count = 1 + random() % 200;
    const uint64_t mask = width == 64 ? ~0ull : (1ull << width) - 1;
    std::vector<int64_t> values(count);
    for (int64_t& value : values) value = static_cast<int64_t>(random() & mask);
    std::string bytes(PackedBytes(count, width), '\0');
    PackBits(values.data(), count, int64_t{0}, width, bytes.data());
    std::vector<int64_t> back(count);
    UnpackBits(bytes.data(), count, int64_t{0}, width, back.data());
    for (size_t i = 0; i < count; ++i) {
      uint64_t reference = 0;
      for (int bit = 0; bit < width; ++bit) {
        const size_t at = i * static_cast<size_t>(width) + static_cast<size_t>(bit);
        reference |= static_cast<uint64_t>((static_cast<uint8_t>(bytes[at / 8]) >> (at % 8)) & 1)
                     << bit;
      }
      ASSERT_EQ(static_cast<uint64_t>(back[i]), reference) << width;
      ASSERT_EQ(back[i], values[i]) << width;
    }
  }
}

// Vector instructions against the scalar loop, up to the last byte that may be read.
template <typename T>
void ExpectTwinsAgree(int width, T base) {
  std::mt19937_64 random(static_cast<uint64_t>(width));
  for (size_t count = 0; count < 70; ++count) {
    const uint64_t mask = width == 64 ? ~0ull : (1ull << width) - 1;
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(static_cast<uint64_t>(base) + (random() & mask));
    const std::unique_ptr<char[]> bytes(new char[PackedBytes(count, width)]);
    PackBits(values.data(), count, base, width, bytes.get());
    std::vector<T> fast(count);
    std::vector<T> scalar(count);
    UnpackBits(bytes.get(), count, base, width, fast.data());
    UnpackBitsScalar(bytes.get(), count, base, width, scalar.data());
    ASSERT_EQ(fast, scalar) << width;
    ASSERT_EQ(fast, values) << width;
  }
}

TEST(BitPack, VectorAndScalarLoopsAgree) {
  for (int width = 0; width <= 64; ++width) ExpectTwinsAgree<int64_t>(width, -12'345'678'901);
  for (int width = 0; width <= 32; ++width) ExpectTwinsAgree<uint32_t>(width, 77);
}

TEST(SpreadToValid, PutsEachValueAtItsBit) {
  std::mt19937_64 random(10);
  for (int round = 0; round < 200; ++round) {
    const size_t rows = 1 + random() % 400;
    std::vector<uint64_t> validity(BitmapWords(rows), 0);
    const uint64_t density = random() % 3;  // none, half, all
    for (size_t row = 0; row < rows; ++row) {
      if ((row / 64 + density) % 3 == 0 || (density == 1 && random() % 2 == 0))
        SetBit(validity.data(), row);
    }
    std::vector<int64_t> expected(rows, 0);
    std::vector<int64_t> values;
    for (size_t row = 0; row < rows; ++row) {
      if (!BitIsSet(validity.data(), row)) continue;
      values.push_back(static_cast<int64_t>(row) + 1);
      expected[row] = values.back();
    }
    const size_t count = values.size();
    values.resize(rows, -1);
    SpreadToValid(values.data(), count, validity.data(), rows);
    ASSERT_EQ(values, expected) << round;
  }
}

TEST(Bloom, HoldsItsKeysAndFewOthers) {
  std::mt19937_64 random(9);
  std::vector<uint64_t> hashes(10'000);
  for (uint64_t& hash : hashes) hash = random();
  const std::string filter = BuildBloom(hashes, 16);
  EXPECT_LE(filter.size(), hashes.size() * 2 + 64);
  for (const uint64_t hash : hashes) ASSERT_TRUE(BloomMayContain(filter, hash));
  int false_hits = 0;
  for (int i = 0; i < 100'000; ++i) false_hits += BloomMayContain(filter, random()) ? 1 : 0;
  EXPECT_LT(false_hits, 200);
  EXPECT_TRUE(BloomMayContain("", 1));
}

TEST(RowMask, CopiesShareAndDiffer) {
  const std::vector<uint32_t> first = {0, 5, 63, 64, 8191, 8192, 100'000};
  const auto a = RowMask::With(nullptr, first);
  const auto b = RowMask::With(a.get(), std::vector<uint32_t>{5, 6});
  EXPECT_EQ(a->Rows(), first);
  EXPECT_EQ(a->count(), 7u);
  EXPECT_EQ(b->count(), 8u);
  EXPECT_FALSE(a->Contains(6));
  EXPECT_TRUE(b->Contains(6));
  EXPECT_FALSE(a->Contains(4'000'000));
  EXPECT_TRUE(a->IntersectsRange(8192, 8193));
  EXPECT_FALSE(a->IntersectsRange(8193, 100'000));
  EXPECT_TRUE(a->IntersectsRange(8193, 100'001));
  EXPECT_FALSE(a->IntersectsRange(100'001, 1'000'000));
}

}  // namespace
}  // namespace hoglet
