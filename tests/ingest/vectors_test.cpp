#include <gtest/gtest.h>

#include "include/hoglet/env.h"
#include "src/capture/event_time.h"
#include "src/ingest/ingestion_conformance.h"

namespace hoglet {
namespace {

CaptureTimeRules TimeRules() {
  CaptureTimeRules rules;
  rules.parse = ParseEventTimestamp;
  rules.compute = [](const CaptureTimeRules::Input& input) {
    EventTimeInput capture;
    capture.timestamp = input.timestamp;
    capture.offset_ms = input.offset_ms;
    if (input.sent_at.has_value()) capture.sent_at_us = ParseSentAt(*input.sent_at);
    capture.ignore_sent_at = input.ignore_sent_at;
    capture.now_us = input.now_us;
    return ComputeEventTime(capture);
  };
  return rules;
}

struct FileCase {
  const char* name;
  int cases;
};

class IngestionVectors : public testing::TestWithParam<FileCase> {};

TEST_P(IngestionVectors, AllPass) {
  const std::string name = GetParam().name;
  const auto text =
      Env::Posix()->ReadWholeFile(HOGLET_SOURCE_DIR "/tests/vectors/ingestion/" + name + ".json");
  ASSERT_TRUE(text.ok()) << text.status();
  const auto counts = RunIngestionVectors(
      *text, name, [](const std::string& line) { ADD_FAILURE() << line; }, TimeRules());
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->passed, GetParam().cases);
  EXPECT_EQ(counts->failed, 0);
}

INSTANTIATE_TEST_SUITE_P(Files, IngestionVectors,
                         testing::Values(FileCase{"identity", 56}, FileCase{"person_props", 39},
                                         FileCase{"elements", 12}, FileCase{"property_types", 40},
                                         FileCase{"timestamps", 22}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace hoglet
