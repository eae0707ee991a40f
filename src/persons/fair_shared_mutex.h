#pragma once

#include <mutex>
#include <shared_mutex>

namespace hoglet {

// Many readers or one writer, in which a waiting writer goes before readers that come after it:
// that of the standard library lets a stream of readers keep the writer out. A reader must not take
// it twice. For std::shared_lock and std::lock_guard.
class FairSharedMutex {
 public:
  void lock() {
    std::lock_guard turn(turnstile_);
    mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }
  void lock_shared() {
    std::lock_guard turn(turnstile_);
    mutex_.lock_shared();
  }
  void unlock_shared() { mutex_.unlock_shared(); }

 private:
  std::mutex turnstile_;
  std::shared_mutex mutex_;
};

}  // namespace hoglet
