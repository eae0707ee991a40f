#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace hoglet {

// Rows that are no longer there: an immutable set of row numbers in pages, so that a changed copy
// shares every page it does not touch. A null RowMask pointer is the empty set.
class RowMask {
 public:
  static constexpr uint32_t kPageRows = 8192;

  // `base` (may be null) with `rows` added.
  static std::shared_ptr<const RowMask> With(const RowMask* base, std::span<const uint32_t> rows);

  bool Contains(uint32_t row) const {
    const size_t page = row / kPageRows;
    return page < pages_.size() && pages_[page] != nullptr &&
           ((*pages_[page])[row % kPageRows / 64] >> (row % 64) & 1) != 0;
  }
  // Whether any row of [begin, end) is in.
  bool IntersectsRange(uint32_t begin, uint32_t end) const;
  uint32_t count() const { return count_; }
  // Ascending.
  std::vector<uint32_t> Rows() const;

 private:
  using Page = std::array<uint64_t, kPageRows / 64>;
  std::vector<std::shared_ptr<const Page>> pages_;
  uint32_t count_ = 0;
};

}  // namespace hoglet
