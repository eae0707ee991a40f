#include <algorithm>

#include "query/functions/arrays.h"
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// Maps.

namespace hoglet::fn {
namespace {

bool IsMap(const Type& type) { return type.kind() == TypeKind::kMap; }

Vector MapOf(const Type& type, std::shared_ptr<const uint32_t[]> offsets, Vector keys,
             Vector values, size_t rows) {
  keys.set_type(type.children()[0]);
  values.set_type(type.children()[1]);
  const size_t size = keys.size();
  Vector pairs =
      Vector::TupleOf(Type::Tuple(type.children()), {std::move(keys), std::move(values)}, size);
  return Vector::ArrayOf(type, std::move(offsets), std::move(pairs), rows);
}

Bound BindMap(const Call& call) {
  if (call.size() % 2 != 0) {
    return Error("number_of_arguments_doesnt_match", "Function ", call.name,
                 " needs an even number of arguments");
  }
  std::vector<Type> keys, values;
  for (size_t i = 0; i < call.size(); i += 2) {
    keys.push_back(call.type(i));
    values.push_back(call.type(i + 1));
  }
  Type key(TypeKind::kNothing), value(TypeKind::kNothing);
  if (!keys.empty()) {
    HOGLET_ASSIGN_OR_RETURN(key, CommonType(keys, call.name));
    HOGLET_ASSIGN_OR_RETURN(value, CommonType(values, call.name));
    if (key.nullable() || IsNothing(key)) {
      return Error("bad_arguments", "Type of Map key must be a type that is not nullable, but ",
                   key.Name(), " is given");
    }
  }
  const Type type = Type::Map(key, value);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const size_t pairs = batch.args.size() / 2;
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      for (size_t p = 0; p < pairs; ++p) picker.Add(p * batch.rows + i);
      picker.CloseRow();
    }
    Vector sides[2];
    for (size_t side = 0; side < 2; ++side) {
      std::vector<Vector> parts;
      for (size_t p = 0; p < pairs; ++p) {
        HOGLET_ASSIGN_OR_RETURN(Vector wide,
                                WidenElements(batch.args[2 * p + side], type.children()[side]));
        parts.push_back(std::move(wide));
      }
      const Vector pool =
          parts.empty() ? Vector::Flat(type.children()[side], 0) : Vector::Concat(parts).Flatten();
      sides[side] = pool.Gather(picker.positions().data(), picker.size());
    }
    return MapOf(type, picker.offsets(), std::move(sides[0]), std::move(sides[1]), batch.rows);
  });
}

Bound BindMapFromArrays(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!IsArray(call.type(i))) return call.BadType(i);
  }
  const Type type = Type::Map(call.type(0).element(), call.type(1).element());
  return MakeFunction(
      type, [type, name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        const ArrayRows keys(batch.args[0]);
        const ArrayRows values(batch.args[1]);
        ElementPicker key_picker(batch.rows);
        ElementPicker value_picker(batch.rows);
        for (size_t i = 0; i < batch.rows; ++i) {
          if (keys.size(i) != values.size(i)) return SizesDiffer(name);
          key_picker.AddRange(keys.begin(i), keys.end(i));
          value_picker.AddRange(values.begin(i), values.end(i));
          key_picker.CloseRow();
        }
        return MapOf(type, key_picker.offsets(),
                     keys.child().Gather(key_picker.positions().data(), key_picker.size()),
                     values.child().Gather(value_picker.positions().data(), value_picker.size()),
                     batch.rows);
      });
}

template <size_t side>
Bound BindMapSide(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!IsMap(call.type(0))) return call.BadType(0);
  const Type type = Type::Array(call.type(0).children()[side]);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector flat = batch.args[0].Flatten();
    return Vector::ArrayOf(type, flat.shared_codes(), flat.child().children()[side], batch.rows);
  });
}

Bound BindMapContains(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!IsMap(call.type(0))) return call.BadType(0);
  return call.catalog.BindScalar("has", call.args, call.context);
}

