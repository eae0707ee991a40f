#include "src/log/space_guard.h"

#include "src/base/strings.h"

namespace hoglet::log_internal {
namespace {

constexpr int64_t kCacheNanos = 100'000'000;

}  // namespace

absl::Status SpaceGuard::Check() {
  const int64_t now_ns = env_->MonotonicNanos();
  std::lock_guard lock(mutex_);
  if (checked_ns_ != INT64_MIN && now_ns - checked_ns_ < kCacheNanos) return status_;
  checked_ns_ = now_ns;
  status_ = absl::OkStatus();
  const auto free_bytes = env_->FreeBytes(directory_);
  if (free_bytes.ok() && *free_bytes < free_bytes_min_) {
    status_ = absl::ResourceExhaustedError(StrCat(directory_, ": disk nearly full, ", *free_bytes,
                                                  " bytes free of the ", free_bytes_min_,
                                                  " that are kept back"));
  }
  return status_;
}

}  // namespace hoglet::log_internal
