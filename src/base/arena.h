#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace hoglet {

// Bump allocator for bytes that live and die together (one request, one batch). Reset() keeps the
// largest block, so a reused arena settles at no allocation at all. Not thread-safe; memory is
// uninitialised and aligned to 8 bytes.
class Arena {
 public:
  explicit Arena(size_t block_bytes = 4096) : block_bytes_(block_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Valid until Reset() or destruction. `bytes` may be 0.
  char* Allocate(size_t bytes);
  std::string_view Copy(std::string_view text);
  // Gives back the tail of the latest Allocate(): only its first `used` of `allocated` bytes stay.
  void ShrinkLast(size_t allocated, size_t used);

  // Invalidates everything handed out.
  void Reset();

  // Bytes handed out since the last Reset(), alignment included; the memory held is
  // `bytes_reserved`.
  size_t bytes_used() const { return bytes_used_; }
  size_t bytes_reserved() const { return bytes_reserved_; }

 private:
  struct Block {
    std::unique_ptr<char[]> data;
    size_t bytes;
  };

  size_t block_bytes_;
  std::vector<Block> blocks_;
  char* cursor_ = nullptr;
  size_t left_ = 0;
  size_t bytes_used_ = 0;
  size_t bytes_reserved_ = 0;
};

}  // namespace hoglet
