#include "query/exec/spill_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "query/exec/interner.h"
#include "query/functions/types.h"

namespace hoglet {
namespace {

constexpr size_t kBlockBytesMin = 4 << 10;
constexpr size_t kBlockBytesMax = 256 << 10;
constexpr int kPartitionBits = 5;
static_assert(kSpillPartitions == size_t{1} << kPartitionBits);
// Rows that are written between two looks at how many bytes there are.
constexpr size_t kRowsAtATime = 256;
// Batches with fewer rows are copied when they are held.
constexpr size_t kSparseRows = kVectorRowsMax / 2;

// Columns whose strings and elements stand in memory of their own.
bool HoldsMore(const Vector& column) {
  if (column.form() != Vector::Form::kFlat) return false;
  const Physical physical = column.type().physical();
  return physical == Physical::kString || physical == Physical::kArray ||
         physical == Physical::kTuple;
}

Vector Compact(const Vector& column) {
  if (column.type().physical() != Physical::kString) {
    VectorBuilder builder(column.type());
    for (size_t i = 0; i < column.size(); ++i) builder.AppendFrom(column, i);
    return builder.Build();
  }
  Vector out = Vector::Flat(column.type(), column.size());
  auto heap = std::make_shared<StringHeap>();
  const VectorReader<std::string_view> texts(column);
  for (size_t i = 0; i < column.size(); ++i)
    out.mutable_data<std::string_view>()[i] = texts.valid(i) ? heap->Add(texts.at(i)) : "";
  if (column.validity() != nullptr)
    std::copy_n(column.validity(), BitmapWords(column.size()), out.mutable_validity());
  out.KeepAlive(std::move(heap));
  return out;
}

// Equal doubles hash alike here too when they are NaN.
void HashKey(const Vector& key, size_t rows, uint64_t* hashes) {
  fn::HashRows(key, rows, hashes);
  if (key.type().physical() != Physical::kF64) return;
  const VectorReader<double> values(key);
  for (size_t i = 0; i < rows; ++i) {
    if (values.valid(i) && std::isnan(values.at(i))) hashes[i] = 0;
  }
}

// Of arrays that all rows share, and that a copy has once for each of them.
uint64_t SharedBytesPerRow(const Batch& batch) {
  uint64_t bytes = 0;
  for (const Vector& column : batch.columns) {
    const Physical physical = column.type().physical();
    if (column.is_constant() && (physical == Physical::kArray || physical == Physical::kTuple))
      bytes += column.MemoryBytes();
  }
  return bytes;
}

}  // namespace

uint64_t SpillShare(const ExecContext& context) {
  if (context.spill == nullptr || context.eval->memory == nullptr) return ~uint64_t{0};
  return context.eval->memory->free_bytes() / 2;
}

uint64_t SpillPartShare(const ExecContext& context) {
  return context.eval->memory->free_bytes() / 4 * 3 / static_cast<uint64_t>(context.workers_max);
}

size_t SpillBlockBytes(const ExecContext& context, size_t streams) {
  const uint64_t room = SpillShare(context) / 8 / std::max<size_t>(streams, 1);
  return std::clamp<uint64_t>(room, kBlockBytesMin, kBlockBytesMax);
}

absl::StatusOr<std::shared_ptr<SpillFile>> SharedSpillFile::Get(const ExecContext& context) {
  std::lock_guard lock(mutex_);
  if (file_ == nullptr) {
    HOGLET_ASSIGN_OR_RETURN(file_, context.spill->NewFile());
  }
  return file_;
}

absl::Status SpillWriter::Add(const Batch& batch) {
  std::vector<uint32_t> all(batch.rows);
  std::iota(all.begin(), all.end(), 0);
  return Add(batch, all.data(), all.size());
}

absl::Status SpillWriter::Add(const Batch& batch, const uint32_t* positions, size_t count) {
  const size_t at_a_time = std::clamp<uint64_t>(
      kBlockBytesMax / std::max<uint64_t>(SharedBytesPerRow(batch), 1), 1, kRowsAtATime);
  for (size_t begin = 0; begin < count;) {
    const size_t some = std::min({count - begin, at_a_time, kVectorRowsMax - buffer_.rows()});
    buffer_.Add(batch, positions + begin, some);
    begin += some;
    if (buffer_.bytes() >= block_bytes_ || buffer_.rows() == kVectorRowsMax)
      HOGLET_RETURN_IF_ERROR(Flush());
  }
  stream_.rows += count;
  return absl::OkStatus();
}

absl::Status SpillWriter::Flush() {
  if (buffer_.rows() == 0) return absl::OkStatus();
  std::string raw;
  buffer_.Flush(&raw);
  HOGLET_ASSIGN_OR_RETURN(SpillBlock block, file_->Append(raw));
  stream_.blocks.push_back(block);
  return absl::OkStatus();
}

absl::StatusOr<SpillStream> SpillWriter::Finish() {
  HOGLET_RETURN_IF_ERROR(Flush());
  stream_.file = file_;
  return std::move(stream_);
}

absl::StatusOr<bool> SpillReader::Next(Batch* out) {
  while (stream_ < streams_.size() && block_ == streams_[stream_].blocks.size()) {
    streams_[stream_++].file.reset();
    block_ = 0;
  }
  if (stream_ == streams_.size()) return false;
  const SpillStream& stream = streams_[stream_];
  HOGLET_ASSIGN_OR_RETURN(const std::string raw, stream.file->Read(stream.blocks[block_++]));
  ByteReader reader(raw);
  HOGLET_ASSIGN_OR_RETURN(*out, DecodeBatch(reader, types_));
  return true;
}

void PartitionRows(const std::vector<const Vector*>& keys, size_t rows, int level,
                   std::vector<uint8_t>* partitions) {
  std::vector<uint64_t> hashes(rows, 0);
  std::vector<uint64_t> more(rows);
  for (const Vector* key : keys) {
    HashKey(*key, rows, more.data());
    for (size_t i = 0; i < rows; ++i) hashes[i] = MixHash(hashes[i] + 0x9e3779b97f4a7c15) ^ more[i];
  }
  partitions->resize(rows);
  const uint64_t seed = static_cast<uint64_t>(level + 1) * 0xd6e8feb86659fd93;
  for (size_t i = 0; i < rows; ++i) {
    (*partitions)[i] = static_cast<uint8_t>(MixHash(hashes[i] ^ seed) >> (64 - kPartitionBits));
  }
}

SpillPartitions::SpillPartitions(const std::shared_ptr<SpillFile>& file,
                                 const std::vector<Type>& types, std::vector<size_t> columns,
                                 int level, size_t block_bytes, bool scatter_nulls)
    : columns_(std::move(columns)),
      level_(level),
      scatter_nulls_(scatter_nulls),
      rows_(kSpillPartitions) {
  for (size_t p = 0; p < kSpillPartitions; ++p) writers_.emplace_back(file, types, block_bytes);
}

absl::Status SpillPartitions::Add(const Batch& batch) {
  std::vector<const Vector*> keys;
  for (size_t column : columns_) keys.push_back(&batch.columns[column]);
  PartitionRows(keys, batch.rows, level_, &of_row_);
  for (const Vector* key : keys) {
    if (!scatter_nulls_ || !key->MayHaveNulls()) continue;
    for (size_t i = 0; i < batch.rows; ++i) {
      if (key->IsNull(i)) of_row_[i] = static_cast<uint8_t>(next_null_++ % kSpillPartitions);
    }
  }
  for (auto& rows : rows_) rows.clear();
  for (size_t i = 0; i < batch.rows; ++i) rows_[of_row_[i]].push_back(static_cast<uint32_t>(i));
  for (size_t p = 0; p < kSpillPartitions; ++p) {
    if (rows_[p].empty()) continue;
    HOGLET_RETURN_IF_ERROR(writers_[p].Add(batch, rows_[p].data(), rows_[p].size()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SpillStream>> SpillPartitions::Finish() {
  std::vector<SpillStream> streams;
  for (SpillWriter& writer : writers_) {
    HOGLET_ASSIGN_OR_RETURN(SpillStream stream, writer.Finish());
    streams.push_back(std::move(stream));
  }
  return streams;
}

uint64_t HeldBatches::Add(Batch batch) {
  uint64_t bytes = 0;
  shared_bytes_ += SharedBytesPerRow(batch) * batch.rows;
  for (Vector& column : batch.columns) {
    if (batch.rows < kSparseRows && HoldsMore(column)) column = Compact(column);
    if (column.form() != Vector::Form::kDictionary) continue;
    if (dictionaries_.insert(column.dictionary().get()).second)
      bytes += column.dictionary()->MemoryBytes();
  }
  bytes += batch.MemoryBytes();
  rows_ += batch.rows;
  bytes_ += bytes;
  batches_.push_back(std::move(batch));
  return bytes;
}

uint64_t HeldBatches::ConcatBytes() const {
  if (batches_.size() < 2) return 0;
  uint64_t bytes = 0;
  for (const Vector& column : batches_[0].columns) {
    switch (column.type().physical()) {
      case Physical::kNone:
        break;
      case Physical::kU8:
        bytes += 1;
        break;
      case Physical::kI64:
      case Physical::kF64:
        bytes += 8;
        break;
      case Physical::kI128:
      case Physical::kString:
        bytes += 16;
        break;
      case Physical::kArray:
      case Physical::kTuple:
        // These are copied whole.
        bytes += bytes_ / std::max<uint64_t>(rows_, 1) / batches_[0].columns.size();
        break;
    }
  }
  return bytes * rows_ + shared_bytes_;
}

std::vector<Batch> HeldBatches::Take() {
  dictionaries_.clear();
  bytes_ = 0;
  shared_bytes_ = 0;
  rows_ = 0;
  return std::exchange(batches_, {});
}

}  // namespace hoglet
