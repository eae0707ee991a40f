#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/capture/compression.h"
#include "src/capture/event_time.h"
#include "src/capture/json_document.h"
#include "tests/capture/outline_check.h"

// What takes a client's bytes apart before anything is known of them: the first byte chooses the
// decoder. No output exceeds its limit, what is text is UTF-8, and the places of JSON values are
// where simdjson sees them.

namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr uint64_t kBytesMax = 1 << 16;

void CheckDecompressed(const absl::StatusOr<std::string>& out) {
  HOGLET_ASSERT(!out.ok() || out->size() <= kBytesMax);
}

// Every value sliced out of the text parses to what the whole document has in its place.
void CheckSlices(std::string_view text, const element& value) {
  if (value.type() != element_type::ARRAY && value.type() != element_type::OBJECT) return;
  const auto slices = hoglet::SliceJson(text);
  size_t index = 0;
  const auto check = [&](const element& item) {
    HOGLET_ASSERT(index < slices.size());
    const std::string slice(slices[index].value);
    const absl::Status parsed = hoglet::VisitJsonDocument(slice, [&](const element& alone) {
      HOGLET_ASSERT(hoglet::CanonicalJson(alone) == hoglet::CanonicalJson(item));
    });
    HOGLET_ASSERT(parsed.ok());
    ++index;
  };
  if (value.type() == element_type::ARRAY) {
    for (const element item : simdjson::dom::array(value)) check(item);
  } else {
    for (const auto field : simdjson::dom::object(value)) {
      HOGLET_ASSERT(hoglet::FromMember(text, index).starts_with(slices[index].value));
      check(field.value);
    }
  }
  HOGLET_ASSERT(index == slices.size());
}

void CheckJson(std::string text) {
  hoglet::CheckOutline(text);
  simdjson::dom::parser parser;
  const absl::Status first = hoglet::VisitJsonDocument(&text, [](const element&) {});
  if (!first.ok()) return;
  element root;
  // Numbers too long for simdjson alone are VisitJsonDocument's business.
  if (parser.parse(simdjson::padded_string(text)).get(root)) return;
  CheckSlices(text, root);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoglet;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      CheckDecompressed(DecompressGzip(rest, kBytesMax));
      break;
    case 1:
      CheckDecompressed(DecompressZlib(rest, kBytesMax));
      break;
    case 2:
      CheckDecompressed(DecompressBrotli(rest, kBytesMax));
      break;
    case 3:
      CheckDecompressed(DecompressZstd(rest, kBytesMax));
      break;
    case 4: {
      const auto text = DecompressLz64(rest, kBytesMax);
      CheckDecompressed(text);
      HOGLET_ASSERT(!text.ok() || IsValidUtf8(*text));
      break;
    }
    case 5:
      ParseEventTimestamp(rest);
      ParseSentAt(rest);
      break;
    default:
      CheckJson(std::string(rest));
  }
  return 0;
}
