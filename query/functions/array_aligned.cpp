#include <algorithm>
#include <cmath>
#include <cstddef>

#include "query/functions/arrays.h"
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// Arrays side by side, and all elements of an array taken together.

namespace hoglet::fn {
namespace {

// The ranges of all arguments, which have the same sizes in every row.
absl::StatusOr<std::vector<ArrayRows>> SameSizes(const Batch& batch, std::string_view name) {
  std::vector<ArrayRows> arrays;
  for (const Vector& arg : batch.args) arrays.emplace_back(arg.Flatten());
  for (const ArrayRows& array : arrays) {
    for (size_t i = 0; i < batch.rows; ++i) {
      if (array.size(i) != arrays[0].size(i)) return SizesDiffer(name);
    }
  }
  return arrays;
}

Bound BindZip(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  HOGLET_ASSIGN_OR_RETURN(std::vector<Type> types, ElementTypes(call));
  const Type type = Type::Array(Type::Tuple(types));
  return MakeFunction(
      type, [type, name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        HOGLET_ASSIGN_OR_RETURN(const auto arrays, SameSizes(batch, name));
        ElementPicker picker(batch.rows);
        for (size_t i = 0; i < batch.rows; ++i) {
          picker.AddRange(arrays[0].begin(i), arrays[0].end(i));
          picker.CloseRow();
        }
        // All arrays have the same offsets.
        std::vector<Vector> children;
        for (const ArrayRows& array : arrays) {
          children.push_back(array.child().Gather(picker.positions().data(), picker.size()));
        }
        Vector tuples = Vector::TupleOf(type.element(), std::move(children), picker.size());
        return Vector::ArrayOf(type, picker.offsets(), std::move(tuples), batch.rows);
      });
}

enum class Numbering { kUniq, kDense, kOccurrence };

// Distinct values of a row, where several arrays make tuples: their number, or a number for each
// element.
template <Numbering numbering>
Bound BindNumbering(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  HOGLET_RETURN_IF_ERROR(ElementTypes(call).status());
  const Type u32(TypeKind::kUInt32);
  const Type type = numbering == Numbering::kUniq ? u32 : Type::Array(u32);
  return MakeFunction(
      type,
      [type, u32, name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        HOGLET_ASSIGN_OR_RETURN(const auto arrays, SameSizes(batch, name));
        const size_t elements = arrays[0].end(batch.rows - 1);
        Vector out = Vector::Flat(u32, numbering == Numbering::kUniq ? batch.rows : elements);
        auto* data = out.mutable_data<int64_t>();
        std::shared_ptr<uint32_t[]> offsets(new uint32_t[batch.rows + 1]);
        offsets[0] = 0;
        StringMap<int64_t> seen;
        std::string key;
        for (size_t i = 0; i < batch.rows; ++i) {
          seen.clear();
          for (uint32_t e = arrays[0].begin(i); e < arrays[0].end(i); ++e) {
            key.clear();
            for (const ArrayRows& array : arrays) AppendKey(array.child(), e, &key);
            const auto [entry, added] = seen.try_emplace(key, 0);
            if (numbering == Numbering::kDense && added)
              entry->second = static_cast<int64_t>(seen.size());
            if (numbering == Numbering::kOccurrence) ++entry->second;
            if (numbering != Numbering::kUniq) data[e] = entry->second;
          }
          if (numbering == Numbering::kUniq) data[i] = static_cast<int64_t>(seen.size());
          offsets[i + 1] = arrays[0].end(i);
        }
        if (numbering == Numbering::kUniq) return out;
        return Vector::ArrayOf(type, offsets, std::move(out), batch.rows);
      });
}

Bound BindEnumerate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  HOGLET_RETURN_IF_ERROR(ElementTypes(call).status());
  const Type u32(TypeKind::kUInt32);
  const Type type = Type::Array(u32);
  return MakeFunction(
      type,
      [type, u32, name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        HOGLET_ASSIGN_OR_RETURN(const auto arrays, SameSizes(batch, name));
        Vector child = Vector::Flat(u32, arrays[0].end(batch.rows - 1));
        std::shared_ptr<uint32_t[]> offsets(new uint32_t[batch.rows + 1]);
        offsets[0] = 0;
        for (size_t i = 0; i < batch.rows; ++i) {
          for (uint32_t e = arrays[0].begin(i); e < arrays[0].end(i); ++e) {
            child.mutable_data<int64_t>()[e] = e - arrays[0].begin(i) + 1;
          }
          offsets[i + 1] = arrays[0].end(i);
        }
        return Vector::ArrayOf(type, offsets, std::move(child), batch.rows);
      });
}

// The narrowest of the types: what all arrays have in common fits into it.
Type NarrowestElement(std::span<const Type> types) {
  const Type* best = types.data();
  bool nullable = true;
  auto rank = [](const Type& type) {
    return type.IsNumber() && !type.IsFloat() && type.kind() != TypeKind::kDecimal
               ? type.IntegerBits()
               : 1000;
  };
  for (const Type& type : types) {
    nullable &= type.nullable();
    if (rank(type) < rank(*best)) best = &type;
  }
  return nullable ? best->Nullable() : best->NotNullable();
}

Bound BindIntersect(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  HOGLET_ASSIGN_OR_RETURN(std::vector<Type> types, ElementTypes(call));
  HOGLET_ASSIGN_OR_RETURN(Type common, ComparisonType(types, call.name));
  const bool none = std::any_of(types.begin(), types.end(), IsNothing);
  const Type type = Type::Array(none ? Type(TypeKind::kNothing) : NarrowestElement(types));
  return MakeFunction(type, [type, common, none](const Batch& batch) -> absl::StatusOr<Vector> {
    ElementPicker picker(batch.rows);
    if (none) {
      for (size_t i = 0; i < batch.rows; ++i) picker.CloseRow();
      return picker.Build(type, Vector::Flat(type.element(), 0));
    }
    std::vector<ArrayRows> arrays;
    std::vector<Vector> elements;
    for (const Vector& arg : batch.args) {
      arrays.emplace_back(arg);
      HOGLET_ASSIGN_OR_RETURN(Vector wide, WidenElements(arrays.back().child(), common));
      elements.push_back(std::move(wide));
    }
    std::string key;
    StringMap<size_t> seen;  // the number of leading arrays that have the value
    for (size_t i = 0; i < batch.rows; ++i) {
      seen.clear();
      // The last array first, so that what remains comes in the order of the first.
      for (size_t a = arrays.size(); a-- > 0;) {
        const size_t before = arrays.size() - 1 - a;
        for (uint32_t e = arrays[a].begin(i); e < arrays[a].end(i); ++e) {
          key.clear();
          AppendKey(elements[a], e, &key);
          auto entry = before == 0 ? seen.try_emplace(key, 0).first : seen.find(key);
          if (entry == seen.end() || entry->second != before) continue;
          ++entry->second;
          const bool null = elements[a].IsNull(e);
          if (a == 0 && !(null && !type.element().nullable())) picker.Add(e);
        }
      }
      picker.CloseRow();
    }
    Vector picked = elements[0].Gather(picker.positions().data(), picker.size());
    HOGLET_ASSIGN_OR_RETURN(Vector child, CastVector(picked, type.element(), CastMode::kThrow));
    return Vector::ArrayOf(type, picker.offsets(), std::move(child), batch.rows);
  });
}

// A function of the catalogue's aggregates over each row's elements.
Bound BindReduce(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, SIZE_MAX));
  HOGLET_ASSIGN_OR_RETURN(std::string name, call.ConstantString(0));
  std::vector<FunctionArgument> args;
  for (size_t i = 1; i < call.size(); ++i) {
    if (IsNothing(call.type(i))) return NullResult();
    HOGLET_RETURN_IF_ERROR(ExpectArray(call, i));
    args.push_back({call.type(i).element()});
  }
  HOGLET_ASSIGN_OR_RETURN(auto bound, call.catalog.BindAggregate(name, {}, args, false));
  std::shared_ptr<const AggregateFunction> function(std::move(bound));
  const Type type = function->result_type();
  return MakeFunction(type, [function, type, name](const Batch& batch) -> absl::StatusOr<Vector> {
    Batch arrays_only = batch;
    arrays_only.args = batch.args.subspan(1);
    HOGLET_ASSIGN_OR_RETURN(const auto arrays, SameSizes(arrays_only, name));
    std::vector<std::max_align_t> memory(function->state_bytes() / sizeof(std::max_align_t) + 1);
    char* state = reinterpret_cast<char*>(memory.data());
    VectorBuilder out(type);
    for (size_t i = 0; i < batch.rows; ++i) {
      std::vector<Vector> elements;
      for (const ArrayRows& array : arrays) {
        elements.push_back(array.child().Slice(array.begin(i), array.size(i)));
      }
      function->Create(state);
      absl::Status status;
      if (arrays[0].size(i) > 0)
        status = function->UpdateAll(batch.context, state, elements, arrays[0].size(i));
      if (status.ok()) status = function->Finalize(state, &out);
      function->Destroy(state);
      if (!status.ok()) return status;
    }
    return out.Build();
  });
}

