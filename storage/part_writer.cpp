#include "storage/part_writer.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "absl/container/flat_hash_map.h"
#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/hash.h"
#include "src/base/strings.h"

namespace hoglet {

namespace {

constexpr size_t kWriteBufferBytes = 1 << 20;
constexpr size_t kDictionaryBytesMax = 16 << 20;
// A dictionary is given up when, of so many values, more than three of four were new.
constexpr size_t kTrialValues = 4096;

// The distinct values of a column, and the code of every row, so that the values are looked up (and
// fetched from their source) only once. T: std::string_view or Int128.
template <typename T>
class DictionaryBuilder {
 public:
  DictionaryBuilder(size_t entries_max, size_t rows) : entries_max_(entries_max) {
    codes_.reserve(rows);
  }

  // False once there are too many.
  bool Add(const Vector& chunk) {
    if (chunk.form() == Vector::Form::kDictionary) return AddCoded(chunk);
    const T* values = chunk.data<T>();
    const uint64_t* validity = chunk.validity();
    for (size_t row = 0; row < chunk.size(); ++row) {
      if (validity != nullptr && !BitIsSet(validity, row)) {
        codes_.push_back(kNullCode);
        continue;
      }
      is_only_coded_ = false;
      if (!CodeOf(values[row], &codes_.emplace_back())) return false;
      if (++values_seen_ == kTrialValues && values_.size() > kTrialValues / 4 * 3) return false;
    }
    return true;
  }

  bool IsWorthwhile() const { return !values_.empty() && values_.size() * 2 < values_seen_ + 1; }

  // The dictionary, sorted; codes follow its order from now on.
  Vector Finish(const Type& type) {
    std::vector<std::pair<T, uint32_t>> sorted;
    sorted.reserve(values_.size());
    for (const T& value : values_) sorted.emplace_back(value, static_cast<uint32_t>(sorted.size()));
    std::sort(sorted.begin(), sorted.end());
    Vector values = Vector::Flat(type, sorted.size());
    std::vector<uint32_t> position(sorted.size());
    for (size_t i = 0; i < sorted.size(); ++i) {
      values.mutable_data<T>()[i] = sorted[i].first;
      position[sorted[i].second] = static_cast<uint32_t>(i);
    }
    for (uint32_t& code : codes_) code = code == kNullCode ? kNullCode : position[code];
    return values;
  }

  EncodedChunk Encode(size_t begin, size_t rows, Compression compression) const {
    return EncodeCodes(codes_.data() + begin, rows, kNullCode, compression);
  }

 private:
  static constexpr uint32_t kNullCode = UINT32_MAX;
  static constexpr uint32_t kUnknownCode = UINT32_MAX - 1;

  bool IsFull() const { return values_.size() >= entries_max_ || bytes_ > kDictionaryBytesMax; }

  uint32_t AddValue(T value) {
    values_.push_back(value);
    return static_cast<uint32_t>(values_.size() - 1);
  }

  bool CodeOf(const T& value, uint32_t* code) {
    // Values that came from one dictionary were not looked up.
    for (; mapped_ < values_.size(); ++mapped_) {
      code_of_.emplace(values_[mapped_], static_cast<uint32_t>(mapped_));
    }
    if (const auto found = code_of_.find(value); found != code_of_.end()) {
      *code = found->second;
      return true;
    }
    if (IsFull()) return false;
    *code = AddValue(Keep(value));
    return true;
  }

  // Looks each of the chunk's distinct values up once for all chunks that share them; not even
  // that while there are no others.
  bool AddCoded(const Vector& chunk) {
    const Vector& values = *chunk.dictionary();
    if (coded_ != chunk.dictionary()) {
      is_only_coded_ = values_.empty();
      coded_ = chunk.dictionary();
      if (is_only_coded_) first_ = coded_;
      code_of_coded_.assign(values.size(), kUnknownCode);
    }
    const uint32_t* chunk_codes = chunk.codes();
    const size_t begin = codes_.size();
    codes_.resize(begin + chunk.size());
    for (size_t row = 0; row < chunk.size(); ++row) {
      uint32_t& code = code_of_coded_[chunk_codes[row]];
      if (code == kUnknownCode && !FindCoded(values, chunk_codes[row], &code)) return false;
      values_seen_ += code == kNullCode ? 0 : 1;
      codes_[begin + row] = code;
    }
    return true;
  }

  bool FindCoded(const Vector& values, uint32_t entry, uint32_t* code) {
    if (values.IsNull(entry)) {
      *code = kNullCode;
      return true;
    }
    const T& value = values.data<T>()[entry];
    if (!is_only_coded_) return CodeOf(value, code);
    if (IsFull()) return false;
    bytes_ += BytesOf(value);
    *code = AddValue(value);  // the dictionary keeps it
    return true;
  }

