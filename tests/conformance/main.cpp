#include <cstdio>
#include <map>
#include <set>

#include "absl/strings/str_split.h"
#include "include/hoglet/env.h"
#include "query/hogql/parse_conformance.h"
#include "src/api/capture_conformance.h"
#include "src/base/hash_vectors.h"
#include "src/base/strings.h"
#include "src/capture/event_time.h"
#include "src/ingest/ingestion_conformance.h"
#include "tests/conformance/suites.h"

// conformance SUITE FILE...: runs vector files in process and prints each failing case with what
// was expected and what was got. The last line is 'N passed, M failed'; exit code 0 when all hold.
//
// With --known-gaps LIST, failures named in LIST (one "suite case" a line) are counted apart, and a
// case of LIST that holds is a failure: the list only ever gets shorter.

namespace hoglet {
namespace {

// Most runners report a failure as one line that begins with the case's name.
SuiteRun FromLines(
    const std::function<absl::Status(const std::function<void(const std::string&)>&, int*)>& run) {
  SuiteRun out;
  int passed = 0;
  const absl::Status status = run(
      [&](const std::string& line) {
        const size_t end = line.find(": ");
        out.Fail(line.substr(0, end), end == std::string::npos ? "" : line.substr(end + 2));
      },
      &passed);
  if (!status.ok()) out.error = std::string(FromAbsl(status.message()));
  out.passed = passed;
  return out;
}

SuiteRun RunHashes(const std::string& text, const std::string&) {
  return FromLines([&](const auto& report, int* passed) {
    auto counts = RunHashVectors(text, report);
    if (counts.ok()) *passed = counts->passed;
    return counts.status();
  });
}

SuiteRun RunCapture(const std::string& text, const std::string& file) {
  return FromLines([&](const auto& report, int* passed) {
    auto counts = RunCaptureVectors(text, file, report);
    if (counts.ok()) *passed = counts->passed;
    return counts.status();
  });
}

CaptureTimeRules TimeRules() {
  CaptureTimeRules rules;
  rules.compute = [](const CaptureTimeRules::Input& input) {
    EventTimeInput event;
    event.timestamp = input.timestamp;
    event.offset_ms = input.offset_ms;
    if (input.sent_at.has_value()) event.sent_at_us = ParseSentAt(*input.sent_at);
    event.ignore_sent_at = input.ignore_sent_at;
    event.now_us = input.now_us;
    return ComputeEventTime(event);
  };
  rules.parse = [](std::string_view text) { return ParseEventTimestamp(text); };
  return rules;
}

SuiteRun RunIngestion(const std::string& text, const std::string& file) {
  return FromLines([&](const auto& report, int* passed) {
    auto counts = RunIngestionVectors(text, file.substr(0, file.find('.')), report, TimeRules());
    if (counts.ok()) *passed = counts->passed;
    return counts.status();
  });
}

SuiteRun RunParse(const std::string& text, const std::string& file) {
  if (file.starts_with("resolve")) return RunResolveSuite(text, file);
  SuiteRun out;
  const auto counts =
      hogql::RunHogqlParseVectors(text, file, [&](const hogql::ParseVectorFailure& failure) {
        out.Fail(failure.name,
                 StrCat("expected ", failure.expected, "\n    got      ", failure.got));
      });
  out.passed = counts.passed;
  return out;
}

struct Totals {
  int passed = 0;
  int failed = 0;
  int gaps = 0;
};

void Count(const std::string& suite, const SuiteRun& run, std::set<std::string>* known,
           Totals* totals) {
  totals->passed += run.passed;
  for (const CaseFailure& failure : run.failures) {
    if (known->erase(StrCat(suite, " ", failure.name)) > 0) {
      ++totals->gaps;
      continue;
    }
    ++totals->failed;
    std::printf("FAIL %s\n    %s\n", failure.name.c_str(), failure.detail.c_str());
  }
}

std::set<std::string> ReadKnownGaps(const std::string& path, const std::string& suite) {
  std::set<std::string> out;
  auto text = Env::Posix()->ReadWholeFile(path);
  if (!text.ok()) return out;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (FromAbsl(line).starts_with(suite + " ")) out.emplace(line);
  }
  return out;
}

int Main(std::vector<std::string> arguments) {
  std::string gaps_file;
  if (arguments.size() >= 2 && arguments[0] == "--known-gaps") {
    gaps_file = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  const std::map<std::string, Suite> suites = {{"hashes", RunHashes},
                                               {"capture", RunCapture},
                                               {"flags", RunFlagsSuite},
                                               {"ingestion", RunIngestion},
                                               {"hogql-parse", RunParse}};
  const std::set<std::string> later = {"insights"};
  if (arguments.size() < 2) {
    std::printf(
        "usage: conformance [--known-gaps LIST] SUITE FILE...\nSUITE: hashes capture ingestion "
        "flags hogql-parse hogql-eval insights\n");
    return 2;
  }
  const std::string suite = arguments[0];
  if (later.contains(suite)) {
    std::printf("suite %s: its feature does not exist yet\n0 passed, %zu failed\n", suite.c_str(),
                arguments.size() - 1);
    return 1;
  }
  std::set<std::string> known =
      gaps_file.empty() ? std::set<std::string>() : ReadKnownGaps(gaps_file, suite);
  Totals totals;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string& path = arguments[i];
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
    const std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
    auto text = Env::Posix()->ReadWholeFile(path);
    SuiteRun run;
    if (!text.ok()) {
      run.error = std::string(FromAbsl(text.status().message()));
    } else if (suite == "hogql-eval") {
      run = RunEvalSuite(*text, file, folder);
    } else if (const auto found = suites.find(suite); found != suites.end()) {
      run = found->second(*text, file);
    } else {
      run.error = StrCat("no suite '", suite, "'");
    }
    if (!run.error.empty()) run.Fail(file, run.error);
    Count(suite, run, &known, &totals);
  }
  for (const std::string& gap : known) {
    ++totals.failed;
    std::printf("HOLDS NOW, take it off the list: %s\n", gap.c_str());
  }
  if (totals.gaps > 0) std::printf("%d known gaps\n", totals.gaps);
  std::printf("%d passed, %d failed\n", totals.passed, totals.failed);
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hoglet

int main(int argc, char** argv) {
  return hoglet::Main(std::vector<std::string>(argv + 1, argv + argc));
}
