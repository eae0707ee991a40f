#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>

#include "src/api/server.h"
#include "src/base/fault_env.h"
#include "src/base/logging.h"
#include "src/base/process.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/capture/quotas.h"
#include "src/cli/commands.h"
#include "src/cli/data_directory.h"
#include "src/cli/housekeeping.h"
#include "src/cohorts/cohort_calculator.h"

namespace hoglet {
namespace {

// How long an answer to a deletion waits for queries to show it.
constexpr int64_t kDeletionWaitUs = 30'000'000;

struct Address {
  std::string host;
  uint16_t port = 0;
};

absl::StatusOr<Address> ParseListen(const std::string& text) {
  const size_t colon = text.rfind(':');
  unsigned port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port) ||
      port > 65535) {
    return absl::InvalidArgumentError(
        StrCat("--listen ", text, ": expected ADDRESS:PORT, such as 127.0.0.1:8000"));
  }
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "localhost") host = "127.0.0.1";
  return Address{host, static_cast<uint16_t>(port)};
}

// Before the data is opened, which may take long: a port in use is the commonest mistake.
absl::Status CheckListen(const std::string& listen, const Address& address) {
  const absl::Status status = HttpServer::CheckAddress(address.host, address.port);
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      ToAbsl(StrCat("--listen ", listen, ": ", FromAbsl(status.message()))));
}

// Signals are taken by the thread that waits for them, and by no other.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

void PrintWelcome(const DataDirectory& directory, const ProjectInfo& project,
                  const std::string& url, const std::string& data) {
  std::printf("hoglet %s, data in %s\n\n", kVersion, data.c_str());
  std::printf("  Project API key   %s   for SDKs\n", project.token.c_str());
  if (!directory.new_personal_api_key().empty()) {
    std::printf("  Personal API key  %s   for queries; shown this once only\n",
                directory.new_personal_api_key().c_str());
  }
  std::printf("  Memory            up to %s (--memory-limit)\n",
              directory.memory().Describe().c_str());
  const char* key = directory.new_personal_api_key().empty()
                        ? "phx_..."
                        : directory.new_personal_api_key().c_str();
  std::printf(
      "\nSend a first event:\n"
      "  curl -X POST %s/i/v0/e/ -H 'Content-Type: application/json' \\\n"
      "    -d '{\"api_key\":\"%s\",\"event\":\"hello\",\"distinct_id\":\"me\"}'\n"
      "\nAsk for it:\n"
      "  curl -X POST %s/api/projects/%lld/query/ -H 'Authorization: Bearer %s' -H 'Content-Type: "
      "application/json' \\\n"
      "    -d '{\"query\":{\"kind\":\"HogQLQuery\",\"query\":\"SELECT event, count() FROM events "
      "GROUP BY event\"}}'\n\n"
      "Listening on %s\n",
      url.c_str(), project.token.c_str(), url.c_str(), static_cast<long long>(project.team_id), key,
      url.c_str());
  std::fflush(stdout);
}

// Connections to take at once: a descriptor each, and some are left for the data's files.
size_t ConnectionsMax(uint64_t open_files_max, size_t wanted) {
  constexpr uint64_t kDescriptorsForFiles = 1024;
  constexpr uint64_t kConnectionsMin = 64;
  if (open_files_max < kDescriptorsForFiles + kConnectionsMin) return kConnectionsMin;
  return std::min<uint64_t>(wanted, open_files_max - kDescriptorsForFiles);
}

ServerOptions ServerOptionsOf(const ServeCommand& command, const Address& address) {
  ServerOptions options;
  options.http.connections_max = ConnectionsMax(RaiseOpenFilesMax(), options.http.connections_max);
  options.http.address = address.host;
  options.http.port = address.port;
  options.flags.requests_per_second = command.flag_requests_per_second;
  options.flags.requests_burst = 10 * command.flag_requests_per_second;
  if (command.threads > 0) {
    options.http.threads = command.threads;
    options.http.worker_threads = command.threads;
    options.query.threads = command.threads;
  }
  return options;
}

std::vector<std::pair<std::string, std::string>> StatusLines(DataDirectory& directory) {
  const EventTable::Statistics statistics = directory.events().statistics();
  return {{"Events stored",
           StrCat(statistics.part_rows - statistics.masked_rows + statistics.memtable_rows)},
          {"Bytes in parts", StrCat(statistics.part_bytes)},
          {"Parts", StrCat(statistics.parts)},
          {"Accepted, not yet queryable", StrCat(directory.ingestor().lag())},
          {"Resident memory", StrCat(ResidentBytes())}};
}

