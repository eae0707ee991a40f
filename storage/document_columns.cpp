#include "storage/document_columns.h"

#include <bit>

#include "include/hoglet/status.h"
#include "storage/memtable.h"

namespace hoglet {

DocumentColumns::DocumentColumns(std::span<const Document* const> documents)
    : place_of_(documents.size(), 0) {
  std::vector<std::vector<Column*>> columns_of_shape;
  for (uint32_t number = 0; number < documents.size(); ++number) {
    const Document& document = *documents[number];
    const DocumentShape& shape = *document.shape;
    if (shape.index >= columns_of_shape.size()) columns_of_shape.resize(shape.index + 1);
    std::vector<Column*>& columns = columns_of_shape[shape.index];
    if (columns.size() != shape.members.size()) {
      for (const auto& member : shape.members) columns.push_back(ColumnOf(member));
    }
    for (size_t slot = 0; slot < columns.size(); ++slot) {
      Column& column = *columns[slot];
      column.documents.push_back(number);
      column.slots.push_back(document.slots[slot]);
    }
  }
}

DocumentColumns::Column* DocumentColumns::ColumnOf(const DocumentShape::Member& member) {
  Column*& column = column_of_[{member.key, static_cast<int>(member.kind)}];
  if (column == nullptr) {
    columns_.push_back(std::make_unique<Column>());
    column = columns_.back().get();
    if (member.texts != nullptr && member.texts->is_coded()) column->texts = member.texts;
  }
  return column;
}

DocumentColumns::Column* DocumentColumns::FindColumn(std::string_view key, JsonKind kind) {
  const auto found = column_of_.find(std::pair(key, static_cast<int>(kind)));
  return found == column_of_.end() ? nullptr : found->second;
}

void DocumentColumns::Select(const Column& column) {
  if (selected_ == &column) return;
  if (selected_ != nullptr) {
    for (const uint32_t document : selected_->documents) place_of_[document] = 0;
  }
  for (size_t i = 0; i < column.documents.size(); ++i) {
    place_of_[column.documents[i]] = static_cast<uint32_t>(i + 1);
  }
  selected_ = &column;
}

template <typename T, typename Value>
void DocumentColumns::Fill(const Column* column, std::span<const uint32_t> documents, Value value,
                           Vector* out) {
  if (column == nullptr) return;
  Select(*column);
  T* values = out->mutable_data<T>();
  uint64_t* validity = out->mutable_validity();
  for (size_t i = 0; i < documents.size(); ++i) {
    const uint32_t place = place_of_[documents[i]];
    if (place == 0) continue;
    SetBit(validity, i);
    values[i] = value(column->slots[place - 1]);
  }
}

Vector DocumentColumns::GatherCodes(Column* column, std::span<const uint32_t> documents) const {
  const TextTable& texts = *column->texts;
  if (column->dictionary == nullptr) {
    // The last entry is NULL, for documents without the key.
    Vector values = Vector::Flat(GatheredType(JsonVariant::kString, false), texts.size() + 1);
    for (uint32_t code = 0; code < texts.size(); ++code) {
      values.mutable_data<std::string_view>()[code] = texts.text(code);
    }
    values.mutable_data<std::string_view>()[texts.size()] = {};
    values.SetNull(texts.size());
    column->dictionary = std::make_shared<const Vector>(std::move(values));
  }
  const auto none = static_cast<uint32_t>(texts.size());
  std::shared_ptr<uint32_t[]> codes(new uint32_t[documents.size()]);
  for (size_t i = 0; i < documents.size(); ++i) {
    const uint32_t place = place_of_[documents[i]];
    codes[i] = place == 0 ? none : SlotCode(column->slots[place - 1]);
  }
  return Vector::Dictionary(column->dictionary, std::move(codes), documents.size());
}

Vector DocumentColumns::Gather(std::string_view key, JsonVariant variant, bool as_double,
                               std::span<const uint32_t> documents) {
  if (variant == JsonVariant::kString || variant == JsonVariant::kRaw) {
    Column* column =
        FindColumn(key, variant == JsonVariant::kString ? JsonKind::kString : JsonKind::kRaw);
    if (column != nullptr && column->texts != nullptr) {
      Select(*column);
      return GatherCodes(column, documents);
    }
  }
  Vector out = Vector::Flat(GatheredType(variant, as_double), documents.size());
  std::fill_n(out.mutable_validity(), BitmapWords(documents.size()), 0);
  const auto fill_bools = [&](JsonKind kind) {
    std::fill_n(out.mutable_data<uint8_t>(), documents.size(), uint8_t{0});
    Fill<uint8_t>(
        FindColumn(key, kind), documents, [](uint64_t slot) { return static_cast<uint8_t>(slot); },
        &out);
  };
  switch (variant) {
    case JsonVariant::kNull:
      fill_bools(JsonKind::kNull);
      break;
    case JsonVariant::kBool:
      fill_bools(JsonKind::kBool);
      break;
    case JsonVariant::kNumber:
      if (as_double) {
        std::fill_n(out.mutable_data<double>(), documents.size(), 0.0);
        Fill<double>(
            FindColumn(key, JsonKind::kInt64), documents,
            [](uint64_t slot) { return static_cast<double>(static_cast<int64_t>(slot)); }, &out);
        Fill<double>(
            FindColumn(key, JsonKind::kDouble), documents,
            [](uint64_t slot) { return std::bit_cast<double>(slot); }, &out);
      } else {
        std::fill_n(out.mutable_data<int64_t>(), documents.size(), int64_t{0});
        Fill<int64_t>(
            FindColumn(key, JsonKind::kInt64), documents,
            [](uint64_t slot) { return static_cast<int64_t>(slot); }, &out);
      }
      break;
    default:
      std::fill_n(out.mutable_data<std::string_view>(), documents.size(), std::string_view());
      Fill<std::string_view>(
          FindColumn(key, variant == JsonVariant::kString ? JsonKind::kString : JsonKind::kRaw),
          documents, SlotText, &out);
  }
  return out;
}

}  // namespace hoglet
