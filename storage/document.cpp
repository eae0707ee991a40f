#include "storage/document.h"

#include <algorithm>
#include <memory>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/hash.h"
#include "src/base/json.h"
#include "src/base/key_hash.h"
#include "src/base/key_ids.h"
#include "storage/schema.h"

namespace hoglet {

namespace {

constexpr size_t kTextHeaderBytes = 2 * sizeof(uint32_t);
// Codes are given up when, after so many texts, more than three of four are new.
constexpr uint32_t kTrialTexts = 1024;

// Shapes of one hash that are looked through one by one. The hash is weak, and the names are the
// clients': beyond these, shapes are told apart by a whole hash.
constexpr size_t kAlikeMax = 16;

bool IsText(JsonKind kind) { return kind == JsonKind::kString || kind == JsonKind::kRaw; }

// Hashes are stored in parts, so the key never changes. (Earlier parts have another hash: then
// equal documents of an old part and a new one are both kept by a merge.)
constexpr uint64_t kHashKeys[2] = {0x686f676c6574'0001ull, 0x646f63756d'0002ull};

}  // namespace

// A text in the arena: its code, its length, then its bytes.
uint32_t SlotCode(uint64_t slot) {
  return LoadLittle<uint32_t>(
      reinterpret_cast<const char*>(slot));  // NOLINT(performance-no-int-to-ptr)
}

std::string_view SlotText(uint64_t slot) {
  const char* at = reinterpret_cast<const char*>(slot);  // NOLINT(performance-no-int-to-ptr)
  return {at + kTextHeaderBytes, LoadLittle<uint32_t>(at + sizeof(uint32_t))};
}

std::string_view TextTable::text(uint32_t code) const { return SlotText(slots_[code]); }

uint64_t TextTable::Slot(std::string_view text, uint64_t hash, Arena* arena, uint64_t* bytes) {
  HOGLET_ASSERT(text.size() <= UINT32_MAX);
  size_t at = hash & (entries_.size() - 1);
  if (is_coded_) {
    ++seen_;
    for (; entries_[at] != 0; at = (at + 1) & (entries_.size() - 1)) {
      if (((entries_[at] ^ hash) >> kAddressBits) != 0) continue;
      const uint64_t slot = SlotOf(entries_[at]);
      if (SameText(SlotText(slot), text)) return slot;
    }
  }
  char* to = arena->Allocate(kTextHeaderBytes + text.size());
  StoreLittle(to, is_coded_ ? static_cast<uint32_t>(slots_.size()) : kNoCode);
  StoreLittle(to + sizeof(uint32_t), static_cast<uint32_t>(text.size()));
  std::memcpy(to + kTextHeaderBytes, text.data(), text.size());
  const auto slot = reinterpret_cast<uint64_t>(to);
  if (!is_coded_) return slot;
  slots_.push_back(slot);
  entries_[at] = MakeEntry(slot, hash);
  *bytes += sizeof(slot);
  if (seen_ >= kTrialTexts && slots_.size() > seen_ / 4 * 3) {
    GiveUp(bytes);
  } else if (slots_.size() * 2 > entries_.size()) {
    Grow(bytes);
  }
  return slot;
}

TextTable::Entry TextTable::MakeEntry(uint64_t slot, uint64_t hash) {
  HOGLET_ASSERT(slot >> kAddressBits == 0);
  return slot | hash >> kAddressBits << kAddressBits;
}

void TextTable::Grow(uint64_t* bytes) {
  *bytes += entries_.size() * sizeof(Entry);
  std::vector<Entry> larger(entries_.size() * 2);
  for (uint32_t code = 0; code < slots_.size(); ++code) {
    const uint64_t hash = FastHash64(text(code));
    size_t at = hash & (larger.size() - 1);
    while (larger[at] != 0) at = (at + 1) & (larger.size() - 1);
    larger[at] = MakeEntry(slots_[code], hash);
  }
  entries_ = std::move(larger);
}

void TextTable::GiveUp(uint64_t* bytes) {
  *bytes -= slots_.size() * sizeof(uint64_t) + (entries_.size() - kFirstEntries) * sizeof(Entry);
  is_coded_ = false;
  entries_ = std::vector<Entry>(1);
  slots_ = {};
}

JsonKind StoredKind(const JsonMember& member) {
  if (member.kind != JsonKind::kInt64) return member.kind;
  const bool exact = member.integer >= -kExactDoubleMax && member.integer <= kExactDoubleMax;
  return exact ? JsonKind::kInt64 : JsonKind::kRaw;
}

Int128 HashDocument(const Document& document) {
  thread_local std::string bytes;  // keeps its memory
  bytes.clear();
  for (size_t i = 0; i < document.shape->members.size(); ++i) {
    const DocumentShape::Member& member = document.shape->members[i];
    const uint64_t slot = document.slots[i];
    PutString(&bytes, member.key);
    bytes.push_back(static_cast<char>(member.kind));
    switch (member.kind) {
      case JsonKind::kNull:
        break;
      case JsonKind::kBool:
        bytes.push_back(static_cast<char>(slot));
        break;
      case JsonKind::kInt64:
      case JsonKind::kDouble:
        PutLittle(&bytes, slot);
        break;
      case JsonKind::kString:
      case JsonKind::kRaw:
        PutString(&bytes, SlotText(slot));
    }
  }
  const auto [low, high] = SipHash128Keyed(kHashKeys[0], kHashKeys[1], bytes);
  return static_cast<Int128>((static_cast<UInt128>(high) << 64) | low);
}

JsonMember Document::Member(size_t slot) const {
  const DocumentShape::Member& shape_member = shape->members[slot];
  JsonMember member;
  member.key = shape_member.key;
  member.kind = shape_member.kind;
  switch (shape_member.kind) {
    case JsonKind::kNull:
      break;
    case JsonKind::kBool:
      member.boolean = slots[slot] != 0;
      break;
    case JsonKind::kInt64:
      member.integer = static_cast<int64_t>(slots[slot]);
      break;
    case JsonKind::kDouble:
      std::memcpy(&member.number, &slots[slot], sizeof(double));
      break;
    case JsonKind::kString:
    case JsonKind::kRaw:
      member.text = SlotText(slots[slot]);
  }
  return member;
}

std::string_view DocumentStore::Key(std::string_view key) {
  if (const auto found = keys_.find(key); found != keys_.end()) return *found;
  index_bytes_ += 40;
  return *keys_.insert(arena_.Copy(key)).first;
}

TextTable* DocumentStore::TextsOf(std::string_view key, JsonKind kind) {
  if (!IsText(kind)) return nullptr;
  std::unique_ptr<TextTable>& texts = texts_[key][kind == JsonKind::kString ? 0 : 1];
  if (texts == nullptr) {
    texts = std::make_unique<TextTable>();
    // With the entry of the map, which is half empty at worst.
    index_bytes_ += TextTable::kFirstBytes + 2 * sizeof(*texts_.begin());
  }
  return texts.get();
}

DocumentShape* DocumentStore::NewShape(const JsonObjectView& members) {
  auto shape = std::make_unique<DocumentShape>();
  shape->index = static_cast<uint32_t>(shape_list_.size());
  shape->members.reserve(members.size());
  for (const JsonMember& member : members) {
    const std::string_view key = Key(member.key);
    const JsonKind kind = StoredKind(member);
    shape->members.push_back({key, kind, TextsOf(key, kind)});
  }
  index_bytes_ += 96 + members.size() * sizeof(DocumentShape::Member);
  shape_list_.push_back(std::move(shape));
  return shape_list_.back().get();
}

DocumentShape* DocumentStore::Shape(const JsonObjectView& members) {
  constexpr int kKindBits = 3;
  static_assert(static_cast<int>(JsonKind::kRaw) < 1 << kKindBits);
  static_assert(kKeyIdMax < 1u << (32 - kKindBits));
  numbers_.resize(members.size());
  bool has_all = true;
  for (size_t i = 0; i < members.size(); ++i) {
    has_all &= members[i].key_id != kNoKeyId;
    numbers_[i] = members[i].key_id << kKindBits | static_cast<uint32_t>(StoredKind(members[i]));
  }
  if (!has_all) return ShapeByName(members);
  const uint64_t hash = FastHash64(std::string_view(reinterpret_cast<const char*>(numbers_.data()),
                                                    numbers_.size() * sizeof(uint32_t)));
  const auto [entry, is_new] = numbered_shapes_.try_emplace(hash, nullptr);
  if (!is_new) {
    // Two of one hash: the later one is looked up by its names.
    return entry->second->numbers == numbers_ ? entry->second : ShapeByName(members);
  }
  DocumentShape* shape = ShapeByName(members);
  shape->numbers = numbers_;
  index_bytes_ += numbers_.size() * sizeof(uint32_t) + 2 * sizeof(*entry);
  return entry->second = shape;
}

DocumentShape* DocumentStore::ShapeByName(const JsonObjectView& members) {
  uint64_t hash = members.size();
  for (const JsonMember& member : members) {
    hash = (hash ^ (NameHash(member.key) + static_cast<uint64_t>(StoredKind(member)))) *
           0x9e3779b97f4a7c15ull;
    hash ^= hash >> 32;
  }
  const auto is_it = [&members](const DocumentShape& shape) {
    return std::equal(members.begin(), members.end(), shape.members.begin(), shape.members.end(),
                      [](const JsonMember& member, const DocumentShape::Member& known) {
                        return StoredKind(member) == known.kind && member.key == known.key;
                      });
  };
  DocumentShape*& first = shapes_[hash];
  size_t alike = 0;
  for (DocumentShape* shape = first; shape != nullptr; shape = shape->next_alike) {
    if (is_it(*shape)) return shape;
    ++alike;
  }
  if (alike >= kAlikeMax) return ShapeOfMany(members);
  DocumentShape* shape = NewShape(members);
  shape->next_alike = first;
  return first = shape;
}

DocumentShape* DocumentStore::ShapeOfMany(const JsonObjectView& members) {
  std::string names;
  for (const JsonMember& member : members) {
    PutString(&names, member.key);
    names.push_back(static_cast<char>(StoredKind(member)));
  }
  const auto [entry, is_new] = many_shapes_.try_emplace(std::move(names), nullptr);
  if (is_new) {
    entry->second = NewShape(members);
    index_bytes_ += entry->first.capacity() + 2 * sizeof(*entry);
  }
  return entry->second;
}

// The slot of a value that is no text, or of an integer that is kept as text.
uint64_t DocumentStore::Slot(const JsonMember& member, DocumentShape::Member* known) {
  switch (known->kind) {
    case JsonKind::kNull:
      return 0;
    case JsonKind::kBool:
      return member.boolean ? 1 : 0;
    case JsonKind::kInt64:
      return static_cast<uint64_t>(member.integer);
    case JsonKind::kDouble: {
      uint64_t bits;
      std::memcpy(&bits, &member.number, sizeof(bits));
      return bits;
    }
    case JsonKind::kString:
    case JsonKind::kRaw:
      break;
  }
  std::string digits;
  AppendInt(member.integer, &digits);
  return known->texts->Slot(digits, FastHash64(digits), &arena_, &index_bytes_);
}

// The slots of a document. Those of `uncoded_` get the hash of the text for the time being: each
// text of theirs has a slot of its own, which is not made yet.
void DocumentStore::FillSlots(DocumentShape* shape, const JsonObjectView& members,
                              uint64_t* slots) {
  // Many texts are those of the document before. The others are looked up in tables that are many
  // and large: what is looked at is fetched while the other hashes are made.
  lookups_.clear();
  uncoded_.clear();
  for (uint32_t i = 0; i < members.size(); ++i) {
    const JsonMember& member = members[i];
    DocumentShape::Member& known = shape->members[i];
    if (known.texts == nullptr || member.kind == JsonKind::kInt64) {
      slots[i] = Slot(member, &known);
    } else if (!known.texts->is_coded()) {
      slots[i] = FastHash64(member.text);
      uncoded_.push_back(i);
    } else if (known.latest != 0 && SameText(SlotText(known.latest), member.text)) {
      slots[i] = known.latest;
      known.texts->CountRepeat();
    } else {
      const uint64_t text_hash = FastHash64(member.text);
      known.texts->PrefetchEntry(text_hash);
      lookups_.push_back({i, text_hash});
    }
  }
  for (const Lookup& lookup : lookups_) {
    shape->members[lookup.member].texts->PrefetchText(lookup.hash);
  }
  for (const auto& [i, text_hash] : lookups_) {
    DocumentShape::Member& known = shape->members[i];
    slots[i] = known.texts->Slot(members[i].text, text_hash, &arena_, &index_bytes_);
    known.latest = slots[i];
  }
}

// Takes the slots, which are the arena's, and completes them.
const Document* DocumentStore::NewDocument(const DocumentShape* shape,
                                           const JsonObjectView& members, uint64_t* slots) {
  for (const uint32_t i : uncoded_) {
    slots[i] = shape->members[i].texts->Slot(members[i].text, slots[i], &arena_, &index_bytes_);
  }
  index_bytes_ += sizeof(Document);
  return &documents_.emplace_back(Document{shape, slots});
}

// Whether it has the shape and the slots of `slots_`.
bool DocumentStore::IsDocument(const Document& document, const DocumentShape* shape,
                               const JsonObjectView& members) const {
  if (document.shape != shape) return false;
  size_t next_uncoded = 0;
  for (uint32_t i = 0; i < members.size(); ++i) {
    if (next_uncoded < uncoded_.size() && uncoded_[next_uncoded] == i) {
      ++next_uncoded;
      if (!SameText(SlotText(document.slots[i]), members[i].text)) return false;
    } else if (document.slots[i] != slots_[i]) {
      return false;
    }
  }
  return true;
}

const Document* DocumentStore::Add(const JsonObjectView& members) {
  DocumentShape* shape = Shape(members);
  auto* slots = reinterpret_cast<uint64_t*>(arena_.Allocate(members.size() * sizeof(uint64_t)));
  FillSlots(shape, members, slots);
  return NewDocument(shape, members, slots);
}

const Document* DocumentStore::AddShared(const JsonObjectView& members) {
  DocumentShape* shape = Shape(members);
  slots_.resize(members.size());
  FillSlots(shape, members, slots_.data());
  const size_t bytes = members.size() * sizeof(uint64_t);
  const uint64_t hash =
      FastHash64(std::string_view(reinterpret_cast<const char*>(slots_.data()), bytes)) +
      FastHash64(uint64_t{shape->index});
  const auto [entry, is_new] = shared_.try_emplace(hash, nullptr);
  if (!is_new && IsDocument(*entry->second, shape, members)) return entry->second;
  auto* slots = reinterpret_cast<uint64_t*>(arena_.Allocate(bytes));
  std::copy(slots_.begin(), slots_.end(), slots);
  index_bytes_ += 2 * sizeof(*entry);
  return entry->second = NewDocument(shape, members, slots);
}

}  // namespace hoglet
