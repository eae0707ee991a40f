#include "src/capture/json_document.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/json_scan.h"
#include "src/base/limits.h"

namespace hoglet {
namespace {

using simdjson::dom::element;

// Parsers keep buffers several times the size of the largest text they saw, so only small texts
// share a thread's parser.
constexpr size_t kSharedParserBytesMax = 1 << 20;
// Larger texts are parsed at the same time as long as they are no more than this together.
constexpr size_t kLargeTextBytesMax = 16 << 20;
// What a parsed document takes depends on the number of its values, 16 bytes and more for each: a
// text of digits and commas would take many times its size.
constexpr int64_t kValuesMax = 4 << 20;
simdjson::error_code ParseWith(simdjson::dom::parser* parser, const std::string& text,
                               element* root) {
  const size_t capacity = std::max<size_t>(text.size(), 64);
  if (parser->capacity() < capacity || parser->max_depth() != limits::kJsonDepthMax) {
    const auto error = parser->allocate(capacity, limits::kJsonDepthMax);
    if (error) return error;
  }
  const bool must_copy = text.capacity() - text.size() < simdjson::SIMDJSON_PADDING;
  return parser->parse(text.data(), text.size(), must_copy).get(*root);
}

absl::Status ParseAndVisit(simdjson::dom::parser* parser, const std::string& text,
                           const std::function<void(const element&)>& visit) {
  element root;
  simdjson::error_code error = ParseWith(parser, text, &root);
  if (error == simdjson::NUMBER_ERROR) {
    std::string rewritten = WithoutLongIntegers(text);
    if (rewritten.size() != text.size()) error = ParseWith(parser, rewritten, &root);
  }
  if (error) return absl::InvalidArgumentError(simdjson::error_message(error));
  visit(root);
  return absl::OkStatus();
}

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() &&
         (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
    ++at;
  }
  return at;
}

// One past the closing quote of the string that begins at `at`.
size_t SkipString(std::string_view text, size_t at) {
  for (++at; (at = FindStringBreak(text, at)) < text.size();) {
    if (text[at] == '"') return at + 1;
    at += 2;
  }
  return text.size();
}

// The four hex digits at `at`; 0 if there are none, which is no surrogate either.
uint32_t HexUnit(std::string_view text, size_t at) {
  uint32_t unit = 0;
  if (at + 4 > text.size()) return 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 4, unit, 16);
  return error == std::errc() && end == text.data() + at + 4 ? unit : 0;
}

bool IsHighSurrogate(uint32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

// Whether anything was replaced. In JSON a backslash stands in strings only, and every one begins
// an escape.
bool ReplaceHalfSurrogates(std::string* text) {
  bool replaced = false;
  for (size_t at = text->find('\\'); at != std::string::npos; at = text->find('\\', at)) {
    const bool is_unit = at + 1 < text->size() && (*text)[at + 1] == 'u';
    const uint32_t unit = is_unit ? HexUnit(*text, at + 2) : 0;
    if (IsHighSurrogate(unit) && text->compare(at + 6, 2, "\\u") == 0 &&
        IsLowSurrogate(HexUnit(*text, at + 8))) {
      at += 12;
    } else if (IsHighSurrogate(unit) || IsLowSurrogate(unit)) {
      text->replace(at + 2, 4, "fffd");
      replaced = true;
      at += 6;
    } else {
      at += 2;
    }
  }
  return replaced;
}

size_t SkipValue(std::string_view text, size_t at) {
  if (at >= text.size()) return at;
  if (text[at] == '"') return SkipString(text, at);
  if (text[at] != '{' && text[at] != '[') {
    while (at < text.size() && text[at] != ',' && text[at] != ']' && text[at] != '}' &&
           text[at] != ' ' && text[at] != '\n' && text[at] != '\r' && text[at] != '\t') {
      ++at;
    }
    return at;
  }
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = SkipString(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return at;
}

// Lets bytes in up to a limit, and a single larger piece when nothing else is in.
class ByteGate {
 public:
  explicit ByteGate(size_t bytes_max) : bytes_max_(bytes_max) {}

  void Enter(size_t bytes) {
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return bytes_ == 0 || bytes_ + bytes <= bytes_max_; });
    bytes_ += bytes;
  }
  void Leave(size_t bytes) {
    {
      std::lock_guard lock(mutex_);
      bytes_ -= bytes;
    }
    left_.notify_all();
  }

 private:
  const size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable left_;
  size_t bytes_ = 0;  // guarded by mutex_
};

