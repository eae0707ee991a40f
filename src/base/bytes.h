#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

// Little-endian and varint coding of the on-disk formats. Readers never read past their end and say
// so by returning false.

namespace hoglet {

static_assert(std::endian::native == std::endian::little, "on-disk formats are little-endian");

template <typename T>
inline T LoadLittle(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <typename T>
inline void StoreLittle(char* to, T value) {
  std::memcpy(to, &value, sizeof(value));
}

// Whether two texts of that length are equal; faster than memcmp() for short ones.
inline bool SameBytes(const char* a, const char* b, size_t bytes) {
  if (bytes > 16) return std::memcmp(a, b, bytes) == 0;
  // Two words that overlap in the middle.
  const auto same = [=]<typename Word>(Word) {
    return ((LoadLittle<Word>(a) ^ LoadLittle<Word>(b)) |
            (LoadLittle<Word>(a + bytes - sizeof(Word)) ^
             LoadLittle<Word>(b + bytes - sizeof(Word)))) == 0;
  };
  if (bytes >= 8) return same(uint64_t{});
  if (bytes >= 4) return same(uint32_t{});
  for (size_t i = 0; i < bytes; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}
inline bool SameText(std::string_view a, std::string_view b) {
  return a.size() == b.size() && SameBytes(a.data(), b.data(), a.size());
}

template <typename T>
inline void PutLittle(std::string* out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

// LEB128, at most 10 bytes.
inline void PutVarint(std::string* out, uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

inline size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++bytes;
  }
  return bytes;
}

// Varint length, then the bytes.
inline void PutString(std::string* out, std::string_view text) {
  PutVarint(out, text.size());
  out->append(text);
}

// Reads from a view front to back. After a false return the position is unspecified.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}

  template <typename T>
  bool GetLittle(T* value) {
    if (left_.size() < sizeof(T)) return false;
    std::memcpy(value, left_.data(), sizeof(T));
    left_.remove_prefix(sizeof(T));
    return true;
  }

  // Refuses encodings longer than needed, so that every value has one form.
  bool GetVarint(uint64_t* value) {
    uint64_t result = 0;
    for (size_t i = 0; i < left_.size() && i < 10; ++i) {
      const auto byte = static_cast<uint8_t>(left_[i]);
      if (i == 9 && byte > 1) return false;
      result |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        if (byte == 0 && i > 0) return false;
        left_.remove_prefix(i + 1);
        *value = result;
        return true;
      }
    }
    return false;
  }

  bool GetBytes(size_t bytes, std::string_view* value) {
    if (left_.size() < bytes) return false;
    *value = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return true;
  }

  bool GetString(std::string_view* value) {
    uint64_t bytes = 0;
    return GetVarint(&bytes) && GetBytes(bytes, value);
  }

  std::string_view left() const { return left_; }
  bool empty() const { return left_.empty(); }

 private:
  std::string_view left_;
};

}  // namespace hoglet
