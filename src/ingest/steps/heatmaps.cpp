#include "src/ingest/steps/heatmaps.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "src/base/json.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {
namespace {

constexpr double kScale = 16;

std::optional<double> NumberOf(const JsonMember* member) {
  if (member == nullptr) return std::nullopt;
  if (member->kind == JsonKind::kInt64) return static_cast<double>(member->integer);
  if (member->kind == JsonKind::kDouble) return member->number;
  return std::nullopt;
}

// To a cell of the grid; ties go up. Columns are 16 bits wide.
int64_t Scaled(double value) {
  const double cell = std::floor(value / kScale + 0.5);
  constexpr double kMin = std::numeric_limits<int16_t>::min();
  constexpr double kMax = std::numeric_limits<int16_t>::max();
  return static_cast<int64_t>(cell < kMin ? kMin : cell > kMax ? kMax : cell);
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\n\r\f\v") == std::string_view::npos;
}

// What all rows of an event have in common.
struct Page {
  std::string session_id = "undefined";
  int64_t viewport_width = 0;
  int64_t viewport_height = 0;
};

void Warn(std::string_view type, std::string_view url, const Page& page, ParsedEvent* event) {
  IngestionWarning warning{type, {}};
  std::string text;
  AppendJsonString(url, &text);
  warning.details.emplace_back("heatmapUrl", std::move(text));
  text.clear();
  AppendJsonString(page.session_id, &text);
  warning.details.emplace_back("session_id", std::move(text));
  event->warnings.push_back(std::move(warning));
}

// An item without everything a row needs is passed over.
void AddItem(const JsonMember& item, std::string_view url, const Page& page, Arena* arena,
             ParsedEvent* event) {
  JsonObjectView members = MembersOf(item, arena);
  const std::optional<double> x = NumberOf(FindProperty(&members, "x"));
  const std::optional<double> y = NumberOf(FindProperty(&members, "y"));
  const JsonMember* type = FindProperty(&members, "type");
  const JsonMember* fixed = FindProperty(&members, "target_fixed");
  if (!x || !y || type == nullptr || type->kind != JsonKind::kString || IsBlank(type->text) ||
      fixed == nullptr || fixed->kind != JsonKind::kBool) {
    return;
  }
  event->heatmaps.push_back({.session_id = page.session_id,
                             .distinct_id = std::string(event->distinct_id),
                             .timestamp_us = event->captured.timestamp_us,
                             .x = Scaled(*x),
                             .y = Scaled(*y),
                             .viewport_width = page.viewport_width,
                             .viewport_height = page.viewport_height,
                             .pointer_target_fixed = fixed->boolean,
                             .current_url = std::string(url),
                             .type = std::string(type->text)});
}

void AddUrl(const JsonMember& items, const Page& page, Arena* arena, ParsedEvent* event) {
  if (IsBlank(items.key)) {
    Warn("rejecting_heatmap_data_with_invalid_url", items.key, page, event);
    return;
  }
  std::vector<JsonMember> list;
  if (!IsArray(items) || !ParseJsonArray(items.text, arena, &list).ok()) {
    Warn("rejecting_heatmap_data_with_invalid_items", items.key, page, event);
    return;
  }
  for (const JsonMember& item : list) AddItem(item, items.key, page, arena, event);
}

// The URL with another path; nullopt if it is none.
std::optional<std::string> WithPath(std::string_view url, std::string_view path) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return std::nullopt;
  const size_t host = scheme + 3;
  const size_t tail = std::min(url.find_first_of("?#", host), url.size());
  const size_t path_at = std::min(url.find('/', host), tail);
  if (path_at == host) return std::nullopt;
  std::string out(url.substr(0, path_at));
  if (!path.starts_with('/')) out += '/';
  out += path;
  out += url.substr(tail);
  return out;
}

// How far the page before was scrolled, under that page's address.
void AddScrollDepth(const Page& page, Arena* arena, ParsedEvent* event) {
  const JsonMember* path = FindProperty(&event->properties, "$prev_pageview_pathname");
  const JsonMember* url = FindProperty(&event->properties, "$current_url");
  const auto before = path->kind == JsonKind::kString && url->kind == JsonKind::kString
                          ? WithPath(url->text, path->text)
                          : std::nullopt;
  if (!before.has_value()) {
    event->warnings.push_back({"invalid_heatmap_data", {}});
    return;
  }
  const JsonMember* depth = FindProperty(&event->properties, "$prev_pageview_max_scroll");
  if (!NumberOf(depth).has_value()) return;
  const JsonObjectView item = {{.key = "x", .kind = JsonKind::kInt64},
                               Renamed(*depth, "y"),
                               {.key = "target_fixed", .kind = JsonKind::kBool},
                               {.key = "type", .kind = JsonKind::kString, .text = "scrolldepth"}};
  AddItem(ObjectMember("", item, arena), *before, page, arena, event);
}

}  // namespace

void ExtractHeatmaps(Arena* arena, ParsedEvent* event) {
  JsonObjectView* properties = &event->properties;
  if (!KnownNames(*properties).MayHave(KeySet("$heatmap_data", "$prev_pageview_pathname"))) return;
  JsonObjectView data;
  const JsonMember* found = FindProperty(properties, "$heatmap_data");
  const bool has_data = found != nullptr && IsObject(*found);
  if (has_data) data = MembersOf(*found, arena);
  if (found != nullptr) RemoveProperty(properties, "$heatmap_data");
  if (event->team.is_heatmap_opted_out) return;

  const JsonMember* path = FindProperty(properties, "$prev_pageview_pathname");
  const JsonMember* url = FindProperty(properties, "$current_url");
  const bool has_depth = path != nullptr && url != nullptr && IsTruthy(*path) && IsTruthy(*url);
  if (!has_data && !has_depth) return;

  const auto width = NumberOf(FindProperty(properties, "$viewport_width"));
  const auto height = NumberOf(FindProperty(properties, "$viewport_height"));
  if (IsIllegalDistinctId(event->distinct_id) || !width || !height) {
    event->is_row_dropped = true;
    return;
  }
  Page page;
  page.viewport_width = Scaled(*width);
  page.viewport_height = Scaled(*height);
  if (const JsonMember* id = FindProperty(properties, "$session_id")) {
    page.session_id = std::string(ToText(*id, arena));
  }
  for (const JsonMember& items : data) AddUrl(items, page, arena, event);
  if (has_depth) AddScrollDepth(page, arena, event);
}

}  // namespace hoglet
