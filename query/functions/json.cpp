#include <cmath>

#include "query/functions/cast.h"
#include "query/functions/datetime.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"
#include "simdjson.h"

// JSONExtract and its family. A document that cannot be read gives the default, as does a path that
// leads nowhere.

namespace hoglet::fn {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

simdjson::dom::parser& ThreadParser() {
  thread_local simdjson::dom::parser parser;
  return parser;
}

std::optional<element> ParseDocument(std::string_view text) {
  // An empty text may have no address, from which the parser would copy nothing.
  if (text.empty()) return std::nullopt;
  element root;
  if (ThreadParser().parse(text.data(), text.size()).get(root) != simdjson::SUCCESS)
    return std::nullopt;
  return root;
}

void AppendEscaped(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    switch (c) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      case '\b':
        out->append("\\b");
        break;
      case '\f':
        out->append("\\f");
        break;
      default:
        if (c < 0x20) {
          out->append("\\u00");
          out->push_back(kHex[c >> 4]);
          out->push_back(kHex[c & 15]);
        } else if (c == 0xe2 && i + 2 < text.size() && text[i + 1] == '\x80' &&
                   (text[i + 2] == '\xa8' || text[i + 2] == '\xa9')) {
          // Line and paragraph separators end lines in old JavaScript.
          out->append(text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029");
          i += 2;
        } else {
          out->push_back(static_cast<char>(c));
        }
    }
  }
  out->push_back('"');
}

void AppendJson(element value, std::string* out) {
  switch (value.type()) {
    case element_type::OBJECT: {
      out->push_back('{');
      bool first = true;
      for (const auto field : simdjson::dom::object(value)) {
        if (!first) out->push_back(',');
        first = false;
        AppendEscaped(field.key, out);
        out->push_back(':');
        AppendJson(field.value, out);
      }
      out->push_back('}');
      break;
    }
    case element_type::ARRAY: {
      out->push_back('[');
      bool first = true;
      for (const element item : simdjson::dom::array(value)) {
        if (!first) out->push_back(',');
        first = false;
        AppendJson(item, out);
      }
      out->push_back(']');
      break;
    }
    case element_type::INT64:
      CatTo(out, int64_t(value));
      break;
    case element_type::UINT64:
      CatTo(out, uint64_t(value));
      break;
    case element_type::DOUBLE:
      AppendDouble(double(value), out);
      break;
    case element_type::STRING:
      AppendEscaped(std::string_view(value), out);
      break;
    case element_type::BOOL:
      out->append(bool(value) ? "true" : "false");
      break;
    default:
      out->append("null");
  }
}

// One step of a path.
struct Step {
  std::string key;
  int64_t index = 0;
  bool by_key = false;
};

template <typename Container>
std::optional<element> At(const Container& container, int64_t index) {
  const auto size = static_cast<int64_t>(container.size());
  if (index < 0) index += size + 1;
  if (index < 1 || index > size) return std::nullopt;
  auto it = container.begin();
  for (int64_t i = 1; i < index; ++i) ++it;
  if constexpr (std::is_same_v<Container, simdjson::dom::object>) {
    return it.value();
  } else {
    return *it;
  }
}

std::optional<element> Follow(element at, const Step& step) {
  if (step.by_key) {
    if (!at.is_object()) return std::nullopt;
    element next;
    if (simdjson::dom::object(at).at_key(step.key).get(next) != simdjson::SUCCESS)
      return std::nullopt;
    return next;
  }
  if (at.is_array()) return At(simdjson::dom::array(at), step.index);
  if (at.is_object()) return At(simdjson::dom::object(at), step.index);
  return std::nullopt;
}

// The document argument and a path that may be constant or vary by row.
class PathReader {
 public:
  static absl::Status Check(const Call& call, size_t path_end) {
    if (call.size() < 1) return call.ExpectCount(1, 8);
    if (!call.type(0).IsStringLike()) return call.BadType(0);
    for (size_t i = 1; i < path_end; ++i) {
      if (!call.type(i).IsStringLike() && !call.type(i).IsInteger()) return call.BadType(i);
    }
    return absl::OkStatus();
  }

