#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "src/base/arena.h"
#include "src/base/digest.h"
#include "src/base/json.h"
#include "src/base/process.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/capture/capture.h"
#include "src/cli/commands.h"
#include "src/cli/data_directory.h"
#include "src/cli/line_reader.h"
#include "src/http/http_client.h"

// hoglet import: each line becomes an event of a /batch/ request, which goes through the same
// capture code as one that came over HTTP. An event without a uuid gets one made from its text, so
// that importing a file again changes nothing.

namespace hoglet {
namespace {

constexpr size_t kBatchLinesMax = 2'000;
constexpr size_t kBatchBytesMax = 4 << 20;
constexpr uint64_t kLagRecordsMax = 200'000;
constexpr int64_t kProgressIntervalNs = 200'000'000;
constexpr int64_t kProgressSaveIntervalNs = 2'000'000'000;
constexpr int kRejectionsShownMax = 10;
// Namespace of uuids made from an event's text.
constexpr Uuid kImportNamespace = {{0x6f, 0x1d, 0x3a, 0x52, 0x0c, 0x77, 0x4b, 0x0e, 0x9a, 0x41,
                                    0x5e, 0x2b, 0x7d, 0x90, 0x13, 0xc8}};

struct Line {
  uint64_t number = 0;
  std::string text;
};

// Where a batch goes. Accept() returns once the events are durable; kInvalidArgument if the batch
// holds an event that is refused.
class Destination {
 public:
  virtual ~Destination() = default;
  virtual absl::Status Accept(std::string body, size_t* events) = 0;
  virtual absl::Status Finish() = 0;
};

class DirectoryDestination final : public Destination {
 public:
  DirectoryDestination(Env* env, DataDirectory* directory) : env_(env), directory_(directory) {}

