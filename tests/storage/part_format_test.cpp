// The bytes that storage/FORMAT.md describes, read by hand; and the small parts that decide over
// them.

#include "storage/part_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "storage/manifest.h"
#include "storage/merge_pacer.h"
#include "storage/merge_selector.h"
#include "storage/vector_cache.h"
#include "tests/storage/table_support.h"

namespace hoglet {
namespace {

using storage_test::OwnedRow;
using storage_test::RandomRow;

// One row, flushed: every field of MANIFEST and of the frame of the part.
TEST(FormatPage, IsTrue) {
  MemoryEnv env;
  uint32_t month = 0;
  {
    auto table = EventTable::Open(&env, "events", storage_test::SmallOptions());
    ASSERT_TRUE(table.ok());
    std::mt19937_64 random(1);
    const OwnedRow row = RandomRow(&random, {}, 1000);
    month = static_cast<uint32_t>(MonthOf(row.row.timestamp_us));
    ASSERT_TRUE(storage_test::InsertRows(table->get(), {row}).ok());
    ASSERT_TRUE(storage_test::SealAndFlush(table->get(), 300).ok());
  }
  const std::string manifest = env.Contents("events/MANIFEST");
  EXPECT_EQ(manifest.substr(0, 8), "hogltMan");
  EXPECT_EQ(LoadLittle<uint32_t>(manifest.data() + 8), 1u);
  ByteReader in(std::string_view(manifest).substr(12));
  uint64_t values[10] =
      {};  // shards, next id, offset, parts, id, shard, month, rows, bytes, masked
  for (uint64_t& value : values) ASSERT_TRUE(in.GetVarint(&value));
  const std::string part = env.Contents("events/p-0000000000000001.part");
  EXPECT_THAT(values,
              testing::ElementsAre(2, 2, 300, 1, 1, testing::Lt(2u), month, 1, part.size(), 0));
  uint32_t crc = 0;
  ASSERT_TRUE(in.GetLittle(&crc));
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(crc, Crc32c(std::string_view(manifest).substr(0, manifest.size() - 4)));

  EXPECT_EQ(part.substr(0, 8), "hoglPart");
  EXPECT_EQ(part.substr(part.size() - 8), "hoglPart");
  const char* trailer = part.data() + part.size() - 24;
  const auto footer_bytes = LoadLittle<uint64_t>(trailer);
  EXPECT_EQ(LoadLittle<uint32_t>(trailer + 8), 2u);
  const std::string_view covered =
      std::string_view(part).substr(part.size() - 24 - footer_bytes, footer_bytes + 12);
  EXPECT_EQ(LoadLittle<uint32_t>(trailer + 12), Crc32c(covered));
  ByteReader footer(covered);
  uint64_t head[4] = {};  // shard, month, granules, rows of the first
  for (uint64_t& value : head) ASSERT_TRUE(footer.GetVarint(&value));
  EXPECT_THAT(head, testing::ElementsAre(values[5], month, 1, 1));
}

TEST(Manifest, RoundTripAndDamage) {
  Manifest manifest;
  manifest.shards = 3;
  manifest.next_part_id = 900;
  manifest.durable_offset = uint64_t{1} << 40;
  std::vector<uint32_t> rows;
  for (uint32_t row = 1; row < 9000; row += 7) rows.push_back(row);
  manifest.parts[1] = {0, 202311, 9000, 12'345, RowMask::With(nullptr, rows)};
  manifest.parts[899] = {2, 197001, 1, 99, nullptr};
  const std::string bytes = manifest.Serialize();
  const auto back = Manifest::Parse(bytes);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->Serialize(), bytes);
  EXPECT_EQ(back->parts.at(1).mask->Rows(), rows);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] ^= 1;
    EXPECT_FALSE(Manifest::Parse(damaged).ok()) << i;
    EXPECT_FALSE(Manifest::Parse(bytes.substr(0, i)).ok()) << i;
  }
}

TEST(Manifest, PartNames) {
  EXPECT_EQ(PartFileName(0x1234), "p-0000000000001234.part");
  EXPECT_EQ(ParsePartFileName("p-0000000000001234.part"), 0x1234u);
  for (const char* name : {"p-000000000000123x.part", "p-1234.part", "MANIFEST", "", "p-.part",
                           "p-0000000000001234.parts"}) {
    EXPECT_EQ(ParsePartFileName(name), 0u) << name;
  }
}

