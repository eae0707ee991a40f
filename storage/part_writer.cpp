#include "storage/part_writer.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "absl/container/flat_hash_map.h"
#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/hash.h"
#include "src/base/strings.h"
#include "storage/bloom.h"

namespace hoglet {

namespace {

constexpr size_t kWriteBufferBytes = 1 << 20;
constexpr size_t kDictionaryBytesMax = 16 << 20;
constexpr int kKeyFilterBits = 16;
constexpr int kGranuleFilterBits = 10;

// The distinct values of a column, sorted, with codes by value. T: std::string_view or Int128.
template <typename T>
class DictionaryBuilder {
 public:
  explicit DictionaryBuilder(size_t entries_max) : entries_max_(entries_max) {}

  // False once there are too many.
  bool Add(const Vector& chunk) {
    const T* values = chunk.data<T>();
    const uint64_t* validity = chunk.validity();
    for (size_t row = 0; row < chunk.size(); ++row) {
      if (validity != nullptr && !BitIsSet(validity, row)) continue;
      ++values_seen_;
      if (codes_.contains(values[row])) continue;
      if (codes_.size() >= entries_max_ || bytes_ > kDictionaryBytesMax) return false;
      codes_.emplace(Keep(values[row]), 0);
    }
    return true;
  }

  bool IsWorthwhile() const { return !codes_.empty() && codes_.size() * 2 < values_seen_ + 1; }

  Vector Finish(const Type& type) {
    std::vector<T> sorted;
    sorted.reserve(codes_.size());
    for (const auto& [value, code] : codes_) sorted.push_back(value);
    std::sort(sorted.begin(), sorted.end());
    Vector values = Vector::Flat(type, sorted.size());
    for (size_t i = 0; i < sorted.size(); ++i) {
      codes_[sorted[i]] = static_cast<uint32_t>(i);
      values.mutable_data<T>()[i] = sorted[i];
    }
    return values;
  }

  std::vector<uint32_t> Codes(const Vector& chunk) const {
    std::vector<uint32_t> codes(chunk.size() + 1, 0);
    const T* values = chunk.data<T>();
    const uint64_t* validity = chunk.validity();
    for (size_t row = 0; row < chunk.size(); ++row) {
      if (validity == nullptr || BitIsSet(validity, row)) codes[row] = codes_.at(values[row]);
    }
    return codes;
  }

 private:
  std::string_view Keep(std::string_view value) {
    bytes_ += value.size();
    return heap_.Add(value);
  }
  Int128 Keep(Int128 value) { return value; }