// mapContainsKeyLike and mapExtractKeyLike.
template <bool extract>
Bound BindKeyLike(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!IsMap(call.type(0)) || !call.type(0).children()[0].IsStringLike()) return call.BadType(0);
  if (!call.type(1).IsStringLike()) return call.BadType(1);
  const FunctionArgument args[] = {{call.type(0).children()[0]}, call.args[1]};
  HOGLET_ASSIGN_OR_RETURN(auto like, BindOther(call, "like", args));
  const Type type = extract ? call.type(0) : U8();
  return MakeFunction(type, [type, like](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector flat = batch.args[0].Flatten();
    const ArrayRows rows(flat);
    const Vector& keys = rows.child().children()[0];
    std::vector<uint32_t> owner(keys.size(), 0);
    for (size_t i = 0; i < batch.rows; ++i) {
      std::fill(owner.begin() + rows.begin(i), owner.begin() + rows.end(i),
                static_cast<uint32_t>(i));
    }
    std::vector<uint8_t> fits;
    if (!owner.empty()) {
      const Vector in[] = {keys, batch.args[1].Gather(owner.data(), owner.size())};
      HOGLET_ASSIGN_OR_RETURN(Vector matches, like->Evaluate(batch.context, in, {}, owner.size()));
      fits = Truth(matches.Flatten(), owner.size());
    }
    ElementPicker picker(batch.rows);
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      const size_t before = picker.size();
      for (uint32_t e = rows.begin(i); e < rows.end(i); ++e) {
        if (fits[e]) picker.Add(e);
      }
      out.mutable_data<uint8_t>()[i] = picker.size() > before;
      picker.CloseRow();
    }
    if (extract) return picker.Build(type, rows.child());
    return out;
  });
}

// mapFilter and mapApply.
template <bool filter>
Bound BindMapLambda(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  LambdaBinder* lambda = call.args[0].lambda;
  if (lambda == nullptr) return call.BadType(0);
  if (IsNothing(call.type(1))) return NullResult();
  if (!IsMap(call.type(1))) return call.BadType(1);
  if (lambda->parameter_count() != 2) {
    return Error("type_mismatch", "Function ", call.name, " needs a lambda of a key and a value");
  }
  HOGLET_ASSIGN_OR_RETURN(const Type body, lambda->Bind(call.type(1).children()));
  if (filter ? !body.IsNumber() && !IsNothing(body)
             : !IsTuple(body) || body.children().size() != 2) {
    return Error("illegal_type_of_argument", "Illegal type ", body.Name(),
                 " of the lambda of function ", call.name);
  }
  const Type type = filter ? call.type(1) : Type::Map(body.children()[0], body.children()[1]);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector flat = batch.args[1].Flatten();
    const ArrayRows rows(flat);
    const size_t total = rows.end(batch.rows - 1);
    if (total == 0 && filter) return flat;
    std::vector<uint32_t> owner(total);
    for (size_t i = 0; i < batch.rows; ++i) {
      std::fill(owner.begin() + rows.begin(i), owner.begin() + rows.end(i),
                static_cast<uint32_t>(i));
    }
    std::vector<Vector> parts;
    for (size_t at = 0; at < total; at += kVectorRowsMax) {
      const size_t count = std::min(kVectorRowsMax, total - at);
      const Vector in[] = {rows.child().children()[0].Slice(at, count),
                           rows.child().children()[1].Slice(at, count)};
      HOGLET_ASSIGN_OR_RETURN(
          Vector part, batch.lambdas[0]->Evaluate(batch.context, in, owner.data() + at, count));
      parts.push_back(part.Flatten());
    }
    if (!filter) {
      if (parts.empty()) return DefaultVector(type, batch.rows).Flatten();
      const Vector pairs = Vector::Concat(parts).Flatten();
      return MapOf(type, flat.shared_codes(), pairs.children()[0], pairs.children()[1], batch.rows);
    }
    const std::vector<uint8_t> keep = Truth(Vector::Concat(parts).Flatten(), total);
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      for (uint32_t e = rows.begin(i); e < rows.end(i); ++e) {
        if (keep[e]) picker.Add(e);
      }
      picker.CloseRow();
    }
    return picker.Build(type, rows.child());
  });
}