struct MergeCase {
  const char* name;
  std::vector<uint64_t> megabytes;
  size_t merged;
};

TEST(SelectMerge, Table) {
  const MergeCase cases[] = {
      {"nothing", {}, 0},
      {"one part", {5}, 0},
      {"three of a size", {5, 5, 5}, 0},
      {"four of a size", {5, 5, 5, 5}, 4},
      {"a large one is left alone", {5, 5, 5, 5, 500}, 4},
      {"each twice the one before", {1, 2, 4, 8, 16, 32}, 0},
      {"too large together", {600, 600, 600, 600}, 0},
  };
  for (const MergeCase& c : cases) {
    std::vector<MergeCandidate> parts;
    for (const uint64_t mb : c.megabytes) parts.push_back({parts.size() + 1, mb << 20, 1000, 0});
    EXPECT_EQ(SelectMerge(parts, {}).size(), c.merged) << c.name;
  }
  EXPECT_EQ(SelectMerge({{7, 1 << 20, 1000, 300}}, {}), std::vector<uint64_t>{7}) << "masked rows";
  EXPECT_TRUE(SelectMerge({{7, 1 << 20, 1000, 100}}, {}).empty());
}

// Parts that keep arriving stay few, and a row is rewritten a few times only.
TEST(SelectMerge, StaysLogarithmic) {
  std::vector<MergeCandidate> parts;
  uint64_t written = 0;
  uint64_t id = 0;
  size_t most = 0;
  for (int flush = 0; flush < 1000; ++flush) {
    parts.push_back({++id, 1 << 20, 1000, 0});
    while (true) {
      const std::vector<uint64_t> chosen = SelectMerge(parts, {});
      if (chosen.empty()) break;
      MergeCandidate merged{++id, 0, 0, 0};
      std::erase_if(parts, [&](const MergeCandidate& part) {
        if (std::find(chosen.begin(), chosen.end(), part.id) == chosen.end()) return false;
        merged.bytes += part.bytes;
        merged.rows += part.rows;
        return true;
      });
      written += merged.bytes;
      parts.push_back(merged);
    }
    most = std::max(most, parts.size());
  }
  EXPECT_LE(most, 24u);
  EXPECT_LE(written, uint64_t{7} * (1000 << 20));
}

TEST(VectorCache, StaysWithinItsBytes) {
  VectorCache cache(100'000);
  std::shared_ptr<const Vector> first;
  for (uint32_t i = 0; i < 100; ++i) {
    auto vector = std::make_shared<const Vector>(Vector::Flat(Type(TypeKind::kInt64), 1000));
    EXPECT_EQ(cache.Insert({1, i, 0}, vector), vector);
    if (i == 0) first = vector;
    EXPECT_EQ(cache.Find({1, 0, 0}), first) << "used all the time";
    EXPECT_LE(cache.bytes(), 100'000u);
  }
  EXPECT_EQ(cache.Find({1, 1, 0}), nullptr);
  EXPECT_EQ(cache.Insert({1, 0, 0}, std::make_shared<const Vector>(*first)), first);
  const uint64_t before = cache.bytes();
  cache.Insert({2, 0, 0}, std::make_shared<const Vector>(*first));
  cache.Forget(1);
  EXPECT_EQ(cache.Find({1, 0, 0}), nullptr);
  EXPECT_NE(cache.Find({2, 0, 0}), nullptr);
  EXPECT_GT(before, cache.bytes());
  cache.Forget(2);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(MergePacer, HoldsToItsBytes) {
  constexpr uint64_t kRate = 1'000'000;
  MergePacer unbound(0);
  EXPECT_EQ(unbound.Take(uint64_t{1} << 40, 0), 0);
  MergePacer pacer(kRate);
  int64_t now_ns = 5;
  uint64_t written = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t bytes = static_cast<uint64_t>(i) * 37 % 9000;
    written += bytes;
    now_ns += 1000 * pacer.Take(bytes, now_ns);
  }
  const double seconds = static_cast<double>(now_ns) * 1e-9;
  EXPECT_NEAR(static_cast<double>(written), kRate * (seconds + 0.25), 10'000);
  // A rest earns a quarter of a second, no more.
  now_ns += 60'000'000'000;
  EXPECT_EQ(pacer.Take(kRate / 4, now_ns), 0);
  EXPECT_NEAR(static_cast<double>(pacer.Take(kRate, now_ns)), 1e6, 10);
}

}  // namespace
}  // namespace hoglet