// At least as many as the text has values: separators within strings are counted too.
int64_t CountValues(const std::string& text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return c == ',' || c == ':' || c == '[' || c == '{'; });
}

}  // namespace

absl::Status VisitJsonDocument(const std::string& text,
                               const std::function<void(const element&)>& visit) {
  if (text.size() <= kSharedParserBytesMax) {
    thread_local simdjson::dom::parser parser(kSharedParserBytesMax * 2);
    return ParseAndVisit(&parser, text, visit);
  }
  if (text.size() > kValuesMax && CountValues(text) > kValuesMax) {
    return absl::InvalidArgumentError("more than " + std::to_string(kValuesMax) +
                                      " values in one document");
  }
  static ByteGate gate(kLargeTextBytesMax);
  gate.Enter(text.size());
  simdjson::dom::parser parser;
  const absl::Status status = ParseAndVisit(&parser, text, visit);
  gate.Leave(text.size());
  return status;
}

absl::Status VisitJsonDocument(std::string* text,
                               const std::function<void(const element&)>& visit) {
  const absl::Status status = VisitJsonDocument(std::as_const(*text), visit);
  if (status.ok() || !ReplaceHalfSurrogates(text)) return status;
  return VisitJsonDocument(std::as_const(*text), visit);
}

JsonSlicer::JsonSlicer(std::string_view text) : text_(text), at_(SkipSpace(text, 0)) {
  if (at_ >= text_.size() || (text_[at_] != '{' && text_[at_] != '[')) {
    at_ = text_.size();
    return;
  }
  is_object_ = text_[at_] == '{';
  at_ = SkipSpace(text_, at_ + 1);
}

std::string_view JsonSlicer::SkipKey() {
  if (!is_object_) return {};
  const size_t begin = at_;
  const size_t end = SkipString(text_, begin);
  at_ = SkipSpace(text_, SkipSpace(text_, end) + 1);  // past the colon
  return text_.substr(begin, end - begin);
}

bool JsonSlicer::Next(JsonSlice* slice) {
  if (at_ >= text_.size() || text_[at_] == '}' || text_[at_] == ']') return false;
  slice->key = SkipKey();
  const size_t end = SkipValue(text_, at_);
  slice->value = text_.substr(at_, end - at_);
  at_ = SkipSpace(text_, end);
  if (at_ < text_.size() && text_[at_] == ',') at_ = SkipSpace(text_, at_ + 1);
  return true;
}

std::string_view JsonSlicer::FromNextValue() {
  SkipKey();
  return text_.substr(at_);
}

std::vector<JsonSlice> SliceJson(std::string_view text) {
  std::vector<JsonSlice> slices;
  JsonSlicer slicer(text);
  for (JsonSlice slice; slicer.Next(&slice);) slices.push_back(slice);
  return slices;
}

std::string_view MemberText(std::string_view object_text, size_t index) {
  JsonSlicer slicer(object_text);
  JsonSlice slice;
  for (size_t i = 0; i <= index; ++i) {
    const bool has_text = slicer.Next(&slice);
    HOGLET_ASSERT(has_text);
  }
  return slice.value;
}

std::string_view FromMember(std::string_view object_text, size_t index) {
  JsonSlicer slicer(object_text);
  JsonSlice slice;
  for (size_t i = 0; i < index; ++i) {
    const bool has_text = slicer.Next(&slice);
    HOGLET_ASSERT(has_text);
  }
  return slicer.FromNextValue();
}

std::string CanonicalJson(std::string_view text) {
  // A parser of its own: the thread's may hold the document that the text is from.
  simdjson::dom::parser parser;
  std::string out;
  const absl::Status parsed = ParseAndVisit(
      &parser, std::string(text), [&](const element& value) { AppendCanonicalJson(value, &out); });
  HOGLET_ASSERT(parsed.ok());
  return out;
}

}  // namespace hoglet
