#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

// The subcommands of hoglet, one .cpp each. They print to stdout what was asked for and to stderr
// everything else; an error comes back as a status, which main.cpp prints and turns into exit
// code 1.

namespace hoglet {

inline constexpr char kVersion[] = HOGLET_VERSION;

struct ServeCommand {
  std::string data;
  std::string listen = "127.0.0.1:8000";
  std::string project_token;                   // empty: made at the first start
  std::string personal_api_key;                // empty: made at the first start
  std::vector<std::string> over_quota;         // QuotaList::Parse
  std::string clock;                           // RFC 3339: freezes the clock
  std::string geoip_db;                        // MaxMind database; empty: no places
  unsigned threads = 0;                        // 0: as many as processors
  uint64_t memory_limit_bytes = 0;             // 0: by what the machine has (memory_shares.h)
  uint32_t flag_requests_per_second = 0;       // of each project; 0: no limit
  uint64_t merge_bytes_per_second = 64 << 20;  // of merges nobody waits for; 0: no bound
  uint64_t log_retained_bytes_max = 1 << 30;   // of what is in the stores already
  uint64_t spill_limit_bytes = 0;  // of temporary files of queries; 0: SpillSpace::Options
};
absl::Status RunServe(const ServeCommand& command);

struct QueryCommand {
  std::string query;
  std::string data;  // either a data directory that no server holds ...
  std::string url;   // ... or a server
  std::string key;
  std::string format;  // table, json, jsonl, csv; empty: table on a terminal, else json
  int64_t timeout_s = 60;
  bool timings = false;
};
absl::Status RunQuery(const QueryCommand& command);

struct ImportCommand {
  std::string file;  // "-": standard input
  std::string data;
  std::string url;       // a server instead of a data directory
  std::string token;     // empty: the first project's
  std::string geoip_db;  // with `data`
  bool quiet = false;
};
absl::Status RunImport(const ImportCommand& command);

struct ExportCommand {
  std::string data;
  std::string out;      // empty or "-": standard output
  int64_t project = 0;  // 0: the first one
  bool quiet = false;
};
absl::Status RunExport(const ExportCommand& command);

struct DlqCommand {
  std::string action;  // list, replay, drop
  std::string data;    // either a data directory that no server holds ...
  std::string url;     // ... or a server
  std::string key;
  std::vector<uint64_t> ids;
  bool all = false;
};
absl::Status RunDlq(const DlqCommand& command);

struct CheckCommand {
  std::string data;
  bool columns = false;  // also list the bytes of each column of events
};
// kDataLoss if anything is damaged.
absl::Status RunCheck(const CheckCommand& command);

}  // namespace hoglet
