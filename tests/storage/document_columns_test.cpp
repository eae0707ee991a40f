#include "storage/document_columns.h"

#include <gtest/gtest.h>

#include "include/hoglet/env.h"
#include "src/base/json.h"
#include "src/base/key_hash.h"
#include "src/base/key_ids.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "storage/document.h"
#include "storage/memtable.h"
#include "tests/storage/table_support.h"

// Documents whose texts have codes, lose them, or never had any must read as what went in.

namespace hoglet {
namespace {

using storage_test::InsertRows;
using storage_test::OwnedRow;
using storage_test::RandomRow;
using storage_test::RowLimits;
using storage_test::ScanAll;
using storage_test::SmallOptions;
using storage_test::TableModel;

// Names that agree in all that NameHash() looks at.
std::string Alike(uint64_t number) {
  std::string name = "beginning--------middle**--------the end!";
  const std::string digits = StrCat(10'000'000 + number);
  name.replace(8, 8, digits);
  return name;
}

TEST(DocumentStore, NamesAlikeAreDifferentNames) {
  ASSERT_EQ(NameHash(Alike(1)), NameHash(Alike(2)));
  DocumentStore store;
  std::vector<const Document*> documents;
  for (uint64_t i = 0; i < 100; ++i) {
    for (const char* value : {"1", "\"text\""}) {
      for (int again = 0; again < 2; ++again) {
        Arena arena;
        JsonObjectView members;
        const std::string json = StrCat("{\"", Alike(i), "\":", value, "}");
        ASSERT_TRUE(ParseJsonObject(json, &arena, &members).ok());
        const Document* document = store.Add(members);
        EXPECT_EQ(SerializeJsonObject({document->Member(0)}), json);
        if (again == 1) {
          EXPECT_EQ(document->shape, documents.back()->shape);
        }
        documents.push_back(document);
      }
    }
  }
  EXPECT_EQ(store.shape_count(), 200u);
}

// Looking through all shapes of one hash would take minutes.
TEST(DocumentStore, NamesAlikeDoNotSlowItDown) {
  DocumentStore store;
  const int64_t begin_ns = Env::Posix()->MonotonicNanos();
  constexpr uint64_t kNames = 60'000;
  std::vector<std::string> names;
  for (uint64_t i = 0; i < kNames; ++i) names.push_back(Alike(i));
  for (int again = 0; again < 2; ++again) {
    for (const std::string& name : names) {
      store.Add({{.key = name, .kind = JsonKind::kInt64, .integer = 1}});
    }
  }
  EXPECT_EQ(store.shape_count(), kNames);
  EXPECT_LT(Env::Posix()->MonotonicNanos() - begin_ns, 30'000'000'000);
}

// Equal documents are one, those that differ in a key, a kind, a value or the order are not.
TEST(DocumentStore, SharedDocumentsAreOne) {
  DocumentStore store;
  // The texts of "id" never repeat at first, so they lose their codes.
  for (int i = 0; i < 3000; ++i) {
    const std::string id = StrCat("id ", i);
    store.AddShared({{.key = "id", .kind = JsonKind::kString, .text = id}});
  }
  const std::vector<std::string> texts = {"{}",
                                          R"({"a":1})",
                                          R"({"a":2})",
                                          R"({"a":"1"})",
                                          R"({"b":1})",
                                          R"({"a":1,"b":1})",
                                          R"({"b":1,"a":1})",
                                          R"({"a":null})",
                                          R"({"a":false})",
                                          R"({"a":1.5})",
                                          R"({"a":9007199254740993})",
                                          R"({"a":[1]})",
                                          R"({"a":"[1]"})",
                                          R"({"id":"x","a":"y"})",
                                          R"({"id":"y","a":"x"})",
                                          R"({"id":"id 7"})"};
  std::vector<const Document*> documents;
  for (int again = 0; again < 3; ++again) {
    for (size_t i = 0; i < texts.size(); ++i) {
      Arena arena;
      JsonObjectView members;
      ASSERT_TRUE(ParseJsonObject(texts[i], &arena, &members).ok());
      // Numbered names and those without a number give the same shape.
      if (again == 1) {
        for (JsonMember& member : members) member.key_id = MakeKeyId(member.key);
      }
      const Document* document = store.AddShared(members);
      std::string text = "{";
      for (size_t slot = 0; slot < members.size(); ++slot) {
        const std::string one = SerializeJsonObject({document->Member(slot)});
        text += (slot > 0 ? "," : "") + one.substr(1, one.size() - 2);
      }
      EXPECT_EQ(text + "}", texts[i]);
      if (again == 0) {
        for (const Document* other : documents) EXPECT_NE(document, other) << texts[i];
        documents.push_back(document);
      } else if (texts[i].find("9007199254740993") == std::string::npos) {
        EXPECT_EQ(document, documents[i]) << texts[i];
      }
      EXPECT_EQ(HashDocument(*document), HashDocument(*documents[i])) << texts[i];
    }
  }
}

// The bytes held never fall below what the texts alone take, also when codes are given up.
TEST(DocumentStore, CountsBytesWhenCodesAreGivenUp) {
  for (const uint64_t repeats : {0, 500, 767, 768, 769, 1023, 1024, 5000}) {
    DocumentStore store;
    uint64_t texts = 0;
    uint64_t before = 0;
    for (uint64_t i = 0; i < 20'000; ++i) {
      const std::string text = i < repeats ? StrCat("same", i % 7) : StrCat("new ", i);
      store.Add({{.key = "key", .kind = JsonKind::kString, .text = text}});
      if (i >= repeats) texts += text.size();
      ASSERT_GE(store.bytes(), texts) << i;
      ASSERT_LT(store.bytes(), 10'000'000u) << i;
      before = store.bytes();
    }
    EXPECT_GT(before, texts);
  }
}

// Values of one key, by what they repeat like.
std::string ValueOf(uint64_t key, uint64_t row, std::mt19937_64* random) {
  const auto text = [](std::string_view value) {
    std::string json;
    AppendJsonString(value, &json);
    return json;
  };
  switch (key % 10) {
    case 0:  // few
      return text(StrCat("few ", row % 5));
    case 1:  // few, then never again
      return text(row < 1500 ? StrCat("few ", row % 5) : StrCat("id ", row));
    case 2:  // never
      return text(StrCat("id ", row));
    case 3:  // exactly three of four are new at the trial
      return text(row % 4 == 3 ? "old" : StrCat("id ", row));
    case 4:
      return text(row % 3 == 0 ? std::string_view() : std::string_view("\0a\0", row % 4));
    case 5:
      return StrCat(9'007'199'254'740'990ull + row % 8);  // raw from 2^53 on
    case 6:
      return StrCat("[", row % 900, ",\"x\"]");
    case 7:
      return row % 2 == 0 ? "null" : row % 3 == 0 ? "true" : "0.5";
    case 8: {  // all kinds
      const std::string all[] = {"null", "false", "7",          "-1.25",
                                 "\"\"", "\"7\"", "{\"a\":[]}", "99999999999999999999999"};
      return all[(*random)() % std::size(all)];
    }
    default:
      return text(StrCat("some ", (*random)() % 2000));
  }
}

std::string Properties(uint64_t row, std::mt19937_64* random) {
  std::string json = "{";
  for (uint64_t key = 0; key < 24; ++key) {
    if ((*random)() % 16 == 0 || (row % 3 == 0 && key == 7)) continue;
    StrAppend(&json, json.size() > 1 ? "," : "", "\"", key < 14 ? StrCat("k", key) : Alike(key),
              "\":", ValueOf(key, row, random));
  }
  json += "}";
  Arena arena;
  JsonObjectView members;
  HOGLET_ASSERT(ParseJsonObject(json, &arena, &members).ok());
  return SerializeJsonObject(members);
}

void ExpectShows(const EventTable& table, const TableModel& model, const std::string& when) {
  for (const TeamId team : {1, 2}) {
    const auto rows = ScanAll(table, team);
    ASSERT_TRUE(rows.ok()) << when << ": " << rows.status();
    const std::vector<std::string> expected = model.Rows(team);
    ASSERT_EQ(rows->size(), expected.size()) << when;
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ((*rows)[i], expected[i]) << when;
  }
}

// `granule_rows` and `keys_max` decide how the columns are cut and how many keys get one.
void CheckTable(uint32_t granule_rows, uint32_t keys_max, uint64_t seed) {
  MemoryEnv env;
  EventTable::Options options = SmallOptions();
  options.granule_rows = granule_rows;
  options.json_keys_max = keys_max;
  options.shards = 2;
  auto opened = EventTable::Open(&env, "events", options);
  ASSERT_TRUE(opened.ok()) << opened.status();
  std::unique_ptr<EventTable> table = *std::move(opened);
  std::mt19937_64 random(seed);
  TableModel model;
  std::vector<std::string> people;
  for (uint64_t i = 0; i < 40; ++i) people.push_back(Properties(i, &random));
  uint64_t row = 0;
  for (uint64_t generation = 1; generation <= 3; ++generation) {
    for (int batch = 0; batch < 4; ++batch) {
      std::vector<OwnedRow> rows;
      for (int i = 0; i < 500; ++i, ++row) {
        OwnedRow owned = RandomRow(&random, RowLimits{.days = 2}, 1'000'000 + row);
        owned.properties_json = Properties(row, &random);
        owned.person_json = people[random() % people.size()];
        model.Insert(owned);
        rows.push_back(std::move(owned));
      }
      ASSERT_TRUE(InsertRows(table.get(), rows).ok());
    }
    ExpectShows(*table, model, StrCat("open ", generation));
    ASSERT_TRUE(table->Seal(generation).ok());
    ASSERT_TRUE(table->FlushSealed().ok());
    ExpectShows(*table, model, StrCat("flushed ", generation));
  }
  ASSERT_TRUE(table->OptimizeForTest().ok());
  ExpectShows(*table, model, "merged");
}

TEST(DocumentColumns, RowsComeBackSmallGranules) { CheckTable(16, 8, 1); }
TEST(DocumentColumns, RowsComeBackManyColumns) { CheckTable(700, 100, 2); }
TEST(DocumentColumns, RowsComeBackOneGranule) { CheckTable(8192, 20, 3); }

// Gather() and the plain way say the same of any documents in any order.
TEST(DocumentColumns, GathersAsExtractVariantDoes) {
  std::mt19937_64 random(4);
  DocumentStore store;
  std::vector<const Document*> documents;
  for (uint64_t row = 0; row < 3000; ++row) {
    Arena arena;
    JsonObjectView members;
    const std::string json = Properties(row, &random);
    ASSERT_TRUE(ParseJsonObject(json, &arena, &members).ok());
    documents.push_back(row % 2 == 0 ? store.Add(members) : store.AddShared(members));
  }
  DocumentColumns columns(documents);
  for (int round = 0; round < 60; ++round) {
    const uint64_t number = random() % 25;
    const std::string key = number < 14 ? StrCat("k", number) : Alike(number);
    std::vector<uint32_t> numbers;
    std::vector<const Document*> chosen;
    for (uint64_t i = random() % 400; i > 0; --i) {
      numbers.push_back(static_cast<uint32_t>(random() % documents.size()));
      chosen.push_back(documents[numbers.back()]);
    }
    const KeyVariants variants = FindVariants(documents, key);
    for (int v = 0; v < kJsonVariantCount; ++v) {
      const auto variant = static_cast<JsonVariant>(v);
      const Vector plain = ExtractVariant(chosen, key, variant, variants.has_double);
      const Vector gathered = columns.Gather(key, variant, variants.has_double, numbers).Flatten();
      ASSERT_EQ(gathered.size(), plain.size());
      for (size_t i = 0; i < plain.size(); ++i) {
        ASSERT_EQ(gathered.IsNull(i), plain.IsNull(i)) << key << " " << v;
        if (!plain.IsNull(i)) {
          ASSERT_TRUE(gathered.Get(i) == plain.Get(i)) << key << " " << v;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hoglet
