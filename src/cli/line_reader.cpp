#include "src/cli/line_reader.h"

#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <cstring>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr size_t kBufferBytes = 256 << 10;

// Stored bytes, in order.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual absl::StatusOr<std::string_view> Next() = 0;  // empty at the end
  virtual uint64_t total() const = 0;
};

class FileSource final : public ByteSource {
 public:
  FileSource(std::unique_ptr<ReadableFile> file, uint64_t bytes)
      : file_(std::move(file)), bytes_(bytes), buffer_(kBufferBytes, '\0') {}

  absl::StatusOr<std::string_view> Next() override {
    HOGLET_ASSIGN_OR_RETURN(std::string_view bytes,
                            file_->Read(offset_, buffer_.size(), buffer_.data()));
    offset_ += bytes.size();
    return bytes;
  }
  uint64_t total() const override { return bytes_; }

 private:
  std::unique_ptr<ReadableFile> file_;
  uint64_t bytes_;
  uint64_t offset_ = 0;
  std::string buffer_;
};

class StdinSource final : public ByteSource {
 public:
  StdinSource() : buffer_(kBufferBytes, '\0') {}

  absl::StatusOr<std::string_view> Next() override {
    const size_t count = std::fread(buffer_.data(), 1, buffer_.size(), stdin);
    if (count == 0 && std::ferror(stdin))
      return absl::UnavailableError("standard input: read failed");
    return std::string_view(buffer_.data(), count);
  }
  uint64_t total() const override { return 0; }

 private:
  std::string buffer_;
};

// Stored bytes to text. Feed() appends what it makes of `in` to `out`.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual absl::Status Feed(std::string_view in, std::string* out) = 0;
  virtual absl::Status Finish() = 0;
};

class PlainDecoder final : public Decoder {
 public:
  absl::Status Feed(std::string_view in, std::string* out) override {
    out->append(in);
    return absl::OkStatus();
  }
  absl::Status Finish() override { return absl::OkStatus(); }
};

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() { HOGLET_ASSERT(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK); }
  ~GzipDecoder() override { inflateEnd(&stream_); }

  absl::Status Feed(std::string_view in, std::string* out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    while (stream_.avail_in > 0) {
      // Several gzip members may follow one another.
      if (ended_) inflateReset(&stream_);
      ended_ = false;
      const size_t had = out->size();
      out->resize(had + kBufferBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out->data() + had);
      stream_.avail_out = kBufferBytes;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      out->resize(had + kBufferBytes - stream_.avail_out);
      if (result == Z_STREAM_END) {
        ended_ = true;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return absl::DataLossError("damaged gzip data");
      }
    }
    return absl::OkStatus();
  }
  absl::Status Finish() override {
    return ended_ ? absl::OkStatus() : absl::DataLossError("gzip data ends too early");
  }

 private:
  z_stream stream_ = {};
  bool ended_ = false;
};

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream()) { HOGLET_ASSERT(stream_ != nullptr); }
  ~ZstdDecoder() override { ZSTD_freeDStream(stream_); }

  absl::Status Feed(std::string_view in, std::string* out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    bool full = false;
    while (input.pos < input.size || full) {
      const size_t had = out->size();
      out->resize(had + kBufferBytes);
      ZSTD_outBuffer output{out->data() + had, kBufferBytes, 0};
      pending_ = ZSTD_decompressStream(stream_, &output, &input);
      out->resize(had + output.pos);
      if (ZSTD_isError(pending_))
        return absl::DataLossError(StrCat("damaged zstd data: ", ZSTD_getErrorName(pending_)));
      full = output.pos == output.size;
    }
    return absl::OkStatus();
  }
  absl::Status Finish() override {
    return pending_ == 0 ? absl::OkStatus() : absl::DataLossError("zstd data ends too early");
  }

 private:
  ZSTD_DStream* stream_;
  size_t pending_ = 0;
};

std::unique_ptr<Decoder> DecoderFor(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b")) return std::make_unique<GzipDecoder>();
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return std::make_unique<ZstdDecoder>();
  return std::make_unique<PlainDecoder>();
}

class LineReaderImpl final : public LineReader {
 public:
  explicit LineReaderImpl(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  absl::StatusOr<bool> Next(std::string* line) override {
    while (true) {
      const size_t end = text_.find('\n', scanned_);
      if (end != std::string::npos) {
        Take(end, line);
        return true;
      }
      scanned_ = text_.size();
      if (scanned_ - at_ > kLineBytesMax) {
        return absl::ResourceExhaustedError(
            StrCat("line ", line_number_ + 1, ": longer than ", kLineBytesMax, " bytes"));
      }
      if (ended_) {
        if (at_ == text_.size()) return false;
        Take(text_.size(), line);
        return true;
      }
      HOGLET_RETURN_IF_ERROR(Fill());
    }
  }
  uint64_t line_number() const override { return line_number_; }
  uint64_t bytes_read() const override { return bytes_read_; }
  uint64_t bytes_total() const override { return source_->total(); }

 private:
  void Take(size_t end, std::string* line) {
    line->assign(text_, at_, end - at_);
    if (line->ends_with('\r')) line->pop_back();
    at_ = std::min(end + 1, text_.size());
    scanned_ = at_;
    ++line_number_;
  }

  absl::Status Fill() {
    text_.erase(0, at_);
    scanned_ -= at_;
    at_ = 0;
    HOGLET_ASSIGN_OR_RETURN(std::string_view bytes, source_->Next());
    bytes_read_ += bytes.size();
    absl::Status status;
    if (bytes.empty()) {
      ended_ = true;
      if (decoder_ != nullptr) status = decoder_->Finish();
    } else {
      if (decoder_ == nullptr) decoder_ = DecoderFor(bytes);
      status = decoder_->Feed(bytes, &text_);
    }
    if (status.ok()) return status;
    return absl::Status(status.code(),
                        StrCat("after line ", line_number_, ": ", FromAbsl(status.message())));
  }

  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<Decoder> decoder_;
  std::string text_;
  size_t at_ = 0;
  size_t scanned_ = 0;
  bool ended_ = false;
  uint64_t line_number_ = 0;
  uint64_t bytes_read_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LineReader>> LineReader::Open(Env* env, const std::string& path) {
  if (path == "-") return std::make_unique<LineReaderImpl>(std::make_unique<StdinSource>());
  HOGLET_ASSIGN_OR_RETURN(auto file, env->OpenForRead(path));
  HOGLET_ASSIGN_OR_RETURN(uint64_t bytes, file->Size());
  return std::make_unique<LineReaderImpl>(std::make_unique<FileSource>(std::move(file), bytes));
}

}  // namespace hoglet