Bound BindMapUpdate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!IsMap(call.type(i))) return call.BadType(i);
  }
  const Type both[] = {call.type(0), call.type(1)};
  HOGLET_ASSIGN_OR_RETURN(Type type, CommonType(both, call.name));
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    HOGLET_ASSIGN_OR_RETURN(const Vector a, WidenElements(batch.args[0], type));
    HOGLET_ASSIGN_OR_RETURN(const Vector b, WidenElements(batch.args[1], type));
    const ArrayRows x(a), y(b);
    const Vector& old_keys = x.child().children()[0];
    const Vector& new_keys = y.child().children()[0];
    const RowEquality equal(old_keys, new_keys);
    const size_t start = x.child().size();
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      std::vector<bool> used(y.size(i));
      for (uint32_t e = x.begin(i); e < x.end(i); ++e) {
        size_t at = e;
        for (uint32_t n = y.begin(i); n < y.end(i); ++n) {
          if (!equal(e, n)) continue;
          at = start + n;
          used[n - y.begin(i)] = true;
        }
        picker.Add(at);
      }
      for (uint32_t n = y.begin(i); n < y.end(i); ++n) {
        if (!used[n - y.begin(i)]) picker.Add(start + n);
      }
      picker.CloseRow();
    }
    const Vector parts[] = {x.child(), y.child()};
    return picker.Build(type, Vector::Concat(parts).Flatten());
  });
}

// Maps and pairs of arrays as lists of (key, value).

struct Series {
  bool map = true;  // otherwise a tuple of two arrays
  Type key;
  Type value;

  Type ResultType() const {
    return map ? Type::Map(key, value) : Type::Tuple({Type::Array(key), Type::Array(value)});
  }
  Datum Make(std::vector<Datum> keys, std::vector<Datum> values) const {
    if (!map) return Datum(std::vector<Datum>{Datum(std::move(keys)), Datum(std::move(values))});
    std::vector<Datum> pairs;
    for (size_t i = 0; i < keys.size(); ++i) {
      pairs.push_back(Datum(std::vector<Datum>{std::move(keys[i]), std::move(values[i])}));
    }
    return Datum(std::move(pairs));
  }
  absl::StatusOr<std::vector<std::pair<Datum, Datum>>> Read(const Datum& in) const {
    std::vector<std::pair<Datum, Datum>> out;
    if (map) {
      for (const Datum& pair : in.list()) out.emplace_back(pair.list()[0], pair.list()[1]);
      return out;
    }
    const auto& keys = in.list()[0].list();
    const auto& values = in.list()[1].list();
    if (keys.size() != values.size()) return SizesDiffer("mapAdd");
    for (size_t i = 0; i < keys.size(); ++i) out.emplace_back(keys[i], values[i]);
    return out;
  }
};

absl::StatusOr<Series> SeriesOf(const Call& call, size_t i) {
  const Type& type = call.type(i);
  if (IsMap(type)) return Series{true, type.children()[0], type.children()[1]};
  if (IsTuple(type) && type.children().size() == 2 && IsArray(type.children()[0]) &&
      IsArray(type.children()[1])) {
    return Series{false, type.children()[0].element(), type.children()[1].element()};
  }
  return call.BadType(i);
}

Datum AddDatums(const Datum& a, const Datum& b, int sign) {
  if (a.value.index() == 2) return Datum(a.number() + sign * b.number());
  if (a.value.index() == 3) return Datum(static_cast<Int128>(a.wide() + sign * b.wide()));
  const auto x = static_cast<uint64_t>(a.integer());
  const auto y = static_cast<uint64_t>(b.integer());
  return Datum(static_cast<int64_t>(sign < 0 ? x - y : x + y));
}

