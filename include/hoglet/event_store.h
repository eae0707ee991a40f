#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"
#include "include/hoglet/scan_request.h"

namespace hoglet {

// The columnar store of events, as the pipeline sees it.
//
// Insert() makes rows visible to queries at once, in memory. They become durable with a checkpoint:
// Seal() closes the current generation of memtables at a log offset, FlushSealed() writes them as
// parts and commits, in one manifest record, the parts, the delete masks found meanwhile and that
// offset. After a crash the pipeline replays the log from durable_offset(): the same log gives the
// same rows, so nothing is lost and nothing is counted twice.
//
// Insert, Delete, Seal: one writer thread. FlushSealed may run on another thread beside Insert.
// Everything else is thread-safe.
class EventStore {
 public:
  virtual ~EventStore() = default;

  // Adds rows in log order. A row whose replacing key (team_id, UTC date of timestamp, event,
  // cityHash64(distinct_id), cityHash64(uuid)) is present replaces the older version, wherever that
  // is; an older version than the present one is dropped. No two versions are ever visible
  // together.
  virtual absl::Status Insert(std::span<const EventRow> rows) = 0;

  // Removes the rows of a team that meet every condition of `rows`, which may be timestamps,
  // distinct ids and uuids; returns how many. They are gone for queries at once, and for good with
  // the next checkpoint, like the rows inserted up to now. A row of the same key inserted later
  // stays. By the writer thread. On an error nothing was removed, and the call can be repeated.
  virtual absl::StatusOr<uint64_t> Delete(TeamId team_id, const ScanFilter& rows) = 0;

  // Bytes held by memtables: the open generation, and all.
  virtual uint64_t open_bytes() const = 0;
  virtual uint64_t memtable_bytes() const = 0;

  // Closes the open generation: its rows came from log offsets < `source_offset`. At most one
  // sealed generation waits; kFailedPrecondition otherwise.
  virtual absl::Status Seal(uint64_t source_offset) = 0;
  virtual bool HasSealed() const = 0;
  // Writes the sealed generation. On error (disk full) it stays sealed and visible, and the call
  // can be repeated.
  virtual absl::Status FlushSealed() = 0;

  // Says whether more rows wait to be inserted than is usual. As long as they do, the store puts
  // off what can wait (merging), within bounds. False at first; any thread.
  virtual void SetWritersBehind(bool behind) = 0;

  // Every row from log offsets below this is in parts.
  virtual uint64_t durable_offset() const = 0;
};

}  // namespace hoglet
