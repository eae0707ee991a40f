#include "src/base/uuid.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "src/base/memory_env.h"

namespace hoglet {
namespace {

constexpr char kText[] = "246f7a43-5507-564f-b687-793ee3c2dd79";

class GoodUuid : public testing::TestWithParam<const char*> {};

TEST_P(GoodUuid, Parses) {
  const auto uuid = ParseUuid(GetParam());
  ASSERT_TRUE(uuid.has_value()) << GetParam();
  EXPECT_EQ(FormatUuid(*uuid), kText);
}

INSTANTIATE_TEST_SUITE_P(Forms, GoodUuid,
                         testing::Values(kText, "246F7A43-5507-564F-B687-793EE3C2DD79",
                                         "246f7a435507564fb687793ee3c2dd79",
                                         "{246f7a43-5507-564f-b687-793ee3c2dd79}",
                                         "urn:uuid:246f7a43-5507-564f-b687-793ee3c2dd79"));

class BadUuid : public testing::TestWithParam<const char*> {};

TEST_P(BadUuid, IsRefused) { EXPECT_FALSE(ParseUuid(GetParam()).has_value()); }

INSTANTIATE_TEST_SUITE_P(
    Forms, BadUuid,
    testing::Values("", "246f7a43", "246f7a43-5507-564f-b687-793ee3c2dd7",
                    "246f7a43-5507-564f-b687-793ee3c2dd79 ", "246f7a43-5507-564f-b687_793ee3c2dd79",
                    "246f7a4355-07-564f-b687-793ee3c2dd79", "g46f7a435507564fb687793ee3c2dd79",
                    "{246f7a435507564fb687793ee3c2dd79}", "(246f7a43-5507-564f-b687-793ee3c2dd79)",
                    "{246f7a43-5507-564f-b687-793ee3c2dd79",
                    "246f7a43-5507-564f-b687-793ee3c2dd79}"));

TEST(Uuid, PersonIdsAreThePublishedOnes) {
  EXPECT_EQ(FormatUuid(PersonUuid(1, "test")), kText);
  EXPECT_EQ(FormatUuid(PersonUuid(2, "test")), "00ce873a-549c-548e-bbec-cc804a385dd8");
  EXPECT_EQ(FormatUuid(PersonUuid(1, "test2")), "45c17302-ee44-5596-916a-0eba21f4b638");
}

TEST(Uuid, V7AscendsEvenWhenTheClockStandsOrGoesBack) {
  MemoryEnv env;
  Uuid last;
  for (int i = 0; i < 10'000; ++i) {
    if (i == 5000) env.AdvanceMicros(-10'000'000);
    if (i == 7000) env.AdvanceMicros(20'000'000);
    const Uuid uuid = UuidV7(&env);
    EXPECT_EQ(UuidVersion(uuid), 7);
    EXPECT_EQ(uuid.bytes[8] >> 6, 2);
    EXPECT_LT(last, uuid);
    last = uuid;
  }
}

TEST(Uuid, V7CarriesTheTime) {
  MemoryEnv env;
  const Uuid uuid = UuidV7At(&env, 1'700'000'000'123'456);
  uint64_t millis = 0;
  for (int i = 0; i < 6; ++i) millis = millis << 8 | uuid.bytes[static_cast<size_t>(i)];
  EXPECT_EQ(millis, 1'700'000'000'123u);
}

TEST(Uuid, UniqueAcrossThreads) {
  MemoryEnv env;
  std::vector<std::vector<Uuid>> made(4);
  std::vector<std::thread> threads;
  for (auto& mine : made) {
    threads.emplace_back([&env, &mine] {
      for (int i = 0; i < 2000; ++i) mine.push_back(i % 2 ? UuidV7(&env) : UuidV4(&env));
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<Uuid> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 8000u);
}

TEST(Uuid, VersionsAndNil) {
  MemoryEnv env;
  EXPECT_EQ(UuidVersion(UuidV4(&env)), 4);
  EXPECT_EQ(UuidVersion(*ParseUuid(kText)), 5);
  EXPECT_TRUE(IsNilUuid(Uuid{}));
  EXPECT_FALSE(IsNilUuid(*ParseUuid(kText)));
}

}  // namespace
}  // namespace hoglet