template <int sign>
Bound BindMapSum(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, SIZE_MAX));
  std::vector<Series> series;
  std::vector<Type> keys, values;
  for (size_t i = 0; i < call.size(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(Series one, SeriesOf(call, i));
    if (one.map != (i == 0 ? one.map : series[0].map)) return call.BadType(i);
    keys.push_back(one.key);
    values.push_back(one.value);
    series.push_back(std::move(one));
  }
  HOGLET_ASSIGN_OR_RETURN(const Type key, CommonType(keys, call.name));
  HOGLET_ASSIGN_OR_RETURN(const Type common, CommonType(values, call.name));
  if (!common.IsNumber() || common.nullable()) return call.BadType(0);
  const Type value = common.IsFloat()                       ? F64()
                     : common.kind() == TypeKind::kDecimal  ? common
                     : common.physical() == Physical::kI128 ? common
                                                            : IntegerType(64, IsSigned(common));
  const Series out{series[0].map, key, value};
  return MapDatums(
      out.ResultType(), [series, out](std::span<const Datum> in) -> absl::StatusOr<Datum> {
        std::vector<std::pair<Datum, Datum>> sums;
        for (size_t a = 0; a < in.size(); ++a) {
          HOGLET_ASSIGN_OR_RETURN(auto pairs, series[a].Read(in[a]));
          for (auto& [key, value] : pairs) {
            HOGLET_ASSIGN_OR_RETURN(Datum k,
                                    CastDatum(key, series[a].key, out.key, CastMode::kThrow));
            HOGLET_ASSIGN_OR_RETURN(Datum v,
                                    CastDatum(value, series[a].value, out.value, CastMode::kThrow));
            auto at = std::lower_bound(sums.begin(), sums.end(), k,
                                       [&](const auto& pair, const Datum& wanted) {
                                         return CompareDatums(out.key, pair.first, wanted) < 0;
                                       });
            if (at == sums.end() || CompareDatums(out.key, at->first, k) != 0) {
              at = sums.emplace(at, k, DefaultOf(out.value));
            }
            at->second = AddDatums(at->second, v, a == 0 ? 1 : sign);
          }
        }
        std::vector<Datum> keys, values;
        for (auto& [key, value] : sums) {
          keys.push_back(std::move(key));
          values.push_back(std::move(value));
        }
        return out.Make(std::move(keys), std::move(values));
      });
}

// The keys and values of a batch of series: a map, or two arrays.
struct SeriesRows {
  ArrayRows keys;
  ArrayRows values;

  static SeriesRows Of(const Series& series, std::span<const Vector> args) {
    if (!series.map) return {ArrayRows(args[0].Flatten()), ArrayRows(args[1].Flatten())};
    const Vector flat = args[0].Flatten();
    const auto side = [&](size_t i, const Type& type) {
      return ArrayRows(Vector::ArrayOf(Type::Array(type), flat.shared_codes(),
                                       flat.child().children()[i], flat.size()));
    };
    return {side(0, series.key), side(1, series.value)};
  }
};

// Puts integers of a type in the order of unsigned ones, and back.
uint64_t OrderOf(int64_t key, bool is_signed) {
  return static_cast<uint64_t>(key) ^ (is_signed ? uint64_t{1} << 63 : 0);
}

// Numbers without gaps from first[i] on, for the elements of each row.
Vector CountUp(const Type& type, std::span<const int64_t> first, const uint32_t* offsets) {
  Vector out = Vector::Flat(type, offsets[first.size()]);
  const bool small = type.physical() == Physical::kU8;
  for (size_t i = 0; i < first.size(); ++i) {
    auto key = static_cast<uint64_t>(first[i]);
    for (uint32_t e = offsets[i]; e < offsets[i + 1]; ++e, ++key) {
      if (small) {
        out.mutable_data<uint8_t>()[e] = static_cast<uint8_t>(key);
      } else {
        out.mutable_data<int64_t>()[e] = static_cast<int64_t>(key);
      }
    }
  }
  return out;
}

