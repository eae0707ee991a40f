#include "src/base/process.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "absl/strings/ascii.h"
#include "include/hoglet/env.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

// Files of the kernel say a size of 0, so they are read up to a bound.
std::string ReadKernelFile(const std::string& path) {
  std::string text(4096, '\0');
  auto file = Env::Posix()->OpenForRead(path);
  if (!file.ok()) return "";
  auto read = (*file)->Read(0, text.size(), text.data());
  if (!read.ok()) return "";
  text.resize(read->size());
  return text;
}

// The number at the front; 0 if there is none ("max").
uint64_t ParseNumber(std::string_view text) {
  uint64_t value = 0;
  text = FromAbsl(absl::StripLeadingAsciiWhitespace(ToAbsl(text)));
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

uint64_t ResidentBytes() {
  // Pages: total, resident, ...
  const std::string text = ReadKernelFile("/proc/self/statm");
  const size_t space = text.find(' ');
  if (space == std::string::npos) return 0;
  return ParseNumber(std::string_view(text).substr(space)) *
         static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

uint64_t PeakResidentBytes() {
  struct rusage usage;
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

uint64_t MemoryLimitBytes() {
  uint64_t limit = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                   static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    if (const uint64_t group = ParseNumber(ReadKernelFile(path))) limit = std::min(limit, group);
  }
  return limit;
}

unsigned CpuCount() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return static_cast<unsigned>(std::max(CPU_COUNT(&set), 1));
}

bool IsStdoutTerminal() { return isatty(STDOUT_FILENO) == 1; }

uint64_t RaiseOpenFilesMax() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

bool IsStderrTerminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace hoglet
