#include "src/base/process.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "src/base/memory_env.h"

namespace hoglet {
namespace {

TEST(Process, KnowsItself) {
  EXPECT_GT(ResidentBytes(), 1u << 20);
  EXPECT_GE(PeakResidentBytes() + (1 << 20), ResidentBytes());
  EXPECT_GT(MemoryLimitBytes(), 64u << 20);
  EXPECT_GE(CpuCount(), 1u);
}

struct GroupCase {
  const char* name;
  std::map<std::string, std::string> files;
  uint64_t bytes;
};

TEST(Process, ControlGroupLimits) {
  const GroupCase cases[] = {
      {"none", {}, 0},
      {"version 2, not limited",
       {{"/proc/self/cgroup", "0::/a\n"}, {"/sys/fs/cgroup/a/memory.max", "max\n"}},
       0},
      {"version 2",
       {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "5000\n"}},
       5000},
      {"version 2, the group around it is smaller",
       {{"/proc/self/cgroup", "0::/system.slice/hoglet.service\n"},
        {"/sys/fs/cgroup/system.slice/hoglet.service/memory.max", "7000\n"},
        {"/sys/fs/cgroup/system.slice/memory.max", "6000\n"}},
       6000},
      {"a container that is shown its host's path",
       {{"/proc/self/cgroup", "0::/docker/1234\n"}, {"/sys/fs/cgroup/memory.max", "4000"}},
       4000},
      {"version 1",
       {{"/proc/self/cgroup", "11:cpu,cpuacct:/x\n7:memory:/docker/1\n1:name=systemd:/\n"},
        {"/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "3000\n"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
       3000},
      {"both, the memory in version 1",
       {{"/proc/self/cgroup", "7:hugetlb,memory:/\n0::/\n"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "2000\n"}},
       2000},
      {"not what it should be", {{"/proc/self/cgroup", "nonsense\n:\n0:\n"}}, 0}};
  for (const GroupCase& c : cases) {
    MemoryEnv env;
    for (const auto& [path, text] : c.files) {
      ASSERT_TRUE(env.CreateDirectories(path.substr(0, path.rfind('/'))).ok());
      ASSERT_TRUE(env.ReplaceFile(path, text).ok());
    }
    EXPECT_EQ(ControlGroupMemoryBytes(&env), c.bytes) << c.name;
  }
}

}  // namespace
}  // namespace hoglet
