#include "storage/part_granule.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "storage/document_reader.h"
#include "storage/row_source.h"

namespace hoglet {

namespace {

// Forms of VectorCache entries: part.cpp has those below 16.
constexpr uint32_t kTransformedForm = 16;  // + ColumnRef::Json: a dictionary in that form
constexpr uint32_t kDocumentsForm = 32;    // + ColumnRef::Json: a key of all documents in that form

class PartGranule : public GranuleReader {
 public:
  PartGranule(VisiblePart part, size_t granule)
      : visible_(std::move(part)), part_(*visible_.part), granule_(granule) {
    const auto& begin = part_.footer().granule_begin;
    begin_ = begin[granule];
    rows_ = begin[granule + 1] - begin_;
  }

  absl::Status FindLive(TeamId team);
  size_t rows() const override { return rows_; }
  const Selection* live() const override { return live_ ? &*live_ : nullptr; }
  absl::StatusOr<Vector> Read(const ColumnRef& column) override {
    for (const auto& [known, values] : cache_) {
      if (known == column) return values;
    }
    HOGLET_ASSIGN_OR_RETURN(Vector values, ReadUncached(column, nullptr));
    cache_.emplace_back(column, values);
    return values;
  }
  absl::StatusOr<Vector> Read(const ColumnRef& column, const Selection& selection) override {
    // Documents are dear to rebuild: only those asked for.
    if (column.json == ColumnRef::Json::kWhole && column.key.empty() &&
        FindJsonColumn(column.name) >= 0) {
      return ReadUncached(column, &selection);
    }
    HOGLET_ASSIGN_OR_RETURN(Vector values, Read(column));
    return values.Gather(selection);
  }

 private:
  absl::StatusOr<Vector> ReadUncached(const ColumnRef& column, const Selection* selection);
  // Documents of the rows, as positions in all documents of the part. Only if they are shared.
  absl::StatusOr<std::shared_ptr<const uint32_t[]>> DocumentNumbers(JsonColumn json);
  absl::StatusOr<Vector> ReadWhole(JsonColumn json, const Selection* selection);
  absl::StatusOr<Vector> ReadKey(JsonColumn json, const std::string& key, ColumnRef::Json form);
  absl::StatusOr<std::shared_ptr<const Vector>> ReadAllDocuments(JsonColumn json,
                                                                 const std::string& key,
                                                                 ColumnRef::Json form);
  absl::StatusOr<Vector> ReadSharedKey(JsonColumn json, const std::string& key,
                                       ColumnRef::Json form);
  absl::StatusOr<Vector> ReadResidualKey(JsonColumn json, const std::string& key,
                                         ColumnRef::Json form, size_t granule);
  absl::StatusOr<Vector> InForm(int column, const Vector& values, JsonVariant variant,
                                ColumnRef::Json form);
  absl::StatusOr<DocumentReader*> ReaderOf(JsonColumn json, size_t granule);

