#include "query/functions/kernel.h"

#include <cmath>
#include <mutex>
#include <tuple>

#include "query/functions/types.h"

namespace hoglet::fn {
namespace {

// Results of one function on the dictionaries it met last. All granules of a part share a
// dictionary.
class DictionaryCache {
 public:
  std::shared_ptr<const Vector> Find(const std::shared_ptr<const Vector>& dictionary) {
    std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.dictionary == dictionary) return entry.result;
    }
    return nullptr;
  }
  void Put(std::shared_ptr<const Vector> dictionary, std::shared_ptr<const Vector> result) {
    std::lock_guard lock(mutex_);
    if (entries_.size() < kEntriesMax) {
      entries_.push_back({std::move(dictionary), std::move(result)});
    } else {
      entries_[next_++ % kEntriesMax] = {std::move(dictionary), std::move(result)};
    }
  }

 private:
  static constexpr size_t kEntriesMax = 4;
  struct Entry {
    std::shared_ptr<const Vector> dictionary;  // held, so that its address is not reused
    std::shared_ptr<const Vector> result;
  };
  std::mutex mutex_;
  std::vector<Entry> entries_;
  size_t next_ = 0;
};

class KernelFunction final : public ScalarFunction {
 public:
  KernelFunction(Type result, Kernel kernel) : kernel_(std::move(kernel)) {
    result_type_ = std::move(result);
  }

  void Configure(const Call& call, uint8_t flags) {
    flags_ = flags;
    propagates_ = (flags & kSeesNulls) == 0;
    for (const FunctionArgument& arg : call.args) bound_.push_back(arg.constant.has_value());
    if (!propagates_) return;
    for (const FunctionArgument& arg : call.args) {
      if (arg.type.nullable()) result_type_ = result_type_.Nullable();
    }
  }

  bool deterministic() const override { return (flags_ & kNondeterministic) == 0; }
  bool short_circuits() const override { return (flags_ & kShortCircuits) != 0; }

  absl::StatusOr<Vector> Evaluate(EvalContext& context, std::span<const Vector> args,
                                  std::span<const LambdaBody* const> lambdas,
                                  size_t rows) const override {
    if (rows == 0) return Vector::Flat(result_type_, 0);
    size_t varying = 0;
    size_t varying_at = 0;
    bool lambda = false;
    for (size_t i = 0; i < args.size(); ++i) {
      if (i < lambdas.size() && lambdas[i] != nullptr) {
        lambda = true;
      } else if (!args[i].is_constant()) {
        ++varying;
        varying_at = i;
      }
    }
    if (deterministic() && !lambda) {
      if (varying == 0) return OnConstants(context, args, lambdas, rows);
      if (varying == 1 && args[varying_at].form() == Vector::Form::kDictionary) {
        auto result = OnDictionary(context, args, lambdas, varying_at, rows);
        if (result.ok()) return result;
        // An entry that no row refers to may be what failed.
      }
    }
    bool dictionaries = false;
    for (const Vector& arg : args) {
      dictionaries |= arg.form() == Vector::Form::kDictionary;
    }
    if (!dictionaries) return Core(context, args, lambdas, rows);
    std::vector<Vector> flat(args.begin(), args.end());
    for (Vector& arg : flat) {
      if (arg.form() == Vector::Form::kDictionary) arg = arg.Flatten();
    }
    return Core(context, flat, lambdas, rows);
  }

 private:
  absl::StatusOr<Vector> OnConstants(EvalContext& context, std::span<const Vector> args,
                                     std::span<const LambdaBody* const> lambdas,
                                     size_t rows) const {
    std::vector<Vector> one;
    one.reserve(args.size());
    for (const Vector& arg : args) one.push_back(arg.WithRows(1));
    HOGLET_ASSIGN_OR_RETURN(Vector value, Core(context, one, lambdas, 1));
    if (value.is_constant()) return value.WithRows(rows);
    if (rows == 1) return value;
    if (value.IsNull(0)) return Vector::NullConstant(result_type_, rows);
    return Vector::Constant(result_type_, value.Get(0), rows);
  }

