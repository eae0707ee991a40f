#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "include/hoglet/log.h"
#include "src/base/strings.h"

// What the tests of the log share.

namespace hoglet::log_testing {

inline constexpr char kTopic[] = "events";
inline constexpr char kDirectory[] = "data/log";

inline TopicOptions SmallTopic(uint64_t segment_bytes_max = 4096) {
  TopicOptions options;
  options.partitions = 4;
  options.segment_bytes_max = segment_bytes_max;
  return options;
}

inline absl::StatusOr<std::unique_ptr<Log>> TryOpen(Env* env, const TopicOptions& options) {
  auto log = Log::Open(env, kDirectory, {.free_bytes_min = 0});
  if (!log.ok()) return log;
  if (absl::Status opened = (*log)->OpenTopic(kTopic, options); !opened.ok()) return opened;
  return log;
}

inline std::unique_ptr<Log> MustOpen(Env* env, const TopicOptions& options = SmallTopic()) {
  auto log = TryOpen(env, options);
  EXPECT_TRUE(log.ok()) << log.status();
  return log.ok() ? *std::move(log) : nullptr;
}

inline absl::StatusOr<uint64_t> AppendText(Log* log, const std::vector<std::string>& values) {
  std::vector<LogRecord> records;
  for (const std::string& value : values) records.push_back({value, value});
  return log->Append(kTopic, records);
}

// Every value from `offset` on, checking that offsets are dense, up to the end or the error that
// `fault` gets.
inline std::vector<std::string> ReadValuesUntil(Log* log, absl::Status* fault, uint64_t offset = 0,
                                                uint64_t bytes_max = 1000) {
  std::vector<std::string> values;
  bool first = true;
  while (true) {
    auto batches = log->Read(kTopic, offset, bytes_max);
    *fault = batches.status();
    if (!batches.ok() || batches->empty()) return values;
    for (const LogBatch& batch : *batches) {
      EXPECT_FALSE(batch.records.empty());
      if (!first) {
        EXPECT_EQ(batch.base_offset, offset);
      }
      for (const auto& record : batch.records) {
        if (record.offset >= offset) values.emplace_back(record.value);
      }
      first = false;
      offset = batch.end_offset();
    }
  }
}

inline std::vector<std::string> ReadValues(Log* log, uint64_t offset = 0,
                                           uint64_t bytes_max = 1000) {
  absl::Status fault;
  auto values = ReadValuesUntil(log, &fault, offset, bytes_max);
  EXPECT_TRUE(fault.ok()) << fault;
  return values;
}

inline std::vector<std::string> CheckLines(Env* env, uint64_t* records = nullptr) {
  std::vector<std::string> lines;
  auto checked =
      Log::Check(env, kDirectory, [&](const std::string& line) { lines.push_back(line); });
  EXPECT_TRUE(checked.ok()) << checked.status();
  if (checked.ok() && records != nullptr) *records = *checked;
  return lines;
}

}  // namespace hoglet::log_testing