  absl::Status Accept(std::string body, size_t* events) override {
    HttpRequest request;
    request.method = "POST";
    request.path = "/batch/";
    request.headers.Add("Content-Type", "application/json");
    request.body = std::move(body);
    CaptureContext context;
    context.env = env_;
    context.now_us = env_->NowMicros();
    CaptureOutcome outcome = CaptureAnalytics(std::move(request), context);
    if (outcome.response.status != 200)
      return absl::InvalidArgumentError(ToAbsl(outcome.response.Body()));
    *events = outcome.events.size();
    if (outcome.events.empty()) return absl::OkStatus();
    HOGLET_RETURN_IF_ERROR(
        directory_->log().Append(kEventsTopic, outcome.events.Records()).status());
    // The log could take the whole file at once; do not run far ahead of the pipeline, so that the
    // rate shown is that of the whole.
    while (directory_->ingestor().lag() > kLagRecordsMax) {
      HOGLET_RETURN_IF_ERROR(directory_->ingestor().health());
      env_->SleepMicros(5'000);
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override { return directory_->Close(); }

 private:
  Env* env_;
  DataDirectory* directory_;
};

class ServerDestination final : public Destination {
 public:
  ServerDestination(Env* env, const HttpUrl& url) : env_(env), client_(url.host, url.port) {}

  absl::Status Accept(std::string body, size_t* events) override {
    HttpHeaders headers;
    headers.Add("Content-Type", "application/json");
    for (int attempt = 0;; ++attempt) {
      auto response = client_.Send("POST", "/batch/", headers, body);
      if (response.ok() && response->status == 200) break;
      if (response.ok() && response->status >= 400 && response->status < 500) {
        return absl::InvalidArgumentError(ToAbsl(response->Body()));
      }
      constexpr int kAttemptsMax = 10;
      if (attempt + 1 == kAttemptsMax) {
        if (!response.ok()) return response.status();
        return absl::UnavailableError(
            StrCat("the server answers ", response->status, ": ", response->Body()));
      }
      env_->SleepMicros(std::min<int64_t>(10'000'000, 250'000ll << attempt));
    }
    *events = static_cast<size_t>(std::count(body.begin(), body.end(), '\n'));
    return absl::OkStatus();
  }
  absl::Status Finish() override { return absl::OkStatus(); }

 private:
  Env* env_;
  HttpClient client_;
};

// How far an import of one file has come, kept beside the data so that an interrupted one goes on
// where it stopped.
class Progress {
 public:
  Progress(Env* env, const ImportCommand& command) : env_(env) {
    if (command.file == "-" || command.data.empty()) return;
    auto file = env->OpenForRead(command.file);
    if (!file.ok()) return;
    auto bytes = (*file)->Size();
    std::string head(64 << 10, '\0');
    auto read = (*file)->Read(0, head.size(), head.data());
    if (!bytes.ok() || !read.ok()) return;
    path_ =
        StrCat(command.data, "/imports/",
               HexEncode(Sha256(StrCat(command.file, "\n", *bytes, "\n", *read))).substr(0, 32));
  }

  uint64_t LinesDone() {
    if (path_.empty() || !env_->Exists(path_)) return 0;
    auto text = env_->ReadWholeFile(path_, 100);
    uint64_t lines = 0;
    return text.ok() && absl::SimpleAtoi(*text, &lines) ? lines : 0;
  }
  absl::Status Save(uint64_t lines) {
    if (path_.empty()) return absl::OkStatus();
    HOGLET_RETURN_IF_ERROR(env_->CreateDirectories(path_.substr(0, path_.rfind('/'))));
    return env_->ReplaceFile(path_, StrCat(lines));
  }
  void Finish() {
    if (!path_.empty() && env_->Exists(path_)) env_->Remove(path_).IgnoreError();
  }

 private:
  Env* env_;
  std::string path_;
};

// One line on the terminal, redrawn: bar, share, rate, time left.
class ProgressBar {
 public:
  ProgressBar(Env* env, bool shown)
      : env_(env), shown_(shown && IsStderrTerminal()), began_(env->MonotonicNanos()) {}

  void Show(const LineReader& reader, uint64_t events, bool last = false) {
    const int64_t now = env_->MonotonicNanos();
    if (!shown_ || (!last && now - drawn_ < kProgressIntervalNs)) return;
    drawn_ = now;
    const double seconds = std::max(1e-3, static_cast<double>(now - began_) * 1e-9);
    std::string line = StrCat("\r", events, " events, ",
                              static_cast<uint64_t>(static_cast<double>(events) / seconds), "/s");
    if (reader.bytes_total() > 0) {
      const double share =
          static_cast<double>(reader.bytes_read()) / static_cast<double>(reader.bytes_total());
      constexpr int kWidth = 30;
      const int filled = static_cast<int>(share * kWidth);
      const auto left_s = share > 0 ? static_cast<uint64_t>(seconds / share * (1 - share)) : 0;
      line =
          StrCat("\r[", std::string(filled, '#'), std::string(kWidth - filled, '.'), "] ",
                 static_cast<int>(share * 100), " %  ", line.substr(1), "  ", left_s, " s left ");
    }
    std::fprintf(stderr, "%s\033[K%s", line.c_str(), last ? "\n" : "");
    std::fflush(stderr);
  }

 private:
  Env* env_;
  bool shown_;
  int64_t began_;
  int64_t drawn_ = 0;
};

// The line with a uuid made from its text, if it has none of its own.
std::string WithUuid(const std::string& line, Arena* arena, JsonObjectView* members) {
  if (line.find("\"uuid\"") != std::string::npos) {
    arena->Reset();
    members->clear();
    if (!ParseJsonObject(line, arena, members).ok()) return line;
    const JsonMember* uuid = FindJsonMember(*members, "uuid");
    if (uuid != nullptr && uuid->kind == JsonKind::kString && !uuid->text.empty()) return line;
  }
  const size_t brace = line.find('{');
  const size_t next =
      brace == std::string::npos ? brace : line.find_first_not_of(" \t\r", brace + 1);
  if (next == std::string::npos) return line;
  const bool empty = line[next] == '}';
  return StrCat(line.substr(0, brace + 1), "\"uuid\":\"",
                FormatUuid(UuidV5(kImportNamespace, line)), empty ? "\"" : "\",",
                line.substr(brace + 1));
}

class Importer {
 public:
  Importer(Destination* destination, std::string token)
      : destination_(destination), token_(std::move(token)) {}

  // Sends the lines; where a batch is refused, halves it until the lines at fault stand alone, and
  // leaves those out.
  absl::Status Send(const Line* lines, size_t count) {
    if (count == 0) return absl::OkStatus();
    JsonWriter head;
    head.String(token_);
    std::string body = StrCat("{\"api_key\":", head.text(), ",\"batch\":[");
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) body += ",\n";
      body += WithUuid(lines[i].text, &arena_, &members_);
    }
    body += "\n]}";
    size_t events = 0;
    absl::Status status = destination_->Accept(std::move(body), &events);
    if (status.ok()) {
      events_ += count;
      return status;
    }
    if (!absl::IsInvalidArgument(status)) return status;
    if (count == 1) {
      Reject(lines[0], status);
      return absl::OkStatus();
    }
    HOGLET_RETURN_IF_ERROR(Send(lines, count / 2));
    return Send(lines + count / 2, count - count / 2);
  }

  uint64_t events() const { return events_; }
  uint64_t rejected() const { return rejected_; }

 private:
  void Reject(const Line& line, const absl::Status& why) {
    if (++rejected_ > kRejectionsShownMax) return;
    std::fprintf(stderr, "%sline %llu: %s\n", IsStderrTerminal() ? "\r\033[K" : "",
                 static_cast<unsigned long long>(line.number),
                 std::string(FromAbsl(why.message())).c_str());
    if (rejected_ == kRejectionsShownMax)
      std::fprintf(stderr, "(further lines are counted, not shown)\n");
  }

  Destination* destination_;
  std::string token_;
  Arena arena_;
  JsonObjectView members_;
  uint64_t events_ = 0;
  uint64_t rejected_ = 0;
};

absl::Status ImportLines(Env* env, LineReader& reader, Importer& importer, Progress& progress,
                         ProgressBar& bar) {
  const uint64_t done = progress.LinesDone();
  if (done > 0)
    std::fprintf(stderr, "going on after line %llu\n", static_cast<unsigned long long>(done));
  std::vector<Line> batch;
  size_t bytes = 0;
  int64_t saved = env->MonotonicNanos();
  std::string text;
  while (true) {
    HOGLET_ASSIGN_OR_RETURN(bool more, reader.Next(&text));
    if (more && reader.line_number() > done && !text.empty()) {
      bytes += text.size();
      batch.push_back({reader.line_number(), std::exchange(text, {})});
    }
    if (more && batch.size() < kBatchLinesMax && bytes < kBatchBytesMax) continue;
    HOGLET_RETURN_IF_ERROR(importer.Send(batch.data(), batch.size()));
    batch.clear();
    bytes = 0;
    bar.Show(reader, importer.events());
    if (!more) return absl::OkStatus();
    if (env->MonotonicNanos() - saved > kProgressSaveIntervalNs) {
      HOGLET_RETURN_IF_ERROR(progress.Save(reader.line_number()));
      saved = env->MonotonicNanos();
    }
  }
}

}  // namespace

absl::Status RunImport(const ImportCommand& command) {
  Env* env = Env::Posix();
  if (command.data.empty() == command.url.empty())
    return absl::InvalidArgumentError("import needs --data DIR or --url URL");
  HOGLET_ASSIGN_OR_RETURN(auto reader, LineReader::Open(env, command.file));
  std::unique_ptr<DataDirectory> directory;
  std::unique_ptr<Destination> destination;
  std::string token = command.token;
  if (!command.url.empty()) {
    if (token.empty())
      return absl::InvalidArgumentError("import to a server needs --token, the project API key");
    HOGLET_ASSIGN_OR_RETURN(HttpUrl url, ParseHttpUrl(command.url));
    destination = std::make_unique<ServerDestination>(env, url);
  } else {
    HOGLET_ASSIGN_OR_RETURN(directory,
                            DataDirectory::Open(env, command.data, {.geoip_db = command.geoip_db}));
    if (token.empty()) token = directory->projects().Projects()[0].token;
    if (!directory->projects().IsKnownToken(token))
      return absl::InvalidArgumentError("--token belongs to no project of this data directory");
    destination = std::make_unique<DirectoryDestination>(env, directory.get());
  }
  Progress progress(env, command);
  ProgressBar bar(env, !command.quiet);
  Importer importer(destination.get(), token);
  const int64_t began = env->MonotonicNanos();
  HOGLET_RETURN_IF_ERROR(ImportLines(env, *reader, importer, progress, bar));
  HOGLET_RETURN_IF_ERROR(destination->Finish());
  progress.Finish();
  bar.Show(*reader, importer.events(), /*last=*/true);
  const double seconds = std::max(1e-3, static_cast<double>(env->MonotonicNanos() - began) * 1e-9);
  if (!command.quiet) {
    std::fprintf(stderr, "%llu events imported in %.1f s (%.0f/s), %llu lines refused\n",
                 static_cast<unsigned long long>(importer.events()), seconds,
                 static_cast<double>(importer.events()) / seconds,
                 static_cast<unsigned long long>(importer.rejected()));
  }
  if (importer.rejected() > 0)
    return absl::InvalidArgumentError(StrCat(importer.rejected(), " lines were refused"));
  return absl::OkStatus();
}

}  // namespace hoglet
