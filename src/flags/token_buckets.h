#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "src/base/strings.h"

namespace hoglet {

// A token bucket for each of many names: each gains `per_second` permits a second, up to `burst`,
// and every Take() costs one. Names beyond a bound are forgotten, those with full buckets first.
// Thread-safe.
class TokenBuckets {
 public:
  // `per_second` 0: everything is permitted.
  TokenBuckets(double per_second, double burst) : per_second_(per_second), burst_(burst) {}

  // `now_ns` is of the monotonic clock. False: none left.
  bool Take(std::string_view name, int64_t now_ns);

 private:
  static constexpr size_t kNamesMax = 10'000;
  struct Bucket {
    double permits = 0;
    int64_t at_ns = 0;
  };

  double Refilled(const Bucket& bucket, int64_t now_ns) const;
  void MakeRoom(int64_t now_ns);

  const double per_second_;
  const double burst_;
  std::mutex mutex_;
  StringMap<std::string, Bucket> buckets_;
};

}  // namespace hoglet