  PathReader(const Batch& batch, size_t path_end)
      : documents_(ColumnOf<std::string_view>(batch.args[0])) {
    for (size_t i = 1; i < path_end; ++i) {
      Part part{batch.args[i].type().IsStringLike(), batch.args[i].is_constant(), std::nullopt,
                std::nullopt};
      if (part.by_key) {
        part.keys = ColumnOf<std::string_view>(batch.args[i]);
      } else {
        part.indexes.emplace(batch.args[i]);
      }
      parts_.push_back(std::move(part));
    }
    steps_.resize(parts_.size());
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (batch.rows > 0) Load(i, 0);
    }
  }

  std::optional<element> Find(size_t row) {
    std::optional<element> at = ParseDocument(documents_[row]);
    for (size_t i = 0; i < parts_.size() && at.has_value(); ++i) {
      if (!parts_[i].constant) Load(i, row);
      at = Follow(*at, steps_[i]);
    }
    return at;
  }

 private:
  struct Part {
    bool by_key;
    bool constant;
    std::optional<Column<std::string_view>> keys;
    std::optional<Input<int64_t>> indexes;
  };
  void Load(size_t i, size_t row) {
    steps_[i].by_key = parts_[i].by_key;
    if (parts_[i].by_key) {
      steps_[i].key.assign((*parts_[i].keys)[row]);
    } else {
      steps_[i].index = (*parts_[i].indexes)[row];
    }
  }

  Column<std::string_view> documents_;
  std::vector<Part> parts_;
  std::vector<Step> steps_;
};

