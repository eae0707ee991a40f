#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

// Who may include whom. The table is the house plan's; "may include" is transitive through the
// rooms named.

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = HOGLET_SOURCE_DIR;

// Longest prefix wins. A room may always include itself and the contracts of include/hoglet.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"include/hoglet", {}},
    {"src/base", {}},
    {"src/log", {"src/base"}},
    {"storage", {"src/base"}},
    {"src/persons", {"src/base"}},
    {"src/metadata", {"src/base"}},
    {"src/http", {"src/base"}},
    {"src/assets", {"src/base"}},
    {"query/hogql", {"src/base"}},
    {"query/analyze", {"query/hogql", "src/base", "src/metadata"}},
    {"query/functions", {"query/analyze", "query/hogql", "storage", "src/base"}},
    {"query/plan", {"query/analyze", "query/functions", "query/hogql", "storage", "src/base"}},
    {"query/exec",
     {"query/analyze", "query/functions", "query/plan", "query/hogql", "storage", "src/base"}},
    {"src/ingest", {"src/log", "src/persons", "storage", "src/base"}},
    {"src/capture", {"src/base"}},
    {"src/flags", {"src/base", "src/persons", "src/metadata", "src/capture"}},
    {"src/cohorts", {"src/metadata", "query/hogql", "storage", "src/base"}},
    {"src/replay", {"src/base"}},
    {"src/apps", {"src/base"}},
    {"src/api",
     {"src/base", "src/log", "src/persons", "src/metadata", "src/http", "src/assets", "src/ingest",
      "src/capture", "src/flags", "src/cohorts", "src/replay", "src/apps", "storage", "query/hogql",
      "query/analyze", "query/functions", "query/plan", "query/exec"}},
};
const std::set<std::string> kMayIncludeAll = {"src/cli", "src", "tests", "bench", "examples"};

std::string RoomOf(const std::string& path) {
  std::string best;
  for (const auto& [room, allowed] : kMayInclude) {
    if (path.starts_with(room + "/") && room.size() > best.size()) best = room;
  }
  if (!best.empty()) return best;
  for (const std::string& room : kMayIncludeAll) {
    if (path.starts_with(room + "/") && room.size() > best.size()) best = room;
  }
  return best;
}

struct Source {
  std::string path;  // from the root
  std::vector<std::string> includes;
  std::vector<std::string> quoted_includes;
  std::vector<std::string> lines;
};

const std::vector<Source>& Sources() {
  static const std::vector<Source> sources = [] {
    std::vector<Source> out;
    const std::regex include(R"(^\s*#\s*include\s*["<]([^">]+)[">])");
    for (const char* top : {"include", "src", "storage", "query", "tests", "bench", "examples"}) {
      if (!fs::exists(kRoot / top)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
        const std::string extension = entry.path().extension().string();
        if (extension != ".h" && extension != ".cpp" && extension != ".inc") continue;
        if (entry.path().string().find("node_modules") != std::string::npos) continue;
        Source source{fs::relative(entry.path(), kRoot).string(), {}, {}, {}};
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line);) {
          std::smatch match;
          if (line.find("include") != std::string::npos &&
              std::regex_search(line, match, include)) {
            source.includes.push_back(match[1]);
            if (line.find('"') != std::string::npos) source.quoted_includes.push_back(match[1]);
          }
          source.lines.push_back(std::move(line));
        }
        out.push_back(std::move(source));
      }
    }
    return out;
  }();
  return sources;
}

TEST(IncludeGraph, FollowsTheHousePlan) {
  ASSERT_GT(Sources().size(), 50u);
  for (const Source& source : Sources()) {
    const std::string room = RoomOf(source.path);
    EXPECT_FALSE(room.empty()) << source.path << " is in no room of the house plan";
    if (!kMayInclude.contains(room)) continue;
    for (const std::string& include : source.includes) {
      const std::string target = RoomOf(include);
      if (target.empty() || target == room || target == "include/hoglet") continue;
      EXPECT_TRUE(kMayInclude.at(room).contains(target)) << source.path << " includes " << include;
    }
  }
}

TEST(IncludeGraph, ProjectHeadersAreNamedFromTheRoot) {
  for (const Source& source : Sources()) {
    for (const std::string& include : source.quoted_includes) {
      EXPECT_TRUE(fs::exists(kRoot / include) || include == "simdjson.h" ||
                  include.starts_with("absl/") || include.starts_with("re2/") ||
                  include.starts_with("rocksdb/") || include.starts_with("CLI/") ||
                  include.starts_with("fmt/"))
          << source.path << " includes \"" << include << '"';
    }
  }
}

TEST(IncludeGraph, HeavyLibrariesStayInTheirRooms) {
  for (const Source& source : Sources()) {
    const bool header = source.path.ends_with(".h");
    for (const std::string& include : source.includes) {
      if (include.starts_with("boost/")) {
        EXPECT_TRUE(source.path.starts_with("src/http/")) << source.path << " includes " << include;
      }
      if (!header) continue;
      for (const char* heavy : {"boost/", "rocksdb/", "re2/", "fmt/", "simdjson.h", "openssl/"}) {
        EXPECT_FALSE(include.starts_with(heavy))
            << source.path << " (a header) includes " << include;
      }
    }
  }
}

TEST(Tidy, TopLevelHoldsOnlyWhatThePlanNames) {
  const std::set<std::string> allowed = {"CMakeLists.txt",
                                         "CMakePresets.json",
                                         "src",
                                         "include",
                                         "storage",
                                         "query",
                                         "tests",
                                         "bench",
                                         "examples",
                                         "README.md",
                                         "LICENSE",
                                         "dev",
                                         "build",
                                         "hoglet-data"};
  for (const auto& entry : fs::directory_iterator(kRoot)) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(name.starts_with('.') || allowed.contains(name)) << name;
  }
}

TEST(Tidy, NothingIsLeftForLater) {
  for (const Source& source : Sources()) {
    if (source.path.starts_with("tests/tidy/")) continue;
    for (size_t i = 0; i < source.lines.size(); ++i) {
      for (const char* mark : {"TODO", "FIXME", "GTEST_SKIP", "DISABLED_"}) {
        EXPECT_EQ(source.lines[i].find(mark), std::string::npos)
            << source.path << ":" << i + 1 << ": " << mark;
      }
    }
  }
}

}  // namespace
