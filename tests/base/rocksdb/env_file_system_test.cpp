#include "src/base/rocksdb/env_file_system.h"

#include <gtest/gtest.h>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "src/base/fault_env.h"
#include "src/base/memory_env.h"

// What RocksDB is told of the files of an Env.

namespace hoglet {
namespace {

class EnvFileSystemTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(env.CreateDirectories("d").ok()); }

  std::unique_ptr<rocksdb::FSWritableFile> Create(const std::string& path) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(files->NewWritableFile(path, {}, &file, nullptr).ok());
    return file;
  }

  MemoryEnv memory;
  FaultEnv env{&memory};
  std::shared_ptr<rocksdb::Env> rocks_env = MakeRocksEnv(&env);
  std::shared_ptr<rocksdb::FileSystem> files = rocks_env->GetFileSystem();
  const rocksdb::IOOptions options;
};

TEST_F(EnvFileSystemTest, WritesAndReads) {
  auto file = Create("d/a");
  ASSERT_TRUE(file->Append("hello ", options, nullptr).ok());
  ASSERT_TRUE(file->Append("world", options, nullptr).ok());
  EXPECT_EQ(file->GetFileSize(options, nullptr), 11u);
  ASSERT_TRUE(file->Sync(options, nullptr).ok());
  ASSERT_TRUE(file->Close(options, nullptr).ok());
  ASSERT_TRUE(files->ReopenWritableFile("d/a", {}, &file, nullptr).ok());
  ASSERT_TRUE(file->Append("!", options, nullptr).ok());

  char scratch[32];
  rocksdb::Slice read;
  std::unique_ptr<rocksdb::FSSequentialFile> sequential;
  ASSERT_TRUE(files->NewSequentialFile("d/a", {}, &sequential, nullptr).ok());
  ASSERT_TRUE(sequential->Read(5, options, &read, scratch, nullptr).ok());
  EXPECT_EQ(read.ToString(), "hello");
  ASSERT_TRUE(sequential->Skip(1).ok());
  ASSERT_TRUE(sequential->Read(20, options, &read, scratch, nullptr).ok());
  EXPECT_EQ(read.ToString(), "world!");
  ASSERT_TRUE(sequential->Skip(10).ok());
  ASSERT_TRUE(sequential->Read(20, options, &read, scratch, nullptr).ok());
  EXPECT_TRUE(read.empty());

  std::unique_ptr<rocksdb::FSRandomAccessFile> random;
  ASSERT_TRUE(files->NewRandomAccessFile("d/a", {}, &random, nullptr).ok());
  ASSERT_TRUE(random->Read(6, 3, options, &read, scratch, nullptr).ok());
  EXPECT_EQ(read.ToString(), "wor");

  ASSERT_TRUE(files->Truncate("d/a", 5, options, nullptr).ok());
  EXPECT_EQ(memory.Contents("d/a"), "hello");
  Create("d/a");
  EXPECT_EQ(memory.Contents("d/a"), "");
}

TEST_F(EnvFileSystemTest, AWriteAfterATornOneTakesItsPlace) {
  auto file = Create("d/a");
  ASSERT_TRUE(file->Append("12", options, nullptr).ok());
  env.FailAfter(1, FaultKind::kShortWrite);
  EXPECT_TRUE(file->Append("abcd", options, nullptr).IsNoSpace());
  EXPECT_EQ(memory.Contents("d/a"), "12ab");
  ASSERT_TRUE(file->Append("xyz", options, nullptr).ok());
  EXPECT_EQ(memory.Contents("d/a"), "12xyz");
}

TEST_F(EnvFileSystemTest, DirectoriesNamesAndLocks) {
  Create("d/a");
  std::vector<std::string> names;
  ASSERT_TRUE(files->GetChildren("d", options, &names, nullptr).ok());
  EXPECT_EQ(names, std::vector<std::string>{"a"});
  EXPECT_TRUE(files->GetChildren("none", options, &names, nullptr).IsNotFound());
  EXPECT_TRUE(files->FileExists("d/a", options, nullptr).ok());
  EXPECT_TRUE(files->FileExists("d/b", options, nullptr).IsNotFound());
  bool is_directory = false;
  ASSERT_TRUE(files->IsDirectory("d", options, &is_directory, nullptr).ok());
  EXPECT_TRUE(is_directory);
  ASSERT_TRUE(files->IsDirectory("d/a", options, &is_directory, nullptr).ok());
  EXPECT_FALSE(is_directory);
  EXPECT_FALSE(files->CreateDir("d", options, nullptr).ok());
  EXPECT_TRUE(files->CreateDirIfMissing("d", options, nullptr).ok());

  ASSERT_TRUE(files->RenameFile("d/a", "d/b", options, nullptr).ok());
  std::unique_ptr<rocksdb::FSDirectory> directory;
  ASSERT_TRUE(files->NewDirectory("d", options, &directory, nullptr).ok());
  EXPECT_FALSE(files->NewDirectory("none", options, &directory, nullptr).ok());
  ASSERT_TRUE(files->NewDirectory("d", options, &directory, nullptr).ok());
  ASSERT_TRUE(env.SyncDirectory("").ok());
  ASSERT_TRUE(directory->Fsync(options, nullptr).ok());
  memory.CrashDroppingAll();
  EXPECT_TRUE(env.Exists("d/b"));
  ASSERT_TRUE(files->DeleteFile("d/b", options, nullptr).ok());
  EXPECT_FALSE(env.Exists("d/b"));

  rocksdb::FileLock* lock = nullptr;
  rocksdb::FileLock* second = nullptr;
  ASSERT_TRUE(files->LockFile("d/LOCK", options, &lock, nullptr).ok());
  EXPECT_FALSE(files->LockFile("d/LOCK", options, &second, nullptr).ok());
  EXPECT_EQ(second, nullptr);
  ASSERT_TRUE(files->UnlockFile(lock, options, nullptr).ok());
  ASSERT_TRUE(files->LockFile("d/LOCK", options, &lock, nullptr).ok());
  ASSERT_TRUE(files->UnlockFile(lock, options, nullptr).ok());
}

TEST_F(EnvFileSystemTest, ErrorsKeepTheirKind) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  EXPECT_TRUE(files->NewSequentialFile("d/none", {}, &file, nullptr).IsPathNotFound());
  env.FailAfter(1, FaultKind::kIoError);
  const rocksdb::IOStatus failed = files->NewSequentialFile("d/none", {}, &file, nullptr);
  EXPECT_TRUE(failed.IsIOError() && !failed.IsNoSpace() && !failed.IsPathNotFound());
  env.SetDiskFull(true);
  std::unique_ptr<rocksdb::FSWritableFile> writable;
  EXPECT_TRUE(files->NewWritableFile("d/a", {}, &writable, nullptr).IsNoSpace());
  EXPECT_EQ(writable, nullptr);
}

}  // namespace
}  // namespace hoglet
