// Of which bytes of a part are said to be needed soon when a column is read for the first time.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "src/base/fault_env.h"
#include "src/base/strings.h"
#include "storage/event_table.h"
#include "storage/part.h"
#include "storage/schema.h"
#include "tests/storage/table_support.h"

namespace hoglet {
namespace {

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
};

class RecordingFile : public ReadableFile {
 public:
  RecordingFile(std::unique_ptr<ReadableFile> file, std::vector<Range>* requests)
      : file_(std::move(file)), requests_(requests) {}

  absl::StatusOr<std::string_view> Read(uint64_t offset, size_t bytes,
                                        char* scratch) const override {
    return file_->Read(offset, bytes, scratch);
  }
  absl::StatusOr<uint64_t> Size() const override { return file_->Size(); }
  std::string_view Mapped() const override { return file_->Mapped(); }
  void WillNeed(uint64_t offset, uint64_t bytes) const override {
    requests_->push_back({offset, offset + bytes});
    file_->WillNeed(offset, bytes);
  }
  const std::string& path() const override { return file_->path(); }

 private:
  std::unique_ptr<ReadableFile> file_;
  std::vector<Range>* requests_;
};

class RecordingEnv : public ForwardingEnv {
 public:
  RecordingEnv() : ForwardingEnv(Env::Posix()) {}
  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override {
    HOGLET_ASSIGN_OR_RETURN(auto file, base()->OpenForRead(path));
    return std::make_unique<RecordingFile>(std::move(file), &requests);
  }

  std::vector<Range> requests;
};

class PartRequestTest : public testing::Test {
 protected:
  // One part of many granules, opened as at a start: nothing has been read of it.
  void SetUp() override {
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    std::mt19937_64 random(5);
    storage_test::RowLimits limits;
    limits.teams = 1;
    limits.users = 500;
    limits.days = 1;
    limits.wild_json = false;
    std::vector<storage_test::OwnedRow> rows;
    for (int i = 0; i < 5000; ++i)
      rows.push_back(storage_test::RandomRow(&random, limits, storage_test::kStartUs + i));
    EventTable::Options options = storage_test::SmallOptions();
    options.shards = 1;
    auto table = EventTable::Open(&env_, directory_ + "/events", options);
    ASSERT_TRUE(table.ok()) << table.status();
    ASSERT_TRUE(storage_test::InsertRows(table->get(), rows).ok());
    ASSERT_TRUE(storage_test::SealAndFlush(table->get(), 1).ok());
    ASSERT_TRUE((*table)->OptimizeForTest().ok());
    const std::string path = (*table)->Snapshot().parts->front().part->path();
    table->reset();
    auto part = Part::Open(&env_, path, 1, &cache_);
    ASSERT_TRUE(part.ok()) << part.status();
    part_ = *std::move(part);
    ASSERT_GT(part_->footer().granules(), 4u);
    env_.requests.clear();
  }
  void TearDown() override {
    part_.reset();
    EXPECT_TRUE(Env::Posix()->RemoveTree(directory_).ok());
  }

  void ReadGranules(int column) {
    for (size_t granule = 0; granule < part_->footer().granules(); ++granule)
      ASSERT_TRUE(part_->ReadColumn(column, granule).ok());
  }
  bool IsRequested(const ChunkMeta& chunk) const {
    return std::any_of(env_.requests.begin(), env_.requests.end(), [&](const Range& range) {
      return range.begin <= chunk.offset && range.end >= chunk.offset + chunk.stored_bytes;
    });
  }

  std::string directory_ = testing::TempDir() + "hoglet-request-XXXXXX";
  RecordingEnv env_;
  VectorCache cache_{8 << 20};
  std::shared_ptr<Part> part_;
};

TEST_F(PartRequestTest, AColumnIsRequestedOnceAndNothingElseIs) {
  const int column = part_->FindPlain(kTimestampColumn);
  ReadGranules(column);
  uint64_t wanted = 0;
  for (const ChunkMeta& chunk : part_->footer().columns[column].chunks)
    wanted += chunk.stored_bytes;
  uint64_t requested = 0;
  for (const Range& range : env_.requests) requested += range.end - range.begin;
  EXPECT_EQ(requested, wanted);
  // Small as they are, the chunks were asked for together.
  EXPECT_EQ(env_.requests.size(), 1u);
  ReadGranules(column);
  EXPECT_EQ(env_.requests.size(), 1u);
}

TEST_F(PartRequestTest, EveryChunkIsRequestedBeforeItIsRead) {
  const PartFooter& footer = part_->footer();
  for (int column = 0; column < static_cast<int>(footer.columns.size()); ++column) {
    const PartColumn& entry = footer.columns[column];
    // From the back, where nothing has been asked for by those before.
    for (size_t chunk = entry.chunks.size(); chunk-- > 0;) {
      ASSERT_TRUE(part_->ReadColumn(column, chunk).ok());
      if (entry.chunks[chunk].stored_bytes > 0) {
        EXPECT_TRUE(IsRequested(entry.chunks[chunk])) << part_->ColumnName(column) << " " << chunk;
      }
    }
    if (entry.has_dictionary) {
      EXPECT_TRUE(IsRequested(entry.dictionary));
    }
  }
}

TEST_F(PartRequestTest, FiltersAreRequestedTogether) {
  for (size_t granule = 0; granule < part_->footer().granules(); ++granule)
    part_->DistinctIdMayBePresent(granule, 1);
  ASSERT_EQ(env_.requests.size(), 1u);
  for (const ChunkMeta& filter : part_->footer().distinct_id_filters)
    EXPECT_TRUE(IsRequested(filter));
}

}  // namespace
}  // namespace hoglet
