#include "src/api/status_page.h"

namespace hoglet {
namespace {

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 "
    "1rem;color:#1d1f27;"
    "background:#fff}"
    "h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}"
    "table{border-collapse:collapse;width:100%}td{padding:.25rem .75rem .25rem 0;border-bottom:1px "
    "solid #e5e7eb}"
    "td+td{text-align:right;font-variant-numeric:tabular-nums}"
    "pre{background:#f3f4ef;padding:1rem;border-radius:.4rem;overflow-x:auto;font-size:.85rem}"
    "code{font-family:ui-monospace,monospace}"
    "@media(prefers-color-scheme:dark){body{background:#151515;color:#ddd}pre{background:#222}"
    "td{border-color:#333}}";

void AppendRow(std::string_view name, std::string_view value, std::string* out) {
  out->append("<tr><td>").append(HtmlEscape(name)).append("</td><td>");
  out->append(HtmlEscape(value)).append("</td></tr>\n");
}

void AppendExamples(const StatusPageFacts& facts, std::string* out) {
  const std::string base = "http://" + facts.host;
  const std::string token =
      facts.projects.empty() ? "<project token>" : facts.projects.front().token;
  const std::string id =
      facts.projects.empty() ? "1" : std::to_string(facts.projects.front().team_id);
  out->append("<h2>Send an event</h2>\n<pre><code>");
  out->append(HtmlEscape(
      "curl " + base + "/batch/ -H 'Content-Type: application/json' \\\n  -d '{\"api_key\": \"" +
      token + "\", \"batch\": [{\"event\": \"hello\", \"distinct_id\": \"me\"}]}'"));
  out->append("</code></pre>\n<h2>Ask a question</h2>\n<pre><code>");
  out->append(HtmlEscape("curl " + base + "/api/projects/" + id +
                         "/query/ -H 'Authorization: Bearer <personal API key>' \\\n  -H "
                         "'Content-Type: application/json' \\\n  -d "
                         "'{\"query\": {\"kind\": \"HogQLQuery\", \"query\": \"SELECT event, "
                         "count() FROM events GROUP BY event\"}}'"));
  out->append("</code></pre>\n");
}

}  // namespace

std::string HtmlEscape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out.append("&amp;");
        break;
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '"':
        out.append("&quot;");
        break;
      case '\'':
        out.append("&#39;");
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string StatusPageHtml(const StatusPageFacts& facts) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>hoglet</title>\n";
  out.append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>");
  out.append(kStyle).append("</style></head><body>\n<h1>hoglet</h1>\n<p>Version ");
  out.append(HtmlEscape(facts.version)).append(", running.</p>\n<table>\n");
  for (const ProjectInfo& project : facts.projects) {
    AppendRow("Project " + std::to_string(project.team_id) + ", " + project.name, project.token,
              &out);
  }
  for (const auto& [name, value] : facts.lines) AppendRow(name, value, &out);
  out.append("</table>\n");
  AppendExamples(facts, &out);
  out.append(
      "<p>Health: <a href=\"/_readyz\">/_readyz</a>. Metrics: <a "
      "href=\"/metrics\">/metrics</a>.</p>\n</body></html>\n");
  return out;
}

}  // namespace hoglet