// f(optional<element>) gives a value of form R.
template <typename R, typename F>
Bound MapElement(const Call& call, const Type& type, F f) {
  HOGLET_RETURN_IF_ERROR(PathReader::Check(call, call.size()));
  return MakeFunction(type, [type, f](const Batch& batch) -> absl::StatusOr<Vector> {
    PathReader reader(batch, batch.args.size());
    Vector out = Vector::Flat(type.NotNullable(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      R& slot = out.mutable_data<R>()[i];
      slot = R();
      if (!batch.live(i)) continue;
      const std::optional<R> value = f(reader.Find(i));
      if (value.has_value()) {
        slot = *value;
      } else if (type.nullable()) {
        out.SetNull(i);
      }
    }
    return out;
  });
}

template <typename F>
Bound MapElementText(const Call& call, F f) {
  HOGLET_RETURN_IF_ERROR(PathReader::Check(call, call.size()));
  return MakeFunction(StringType(), [f](const Batch& batch) -> absl::StatusOr<Vector> {
    PathReader reader(batch, batch.args.size());
    StringWriter writer(StringType(), batch.rows);
    std::string scratch;
    for (size_t i = 0; i < batch.rows; ++i) {
      if (!batch.live(i)) continue;
      scratch.clear();
      f(reader.Find(i), &scratch);
      writer.Set(i, scratch);
    }
    return writer.Take();
  });
}

// The value as an integer of the type; nullopt if it is none.
std::optional<Int128> AsInteger(element e, const Type& type) {
  Int128 value = 0;
  switch (e.type()) {
    case element_type::INT64:
      value = int64_t(e);
      break;
    case element_type::UINT64:
      value = uint64_t(e);
      break;
    case element_type::DOUBLE: {
      const double d = double(e);
      if (!(std::abs(d) < 1e38)) return std::nullopt;
      value = static_cast<Int128>(d);
      break;
    }
    case element_type::STRING:
      return ParseInteger(std::string_view(e), type);
    default:
      return std::nullopt;
  }
  const int bits = type.kind() == TypeKind::kBool ? 8 : type.IntegerBits();
  if (bits >= 128) return value;
  const bool is_signed = IsSigned(type);
  const Int128 high = (static_cast<Int128>(1) << (bits - (is_signed ? 1 : 0))) - 1;
  const Int128 low = is_signed ? -high - 1 : 0;
  if (value < low || value > high) return std::nullopt;
  return value;
}

std::optional<double> AsDouble(element e) {
  switch (e.type()) {
    case element_type::INT64:
      return static_cast<double>(int64_t(e));
    case element_type::UINT64:
      return static_cast<double>(uint64_t(e));
    case element_type::DOUBLE:
      return double(e);
    case element_type::STRING:
      return ParseDouble(std::string_view(e));
    default:
      return std::nullopt;
  }
}

void AppendAsString(element e, std::string* out) {
  if (e.is_string()) {
    out->append(std::string_view(e));
  } else if (!e.is_null()) {
    AppendJson(e, out);
  }
}

Bound BindHas(const Call& call) {
  return MapElement<uint8_t>(
      call, U8(),
      [](const std::optional<element>& e) -> std::optional<uint8_t> { return e.has_value(); });
}

Bound BindLength(const Call& call) {
  return MapElement<int64_t>(call, U64(),
                             [](const std::optional<element>& e) -> std::optional<int64_t> {
                               if (!e.has_value()) return 0;
                               if (e->is_array()) return simdjson::dom::array(*e).size();
                               if (e->is_object()) return simdjson::dom::object(*e).size();
                               return 0;
                             });
}

Bound BindArrayLength(const Call& call) {
  return MapElement<int64_t>(call, U64().Nullable(),
                             [](const std::optional<element>& e) -> std::optional<int64_t> {
                               if (!e.has_value() || !e->is_array()) return std::nullopt;
                               return simdjson::dom::array(*e).size();
                             });
}

Bound BindInt(const Call& call) {
  return MapElement<int64_t>(call, I64(),
                             [](const std::optional<element>& e) -> std::optional<int64_t> {
                               if (!e.has_value()) return 0;
                               return static_cast<int64_t>(AsInteger(*e, I64()).value_or(0));
                             });
}

Bound BindUInt(const Call& call) {
  return MapElement<int64_t>(call, U64(),
                             [](const std::optional<element>& e) -> std::optional<int64_t> {
                               if (!e.has_value()) return 0;
                               return static_cast<int64_t>(AsInteger(*e, U64()).value_or(0));
                             });
}

Bound BindFloat(const Call& call) {
  return MapElement<double>(call, F64(),
                            [](const std::optional<element>& e) -> std::optional<double> {
                              if (!e.has_value()) return 0.0;
                              return AsDouble(*e).value_or(0.0);
                            });
}

Bound BindBool(const Call& call) {
  return MapElement<uint8_t>(call, U8(),
                             [](const std::optional<element>& e) -> std::optional<uint8_t> {
                               if (!e.has_value()) return 0;
                               switch (e->type()) {
                                 case element_type::BOOL:
                                   return bool(*e);
                                 case element_type::INT64:
                                   return int64_t(*e) != 0;
                                 case element_type::UINT64:
                                   return uint64_t(*e) != 0;
                                 default:
                                   return 0;
                               }
                             });
}

Bound BindString(const Call& call) {
  return MapElementText(call, [](const std::optional<element>& e, std::string* out) {
    if (e.has_value()) AppendAsString(*e, out);
  });
}

Bound BindRaw(const Call& call) {
  return MapElementText(call, [](const std::optional<element>& e, std::string* out) {
    if (e.has_value()) AppendJson(*e, out);
  });
}

Bound BindType(const Call& call) {
  return MapElementText(call, [](const std::optional<element>& e, std::string* out) {
    if (!e.has_value()) {
      out->append("Null");
      return;
    }
    switch (e->type()) {
      case element_type::OBJECT:
        out->append("Object");
        break;
      case element_type::ARRAY:
        out->append("Array");
        break;
      case element_type::INT64:
        out->append("Int64");
        break;
      case element_type::UINT64:
        out->append("UInt64");
        break;
      case element_type::DOUBLE:
        out->append("Double");
        break;
      case element_type::STRING:
        out->append("String");
        break;
      case element_type::BOOL:
        out->append("Bool");
        break;
      default:
        out->append("Null");
    }
  });
}

// The value read as a type; nullopt if it has another shape.
std::optional<Datum> Extract(element e, const Type& type) {
  if (type.nullable()) {
    if (e.is_null()) return Datum();
    const auto value = Extract(e, type.NotNullable());
    return value.has_value() ? value : Datum();
  }
  if (type.kind() == TypeKind::kBool) {
    if (e.is_bool()) return Datum(int64_t{bool(e)});
    if (e.type() == element_type::INT64 || e.type() == element_type::UINT64) {
      const auto value = AsInteger(e, I64());
      return Datum(int64_t{value.value_or(0) != 0});
    }
    return std::nullopt;
  }
  if (type.IsInteger()) {
    const auto value = AsInteger(e, type);
    if (!value.has_value()) return std::nullopt;
    if (type.physical() == Physical::kI128) return Datum(*value);
    return Datum(static_cast<int64_t>(*value));
  }
  if (type.IsFloat()) {
    const auto value = AsDouble(e);
    if (!value.has_value()) return std::nullopt;
    return Datum(type.kind() == TypeKind::kFloat32 ? static_cast<double>(static_cast<float>(*value))
                                                   : *value);
  }
  switch (type.kind()) {
    case TypeKind::kString: {
      if (e.is_null()) return std::nullopt;
      std::string text;
      AppendAsString(e, &text);
      return Datum(std::move(text));
    }
    case TypeKind::kArray: {
      if (!e.is_array()) return std::nullopt;
      std::vector<Datum> items;
      for (const element item : simdjson::dom::array(e)) {
        auto value = Extract(item, type.element());
        items.push_back(value.has_value() ? std::move(*value) : DefaultOf(type.element()));
      }
      return Datum(std::move(items));
    }
    case TypeKind::kTuple: {
      std::vector<Datum> items;
      const size_t count = type.children().size();
      for (size_t i = 0; i < count; ++i) {
        std::optional<element> item;
        if (e.is_object() && i < type.names().size()) {
          item = Follow(e, Step{type.names()[i], 0, true});
        } else if (e.is_array() || e.is_object()) {
          item = Follow(e, Step{"", static_cast<int64_t>(i) + 1, false});
        } else {
          return std::nullopt;
        }
        std::optional<Datum> value;
        if (item.has_value()) value = Extract(*item, type.children()[i]);
        items.push_back(value.has_value() ? std::move(*value) : DefaultOf(type.children()[i]));
      }
      return Datum(std::move(items));
    }
    case TypeKind::kMap: {
      if (!e.is_object()) return std::nullopt;
      std::vector<Datum> pairs;
      for (const auto field : simdjson::dom::object(e)) {
        auto value = Extract(field.value, type.children()[1]);
        pairs.emplace_back(std::vector<Datum>{
            Datum(std::string(field.key)),
            value.has_value() ? std::move(*value) : DefaultOf(type.children()[1])});
      }
      return Datum(std::move(pairs));
    }
    default: {
      std::string text;
      AppendAsString(e, &text);
      auto value = CastDatum(Datum(text), StringType(), type, CastMode::kOrNull);
      if (!value.ok() || value->is_null()) return std::nullopt;
      return *value;
    }
  }
}

Bound BindExtract(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 8));
  const size_t path_end = call.size() - 1;
  HOGLET_RETURN_IF_ERROR(PathReader::Check(call, path_end));
  HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(path_end));
  auto type = Type::Parse(name);
  if (!type.ok()) return WithErrorCode(type.status(), "unknown_type");
  return MakeFunction(*type,
                      [type = *type, path_end](const Batch& batch) -> absl::StatusOr<Vector> {
                        PathReader reader(batch, path_end);
                        VectorBuilder builder(type);
                        for (size_t i = 0; i < batch.rows; ++i) {
                          std::optional<Datum> value;
                          if (batch.live(i)) {
                            if (const auto e = reader.Find(i)) value = Extract(*e, type);
                          }
                          if (!value.has_value()) value = DefaultOf(type);
                          value->is_null() ? builder.AppendNull() : builder.Append(*value);
                        }
                        return builder.Build();
                      });
}

