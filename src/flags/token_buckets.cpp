#include "src/flags/token_buckets.h"

#include <algorithm>

namespace hoglet {

double TokenBuckets::Refilled(const Bucket& bucket, int64_t now_ns) const {
  const double seconds = 1e-9 * static_cast<double>(now_ns - bucket.at_ns);
  return std::min(burst_, bucket.permits + std::max(0.0, seconds) * per_second_);
}

void TokenBuckets::MakeRoom(int64_t now_ns) {
  if (buckets_.size() < kNamesMax) return;
  absl::erase_if(buckets_,
                 [&](const auto& entry) { return Refilled(entry.second, now_ns) >= burst_; });
  if (buckets_.size() >= kNamesMax) buckets_.clear();
}

bool TokenBuckets::Take(std::string_view name, int64_t now_ns) {
  if (per_second_ <= 0) return true;
  std::lock_guard lock(mutex_);
  auto it = buckets_.find(name);
  if (it == buckets_.end()) {
    MakeRoom(now_ns);
    it = buckets_.try_emplace(std::string(name), Bucket{burst_, now_ns}).first;
  }
  Bucket& bucket = it->second;
  bucket.permits = Refilled(bucket, now_ns);
  bucket.at_ns = now_ns;
  if (bucket.permits < 1) return false;
  bucket.permits -= 1;
  return true;
}

}  // namespace hoglet
