#include "src/base/base64.h"

#include <gtest/gtest.h>

namespace hoglet {
namespace {

struct Base64Case {
  const char* plain;
  const char* encoded;
};

class Base64 : public testing::TestWithParam<Base64Case> {};

TEST_P(Base64, RoundTrips) {
  EXPECT_EQ(Base64Encode(GetParam().plain), GetParam().encoded);
  EXPECT_EQ(Base64Decode(GetParam().encoded), GetParam().plain);
}

INSTANTIATE_TEST_SUITE_P(Rfc4648, Base64,
                         testing::Values(Base64Case{"", ""}, Base64Case{"f", "Zg=="},
                                         Base64Case{"fo", "Zm8="}, Base64Case{"foo", "Zm9v"},
                                         Base64Case{"foob", "Zm9vYg=="},
                                         Base64Case{"fooba", "Zm9vYmE="},
                                         Base64Case{"foobar", "Zm9vYmFy"},
                                         Base64Case{"\xff\xfe\xfd", "//79"}));

class BadBase64 : public testing::TestWithParam<const char*> {};

TEST_P(BadBase64, IsRefused) { EXPECT_EQ(Base64Decode(GetParam()), std::nullopt); }

INSTANTIATE_TEST_SUITE_P(Texts, BadBase64,
                         testing::Values("Zg", "Zg=", "Zm9v\n", "Zm 9", "Z===", "====", "Zh==",
                                         "Zm9=", "Zg==Zg==", "-_79", "Zm9v="));

TEST(Base64Looks, DecidesByTheFirst128BytesAndTheWholeLength) {
  EXPECT_TRUE(LooksLikeStrictBase64("Zm9v"));
  EXPECT_FALSE(LooksLikeStrictBase64(""));
  EXPECT_FALSE(LooksLikeStrictBase64("Zm9"));
  EXPECT_FALSE(LooksLikeStrictBase64("Zm v"));
  EXPECT_TRUE(LooksLikeLooseBase64("Zm v"));
  EXPECT_FALSE(LooksLikeLooseBase64("Zm\nv"));
  EXPECT_TRUE(LooksLikeStrictBase64(std::string(128, 'A') + "{}\"!"));
  EXPECT_FALSE(LooksLikeStrictBase64(std::string(127, 'A') + "{AAA"));
}

TEST(Base64, RoundTripsEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(Base64Decode(Base64Encode(all)), all);
  EXPECT_EQ(Base64EncodeUnpadded("f"), "Zg");
}

}  // namespace
}  // namespace hoglet
