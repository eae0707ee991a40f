#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <functional>

namespace hoglet {

// Whether `check` holds in a copy of this process with address space for no stack of a thread but
// those that earlier ones left behind. True where a sanitizer needs the address space for itself.
inline bool HoldsWithFewThreads(const std::function<bool()>& check) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  (void)check;
  return true;
#else
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uint64_t kRoomForHeapBytes = 4 << 20;
    uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const auto limit =
        static_cast<rlim_t>(pages * static_cast<uint64_t>(::getpagesize()) + kRoomForHeapBytes);
    const rlimit limits{limit, limit};
    const bool limited = ::setrlimit(RLIMIT_AS, &limits) == 0;
    ::_exit(limited && check() ? 0 : 1);
  }
  int status = -1;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
#endif
}

}  // namespace hoglet