Bound BindKeys(const Call& call) {
  HOGLET_RETURN_IF_ERROR(PathReader::Check(call, call.size()));
  const Type type = Type::Array(StringType());
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    PathReader reader(batch, batch.args.size());
    return BuildStringLists(type, batch, [&](size_t row, StringList* out) {
      const auto e = reader.Find(row);
      if (e.has_value() && e->is_object()) {
        for (const auto field : simdjson::dom::object(*e)) out->AddCopy(field.key);
      }
      return absl::OkStatus();
    });
  });
}

Bound BindArrayRaw(const Call& call) {
  HOGLET_RETURN_IF_ERROR(PathReader::Check(call, call.size()));
  const Type type = Type::Array(StringType());
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    PathReader reader(batch, batch.args.size());
    std::string scratch;
    return BuildStringLists(type, batch, [&](size_t row, StringList* out) {
      const auto e = reader.Find(row);
      if (e.has_value() && e->is_array()) {
        for (const element item : simdjson::dom::array(*e)) {
          scratch.clear();
          AppendJson(item, &scratch);
          out->AddCopy(scratch);
        }
      }
      return absl::OkStatus();
    });
  });
}

Bound KeysAndValues(const Call& call, size_t path_end, const Type& value_type, bool raw) {
  HOGLET_RETURN_IF_ERROR(PathReader::Check(call, path_end));
  const Type type = Type::Array(Type::Tuple({StringType(), value_type}));
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    PathReader reader(batch, path_end);
    VectorBuilder builder(type);
    for (size_t i = 0; i < batch.rows; ++i) {
      std::vector<Datum> pairs;
      std::optional<element> e;
      if (batch.live(i)) e = reader.Find(i);
      if (e.has_value() && e->is_object()) {
        for (const auto field : simdjson::dom::object(*e)) {
          std::optional<Datum> value;
          if (raw) {
            std::string text;
            AppendJson(field.value, &text);
            value = Datum(std::move(text));
          } else {
            value = Extract(field.value, value_type);
          }
          if (!value.has_value()) continue;
          pairs.emplace_back(std::vector<Datum>{Datum(std::string(field.key)), std::move(*value)});
        }
      }
      builder.Append(Datum(std::move(pairs)));
    }
    return builder.Build();
  });
}