  absl::StatusOr<Vector> OnDictionary(EvalContext& context, std::span<const Vector> args,
                                      std::span<const LambdaBody* const> lambdas, size_t at,
                                      size_t rows) const {
    const std::shared_ptr<const Vector>& dictionary = args[at].dictionary();
    // Worth it even for a dictionary larger than the batch, because the result is kept; but not if
    // the other arguments may change.
    bool cacheable = true;
    for (size_t i = 0; i < args.size(); ++i) {
      cacheable &= i == at || (i < bound_.size() && bound_[i]);
    }
    if (!cacheable && dictionary->size() > rows) {
      return absl::FailedPreconditionError("dictionary larger than the batch");
    }
    if (cacheable) {
      if (auto hit = cache_.Find(dictionary)) {
        return Relabelled(Vector::Dictionary(hit, args[at].shared_codes(), rows));
      }
    }
    std::vector<Vector> on(args.begin(), args.end());
    const size_t entries = dictionary->size();
    for (size_t i = 0; i < on.size(); ++i) on[i] = i == at ? *dictionary : on[i].WithRows(entries);
    HOGLET_ASSIGN_OR_RETURN(Vector mapped, Core(context, on, lambdas, entries));
    auto result = std::make_shared<const Vector>(mapped.Flatten());
    if (cacheable) cache_.Put(dictionary, result);
    return Relabelled(Vector::Dictionary(result, args[at].shared_codes(), rows));
  }

  Vector Relabelled(Vector vector) const {
    vector.set_type(result_type_);
    return vector;
  }

  absl::StatusOr<Vector> Core(EvalContext& context, std::span<const Vector> args,
                              std::span<const LambdaBody* const> lambdas, size_t rows) const {
    std::vector<uint64_t> valid;
    if (propagates_) {
      for (const Vector& arg : args) {
        if (arg.type().physical() == Physical::kNone && arg.type().kind() != TypeKind::kFunction) {
          return Vector::NullConstant(result_type_, rows);
        }
        const uint64_t* bits = arg.validity();
        if (bits == nullptr) continue;
        if (arg.is_constant()) {
          if (!BitIsSet(bits, 0)) return Vector::NullConstant(result_type_, rows);
          continue;
        }
        if (valid.empty()) {
          valid.assign(bits, bits + BitmapWords(rows));
        } else {
          for (size_t w = 0; w < valid.size(); ++w) valid[w] &= bits[w];
        }
      }
    }
    Batch batch{context, args, lambdas, rows, valid.empty() ? nullptr : valid.data()};
    HOGLET_ASSIGN_OR_RETURN(Vector out, kernel_(batch));
    if (!valid.empty()) {
      if (out.form() != Vector::Form::kFlat) out = out.Flatten();
      uint64_t* bits = out.mutable_validity();
      for (size_t w = 0; w < valid.size(); ++w) bits[w] &= valid[w];
    }
    return Relabelled(std::move(out));
  }

  Kernel kernel_;
  uint8_t flags_ = kDefault;
  bool propagates_ = false;
  std::vector<bool> bound_;
  mutable DictionaryCache cache_;
};

Vector ToI64(const Vector& vector, size_t count) {
  Vector out = Vector::Flat(I64(), count);
  auto* to = out.mutable_data<int64_t>();
  switch (vector.type().physical()) {
    case Physical::kU8:
      std::copy_n(vector.data<uint8_t>(), count, to);
      break;
    case Physical::kF64: {
      const double* from = vector.data<double>();
      for (size_t i = 0; i < count; ++i) to[i] = CutToInt64(from[i]);
      break;
    }
    case Physical::kI128: {
      const Int128* from = vector.data<Int128>();
      for (size_t i = 0; i < count; ++i) to[i] = static_cast<int64_t>(from[i]);
      break;
    }
    default:
      std::fill_n(to, count, 0);
  }
  return out;
}

