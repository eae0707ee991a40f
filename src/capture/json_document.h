#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "src/base/canonical_json.h"

namespace simdjson::dom {
class element;
class object;
}  // namespace simdjson::dom

// Capture's view of a JSON request: simdjson says what is in it, and a scan of the same text says
// where, because every event is kept exactly as the client wrote it.

namespace hoglet {

// Parses the whole text (validating every byte of it) and calls `visit` with its root; views into
// the document end with the call. kInvalidArgument for text that is not JSON, or nests deeper than
// the ingest workers can follow, or holds more than some four million values. Integers of any
// length are read, as doubles beyond 64 bits. Waits while other large texts are being parsed, to
// bound memory.
absl::Status VisitJsonDocument(const std::string& text,
                               const std::function<void(const simdjson::dom::element&)>& visit);
// As above, but half surrogate pairs, which JavaScript writes where a client cut a text within an
// emoji ("\ud83d"), are first replaced by "\ufffd" in `text` itself.
absl::Status VisitJsonDocument(std::string* text,
                               const std::function<void(const simdjson::dom::element&)>& visit);

// The functions below take text that has been validated, and views into it.

// One member of an object: both as they stand in the text, the key with its quotes.
struct JsonSlice {
  std::string_view key;
  std::string_view value;
};
// The members of the object, or elements of the array (keys empty), that `text` begins with, in
// order; there are none if it begins with something else.
class JsonSlicer {
 public:
  explicit JsonSlicer(std::string_view text);
  // False at the end.
  bool Next(JsonSlice* slice);
  // The rest of the text from the next value on. Ends the slicing.
  std::string_view FromNextValue();

 private:
  std::string_view SkipKey();

  std::string_view text_;
  size_t at_ = 0;
  bool is_object_ = false;
};
// All of them at once.
std::vector<JsonSlice> SliceJson(std::string_view text);
// The value of the object's member number `index`.
std::string_view MemberText(std::string_view object_text, size_t index);
// The text from the value of the object's member number `index` on. Reads what is before it only.
std::string_view FromMember(std::string_view object_text, size_t index);

// CanonicalJson of a text that was accepted as a document or is one of its values.
std::string CanonicalJson(std::string_view text);

}  // namespace hoglet