// What the HTTP surface works with. `directory` outlives it.
ServerParts PartsOf(Env* env, DataDirectory& directory) {
  const uint64_t recovered_to = directory.log().end_offset(kEventsTopic);

  ServerParts parts;
  parts.env = env;
  parts.log = &directory.log();
  parts.query_engine = &directory.engine();
  parts.projects = &directory.projects();
  parts.version = kVersion;
  parts.persons = &directory.persons();
  parts.metadata = &directory.metadata();
  parts.objects = &directory.objects();
  parts.side_rows = &directory.side_rows();
  parts.flags = &directory.flags();
  parts.person_store = &directory.persons();
  parts.dead_letters = &directory.dead_letters();
  parts.wait_applied = [&directory](uint64_t offset) {
    return directory.ingestor().WaitApplied(offset, kDeletionWaitUs);
  };
  parts.readiness = [&directory, recovered_to]() -> absl::Status {
    HOGLET_RETURN_IF_ERROR(directory.log().Health());
    HOGLET_RETURN_IF_ERROR(directory.ingestor().health());
    if (directory.ingestor().applied_offset() < recovered_to)
      return absl::UnavailableError("working through the log after a restart");
    return absl::OkStatus();
  };
  parts.status_lines = [&directory] { return StatusLines(directory); };
  Gauge* lag = MetricRegistry::Default()->GetGauge("hoglet_ingest_lag_records",
                                                   "Accepted events that queries do not see yet.");
  Gauge* resident = MetricRegistry::Default()->GetGauge("hoglet_resident_bytes",
                                                        "Resident memory of the process.");
  parts.before_metrics = [&directory, lag, resident] {
    lag->Set(static_cast<int64_t>(directory.ingestor().lag()));
    resident->Set(static_cast<int64_t>(ResidentBytes()));
  };
  return parts;
}

// `directory` outlives what is made of them.
CohortCalculator::Parts CohortParts(Env* env, DataDirectory& directory) {
  return {.env = env,
          .engine = &directory.engine(),
          .objects = &directory.objects(),
          .metadata = &directory.metadata(),
          .property_type = [&directory](TeamId project, bool is_of_event, std::string_view key) {
            return directory.PropertyTypeOf(project, is_of_event, key);
          }};
}

}  // namespace

absl::Status RunServe(const ServeCommand& command) {
  const sigset_t signals = BlockStopSignals();
  HOGLET_ASSIGN_OR_RETURN(const Address address, ParseListen(command.listen));
  HOGLET_RETURN_IF_ERROR(CheckListen(command.listen, address));
  HOGLET_ASSIGN_OR_RETURN(const QuotaList quotas, QuotaList::Parse(command.over_quota));
  Env* env = Env::Posix();
  std::unique_ptr<Env> frozen;
  if (!command.clock.empty()) {
    const auto moment = ParseRfc3339(command.clock);
    if (!moment.has_value())
      return absl::InvalidArgumentError(
          StrCat("--clock ", command.clock, ": not an RFC 3339 moment"));
    frozen = std::make_unique<ClockEnv>(env, *moment);
    env = frozen.get();
  }
  ServerOptions server_options = ServerOptionsOf(command, address);
  DataDirectory::Options options{.create = true,
                                 .project_token = command.project_token,
                                 .personal_api_key = command.personal_api_key,
                                 .threads = command.threads,
                                 .memory_limit_bytes = command.memory_limit_bytes,
                                 .spill_limit_bytes = command.spill_limit_bytes,
                                 .queries_at_once = server_options.query.threads,
                                 .geoip_db = command.geoip_db,
                                 .merge_bytes_per_second = command.merge_bytes_per_second,
                                 .log_retained_bytes_max = command.log_retained_bytes_max};
  HOGLET_ASSIGN_OR_RETURN(auto directory, DataDirectory::Open(env, command.data, options));
  auto cohorts = std::make_unique<CohortCalculator>(CohortParts(env, *directory));
  ServerParts parts = PartsOf(env, *directory);
  parts.cohorts = cohorts.get();
  parts.quotas = &quotas;
  server_options.http.body_bytes_in_flight_max = directory->memory().body_bytes;
  HOGLET_ASSIGN_OR_RETURN(auto server, Server::Start(parts, server_options));
  auto housekeeping =
      std::make_unique<Housekeeping>(env, &directory->log(), &directory->metadata(),
                                     &directory->events(), &directory->cookieless_salts());
  const bool any = address.host == "0.0.0.0" || address.host == "::";
  const std::string url = StrCat("http://", any ? "127.0.0.1" : address.host, ":", server->port());
  PrintWelcome(*directory, directory->projects().Projects()[0], url, command.data);

  int signal_number = 0;
  sigwait(&signals, &signal_number);
  LogInfo("stopping", {{"signal", signal_number}});
  directory->events().StopMerges();  // housekeeping may be in one, and writing out waits for them
  cohorts->Stop();
  housekeeping.reset();
  server->Stop();
  server.reset();
  return directory->Close();
}

}  // namespace hoglet
