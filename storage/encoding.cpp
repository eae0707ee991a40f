#include "storage/encoding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "storage/bitpack.h"
#include "storage/schema.h"

namespace hoglet {

namespace {

constexpr int kDecimalExponentMax = 14;
// Times are mostly known to the millisecond, or the second.
constexpr int64_t kFactors[] = {1'000'000, 1'000};
// Numbers of fewer bits are not worth a factor.
constexpr int kFactorWidthMin = 8;
// Seconds with milliseconds.
constexpr int kTimeExponent = 3;
// A uuid of version 7 begins with 48 bits of milliseconds.
constexpr int kUuidTimeShift = 16;
constexpr double kPowersOfTen[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};

// What choosing an encoding needs to know of integers.
template <typename T>
struct Survey {
  T min;
  T max;
  size_t runs = 1;  // of equal values

  int width() const { return BitWidth(static_cast<uint64_t>(max) - static_cast<uint64_t>(min)); }
};

// `count` > 0.
template <typename T>
Survey<T> SurveyIntegers(const T* values, size_t count) {
  Survey<T> survey{values[0], values[0]};
  for (size_t i = 1; i < count; ++i) {
    survey.min = std::min(survey.min, values[i]);
    survey.max = std::max(survey.max, values[i]);
    survey.runs += values[i] != values[i - 1] ? 1 : 0;
  }
  return survey;
}

size_t PackedBlockBytes(size_t count, int width) { return 9 + PackedBytes(count, width); }

// A packed block: i64 base, u8 width, the packed bytes. `survey` is of the values.
template <typename T>
void PutPacked(const T* values, size_t count, const Survey<T>& survey, std::string* out) {
  const int width = survey.width();
  PutLittle(out, static_cast<int64_t>(survey.min));
  out->push_back(static_cast<char>(width));
  const size_t at = out->size();
  out->resize(at + PackedBytes(count, width));
  PackBits(values, count, survey.min, width, out->data() + at);
}

template <typename T>
void PutPacked(const T* values, size_t count, std::string* out) {
  PutPacked(values, count, SurveyIntegers(values, count), out);
}

// Room to decode into, not cleared first.
using Scratch = std::unique_ptr<int64_t[]>;

struct PackedView {
  int64_t base = 0;
  int width = 0;
  std::string_view bytes;
};

bool GetPacked(ByteReader* in, size_t count, PackedView* view) {
  uint8_t width = 0;
  if (!in->GetLittle(&view->base) || !in->GetLittle(&width) || width > 64) return false;
  view->width = width;
  return in->GetBytes(PackedBytes(count, width), &view->bytes);
}

absl::Status Damaged(const char* what) { return absl::DataLossError(what); }

// Multiples of a factor; false if they are not. `survey` is of the values.
bool PutMultiples(const int64_t* values, size_t count, const Survey<int64_t>& survey,
                  std::string* out) {
  if (survey.width() < kFactorWidthMin) return false;
  for (const int64_t factor : kFactors) {
    const auto is_multiple = [factor](int64_t value) { return value % factor == 0; };
    if (!std::all_of(values, values + count, is_multiple)) continue;
    std::vector<int64_t> quotients(values, values + count);
    for (int64_t& value : quotients) value /= factor;
    PutLittle(out, factor);
    PutPacked(quotients.data(), count, {survey.min / factor, survey.max / factor}, out);
    return true;
  }
  return false;
}

int64_t MillisOf(int64_t time_us) { return FloorDivide(time_us, 1'000); }

// Integers: constant, runs or packed, whichever is smallest. `survey` is of the values.
template <typename T>
Encoding PutIntegers(const T* values, size_t count, const Survey<T>& survey, std::string* out) {
  if (survey.runs == 1) {
    PutLittle(out, static_cast<int64_t>(values[0]));
    return Encoding::kConstant;
  }
  if (survey.runs <= count / 4 + 1) {
    const size_t runs = survey.runs;
    std::vector<T> run_values;
    std::vector<uint32_t> run_lengths;
    run_values.reserve(runs);
    run_lengths.reserve(runs);
    for (size_t i = 0; i < count;) {
      size_t end = i + 1;
      while (end < count && values[end] == values[i]) ++end;
      run_values.push_back(values[i]);
      run_lengths.push_back(static_cast<uint32_t>(end - i));
      i = end;
    }
    // The runs' values have the range of all.
    const Survey<uint32_t> lengths = SurveyIntegers(run_lengths.data(), runs);
    if (PackedBlockBytes(runs, survey.width()) + PackedBlockBytes(runs, lengths.width()) <
        PackedBlockBytes(count, survey.width())) {
      PutLittle(out, static_cast<uint32_t>(runs));
      PutPacked(run_lengths.data(), runs, lengths, out);
      PutPacked(run_values.data(), runs, survey, out);
      return Encoding::kRunLength;
    }
  }
  if constexpr (std::is_same_v<T, int64_t>) {
    if (PutMultiples(values, count, survey, out)) return Encoding::kMultiples;
  }
  PutPacked(values, count, survey, out);
  return Encoding::kPacked;
}

// Repeats a value; may write past the end of the run, up to `room`. Most runs are short.
template <typename T>
void FillRun(T value, size_t length, size_t room, T* out) {
  constexpr size_t kStep = 32 / sizeof(T);
  if (length + kStep > room) {
    std::fill_n(out, length, value);
    return;
  }
  for (size_t at = 0; at < length; at += kStep) {
    for (size_t i = 0; i < kStep; ++i) out[at + i] = value;
  }
}

// T is int64_t or, where values are codes, uint32_t.
template <typename T>
absl::Status GetRuns(ByteReader* in, size_t count, T* out) {
  uint32_t runs = 0;
  PackedView lengths;
  PackedView values;
  if (!in->GetLittle(&runs) || runs > count || !GetPacked(in, runs, &lengths) ||
      !GetPacked(in, runs, &values)) {
    return Damaged("run-length block");
  }
  const Scratch run_lengths(new int64_t[runs]);
  const Scratch run_values(new int64_t[runs]);
  UnpackBits(lengths.bytes.data(), runs, lengths.base, lengths.width, run_lengths.get());
  UnpackBits(values.bytes.data(), runs, values.base, values.width, run_values.get());
  size_t at = 0;
  for (uint32_t i = 0; i < runs; ++i) {
    if (run_lengths[i] < 0 || static_cast<uint64_t>(run_lengths[i]) > count - at) {
      return Damaged("run length");
    }
    if (!std::in_range<T>(run_values[i])) return Damaged("codes");
    FillRun(static_cast<T>(run_values[i]), static_cast<size_t>(run_lengths[i]), count - at,
            out + at);
    at += static_cast<size_t>(run_lengths[i]);
  }
  return at == count ? absl::OkStatus() : Damaged("run lengths do not add up");
}

absl::Status GetIntegers(Encoding encoding, ByteReader* in, size_t count, int64_t* out) {
  switch (encoding) {
    case Encoding::kConstant: {
      int64_t value = 0;
      if (!in->GetLittle(&value)) return Damaged("constant");
      std::fill_n(out, count, value);
      return absl::OkStatus();
    }
    case Encoding::kPacked: {
      PackedView view;
      if (!GetPacked(in, count, &view)) return Damaged("packed block");
      UnpackBits(view.bytes.data(), count, view.base, view.width, out);
      return absl::OkStatus();
    }
    case Encoding::kRunLength:
      return GetRuns(in, count, out);
    case Encoding::kMultiples: {
      uint64_t factor = 0;
      PackedView view;
      if (!in->GetLittle(&factor) || !GetPacked(in, count, &view)) return Damaged("multiples");
      UnpackBits(view.bytes.data(), count, view.base, view.width, out);
      for (size_t i = 0; i < count; ++i) {
        out[i] = static_cast<int64_t>(static_cast<uint64_t>(out[i]) * factor);
      }
      return absl::OkStatus();
    }
    default:
      return Damaged("encoding does not suit integers");
  }
}

// The smallest exponent with which every value is an integer that gives the value back; -1 if there
// is none.
int DecimalExponent(const double* values, size_t count, std::vector<int64_t>* integers) {
  integers->resize(count);
  int exponent = 0;
  for (size_t i = 0; i < count; ++i) {
    while (true) {
      const double scaled = values[i] * kPowersOfTen[exponent];
      if (!(std::fabs(scaled) < 9e15)) return -1;
      const auto integer = static_cast<int64_t>(std::llround(scaled));
      const double back = static_cast<double>(integer) / kPowersOfTen[exponent];
      if (std::memcmp(&back, &values[i], sizeof(back)) == 0) break;
      if (++exponent > kDecimalExponentMax) return -1;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    const double scaled = values[i] * kPowersOfTen[exponent];
    if (!(std::fabs(scaled) < 9e15)) return -1;
    (*integers)[i] = std::llround(scaled);
    const double back = static_cast<double>((*integers)[i]) / kPowersOfTen[exponent];
    if (std::memcmp(&back, &values[i], sizeof(back)) != 0) return -1;
  }
  return exponent;
}

// Decimals less the milliseconds of their rows' times, if that is shorter than `width` bits each.
bool PutDecimalByTime(std::vector<int64_t> integers, int exponent, const int64_t* times_us,
                      int width, std::string* out) {
  if (exponent > kTimeExponent) return false;
  const auto scale = static_cast<int64_t>(kPowersOfTen[kTimeExponent - exponent]);
  for (size_t i = 0; i < integers.size(); ++i) {
    // Beyond this the integer would not be exact.
    if (integers[i] > kExactDoubleMax / scale || integers[i] < -kExactDoubleMax / scale) {
      return false;
    }
    integers[i] = integers[i] * scale - MillisOf(times_us[i]);
  }
  const Survey<int64_t> survey = SurveyIntegers(integers.data(), integers.size());
  if (survey.width() >= width) return false;
  out->push_back(static_cast<char>(kTimeExponent));
  PutPacked(integers.data(), integers.size(), survey, out);
  return true;
}

Encoding PutDoubles(const double* values, size_t count, const int64_t* times_us, std::string* out) {
  bool constant = true;
  for (size_t i = 1; i < count && constant; ++i) {
    constant = std::memcmp(&values[i], &values[0], sizeof(double)) == 0;
  }
  if (constant) {
    PutLittle(out, values[0]);
    return Encoding::kConstant;
  }
  std::vector<int64_t> integers;
  const int exponent = DecimalExponent(values, count, &integers);
  if (exponent >= 0) {
    const Survey<int64_t> survey = SurveyIntegers(integers.data(), count);
    if (times_us != nullptr &&
        PutDecimalByTime(integers, exponent, times_us, survey.width(), out)) {
      return Encoding::kDecimalByTime;
    }
    if (PackedBlockBytes(count, survey.width()) < count * sizeof(double)) {
      out->push_back(static_cast<char>(exponent));
      PutPacked(integers.data(), count, survey, out);
      return Encoding::kDecimal;
    }
  }
  out->append(reinterpret_cast<const char*>(values), count * sizeof(double));
  return Encoding::kPlain;
}

absl::Status GetDoubles(Encoding encoding, ByteReader* in, size_t count, const int64_t* times_us,
                        double* out) {
  if (encoding == Encoding::kConstant) {
    double value = 0;
    if (!in->GetLittle(&value)) return Damaged("constant");
    std::fill_n(out, count, value);
    return absl::OkStatus();
  }
  if (encoding == Encoding::kPlain) {
    std::string_view bytes;
    if (!in->GetBytes(count * sizeof(double), &bytes)) return Damaged("doubles");
    std::memcpy(out, bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  uint8_t exponent = 0;
  PackedView view;
  const bool is_by_time = encoding == Encoding::kDecimalByTime;
  if ((encoding != Encoding::kDecimal && !is_by_time) || !in->GetLittle(&exponent) ||
      exponent > kDecimalExponentMax || !GetPacked(in, count, &view)) {
    return Damaged("decimal block");
  }
  const Scratch integers(new int64_t[count]);
  UnpackBits(view.bytes.data(), count, view.base, view.width, integers.get());
  for (size_t i = 0; is_by_time && i < count; ++i) {
    integers[i] = static_cast<int64_t>(static_cast<uint64_t>(integers[i]) +
                                       static_cast<uint64_t>(MillisOf(times_us[i])));
  }
  for (size_t i = 0; i < count; ++i) {
    out[i] = static_cast<double>(integers[i]) / kPowersOfTen[exponent];
  }
  return absl::OkStatus();
}

Encoding PutBools(const uint8_t* values, size_t count, std::string* out) {
  const bool constant =
      std::all_of(values, values + count, [&](uint8_t value) { return value == values[0]; });
  if (constant) {
    out->push_back(static_cast<char>(values[0] != 0));
    return Encoding::kConstant;
  }
  const size_t at = out->size();
  out->resize(at + (count + 7) / 8, '\0');
  for (size_t i = 0; i < count; ++i) {
    if (values[i] != 0) (*out)[at + i / 8] |= static_cast<char>(1 << (i % 8));
  }
  return Encoding::kBits;
}

absl::Status GetBools(Encoding encoding, ByteReader* in, size_t count, uint8_t* out) {
  if (encoding == Encoding::kConstant) {
    uint8_t value = 0;
    if (!in->GetLittle(&value) || value > 1) return Damaged("constant");
    std::fill_n(out, count, value);
    return absl::OkStatus();
  }
  std::string_view bytes;
  if (encoding != Encoding::kBits || !in->GetBytes((count + 7) / 8, &bytes)) {
    return Damaged("bits");
  }
  for (size_t i = 0; i < count; ++i) out[i] = (bytes[i / 8] >> (i % 8)) & 1;
  return absl::OkStatus();
}

// What the milliseconds of a row's time are in the high half of a uuid.
uint64_t UuidTime(int64_t time_us) {
  return static_cast<uint64_t>(MillisOf(time_us)) << kUuidTimeShift;
}

Encoding PutWide(const Int128* values, size_t count, const int64_t* times_us, std::string* out) {
  if (std::all_of(values, values + count, [&](Int128 value) { return value == values[0]; })) {
    PutLittle(out, values[0]);
    return Encoding::kConstant;
  }
  std::vector<int64_t> halves(count);
  for (size_t i = 0; i < count; ++i) halves[i] = static_cast<int64_t>(values[i] >> 64);
  Survey<int64_t> survey = SurveyIntegers(halves.data(), count);
  Encoding encoding = Encoding::kWide;
  if (times_us != nullptr) {
    std::vector<int64_t> by_time(count);
    for (size_t i = 0; i < count; ++i) {
      by_time[i] = static_cast<int64_t>(static_cast<uint64_t>(halves[i]) - UuidTime(times_us[i]));
    }
    const Survey<int64_t> survey_by_time = SurveyIntegers(by_time.data(), count);
    if (survey_by_time.width() < survey.width()) {
      halves.swap(by_time);
      survey = survey_by_time;
      encoding = Encoding::kWideByTime;
    }
  }
  PutPacked(halves.data(), count, survey, out);
  for (size_t i = 0; i < count; ++i) halves[i] = static_cast<int64_t>(values[i]);
  PutPacked(halves.data(), count, out);
  return encoding;
}

absl::Status GetWide(Encoding encoding, ByteReader* in, size_t count, const int64_t* times_us,
                     Int128* out) {
  if (encoding == Encoding::kConstant) {
    Int128 value = 0;
    if (!in->GetLittle(&value)) return Damaged("constant");
    std::fill_n(out, count, value);
    return absl::OkStatus();
  }
  PackedView high;
  PackedView low;
  const bool is_by_time = encoding == Encoding::kWideByTime;
  if ((encoding != Encoding::kWide && !is_by_time) || !GetPacked(in, count, &high) ||
      !GetPacked(in, count, &low)) {
    return Damaged("wide block");
  }
  const Scratch halves(new int64_t[count]);
  UnpackBits(high.bytes.data(), count, high.base, high.width, halves.get());
  for (size_t i = 0; is_by_time && i < count; ++i) {
    halves[i] = static_cast<int64_t>(static_cast<uint64_t>(halves[i]) + UuidTime(times_us[i]));
  }
  for (size_t i = 0; i < count; ++i) {
    out[i] = static_cast<Int128>(static_cast<UInt128>(static_cast<uint64_t>(halves[i])) << 64);
  }
  UnpackBits(low.bytes.data(), count, low.base, low.width, halves.get());
  for (size_t i = 0; i < count; ++i) out[i] |= static_cast<uint64_t>(halves[i]);
  return absl::OkStatus();
}

Encoding PutStrings(const std::string_view* values, size_t count, std::string* out) {
  const bool constant = std::all_of(values, values + count,
                                    [&](std::string_view value) { return value == values[0]; });
  if (constant) {
    out->append(values[0]);
    return Encoding::kConstant;
  }
  std::vector<int64_t> lengths(count);
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    lengths[i] = static_cast<int64_t>(values[i].size());
    bytes += values[i].size();
  }
  PutPacked(lengths.data(), count, out);
  out->reserve(out->size() + bytes);
  for (size_t i = 0; i < count; ++i) out->append(values[i]);
  return Encoding::kStrings;
}

absl::Status GetStrings(Encoding encoding, ByteReader* in, size_t count, std::string_view* out) {
  if (encoding == Encoding::kConstant) {
    std::string_view value;
    if (!in->GetBytes(in->left().size(), &value)) return Damaged("constant");
    std::fill_n(out, count, value);
    return absl::OkStatus();
  }
  PackedView view;
  if (encoding != Encoding::kStrings || !GetPacked(in, count, &view)) {
    return Damaged("string lengths");
  }
  const Scratch lengths(new int64_t[count]);
  UnpackBits(view.bytes.data(), count, view.base, view.width, lengths.get());
  for (size_t i = 0; i < count; ++i) {
    if (!in->GetBytes(static_cast<uint64_t>(lengths[i]), &out[i])) return Damaged("string bytes");
  }
  return absl::OkStatus();
}

// The values that are not null, in order.
template <typename T>
const T* DenseValues(const T* values, const uint64_t* validity, size_t rows, size_t valid,
                     std::vector<T>* scratch) {
  if (validity == nullptr || valid == rows) return values;
  scratch->resize(valid + 1);
  size_t to = 0;
  for (size_t row = 0; row < rows; ++row) {
    (*scratch)[to] = values[row];
    to += BitIsSet(validity, row);
  }
  return scratch->data();
}

void PutValidity(const uint64_t* validity, size_t rows, std::string* out) {
  const size_t at = out->size();
  out->append(reinterpret_cast<const char*>(validity), BitmapWords(rows) * sizeof(uint64_t));
  if (rows % 64 != 0) {
    // Bits past the end are zero, so that equal columns have equal bytes.
    uint64_t last = validity[rows / 64] & ((uint64_t{1} << (rows % 64)) - 1);
    std::memcpy(out->data() + at + (rows / 64) * sizeof(last), &last, sizeof(last));
  }
}

void FinishChunk(std::string body, Compression compression, EncodedChunk* chunk) {
  chunk->meta.raw_bytes = static_cast<uint32_t>(body.size());
  chunk->meta.compression = Compress(compression, body, &chunk->stored);
  if (chunk->meta.compression == Compression::kNone) chunk->stored = std::move(body);
  chunk->meta.stored_bytes = static_cast<uint32_t>(chunk->stored.size());
  chunk->meta.crc = Crc32c(chunk->stored);
}

struct RowCounts {
  size_t rows;
  size_t valid;
};

void StartChunk(const uint64_t* validity, const RowCounts& counts, EncodedChunk* chunk,
                std::string* body) {
  chunk->meta.rows = static_cast<uint32_t>(counts.rows);
  chunk->meta.null_count = static_cast<uint32_t>(counts.rows - counts.valid);
  if (counts.valid > 0 && counts.valid < counts.rows) PutValidity(validity, counts.rows, body);
}

template <typename T>
void PutIntegerChunk(const T* values, size_t valid, EncodedChunk* chunk, std::string* body) {
  const Survey<T> survey = SurveyIntegers(values, valid);
  chunk->meta.min = survey.min;
  chunk->meta.max = survey.max;
  chunk->meta.encoding = PutIntegers(values, valid, survey, body);
}

// The codes that are not null, in order (one more is written), and which ones those are.
void DropNulls(const uint32_t* codes, size_t rows, uint32_t null_code,
               std::vector<uint64_t>* validity, std::vector<uint32_t>* dense) {
  validity->resize(BitmapWords(rows));
  dense->resize(rows + 1);
  uint32_t* to = dense->data();
  for (size_t begin = 0; begin < rows; begin += 64) {
    uint64_t word = 0;
    for (size_t row = begin; row < std::min(rows, begin + 64); ++row) {
      const bool is_valid = codes[row] != null_code;
      *to = codes[row];
      to += is_valid ? 1 : 0;
      word |= uint64_t{is_valid} << (row - begin);
    }
    (*validity)[begin / 64] = word;
  }
}

}  // namespace

bool MayBeByTime(const Vector& values) {
  // Seconds of the years 2001 to 2096.
  constexpr double kSecondsMin = 1e9;
  constexpr double kSecondsMax = 4e9;
  if (values.type().physical() == Physical::kI128) return true;
  if (values.type().physical() != Physical::kF64 || values.form() != Vector::Form::kFlat) {
    return false;
  }
  for (size_t row = 0; row < values.size(); ++row) {
    if (values.IsNull(row)) continue;
    const double value = values.data<double>()[row];
    return value >= kSecondsMin && value < kSecondsMax;
  }
  return false;
}

absl::StatusOr<EncodedChunk> EncodeChunk(const Vector& values, Compression compression,
                                         const int64_t* times_us) {
  HOGLET_ASSERT(values.form() == Vector::Form::kFlat);
  EncodedChunk chunk;
  std::string body;
  const uint64_t* validity = values.validity();
  const size_t rows = values.size();
  const size_t valid = validity == nullptr ? rows : CountBits(validity, rows);
  StartChunk(validity, {.rows = rows, .valid = valid}, &chunk, &body);
  if (valid == 0) return chunk;
  std::vector<int64_t> dense_times;
  if (times_us != nullptr) times_us = DenseValues(times_us, validity, rows, valid, &dense_times);
  switch (values.type().physical()) {
    case Physical::kI64: {
      std::vector<int64_t> scratch;
      PutIntegerChunk(DenseValues(values.data<int64_t>(), validity, rows, valid, &scratch), valid,
                      &chunk, &body);
      break;
    }
    case Physical::kF64: {
      std::vector<double> scratch;
      chunk.meta.encoding =
          PutDoubles(DenseValues(values.data<double>(), validity, rows, valid, &scratch), valid,
                     times_us, &body);
      break;
    }
    case Physical::kU8: {
      std::vector<uint8_t> scratch;
      chunk.meta.encoding = PutBools(
          DenseValues(values.data<uint8_t>(), validity, rows, valid, &scratch), valid, &body);
      break;
    }
    case Physical::kI128: {
      std::vector<Int128> scratch;
      chunk.meta.encoding =
          PutWide(DenseValues(values.data<Int128>(), validity, rows, valid, &scratch), valid,
                  times_us, &body);
      break;
    }
    case Physical::kString: {
      std::vector<std::string_view> scratch;
      const std::string_view* dense =
          DenseValues(values.data<std::string_view>(), validity, rows, valid, &scratch);
      uint64_t bytes = 0;
      for (size_t i = 0; i < valid; ++i) bytes += dense[i].size();
      if (bytes > kChunkBytesMax / 2) {
        return absl::ResourceExhaustedError(
            StrCat(bytes, " bytes of strings in one granule exceed the limit"));
      }
      chunk.meta.encoding = PutStrings(dense, valid, &body);
      break;
    }
    default:
      HOGLET_ASSERT(false && "no encoding for this physical form");
  }
  FinishChunk(std::move(body), compression, &chunk);
  return chunk;
}

EncodedChunk EncodeCodes(const uint32_t* codes, size_t rows, uint32_t null_code,
                         Compression compression) {
  EncodedChunk chunk;
  std::string body;
  const auto nulls = static_cast<size_t>(std::count(codes, codes + rows, null_code));
  std::vector<uint64_t> validity;
  std::vector<uint32_t> dense;
  if (nulls > 0 && nulls < rows) {
    DropNulls(codes, rows, null_code, &validity, &dense);
    codes = dense.data();
  }
  StartChunk(validity.data(), {.rows = rows, .valid = rows - nulls}, &chunk, &body);
  if (nulls == rows) return chunk;
  PutIntegerChunk(codes, rows - nulls, &chunk, &body);
  FinishChunk(std::move(body), compression, &chunk);
  return chunk;
}

absl::StatusOr<ChunkBody> UncompressChunk(const ChunkMeta& meta, std::string_view stored,
                                          std::shared_ptr<const void> owner) {
  if (meta.compression == Compression::kNone) {
    if (stored.size() != meta.raw_bytes) return Damaged("chunk length");
    return ChunkBody{stored, std::move(owner)};
  }
  if (meta.raw_bytes > kChunkBytesMax) return Damaged("chunk too large");
  // Bounds the allocation by what the stored bytes could possibly hold.
  if (meta.compression == Compression::kLz4 &&
      meta.raw_bytes > uint64_t{meta.stored_bytes} * 256 + 64) {
    return Damaged("impossible compression ratio");
  }
  std::shared_ptr<char[]> raw(new char[meta.raw_bytes]);
  HOGLET_RETURN_IF_ERROR(Decompress(meta.compression, stored, raw.get(), meta.raw_bytes));
  return ChunkBody{std::string_view(raw.get(), meta.raw_bytes), raw};
}

namespace {

// Reads the validity of a chunk into aligned words; null if all rows are valid.
absl::Status GetValidity(const ChunkMeta& meta, ByteReader* in, std::vector<uint64_t>* words) {
  if (meta.null_count == 0) return absl::OkStatus();
  std::string_view bytes;
  if (!in->GetBytes(BitmapWords(meta.rows) * sizeof(uint64_t), &bytes)) return Damaged("validity");
  words->resize(BitmapWords(meta.rows));
  std::memcpy(words->data(), bytes.data(), bytes.size());
  if (CountBits(words->data(), meta.rows) != meta.rows - meta.null_count) {
    return Damaged("validity does not match the null count");
  }
  return absl::OkStatus();
}

template <typename T, typename Get>
absl::Status DecodeInto(const ChunkMeta& meta, ByteReader* in,
                        const std::vector<uint64_t>& validity, Get get, T* out) {
  const size_t valid = meta.rows - meta.null_count;
  HOGLET_RETURN_IF_ERROR(get(meta.encoding, in, valid, out));
  if (!validity.empty()) SpreadToValid(out, valid, validity.data(), meta.rows);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Vector> DecodeChunk(const ChunkMeta& meta, const ChunkBody& body, Type type,
                                   const int64_t* times_us) {
  if (meta.null_count > meta.rows) return Damaged("null count");
  if (IsByTime(meta.encoding) && times_us == nullptr) return Damaged("no times to go by");
  Vector vector = Vector::Flat(type, meta.rows);
  if (meta.null_count == meta.rows) {
    if (meta.rows == 0) return vector;
    std::fill_n(vector.mutable_validity(), BitmapWords(meta.rows), 0);
    if (type.physical() == Physical::kString) {
      std::fill_n(vector.mutable_data<std::string_view>(), meta.rows, std::string_view());
    }
    return vector;
  }
  ByteReader in(body.bytes);
  std::vector<uint64_t> validity;
  HOGLET_RETURN_IF_ERROR(GetValidity(meta, &in, &validity));
  std::vector<int64_t> dense_times;
  if (IsByTime(meta.encoding) && !validity.empty()) {
    times_us = DenseValues(times_us, validity.data(), meta.rows, meta.rows - meta.null_count,
                           &dense_times);
  }
  // Decoders of what may be told by the rows' times.
  const auto by_time = [times_us](auto get) {
    return [times_us, get](Encoding encoding, ByteReader* bytes, size_t count, auto* out) {
      return get(encoding, bytes, count, times_us, out);
    };
  };
  switch (type.physical()) {
    case Physical::kI64:
      HOGLET_RETURN_IF_ERROR(
          DecodeInto(meta, &in, validity, GetIntegers, vector.mutable_data<int64_t>()));
      break;
    case Physical::kF64:
      HOGLET_RETURN_IF_ERROR(
          DecodeInto(meta, &in, validity, by_time(GetDoubles), vector.mutable_data<double>()));
      break;
    case Physical::kU8:
      HOGLET_RETURN_IF_ERROR(
          DecodeInto(meta, &in, validity, GetBools, vector.mutable_data<uint8_t>()));
      break;
    case Physical::kI128:
      HOGLET_RETURN_IF_ERROR(
          DecodeInto(meta, &in, validity, by_time(GetWide), vector.mutable_data<Int128>()));
      break;
    case Physical::kString:
      HOGLET_RETURN_IF_ERROR(
          DecodeInto(meta, &in, validity, GetStrings, vector.mutable_data<std::string_view>()));
      vector.KeepAlive(body.owner);
      break;
    default:
      return Damaged("column type");
  }
  if (!in.empty()) return Damaged("bytes after the values");
  if (!validity.empty()) {
    std::copy(validity.begin(), validity.end(), vector.mutable_validity());
  }
  return vector;
}

absl::Status DecodeCodes(const ChunkMeta& meta, const ChunkBody& body, uint32_t dictionary_entries,
                         uint32_t null_code, uint32_t* out) {
  if (meta.null_count > meta.rows) return Damaged("null count");
  if (meta.null_count == meta.rows) {
    std::fill_n(out, meta.rows, null_code);
    return absl::OkStatus();
  }
  ByteReader in(body.bytes);
  std::vector<uint64_t> validity;
  HOGLET_RETURN_IF_ERROR(GetValidity(meta, &in, &validity));
  const size_t valid = meta.rows - meta.null_count;
  if (meta.encoding == Encoding::kPacked) {
    PackedView view;
    if (!GetPacked(&in, valid, &view)) return Damaged("packed block");
    if (view.base < 0 || view.base > UINT32_MAX || view.width > 32) return Damaged("codes");
    UnpackBits(view.bytes.data(), valid, static_cast<uint32_t>(view.base), view.width, out);
  } else if (meta.encoding == Encoding::kRunLength) {
    HOGLET_RETURN_IF_ERROR(GetRuns(&in, valid, out));
  } else {
    const Scratch integers(new int64_t[valid]);
    HOGLET_RETURN_IF_ERROR(GetIntegers(meta.encoding, &in, valid, integers.get()));
    for (size_t i = 0; i < valid; ++i) {
      if (integers[i] < 0 || integers[i] > UINT32_MAX) return Damaged("codes");
      out[i] = static_cast<uint32_t>(integers[i]);
    }
  }
  if (!in.empty()) return Damaged("bytes after the values");
  uint32_t top = 0;
  for (size_t i = 0; i < valid; ++i) top = std::max(top, out[i]);
  if (top >= dictionary_entries) return Damaged("code outside the dictionary");
  if (!validity.empty()) {
    SpreadToValid(out, valid, validity.data(), meta.rows);
    for (size_t row = 0; row < meta.rows; ++row) {
      if (!BitIsSet(validity.data(), row)) out[row] = null_code;
    }
  }
  return absl::OkStatus();
}

}  // namespace hoglet
