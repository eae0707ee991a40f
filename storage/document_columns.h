#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/base/strings.h"
#include "src/base/vector/vector.h"
#include "storage/document.h"
#include "storage/schema.h"

namespace hoglet {

// Documents turned into columns in one pass, document by document: each is read while it is in the
// cache, where column by column every value would be a wait for memory.
//
// Costs 8 bytes a value, 4 where it is a text with a code, and 4 more for keys that some documents
// lack. One thread; the documents outlive it.
class DocumentColumns {
 public:
  // A shape that occurs, and how often.
  struct ShapeCount {
    const DocumentShape* shape = nullptr;  // null: none has this index
    uint32_t count = 0;
  };

  explicit DocumentColumns(std::span<const Document* const> documents);

  // By DocumentShape::index.
  const std::vector<ShapeCount>& shapes() const { return shapes_; }
  // The index of each document's shape.
  const std::vector<uint32_t>& shape_of() const { return shape_of_; }

  // As ExtractVariant() for the documents with these numbers; texts may come as a dictionary, which
  // is then the same vector in every answer for the key and variant. Numbers that follow one
  // another are fastest.
  Vector Gather(std::string_view key, JsonVariant variant, bool as_double,
                std::span<const uint32_t> documents);

 private:
  // The values of one key that have one kind.
  struct Column {
    uint32_t count = 0;
    std::unique_ptr<uint32_t[]> documents;  // ascending; null if every document has the key
    std::unique_ptr<uint64_t[]> slots;      // as the documents hold them; null if there are codes
    std::unique_ptr<uint32_t[]> codes;
    const TextTable* texts = nullptr;  // if they have codes
    std::shared_ptr<const Vector> dictionary;
  };

  void CountShapes(std::span<const Document* const> documents);
  void MakeColumns();
  void FillColumns(std::span<const Document* const> documents);
  Column* ColumnOf(const DocumentShape::Member& member);
  Column* FindColumn(std::string_view key, JsonKind kind);
  // Calls `visit(index in documents, place in the column)` for those that have a value.
  template <typename Visit>
  void ForEachValue(const Column& column, std::span<const uint32_t> documents, Visit visit);
  // Makes place_of_ say where in the column a document's value is.
  void Select(const Column& column);
  Vector GatherCodes(Column* column, std::span<const uint32_t> documents);
  template <typename T, typename Value>
  void Fill(const Column* column, std::span<const uint32_t> documents, Value value, Vector* out);

  std::vector<ShapeCount> shapes_;
  std::vector<uint32_t> shape_of_;
  std::vector<std::unique_ptr<Column>> columns_;
  absl::flat_hash_map<std::pair<std::string_view, int>, Column*> column_of_;
  std::vector<uint32_t> place_of_;  // by document: index + 1 of its value, 0: none
  const Column* selected_ = nullptr;
};

}  // namespace hoglet