  VisiblePart visible_;
  const Part& part_;
  size_t granule_;
  uint32_t begin_;
  size_t rows_;
  std::optional<Selection> live_;
  std::vector<std::pair<ColumnRef, Vector>> cache_;
  std::vector<std::pair<std::pair<JsonColumn, size_t>, std::unique_ptr<DocumentReader>>> readers_;
};

absl::Status PartGranule::FindLive(TeamId team) {
  const PartFooter& footer = part_.footer();
  const bool one_team =
      footer.first_keys[granule_].team_id == team && footer.last_keys[granule_].team_id == team;
  const RowMask* mask = visible_.mask.get();
  const bool has_masked =
      mask != nullptr && mask->IntersectsRange(begin_, begin_ + static_cast<uint32_t>(rows_));
  if (one_team && !has_masked) return absl::OkStatus();
  std::optional<Vector> teams;
  if (!one_team) {
    HOGLET_ASSIGN_OR_RETURN(teams, part_.ReadColumn(part_.FindPlain(kTeamIdColumn), granule_));
  }
  Selection live;
  for (size_t row = 0; row < rows_; ++row) {
    if (teams && teams->data<int64_t>()[row] != team) continue;
    if (has_masked && mask->Contains(begin_ + static_cast<uint32_t>(row))) continue;
    live.push_back(static_cast<uint16_t>(row));
  }
  if (live.size() < rows_) live_ = std::move(live);
  return absl::OkStatus();
}

absl::StatusOr<Vector> PartGranule::ReadUncached(const ColumnRef& column,
                                                 const Selection* selection) {
  const int json = FindJsonColumn(column.name);
  if (json < 0) {
    const int plain = FindPlainColumn(column.name);
    if (plain < 0) return absl::NotFoundError(StrCat("no column ", column.name));
    return part_.ReadColumn(part_.FindPlain(static_cast<PlainColumn>(plain)), granule_);
  }
  const auto json_column = static_cast<JsonColumn>(json);
  if (column.json == ColumnRef::Json::kWhole && column.key.empty()) {
    return ReadWhole(json_column, selection);
  }
  const ColumnRef::Json form =
      column.json == ColumnRef::Json::kWhole ? ColumnRef::Json::kText : column.json;
  return part_.footer().json[json_column].is_shared ? ReadSharedKey(json_column, column.key, form)
                                                    : ReadKey(json_column, column.key, form);
}

absl::StatusOr<DocumentReader*> PartGranule::ReaderOf(JsonColumn json, size_t granule) {
  for (const auto& [place, reader] : readers_) {
    if (place == std::make_pair(json, granule)) return reader.get();
  }
  HOGLET_ASSIGN_OR_RETURN(auto reader, DocumentReader::Open(part_, json, granule));
  readers_.emplace_back(std::make_pair(json, granule), std::move(reader));
  return readers_.back().second.get();
}

absl::StatusOr<std::shared_ptr<const uint32_t[]>> PartGranule::DocumentNumbers(JsonColumn json) {
  HOGLET_ASSIGN_OR_RETURN(
      Vector numbers,
      part_.ReadColumn(part_.FindColumn(ColumnKind::kJsonDocument, json), granule_));
  const uint32_t documents = part_.footer().json[json].documents();
  std::shared_ptr<uint32_t[]> codes(new uint32_t[rows_]);
  for (size_t row = 0; row < rows_; ++row) {
    const int64_t number = numbers.data<int64_t>()[row];
    if (number < 0 || number >= documents) {
      return absl::DataLossError(StrCat(part_.path(), ": column ", JsonColumnName(json),
                                        ", granule ", granule_, ": document number"));
    }
    codes[row] = static_cast<uint32_t>(number);
  }
  return codes;
}

// As a dictionary of the documents asked for when documents are shared.
absl::StatusOr<Vector> PartGranule::ReadWhole(JsonColumn json, const Selection* selection) {
  const JsonInfo& info = part_.footer().json[json];
  std::shared_ptr<const uint32_t[]> numbers;
  if (info.is_shared) {
    HOGLET_ASSIGN_OR_RETURN(numbers, DocumentNumbers(json));
  }
  const size_t count = selection == nullptr ? rows_ : selection->size();
  absl::flat_hash_map<uint32_t, uint32_t> known;  // document number -> position in texts
  std::vector<std::string_view> texts;
  auto heap = std::make_shared<StringHeap>();
  std::shared_ptr<uint32_t[]> codes(new uint32_t[count]);
  JsonObjectView members;
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    const size_t row = selection == nullptr ? i : (*selection)[i];
    const uint32_t document = info.is_shared ? numbers[row] : begin_ + static_cast<uint32_t>(row);
    const auto [entry, inserted] = known.try_emplace(document, static_cast<uint32_t>(texts.size()));
    codes[i] = entry->second;
    if (!inserted) continue;
    const size_t granule = GranuleOfRow(info.document_begin, document);
    HOGLET_ASSIGN_OR_RETURN(DocumentReader * reader, ReaderOf(json, granule));
    HOGLET_RETURN_IF_ERROR(reader->Read(document - info.document_begin[granule], &members));
    text.clear();
    AppendJsonObject(members, &text);
    texts.push_back(heap->Add(text));
    reader->ReleaseTexts();
  }
  Vector values = Vector::Flat(Type(TypeKind::kString), texts.size());
  std::copy(texts.begin(), texts.end(), values.mutable_data<std::string_view>());
  values.KeepAlive(heap);
  if (texts.size() == count) return values;
  return Vector::Dictionary(std::make_shared<const Vector>(std::move(values)), std::move(codes),
                            count);
}

absl::StatusOr<Vector> PartGranule::InForm(int column, const Vector& values, JsonVariant variant,
                                           ColumnRef::Json form) {
  if (values.form() != Vector::Form::kDictionary) return VariantToForm(values, variant, form);
  const VectorCache::Key key{part_.id(), static_cast<uint32_t>(column),
                             kTransformedForm + static_cast<uint32_t>(form)};
  std::shared_ptr<const Vector> dictionary = part_.cache()->Find(key);
  if (dictionary == nullptr) {
    Vector transformed = VariantToForm(*values.dictionary(), variant, form);
    dictionary = part_.cache()->Insert(key, std::make_shared<const Vector>(transformed.Flatten()));
  }
  return Vector::Dictionary(std::move(dictionary), values.shared_codes(), values.size());
}

absl::StatusOr<Vector> PartGranule::ReadKey(JsonColumn json, const std::string& key,
                                            ColumnRef::Json form) {
  const auto* columns = part_.FindKey(json, key);
  if (columns == nullptr) return ReadResidualKey(json, key, form, granule_);
  std::vector<Vector> forms;
  for (int i = 0; i < kJsonVariantCount; ++i) {
    const auto variant = static_cast<JsonVariant>(i);
    const int column = (*columns)[i];
    if (column < 0 || !VariantMatters(variant, form)) continue;
    const ChunkMeta& chunk = part_.footer().columns[column].chunks[granule_];
    // A column that is empty in this granule adds nothing, unless it is the only one.
    const bool is_last = forms.empty() && i + 1 == kJsonVariantCount;
    if (chunk.null_count == chunk.rows && !is_last) continue;
    HOGLET_ASSIGN_OR_RETURN(Vector values, part_.ReadColumn(column, granule_));
    HOGLET_ASSIGN_OR_RETURN(Vector formed, InForm(column, values, variant, form));
    forms.push_back(std::move(formed));
  }
  return CombineForms(forms, form, rows_);
}

absl::StatusOr<Vector> PartGranule::ReadResidualKey(JsonColumn json, const std::string& key,
                                                    ColumnRef::Json form, size_t granule) {
  const std::vector<uint32_t>& begin = part_.footer().json[json].document_begin;
  const size_t documents = begin[granule + 1] - begin[granule];
  HOGLET_ASSIGN_OR_RETURN(const bool may_hold, part_.ResidualMayHold(json, key));
  if (!may_hold) return Vector::NullConstant(FormType(form), documents);
  HOGLET_ASSIGN_OR_RETURN(DocumentReader * reader, ReaderOf(json, granule));
  JsonObjectView members;
  absl::Status status;
  Vector out = MembersToForm(documents, form, [&](size_t document, JsonMember* member) {
    if (!status.ok()) return false;
    reader->ReleaseTexts();
    status = reader->ReadResidual(document, &members);
    const JsonMember* found = status.ok() ? FindJsonMember(members, key) : nullptr;
    if (found == nullptr) return false;
    *member = *found;
    return true;
  });
  HOGLET_RETURN_IF_ERROR(status);
  return out;
}

// The key in that form for all documents of the part.
absl::StatusOr<std::shared_ptr<const Vector>> PartGranule::ReadAllDocuments(JsonColumn json,
                                                                            const std::string& key,
                                                                            ColumnRef::Json form) {
  const JsonInfo& info = part_.footer().json[json];
  const auto* columns = part_.FindKey(json, key);
  std::vector<Vector> forms;
  if (columns == nullptr) {
    HOGLET_ASSIGN_OR_RETURN(const bool may_hold, part_.ResidualMayHold(json, key));
    if (!may_hold) {
      return std::make_shared<const Vector>(Vector::NullConstant(FormType(form), info.documents()));
    }
    for (size_t granule = 0; granule + 1 < info.document_begin.size(); ++granule) {
      HOGLET_ASSIGN_OR_RETURN(Vector piece, ReadResidualKey(json, key, form, granule));
      forms.push_back(std::move(piece));
    }
    return std::make_shared<const Vector>(Vector::Concat(forms));
  }
  const int first = *std::max_element(columns->begin(), columns->end());
  const VectorCache::Key cache_key{part_.id(), static_cast<uint32_t>(first),
                                   kDocumentsForm + static_cast<uint32_t>(form)};
  if (auto cached = part_.cache()->Find(cache_key)) return cached;
  for (int i = 0; i < kJsonVariantCount; ++i) {
    const auto variant = static_cast<JsonVariant>(i);
    const int column = (*columns)[i];
    if (column < 0 || !VariantMatters(variant, form)) continue;
    HOGLET_ASSIGN_OR_RETURN(std::shared_ptr<const Vector> all, part_.ReadAll(column));
    HOGLET_ASSIGN_OR_RETURN(Vector formed, InForm(column, *all, variant, form));
    forms.push_back(std::move(formed));
  }
  return part_.cache()->Insert(
      cache_key, std::make_shared<const Vector>(CombineForms(forms, form, info.documents())));
}

absl::StatusOr<Vector> PartGranule::ReadSharedKey(JsonColumn json, const std::string& key,
                                                  ColumnRef::Json form) {
  HOGLET_ASSIGN_OR_RETURN(const std::shared_ptr<const Vector> documents,
                          ReadAllDocuments(json, key, form));
  if (documents->is_constant()) return documents->WithRows(rows_);
  HOGLET_ASSIGN_OR_RETURN(std::shared_ptr<const uint32_t[]> numbers, DocumentNumbers(json));
  if (documents->form() == Vector::Form::kFlat) {
    return Vector::Dictionary(documents, std::move(numbers), rows_);
  }
  std::shared_ptr<uint32_t[]> codes(new uint32_t[rows_]);
  for (size_t row = 0; row < rows_; ++row) codes[row] = documents->codes()[numbers[row]];
  return Vector::Dictionary(documents->dictionary(), std::move(codes), rows_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<GranuleReader>> OpenPartGranule(const VisiblePart& part,
                                                               size_t granule, TeamId team) {
  auto reader = std::make_unique<PartGranule>(part, granule);
  HOGLET_RETURN_IF_ERROR(reader->FindLive(team));
  return reader;
}

}  // namespace hoglet
