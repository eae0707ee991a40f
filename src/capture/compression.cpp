#include "src/capture/compression.h"

#include <brotli/decode.h>
#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/utf8.h"

namespace hoglet {
namespace {

constexpr size_t kSpareBytes = 64;
// No deflate stream expands more than this; so a forged length cannot ask for memory that its bytes
// cannot fill.
constexpr uint64_t kDeflateRatioMax = 1032;

absl::Status TooLarge(uint64_t bytes_max) {
  return absl::OutOfRangeError("decompressed body exceeds limit of " + std::to_string(bytes_max) +
                               " bytes");
}

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* decompressor) const {
    libdeflate_free_decompressor(decompressor);
  }
};

libdeflate_decompressor* ThreadDecompressor() {
  thread_local std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
      libdeflate_alloc_decompressor());
  HOGLET_ASSERT(decompressor != nullptr);
  return decompressor.get();
}

using Inflate = libdeflate_result (*)(libdeflate_decompressor*, const void*, size_t, void*, size_t,
                                      size_t*, size_t*);

// Appends one member to `out`; `used` gets its length in `bytes`. `guess` is where the search for a
// large enough buffer begins.
absl::Status InflateMember(Inflate inflate, std::string_view bytes, uint64_t guess,
                           uint64_t bytes_max, size_t* used, std::string* out) {
  const size_t before = out->size();
  const uint64_t room_max = std::min(bytes_max - before, bytes.size() * kDeflateRatioMax);
  uint64_t room = std::clamp<uint64_t>(guess, std::min<uint64_t>(room_max, 4096), room_max);
  while (true) {
    out->reserve(before + room + kSpareBytes);
    out->resize(before + room);
    size_t produced = 0;
    const libdeflate_result result = inflate(ThreadDecompressor(), bytes.data(), bytes.size(),
                                             out->data() + before, room, used, &produced);
    if (result == LIBDEFLATE_SUCCESS) {
      out->resize(before + produced);
      return absl::OkStatus();
    }
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE) {
      return absl::InvalidArgumentError("not a sound deflate stream");
    }
    if (room >= room_max) return TooLarge(bytes_max);
    room = std::min(room_max, room * 4);
  }
}

// Bits of an lz-string text, six a character, the first the highest.
class LzBits {
 public:
  explicit LzBits(std::string_view text) : text_(text) {}

  // False at the end of the text or at a character that is none of the alphabet.
  bool Read(int count, uint32_t* value) {
    *value = 0;
    for (int i = 0; i < count; ++i) {
      if (mask_ == 0) {
        if (position_ >= text_.size()) return false;
        current_ = DigitOf(text_[position_++]);
        if (current_ < 0) return false;
        mask_ = 32;
      }
      if ((current_ & mask_) != 0) *value |= uint32_t{1} << i;
      mask_ >>= 1;
    }
    return true;
  }

 private:
  static int DigitOf(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    if (c == '=') return 64;
    return -1;
  }

  std::string_view text_;
  size_t position_ = 0;
  int current_ = 0;
  int mask_ = 0;
};

absl::StatusOr<std::string> Utf16ToUtf8(const std::u16string& units) {
  std::string out;
  out.reserve(units.size() * 3 / 2 + kSpareBytes);
  for (size_t i = 0; i < units.size(); ++i) {
    uint32_t code_point = units[i];
    if (code_point >= 0xd800 && code_point < 0xe000) {
      const bool paired = code_point < 0xdc00 && i + 1 < units.size() && units[i + 1] >= 0xdc00 &&
                          units[i + 1] < 0xe000;
      if (!paired) return absl::DataLossError("half a surrogate pair");
      code_point = 0x10000 + ((code_point - 0xd800) << 10) + (units[++i] - 0xdc00u);
    }
    AppendUtf8(code_point, &out);
  }
  out.reserve(out.size() + kSpareBytes);
  return out;
}

// lz-string is LZ78: each dictionary entry is a stretch of the output itself, so it is kept as a
// place and a length there.
class LzDecoder {
 public:
  LzDecoder(std::string_view text, uint64_t units_max) : bits_(text), units_max_(units_max) {}

  absl::Status Decode() {
    uint32_t code = 0;
    if (!bits_.Read(2, &code)) return Damaged();
    if (code == kEnd) return absl::OkStatus();
    uint32_t unit = 0;
    if (code > 1 || !bits_.Read(code == kByte ? 8 : 16, &unit)) return Damaged();
    entries_.assign({{}, {}, {}, {0, 1}});
    output_.push_back(static_cast<char16_t>(unit));
    Entry last{0, 1};
    while (true) {
      if (!bits_.Read(code_bits_, &code)) return Damaged();
      if (code == kEnd) return absl::OkStatus();
      const auto begin = static_cast<uint32_t>(output_.size());
      Entry entry{begin, 1};
      if (code == kByte || code == kPair) {
        if (!bits_.Read(code == kByte ? 8 : 16, &unit)) return Damaged();
        output_.push_back(static_cast<char16_t>(unit));
        AddEntry(entry);
      } else if (code < entries_.size()) {
        entry = {begin, entries_[code].length};
        CopyEntry(entries_[code]);
      } else if (code == entries_.size()) {
        entry = {begin, last.length + 1};
        CopyEntry(last);
        output_.push_back(output_[last.begin]);
      } else {
        return Damaged();
      }
      if (output_.size() > units_max_) return TooLarge(units_max_);
      AddEntry({last.begin, last.length + 1});
      last = entry;
    }
  }