  size_t entries_max_;
  size_t values_seen_ = 0;
  size_t bytes_ = 0;
  std::conditional_t<std::is_same_v<T, Int128>, absl::flat_hash_map<Int128, uint32_t, WideHash>,
                     StringMap<std::string_view, uint32_t>>
      codes_;
  StringHeap heap_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PartWriter>> PartWriter::Create(Env* env, const std::string& path) {
  std::unique_ptr<PartWriter> writer(new PartWriter());
  HOGLET_ASSIGN_OR_RETURN(writer->file_, env->OpenForWrite(path, Env::OpenMode::kTruncate));
  std::string header;
  PutLittle(&header, kPartMagic);
  HOGLET_RETURN_IF_ERROR(writer->Append(header));
  return writer;
}

absl::Status PartWriter::Append(std::string_view bytes) {
  buffer_.append(bytes);
  bytes_ += bytes.size();
  if (buffer_.size() < kWriteBufferBytes) return absl::OkStatus();
  HOGLET_RETURN_IF_ERROR(file_->Append(buffer_));
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status PartWriter::AddEncoded(EncodedChunk chunk, ChunkMeta* meta) {
  *meta = chunk.meta;
  return Append(chunk.stored);
}

namespace {

// Everything that differs between the two kinds of dictionary; `codes` is null if the column gets
// none.
struct ChunkCoder {
  std::function<absl::StatusOr<EncodedChunk>(const Vector&)> encode;
  std::optional<Vector> dictionary;
  std::shared_ptr<void> keep;
};

template <typename T>
absl::StatusOr<bool> FindDictionary(std::span<const uint32_t> begin, Compression compression,
                                    const PartWriter::ChunkSource& source, ChunkCoder* coder) {
  const size_t entries_max = std::min<size_t>(kDictionaryEntriesMax, begin.back() / 2 + 1);
  auto builder = std::make_shared<DictionaryBuilder<T>>(entries_max);
  Type type;
  for (size_t chunk = 0; chunk + 1 < begin.size(); ++chunk) {
    HOGLET_ASSIGN_OR_RETURN(Vector values, source(chunk));
    type = values.type().NotNullable();
    if (!builder->Add(values)) return false;
  }
  if (!builder->IsWorthwhile()) return false;
  coder->dictionary = builder->Finish(type);
  coder->keep = builder;
  coder->encode = [builder, compression](const Vector& values) -> absl::StatusOr<EncodedChunk> {
    return EncodeCodes(builder->Codes(values).data(), values.validity(), values.size(),
                       compression);
  };
  return true;
}

}  // namespace

absl::Status PartWriter::AddColumn(PartColumn column, std::span<const uint32_t> begin,
                                   bool try_dictionary, bool required, Compression compression,
                                   const ChunkSource& source) {
  ChunkCoder coder;
  if (try_dictionary) {
    const absl::StatusOr<bool> found =
        column.physical == Physical::kString
            ? FindDictionary<std::string_view>(begin, compression, source, &coder)
            : FindDictionary<Int128>(begin, compression, source, &coder);
    HOGLET_RETURN_IF_ERROR(found.status());
    column.has_dictionary = *found;
  }
  if (column.has_dictionary) {
    HOGLET_ASSIGN_OR_RETURN(EncodedChunk chunk, EncodeChunk(*coder.dictionary, compression));
    HOGLET_RETURN_IF_ERROR(AddEncoded(std::move(chunk), &column.dictionary));
  } else {
    coder.encode = [compression](const Vector& values) { return EncodeChunk(values, compression); };
  }
  bool has_values = false;
  for (size_t i = 0; i + 1 < begin.size(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(Vector values, source(i));
    HOGLET_ASSERT(values.size() == begin[i + 1] - begin[i]);
    HOGLET_ASSIGN_OR_RETURN(EncodedChunk chunk, coder.encode(values));
    HOGLET_RETURN_IF_ERROR(AddEncoded(std::move(chunk), &column.chunks.emplace_back()));
    column.has_nulls |= column.chunks.back().null_count > 0;
    has_values |= column.chunks.back().null_count < column.chunks.back().rows;
  }
  if (has_values || required) footer_.columns.push_back(std::move(column));
  return absl::OkStatus();
}

absl::Status PartWriter::AddFilter(std::span<const uint64_t> hashes, int bits_per_key,
                                   ChunkMeta* meta) {
  if (hashes.empty()) return absl::OkStatus();
  const std::string filter = BuildBloom(hashes, bits_per_key);
  meta->stored_bytes = static_cast<uint32_t>(filter.size());
  meta->raw_bytes = meta->stored_bytes;
  meta->crc = Crc32c(filter);
  return Append(filter);
}

absl::Status PartWriter::AddKeyFilter(std::span<const uint64_t> hashes) {
  return AddFilter(hashes, kKeyFilterBits, &footer_.key_filter);
}

absl::Status PartWriter::AddDistinctIdFilter(std::span<const uint64_t> hashes) {
  return AddFilter(hashes, kGranuleFilterBits, &footer_.distinct_id_filters.emplace_back());
}

absl::Status PartWriter::AddUuidFilter(std::span<const uint64_t> hashes) {
  return AddFilter(hashes, kGranuleFilterBits, &footer_.uuid_filters.emplace_back());
}

absl::Status PartWriter::AddResidualKeyFilter(JsonColumn column, std::span<const uint64_t> hashes) {
  return AddFilter(hashes, kKeyFilterBits, &footer_.json[column].residual_keys);
}

absl::StatusOr<uint64_t> PartWriter::Finish() {
  const std::string footer = SerializeFooter(footer_);
  if (footer.size() > kPartFooterBytesMax) {
    return absl::ResourceExhaustedError(file_->path() + ": footer too large");
  }
  std::string trailer;
  PutLittle(&trailer, static_cast<uint64_t>(footer.size()));
  PutLittle(&trailer, kPartVersion);
  PutLittle(&trailer, Crc32cExtend(Crc32c(footer), trailer));
  PutLittle(&trailer, kPartMagic);
  HOGLET_RETURN_IF_ERROR(Append(footer));
  HOGLET_RETURN_IF_ERROR(Append(trailer));
  HOGLET_RETURN_IF_ERROR(file_->Append(buffer_));
  HOGLET_RETURN_IF_ERROR(file_->Sync());
  HOGLET_RETURN_IF_ERROR(file_->Close());
  return bytes_;
}

}  // namespace hoglet
