#include "storage/document_columns.h"

#include <algorithm>
#include <bit>

#include "include/hoglet/status.h"
#include "storage/memtable.h"

namespace hoglet {

namespace {

// Documents fetched into the cache before they are read.
constexpr size_t kAhead = 8;

bool IsRun(std::span<const uint32_t> numbers) {
  uint32_t differs = 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    differs |= numbers[i] ^ (numbers[0] + static_cast<uint32_t>(i));
  }
  return differs == 0;
}

}  // namespace

DocumentColumns::DocumentColumns(std::span<const Document* const> documents) {
  CountShapes(documents);
  MakeColumns();
  FillColumns(documents);
}

void DocumentColumns::CountShapes(std::span<const Document* const> documents) {
  shape_of_.reserve(documents.size());
  for (size_t i = 0; i < documents.size(); ++i) {
    if (i + kAhead < documents.size()) __builtin_prefetch(documents[i + kAhead]);
    const DocumentShape& shape = *documents[i]->shape;
    if (shape.index >= shapes_.size()) shapes_.resize(shape.index + 1);
    shapes_[shape.index].shape = &shape;
    ++shapes_[shape.index].count;
    shape_of_.push_back(shape.index);
  }
}

void DocumentColumns::MakeColumns() {
  for (const ShapeCount& entry : shapes_) {
    if (entry.shape == nullptr) continue;
    for (const auto& member : entry.shape->members) ColumnOf(member)->count += entry.count;
  }
  for (const auto& column : columns_) {
    if (column->texts != nullptr) {
      column->codes.reset(new uint32_t[column->count]);
    } else {
      column->slots.reset(new uint64_t[column->count]);
    }
    if (column->count == shape_of_.size()) continue;
    column->documents.reset(new uint32_t[column->count]);
  }
}

namespace {

// Fetches the slots of a document to come.
void PrefetchSlots(const Document& document) {
  constexpr size_t kLineSlots = 64 / sizeof(uint64_t);
  const size_t count = document.shape->members.size();
  for (size_t i = 0; i < count; i += kLineSlots) __builtin_prefetch(document.slots + i);
}

}  // namespace

void DocumentColumns::FillColumns(std::span<const Document* const> documents) {
  // Where the next value of a column goes.
  struct Cursor {
    uint32_t* document;  // null: every document has one
    uint64_t* slot;
    uint32_t* code;
  };
  struct Move {
    uint32_t slot;
    uint32_t cursor;
  };
  struct Moves {
    std::vector<Move> slots;
    std::vector<Move> codes;
  };
  std::vector<Cursor> cursors;
  absl::flat_hash_map<const Column*, uint32_t> cursor_of;
  for (const auto& column : columns_) {
    cursor_of.emplace(column.get(), static_cast<uint32_t>(cursors.size()));
    cursors.push_back({column->documents.get(), column->slots.get(), column->codes.get()});
  }
  std::vector<Moves> moves_of(shapes_.size());
  for (size_t i = 0; i < shapes_.size(); ++i) {
    if (shapes_[i].shape == nullptr) continue;
    const auto& members = shapes_[i].shape->members;
    for (uint32_t slot = 0; slot < members.size(); ++slot) {
      const Column* column = ColumnOf(members[slot]);
      (column->texts != nullptr ? moves_of[i].codes : moves_of[i].slots)
          .push_back({slot, cursor_of.at(column)});
    }
  }
  for (uint32_t number = 0; number < documents.size(); ++number) {
    if (number + 2 * kAhead < documents.size()) __builtin_prefetch(documents[number + 2 * kAhead]);
    if (number + kAhead < documents.size()) PrefetchSlots(*documents[number + kAhead]);
    const uint64_t* slots = documents[number]->slots;
    const Moves& moves = moves_of[shape_of_[number]];
    for (const Move& move : moves.codes) {
      Cursor& cursor = cursors[move.cursor];
      *cursor.code++ = SlotCode(slots[move.slot]);
      if (cursor.document != nullptr) *cursor.document++ = number;
    }
    for (const Move& move : moves.slots) {
      Cursor& cursor = cursors[move.cursor];
      *cursor.slot++ = slots[move.slot];
      if (cursor.document != nullptr) *cursor.document++ = number;
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
  place_of_.resize(shape_of_.size(), 0);
  if (selected_ != nullptr) {
    for (uint32_t i = 0; i < selected_->count; ++i) place_of_[selected_->documents[i]] = 0;
  }
  for (uint32_t i = 0; i < column.count; ++i) place_of_[column.documents[i]] = i + 1;
  selected_ = &column;
}

template <typename Visit>
void DocumentColumns::ForEachValue(const Column& column, std::span<const uint32_t> documents,
                                   Visit visit) {
  if (documents.empty()) return;
  if (column.documents == nullptr) {
    for (size_t i = 0; i < documents.size(); ++i) visit(i, documents[i]);
  } else if (IsRun(documents)) {
    const uint32_t* const begin = column.documents.get();
    const uint32_t* const end = begin + column.count;
    for (const uint32_t* at = std::lower_bound(begin, end, documents.front());
         at != end && *at <= documents.back(); ++at) {
      visit(*at - documents.front(), static_cast<uint32_t>(at - begin));
    }
  } else {
    Select(column);
    for (size_t i = 0; i < documents.size(); ++i) {
      const uint32_t place = place_of_[documents[i]];
      if (place != 0) visit(i, place - 1);
    }
  }
}

template <typename T, typename Value>
void DocumentColumns::Fill(const Column* column, std::span<const uint32_t> documents, Value value,
                           Vector* out) {
  if (column == nullptr) return;
  T* values = out->mutable_data<T>();
  uint64_t* validity = out->mutable_validity();
  ForEachValue(*column, documents, [&](size_t i, uint32_t place) {
    SetBit(validity, i);
    values[i] = value(column->slots[place]);
  });
}

Vector DocumentColumns::GatherCodes(Column* column, std::span<const uint32_t> documents) {
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
  if (column->documents != nullptr) std::fill_n(codes.get(), documents.size(), none);
  ForEachValue(*column, documents,
               [to = codes.get(), from = column->codes.get()](size_t i, uint32_t place) {
                 to[i] = from[place];
               });
  return Vector::Dictionary(column->dictionary, std::move(codes), documents.size());
}

Vector DocumentColumns::Gather(std::string_view key, JsonVariant variant, bool as_double,
                               std::span<const uint32_t> documents) {
  if (variant == JsonVariant::kString || variant == JsonVariant::kRaw) {
    Column* column =
        FindColumn(key, variant == JsonVariant::kString ? JsonKind::kString : JsonKind::kRaw);
    if (column != nullptr && column->texts != nullptr) {
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