Bound BindStringConcat(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  HOGLET_RETURN_IF_ERROR(ExpectArray(call, 0));
  if (call.size() == 2 && !call.type(1).IsStringLike()) return call.BadType(1);
  return MakeFunction(StringType(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    const Vector nothing = Vector::Constant(StringType(), Datum(std::string()), batch.rows);
    const Input<std::string_view> between(batch.args.size() == 2 ? batch.args[1] : nothing);
    StringWriter writer(StringType(), batch.rows);
    std::string text;
    for (size_t i = 0; i < batch.rows; ++i) {
      if (!batch.live(i)) continue;
      text.clear();
      bool first = true;
      for (uint32_t e = rows.begin(i); e < rows.end(i); ++e) {
        if (rows.child().IsNull(e)) continue;
        if (!first) text.append(between[i]);
        first = false;
        AppendText(rows.child(), e, &text);
      }
      writer.Set(i, text);
    }
    return writer.Take();
  });
}

// The area under the curve of true over false positives, ties as slanted lines.
double AreaUnderCurve(std::vector<std::pair<double, bool>> scored) {
  // NaN equals nothing, not even itself: it goes last and is one score.
  const auto above = [](double a, double b) { return a > b || (std::isnan(b) && !std::isnan(a)); };
  std::sort(scored.begin(), scored.end(),
            [above](const auto& a, const auto& b) { return above(a.first, b.first); });
  double area = 0, positives = 0, negatives = 0;
  for (size_t i = 0; i < scored.size();) {
    double up = 0, right = 0;
    const double score = scored[i].first;
    for (; i < scored.size() && !above(score, scored[i].first); ++i)
      (scored[i].second ? up : right) += 1;
    area += right * (positives + up / 2);
    positives += up;
    negatives += right;
  }
  return area / (positives * negatives);
}

