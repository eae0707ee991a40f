#pragma once

#include <cstdint>

namespace hoglet {

// Holds a writer to so many bytes a second: a bucket that fills with the time, up to a quarter of a
// second's worth, and that every write takes from. One thread.
class MergePacer {
 public:
  // 0: no bound.
  explicit MergePacer(uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  // How long to wait, in microseconds, after `bytes` more were written at `now_ns` (monotonic).
  int64_t Take(uint64_t bytes, int64_t now_ns);

 private:
  const uint64_t bytes_per_second_;
  double room_bytes_ = 0;  // below zero: owed
  int64_t filled_ns_ = INT64_MIN;
};

}  // namespace hoglet