Vector ToF64(const Vector& vector, size_t count) {
  Vector out = Vector::Flat(F64(), count);
  auto* to = out.mutable_data<double>();
  const Type& type = vector.type();
  switch (type.physical()) {
    case Physical::kU8:
      std::copy_n(vector.data<uint8_t>(), count, to);
      break;
    case Physical::kI64: {
      const int64_t* from = vector.data<int64_t>();
      if (type.kind() == TypeKind::kUInt64) {
        for (size_t i = 0; i < count; ++i)
          to[i] = static_cast<double>(static_cast<uint64_t>(from[i]));
      } else if (type.kind() == TypeKind::kDecimal) {
        const double unit = std::pow(10.0, type.scale());
        for (size_t i = 0; i < count; ++i) to[i] = static_cast<double>(from[i]) / unit;
      } else {
        for (size_t i = 0; i < count; ++i) to[i] = static_cast<double>(from[i]);
      }
      break;
    }
    case Physical::kI128: {
      const Int128* from = vector.data<Int128>();
      const double unit = type.kind() == TypeKind::kDecimal ? std::pow(10.0, type.scale()) : 1;
      const bool is_unsigned = type.kind() == TypeKind::kUInt128;
      for (size_t i = 0; i < count; ++i) {
        to[i] = (is_unsigned ? static_cast<double>(static_cast<UInt128>(from[i]))
                             : static_cast<double>(from[i])) /
                unit;
      }
      break;
    }
    default:
      std::fill_n(to, count, 0);
  }
  return out;
}

Vector ToI128(const Vector& vector, size_t count) {
  Vector out = Vector::Flat(Type(TypeKind::kInt128), count);
  auto* to = out.mutable_data<Int128>();
  switch (vector.type().physical()) {
    case Physical::kU8:
      std::copy_n(vector.data<uint8_t>(), count, to);
      break;
    case Physical::kI64: {
      const int64_t* from = vector.data<int64_t>();
      const bool is_unsigned = vector.type().kind() == TypeKind::kUInt64;
      for (size_t i = 0; i < count; ++i) {
        to[i] = is_unsigned ? static_cast<Int128>(static_cast<uint64_t>(from[i])) : from[i];
      }
      break;
    }
    case Physical::kF64: {
      const double* from = vector.data<double>();
      for (size_t i = 0; i < count; ++i) {
        to[i] = std::abs(from[i]) < 1.7e38 ? static_cast<Int128>(from[i]) : 0;
      }
      break;
    }
    default:
      std::fill_n(to, count, 0);
  }
  return out;
}

}  // namespace

absl::Status Call::ExpectCount(size_t min, size_t max) const {
  if (args.size() >= min && args.size() <= max) return absl::OkStatus();
  return Error("number_of_arguments_doesnt_match", "Number of arguments for function ", name,
               " doesn't match: passed ", args.size(), ", should be ",
               min == max ? Cat(min) : Cat(min, " to ", max));
}

absl::Status Call::BadType(size_t i) const {
  return Error("illegal_type_of_argument", "Illegal type ",
               i < args.size() ? args[i].type.Name() : "", " of argument ", i + 1, " of function ",
               name);
}

absl::StatusOr<std::string> Call::ConstantString(size_t i) const {
  if (!has_constant(i) || constant(i).value.index() != 4) {
    return Error("illegal_column", "Argument ", i + 1, " of function ", name,
                 " must be a constant string");
  }
  return constant(i).string();
}

absl::StatusOr<int64_t> Call::ConstantInteger(size_t i) const {
  if (!has_constant(i) || constant(i).value.index() != 1) {
    return Error("illegal_column", "Argument ", i + 1, " of function ", name,
                 " must be a constant integer");
  }
  return constant(i).integer();
}

Bound MakeFunction(Type result, Kernel kernel) {
  return std::make_unique<KernelFunction>(std::move(result), std::move(kernel));
}

