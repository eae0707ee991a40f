// The tables under the interners.

#include <algorithm>
#include <bit>

#include "query/exec/interner.h"

namespace hoglet {
namespace {

// An array of pairs has at most as many cells as the first, or as the second a pair seen: little
// more room than a hash table would take.
constexpr size_t kPairCellsMin = 1 << 20;
constexpr size_t kCellsPerPairMax = 32;

}  // namespace

void PairInterner::Fit(const Limits& limits) {
  const int right_bits =
      std::max<int>(right_bits_, std::bit_width(std::max<size_t>(limits.right, 1) - 1));
  const size_t cells = limits.left << right_bits;
  if (limits.left > UINT32_MAX >> right_bits ||
      cells > std::max(kPairCellsMin, kCellsPerPairMax * size_)) {
    is_array_ = false;
    for (const uint64_t pair : pairs_) hashed_.Intern(pair);
    cells_ = {};
    pairs_ = {};
    return;
  }
  if (right_bits != right_bits_) {
    right_bits_ = right_bits;
    cells_.assign(cells, kNoId);
    for (size_t id = 0; id < size_; ++id) cells_[CellOf(pairs_[id])] = static_cast<uint32_t>(id);
  } else if (cells > cells_.size()) {
    cells_.resize(cells, kNoId);
  }
}

void PairInterner::Intern(const Limits& limits, const uint32_t* right, size_t rows,
                          uint32_t* left) {
  if (is_array_) Fit(limits);
  if (is_array_) {
    pairs_.resize(size_ + rows);
    uint64_t* pairs = pairs_.data();
    uint32_t* cells = cells_.data();
    size_t size = size_;
    for (size_t i = 0; i < rows; ++i) {
      if (left[i] == kNoId || right[i] == kNoId) {
        left[i] = kNoId;
        continue;
      }
      // Which pairs are new follows no pattern: no jump.
      const uint64_t pair = PairOf(left[i], right[i]);
      uint32_t& cell = cells[CellOf(pair)];
      const bool is_new = cell == kNoId;
      pairs[size] = pair;
      cell = Choose(is_new, static_cast<uint32_t>(size), cell);
      size += is_new;
      left[i] = cell;
    }
    size_ = size;
    pairs_.resize(size);
    return;
  }
  for (size_t i = 0; i < rows; ++i) {
    if (i + kInternAhead < rows)
      hashed_.Prefetch(PairOf(left[i + kInternAhead], right[i + kInternAhead]));
    const bool known = left[i] != kNoId && right[i] != kNoId;
    left[i] = known ? hashed_.Intern(PairOf(left[i], right[i])) : kNoId;
  }
  size_ = hashed_.size();
}

uint32_t PairInterner::Find(uint32_t left, uint32_t right) const {
  const uint64_t pair = PairOf(left, right);
  if (!is_array_) return hashed_.Find(pair);
  // Ids that came after the array was fitted are in no pair.
  if (right >> right_bits_ != 0) return kNoId;
  const size_t cell = CellOf(pair);
  return cell < cells_.size() ? cells_[cell] : kNoId;
}

void TextInterner::Rebuild(size_t slots) {
  std::vector<Slot>(slots).swap(slots_);
  const size_t taken = texts_.size();
  for (size_t id = 0; id < taken; ++id) {
    if (id + kInternAhead < taken)
      __builtin_prefetch(&slots_[hashes_[id + kInternAhead] & Mask()], 1);
    if (without_slot_.has_value() && id == *without_slot_) continue;
    size_t at = hashes_[id] & Mask();
    while (slots_[at].id != kNoId) at = (at + 1) & Mask();
    slots_[at] = {TagOf(hashes_[id]), static_cast<uint32_t>(id)};
  }
}

void TextInterner::Index() {
  used_ = texts_.size() - without_slot_.has_value();
  for (size_t id = 0; id < texts_.size(); ++id) {
    if (id + kInternAhead < texts_.size()) __builtin_prefetch(texts_[id + kInternAhead].data());
    hashes_[id] = FastHash64(texts_[id]);
  }
  Rebuild(std::max(slots_.size(), std::bit_ceil(2 * used_ + 1)));
}

}  // namespace hoglet
