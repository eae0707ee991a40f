#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "include/hoglet/token_directory.h"

namespace hoglet {

struct StatusPageFacts {
  std::string version;
  std::string host;  // as the browser named it, for the examples
  std::vector<ProjectInfo> projects;
  std::vector<std::pair<std::string, std::string>> lines;
};

// A small HTML page for someone who opens the server in a browser: what runs, how it does, and how
// to send a first event.
std::string StatusPageHtml(const StatusPageFacts& facts);

// The text with HTML's special characters escaped.
std::string HtmlEscape(std::string_view text);

}  // namespace hoglet
