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
        partition_parts(registry->GetGauge(
            "hoglet_storage_partition_parts_max",
            "Parts that may still be merged in the shard and month with the most")),
        merge_pending(registry->GetGauge("hoglet_storage_merge_pending_bytes",
                                         "Bytes of the parts that the next merges would take")),
        inserted(registry->GetCounter("hoglet_storage_inserted_rows_total", "Rows inserted")),
        replaced(registry->GetCounter("hoglet_storage_replaced_rows_total",
                                      "Older versions masked by a new one")),
        deleted(
            registry->GetCounter("hoglet_storage_deleted_rows_total", "Rows removed on request")),
        dropped(registry->GetCounter("hoglet_storage_dropped_rows_total",
                                     "Rows refused as older than the version present")),
        flushes(registry->GetCounter("hoglet_storage_flushes_total", "Generations flushed")),
        merges(registry->GetCounter("hoglet_storage_merges_total", "Merges of parts")),
        flushed_bytes(registry->GetCounter("hoglet_storage_flushed_bytes_total",
                                           "Bytes of parts written by flushes")),
        merged_bytes(registry->GetCounter("hoglet_storage_merged_bytes_total",
                                          "Bytes of parts written by merges")),
        merged_parts(registry->GetCounter("hoglet_storage_merged_parts_total",
                                          "Parts that merges have replaced")),
        merged_rows(
            registry->GetCounter("hoglet_storage_merged_rows_total", "Rows written by merges")),
        merge_time(registry->GetCounter("hoglet_storage_merge_milliseconds_total",
                                        "Time that merges took, waiting included")),
        merge_waits(registry->GetCounter("hoglet_storage_merge_wait_milliseconds_total",
                                         "Time that merges stood still for writers")),
        merge_pauses(
            registry->GetCounter("hoglet_storage_merge_paced_milliseconds_total",
                                 "Time that merges waited to keep to their bytes a second")),
        failures(registry->GetCounter("hoglet_storage_write_failures_total",
                                      "Flushes and merges that failed")) {}

  Gauge* parts;
  Gauge* rows;
  Gauge* masked;
  Gauge* bytes;
  Gauge* amplification;
  Gauge* partition_parts;
  Gauge* merge_pending;
  Counter* inserted;
  Counter* replaced;
  Counter* deleted;
  Counter* dropped;
  Counter* flushes;
  Counter* merges;
  Counter* flushed_bytes;
  Counter* merged_bytes;
  Counter* merged_parts;
  Counter* merged_rows;
  Counter* merge_time;
  Counter* merge_waits;
  Counter* merge_pauses;
  Counter* failures;
};

}  // namespace hoglet
