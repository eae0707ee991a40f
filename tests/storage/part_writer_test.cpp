#include "storage/part_writer.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "src/base/memory_env.h"
#include "src/base/strings.h"

// Columns of texts in whatever form they come, with a dictionary or without, must read as what was
// written.

namespace hoglet {
namespace {

using Texts = std::vector<std::optional<std::string>>;

enum class Form { kFlat, kFirstDictionary, kOtherDictionary };

// Keeps what the vectors point to.
class ChunkMaker {
 public:
  explicit ChunkMaker(const std::vector<std::string>& values) : values_(values) {
    for (const Form form : {Form::kFirstDictionary, Form::kOtherDictionary}) {
      Vector dictionary = Vector::Flat(Type(TypeKind::kString).Nullable(), values_.size() + 1);
      for (size_t i = 0; i < values_.size(); ++i) {
        dictionary.mutable_data<std::string_view>()[EntryOf(i, form)] = values_[i];
      }
      dictionary.mutable_data<std::string_view>()[values_.size()] = {};
      dictionary.SetNull(values_.size());
      dictionaries_.push_back(std::make_shared<const Vector>(std::move(dictionary)));
    }
  }

  // `picks`: numbers of values, values.size() for NULL.
  Vector Make(const std::vector<size_t>& picks, Form form) const {
    if (form == Form::kFlat) {
      Vector out = Vector::Flat(Type(TypeKind::kString), picks.size());
      for (size_t i = 0; i < picks.size(); ++i) {
        const bool is_null = picks[i] == values_.size();
        out.mutable_data<std::string_view>()[i] =
            is_null ? std::string_view() : std::string_view(values_[picks[i]]);
        if (is_null) out.SetNull(i);
      }
      return out;
    }
    std::shared_ptr<uint32_t[]> codes(new uint32_t[picks.size()]);
    for (size_t i = 0; i < picks.size(); ++i) {
      codes[i] = static_cast<uint32_t>(EntryOf(picks[i], form));
    }
    return Vector::Dictionary(dictionaries_[form == Form::kFirstDictionary ? 0 : 1],
                              std::move(codes), picks.size());
  }

 private:
  size_t EntryOf(size_t pick, Form form) const {
    if (pick == values_.size() || form != Form::kOtherDictionary) return pick;
    return values_.size() - 1 - pick;
  }

