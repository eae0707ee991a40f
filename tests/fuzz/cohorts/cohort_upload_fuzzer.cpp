#include <cstddef>
#include <cstdint>
#include <string_view>

#include "include/hoglet/status.h"
#include "src/cohorts/cohort_csv.h"
#include "src/http/multipart.h"

// Any bytes as a form, up to the first line end its content type, and as a file: parts lie within
// the body, in their order, and ids are sorted.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoglet;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view type = text.substr(0, text.find('\n'));
  const std::string_view body = text.substr(std::min(type.size() + 1, text.size()));
  const auto parts = ParseMultipartForm(type, body);
  if (parts.ok()) {
    HOGLET_ASSERT(!parts->empty() && parts->size() <= kFormPartsMax);
    const char* end = body.data();
    for (const FormPart& part : *parts) {
      HOGLET_ASSERT(part.content.data() >= end);
      end = part.content.data() + part.content.size();
      ReadCohortCsv(part.content).IgnoreError();
    }
    HOGLET_ASSERT(end <= body.data() + body.size());
  }
  const auto csv = ReadCohortCsv(text);
  if (csv.ok()) {
    for (size_t i = 1; i < csv->ids.size(); ++i) HOGLET_ASSERT(csv->ids[i - 1] < csv->ids[i]);
  }
  return 0;
}
