#include "storage/memtable.h"

#include <algorithm>

namespace hoglet {

namespace {

constexpr uint32_t kFirstGranuleRows = 64;

}  // namespace

MemGranule::MemGranule(uint32_t begin, uint32_t capacity) : begin_(begin), capacity_(capacity) {
  for (int i = 0; i < kPlainColumnCount; ++i) {
    switch (PlainInfo(static_cast<PlainColumn>(i)).physical) {
      case Physical::kI64:
        integers_[i].reset(new int64_t[capacity]);
        break;
      case Physical::kI128:
        wides_[i].reset(new Int128[capacity]);
        break;
      case Physical::kString:
        strings_[i].reset(new std::string_view[capacity]);
        break;
      default:
        bools_[i].reset(new uint8_t[capacity]);
    }
  }
  for (auto& documents : documents_) documents.reset(new const Document*[capacity]);
  distinct_id_hashes_.reset(new uint64_t[capacity]);
  uuid_hashes_.reset(new uint64_t[capacity]);
  key_hashes_.reset(new uint64_t[capacity]);
  row_bytes_.reset(new uint32_t[capacity]);
}

std::string_view Memtable::Intern(std::string_view text) {
  if (const auto found = interned_.find(text); found != interned_.end()) return *found;
  return *interned_.insert(arena_.Copy(text)).first;
}

const MemGranule& Memtable::GranuleOf(uint32_t row) const {
  const auto after =
      std::upper_bound(granules_.begin(), granules_.end(), row,
                       [](uint32_t r, const auto& granule) { return r < granule->begin(); });
  return **(after - 1);
}

RowPlace Memtable::Place(uint32_t row) const {
  const MemGranule& granule = GranuleOf(row);
  const uint32_t i = row - granule.begin();
  RowPlace place;
  place.key.team_id = granule.integers(kTeamIdColumn)[i];
  place.key.day = DayOf(granule.integers(kTimestampColumn)[i]);
  place.key.event = granule.strings(kEventColumn)[i];
  place.key.distinct_id_hash = granule.distinct_id_hashes()[i];
  place.key.uuid_hash = granule.uuid_hashes()[i];
  return place;
}

size_t Memtable::RowHash::operator()(uint32_t row) const {
  const MemGranule& granule = table->GranuleOf(row);
  return granule.key_hashes()[row - granule.begin()];
}

std::optional<uint32_t> Memtable::Find(const RowPlace& place) const {
  const auto found = index_.find(place);
  if (found == index_.end()) return std::nullopt;
  return *found;
}

int64_t Memtable::version_us(uint32_t row) const {
  const MemGranule& granule = GranuleOf(row);
  return granule.integers(kVersionColumn)[row - granule.begin()];
}

uint64_t Memtable::bytes() const {
  // Fixed-width columns, hashes, pointers and the key index.
  constexpr uint64_t kRowBytes = 8 * 7 + 16 * 2 + 16 * 3 + 1 + 8 * 2 + 8 * 3 + 4 + 12;
  return rows_ * kRowBytes + arena_.bytes_used() + interned_.capacity() * 17 +
         documents_[0].bytes() + documents_[1].bytes();
}

uint32_t Memtable::Append(const EventRow& row, const RowPlace& place,
                          DocumentMemo* person_documents) {
  if (granules_.empty() || rows_ - granules_.back()->begin() == granules_.back()->capacity()) {
    const uint32_t capacity = std::min(
        granule_rows_, granules_.empty() ? kFirstGranuleRows : granules_.back()->capacity() * 2);
    granules_.push_back(std::make_unique<MemGranule>(rows_, capacity));
    views_.push_back({granules_.back().get(), 0, row.timestamp_us, row.timestamp_us});
  }
  const uint64_t bytes_before = documents_[0].bytes() + arena_.bytes_used();
  MemGranule& granule = *granules_.back();
  const uint32_t i = rows_ - granule.begin();
  granule.wides_[kUuidColumn][i] = UuidToInt128(row.uuid);
  granule.wides_[kPersonIdColumn][i] = UuidToInt128(row.person_id);
  granule.strings_[kEventColumn][i] = Intern(row.event);
  granule.strings_[kDistinctIdColumn][i] = Intern(row.distinct_id);
  granule.strings_[kElementsChainColumn][i] = arena_.Copy(row.elements_chain);
  granule.integers_[kTimestampColumn][i] = row.timestamp_us;
  granule.integers_[kCreatedAtColumn][i] = row.created_at_us;
  granule.integers_[kCapturedAtColumn][i] = row.captured_at_us;
  granule.integers_[kPersonCreatedAtColumn][i] = row.person_created_at_us;
  granule.integers_[kPersonModeColumn][i] = static_cast<int64_t>(row.person_mode);
  granule.integers_[kTeamIdColumn][i] = row.team_id;
  granule.integers_[kVersionColumn][i] = row.version_us;
  granule.bools_[kHistoricalMigrationColumn][i] = row.historical_migration ? 1 : 0;
  granule.distinct_id_hashes_[i] = place.key.distinct_id_hash;
  granule.uuid_hashes_[i] = place.key.uuid_hash;
  granule.key_hashes_[i] = place.key_hash;
  granule.documents_[kPropertiesColumn][i] = documents_[kPropertiesColumn].Add(row.properties);
  static const JsonObjectView kEmpty;
  const JsonObjectView* person = row.person_properties == nullptr ? &kEmpty : row.person_properties;
  const Document*& document = (*person_documents)[person];
  if (document == nullptr) document = documents_[kPersonPropertiesColumn].AddShared(*person);
  granule.documents_[kPersonPropertiesColumn][i] = document;
  granule.row_bytes_[i] = static_cast<uint32_t>(
      std::min<uint64_t>(UINT32_MAX, documents_[0].bytes() + arena_.bytes_used() - bytes_before));

  MemGranuleView& view = views_.back();
  view.rows = i + 1;
  view.min_us = std::min(view.min_us, row.timestamp_us);
  view.max_us = std::max(view.max_us, row.timestamp_us);
  const uint32_t number = rows_++;
  // The newest row of a key is the one to find.
  if (const auto found = index_.find(place); found != index_.end()) index_.erase(found);
  index_.insert(number);
  return number;
}

JsonVariant VariantOf(JsonKind stored_kind) {
  switch (stored_kind) {
    case JsonKind::kNull:
      return JsonVariant::kNull;
    case JsonKind::kBool:
      return JsonVariant::kBool;
    case JsonKind::kInt64:
    case JsonKind::kDouble:
      return JsonVariant::kNumber;
    case JsonKind::kString:
      return JsonVariant::kString;
    case JsonKind::kRaw:
      break;
  }
  return JsonVariant::kRaw;
}

namespace {

template <typename T, typename Value>
Vector Extract(std::span<const Document* const> documents, std::string_view key,
               JsonVariant variant, bool as_double, Value value) {
  Vector out = Vector::Flat(GatheredType(variant, as_double), documents.size());
  uint64_t* validity = out.mutable_validity();
  T* values = out.mutable_data<T>();
  SlotFinder finder(key);
  // Documents lie apart from one another: what comes next is fetched ahead, or each would be a wait
  // for memory.
  constexpr size_t kAhead = 12;
  for (size_t i = 0; i < documents.size(); ++i) {
    if (i + 2 * kAhead < documents.size()) __builtin_prefetch(documents[i + 2 * kAhead]);
    if (i + kAhead < documents.size()) __builtin_prefetch(documents[i + kAhead]->slots);
    const int slot = finder.Slot(*documents[i]->shape);
    if (slot < 0 || VariantOf(documents[i]->shape->members[slot].kind) != variant) {
      values[i] = T{};
      ClearBit(validity, i);
    } else {
      values[i] = value(documents[i]->Member(static_cast<size_t>(slot)));
    }
  }
  return out;
}

}  // namespace

Vector ExtractVariant(std::span<const Document* const> documents, std::string_view key,
                      JsonVariant variant, bool as_double) {
  switch (variant) {
    case JsonVariant::kNull:
      return Extract<uint8_t>(documents, key, variant, false,
                              [](const JsonMember&) { return uint8_t{0}; });
    case JsonVariant::kBool:
      return Extract<uint8_t>(documents, key, variant, false, [](const JsonMember& member) {
        return static_cast<uint8_t>(member.boolean);
      });
    case JsonVariant::kNumber:
      if (!as_double) {
        return Extract<int64_t>(documents, key, variant, false,
                                [](const JsonMember& member) { return member.integer; });
      }
      return Extract<double>(documents, key, variant, true, [](const JsonMember& member) {
        return member.kind == JsonKind::kInt64 ? static_cast<double>(member.integer)
                                               : member.number;
      });
    default:
      return Extract<std::string_view>(documents, key, variant, false,
                                       [](const JsonMember& member) { return member.text; });
  }
}

KeyVariants FindVariants(std::span<const Document* const> documents, std::string_view key) {
  KeyVariants variants;
  SlotFinder finder(key);
  const DocumentShape* previous = nullptr;
  for (const Document* document : documents) {
    if (document->shape == previous) continue;
    previous = document->shape;
    const int slot = finder.Slot(*previous);
    if (slot < 0) continue;
    const JsonKind kind = previous->members[slot].kind;
    variants.present[static_cast<size_t>(VariantOf(kind))] = true;
    variants.has_double |= kind == JsonKind::kDouble;
  }
  return variants;
}

}  // namespace hoglet
