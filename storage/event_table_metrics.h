#pragma once

#include "src/base/metrics.h"
#include "storage/event_table.h"

namespace hoglet {

struct EventTable::Metrics {
  explicit Metrics(MetricRegistry* registry)
      : parts(registry->GetGauge("hoglet_storage_parts", "Parts of the events table")),
        rows(registry->GetGauge("hoglet_storage_rows", "Rows in parts, masked ones included")),
        masked(registry->GetGauge("hoglet_storage_masked_rows", "Rows hidden by delete masks")),
        bytes(registry->GetGauge("hoglet_storage_bytes", "Bytes of part files")),
        amplification(registry->GetGauge("hoglet_storage_write_amplification",
                                         "Part bytes written for each byte flushed")),
        inserted(registry->GetCounter("hoglet_storage_inserted_rows_total", "Rows inserted")),
        replaced(registry->GetCounter("hoglet_storage_replaced_rows_total",
                                      "Older versions masked by a new one")),
        deleted(
            registry->GetCounter("hoglet_storage_deleted_rows_total", "Rows removed on request")),
        dropped(registry->GetCounter("hoglet_storage_dropped_rows_total",
                                     "Rows refused as older than the version present")),
        flushes(registry->GetCounter("hoglet_storage_flushes_total", "Generations flushed")),
        merges(registry->GetCounter("hoglet_storage_merges_total", "Merges of parts")),
        merge_waits(registry->GetCounter("hoglet_storage_merge_wait_milliseconds_total",
                                         "Time that merges stood still for writers")),
        failures(registry->GetCounter("hoglet_storage_write_failures_total",
                                      "Flushes and merges that failed")) {}

  Gauge* parts;
  Gauge* rows;
  Gauge* masked;
  Gauge* bytes;
  Gauge* amplification;
  Counter* inserted;
  Counter* replaced;
  Counter* deleted;
  Counter* dropped;
  Counter* flushes;
  Counter* merges;
  Counter* merge_waits;
  Counter* failures;
};

}  // namespace hoglet
