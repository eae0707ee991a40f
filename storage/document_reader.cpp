#include "storage/document_reader.h"

#include <cmath>

#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {

absl::StatusOr<std::unique_ptr<DocumentReader>> DocumentReader::Open(const Part& part,
                                                                     JsonColumn column,
                                                                     size_t granule) {
  std::unique_ptr<DocumentReader> reader(new DocumentReader(part, column, granule));
  HOGLET_ASSIGN_OR_RETURN(
      reader->shapes_, part.ReadColumn(part.FindColumn(ColumnKind::kJsonShape, column), granule));
  reader->keys_.resize(part.footer().json[column].keys.size());
  if (reader->shapes_.form() == Vector::Form::kDictionary) {
    reader->parsed_shapes_.resize(reader->shapes_.dictionary()->size());
    reader->shape_parsed_.resize(reader->shapes_.dictionary()->size());
  }
  if (part.footer().json[column].has_residual) {
    HOGLET_ASSIGN_OR_RETURN(
        reader->residual_,
        part.ReadColumn(part.FindColumn(ColumnKind::kJsonResidual, column), granule));
  }
  return reader;
}

absl::Status DocumentReader::Damaged(const char* what) const {
  return absl::DataLossError(StrCat(part_.path(), ": column ", JsonColumnName(column_),
                                    ", granule ", granule_, ": ", what));
}

absl::StatusOr<const std::vector<uint32_t>*> DocumentReader::ShapeOf(size_t document) {
  const VectorReader<std::string_view> shapes(shapes_);
  if (!shapes.valid(document)) return Damaged("a document has no shape");
  const bool is_coded = !parsed_shapes_.empty();
  const uint32_t code = is_coded ? shapes_.codes()[document] : 0;
  std::vector<uint32_t>* parsed = is_coded ? &parsed_shapes_[code] : &scratch_shape_;
  if (is_coded && shape_parsed_[code]) return parsed;
  parsed->clear();
  if (!ParseShape(shapes.at(document), parsed)) return Damaged("shape");
  for (const uint32_t key : *parsed) {
    if (key > keys_.size()) return Damaged("shape names no key");
  }
  if (is_coded) shape_parsed_[code] = true;
  return parsed;
}

absl::Status DocumentReader::Load(uint32_t key) {
  Key& entry = keys_[key];
  const std::string& name = part_.footer().json[column_].keys[key];
  const auto* columns = part_.FindKey(column_, name);
  if (columns == nullptr) return Damaged("a key has no column");
  for (int variant = 0; variant < kJsonVariantCount; ++variant) {
    if ((*columns)[variant] < 0) continue;
    HOGLET_ASSIGN_OR_RETURN(Vector values, part_.ReadColumn((*columns)[variant], granule_));
    entry.columns.push_back({static_cast<JsonVariant>(variant), std::move(values)});
  }
  entry.loaded = true;
  return absl::OkStatus();
}

namespace {

void SetNumber(double number, JsonMember* member) {
  const bool integral = std::fabs(number) <= static_cast<double>(kExactDoubleMax) &&
                        std::trunc(number) == number && !(number == 0 && std::signbit(number));
  if (integral) {
    member->kind = JsonKind::kInt64;
    member->integer = static_cast<int64_t>(number);
  } else {
    member->kind = JsonKind::kDouble;
    member->number = number;
  }
}

void SetValue(const Vector& values, size_t row, JsonVariant variant, JsonMember* member) {
  const size_t at = values.Position(row);
  const Vector& from = values.form() == Vector::Form::kDictionary ? *values.dictionary() : values;
  switch (variant) {
    case JsonVariant::kNull:
      member->kind = JsonKind::kNull;
      break;
    case JsonVariant::kBool:
      member->kind = JsonKind::kBool;
      member->boolean = from.data<uint8_t>()[at] != 0;
      break;
    case JsonVariant::kNumber:
      if (from.type().physical() == Physical::kI64) {
        member->kind = JsonKind::kInt64;
        member->integer = from.data<int64_t>()[at];
      } else {
        SetNumber(from.data<double>()[at], member);
      }
      break;
    case JsonVariant::kString:
      member->kind = JsonKind::kString;
      member->text = from.data<std::string_view>()[at];
      break;
    case JsonVariant::kRaw:
      member->kind = JsonKind::kRaw;
      member->text = from.data<std::string_view>()[at];
  }
}

}  // namespace

absl::Status DocumentReader::ReadResidual(size_t document, JsonObjectView* members) {
  members->clear();
  if (residual_.size() == 0) return absl::OkStatus();
  const VectorReader<std::string_view> texts(residual_);
  if (!texts.valid(document)) return absl::OkStatus();
  if (const absl::Status status = ParseJsonObject(texts.at(document), &arena_, members);
      !status.ok()) {
    return Damaged("residual is no JSON object");
  }
  return absl::OkStatus();
}

absl::Status DocumentReader::Read(size_t document, JsonObjectView* members) {
  members->clear();
  HOGLET_ASSIGN_OR_RETURN(const std::vector<uint32_t>* shape, ShapeOf(document));
  HOGLET_RETURN_IF_ERROR(ReadResidual(document, &scratch_members_));
  size_t next_residual = 0;
  for (const uint32_t entry : *shape) {
    if (entry == 0) {
      if (next_residual == scratch_members_.size()) return Damaged("residual lacks a member");
      members->push_back(scratch_members_[next_residual++]);
      continue;
    }
    const uint32_t key = entry - 1;
    if (!keys_[key].loaded) HOGLET_RETURN_IF_ERROR(Load(key));
    JsonMember& member = members->emplace_back();
    member.key = part_.footer().json[column_].keys[key];
    bool found = false;
    for (const KeyColumn& column : keys_[key].columns) {
      if (column.values.IsNull(document)) continue;
      SetValue(column.values, document, column.variant, &member);
      found = true;
    }
    if (!found) return Damaged("a member of the shape has no value");
  }
  if (next_residual != scratch_members_.size()) return Damaged("residual has too many members");
  return absl::OkStatus();
}

}  // namespace hoglet
