#include "storage/merge_pacer.h"

#include <algorithm>

namespace hoglet {

int64_t MergePacer::Take(uint64_t bytes, int64_t now_ns) {
  constexpr double kFullSeconds = 0.25;
  if (bytes_per_second_ == 0) return 0;
  const auto rate = static_cast<double>(bytes_per_second_);
  const double full = rate * kFullSeconds;
  if (filled_ns_ == INT64_MIN) {
    room_bytes_ = full;
  } else {
    const double passed = static_cast<double>(std::max<int64_t>(0, now_ns - filled_ns_)) * 1e-9;
    room_bytes_ = std::min(full, room_bytes_ + passed * rate);
  }
  filled_ns_ = now_ns;
  room_bytes_ -= static_cast<double>(bytes);
  return room_bytes_ >= 0 ? 0 : static_cast<int64_t>(-room_bytes_ / rate * 1e6);
}

}  // namespace hoglet
