#include "storage/row_mask.h"

namespace hoglet {

std::shared_ptr<const RowMask> RowMask::With(const RowMask* base, std::span<const uint32_t> rows) {
  auto mask = base == nullptr ? std::make_shared<RowMask>() : std::make_shared<RowMask>(*base);
  // Pages copied for this change, by number; a page is copied once.
  std::vector<std::shared_ptr<Page>> own(mask->pages_.size());
  for (const uint32_t row : rows) {
    const size_t page = row / kPageRows;
    if (page >= mask->pages_.size()) {
      mask->pages_.resize(page + 1);
      own.resize(page + 1);
    }
    if (own[page] == nullptr) {
      own[page] = mask->pages_[page] == nullptr ? std::make_shared<Page>()
                                                : std::make_shared<Page>(*mask->pages_[page]);
      mask->pages_[page] = own[page];
    }
    uint64_t& word = (*own[page])[row % kPageRows / 64];
    const uint64_t bit = uint64_t{1} << (row % 64);
    mask->count_ += (word & bit) == 0 ? 1 : 0;
    word |= bit;
  }
  return mask;
}

bool RowMask::IntersectsRange(uint32_t begin, uint32_t end) const {
  for (uint32_t row = begin; row < end;) {
    const size_t page = row / kPageRows;
    if (page >= pages_.size()) return false;
    if (pages_[page] == nullptr) {
      row = static_cast<uint32_t>((page + 1) * kPageRows);
      continue;
    }
    const uint64_t word = (*pages_[page])[row % kPageRows / 64] >> (row % 64);
    if (word == 0) {
      row += 64 - row % 64;
      continue;
    }
    return row + static_cast<uint32_t>(std::countr_zero(word)) < end;
  }
  return false;
}

std::vector<uint32_t> RowMask::Rows() const {
  std::vector<uint32_t> rows;
  rows.reserve(count_);
  for (size_t page = 0; page < pages_.size(); ++page) {
    if (pages_[page] == nullptr) continue;
    for (size_t word = 0; word < pages_[page]->size(); ++word) {
      for (uint64_t bits = (*pages_[page])[word]; bits != 0; bits &= bits - 1) {
        rows.push_back(static_cast<uint32_t>(page * kPageRows + word * 64 +
                                             static_cast<size_t>(std::countr_zero(bits))));
      }
    }
  }
  return rows;
}

}  // namespace hoglet
