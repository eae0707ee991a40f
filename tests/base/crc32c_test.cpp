#include "src/base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace hoglet {
namespace {

TEST(Crc32c, KnownValues) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(Crc32c, PortableFormIsEqualAndExtends) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 500; ++round) {
    std::string text(random() % (round < 250 ? 200 : 5'000), '\0');
    for (char& c : text) c = static_cast<char>(random());
    const size_t cut = text.empty() ? 0 : random() % text.size();
    const uint32_t whole = Crc32c(text);
    EXPECT_EQ(Crc32cExtendPortable(0, text), whole);
    EXPECT_EQ(Crc32cExtend(Crc32c(text.substr(0, cut)), text.substr(cut)), whole);
    EXPECT_EQ(Crc32cExtendPortable(Crc32c(text.substr(0, cut)), text.substr(cut)), whole);
  }
}

}  // namespace
}  // namespace hoglet
