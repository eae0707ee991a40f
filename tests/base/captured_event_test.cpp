#include "src/base/captured_event.h"

#include <gtest/gtest.h>

namespace hoglet {
namespace {

CapturedEvent Sample() {
  CapturedEvent event;
  for (size_t i = 0; i < event.uuid.bytes.size(); ++i)
    event.uuid.bytes[i] = static_cast<uint8_t>(i);
  event.distinct_id = "user \xc3\xa9";
  event.token = "phc_x";
  event.event = "$pageview";
  event.ip = "127.0.0.1";
  event.timestamp_us = -5;
  event.now_us = 1'700'000'000'000'000;
  event.sent_at_us = 7;
  event.historical_migration = true;
  event.is_cookieless = true;
  event.force_disable_person_processing = true;
  event.json = std::string("{\"a\":\"\0\"}", 10);
  return event;
}

void ExpectEqual(const CapturedEvent& a, const CapturedEvent& b) {
  EXPECT_EQ(a.uuid, b.uuid);
  EXPECT_EQ(a.distinct_id, b.distinct_id);
  EXPECT_EQ(a.token, b.token);
  EXPECT_EQ(a.event, b.event);
  EXPECT_EQ(a.ip, b.ip);
  EXPECT_EQ(a.timestamp_us, b.timestamp_us);
  EXPECT_EQ(a.now_us, b.now_us);
  EXPECT_EQ(a.sent_at_us, b.sent_at_us);
  EXPECT_EQ(a.historical_migration, b.historical_migration);
  EXPECT_EQ(a.is_cookieless, b.is_cookieless);
  EXPECT_EQ(a.force_disable_person_processing, b.force_disable_person_processing);
  EXPECT_EQ(a.json, b.json);
}

TEST(CapturedEventCodec, RoundTrips) {
  CapturedEvent plain;
  for (const CapturedEvent& event : {Sample(), plain}) {
    const std::string bytes = EncodeCapturedEvent(event);
    auto view = DecodeCapturedEvent(bytes);
    ASSERT_TRUE(view.ok()) << view.status();
    ExpectEqual(ToCapturedEvent(*view), event);
    // The json is not copied.
    EXPECT_EQ(view->json.data(), bytes.data() + bytes.size() - event.json.size());
  }
}

TEST(CapturedEventCodec, RefusesEveryPrefixAndEveryTail) {
  const std::string bytes = EncodeCapturedEvent(Sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeCapturedEvent(bytes.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
  EXPECT_FALSE(DecodeCapturedEvent(bytes + "x").ok());
}

TEST(CapturedEventCodec, RefusesNewerVersionsAndUnknownFlags) {
  std::string bytes = EncodeCapturedEvent(Sample());
  bytes[0] = 2;
  EXPECT_EQ(DecodeCapturedEvent(bytes).status().code(), absl::StatusCode::kUnimplemented);
  bytes[0] = 1;
  bytes[1] = 32;
  EXPECT_EQ(DecodeCapturedEvent(bytes).status().code(), absl::StatusCode::kDataLoss);
}

TEST(CapturedEventCodec, SurvivesEveryByteChanged) {
  const std::string bytes = EncodeCapturedEvent(Sample());
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int value = 0; value < 256; value += 5) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(value);
      auto view = DecodeCapturedEvent(changed);
      EXPECT_TRUE(!view.ok() || view->json.size() <= bytes.size());
    }
  }
}

}  // namespace
}  // namespace hoglet
