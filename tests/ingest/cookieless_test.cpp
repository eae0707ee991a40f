// Ids for people without cookies: the salts of the days and the rewriting of events.

#include "src/ingest/steps/cookieless.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/fault_env.h"
#include "src/base/time.h"
#include "src/ingest/event_parser.h"
#include "tests/ingest/fakes.h"

namespace hoglet {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kHourUs = 3'600'000'000;
constexpr int64_t kDay = 20'000;  // 2024-10-04
constexpr int64_t kNoonUs = kDay * kMicrosPerDay + 12 * kHourUs;

class Salts : public testing::Test {
 protected:
  void Open(int64_t now_us) {
    env_ = std::make_unique<ClockEnv>(Env::Posix(), now_us);
    auto opened = CookielessSalts::Open(env_.get(), path_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    salts_ = *std::move(opened);
  }
  std::string Get(int64_t day, int64_t received_at_us) {
    const auto salt = salts_->ForDay(day, received_at_us);
    EXPECT_TRUE(salt.ok()) << salt.status();
    return salt.ok() ? salt->value_or("") : "";
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_.path("salts");
  std::unique_ptr<Env> env_;
  std::unique_ptr<CookielessSalts> salts_;
};

TEST_F(Salts, AreOneADayAndStay) {
  Open(kNoonUs);
  const std::string today = Get(kDay, kNoonUs);
  EXPECT_EQ(today.size(), 16u);
  EXPECT_EQ(Get(kDay, kNoonUs + kHourUs), today);
  const std::string yesterday = Get(kDay - 1, kNoonUs);
  EXPECT_NE(yesterday, today);
  Open(kNoonUs);
  EXPECT_EQ(Get(kDay, kNoonUs), today);
  EXPECT_EQ(Get(kDay - 1, kNoonUs), yesterday);
}

TEST_F(Salts, AreOfDaysThatCanBe) {
  const int64_t begin_us = kDay * kMicrosPerDay;
  EXPECT_FALSE(CookielessSalts::IsInRange(kDay, begin_us - 12 * kHourUs - 1));
  EXPECT_TRUE(CookielessSalts::IsInRange(kDay, begin_us - 12 * kHourUs));
  EXPECT_TRUE(CookielessSalts::IsInRange(kDay, begin_us + 86 * kHourUs - 1));
  EXPECT_FALSE(CookielessSalts::IsInRange(kDay, begin_us + 86 * kHourUs));
  Open(kNoonUs);
  EXPECT_EQ(Get(kDay - 5, kNoonUs), "");
  EXPECT_EQ(Get(kDay + 2, kNoonUs), "");
}

TEST_F(Salts, GoWithTheirDay) {
  Open(kNoonUs);
  const std::string old = Get(kDay, kNoonUs);
  const std::string later = Get(kDay + 1, kNoonUs);
  ASSERT_TRUE(salts_->RemoveExpired().ok());
  EXPECT_EQ(Get(kDay, kNoonUs), old);
  Open(kNoonUs + 75 * kHourUs);
  // A record of back then can still be read with the salt, and without it no more.
  EXPECT_EQ(Get(kDay, kNoonUs), old);
  ASSERT_TRUE(salts_->RemoveExpired().ok());
  EXPECT_EQ(Get(kDay, kNoonUs), "");
  EXPECT_EQ(Get(kDay + 1, kNoonUs), later);
  const auto file = Env::Posix()->ReadWholeFile(path_, 1 << 20);
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(*file, StartsWith("hoglet-salts 1 "));
  EXPECT_THAT(*file, testing::Not(HasSubstr(StrCat(kDay, " "))));
}

TEST_F(Salts, DamageIsNamed) {
  Open(kNoonUs);
  Get(kDay, kNoonUs);
  auto bytes = Env::Posix()->ReadWholeFile(path_, 1 << 20);
  ASSERT_TRUE(bytes.ok());
  bytes->back() ^= 1;
  ASSERT_TRUE(Env::Posix()->ReplaceFile(path_, *bytes).ok());
  const auto opened = CookielessSalts::Open(Env::Posix(), path_);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr(path_));
}

TEST(CookielessDomain, IsTheSite) {
  for (const auto& [host, root] : {
           std::pair("example.com", "example.com"),
           std::pair("www.Example.com", "example.com"),
           std::pair("https://a.b.example.co.uk/path?x=1", "example.co.uk"),
           std::pair("http://user:pw@app.example.com:8000/", "example.com:8000"),
           std::pair("https://example.com:443", "example.com"),
           std::pair("example.com:80", "example.com"),
           std::pair("localhost:3000", "127.0.0.1:3000"),
           std::pair("192.168.1.5:8010", "192.168.1.5:8010"),
           std::pair("[2001:db8::1]:90", "[2001:db8::1]:90"),
           std::pair("2001:DB8::1", "[2001:db8::1]"),
           std::pair("intranet", "intranet"),
       }) {
    EXPECT_EQ(CookielessRootDomain(host), root) << host;
  }
}

}  // namespace
}  // namespace hoglet
