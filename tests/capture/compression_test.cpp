#include "src/capture/compression.h"

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <libdeflate.h>
#include <zstd.h>

namespace hoglet {
namespace {

std::string Gzip(std::string_view text) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_gzip_compress_bound(compressor, text.size()), '\0');
  out.resize(
      libdeflate_gzip_compress(compressor, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

std::string Zlib(std::string_view text) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_zlib_compress_bound(compressor, text.size()), '\0');
  out.resize(
      libdeflate_zlib_compress(compressor, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

std::string Brotli(std::string_view text) {
  size_t size = BrotliEncoderMaxCompressedSize(text.size());
  std::string out(size, '\0');
  BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, text.size(),
                        reinterpret_cast<const uint8_t*>(text.data()), &size,
                        reinterpret_cast<uint8_t*>(out.data()));
  out.resize(size);
  return out;
}

std::string Zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

struct Codec {
  const char* name;
  std::string (*compress)(std::string_view);
  absl::StatusOr<std::string> (*decompress)(std::string_view, uint64_t);
};

class CodecTest : public testing::TestWithParam<Codec> {};

TEST_P(CodecTest, GivesBackWhatWentIn) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1000}, size_t{1 << 20}}) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text.push_back(static_cast<char>('a' + i * i % 23));
    const auto got = GetParam().decompress(GetParam().compress(text), size + 1);
    ASSERT_TRUE(got.ok()) << got.status() << " size " << size;
    EXPECT_EQ(*got, text);
  }
}

TEST_P(CodecTest, StopsAtTheLimit) {
  const std::string bomb = GetParam().compress(std::string(32 << 20, ' '));
  EXPECT_LT(bomb.size(), 200'000u);
  EXPECT_TRUE(absl::IsOutOfRange(GetParam().decompress(bomb, 1 << 20).status()));
  const std::string exact = GetParam().compress(std::string(1000, 'x'));
  EXPECT_TRUE(GetParam().decompress(exact, 1000).ok());
  EXPECT_TRUE(absl::IsOutOfRange(GetParam().decompress(exact, 999).status()));
}

TEST_P(CodecTest, RefusesEveryTornStream) {
  const std::string whole =
      GetParam().compress("a text that is compressed, and then compressed, and then cut");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(GetParam().decompress(whole.substr(0, size), 1 << 20).status()))
        << size;
  }
  EXPECT_FALSE(GetParam().decompress("\x1f\x8b\x08 this is not compressed at all", 1 << 20).ok());
}

INSTANTIATE_TEST_SUITE_P(Codecs, CodecTest,
                         testing::Values(Codec{"gzip", Gzip, DecompressGzip},
                                         Codec{"zlib", Zlib, DecompressZlib},
                                         Codec{"brotli", Brotli, DecompressBrotli},
                                         Codec{"zstd", Zstd, DecompressZstd}),
                         [](const auto& info) { return info.param.name; });

TEST(Gzip, MembersAreJoinedAndRubbishBehindThemIsIgnored) {
  EXPECT_EQ(DecompressGzip(Gzip("one ") + Gzip("two"), 100).value(), "one two");
  EXPECT_EQ(DecompressGzip(Gzip("one") + "rubbish", 100).value(), "one");
  EXPECT_TRUE(absl::IsOutOfRange(DecompressGzip(Gzip("one ") + Gzip("two"), 5).status()));
}

TEST(Gzip, AForgedLengthAllocatesNothingLarge) {
  std::string forged = Gzip("small");
  forged.replace(forged.size() - 4, 4, "\xff\xff\xff\x7f");
  EXPECT_FALSE(DecompressGzip(forged, 64 << 20).ok());
}

TEST(Gzip, DamageIsFound) {
  std::string damaged = Gzip("a text of some length, long enough to be worth it");
  damaged[15] = static_cast<char>(damaged[15] ^ 1);
  EXPECT_FALSE(DecompressGzip(damaged, 1000).ok());
}

// Made by lz-string's compressToBase64.
TEST(Lz64, KnownTexts) {
  EXPECT_EQ(DecompressLz64("BYUwNmD2Q===", 100).value(), "hello");
  EXPECT_EQ(DecompressLz64("Q===", 100).value(), "");
  EXPECT_EQ(DecompressLz64("BYS4NmD2AEDuBvAnMATahUMmoXg3AAe9UEMCyamu+4UcSqG2eQA=", 100).value(),
            "héllo wörld ☕ 😀 héllo wörld ☕ 😀 héllo wörld ☕ 😀 ");
  EXPECT_EQ(DecompressLz64("N4IghiBcKLwbgAeyANCARlA2gRkQJkQZgF0BfIA=", 100).value(),
            R"({"a":"😀","b":[1,2,3]})");
}

TEST(Lz64, LimitsAreOfTheTextNotOfItsUnits) {
  const char* a_thousand = "IY18ZXTt/DFOS1b0c17Pd/wYUcSaWeRZVdTbXTEA";
  EXPECT_EQ(DecompressLz64(a_thousand, 1000).value(), std::string(1000, 'a'));
  EXPECT_TRUE(absl::IsOutOfRange(DecompressLz64(a_thousand, 999).status()));
  const char* three = "BYS4NmD2AEDuBvAnMATahUMmoXg3AAe9UEMCyamu+4UcSqG2eQA=";
  EXPECT_TRUE(absl::IsOutOfRange(DecompressLz64(three, 60).status()));
}

TEST(Lz64, DamageIsFound) {
  for (const char* text : {"", "!!!!", "BYUw", "BYS4NmD2AEDuBvAn", "AAAA", "//////8="}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecompressLz64(text, 100).status())) << text;
  }
  EXPECT_TRUE(absl::IsDataLoss(DecompressLz64("rwbQ", 100).status()));
}

}  // namespace
}  // namespace hoglet
