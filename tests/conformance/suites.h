#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

// The suites of the conformance program. Each runs one vector file in process and reports every
// case that does not hold.

namespace hoglet {

struct CaseFailure {
  std::string name;  // "eval.jsonl:12 plus(1, 2)": stable, names the case in known_gaps.txt
  std::string detail;
};

struct SuiteRun {
  int passed = 0;
  std::vector<CaseFailure> failures;
  std::string error;  // the file could not be run at all

  void Fail(std::string name, std::string detail) {
    failures.push_back({std::move(name), std::move(detail)});
  }
};

// `file` is its name without folders.
using Suite = std::function<SuiteRun(const std::string& text, const std::string& file)>;

SuiteRun RunEvalSuite(const std::string& text, const std::string& file,
                      const std::string& folder);  // eval_suite.cpp
SuiteRun RunFlagsHttpSuite(const std::string& text,
                           const std::string& file);                         // flags_http_suite.cpp
SuiteRun RunFlagsSuite(const std::string& text, const std::string& file);    // flags_suite.cpp
SuiteRun RunResolveSuite(const std::string& text, const std::string& file);  // resolve_suite.cpp

}  // namespace hoglet
