#include "src/base/buffer_pool.h"

#include <algorithm>
#include <utility>

namespace hoglet {
namespace {

constexpr size_t kDefaultBytesMax = 16 << 20;
constexpr size_t kBufferBytesMin = 64 << 10;
constexpr size_t kBufferBytesMax = 4 << 20;

}  // namespace

BufferPool* BufferPool::Default() {
  static BufferPool pool(kDefaultBytesMax);
  return &pool;
}

std::string BufferPool::Take(size_t bytes) {
  std::string buffer;
  if (bytes >= kBufferBytesMin) {
    std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(buffers_.rbegin(), buffers_.rend(), [bytes](const std::string& kept) {
          return kept.capacity() >= bytes && kept.capacity() / 2 < bytes;
        });
    if (found != buffers_.rend()) {
      buffer = std::move(*found);
      buffers_.erase(std::next(found).base());
      bytes_ -= buffer.capacity();
    }
  }
  if (buffer.capacity() < bytes) buffer.reserve(bytes);
  return buffer;
}

void BufferPool::Give(std::string buffer) {
  const size_t bytes = buffer.capacity();
  if (bytes < kBufferBytesMin || bytes > kBufferBytesMax) return;
  std::vector<std::string> freed;
  std::lock_guard lock(mutex_);
  buffers_.push_back(std::move(buffer));
  bytes_ += bytes;
  // The oldest go first, so that sizes nobody asks for any more do not stay.
  size_t count = 0;
  for (; bytes_ > bytes_max_; ++count) bytes_ -= buffers_[count].capacity();
  const auto end = buffers_.begin() + static_cast<ptrdiff_t>(count);
  freed.assign(std::make_move_iterator(buffers_.begin()), std::make_move_iterator(end));
  buffers_.erase(buffers_.begin(), end);
}

size_t BufferPool::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace hoglet
