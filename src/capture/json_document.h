#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace simdjson::dom {
class element;
class object;
}  // namespace simdjson::dom

// Capture's view of a JSON request: simdjson says what is in it, and a scan of the same text says
// where, because every event is kept exactly as the client wrote it.

namespace hoglet {

// Parses the whole text (validating every byte of it) and calls `visit` with its root; views into
// the document end with the call. kInvalidArgument for text that is not JSON, or nests deeper than
// the ingest workers can follow. Integers of any length are read, as doubles beyond 64 bits. One
// large text is parsed at a time, to bound memory.
absl::Status VisitJsonDocument(const std::string& text,
                               const std::function<void(const simdjson::dom::element&)>& visit);

// The functions below take text that has been validated, and views into it.

// One member of an object: both as they stand in the text, the key with its quotes.
struct JsonSlice {
  std::string_view key;
  std::string_view value;
};
// Members of the object, or elements of the array (keys empty), that `text` is, in order.
std::vector<JsonSlice> SliceJson(std::string_view text);

// The text as serde_json writes it: compact, object keys sorted, floats always with a point or an
// exponent.
std::string CanonicalJson(const simdjson::dom::element& value);

}  // namespace hoglet
