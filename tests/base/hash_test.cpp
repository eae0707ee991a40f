#include "src/base/hash.h"

#include <gtest/gtest.h>

#include <set>

#include "include/hoglet/env.h"
#include "src/base/hash_vectors.h"
#include "src/base/uuid.h"

namespace hoglet {
namespace {

TEST(Hash, MatchesTheVectors) {
  auto text = Env::Posix()->ReadWholeFile(HOGLET_SOURCE_DIR "/tests/vectors/hashes.json");
  ASSERT_TRUE(text.ok()) << text.status();
  auto counts = RunHashVectors(*text, [](const std::string& line) { ADD_FAILURE() << line; });
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->failed, 0);
  EXPECT_EQ(counts->passed, 2 * 397 + 7);
}

TEST(Hash, VectorsReportWhatDiffers) {
  std::vector<std::string> lines;
  auto counts = RunHashVectors(
      R"({"strings":[{"s":"a","sipHash64":"1","cityHash64":"2603192927274642682"}],
          "multi_argument_and_typed":{"sip_int64_1":"0","new_row":"1"}})",
      [&](const std::string& line) { lines.push_back(line); });
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->passed, 1);
  EXPECT_EQ(counts->failed, 3);
  EXPECT_EQ(lines.size(), 3u);
  EXPECT_FALSE(RunHashVectors("{}", [](const std::string&) {}).ok());
  EXPECT_FALSE(RunHashVectors("no json", [](const std::string&) {}).ok());
}

// Values read off ClickHouse 26.7.
TEST(Hash, Typed) {
  EXPECT_EQ(CityHash64Number(int8_t{-1}), 8055013221972926055u);
  EXPECT_EQ(CityHash64Number(uint8_t{255}), 8055013221972926055u);
  EXPECT_EQ(CityHash64Number(1.5), 7287324520655339053u);
  EXPECT_EQ(CityHash64Number(1.5f), 17641193269776743632u);
  EXPECT_EQ(CityHash64Decimal(1704164645123456), 10588141462986679743u);
  EXPECT_EQ(SipHash64Number(int64_t{1704164645123456}), 9048379507052552438u);
  EXPECT_EQ(SipHash64Number(uint8_t{1}), 7385293435322750976u);
  EXPECT_EQ(SipHash64Combine(SipHash64Combine(SipHash64("a"), SipHash64("b")), SipHash64("c")),
            12120073758995740453u);
  const Uuid uuid = *ParseUuid("01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_EQ(SipHash64Uuid(uuid), 7006513082673031954u);
  EXPECT_EQ(CityHash64Uuid(uuid), 2733496387931208560u);
}

TEST(Hash, FastHashSpreads) {
  std::set<uint64_t> seen;
  std::string text;
  for (int i = 0; i < 300; ++i) {
    EXPECT_TRUE(seen.insert(FastHash64(text)).second) << i;
    text.push_back('\0');
  }
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(FastHash64(std::to_string(i))).second);
}

}  // namespace
}  // namespace hoglet
