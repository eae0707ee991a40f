#include "storage/part_writer.h"

#include <algorithm>
#include <cstring>
#include <numeric>
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
// A dictionary is given up when, of so many values, more than three of four were new.
constexpr size_t kTrialValues = 4096;
// Smaller chunks are not worth looking for their like.
constexpr size_t kRepeatBytesMin = 64;
constexpr uint64_t kRepeatHashKey = 0x686f67676c657433;

// A text to be sorted: the eight bytes that tell it apart from its like, mostly.
struct TextHead {
  uint64_t head;
  uint32_t position;
};

uint64_t HeadOf(std::string_view text, size_t at) {
  if (at == text.size()) return 0;
  char head[sizeof(uint64_t)] = {};
  std::memcpy(head, text.data() + at, std::min(sizeof(head), text.size() - at));
  return __builtin_bswap64(LoadLittle<uint64_t>(head));
}

// Sorts texts that have their first `alike` bytes in common. Ids by time, addresses and the like
// begin alike, so what they have in common is passed over, again and again.
void SortHeads(const std::vector<std::string_view>& texts, size_t alike,
               std::span<TextHead> entries) {
  constexpr size_t kFew = 16;
  const auto before = [&texts](const TextHead& a, const TextHead& b) {
    return a.head != b.head ? a.head < b.head : texts[a.position] < texts[b.position];
  };
  const std::string_view first = texts[entries[0].position];
  size_t end = first.size();
  for (const TextHead& entry : entries) {
    const std::string_view text = texts[entry.position];
    end = std::min(end, text.size());
    const auto differs =
        std::mismatch(text.begin() + alike, text.begin() + end, first.begin() + alike).first;
    end = static_cast<size_t>(differs - text.begin());
  }
  for (TextHead& entry : entries) entry.head = HeadOf(texts[entry.position], end);
  if (entries.size() <= kFew) return std::sort(entries.begin(), entries.end(), before);
  std::sort(entries.begin(), entries.end(),
            [](const TextHead& a, const TextHead& b) { return a.head < b.head; });
  for (size_t i = 0; i < entries.size();) {
    size_t next = i + 1;
    while (next < entries.size() && entries[next].head == entries[i].head) ++next;
    const std::span<TextHead> same = entries.subspan(i, next - i);
    // A text that ends in its head is as long as its like at most up to zero bytes: few of those.
    const bool has_short = std::any_of(same.begin(), same.end(), [&](const TextHead& entry) {
      return texts[entry.position].size() < end + sizeof(uint64_t);
    });
    if (same.size() > 1 && (has_short || same.size() <= kFew)) {
      std::sort(same.begin(), same.end(), before);
    } else if (same.size() > 1) {
      SortHeads(texts, end + sizeof(uint64_t), same);
    }
    i = next;
  }
}

// Positions of the texts in sorted order.
std::vector<uint32_t> SortedPositions(const std::vector<std::string_view>& texts) {
  std::vector<TextHead> entries(texts.size());
  for (uint32_t i = 0; i < texts.size(); ++i) entries[i].position = i;
  if (!entries.empty()) SortHeads(texts, 0, entries);
  std::vector<uint32_t> positions(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) positions[i] = entries[i].position;
  return positions;
}

std::vector<uint32_t> SortedPositions(const std::vector<Int128>& values) {
  std::vector<uint32_t> positions(values.size());
  std::iota(positions.begin(), positions.end(), 0u);
  std::sort(positions.begin(), positions.end(),
            [&values](uint32_t a, uint32_t b) { return values[a] < values[b]; });
  return positions;
}

// The distinct values of a column, and the code of every row, so that the values are looked up (and
// fetched from their source) only once. Chunks that come as a dictionary keep their codes as long
// as it is the same one: their values are not looked up at all. T: std::string_view or Int128.
template <typename T>
class DictionaryBuilder {
 public:
  DictionaryBuilder(size_t entries_max, size_t bytes_max)
      : entries_max_(entries_max), bytes_max_(bytes_max) {}

  // False once there are too many.
  bool Add(const Vector& chunk) {
    if (chunk.form() != Vector::Form::kDictionary) return AddFlat(chunk);
    if (chunks_.empty()) {
      given_ = chunk.dictionary();
      code_of_given_.assign(given_->size(), kUnknownCode);
    }
    return chunk.dictionary() == given_ ? AddGiven(chunk) : AddFlat(chunk.Flatten());
  }

  bool IsWorthwhile() const { return !values_.empty() && values_.size() * 2 < values_seen_ + 1; }

  // The dictionary, sorted; codes follow its order from now on.
  Vector Finish(const Type& type) {
    const std::vector<uint32_t> sorted = SortedPositions(values_);
    Vector values = Vector::Flat(type, sorted.size());
    rank_of_.resize(sorted.size() + 1);
    rank_of_[kNullCode] = kNullRank;
    for (uint32_t rank = 0; rank < sorted.size(); ++rank) {
      values.mutable_data<T>()[rank] = values_[sorted[rank]];
      rank_of_[sorted[rank] + 1] = rank;
    }
    for (uint32_t& code : code_of_given_) {
      if (code != kUnknownCode) code = rank_of_[code];
    }
    return values;
  }

