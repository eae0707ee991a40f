#include "src/base/process.h"

#include <malloc.h>
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
std::string ReadKernelFile(Env* env, const std::string& path) {
  std::string text(4096, '\0');
  auto file = env->OpenForRead(path);
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

// Whether a list with commas has the item.
bool IsInList(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const std::string_view next = list.substr(0, list.find(','));
    if (next == item) return true;
    list.remove_prefix(std::min(list.size(), next.size() + 1));
  }
  return false;
}

}  // namespace

uint64_t ResidentBytes() {
  // Pages: total, resident, ...
  const std::string text = ReadKernelFile(Env::Posix(), "/proc/self/statm");
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
  const uint64_t machine = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                           static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t group = ControlGroupMemoryBytes(Env::Posix());
  return group > 0 ? std::min(machine, group) : machine;
}

uint64_t ControlGroupMemoryBytes(Env* env) {
  uint64_t least = 0;
  // Lines of "number:controllers:/path"; version 2 has no controllers there. In a container the
  // path may be that of the host, of which only the root is to be seen.
  const std::string text = ReadKernelFile(env, "/proc/self/cgroup");
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool is_v2 = controllers.empty();
    if (!is_v2 && !IsInList(controllers, "memory")) continue;
    const std::string mount = is_v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const std::string file = is_v2 ? "/memory.max" : "/memory.limit_in_bytes";
    for (std::string path(line.substr(second + 1));; path.resize(path.rfind('/'))) {
      if (path == "/") path.clear();
      const uint64_t limit = ParseNumber(ReadKernelFile(env, StrCat(mount, path, file)));
      if (limit > 0 && (least == 0 || limit < least)) least = limit;
      if (path.find('/') == path.npos) break;
    }
  }
  return least;
}

void KeepFreeMemory(uint64_t bytes) {
  constexpr uint64_t kBytesMax = 32 << 20;  // mallopt() takes no more
  const int kept = static_cast<int>(std::min(bytes, kBytesMax));
  ::mallopt(M_MMAP_THRESHOLD, kept);
  ::mallopt(M_TRIM_THRESHOLD, kept);
}

void ReleaseFreeMemory() { ::malloc_trim(0); }

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