Bound BindArea(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_ASSIGN_OR_RETURN(std::vector<Type> types, ElementTypes(call));
  for (size_t i = 0; i < 2; ++i) {
    if (!types[i].IsNumber() || types[i].nullable()) return call.BadType(i);
  }
  return MakeFunction(
      F64(), [name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        HOGLET_ASSIGN_OR_RETURN(const auto arrays, SameSizes(batch, name));
        const Input<double> scores(arrays[0].child());
        const Input<double> labels(arrays[1].child());
        Vector out = Vector::Flat(F64(), batch.rows);
        for (size_t i = 0; i < batch.rows; ++i) {
          std::vector<std::pair<double, bool>> scored;
          for (uint32_t e = arrays[0].begin(i); e < arrays[0].end(i); ++e)
            scored.emplace_back(scores[e], labels[e] > 0);
          out.mutable_data<double>()[i] = AreaUnderCurve(std::move(scored));
        }
        return out;
      });
}

constexpr ScalarEntry kTable[] = {
    {"arrayZip", BindZip},
    {"arrayUniq", BindNumbering<Numbering::kUniq>},
    {"arrayEnumerate", BindEnumerate},
    {"arrayEnumerateDense", BindNumbering<Numbering::kDense>},
    {"arrayEnumerateUniq", BindNumbering<Numbering::kOccurrence>},
    {"arrayIntersect", BindIntersect},
    {"arrayReduce", BindReduce, kSeesNulls},
    {"arrayStringConcat", BindStringConcat},
    {"arrayAUC", BindArea},
    {"arrayROCAUC", BindArea},
};

}  // namespace

std::span<const ScalarEntry> AlignedArrayFunctions() { return kTable; }

}  // namespace hoglet::fn
