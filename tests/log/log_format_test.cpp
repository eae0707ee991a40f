#include <gtest/gtest.h>

#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/hash.h"
#include "src/base/memory_env.h"
#include "src/log/segment_format.h"
#include "tests/log/log_testing.h"

// The bytes that src/log/FORMAT.md describes, built and read here by hand and not by the code under
// test.

namespace hoglet {
namespace {

using namespace log_testing;  // NOLINT

constexpr char kSegment[] = "data/log/events/00000000000000000000.log";

template <typename T>
T At(const std::string& bytes, size_t position) {
  return LoadLittle<T>(bytes.data() + position);
}

TEST(LogFormat, TheFilesAreAsDescribed) {
  MemoryEnv env;
  env.SetNowMicros(5);
  auto log = MustOpen(&env);
  ASSERT_TRUE(log->Append(kTopic, {{"k", "hello"}}).ok());
  ASSERT_TRUE(log->CommitConsumer(kTopic, "c", 1).ok());

  const std::string topic = env.Contents("data/log/events/TOPIC");
  EXPECT_EQ(topic.substr(0, 8), "HOGTOPIC");
  EXPECT_EQ(At<uint32_t>(topic, 8), 1u);
  EXPECT_EQ(At<uint32_t>(topic, 12), Crc32c(topic.substr(0, 12) + topic.substr(16)));
  EXPECT_EQ(topic.substr(16), std::string("\4\0\0\0", 4));
  const std::string consumers = env.Contents("data/log/events/CONSUMERS");
  EXPECT_EQ(consumers.substr(0, 8), "HOGCONSU");
  EXPECT_EQ(consumers.substr(16), "\1\1c\1");

  const std::string open = env.Contents(kSegment);
  EXPECT_EQ(open.substr(0, 8), "HOGLSEG1");
  EXPECT_EQ(At<uint32_t>(open, 8), 1u);
  EXPECT_EQ(At<uint64_t>(open, 16), 0u);
  EXPECT_EQ(At<uint64_t>(open, 24), 5u);
  EXPECT_EQ(At<uint64_t>(open, 32), SipHash64("events"));
  EXPECT_EQ(At<uint64_t>(open, 40), UINT64_MAX);
  EXPECT_EQ(At<uint64_t>(open, 48), 0u);
  EXPECT_EQ(At<uint32_t>(open, 56), 0u);
  EXPECT_EQ(At<uint32_t>(open, 60), Crc32c(open.substr(0, 60)));

  const uint32_t nonce = At<uint32_t>(open, 12);
  EXPECT_EQ(open.substr(64, 4), "HOGB");
  EXPECT_EQ(At<uint32_t>(open, 68), Crc32cExtend(nonce, open.substr(72, 56)));
  EXPECT_EQ(At<uint64_t>(open, 72), 0u);
  EXPECT_EQ(At<uint64_t>(open, 80), 5u);
  EXPECT_EQ(At<uint32_t>(open, 88), 9u);
  EXPECT_EQ(At<uint32_t>(open, 92), 1u);
  EXPECT_EQ(At<uint32_t>(open, 96), Crc32c(open.substr(128, 9)));
  EXPECT_EQ(At<uint32_t>(open, 100), 0u);
  EXPECT_EQ(At<uint64_t>(open, 104), 64u);
  EXPECT_EQ(At<uint64_t>(open, 112), 64u);
  EXPECT_EQ(At<uint64_t>(open, 120), 0u);
  std::string payload;
  payload.push_back(static_cast<char>(LogPartitionOf("k", 4)));
  payload += std::string("\1k\5hello", 8);
  EXPECT_EQ(open.substr(128, 9), payload);
  EXPECT_EQ(open.substr(137), std::string(open.size() - 137, '\0'));
  EXPECT_EQ(open.size(), 4096u);

  log.reset();
  const std::string closed = env.Contents(kSegment);
  ASSERT_EQ(closed.size(), 144u + 64u);
  EXPECT_EQ(closed.substr(0, 144), open.substr(0, 144));
  EXPECT_EQ(At<uint64_t>(closed, 144 + 8), 1u);
  EXPECT_EQ(At<uint32_t>(closed, 144 + 28), 0u);
  EXPECT_EQ(At<uint32_t>(closed, 144 + 36), 1u);
  EXPECT_EQ(At<uint64_t>(closed, 144 + 40), 144u);
}

TEST(LogFormat, ASegmentWrittenByHandOpens) {
  std::string segment = "HOGLSEG1";
  PutLittle(&segment, uint32_t{1});
  PutLittle(&segment, uint32_t{0xabcd});  // nonce
  PutLittle(&segment, uint64_t{0});
  PutLittle(&segment, uint64_t{9});
  PutLittle(&segment, SipHash64("events"));
  PutLittle(&segment, UINT64_MAX);
  PutLittle(&segment, uint64_t{0});
  PutLittle(&segment, uint32_t{0});
  PutLittle(&segment, Crc32c(segment));
  const std::string payload("\3\0\2hi\0\1k\0", 9);
  std::string covered;
  PutLittle(&covered, uint64_t{0});
  PutLittle(&covered, uint64_t{9});
  PutLittle(&covered, uint32_t{9});
  PutLittle(&covered, uint32_t{2});
  PutLittle(&covered, Crc32c(payload));
  PutLittle(&covered, uint32_t{0});
  PutLittle(&covered, uint64_t{64});
  PutLittle(&covered, uint64_t{64});
  PutLittle(&covered, uint64_t{0});
  segment += "HOGB";
  PutLittle(&segment, Crc32cExtend(0xabcd, covered));
  segment += covered + payload + std::string(7 + 512, '\0');

  std::string topic = "HOGTOPIC";
  PutLittle(&topic, uint32_t{1});
  PutLittle(&topic, Crc32c(topic + std::string("\4\0\0\0", 4)));
  topic += std::string("\4\0\0\0", 4);

  MemoryEnv env;
  env.Write("data/log/events/TOPIC", topic);
  env.Write(kSegment, segment);
  auto log = MustOpen(&env);
  EXPECT_EQ(ReadValues(log.get()), (std::vector<std::string>{"hi", ""}));
  EXPECT_EQ((*log->Read(kTopic, 0, 1))[0].records[1].key, "k");
}

TEST(LogFormat, NewerVersionsAreSaidToBeNewer) {
  log_internal::SegmentHeader header;
  std::string bytes = EncodeSegmentHeader(header);
  bytes[8] = 2;
  StoreLittle(bytes.data() + 60, Crc32c(bytes.substr(0, 60)));
  EXPECT_EQ(DecodeSegmentHeader(bytes, &header).code(), absl::StatusCode::kUnimplemented);
}

TEST(LogFormat, SegmentNames) {
  uint64_t base = 0;
  EXPECT_EQ(log_internal::SegmentFileName(42), "00000000000000000042.log");
  EXPECT_TRUE(log_internal::ParseSegmentFileName("18446744073709551615.log", &base));
  EXPECT_EQ(base, UINT64_MAX);
  for (const char* bad : {"18446744073709551616.log", "42.log", "00000000000000000042.seg",
                          "0000000000000000004x.log", "", "000000000000000000042.log"}) {
    EXPECT_FALSE(log_internal::ParseSegmentFileName(bad, &base)) << bad;
  }
}

}  // namespace
}  // namespace hoglet
