#include "src/base/arena.h"

#include <algorithm>
#include <cstring>

#include "include/hoglet/status.h"

namespace hoglet {
namespace {

constexpr size_t kAlignment = 8;
constexpr size_t kBlockBytesMax = 1 << 20;

size_t RoundUp(size_t bytes) { return (bytes + kAlignment - 1) & ~(kAlignment - 1); }

}  // namespace

char* Arena::Allocate(size_t bytes) {
  const size_t rounded = std::max(RoundUp(bytes), kAlignment);
  if (rounded > left_) {
    size_t block_bytes = block_bytes_;
    if (!blocks_.empty()) block_bytes = std::min(blocks_.back().bytes * 2, kBlockBytesMax);
    block_bytes = std::max(block_bytes, rounded);
    blocks_.push_back({std::unique_ptr<char[]>(new char[block_bytes]), block_bytes});
    bytes_reserved_ += block_bytes;
    cursor_ = blocks_.back().data.get();
    left_ = block_bytes;
  }
  char* result = cursor_;
  cursor_ += rounded;
  left_ -= rounded;
  bytes_used_ += rounded;
  return result;
}

std::string_view Arena::Copy(std::string_view text) {
  if (text.empty()) return {};
  char* to = Allocate(text.size());
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

void Arena::ShrinkLast(size_t allocated, size_t used) {
  HOGLET_ASSERT(used <= allocated);
  const size_t back =
      std::max(RoundUp(allocated), kAlignment) - std::max(RoundUp(used), kAlignment);
  cursor_ -= back;
  left_ += back;
  bytes_used_ -= back;
}

void Arena::Reset() {
  bytes_used_ = 0;
  if (blocks_.empty()) return;
  auto largest = std::max_element(blocks_.begin(), blocks_.end(),
                                  [](const Block& a, const Block& b) { return a.bytes < b.bytes; });
  Block kept = std::move(*largest);
  blocks_.clear();
  blocks_.push_back(std::move(kept));
  cursor_ = blocks_.back().data.get();
  left_ = bytes_reserved_ = blocks_.back().bytes;
}

}  // namespace hoglet
