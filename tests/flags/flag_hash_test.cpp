#include "src/flags/flag_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "src/base/digest.h"

namespace hoglet {
namespace {

// The same by way of the hex digits.
double HashByHex(const std::string& text) {
  const std::string digits = HexEncode(Sha1(text)).substr(0, 15);
  return static_cast<double>(std::stoull(digits, nullptr, 16)) /
         static_cast<double>(0xFFFFFFFFFFFFFFFull);
}

TEST(FlagHash, IsTheFirst60BitsOverTheLargest) {
  for (size_t bytes = 0; bytes < 300; ++bytes) {
    const std::string identifier(bytes, static_cast<char>('a' + bytes % 26));
    EXPECT_EQ(FlagHash("key.", identifier, "variant"), HashByHex("key." + identifier + "variant"))
        << bytes;
  }
}

TEST(FlagHash, IdentifiersEndAtTheirTwoHundredthCharacter) {
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "ä";
  EXPECT_EQ(CutFlagIdentifier(umlauts), umlauts);
  EXPECT_EQ(CutFlagIdentifier(umlauts + "b"), umlauts);
  EXPECT_EQ(CutFlagIdentifier(""), "");
}

TEST(FlagHash, RolloutIncludesItsEndAndVariantsDoNot) {
  EXPECT_TRUE(IsInRollout(0, 0));
  EXPECT_FALSE(IsInRollout(1e-18, 0));
  EXPECT_TRUE(IsInRollout(0.25, 25));
  EXPECT_TRUE(IsInRollout(1, 100));
  EXPECT_FALSE(IsInRollout(0, -1));
  const std::vector<double> ends = VariantEnds(std::vector<double>{25, 0, 25});
  EXPECT_EQ(PickVariant(0, ends), 0u);
  EXPECT_EQ(PickVariant(0.25, ends), 2u);
  EXPECT_EQ(PickVariant(0.5, ends), 3u);
  EXPECT_EQ(PickVariant(0, {}), 0u);
}

}  // namespace
}  // namespace hoglet
