#include "src/base/memory_env.h"

#include <gtest/gtest.h>

#include <set>

#include "src/base/directories.h"

namespace hoglet {
namespace {

std::unique_ptr<WritableFile> OpenFile(MemoryEnv* env, const std::string& path) {
  auto file = env->OpenForWrite(path, Env::OpenMode::kKeep);
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

TEST(MemoryEnvCrash, KeepsWhatWasSyncedAndDropsTheRest) {
  MemoryEnv env;
  auto file = OpenFile(&env, "a");
  ASSERT_TRUE(file->Append("synced").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(env.SyncDirectory("").ok());
  ASSERT_TRUE(file->Append(" lost").ok());
  OpenFile(&env, "unnamed")->Sync().IgnoreError();
  env.CrashDroppingAll();
  EXPECT_EQ(env.Contents("a"), "synced");
  EXPECT_FALSE(env.Exists("unnamed"));
  EXPECT_EQ(file->Append("x").code(), absl::StatusCode::kUnavailable);
}

TEST(MemoryEnvCrash, KeepsDirectoriesCreatedDurably) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryEnv env;
    // The last name is there already, made by one who died before it was durable.
    ASSERT_TRUE(env.CreateDirectories("a").ok());
    ASSERT_TRUE(CreateDirectoriesDurably(&env, "a").ok());
    ASSERT_TRUE(CreateDirectoriesDurably(&env, "a/b/c").ok());
    env.Crash(seed);
    EXPECT_TRUE(env.Exists("a/b/c"));
  }
}

TEST(ParentDirectory, OfEveryKindOfPath) {
  EXPECT_EQ(ParentDirectory("name"), ".");
  EXPECT_EQ(ParentDirectory("/name"), "/");
  EXPECT_EQ(ParentDirectory("/"), "/");
  EXPECT_EQ(ParentDirectory("a/b/c"), "a/b");
  EXPECT_EQ(ParentDirectory("a/b/"), "a");
  EXPECT_EQ(ParentDirectory("a/"), ".");
  EXPECT_EQ(ParentDirectory(""), ".");
}

TEST(MemoryEnvCrash, KeepingAllLosesNothing) {
  MemoryEnv env;
  ASSERT_TRUE(OpenFile(&env, "a")->Append("kept").ok());
  env.CrashKeepingAll();
  EXPECT_EQ(env.Contents("a"), "kept");
}

TEST(MemoryEnvCrash, TearsWritesAtSectors) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    MemoryEnv env;
    auto file = OpenFile(&env, "a");
    ASSERT_TRUE(env.SyncDirectory("").ok());
    ASSERT_TRUE(file->Append(std::string(512, 'x') + std::string(512, 'y')).ok());
    env.Crash(seed);
    const std::string left = env.Contents("a");
    outcomes.insert(left);
    for (size_t sector = 0; sector * 512 < left.size(); ++sector) {
      const std::string part = left.substr(sector * 512, 512);
      EXPECT_TRUE(part == std::string(512, sector == 0 ? 'x' : 'y') ||
                  part == std::string(512, '\0'));
    }
  }
  EXPECT_EQ(outcomes.size(), 4u);
}

TEST(MemoryEnvCrash, RenameIsWholeOrNothing) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    MemoryEnv env;
    env.Write("target", "old");
    auto file = OpenFile(&env, "tmp");
    ASSERT_TRUE(file->Append("new").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(env.Rename("tmp", "target").ok());
    env.Crash(seed);
    outcomes.insert(env.Contents("target"));
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"old", "new"}));
}

TEST(MemoryEnvCrash, ReplaceFileIsDurable) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    MemoryEnv env;
    env.Write("d/target", "old");
    ASSERT_TRUE(env.ReplaceFile("d/target", "new").ok());
    env.Crash(seed);
    EXPECT_EQ(env.Contents("d/target"), "new");
  }
}

TEST(MemoryEnv, HasACapacity) {
  MemoryEnv env;
  env.SetCapacityBytes(10);
  auto file = OpenFile(&env, "a");
  EXPECT_TRUE(file->Append("12345678").ok());
  EXPECT_EQ(*env.FreeBytes(""), 2u);
  EXPECT_EQ(file->Append("abcd").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(env.Contents("a"), "12345678ab");
  EXPECT_EQ(file->Preallocate(11).code(), absl::StatusCode::kResourceExhausted);
}

TEST(MemoryEnv, DamagesBytes) {
  MemoryEnv env;
  env.Write("a", "abc");
  EXPECT_TRUE(env.DamageByte("a", 1, 1));
  EXPECT_EQ(env.Contents("a"), "acc");
  EXPECT_FALSE(env.DamageByte("a", 3, 1));
  EXPECT_EQ(env.Files(), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace hoglet
