#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "include/hoglet/log.h"
#include "src/base/strings.h"
#include "src/capture/capture.h"

namespace hoglet {

// Puts warnings about refused events into the log, from where the pipeline takes them to the
// project's ingestion warnings. They are not worth a wait: nobody is told when they are durable,
// and one that the log does not take is lost. Of a type, a project gets one an hour, so that a
// broken client cannot fill the log. Thread-safe; the log outlives it.
class CaptureWarningLog {
 public:
  explicit CaptureWarningLog(Log* log) : log_(log) {}

  void Record(const std::vector<CaptureWarning>& warnings, int64_t now_us);

 private:
  bool IsDue(const CaptureWarning& warning, int64_t now_us);

  Log* log_;
  std::mutex mutex_;
  // Token and type to the hour of the last one.
  StringMap<std::string, int64_t> last_hour_;
};

}  // namespace hoglet
