#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/status.h"

// Structured logs to stderr: LogInfo("listening", {{"port", 8000}}). One line an entry: for people
// on a terminal, JSON otherwise. Thread-safe. Never log tokens, keys or event contents.

namespace hoglet {

class Env;

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : uint8_t { kAuto, kHuman, kJson };

class LogField {
 public:
  LogField(std::string_view key, std::string_view value) : key_(key), text_(value) {}
  LogField(std::string_view key, const char* value) : key_(key), text_(value) {}
  LogField(std::string_view key, const std::string& value) : key_(key), text_(value) {}
  LogField(std::string_view key, const absl::Status& value) : key_(key), text_(value.ToString()) {}
  LogField(std::string_view key, bool value)
      : key_(key), text_(value ? "true" : "false"), is_bare_(true) {}
  LogField(std::string_view key, double value);
  template <typename T>
  requires(std::is_integral_v<T>) LogField(std::string_view key, T value)
      : key_(key), text_(std::to_string(value)), is_bare_(true) {}

  std::string_view key() const { return key_; }
  const std::string& text() const { return text_; }
  // Printed in JSON without quotes.
  bool is_bare() const { return is_bare_; }

 private:
  std::string_view key_;
  std::string text_;
  bool is_bare_ = false;
};

using LogFields = std::initializer_list<LogField>;

void LogMessage(LogLevel level, std::string_view message, LogFields fields = {});
inline void LogDebug(std::string_view message, LogFields fields = {}) {
  LogMessage(LogLevel::kDebug, message, fields);
}
inline void LogInfo(std::string_view message, LogFields fields = {}) {
  LogMessage(LogLevel::kInfo, message, fields);
}
inline void LogWarning(std::string_view message, LogFields fields = {}) {
  LogMessage(LogLevel::kWarning, message, fields);
}
inline void LogError(std::string_view message, LogFields fields = {}) {
  LogMessage(LogLevel::kError, message, fields);
}

// Entries below the level are dropped; kInfo at first.
void SetLogLevel(LogLevel level);
void SetLogFormat(LogFormat format);
// "debug", "info", "warning" (or "warn"), "error"; false for anything else.
bool ParseLogLevel(std::string_view name, LogLevel* level);

// The line of an entry, without its line end; for tests.
std::string FormatLogEntry(LogFormat format, LogLevel level, int64_t now_us,
                           std::string_view message, LogFields fields);

// Lets one entry through per interval: `static LogRateLimit limit(1'000'000); if (limit.Allow())
// LogWarning(...)`.
class LogRateLimit {
 public:
  explicit LogRateLimit(int64_t interval_us) : interval_us_(interval_us) {}
  // `suppressed` gets how many were refused since the last that was allowed.
  bool Allow(uint64_t* suppressed = nullptr);

 private:
  const int64_t interval_us_;
  std::atomic<int64_t> next_ns_{INT64_MIN};
  std::atomic<uint64_t> suppressed_{0};
};

}  // namespace hoglet