Bound BindKeysAndValues(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 8));
  HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(call.size() - 1));
  auto type = Type::Parse(name);
  if (!type.ok()) return WithErrorCode(type.status(), "unknown_type");
  return KeysAndValues(call, call.size() - 1, *type, false);
}
Bound BindKeysAndValuesRaw(const Call& call) {
  return KeysAndValues(call, call.size(), StringType(), true);
}

Bound BindIsValid(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapRows<uint8_t, std::string_view>(
      U8(), [](std::string_view text) { return ParseDocument(text).has_value(); });
}

// JSON_VALUE(document, '$.a[0]."b c"'): the scalar at a path.
std::optional<std::vector<Step>> ParseJsonPath(std::string_view path) {
  std::vector<Step> steps;
  if (path.empty() || path[0] != '$') return std::nullopt;
  size_t at = 1;
  auto quoted = [&](char quote, std::string* key) {
    const size_t end = path.find(quote, at);
    if (end == std::string_view::npos) return false;
    *key = path.substr(at, end - at);
    at = end + 1;
    return true;
  };
  while (at < path.size()) {
    Step step;
    step.by_key = true;
    if (path[at] == '.') {
      ++at;
      if (at < path.size() && path[at] == '"') {
        ++at;
        if (!quoted('"', &step.key)) return std::nullopt;
      } else {
        const size_t begin = at;
        while (at < path.size() && path[at] != '.' && path[at] != '[') ++at;
        step.key = path.substr(begin, at - begin);
        if (step.key.empty()) return std::nullopt;
      }
    } else if (path[at] == '[') {
      ++at;
      if (at < path.size() && (path[at] == '"' || path[at] == '\'')) {
        const char quote = path[at++];
        if (!quoted(quote, &step.key)) return std::nullopt;
      } else {
        step.by_key = false;
        const size_t begin = at;
        while (at < path.size() && path[at] >= '0' && path[at] <= '9' && at - begin < 9)
          step.index = step.index * 10 + (path[at++] - '0');
        if (at == begin) return std::nullopt;
        ++step.index;
      }
      if (at >= path.size() || path[at++] != ']') return std::nullopt;
    } else {
      return std::nullopt;
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

Bound BindJsonValue(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(const std::string path, call.ConstantString(1));
  const auto steps = ParseJsonPath(path);
  if (!steps.has_value()) return Error("bad_arguments", "Unable to parse JSONPath '", path, "'");
  return MapStrings<std::string_view>(
      StringType(), [steps](std::string_view text, std::string* out) {
        std::optional<element> e = ParseDocument(text);
        for (const Step& step : *steps) {
          if (!e.has_value()) return;
          // Array positions do not address objects here.
          if (!step.by_key && !e->is_array()) return;
          e = Follow(*e, step);
        }
        if (!e.has_value() || e->is_object() || e->is_array() || e->is_null()) return;
        AppendAsString(*e, out);
      });
}

// toJSONString of any value.
void AppendValueJson(const Type& type, const Vector& vector, size_t row, std::string* out) {
  if (vector.IsNull(row)) {
    out->append("null");
    return;
  }
  const size_t p = vector.Position(row);
  switch (type.physical()) {
    case Physical::kArray: {
      const uint32_t* offsets = vector.offsets();
      const bool map = type.kind() == TypeKind::kMap;
      out->push_back(map ? '{' : '[');
      for (uint32_t k = offsets[p]; k < offsets[p + 1]; ++k) {
        if (k > offsets[p]) out->push_back(',');
        if (!map) {
          AppendValueJson(type.element(), vector.child(), k, out);
          continue;
        }
        std::string key;
        AppendText(vector.child().children()[0], k, &key);
        AppendEscaped(key, out);
        out->push_back(':');
        AppendValueJson(type.children()[1], vector.child().children()[1], k, out);
      }
      out->push_back(map ? '}' : ']');
      break;
    }
    case Physical::kTuple: {
      const bool named = !type.names().empty();
      out->push_back(named ? '{' : '[');
      for (size_t c = 0; c < type.children().size(); ++c) {
        if (c > 0) out->push_back(',');
        if (named) {
          AppendEscaped(type.names()[c], out);
          out->push_back(':');
        }
        AppendValueJson(type.children()[c], vector.children()[c], p, out);
      }
      out->push_back(named ? '}' : ']');
      break;
    }
    case Physical::kString:
      AppendEscaped(vector.data<std::string_view>()[p], out);
      break;
    case Physical::kF64: {
      const double value = vector.data<double>()[p];
      // As texts: JSON has no such numbers.
      if (!std::isfinite(value)) out->push_back('"');
      AppendText(vector, row, out);
      if (!std::isfinite(value)) out->push_back('"');
      break;
    }
    default: {
      // Integers of 64 bits and more are quoted, because JavaScript would round them.
      const bool wide = type.IsInteger() && type.IntegerBits() >= 64;
      const bool bare = (type.IsNumber() && !wide) || type.kind() == TypeKind::kInterval;
      if (!bare) out->push_back('"');
      AppendText(vector, row, out);
      if (!bare) out->push_back('"');
    }
  }
}

Bound BindToJson(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  return MakeFunction(StringType(),
                      [type = call.type(0)](const Batch& batch) -> absl::StatusOr<Vector> {
                        StringWriter writer(StringType(), batch.rows);
                        std::string scratch;
                        const Vector in = batch.args[0].Flatten();
                        for (size_t i = 0; i < batch.rows; ++i) {
                          scratch.clear();
                          AppendValueJson(type, in, i, &scratch);
                          writer.Set(i, scratch);
                        }
                        return writer.Take();
                      });
}

constexpr ScalarEntry kTable[] = {
    {"JSONHas", BindHas},
    {"JSONLength", BindLength},
    {"JSONArrayLength", BindArrayLength},
    {"JSONExtractInt", BindInt},
    {"JSONExtractUInt", BindUInt},
    {"JSONExtractFloat", BindFloat},
    {"JSONExtractBool", BindBool},
    {"JSONExtractString", BindString},
    {"JSONExtractRaw", BindRaw},
    {"JSONType", BindType},
    {"JSONExtract", BindExtract},
    {"JSONExtractKeys", BindKeys},
    {"JSONExtractArrayRaw", BindArrayRaw},
    {"JSONExtractKeysAndValues", BindKeysAndValues},
    {"JSONExtractKeysAndValuesRaw", BindKeysAndValuesRaw},
    {"isValidJSON", BindIsValid},
    {"JSON_VALUE", BindJsonValue},
    {"toJSONString", BindToJson, kSeesNulls},
};

}  // namespace

std::span<const ScalarEntry> JsonFunctions() { return kTable; }

}  // namespace hoglet::fn
