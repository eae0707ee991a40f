#include "src/base/logging.h"

#include <unistd.h>

#include "absl/strings/ascii.h"
#include "include/hoglet/env.h"
#include "src/base/json.h"
#include "src/base/process.h"
#include "src/base/strings.h"
#include "src/base/time.h"

namespace hoglet {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kAuto};

constexpr std::string_view kLevelNames[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kLevelColumns[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};

bool NeedsQuotes(std::string_view text) {
  for (char c : text) {
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == '\x7f') return true;
  }
  return text.empty();
}

std::string FormatJson(LogLevel level, int64_t now_us, std::string_view message, LogFields fields) {
  JsonWriter writer;
  writer.BeginObject()
      .Field("time", FormatRfc3339(now_us))
      .Field("level", kLevelNames[static_cast<int>(level)])
      .Field("message", message);
  for (const LogField& field : fields) {
    writer.Key(field.key());
    if (field.is_bare()) {
      writer.Raw(field.text());
    } else {
      writer.String(field.text());
    }
  }
  return writer.EndObject().Take();
}

std::string FormatHuman(LogLevel level, int64_t now_us, std::string_view message,
                        LogFields fields) {
  std::string line = FormatRfc3339(now_us, 3);
  StrAppend(&line, " ", kLevelColumns[static_cast<int>(level)], " ");
  // What a client sent may hold control characters: they must not reach the terminal.
  AppendJsonEscaped(message, &line);
  for (const LogField& field : fields) {
    StrAppend(&line, "  ", field.key(), "=");
    if (NeedsQuotes(field.text())) {
      AppendJsonString(field.text(), &line);
    } else {
      AppendJsonEscaped(field.text(), &line);
    }
  }
  return line;
}

}  // namespace

LogField::LogField(std::string_view key, double value) : key_(key), is_bare_(true) {
  AppendJsonDouble(value, &text_);
}

std::string FormatLogEntry(LogFormat format, LogLevel level, int64_t now_us,
                           std::string_view message, LogFields fields) {
  if (format == LogFormat::kJson) return FormatJson(level, now_us, message, fields);
  return FormatHuman(level, now_us, message, fields);
}

void LogMessage(LogLevel level, std::string_view message, LogFields fields) {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  LogFormat format = g_format.load(std::memory_order_relaxed);
  if (format == LogFormat::kAuto) {
    static const bool is_terminal = IsStderrTerminal();
    format = is_terminal ? LogFormat::kHuman : LogFormat::kJson;
  }
  std::string line = FormatLogEntry(format, level, Env::Posix()->NowMicros(), message, fields);
  line.push_back('\n');
  // One write a line keeps the lines of several threads apart. There is nowhere to report that it
  // failed.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

void SetLogLevel(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }

void SetLogFormat(LogFormat format) { g_format.store(format, std::memory_order_relaxed); }

bool ParseLogLevel(std::string_view name, LogLevel* level) {
  const std::string lower = absl::AsciiStrToLower(ToAbsl(name));
  for (size_t i = 0; i < std::size(kLevelNames); ++i) {
    if (lower == kLevelNames[i] || (lower == "warn" && kLevelNames[i] == "warning")) {
      *level = static_cast<LogLevel>(i);
      return true;
    }
  }
  return false;
}

bool LogRateLimit::Allow(uint64_t* suppressed) {
  const int64_t now_ns = Env::Posix()->MonotonicNanos();
  int64_t next_ns = next_ns_.load(std::memory_order_relaxed);
  if (now_ns < next_ns ||
      !next_ns_.compare_exchange_strong(next_ns, now_ns + interval_us_ * 1000)) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  const uint64_t count = suppressed_.exchange(0);
  if (suppressed != nullptr) *suppressed = count;
  return true;
}

}  // namespace hoglet