// All integer keys from the least to the greatest (or a given one), the missing ones with a default
// value.
absl::StatusOr<Vector> Populate(const Series& series, std::string_view name, size_t own,
                                const Batch& batch) {
  const SeriesRows rows = SeriesRows::Of(series, batch.args);
  const Input<int64_t> keys(rows.keys.child());
  const bool is_signed = IsSigned(series.key);
  Vector pool = rows.values.child().Flatten();
  const size_t absent = AddDefault(&pool);
  ElementPicker picker(batch.rows);
  std::vector<int64_t> first_keys(batch.rows);
  for (size_t i = 0; i < batch.rows; ++i) {
    if (!batch.live(i) || rows.keys.size(i) == 0) {
      picker.CloseRow();
      continue;
    }
    const size_t begin = rows.keys.begin(i);
    const size_t count = rows.keys.size(i);
    if (rows.values.size(i) != count) return SizesDiffer(name);
    uint64_t least = OrderOf(keys[begin], is_signed);
    uint64_t greatest = least;
    for (size_t e = 1; e < count; ++e) {
      const uint64_t key = OrderOf(keys[begin + e], is_signed);
      least = std::min(least, key);
      greatest = std::max(greatest, key);
    }
    if (batch.args.size() > own) {
      HOGLET_ASSIGN_OR_RETURN(
          const Datum last,
          CastDatum(batch.args[own].Get(i), batch.args[own].type(), series.key, CastMode::kThrow));
      greatest = OrderOf(last.integer(), is_signed);
    }
    if (greatest < least) {
      picker.CloseRow();
      continue;
    }
    // The distance, because the count may be 2^64.
    if (greatest - least >= kGeneratedElementsMax - picker.size()) return TooManyElements(name);
    const size_t first = picker.size();
    picker.positions().resize(first + (greatest - least) + 1, static_cast<uint32_t>(absent));
    first_keys[i] = static_cast<int64_t>(OrderOf(static_cast<int64_t>(least), is_signed));
    for (size_t e = 0; e < count; ++e) {
      const uint64_t key = OrderOf(keys[begin + e], is_signed);
      if (key > greatest) continue;
      picker.positions()[first + (key - least)] = static_cast<uint32_t>(rows.values.begin(i) + e);
    }
    picker.CloseRow();
  }
  Vector all_keys = CountUp(series.key, first_keys, picker.offsets().get());
  if (series.map) {
    Vector values = pool.Gather(picker.positions().data(), picker.size());
    return MapOf(series.ResultType(), picker.offsets(), std::move(all_keys), std::move(values),
                 batch.rows);
  }
  Vector values = picker.Build(Type::Array(series.value), pool);
  return Vector::TupleOf(
      series.ResultType(),
      {Vector::ArrayOf(Type::Array(series.key), picker.offsets(), std::move(all_keys), batch.rows),
       std::move(values)},
      batch.rows);
}

Bound BindPopulate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 3));
  Series series;
  size_t own = 1;  // arguments that hold the series
  if (IsArray(call.type(0))) {
    HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
    if (!IsArray(call.type(1))) return call.BadType(1);
    series = {false, call.type(0).element(), call.type(1).element()};
    own = 2;
  } else {
    HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
    if (!IsMap(call.type(0))) return call.BadType(0);
    series = {true, call.type(0).children()[0], call.type(0).children()[1]};
  }
  if (!series.key.IsInteger() || series.key.nullable() ||
      series.key.physical() == Physical::kI128) {
    return call.BadType(0);
  }
  if (call.size() > own &&
      (!call.type(own).IsInteger() || call.type(own).physical() == Physical::kI128)) {
    return call.BadType(own);
  }
  return MakeFunction(series.ResultType(), [=, name = std::string(call.name)](const Batch& batch) {
    return Populate(series, name, own, batch);
  });
}

constexpr ScalarEntry kTable[] = {
    {"map", BindMap, kSeesNulls},
    {"mapFromArrays", BindMapFromArrays},
    {"mapKeys", BindMapSide<0>},
    {"mapValues", BindMapSide<1>},
    {"mapContains", BindMapContains},
    {"mapContainsKey", BindMapContains},
    {"mapContainsKeyLike", BindKeyLike<false>},
    {"mapExtractKeyLike", BindKeyLike<true>},
    {"mapFilter", BindMapLambda<true>, kSeesNulls | kTakesLambda},
    {"mapApply", BindMapLambda<false>, kSeesNulls | kTakesLambda},
    {"mapUpdate", BindMapUpdate},
    {"mapAdd", BindMapSum<1>},
    {"mapSubtract", BindMapSum<-1>},
    {"mapPopulateSeries", BindPopulate},
};

}  // namespace

std::span<const ScalarEntry> MapFunctions() { return kTable; }

}  // namespace hoglet::fn
