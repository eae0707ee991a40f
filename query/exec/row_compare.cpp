#include "query/exec/row_compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace hoglet {
namespace {

template <typename T>
int Three(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

bool IsNanAt(const Vector& vector, size_t position) {
  return vector.type().physical() == Physical::kF64 && std::isnan(vector.data<double>()[position]);
}

int CompareFlat(const Vector& a, size_t x, const Vector& b, size_t y) {
  switch (a.type().physical()) {
    case Physical::kU8:
      return Three(a.data<uint8_t>()[x], b.data<uint8_t>()[y]);
    case Physical::kI64:
      if (a.type().kind() == TypeKind::kUInt64) {
        return Three(static_cast<uint64_t>(a.data<int64_t>()[x]),
                     static_cast<uint64_t>(b.data<int64_t>()[y]));
      }
      return Three(a.data<int64_t>()[x], b.data<int64_t>()[y]);
    case Physical::kF64:
      return Three(a.data<double>()[x], b.data<double>()[y]);
    case Physical::kI128: {
      const bool is_signed =
          a.type().kind() == TypeKind::kInt128 || a.type().kind() == TypeKind::kDecimal;
      if (is_signed) return Three(a.data<Int128>()[x], b.data<Int128>()[y]);
      return Three(static_cast<UInt128>(a.data<Int128>()[x]),
                   static_cast<UInt128>(b.data<Int128>()[y]));
    }
    case Physical::kString:
      return Three(a.data<std::string_view>()[x].compare(b.data<std::string_view>()[y]), 0);
    case Physical::kArray: {
      const uint32_t count_a = a.offsets()[x + 1] - a.offsets()[x];
      const uint32_t count_b = b.offsets()[y + 1] - b.offsets()[y];
      for (uint32_t i = 0; i < std::min(count_a, count_b); ++i) {
        if (int c = CompareValues(a.child(), a.offsets()[x] + i, b.child(), b.offsets()[y] + i);
            c != 0)
          return c;
      }
      return Three(count_a, count_b);
    }
    case Physical::kTuple:
      for (size_t i = 0; i < a.children().size(); ++i) {
        if (int c = CompareValues(a.children()[i], x, b.children()[i], y); c != 0) return c;
      }
      return 0;
    case Physical::kNone:
      return 0;
  }
  return 0;
}

uint64_t StringPrefix(std::string_view text) {
  uint64_t word = 0;
  for (size_t i = 0; i < 8; ++i)
    word = word << 8 | (i < text.size() ? static_cast<uint8_t>(text[i]) : 0);
  return word;
}

constexpr uint64_t kSign = uint64_t{1} << 63;
constexpr uint64_t kLast = ~uint64_t{0};  // NULL, NaN

// word_of(value) for each row, kLast for NULL. Halved by word_of so that the top bit is free for
// it.
template <typename T, typename WordOf>
void FillWords(const Vector& column, WordOf word_of, std::vector<uint64_t>* words) {
  const VectorReader<T> values(column);
  for (size_t i = 0; i < words->size(); ++i)
    (*words)[i] = values.valid(i) ? word_of(values.at(i)) : kLast;
}

uint64_t DoublePrefix(double value) {
  if (std::isnan(value)) return kLast;
  const auto word = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return (word & kSign ? ~word : word | kSign) >> 1;
}

}  // namespace

SortWords SortWordsOf(const Vector& column, size_t rows, bool descending) {
  SortWords out;
  out.words.assign(rows, kLast);
  out.exact = column.type().physical() == Physical::kU8;
  switch (column.type().physical()) {
    case Physical::kU8:
      FillWords<uint8_t>(
          column, [](uint8_t value) { return uint64_t{value}; }, &out.words);
      break;
    case Physical::kI64: {
      const uint64_t flip = column.type().kind() == TypeKind::kUInt64 ? 0 : kSign;
      FillWords<int64_t>(
          column, [flip](int64_t value) { return (static_cast<uint64_t>(value) ^ flip) >> 1; },
          &out.words);
      break;
    }
    case Physical::kF64:
      FillWords<double>(column, DoublePrefix, &out.words);
      break;
    case Physical::kString:
      FillWords<std::string_view>(
          column, [](std::string_view text) { return StringPrefix(text) >> 1; }, &out.words);
      break;
    default:
      for (size_t i = 0; i < rows; ++i) out.words[i] = column.IsNull(i) ? kLast : 0;
  }
  if (!descending) return out;
  for (uint64_t& word : out.words) word = word == kLast ? kLast : ~word & ~kSign;
  return out;
}

int CompareValues(const Vector& a, size_t row_a, const Vector& b, size_t row_b, bool descending) {
  const bool null_a = a.IsNull(row_a);
  const bool null_b = b.IsNull(row_b);
  if (null_a || null_b) return null_a == null_b ? 0 : null_a ? 1 : -1;
  const Vector& x = a.form() == Vector::Form::kDictionary ? *a.dictionary() : a;
  const Vector& y = b.form() == Vector::Form::kDictionary ? *b.dictionary() : b;
  const size_t at_x = a.Position(row_a);
  const size_t at_y = b.Position(row_b);
  const bool nan_a = IsNanAt(x, at_x);
  const bool nan_b = IsNanAt(y, at_y);
  if (nan_a || nan_b) return nan_a == nan_b ? 0 : nan_a ? 1 : -1;
  const int order = CompareFlat(x, at_x, y, at_y);
  return descending ? -order : order;
}

int CompareRows(const Batch& a, size_t row_a, const Batch& b, size_t row_b,
                const std::vector<SortKey>& keys) {
  for (const SortKey& key : keys) {
    const int order =
        CompareValues(a.columns[key.column], row_a, b.columns[key.column], row_b, key.descending);
    if (order != 0) return order;
  }
  return 0;
}

std::vector<uint32_t> SortedRows(const Batch& batch, const std::vector<SortKey>& keys,
                                 size_t limit) {
  std::vector<uint32_t> rows(batch.rows);
  std::iota(rows.begin(), rows.end(), 0);
  if (keys.empty()) return rows;
  const SortWords first =
      SortWordsOf(batch.columns[keys[0].column], batch.rows, keys[0].descending);
  const auto less = [&](uint32_t a, uint32_t b) {
    if (first.words[a] != first.words[b]) return first.words[a] < first.words[b];
    if (!first.exact || keys.size() > 1) {
      const int order = CompareRows(batch, a, batch, b, keys);
      if (order != 0) return order < 0;
    }
    return a < b;  // stable
  };
  if (limit < rows.size()) {
    std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(limit), rows.end(),
                      less);
    rows.resize(limit);
  } else {
    std::sort(rows.begin(), rows.end(), less);
  }
  return rows;
}

}  // namespace hoglet
