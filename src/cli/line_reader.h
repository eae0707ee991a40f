#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"

namespace hoglet {

// Lines of a file or of standard input; gzip and zstd are known by their first bytes. One thread.
class LineReader {
 public:
  // "-" is standard input.
  static absl::StatusOr<std::unique_ptr<LineReader>> Open(Env* env, const std::string& path);
  virtual ~LineReader() = default;

  // The next line without its end; false at the end of the input. kResourceExhausted for a line
  // over `line_bytes_max`, kDataLoss for damaged compression, both with the line's number.
  virtual absl::StatusOr<bool> Next(std::string* line) = 0;
  virtual uint64_t line_number() const = 0;  // of the last line returned, from 1
  virtual uint64_t bytes_read() const = 0;   // of the input as stored
  virtual uint64_t bytes_total() const = 0;  // 0 if unknown

  static constexpr uint64_t kLineBytesMax = 20ull << 20;
};

}  // namespace hoglet
