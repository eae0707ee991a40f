#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "src/base/strings.h"
#include "src/cli/commands.h"
#include "src/cli/memory_shares.h"

namespace {

constexpr char kExamples[] = R"(Examples:
  hoglet serve --data ./hoglet-data
  hoglet import events.jsonl.zst --data ./hoglet-data
  hoglet query "SELECT event, count() FROM events GROUP BY event" --url http://127.0.0.1:8000 --key phx_...
  hoglet query "SELECT count() FROM events" --data ./hoglet-data --format csv
  hoglet export --data ./hoglet-data --out events.jsonl
  hoglet dlq list --data ./hoglet-data
  hoglet check --data ./hoglet-data

Every flag can also be given as an environment variable: --personal-api-key is HOGLET_PERSONAL_API_KEY.)";

constexpr int kThreadsMax = 1024;

// --some-flag is also HOGLET_SOME_FLAG.
template <typename T>
CLI::Option* Flag(CLI::App* app, const std::string& name, T& value, const std::string& help) {
  std::string variable = "HOGLET_";
  for (char c : name.substr(2))
    variable.push_back(c == '-' ? '_'
                                : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  return app->add_option(name, value, help)->envname(variable);
}

std::string RefuseNegative(const std::string& text) {
  return text.starts_with('-') ? "must not be negative" : "";
}

// A number of bytes: 512MB, 2GB.
void SizeFlag(CLI::App* app, const std::string& name, uint64_t& value, const std::string& help) {
  // The last transformation is the first to see the text.
  Flag(app, name, value, help)
      ->transform(CLI::AsSizeValue(false))
      ->transform(CLI::Validator(RefuseNegative, ""));
}

void AddServe(CLI::App& app, hoglet::ServeCommand& serve, std::string& config_file) {
  CLI::App* sub = app.add_subcommand("serve", "Take events in and answer queries over HTTP");
  Flag(sub, "--config", config_file,
       "Read flags from a file: one 'flag = value' a line, as in 'data = ./hoglet-data'; what is "
       "given as a flag or in the environment goes before it");
  Flag(sub, "--data", serve.data, "Data directory; made if it is not there (required)");
  Flag(sub, "--listen", serve.listen, "Address and port to listen on")->capture_default_str();
  Flag(sub, "--project-token", serve.project_token,
       "Project API key of SDKs (phc_...); made up at the first start otherwise");
  Flag(sub, "--personal-api-key", serve.personal_api_key,
       "Personal API key of queries (phx_...); made up at the first start otherwise");
  Flag(sub, "--over-quota", serve.over_quota,
       "RESOURCE:TOKEN, ...: take nothing of events, exceptions, surveys, llm_events or recordings "
       "from that project")
      ->delimiter(',');
  Flag(sub, "--clock", serve.clock,
       "Freeze the clock at an RFC 3339 moment, for reproducible runs");
  Flag(sub, "--geoip-db", serve.geoip_db,
       "MaxMind database (GeoLite2-City.mmdb) to tell places from addresses by");
  Flag(sub, "--threads", serve.threads, "Threads of each pool; 0: one a processor")
      ->check(CLI::Range(0, kThreadsMax))
      ->capture_default_str();
  SizeFlag(
      sub, "--memory-limit", serve.memory_limit_bytes,
      hoglet::StrCat("Memory to stay below: 512MB, 2GB; 0: three quarters of what the machine and "
                     "the control group allow, here ",
                     hoglet::FormatBytes(hoglet::DefaultMemoryBytes())));
  SizeFlag(
      sub, "--spill-limit", serve.spill_limit_bytes,
      "Disk space for temporary files of queries that need more memory than they may have: 10GB; "
      "0: 64 GiB, of it 32 GiB for one query. 1 GiB of the disk is left free in any case");
  SizeFlag(sub, "--merge-rate", serve.merge_bytes_per_second,
           "Bytes a second that background merges of the events table may write; 0: no bound. 64MB "
           "unless given");
  SizeFlag(
      sub, "--log-retention", serve.log_retained_bytes_max,
      "Bytes of the log to keep of events that are stored already (for seven days at most); 1GB "
      "unless given");
  Flag(sub, "--flags-rate-limit", serve.flag_requests_per_second,
       "Requests to /flags that each project may make a second, beyond 10 seconds' worth at once; "
       "0: no limit")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
}

// Gives `sub` the flags of the file that are not set yet. CLI11 reads configuration files for the
// program as a whole only, not for one of its commands.
void ReadConfig(CLI::App& sub, const std::string& file) {
  for (const CLI::ConfigItem& item : CLI::ConfigINI().from_file(file)) {
    if (item.name == "++" || item.name == "--") continue;  // begin and end of a section
    CLI::Option* option = sub.get_option_no_throw(hoglet::StrCat("--", item.name));
    if (!item.parents.empty() || option == nullptr || item.name == "config" || item.name == "help")
      throw CLI::ConfigError(hoglet::StrCat(file, ": no flag of serve: ", item.fullname()));
    if (item.inputs.size() != 1)
      throw CLI::ConfigError(hoglet::StrCat(file, ": ", item.name, ": expected one value"));
    if (option->count() > 0) continue;
    option->add_result(item.inputs[0]);
    option->run_callback();
  }
}

void AddQuery(CLI::App& app, hoglet::QueryCommand& query) {
  CLI::App* sub =
      app.add_subcommand("query", "Run a HogQL query against a server or a data directory");
  sub->add_option("query", query.query, "HogQL text")->required();
  CLI::Option* data = Flag(sub, "--data", query.data, "Data directory that no server holds");
  Flag(sub, "--url", query.url, "Server, such as http://127.0.0.1:8000")->excludes(data);
  Flag(sub, "--key", query.key, "Personal API key, with --url");
  Flag(sub, "--format", query.format, "table, json, jsonl or csv")
      ->check(CLI::IsMember({"table", "json", "jsonl", "csv"}));
  Flag(sub, "--timeout", query.timeout_s, "Seconds after which the query is given up")
      ->capture_default_str();
  sub->add_flag("--timings", query.timings, "Print the time of each step to stderr");
}

void AddImport(CLI::App& app, hoglet::ImportCommand& import) {
  CLI::App* sub = app.add_subcommand(
      "import", "Load events from a file, one JSON object a line (plain, gzip or zstd)");
  sub->add_option("file", import.file, "File, or - for standard input")->required();
  CLI::Option* data = Flag(sub, "--data", import.data, "Data directory that no server holds");
  Flag(sub, "--url", import.url, "Send to a running server instead")->excludes(data);
  Flag(sub, "--token", import.token,
       "Project API key of the project to load into; the first project otherwise");
  Flag(sub, "--geoip-db", import.geoip_db, "MaxMind database, with --data");
  sub->add_flag("--quiet", import.quiet, "No progress");
}

void AddExport(CLI::App& app, hoglet::ExportCommand& command) {
  CLI::App* sub = app.add_subcommand(
      "export", "Write all events, one JSON object a line, as 'hoglet import' reads them");
  Flag(sub, "--data", command.data, "Data directory that no server holds")->required();
  sub->add_option("--out", command.out, "File; standard output otherwise");
  sub->add_option("--project", command.project, "Id of the project; the first one otherwise");
  sub->add_flag("--quiet", command.quiet, "No summary");
}

void AddDlq(CLI::App& app, hoglet::DlqCommand& dlq) {
  CLI::App* sub = app.add_subcommand(
      "dlq", "List, replay or drop the dead letters: records that could not be taken");
  sub->add_option("action", dlq.action, "list, replay or drop")
      ->required()
      ->check(CLI::IsMember({"list", "replay", "drop"}));
  sub->add_option("ids", dlq.ids, "Ids of dead letters, as listed");
  sub->add_flag("--all", dlq.all, "All of them");
  CLI::Option* data = Flag(sub, "--data", dlq.data, "Data directory that no server holds");
  Flag(sub, "--url", dlq.url, "Server, such as http://127.0.0.1:8000")->excludes(data);
  Flag(sub, "--key", dlq.key, "Personal API key, with --url");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("hoglet: product analytics in one program, for PostHog's SDKs");
  app.footer(kExamples);
  app.set_version_flag("--version", hoglet::StrCat("hoglet ", hoglet::kVersion));
  app.require_subcommand(1);
  hoglet::ServeCommand serve;
  hoglet::QueryCommand query;
  hoglet::ImportCommand import;
  hoglet::ExportCommand export_command;
  hoglet::DlqCommand dlq;
  hoglet::CheckCommand check;
  std::string config_file;
  AddServe(app, serve, config_file);
  AddQuery(app, query);
  AddImport(app, import);
  AddExport(app, export_command);
  AddDlq(app, dlq);
  CLI::App* check_sub = app.add_subcommand(
      "check", "Verify every checksum and count of a data directory that no server holds");
  Flag(check_sub, "--data", check.data, "Data directory")->required();
  check_sub->add_flag("--columns", check.columns, "List the bytes of each column of events, too");
  try {
    app.parse(argc, argv);
    if (app.got_subcommand("serve")) {
      if (!config_file.empty()) ReadConfig(*app.get_subcommand("serve"), config_file);
      if (serve.data.empty()) throw CLI::RequiredError("--data");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }

  absl::Status status;
  if (app.got_subcommand("serve")) {
    status = hoglet::RunServe(serve);
  } else if (app.got_subcommand("query")) {
    status = hoglet::RunQuery(query);
  } else if (app.got_subcommand("import")) {
    status = hoglet::RunImport(import);
  } else if (app.got_subcommand("export")) {
    status = hoglet::RunExport(export_command);
  } else if (app.got_subcommand("dlq")) {
    status = hoglet::RunDlq(dlq);
  } else {
    status = hoglet::RunCheck(check);
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "hoglet: %s\n", std::string(hoglet::FromAbsl(status.message())).c_str());
  return 1;
}
