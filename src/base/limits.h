#pragma once

#include <cstdint>

// Every limit of the server that is not a setting, by name and unit. A limit is a promise to the
// operator: memory and queues end here, with a clear refusal. Add the limits of your room below its
// heading.

namespace hoglet::limits {

// base
inline constexpr uint32_t kJsonDepthMax = 128;
inline constexpr uint64_t kJsonBytesMax = 64ull << 20;

// log
inline constexpr uint64_t kLogRecordsPerBatchMax = 1'000'000;
inline constexpr uint64_t kLogBatchBytesMax = 256ull << 20;
inline constexpr uint32_t kLogTopicNameBytesMax = 200;
inline constexpr uint32_t kLogConsumersMax = 1024;

// capture
inline constexpr uint64_t kCaptureBodyBytesMax = 20ull << 20;
inline constexpr uint64_t kCaptureDecompressedBytesMax = 64ull << 20;

// HTTP
inline constexpr uint64_t kHttpHeaderBytesMax = 64ull << 10;
inline constexpr uint64_t kApiBodyBytesMax = 20ull << 20;

// definitions
inline constexpr uint64_t kObjectBytesMax = 1ull << 20;
inline constexpr uint64_t kObjectsMax = 100'000;            // of a project and kind
inline constexpr uint64_t kObjectsBytesMax = 256ull << 20;  // of a project and kind
inline constexpr uint64_t kCohortMembersMax = 50'000'000;
inline constexpr uint64_t kActivityNamesBytesMax = 4ull << 10;
inline constexpr uint64_t kActivityDetailBytesMax = 4ull << 20;

// queries
inline constexpr uint64_t kQueryTextBytesMax = 1ull << 20;
inline constexpr uint64_t kQueryResultRowsMax = 50'000;
inline constexpr uint64_t kQueryMemoryBytesMax = 2ull << 30;

}  // namespace hoglet::limits
