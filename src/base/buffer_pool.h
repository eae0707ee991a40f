#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace hoglet {

// Large buffers that go from owner to owner: memory fresh from the system costs more than what is
// written into it. What is more than the pool may keep is freed. Thread-safe.
class BufferPool {
 public:
  // Of the process: request bodies and appends to the log, at most 16 MiB while nobody has them.
  static BufferPool* Default();

  explicit BufferPool(size_t bytes_max) : bytes_max_(bytes_max) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // A capacity of at least `bytes`, and less than twice that if the buffer had another owner. It
  // comes with the size and content that its last owner left: bytes that need no filling again.
  std::string Take(size_t bytes);
  // Small ones are freed: to allocate them is cheap.
  void Give(std::string buffer);

  // Kept at the moment.
  size_t bytes() const;

 private:
  const size_t bytes_max_;
  mutable std::mutex mutex_;
  std::vector<std::string> buffers_;  // guarded by mutex_, the latest last
  size_t bytes_ = 0;                  // guarded by mutex_
};

}  // namespace hoglet