  static size_t BytesOf(std::string_view value) { return value.size(); }
  static size_t BytesOf(Int128) { return sizeof(Int128); }

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
      code_of_;
  std::vector<T> values_;  // by code
  size_t mapped_ = 0;      // of them in code_of_
  std::vector<uint32_t> codes_;
  StringHeap heap_;
  // The dictionary of the chunk added last, and its values' codes here.
  std::shared_ptr<const Vector> coded_;
  std::shared_ptr<const Vector> first_;  // whose values were taken over as they are
  std::vector<uint32_t> code_of_coded_;
  bool is_only_coded_ = false;
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

// How a column with a dictionary is written.
struct DictionaryPlan {
  Vector values;
  std::function<EncodedChunk(size_t begin, size_t rows)> encode;
};

// Nothing if the values do not repeat enough.
template <typename T>
absl::StatusOr<std::optional<DictionaryPlan>> PlanDictionary(
    std::span<const uint32_t> begin, Compression compression,
    const PartWriter::ChunkSource& source) {
  const size_t entries_max = std::min<size_t>(kDictionaryEntriesMax, begin.back() / 2 + 1);
  auto builder = std::make_shared<DictionaryBuilder<T>>(entries_max, begin.back());
  Type type;
  for (size_t chunk = 0; chunk + 1 < begin.size(); ++chunk) {
    HOGLET_ASSIGN_OR_RETURN(Vector values, source(chunk));
    type = values.type().NotNullable();
    if (!builder->Add(values)) return std::nullopt;
  }
  if (!builder->IsWorthwhile()) return std::nullopt;
  DictionaryPlan plan;
  plan.values = builder->Finish(type);
  plan.encode = [builder, compression](size_t first, size_t rows) {
    return builder->Encode(first, rows, compression);
  };
  return plan;
}

}  // namespace

absl::Status PartWriter::AddColumn(PartColumn column, std::span<const uint32_t> begin,
                                   bool try_dictionary, bool required, Compression compression,
                                   const ChunkSource& source) {
  std::optional<DictionaryPlan> plan;
  if (try_dictionary) {
    HOGLET_ASSIGN_OR_RETURN(plan, column.physical == Physical::kString
                                      ? PlanDictionary<std::string_view>(begin, compression, source)
                                      : PlanDictionary<Int128>(begin, compression, source));
  }
  if (plan) {
    column.has_dictionary = true;
    HOGLET_ASSIGN_OR_RETURN(EncodedChunk chunk, EncodeChunk(plan->values, compression));
    HOGLET_RETURN_IF_ERROR(AddEncoded(std::move(chunk), &column.dictionary));
  }
  bool has_values = false;
  for (size_t i = 0; i + 1 < begin.size(); ++i) {
    const size_t rows = begin[i + 1] - begin[i];
    EncodedChunk chunk;
    if (plan) {
      chunk = plan->encode(begin[i], rows);
    } else {
      HOGLET_ASSIGN_OR_RETURN(Vector values, source(i));
      HOGLET_ASSERT(values.size() == rows);
      HOGLET_ASSIGN_OR_RETURN(chunk, EncodeChunk(values.Flatten(), compression));
    }
    HOGLET_RETURN_IF_ERROR(AddEncoded(std::move(chunk), &column.chunks.emplace_back()));
    column.has_nulls |= column.chunks.back().null_count > 0;
    has_values |= column.chunks.back().null_count < column.chunks.back().rows;
  }
  if (has_values || required) footer_.columns.push_back(std::move(column));
  return absl::OkStatus();
}

absl::Status PartWriter::AddFilter(std::string_view filter, ChunkMeta* meta) {
  if (filter.empty()) return absl::OkStatus();
  meta->stored_bytes = static_cast<uint32_t>(filter.size());
  meta->raw_bytes = meta->stored_bytes;
  meta->crc = Crc32c(filter);
  return Append(filter);
}

absl::Status PartWriter::AddKeyFilter(std::string_view filter) {
  return AddFilter(filter, &footer_.key_filter);
}

absl::Status PartWriter::AddDistinctIdFilter(std::string_view filter) {
  return AddFilter(filter, &footer_.distinct_id_filters.emplace_back());
}

absl::Status PartWriter::AddUuidFilter(std::string_view filter) {
  return AddFilter(filter, &footer_.uuid_filters.emplace_back());
}

absl::Status PartWriter::AddResidualKeyFilter(JsonColumn column, std::string_view filter) {
  return AddFilter(filter, &footer_.json[column].residual_keys);
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