  const std::u16string& output() const { return output_; }

 private:
  struct Entry {
    uint32_t begin = 0;
    uint32_t length = 0;
  };
  static constexpr uint32_t kByte = 0;
  static constexpr uint32_t kPair = 1;
  static constexpr uint32_t kEnd = 2;

  static absl::Status Damaged() { return absl::InvalidArgumentError("not lz-string data"); }

  void AddEntry(Entry entry) {
    entries_.push_back(entry);
    if (--until_wider_ == 0) until_wider_ = uint64_t{1} << code_bits_++;
  }

  void CopyEntry(Entry entry) {
    for (uint32_t i = 0; i < entry.length; ++i) output_.push_back(output_[entry.begin + i]);
  }

  LzBits bits_;
  const uint64_t units_max_;
  std::u16string output_;
  std::vector<Entry> entries_;
  uint64_t until_wider_ = 4;
  int code_bits_ = 3;
};

}  // namespace

absl::StatusOr<std::string> DecompressGzip(std::string_view bytes, uint64_t bytes_max) {
  std::string out;
  while (true) {
    if (bytes.size() < 18) return absl::InvalidArgumentError("gzip data too short");
    // The last four bytes hold the length of the last member, modulo 2^32: right nearly always, and
    // only a guess.
    const uint64_t guess = LoadLittle<uint32_t>(bytes.data() + bytes.size() - 4);
    size_t used = 0;
    HOGLET_RETURN_IF_ERROR(
        InflateMember(libdeflate_gzip_decompress_ex, bytes, guess, bytes_max, &used, &out));
    bytes.remove_prefix(used);
    if (!bytes.starts_with("\x1f\x8b\x08")) return out;
  }
}

absl::StatusOr<std::string> DecompressZlib(std::string_view bytes, uint64_t bytes_max) {
  std::string out;
  size_t used = 0;
  HOGLET_RETURN_IF_ERROR(InflateMember(libdeflate_zlib_decompress_ex, bytes, bytes.size() * 8,
                                       bytes_max, &used, &out));
  return out;
}

absl::StatusOr<std::string> DecompressBrotli(std::string_view bytes, uint64_t bytes_max) {
  std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  HOGLET_ASSERT(state != nullptr);
  std::string out;
  size_t in_left = bytes.size();
  const auto* in = reinterpret_cast<const uint8_t*>(bytes.data());
  while (true) {
    size_t out_left = 0;
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(state.get(), &in_left, &in, &out_left, nullptr, nullptr);
    while (BrotliDecoderHasMoreOutput(state.get())) {
      size_t size = 0;
      const uint8_t* piece = BrotliDecoderTakeOutput(state.get(), &size);
      if (out.size() + size > bytes_max) return TooLarge(bytes_max);
      out.append(reinterpret_cast<const char*>(piece), size);
    }
    if (result == BROTLI_DECODER_RESULT_SUCCESS) break;
    if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
      return absl::InvalidArgumentError("not a sound brotli stream");
    }
  }
  out.reserve(out.size() + kSpareBytes);
  return out;
}

absl::StatusOr<std::string> DecompressZstd(std::string_view bytes, uint64_t bytes_max) {
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  HOGLET_ASSERT(context != nullptr);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 26);
  std::string out;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::vector<char> piece(ZSTD_DStreamOutSize());
  size_t pending = 1;
  while (true) {
    ZSTD_outBuffer target{piece.data(), piece.size(), 0};
    pending = ZSTD_decompressStream(context.get(), &target, &in);
    if (ZSTD_isError(pending)) return absl::InvalidArgumentError("not a sound zstd stream");
    if (out.size() + target.pos > bytes_max) return TooLarge(bytes_max);
    out.append(piece.data(), target.pos);
    // A finished frame at the end of the input ends it, even with the output exactly full: one more
    // call would begin a new frame.
    if (in.pos == in.size && (pending == 0 || target.pos < target.size)) break;
  }
  if (pending != 0) return absl::InvalidArgumentError("the zstd stream is cut short");
  out.reserve(out.size() + kSpareBytes);
  return out;
}

absl::StatusOr<std::string> DecompressLz64(std::string_view text, uint64_t bytes_max) {
  // A unit of UTF-16 is at least a byte of UTF-8.
  LzDecoder decoder(text, bytes_max);
  HOGLET_RETURN_IF_ERROR(decoder.Decode());
  HOGLET_ASSIGN_OR_RETURN(std::string out, Utf16ToUtf8(decoder.output()));
  if (out.size() > bytes_max) return TooLarge(bytes_max);
  return out;
}

}  // namespace hoglet