  EncodedChunk Encode(size_t index, Compression compression) const {
    const Chunk& chunk = chunks_[index];
    const std::vector<uint32_t>& rank_of = chunk.is_given ? code_of_given_ : rank_of_;
    std::vector<uint32_t> ranks(chunk.rows);
    for (size_t row = 0; row < chunk.rows; ++row) ranks[row] = rank_of[chunk.codes[row]];
    return EncodeCodes(ranks.data(), chunk.rows, kNullRank, compression);
  }

 private:
  // Codes of ours: 0 for NULL, else 1 + index into values_. Ranks: places in the sorted dictionary.
  static constexpr uint32_t kNullCode = 0;
  static constexpr uint32_t kUnknownCode = UINT32_MAX;
  static constexpr uint32_t kNullRank = UINT32_MAX;

  struct Chunk {
    std::shared_ptr<const uint32_t[]> codes;
    size_t rows;
    bool is_given;  // codes of given_, else ours
  };

  bool IsFull() const { return values_.size() >= entries_max_ || bytes_ > bytes_max_; }

  uint32_t AddValue(T value) {
    values_.push_back(value);
    return static_cast<uint32_t>(values_.size());
  }

  bool AddFlat(const Vector& chunk) {
    const T* values = chunk.data<T>();
    const uint64_t* validity = chunk.validity();
    std::shared_ptr<uint32_t[]> codes(new uint32_t[chunk.size()]);
    size_t previous = chunk.size();  // row of the value before
    for (size_t row = 0; row < chunk.size(); ++row) {
      if (validity != nullptr && !BitIsSet(validity, row)) {
        codes[row] = kNullCode;
        continue;
      }
      if (previous < row && IsSame(values[previous], values[row])) {
        codes[row] = codes[previous];
      } else if (!CodeOf(values[row], &codes[row])) {
        return false;
      }
      previous = row;
      if (++values_seen_ == kTrialValues && values_.size() > kTrialValues / 4 * 3) return false;
    }
    chunks_.push_back({std::move(codes), chunk.size(), false});
    return true;
  }

  bool AddGiven(const Vector& chunk) {
    const uint32_t* entries = chunk.codes();
    uint32_t* const code_of = code_of_given_.data();
    size_t nulls = 0;
    for (size_t row = 0; row < chunk.size(); ++row) {
      uint32_t& code = code_of[entries[row]];
      if (code == kUnknownCode && !FindGiven(entries[row], &code)) return false;
      nulls += code == kNullCode ? 1 : 0;
    }
    values_seen_ += chunk.size() - nulls;
    chunks_.push_back({chunk.shared_codes(), chunk.size(), true});
    return true;
  }

  bool FindGiven(uint32_t entry, uint32_t* code) {
    if (given_->IsNull(entry)) {
      *code = kNullCode;
      return true;
    }
    const T& value = given_->data<T>()[entry];
    if (!is_only_given_) return CodeOf(value, code);
    if (IsFull()) return false;
    bytes_ += BytesOf(value);
    *code = AddValue(value);  // the dictionary keeps it
    return true;
  }

  bool CodeOf(const T& value, uint32_t* code) {
    is_only_given_ = false;
    // Values that came from one dictionary were not looked up.
    for (; mapped_ < values_.size(); ++mapped_) {
      code_of_.emplace(values_[mapped_], static_cast<uint32_t>(mapped_ + 1));
    }
    bool is_refused = false;
    const auto entry = code_of_.lazy_emplace(value, [&](const auto& construct) {
      is_refused = IsFull();  // and then this object is done with
      if (is_refused) return construct(T(), kUnknownCode);
      const T kept = Keep(value);
      construct(kept, AddValue(kept));
      mapped_ = values_.size();
    });
    *code = entry->second;
    return !is_refused;
  }

  static size_t BytesOf(std::string_view value) { return value.size(); }
  static size_t BytesOf(Int128) { return sizeof(Int128); }
  // Whether they are equal, as far as that is seen at once.
  static bool IsSame(std::string_view a, std::string_view b) {
    return a.data() == b.data() && a.size() == b.size();
  }
  static bool IsSame(Int128 a, Int128 b) { return a == b; }

  std::string_view Keep(std::string_view value) {
    bytes_ += value.size();
    return heap_.Add(value);
  }
  Int128 Keep(Int128 value) { return value; }

