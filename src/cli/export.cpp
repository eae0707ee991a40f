#include <cstdio>
#include <string>
#include <vector>

#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/base/vector/vector.h"
#include "src/cli/commands.h"
#include "src/cli/data_directory.h"
#include "storage/schema.h"

// hoglet export: one JSON object a line, each what hoglet import (or any SDK) would send to get the
// same event again. Persons are not written: they come out of the events' $set, $identify and the
// like, as they did the first time.

namespace hoglet {
namespace {

// Where lines go: a file that appears under its name once it is whole, or standard output.
class Output {
 public:
  static absl::StatusOr<std::unique_ptr<Output>> Open(Env* env, const std::string& path) {
    auto out = std::make_unique<Output>();
    out->env_ = env;
    if (path.empty() || path == "-") return out;
    out->path_ = path;
    HOGLET_ASSIGN_OR_RETURN(out->file_, env->OpenForWrite(path + ".tmp", Env::OpenMode::kTruncate));
    return out;
  }
  absl::Status Write(std::string_view text) {
    if (file_ != nullptr) return file_->Append(text);
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return absl::OkStatus();
    return absl::UnavailableError("standard output: write failed");
  }
  absl::Status Finish() {
    if (file_ == nullptr) {
      return std::fflush(stdout) == 0 ? absl::OkStatus()
                                      : absl::UnavailableError("standard output: write failed");
    }
    HOGLET_RETURN_IF_ERROR(file_->Sync());
    HOGLET_RETURN_IF_ERROR(file_->Close());
    return env_->Rename(path_ + ".tmp", path_);
  }

 private:
  Env* env_ = nullptr;
  std::string path_;
  std::unique_ptr<WritableFile> file_;
};

QueryRequest Request(TeamId team_id, std::string text) {
  QueryRequest request;
  request.team_id = team_id;
  request.text = std::move(text);
  request.limit_context = LimitContext::kSavedQuery;  // no limit
  request.timezone = "UTC";
  request.timeout_us = 3'600'000'000;
  return request;
}

// The properties with the elements chain put back among them, as a client may send it.
std::string PropertiesOf(std::string_view properties, std::string_view elements_chain) {
  std::string out(properties);
  if (elements_chain.empty()) return out;
  JsonWriter chain;
  chain.String(elements_chain);
  const bool is_empty = out == "{}";
  out.pop_back();
  StrAppend(&out, is_empty ? "" : ",", "\"$elements_chain\":", chain.text(), "}");
  return out;
}

absl::Status WriteRows(const QueryResult& result, Output* output, uint64_t* events) {
  std::string lines;
  for (const std::vector<Vector>& batch : result.batches) {
    const VectorReader<Int128> uuids(batch[0]);
    const VectorReader<std::string_view> names(batch[1]);
    const VectorReader<std::string_view> distinct_ids(batch[2]);
    const VectorReader<int64_t> times(batch[3]);
    const VectorReader<std::string_view> properties(batch[4]);
    const VectorReader<std::string_view> chains(batch[5]);
    for (size_t i = 0; i < batch[0].size(); ++i) {
      JsonWriter json;
      json.BeginObject()
          .Field("uuid", FormatUuid(Int128ToUuid(uuids.at(i))))
          .Field("event", names.at(i))
          .Field("distinct_id", distinct_ids.at(i))
          .Field("timestamp", FormatRfc3339(times.at(i), 6))
          .Key("properties")
          .Raw(PropertiesOf(properties.at(i), chains.at(i)))
          .EndObject();
      StrAppend(&lines, json.text(), "\n");
      ++*events;
    }
    HOGLET_RETURN_IF_ERROR(output->Write(lines));
    lines.clear();
  }
  return absl::OkStatus();
}

// A day at a time, to bound memory; within it in the order of arrival, on which persons depend.
absl::Status ExportProject(QueryEngine& engine, TeamId team_id, Output* output, uint64_t* events) {
  // Functions of days begin in 1970; events may be older.
  HOGLET_ASSIGN_OR_RETURN(
      const QueryResult days,
      engine.Run(Request(team_id,
                         "SELECT floor(toUnixTimestamp64Milli(timestamp) / 86400000) AS day "
                         "FROM events GROUP BY day ORDER BY day")));
  uint64_t written = 0;
  for (const std::vector<Vector>& batch : days.batches) {
    for (size_t i = 0; i < batch[0].size(); ++i) {
      const int64_t begin_us =
          static_cast<int64_t>(VectorReader<double>(batch[0]).at(i)) * kMicrosPerDay;
      const auto moment = [](int64_t time_us) {
        return StrCat("toDateTime64('", FormatRfc3339(time_us, 6).substr(0, 10),
                      " 00:00:00', 6, "
                      "'UTC')");
      };
      HOGLET_ASSIGN_OR_RETURN(
          const QueryResult rows,
          engine.Run(Request(
              team_id,
              StrCat("SELECT uuid, event, distinct_id, timestamp, properties, "
                     "elements_chain FROM events WHERE timestamp >= ",
                     moment(begin_us), " AND timestamp < ", moment(begin_us + kMicrosPerDay),
                     " ORDER BY created_at, timestamp, uuid"))));
      HOGLET_RETURN_IF_ERROR(WriteRows(rows, output, &written));
    }
  }
  *events += written;
  HOGLET_ASSIGN_OR_RETURN(const QueryResult count,
                          engine.Run(Request(team_id, "SELECT count() FROM events")));
  const auto expected = static_cast<uint64_t>(VectorReader<int64_t>(count.batches[0][0]).at(0));
  if (written != expected) {
    return absl::DataLossError(
        StrCat("export: ", written, " events of ", expected, " could be read day by day"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunExport(const ExportCommand& command) {
  Env* env = Env::Posix();
  HOGLET_ASSIGN_OR_RETURN(auto directory,
                          DataDirectory::Open(env, command.data, {.create = false}));
  directory->ingestor().WaitApplied(directory->log().end_offset(kEventsTopic), 3'600'000'000);
  TeamId team_id = command.project;
  if (team_id == 0) team_id = directory->projects().Projects()[0].team_id;
  if (!directory->projects().FindProject(team_id).has_value()) {
    return absl::NotFoundError(StrCat("there is no project ", team_id));
  }
  HOGLET_ASSIGN_OR_RETURN(auto output, Output::Open(env, command.out));
  uint64_t events = 0;
  HOGLET_RETURN_IF_ERROR(ExportProject(directory->engine(), team_id, output.get(), &events));
  HOGLET_RETURN_IF_ERROR(output->Finish());
  if (!command.quiet) {
    std::fprintf(stderr, "%llu events exported\n", static_cast<unsigned long long>(events));
  }
  return directory->Close();
}

}  // namespace hoglet
