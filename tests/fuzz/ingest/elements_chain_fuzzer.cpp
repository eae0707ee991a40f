#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "include/hoglet/status.h"
#include "src/ingest/steps/elements_chain.h"

// Any bytes as $elements and as a chain: reading and writing must end, and nothing may come out
// that is longer than what went in could explain.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto from_json = hoglet::ExtractElements(text);
  const std::string chain = hoglet::ElementsToChain(from_json);
  // Half a byte at most becomes an escape, and attributes repeat what the fields say.
  HOGLET_ASSERT(chain.size() <= 64 + size * 16);
  (void)hoglet::DeriveElementsColumns(chain);
  (void)hoglet::ParseElementsChain(chain);

  const auto from_chain = hoglet::ParseElementsChain(text);
  (void)hoglet::ElementsToChain(from_chain);
  const auto columns = hoglet::DeriveElementsColumns(text);
  HOGLET_ASSERT(columns.texts.size() <= size && columns.ids.size() <= size);
  return 0;
}