bool CanBeNullable(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kTuple:
    case TypeKind::kState:
    case TypeKind::kFunction:
      return false;
    default:
      return true;
  }
}

Bound Finish(Bound bound, const Call& original, uint8_t flags) {
  if (!bound.ok()) return bound;
  // Binders may also return functions that are complete already.
  auto* kernel = dynamic_cast<KernelFunction*>(bound->get());
  if (kernel == nullptr) return bound;
  if ((flags & kSeesNulls) == 0 && !CanBeNullable(kernel->result_type())) {
    for (const FunctionArgument& arg : original.args) {
      if (!arg.type.nullable()) continue;
      return Error("illegal_type_of_argument", "Nested type ", kernel->result_type().Name(),
                   " cannot be inside Nullable type: function ", original.name,
                   " of a nullable argument");
    }
  }
  kernel->Configure(original, flags);
  return bound;
}

Vector ToPhysical(const Vector& vector, Physical target) {
  const size_t count = vector.is_constant() ? 1 : vector.size();
  Vector out;
  switch (target) {
    case Physical::kI64:
      out = ToI64(vector, count);
      break;
    case Physical::kF64:
      out = ToF64(vector, count);
      break;
    case Physical::kI128:
      out = ToI128(vector, count);
      break;
    case Physical::kU8: {
      const Vector wide = ToI64(vector, count);
      out = Vector::Flat(U8(), count);
      const bool same = vector.type().physical() == Physical::kI64;
      const int64_t* from = same ? vector.data<int64_t>() : wide.data<int64_t>();
      for (size_t i = 0; i < count; ++i) {
        out.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(from[i]);
      }
      break;
    }
    default:
      out = Vector::Flat(StringType(), count);
      std::fill_n(out.mutable_data<std::string_view>(), count, std::string_view());
  }
  if (!vector.is_constant()) return out;
  return Vector::Constant(out.type(), out.Get(0), vector.size());
}

Vector StringList::Build(const Type& array_type, std::shared_ptr<const uint32_t[]> offsets,
                         size_t rows, std::span<const Vector> keep_alive) {
  Vector child = Vector::Flat(array_type.element(), views_.size());
  std::copy(views_.begin(), views_.end(), child.mutable_data<std::string_view>());
  child.KeepAlive(heap_);
  for (const Vector& vector : keep_alive) child.KeepAliveFrom(vector);
  Vector out = Vector::ArrayOf(array_type, std::move(offsets), std::move(child), rows);
  return out;
}

absl::StatusOr<Vector> BuildStringLists(const Type& array_type, const Batch& batch,
                                        const StringListRow& row) {
  std::shared_ptr<uint32_t[]> offsets(new uint32_t[batch.rows + 1]);
  offsets[0] = 0;
  StringList list;
  for (size_t i = 0; i < batch.rows; ++i) {
    if (batch.live(i)) HOGLET_RETURN_IF_ERROR(row(i, &list));
    offsets[i + 1] = static_cast<uint32_t>(list.size());
  }
  return list.Build(array_type, offsets, batch.rows, batch.args);
}

Bound MapDatums(const Type& type, DatumRow row) {
  return MakeFunction(type,
                      [type, row = std::move(row)](const Batch& batch) -> absl::StatusOr<Vector> {
                        VectorBuilder builder(type);
                        std::vector<Datum> values(batch.args.size());
                        for (size_t i = 0; i < batch.rows; ++i) {
                          if (!batch.live(i)) {
                            builder.AppendDefault();
                            continue;
                          }
                          for (size_t a = 0; a < values.size(); ++a) {
                            if (batch.args[a].type().kind() != TypeKind::kFunction)
                              values[a] = batch.args[a].Get(i);
                          }
                          HOGLET_ASSIGN_OR_RETURN(Datum value, row(values));
                          if (value.is_null() && type.physical() != Physical::kNone) {
                            builder.AppendNull();
                          } else {
                            builder.Append(value);
                          }
                        }
                        return builder.Build();
                      });
}

}  // namespace hoglet::fn
