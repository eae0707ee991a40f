#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "include/hoglet/status.h"
#include "src/base/captured_event.h"
#include "src/base/memory_env.h"
#include "src/capture/capture.h"
#include "src/capture/json_document.h"

// One request of any kind: the first byte chooses endpoint, content type and hint, then the query
// up to a line break, then the body. Whatever is accepted must be JSON that parses again and a
// record that reads back.

namespace {

hoglet::HttpRequest RequestOf(uint8_t choice, std::string_view rest) {
  constexpr const char* kTypes[] = {"application/json", "application/x-www-form-urlencoded",
                                    "text/plain", ""};
  constexpr const char* kEncodings[] = {"", "gzip", "deflate", "br", "zstd"};
  hoglet::HttpRequest request;
  request.method = "POST";
  request.path = (choice & 1) != 0 ? "/engage/" : "/e/";
  request.headers.Add("content-type", kTypes[choice >> 1 & 3]);
  request.headers.Add("content-encoding", kEncodings[(choice >> 3) % 5]);
  request.headers.Add("authorization", "Bearer t");
  request.headers.Add("posthog-sdk-info", "sdk/1");
  request.headers.Add("posthog-attempt", "1");
  request.headers.Add("posthog-request-id", "0190c0de-0000-7000-8000-000000000001");
  request.headers.Add("posthog-request-timestamp", "2026-03-19T14:30:00Z");
  request.headers.Add("user-agent", "fuzzer");
  const size_t line = rest.find('\n');
  if (line != std::string_view::npos) {
    request.query = std::string(rest.substr(0, line));
    rest.remove_prefix(line + 1);
  }
  request.body = std::string(rest);
  return request;
}

void Check(const hoglet::CaptureOutcome& outcome) {
  HOGLET_ASSERT(outcome.events.empty() || outcome.response.status < 300);
  for (size_t i = 0; i < outcome.events.size(); ++i) {
    const hoglet::CapturedEvent event = outcome.events[i];
    HOGLET_ASSERT(!event.event.empty() && !event.distinct_id.empty() && !event.token.empty());
    HOGLET_ASSERT(hoglet::VisitJsonDocument(event.json, [](const auto&) {}).ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static hoglet::MemoryEnv env;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  hoglet::CaptureContext context;
  context.env = &env;
  context.now_us = env.NowMicros();
  context.limits.decompressed_bytes_max = 1 << 20;
  context.limits.v1_decompressed_bytes_max = 1 << 20;
  Check(hoglet::CaptureAnalytics(RequestOf(data[0], rest), context));
  Check(hoglet::CaptureAnalyticsV1(RequestOf(data[0], rest), context));
  Check(hoglet::CaptureReplay(RequestOf(data[0], rest), context));
  return 0;
}