  const std::vector<std::string>& values_;
  std::vector<std::shared_ptr<const Vector>> dictionaries_;
};

// The column as it is in the file; `sorted` gets its dictionary.
std::vector<Texts> ReadBack(std::string_view file, const PartColumn& column,
                            std::vector<std::string>* sorted) {
  size_t at = kPartHeaderBytes;
  const auto next = [&](const ChunkMeta& meta) {
    const auto body = UncompressChunk(meta, file.substr(at, meta.stored_bytes), nullptr);
    at += meta.stored_bytes;
    return body.value();
  };
  if (column.has_dictionary) {
    const ChunkBody body = next(column.dictionary);
    const Vector values = DecodeChunk(column.dictionary, body, Type(TypeKind::kString)).value();
    for (size_t i = 0; i < values.size(); ++i) {
      sorted->emplace_back(values.data<std::string_view>()[i]);
    }
  }
  std::vector<Texts> chunks;
  for (const ChunkMeta& meta : column.chunks) {
    const ChunkBody body = next(meta);
    Texts& texts = chunks.emplace_back(meta.rows);
    if (column.has_dictionary) {
      std::vector<uint32_t> codes(meta.rows);
      const auto entries = static_cast<uint32_t>(sorted->size());
      EXPECT_TRUE(DecodeCodes(meta, body, entries, entries, codes.data()).ok());
      for (size_t i = 0; i < codes.size(); ++i) {
        if (codes[i] < entries) texts[i] = (*sorted)[codes[i]];
      }
    } else {
      const Vector values = DecodeChunk(meta, body, Type(TypeKind::kString)).value();
      for (size_t i = 0; i < values.size(); ++i) {
        if (!values.IsNull(i)) texts[i] = std::string(values.data<std::string_view>()[i]);
      }
    }
  }
  return chunks;
}

// Writes chunks of random values in these forms, each of so many rows.
void Check(const std::vector<std::string>& values, const std::vector<Form>& forms, size_t rows,
           bool has_nulls, bool expects_dictionary) {
  std::mt19937_64 random(values.size() + rows);
  const ChunkMaker maker(values);
  std::vector<uint32_t> begin = {0};
  std::vector<Vector> chunks;
  std::vector<Texts> expected;
  for (const Form form : forms) {
    std::vector<size_t> picks(rows);
    Texts& texts = expected.emplace_back(rows);
    for (size_t i = 0; i < rows; ++i) {
      picks[i] = random() % (values.size() + (has_nulls ? 1 : 0));
      if (picks[i] < values.size()) texts[i] = values[picks[i]];
    }
    chunks.push_back(maker.Make(picks, form));
    begin.push_back(static_cast<uint32_t>(begin.back() + rows));
  }
  MemoryEnv env;
  auto writer = PartWriter::Create(&env, "part").value();
  PartColumn column;
  column.physical = Physical::kString;
  ASSERT_TRUE(writer
                  ->AddColumn(column, begin,
                              {.try_dictionary = true, .is_required = true, .times = nullptr},
                              [&](size_t chunk) -> absl::StatusOr<Vector> { return chunks[chunk]; })
                  .ok());
  PartFooter& footer = writer->footer();
  const PartColumn written = footer.columns.at(0);
  footer.granule_begin = begin;
  footer.first_keys.resize(forms.size());
  footer.last_keys.resize(forms.size());
  footer.distinct_id_filters.resize(forms.size());
  footer.uuid_filters.resize(forms.size());
  for (auto& json : footer.json) json.document_begin = begin;
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(written.has_dictionary, expects_dictionary);
  std::vector<std::string> sorted;
  EXPECT_EQ(ReadBack(env.Contents("part"), written, &sorted), expected);
  for (size_t i = 1; i < sorted.size(); ++i) ASSERT_LT(sorted[i - 1], sorted[i]);
}

std::vector<std::string> Numbered(std::string_view before, int count, std::string_view after) {
  std::vector<std::string> values;
  for (int i = 0; i < count; ++i) values.push_back(StrCat(before, i * 7919 % count, after));
  return values;
}

// Chunks that are alike are written once, across columns, and read all the same.
TEST(PartWriter, ChunksThatRepeat) {
  std::vector<Vector> chunks;
  for (int i = 0; i < 3; ++i) {
    Vector chunk = Vector::Flat(Type(TypeKind::kInt64), 500);
    for (int row = 0; row < 500; ++row) {
      chunk.mutable_data<int64_t>()[row] = (i == 2 ? 0 : i + 1) * 7919 * row % 1009;
    }
    chunks.push_back(std::move(chunk));  // the last one is a constant
  }
  Vector nulls = Vector::Flat(Type(TypeKind::kInt64), 500);
  for (size_t row = 0; row < 500; ++row) nulls.SetNull(row);
  const std::vector<uint32_t> begin = {0, 500, 1000, 1500};
  MemoryEnv env;
  auto writer = PartWriter::Create(&env, "part").value();
  PartColumn column;
  column.column = kTimestampColumn;
  column.physical = Physical::kI64;
  const auto add = [&](bool is_required, const PartWriter::ChunkSource& source) {
    PartWriter::ColumnOptions options{.is_required = is_required, .times = nullptr};
    ASSERT_TRUE(writer->AddColumn(column, begin, options, source).ok());
  };
  add(true, [&](size_t chunk) { return chunks[chunk]; });
  add(false, [&](size_t) { return nulls; });  // left out
  add(true, [&](size_t chunk) { return chunks[1 - chunk % 2]; });
  PartFooter footer = writer->footer();
  const auto repeats = [&](size_t i) {
    return footer.columns[i].chunks[0].repeats * 100 + footer.columns[i].chunks[1].repeats * 10 +
           footer.columns[i].chunks[2].repeats;
  };
  ASSERT_EQ(footer.columns.size(), 2u);
  EXPECT_EQ(repeats(0), 0u);
  EXPECT_EQ(repeats(1), 244u);
  footer.granule_begin = begin;
  for (auto* keys : {&footer.first_keys, &footer.last_keys}) keys->resize(3);
  for (auto* filters : {&footer.distinct_id_filters, &footer.uuid_filters}) filters->resize(3);
  for (auto& json : footer.json) json.document_begin = begin;
  const uint64_t bytes = writer->bytes();
  const auto parsed = ParseFooter(SerializeFooter(footer), bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  for (size_t i = 0; i < 3; ++i) {
    const ChunkMeta& second = parsed->columns[1].chunks[i];
    const ChunkMeta& first = parsed->columns[0].chunks[1 - i % 2];
    EXPECT_EQ(second.offset, first.offset);
    EXPECT_EQ(second.crc, first.crc);
  }
  // One that names none.
  footer.columns[0].chunks[0].repeats = 1;
  EXPECT_FALSE(ParseFooter(SerializeFooter(footer), bytes).ok());
}

TEST(PartWriter, FormsOfChunks) {
  const std::vector<std::string> values = Numbered("value ", 50, "");
  constexpr Form kForms[] = {Form::kFlat, Form::kFirstDictionary, Form::kOtherDictionary};
  for (const Form first : kForms) {
    for (const Form second : kForms) {
      for (const Form third : kForms) {
        for (const bool has_nulls : {false, true}) {
          Check(values, {first, second, third, first}, 100, has_nulls, true);
        }
      }
    }
  }
}

TEST(PartWriter, TooManyValuesForADictionary) {
  const std::vector<std::string> values = Numbered("value ", 5000, "");
  for (const Form form : {Form::kFlat, Form::kFirstDictionary}) {
    Check(values, {form, form}, 2000, true, false);
    Check(values, {form, form}, 8000, true, true);
  }
}

// The order must be that of the bytes, whatever the texts have in common.
TEST(PartWriter, DictionariesAreSorted) {
  std::vector<std::string> values;
  const auto add = [&values](const std::vector<std::string>& more) {
    values.insert(values.end(), more.begin(), more.end());
  };
  add(Numbered("https://example.com/", 40, ""));
  add(Numbered("https://example.com/", 40, "/page"));
  add(Numbered("https://example.org/a/long/way/down/", 40, "/\xff"));
  for (const size_t length : {7, 8, 9, 15, 16, 17, 63, 64, 65}) {
    add(Numbered(std::string(length, 'x'), 25, ""));
    values.push_back(std::string(length, 'x'));
    values.push_back(std::string(length, 'x') + '\0');
    values.push_back(std::string(length, 'x') + std::string(30, '\0'));
    values.push_back(std::string(length, '\0'));
    values.push_back(std::string(length, '\xff'));
  }
  values.push_back("");
  Check(values, {Form::kFirstDictionary, Form::kFirstDictionary}, 4000, true, true);
  Check(values, {Form::kFlat, Form::kFlat}, 4000, false, true);
  // All begin alike.
  const std::vector<std::string> alike =
      Numbered("0197cd95-4000-7a01-a165-", 3000, "-0be6ec40a150");
  Check(alike, {Form::kFirstDictionary, Form::kFlat}, 8000, false, true);
}

}  // namespace
}  // namespace hoglet
