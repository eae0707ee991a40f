#include <gtest/gtest.h>
#include <stdlib.h>

#include <functional>

#include "src/base/directories.h"
#include "src/base/fault_env.h"
#include "src/base/memory_env.h"

// The same expectations of every Env: POSIX in a folder of its own, memory, and the fault-injecting
// wrapper that injects nothing.

namespace hoglet {
namespace {

class AnyEnv : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string kind = GetParam();
    env_ = &memory_;
    folder_ = "folder";
    if (kind == "posix") {
      std::string pattern = testing::TempDir() + "hoglet_env_XXXXXX";
      ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
      env_ = Env::Posix();
      folder_ = pattern;
    } else if (kind == "fault") {
      env_ = &fault_;
    }
    ASSERT_TRUE(env_->CreateDirectories(folder_).ok());
  }
  void TearDown() override { EXPECT_TRUE(env_->RemoveTree(folder_).ok()); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  MemoryEnv memory_;
  FaultEnv fault_{&memory_};
  Env* env_ = nullptr;
  std::string folder_;
};

INSTANTIATE_TEST_SUITE_P(Envs, AnyEnv, testing::Values("posix", "memory", "fault"));

TEST_P(AnyEnv, WritesAndReadsBack) {
  auto file = env_->OpenForWrite(Path("a"), Env::OpenMode::kCreateNew);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append("hello ").ok());
  ASSERT_TRUE((*file)->Append("world").ok());
  ASSERT_TRUE((*file)->WriteAt(0, "J").ok());
  ASSERT_TRUE((*file)->Sync().ok());
  ASSERT_TRUE((*file)->Close().ok());
  EXPECT_EQ(*env_->ReadWholeFile(Path("a")), "Jello world");
  auto reader = env_->OpenForRead(Path("a"));
  char scratch[100];
  EXPECT_EQ(*(*reader)->Read(6, 100, scratch), "world");
  EXPECT_EQ(*(*reader)->Read(60, 100, scratch), "");
  EXPECT_EQ(*(*reader)->Size(), 11u);
  const std::string_view mapped = (*reader)->Mapped();
  EXPECT_TRUE(mapped.empty() || mapped == "Jello world");
}

TEST_P(AnyEnv, WritesPiecesAsOne) {
  auto file = env_->OpenForWrite(Path("a"), Env::OpenMode::kCreateNew);
  ASSERT_TRUE((*file)->Append("..").ok());
  // More than one call of the system takes.
  std::string numbers;
  std::vector<std::string_view> pieces;
  for (int i = 0; i < 3000; ++i) numbers += std::to_string(1000 + i);
  for (size_t i = 0; i < 3000; ++i) {
    pieces.push_back(std::string_view(numbers).substr(i * 4, 4));
    pieces.push_back("");
  }
  ASSERT_TRUE((*file)->WritePiecesAt(1, pieces).ok());
  ASSERT_TRUE((*file)->WritePiecesAt(0, {}).ok());
  ASSERT_TRUE((*file)->Append("end").ok());
  EXPECT_EQ(*env_->ReadWholeFile(Path("a")), "." + numbers + "end");
}

TEST_P(AnyEnv, PreallocatesZerosAndTruncates) {
  auto file = env_->OpenForWrite(Path("a"), Env::OpenMode::kKeep);
  ASSERT_TRUE((*file)->Append("x").ok());
  ASSERT_TRUE((*file)->Preallocate(10).ok());
  EXPECT_EQ(*env_->FileBytes(Path("a")), 10u);
  ASSERT_TRUE((*file)->Append("y").ok());
  EXPECT_EQ(*env_->ReadWholeFile(Path("a")), std::string("xy\0\0\0\0\0\0\0\0", 10));
  ASSERT_TRUE((*file)->Truncate(1).ok());
  EXPECT_EQ(*env_->ReadWholeFile(Path("a")), "x");
}

