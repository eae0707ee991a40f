#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"

namespace hoglet {

class JsonOutline;

// The members that capture reads, named as requests name them.
enum class KnownName : uint8_t {
  kNone,
  kBatch,
  kProperties,
  kEvent,
  kDistinctId,
  kTimestamp,
  kUuid,
  kToken,
  kApiKey,
  kOffset,
  kSet,
  kSetOnce,
  kIgnoreSentAt,
  kCookielessMode,
  kCaptureInternal,
  kSentAt,
  kDollarToken,
  kProductTourId,
  kDollarDistinctId,
  kHistoricalMigration,
};

// A value of an outline; valid while the outline and its text stay as they are.
class JsonNode {
 public:
  enum class Kind : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

  JsonNode(const JsonOutline* outline, uint32_t index) : outline_(outline), index_(index) {}

  Kind kind() const;
  bool is_null() const { return kind() == Kind::kNull; }
  // As it stands in the document.
  std::string_view text() const;
  // The member's name; kNone for the root and for elements.
  KnownName name() const;
  // Of a string: its content, in `arena` if it had to be unescaped.
  std::string_view String(Arena* arena) const;
  // Of a number written as an integer that fits.
  std::optional<int64_t> Int64() const;

  // The outlined members or elements of this value, in order.
  class Iterator {
   public:
    Iterator(const JsonOutline* outline, uint32_t index) : outline_(outline), index_(index) {}
    JsonNode operator*() const { return {outline_, index_}; }
    Iterator& operator++();
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const JsonOutline* outline_;
    uint32_t index_;
  };
  Iterator begin() const { return {outline_, index_ + 1}; }
  Iterator end() const;

 private:
  const JsonOutline* outline_;
  uint32_t index_;
};

// What a capture request says about its events: one pass over the text proves all of it to be JSON
// and notes where the few members stand that capture reads. Outlined are the root; the elements of
// a root array and of the `batch` array of a root object; the known members of the root and of
// those elements, and of the `properties` object of either. Everything else is proven and passed.
//
// Not thread-safe. Reused, it allocates nothing, and knows the keys of earlier texts.
class JsonOutline {
 public:
  JsonOutline();
  ~JsonOutline();

  // Bytes behind the text that may be read (their content does not matter), its NUL included.
  static constexpr size_t kPaddingBytes = 32;
  // Makes sure of them.
  static void Pad(std::string* text) { text->reserve(text->size() + kPaddingBytes); }

  // `text` is padded valid UTF-8 and outlives the outline's use. False if it is not JSON, or is
  // JSON of a kind left to others to judge: longer than a few megabytes, nested deeply, with
  // numbers that may not fit 64 bits. Whatever is read here is read by VisitJsonDocument too, which
  // tests and fuzzers hold it to.
  bool Read(const std::string& text) { return Run(text, false); }
  // The same for text that VisitJsonDocument has accepted: nothing is left to others.
  bool ReadAccepted(const std::string& text) { return Run(text, true); }

  // As requests spell it.
  static std::string_view Spelling(KnownName name);

  // After a read that was true.
  JsonNode root() const { return {this, 0}; }

  // Frees what only an unusual text needed.
  void Shrink();

 private:
  friend class JsonNode;
  class KeyGuesses;
  class Reader;

  struct Entry {
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t next = 0;  // the first entry that is not within this one
    KnownName name = KnownName::kNone;
    JsonNode::Kind kind = JsonNode::Kind::kNull;
  };

  bool Run(const std::string& text, bool is_accepted);

  std::string_view text_;
  std::vector<Entry> entries_;
  std::unique_ptr<KeyGuesses> guesses_;
};

inline JsonNode::Kind JsonNode::kind() const { return outline_->entries_[index_].kind; }

inline std::string_view JsonNode::text() const {
  const JsonOutline::Entry& entry = outline_->entries_[index_];
  return outline_->text_.substr(entry.begin, entry.end - entry.begin);
}

inline KnownName JsonNode::name() const { return outline_->entries_[index_].name; }

inline JsonNode::Iterator& JsonNode::Iterator::operator++() {
  index_ = outline_->entries_[index_].next;
  return *this;
}

inline JsonNode::Iterator JsonNode::end() const {
  return {outline_, outline_->entries_[index_].next};
}

}  // namespace hoglet
