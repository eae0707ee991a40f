#include <cstdio>
#include <memory>
#include <utility>

#include "src/api/result_json.h"
#include "src/base/json.h"
#include "src/base/process.h"
#include "src/base/strings.h"
#include "src/cli/commands.h"
#include "src/cli/data_directory.h"
#include "src/http/http_client.h"

namespace hoglet {
namespace {

absl::Status Print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return absl::UnavailableError("standard output: write failed");
  }
  return absl::OkStatus();
}

ResultFormat FormatOf(const QueryCommand& command) {
  if (!command.format.empty())
    return ParseResultFormat(command.format).value_or(ResultFormat::kTable);
  return IsStdoutTerminal() ? ResultFormat::kTable : ResultFormat::kJson;
}

// The API's answer in another form. Values keep the text that the server wrote.
absl::StatusOr<std::string> FormatResponse(std::string_view body, ResultFormat format) {
  if (format == ResultFormat::kJson) return StrCat(body, "\n");
  Arena arena;
  JsonObjectView members;
  HOGLET_RETURN_IF_ERROR(ParseJsonObject(body, &arena, &members));
  std::vector<JsonMember> names;
  std::vector<JsonMember> rows;
  for (const auto& [key, out] : {std::pair{"columns", &names}, {"results", &rows}}) {
    const JsonMember* member = FindJsonMember(members, key);
    if (member == nullptr || member->kind != JsonKind::kRaw)
      return absl::DataLossError(StrCat("the server's answer has no ", key));
    HOGLET_RETURN_IF_ERROR(ParseJsonArray(member->text, &arena, out));
  }
  QueryResult result;
  std::vector<VectorBuilder> columns;
  for (const JsonMember& name : names) {
    result.columns.emplace_back(name.text);
    columns.emplace_back(Type(TypeKind::kString).Nullable());
  }
  std::string lines;
  for (const JsonMember& row : rows) {
    std::vector<JsonMember> values;
    HOGLET_RETURN_IF_ERROR(ParseJsonArray(row.text, &arena, &values));
    if (values.size() != columns.size())
      return absl::DataLossError("the server's answer has rows of different lengths");
    JsonWriter line;
    line.BeginObject();
    for (size_t c = 0; c < values.size(); ++c) {
      line.Key(names[c].text).Value(values[c]);
      std::string text;
      if (values[c].kind != JsonKind::kString) AppendJsonValue(values[c], &text);
      if (values[c].kind == JsonKind::kNull) {
        columns[c].AppendNull();
      } else {
        columns[c].AppendString(values[c].kind == JsonKind::kString ? values[c].text
                                                                    : std::string_view(text));
      }
    }
    line.EndObject();
    StrAppend(&lines, line.text(), "\n");
  }
  if (format == ResultFormat::kJsonLines) return lines;
  std::vector<Vector> batch;
  for (VectorBuilder& column : columns) batch.push_back(column.Build());
  if (!rows.empty()) result.batches.push_back(std::move(batch));
  return FormatResult(QueryRequest(), result, format);
}

absl::Status QueryDirectory(const QueryCommand& command) {
  Env* env = Env::Posix();
  HOGLET_ASSIGN_OR_RETURN(auto directory,
                          DataDirectory::Open(env, command.data, {.create = false}));
  // A crash may have left events in the log: they count.
  directory->ingestor().WaitApplied(directory->log().end_offset(kEventsTopic),
                                    command.timeout_s * 1'000'000);
  QueryRequest request;
  request.team_id = directory->projects().Projects()[0].team_id;
  request.text = command.query;
  request.limit_context = LimitContext::kExport;
  request.timeout_us = command.timeout_s * 1'000'000;
  HOGLET_ASSIGN_OR_RETURN(QueryResult result, directory->engine().Run(request));
  if (command.timings) {
    for (const QueryTiming& timing : result.timings)
      std::fprintf(stderr, "%-20s %9.3f ms\n", timing.step.c_str(), timing.seconds * 1e3);
  }
  const std::string text = FormatResult(request, result, FormatOf(command));
  result.batches.clear();
  HOGLET_RETURN_IF_ERROR(Print(text));
  return directory->Close();
}

// A server answers in JSON; the other forms are made from it here.
absl::Status QueryServer(const QueryCommand& command) {
  HOGLET_ASSIGN_OR_RETURN(HttpUrl url, ParseHttpUrl(command.url));
  HttpClient client(url.host, url.port, {.timeout_ms = command.timeout_s * 1000});
  JsonWriter body;
  body.BeginObject().Key("query").BeginObject();
  body.Field("kind", "HogQLQuery").Field("query", command.query);
  body.EndObject().EndObject();
  HttpHeaders headers;
  headers.Add("Content-Type", "application/json");
  headers.Add("Authorization", StrCat("Bearer ", command.key));
  HOGLET_ASSIGN_OR_RETURN(HttpResponse response,
                          client.Send("POST", "/api/projects/1/query/", headers, body.text()));
  if (response.status != 200) {
    Arena arena;
    JsonObjectView members;
    const bool parsed = ParseJsonObject(response.Body(), &arena, &members).ok();
    const JsonMember* detail = parsed ? FindJsonMember(members, "detail") : nullptr;
    return absl::InvalidArgumentError(detail != nullptr
                                          ? std::string(detail->text)
                                          : StrCat("the server answers ", response.status));
  }
  HOGLET_ASSIGN_OR_RETURN(std::string text, FormatResponse(response.Body(), FormatOf(command)));
  return Print(text);
}

}  // namespace

absl::Status RunQuery(const QueryCommand& command) {
  if (command.data.empty() == command.url.empty())
    return absl::InvalidArgumentError("query needs --data DIR or --url URL --key KEY");
  return command.url.empty() ? QueryDirectory(command) : QueryServer(command);
}

}  // namespace hoglet