TEST_P(AnyEnv, ErrorsSayWhatAndWhere) {
  const absl::Status missing = env_->OpenForRead(Path("none")).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(missing.message().find(Path("none")), absl::string_view::npos) << missing;
  EXPECT_TRUE(env_->ReplaceFile(Path("a"), "x").ok());
  EXPECT_EQ(env_->OpenForWrite(Path("a"), Env::OpenMode::kCreateNew).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(env_->Remove(Path("none")).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(env_->List(Path("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(env_->ReadWholeFile(Path("a"), 0).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_P(AnyEnv, ListsInOrderRenamesAndRemoves) {
  ASSERT_TRUE(env_->CreateDirectories(Path("d/e")).ok());
  ASSERT_TRUE(env_->CreateDirectories(Path("d/e")).ok());
  ASSERT_TRUE(env_->ReplaceFile(Path("b"), "bb").ok());
  ASSERT_TRUE(env_->ReplaceFile(Path("a"), "a").ok());
  auto entries = env_->List(folder_);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[1].bytes, 2u);
  EXPECT_TRUE((*entries)[2].is_directory);
  ASSERT_TRUE(env_->Rename(Path("a"), Path("b")).ok());
  EXPECT_EQ(*env_->ReadWholeFile(Path("b")), "a");
  EXPECT_FALSE(env_->Exists(Path("a")));
  EXPECT_FALSE(env_->Remove(Path("d")).ok());
  EXPECT_TRUE(env_->RemoveTree(Path("d")).ok());
  EXPECT_FALSE(env_->Exists(Path("d")));
}

TEST_P(AnyEnv, CreatesDirectoriesDurably) {
  ASSERT_TRUE(CreateDirectoriesDurably(env_, Path("d/e/f")).ok());
  ASSERT_TRUE(CreateDirectoriesDurably(env_, Path("d/e/f")).ok());
  EXPECT_TRUE(env_->List(Path("d/e/f")).ok());
  ASSERT_TRUE(env_->ReplaceFile(Path("file"), "x").ok());
  EXPECT_FALSE(CreateDirectoriesDurably(env_, Path("file")).ok());
}

TEST_P(AnyEnv, LocksOnce) {
  auto lock = env_->Lock(Path("LOCK"));
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_EQ(env_->Lock(Path("LOCK")).status().code(), absl::StatusCode::kFailedPrecondition);
  lock->reset();
  EXPECT_TRUE(env_->Lock(Path("LOCK")).ok());
}

TEST_P(AnyEnv, ClocksRandomAndSpace) {
  EXPECT_GT(env_->NowMicros(), 1'600'000'000'000'000);
  const int64_t before = env_->MonotonicNanos();
  env_->SleepMicros(2000);
  EXPECT_GE(env_->MonotonicNanos() - before, 2'000'000);
  char a[16];
  char b[16];
  env_->FillRandom(a);
  env_->FillRandom(b);
  EXPECT_NE(std::string(a, 16), std::string(b, 16));
  EXPECT_GT(*env_->FreeBytes(folder_), 0u);
}

TEST(ClockEnv, StandsStillButMeasures) {
  ClockEnv env(Env::Posix(), 42);
  EXPECT_EQ(env.NowMicros(), 42);
  const int64_t before = env.MonotonicNanos();
  env.SleepMicros(1000);
  EXPECT_EQ(env.NowMicros(), 42);
  EXPECT_GE(env.MonotonicNanos() - before, 1'000'000);
}

TEST(FaultEnv, FailsTheOneChosen) {
  MemoryEnv memory;
  FaultEnv env(&memory);
  auto file = env.OpenForWrite("a", Env::OpenMode::kCreateNew);
  EXPECT_EQ(env.operations(), 1u);
  env.FailAfter(2, FaultKind::kIoError);
  EXPECT_TRUE((*file)->Append("1234").ok());
  EXPECT_EQ((*file)->Sync().code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(env.fault_hit());
  EXPECT_TRUE((*file)->Sync().ok());
  env.FailAfter(1, FaultKind::kShortWrite);
  EXPECT_EQ((*file)->Append("abcd").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(memory.Contents("a"), "1234ab");
  env.SetDiskFull(true);
  EXPECT_EQ((*file)->Append("x").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE((*file)->Truncate(4).ok());
  env.SetDiskFull(false);
  EXPECT_TRUE((*file)->Append("x").ok());
  env.SetFreeBytes(7);
  EXPECT_EQ(*env.FreeBytes(""), 7u);
  env.FailAfter(1, FaultKind::kNoSpace, /*sticky=*/true);
  EXPECT_FALSE((*file)->Append("x").ok());
  EXPECT_FALSE((*file)->Append("x").ok());
  env.ClearFault();
  EXPECT_TRUE((*file)->Append("x").ok());
}

}  // namespace
}  // namespace hoglet
