#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "src/base/logging.h"
#include "src/base/memory_env.h"
#include "src/log/segment_scan.h"
#include "tests/log/log_testing.h"

// Torn tails and rot: what each kind of damage to the bytes means.

namespace hoglet {
namespace {

using namespace log_testing;  // NOLINT

constexpr char kSegment[] = "data/log/events/00000000000000000000.log";
constexpr uint64_t kBatchBytes = 64 + 8;  // "vN" twice makes 7 bytes of payload

// Three one-record batches, closed cleanly (with a mark) or not.
std::string ThreeBatches(bool clean) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  for (const char* value : {"v0", "v1", "v2"}) EXPECT_TRUE(AppendText(log.get(), {value}).ok());
  if (clean) log.reset();
  std::string segment = env.Contents(kSegment);
  if (!clean) segment.resize(64 + 3 * kBatchBytes);
  return segment;
}

struct TailCase {
  const char* name;
  bool clean;
  std::function<void(std::string*)> damage;
  absl::StatusCode opened;
  uint64_t records_kept;
};

std::function<void(std::string*)> Flip(uint64_t position) {
  return [position](std::string* bytes) { (*bytes)[position] ^= 1; };
}
std::function<void(std::string*)> CutTo(uint64_t size) {
  return [size](std::string* bytes) { bytes->resize(size); };
}
std::function<void(std::string*)> Extend(std::string more) {
  return [more](std::string* bytes) { *bytes += more; };
}

class LogTail : public testing::TestWithParam<TailCase> {};

TEST_P(LogTail, Opens) {
  std::string segment = ThreeBatches(GetParam().clean);
  GetParam().damage(&segment);
  MemoryEnv env;
  MustOpen(&env).reset();
  env.Write(kSegment, segment);
  auto log = TryOpen(&env, SmallTopic());
  ASSERT_EQ(log.status().code(), GetParam().opened) << GetParam().name << ": " << log.status();
  if (!log.ok()) {
    EXPECT_NE(log.status().message().find(kSegment), absl::string_view::npos) << log.status();
    EXPECT_EQ(env.Contents(kSegment), segment) << "rot must not be touched";
    return;
  }
  EXPECT_EQ((*log)->end_offset(kTopic), GetParam().records_kept) << GetParam().name;
  EXPECT_EQ(ReadValues(log->get()).size(), GetParam().records_kept);
  EXPECT_EQ(*AppendText(log->get(), {"next"}), GetParam().records_kept);
  log->reset();
  EXPECT_EQ(CheckLines(&env), std::vector<std::string>{});
}

constexpr uint64_t kSecond = 64 + kBatchBytes;
constexpr uint64_t kThird = 64 + 2 * kBatchBytes;
constexpr uint64_t kEnd = 64 + 3 * kBatchBytes;

INSTANTIATE_TEST_SUITE_P(
    Tails, LogTail,
    testing::Values(
        TailCase{"whole", false, Extend(""), absl::StatusCode::kOk, 3},
        TailCase{"whole with mark", true, Extend(""), absl::StatusCode::kOk, 3},
        TailCase{"zero-filled tail", false, Extend(std::string(5000, '\0')), absl::StatusCode::kOk,
                 3},
        TailCase{"last batch cut short", false, CutTo(kEnd - 9), absl::StatusCode::kOk, 2},
        TailCase{"last header cut short", false, CutTo(kThird + 20), absl::StatusCode::kOk, 2},
        TailCase{"last payload flipped", false, Flip(kThird + 66), absl::StatusCode::kOk, 2},
        TailCase{"last header flipped", false, Flip(kThird + 30), absl::StatusCode::kOk, 2},
        TailCase{"last padding flipped", false, Flip(kEnd - 1), absl::StatusCode::kOk, 2},
        TailCase{"rubbish after the end", false, Extend("rubbish"), absl::StatusCode::kOk, 3},
        TailCase{"torn after zeros", false, Extend(std::string(600, '\0') + "x"),
                 absl::StatusCode::kOk, 3},
        TailCase{"first payload flipped", false, Flip(64 + 66), absl::StatusCode::kDataLoss, 0},
        TailCase{"second header flipped", false, Flip(kSecond + 9), absl::StatusCode::kDataLoss, 0},
        TailCase{"second length flipped", false, Flip(kSecond + 24), absl::StatusCode::kDataLoss,
                 0},
        TailCase{"last payload flipped before a mark", true, Flip(kThird + 66),
                 absl::StatusCode::kDataLoss, 0},
        TailCase{"the mark flipped", true, Flip(kEnd + 20), absl::StatusCode::kOk, 3},
        TailCase{"the mark missing", true, CutTo(kEnd), absl::StatusCode::kOk, 3},
        TailCase{"segment header flipped", false, Flip(20), absl::StatusCode::kDataLoss, 0},
        TailCase{"segment header cut short", false, CutTo(30), absl::StatusCode::kOk, 0},
        TailCase{"empty file", false, CutTo(0), absl::StatusCode::kOk, 0}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
      return name;
    });

TEST(LogDamage, AGroupMayReachTheDiskInAnyOrder) {
  // Two batches under one sync: both have the sync point of the first's position.
  std::string segment = ThreeBatches(false);
  const uint32_t nonce = [&] {
    log_internal::SegmentHeader header;
    EXPECT_TRUE(log_internal::DecodeSegmentHeader(segment, &header).ok());
    return header.nonce;
  }();
  log_internal::BatchHeader third;
  ASSERT_TRUE(log_internal::DecodeBatchHeader(segment.substr(kThird), nonce, kThird, &third).ok());
  third.sync_point = kSecond;
  std::string header;
  log_internal::AppendBatchHeader(third, nonce, &header);
  segment.replace(kThird, 64, header);
  segment[kSecond + 64] ^= 1;
  const auto scan = log_internal::ScanSegment(segment, 0);
  EXPECT_EQ(scan.tail, log_internal::SegmentTail::kTorn);
  EXPECT_EQ(scan.end_offset, 1u);
}

TEST(LogDamage, WhatAClientSentCannotPassForABatch) {
  // The value holds a whole valid segment image; its headers carry another nonce.
  MemoryEnv env;
  auto log = MustOpen(&env, SmallTopic(1 << 20));
  std::string image = ThreeBatches(true);
  ASSERT_TRUE(AppendText(log.get(), {"first"}).ok());
  ASSERT_TRUE(AppendText(log.get(), {image + image}).ok());
  env.CrashKeepingAll();
  log.reset();
  std::string segment = env.Contents(kSegment);
  segment[64 + kBatchBytes + 64 + 20] ^= 1;
  env.Write(kSegment, segment);
  log = MustOpen(&env, SmallTopic(1 << 20));
  EXPECT_EQ(log->end_offset(kTopic), 1u);
}

// Every byte of every file, several bits: Check reports it, Open and Read never crash, and what
// they accept is a prefix, whole unless one of them names the damaged file.
void SweepDamage(MemoryEnv* env, const std::vector<std::string>& values) {
  SetLogLevel(LogLevel::kError);
  const std::vector<std::string> files = env->Files();
  std::map<std::string, std::string> contents;
  for (const auto& file : files) contents[file] = env->Contents(file);
  EXPECT_EQ(CheckLines(env), std::vector<std::string>{});
  for (const auto& [damaged, original] : contents) {
    for (uint64_t at = 0; at < original.size(); ++at) {
      MemoryEnv copy;
      for (const auto& [file, bytes] : contents) copy.Write(file, bytes);
      ASSERT_TRUE(copy.DamageByte(damaged, at, static_cast<uint8_t>(1u << (at % 8))));
      EXPECT_FALSE(CheckLines(&copy).empty()) << damaged << " at " << at;
      auto log = TryOpen(&copy, SmallTopic());
      if (!log.ok()) continue;
      absl::Status fault;
      const auto read = ReadValuesUntil(log->get(), &fault);
      ASSERT_LE(read.size(), values.size());
      if (!fault.ok()) {
        EXPECT_EQ(fault.code(), absl::StatusCode::kDataLoss) << fault;
        EXPECT_NE(fault.message().find(ToAbsl(damaged)), absl::string_view::npos) << fault;
      }
      for (size_t i = 0; i < read.size(); ++i) ASSERT_EQ(read[i], values[i]) << damaged << at;
    }
  }
}

TEST(LogDamage, EveryByteOfACleanLog) {
  MemoryEnv env;
  auto log = MustOpen(&env, SmallTopic(600));
  std::vector<std::string> values;
  for (int i = 0; i < 8; ++i) {
    values.push_back(StrCat("value ", i));
    ASSERT_TRUE(AppendText(log.get(), {values.back()}).ok());
  }
  ASSERT_TRUE(log->CommitConsumer(kTopic, "c", 3).ok());
  log.reset();
  SweepDamage(&env, values);
}

TEST(LogDamage, EveryByteOfAKilledLogWithReservedSpace) {
  MemoryEnv env;
  auto log = MustOpen(&env, SmallTopic(1500));
  std::vector<std::string> values;
  for (int i = 0; i < 4; ++i) {
    values.push_back(StrCat("value ", i));
    ASSERT_TRUE(AppendText(log.get(), {values.back()}).ok());
  }
  env.CrashKeepingAll();
  log.reset();
  ASSERT_EQ(env.Contents(kSegment).size(), 1500u);
  SweepDamage(&env, values);
}

TEST(LogDamage, ASealedSegmentIsProvedWhenItIsRead) {
  MemoryEnv env;
  auto log = MustOpen(&env, SmallTopic(600));
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(AppendText(log.get(), {StrCat("value ", i)}).ok());
  log.reset();
  ASSERT_GT(env.Files().size(), 3u);
  ASSERT_TRUE(env.DamageByte(kSegment, 64 + 66, 4));
  log = MustOpen(&env, SmallTopic(600));
  absl::Status fault;
  EXPECT_EQ(ReadValuesUntil(log.get(), &fault).size(), 0u);
  EXPECT_EQ(fault.code(), absl::StatusCode::kDataLoss);
  // What comes after it is served, and appended to.
  const uint64_t healthy = 8;
  EXPECT_EQ(ReadValues(log.get(), healthy).size(), 4u);
  EXPECT_EQ(*AppendText(log.get(), {"next"}), 12u);
}

TEST(LogDamage, ASealedSegmentOfAnotherLengthIsNotOpened) {
  for (const int change : {-8, 8}) {
    MemoryEnv env;
    auto log = MustOpen(&env, SmallTopic(600));
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(AppendText(log.get(), {StrCat("value ", i)}).ok());
    log.reset();
    std::string bytes = env.Contents(kSegment);
    bytes.resize(bytes.size() + change);
    env.Write(kSegment, bytes);
    EXPECT_EQ(TryOpen(&env, SmallTopic(600)).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(LogDamage, DamageWhileOpenIsReportedByRead) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(AppendText(log.get(), {StrCat("v", i)}).ok());
  ASSERT_TRUE(env.DamageByte(kSegment, kSecond + 66, 4));
  auto batches = log->Read(kTopic, 1, 1000);
  EXPECT_EQ(batches.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(batches.status().message().find(StrCat("position ", kSecond)), absl::string_view::npos)
      << batches.status();
  EXPECT_EQ(ReadValues(log.get(), 2).size(), 3u);
}

TEST(LogDamage, RandomBytesNeverCrashAScan) {
  std::mt19937_64 random(5);
  const std::string good = ThreeBatches(true);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (uint64_t changes = random() % 6; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    const auto scan = log_internal::ScanSegment(bytes, 0);
    EXPECT_LE(scan.end_offset, 3u);
  }
}

}  // namespace
}  // namespace hoglet