  size_t entries_max_;
  size_t bytes_max_;
  size_t values_seen_ = 0;
  size_t bytes_ = 0;
  std::conditional_t<std::is_same_v<T, Int128>, absl::flat_hash_map<Int128, uint32_t, WideHash>,
                     StringMap<std::string_view, uint32_t>>
      code_of_;
  std::vector<T> values_;
  size_t mapped_ = 0;  // of them in code_of_
  std::vector<Chunk> chunks_;
  StringHeap heap_;
  std::shared_ptr<const Vector> given_;  // the dictionary of the first chunk, if it has one
  bool is_only_given_ = true;            // all values_ come from it
  std::vector<uint32_t> code_of_given_;  // our code of each of its entries; Finish() makes it ranks
  std::vector<uint32_t> rank_of_;        // by our code
};

// Of all that is said of a chunk, and its bytes.
Int128 HashOf(const EncodedChunk& chunk) {
  const ChunkMeta& meta = chunk.meta;
  std::string said;
  for (const uint32_t number :
       {meta.raw_bytes, meta.crc, meta.rows, meta.null_count, static_cast<uint32_t>(meta.encoding),
        static_cast<uint32_t>(meta.compression)}) {
    PutLittle(&said, number);
  }
  PutLittle(&said, meta.min);
  PutLittle(&said, meta.max);
  const auto [low, high] = SipHash128Keyed(SipHash64(said), kRepeatHashKey, chunk.stored);
  return static_cast<Int128>((static_cast<UInt128>(high) << 64) | low);
}

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

// Columns repeat each other: times that are mostly the same, ids that are set alike. A chunk whose
// like is in the file already is named, not written.
absl::Status PartWriter::AddEncoded(EncodedChunk chunk, ChunkMeta* meta) {
  *meta = chunk.meta;
  const uint32_t number = chunks_++;
  if (chunk.stored.size() < kRepeatBytesMin) return Append(chunk.stored);
  const auto [entry, is_new] = chunk_numbers_.try_emplace(HashOf(chunk), number);
  if (is_new) return Append(chunk.stored);
  meta->repeats = number - entry->second;
  return absl::OkStatus();
}

namespace {

// How a column with a dictionary is written.
struct DictionaryPlan {
  Vector values;
  std::function<EncodedChunk(size_t chunk)> encode;
};

// Nothing if the values do not repeat enough.
template <typename T>
absl::StatusOr<std::optional<DictionaryPlan>> PlanDictionary(
    std::span<const uint32_t> begin, const PartWriter::ColumnOptions& options,
    const PartWriter::ChunkSource& source) {
  const size_t entries_max = std::min<size_t>(kDictionaryEntriesMax, begin.back() / 2 + 1);
  auto builder = std::make_shared<DictionaryBuilder<T>>(entries_max, options.dictionary_bytes_max);
  Type type;
  for (size_t chunk = 0; chunk + 1 < begin.size(); ++chunk) {
    HOGLET_ASSIGN_OR_RETURN(Vector values, source(chunk));
    type = values.type().NotNullable();
    if (!builder->Add(values)) return std::nullopt;
  }
  if (!builder->IsWorthwhile()) return std::nullopt;
  DictionaryPlan plan;
  plan.values = builder->Finish(type);
  plan.encode = [builder, compression = options.compression](size_t chunk) {
    return builder->Encode(chunk, compression);
  };
  return plan;
}

}  // namespace

absl::StatusOr<EncodedChunk> PartWriter::EncodeNext(const ColumnOptions& options,
                                                    const ChunkSource& source, size_t chunk) {
  HOGLET_ASSIGN_OR_RETURN(Vector values, source(chunk));
  values = values.Flatten();
  if (options.times == nullptr || !MayBeByTime(values)) {
    return EncodeChunk(values, options.compression);
  }
  HOGLET_ASSIGN_OR_RETURN(const Vector times, options.times(chunk));
  HOGLET_ASSERT(times.size() == values.size());
  return EncodeChunk(values, options.compression, times.data<int64_t>());
}

absl::Status PartWriter::AddColumn(PartColumn column, std::span<const uint32_t> begin,
                                   const ColumnOptions& options, const ChunkSource& source) {
  const Compression compression = options.compression;
  const uint32_t chunks_before = chunks_;
  std::optional<DictionaryPlan> plan;
  if (options.try_dictionary) {
    HOGLET_ASSIGN_OR_RETURN(plan, column.physical == Physical::kString
                                      ? PlanDictionary<std::string_view>(begin, options, source)
                                      : PlanDictionary<Int128>(begin, options, source));
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
      chunk = plan->encode(i);
    } else {
      HOGLET_ASSIGN_OR_RETURN(chunk, EncodeNext(options, source, i));
    }
    HOGLET_ASSERT(chunk.meta.rows == rows);
    HOGLET_RETURN_IF_ERROR(AddEncoded(std::move(chunk), &column.chunks.emplace_back()));
    column.has_nulls |= column.chunks.back().null_count > 0;
    has_values |= column.chunks.back().null_count < column.chunks.back().rows;
  }
  if (has_values || options.is_required) {
    footer_.columns.push_back(std::move(column));
  } else {
    chunks_ = chunks_before;
  }
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
