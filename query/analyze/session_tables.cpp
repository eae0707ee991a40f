#include "query/analyze/session_tables.h"

#include "src/base/strings.h"

namespace hoglet::analysis {
namespace {

// What a session was brought by: its first value counts.
constexpr const char* kEntryProperties[] = {
    "utm_source", "utm_campaign", "utm_medium", "utm_term", "utm_content", "gclid",   "gad_source",
    "gclsrc",     "dclid",        "gbraid",     "wbraid",   "fbclid",      "msclkid", "twclid",
    "li_fat_id",  "mc_cid",       "igshid",     "ttclid",   "_kx",         "irclid"};

constexpr const char* kPages = "event in ('$pageview', '$screen')";

constexpr const char* kFromEvents = R"hogql(
  from events
  where match($session_id, '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$')
  group by s_id)hogql";

constexpr const char* kSessionIdAsNumber = "_toUInt128(toUUID(s_id))";

// A property as sessions read it: "" and "null" are nothing.
std::string PropertyText(std::string_view property) {
  return StrCat("nullIf(nullIf(properties.", property, ", ''), 'null')");
}

// What a session began with is that of its page views and screens where one has a value: other
// events count a year later.
std::string FirstText(std::string_view value, std::string_view suffix) {
  return StrCat("argMin", suffix, "(", value, ", if(", kPages,
                ", timestamp, timestamp + toIntervalYear(1)))");
}
// Likewise a year earlier for what it ended with.
std::string LastText(std::string_view value, std::string_view suffix) {
  return StrCat("argMax", suffix, "(", value, ", if(", kPages,
                ", timestamp, timestamp - toIntervalYear(1)))");
}

// The columns that both tables are made of; `suffix` is "" or "State".
std::string AggregatesText(std::string_view suffix) {
  const std::string url = PropertyText("$current_url");
  std::string text = StrCat(
      "select\n  $session_id as s_id,\n  argMax", suffix,
      "(distinct_id, timestamp) as d_id,\n  min(timestamp) as t_min,\n  max(timestamp) as t_max,\n"
      "  max(created_at) as t_inserted,\n  arraySort(groupUniqArrayIf(ifNull("
      "properties.$current_url, ''), ",
      kPages, " and notEmpty(ifNull(properties.$current_url, '')))) as urls,\n");
  StrAppend(&text, "  ", FirstText(url, suffix), " as url_in,\n");
  StrAppend(&text, "  ", LastText(url, suffix), " as url_out,\n");
  StrAppend(&text, "  ", FirstText(PropertyText("$referring_domain"), suffix),
            " as entry_referring_domain,\n");
  StrAppend(&text, "  ", FirstText(PropertyText("$referrer"), suffix), " as entry_referrer,\n");
  for (const char* property : kEntryProperties) {
    StrAppend(&text, "  ", FirstText(PropertyText(property), suffix), " as entry_", property,
              ",\n");
  }
  for (const char* event : {"pageview", "autocapture", "screen"}) {
    StrAppend(&text, "  uniq", suffix, "If(uuid, event = '$", event, "') as n_", event, ",\n");
  }
  StrAppend(&text, "  ", LastText(PropertyText("$external_click_url"), suffix), " as click,\n");
  StrAppend(&text, "  ", FirstText("toFloat(properties.$web_vitals_LCP_value)", suffix),
            " as lcp,\n");
  return text;
}

std::string BounceText(const SessionModifiers& modifiers) {
  const std::string is_long =
      StrCat("dateDiff('second', t_min, t_max) >= ", modifiers.bounce_duration_s);
  if (modifiers.bounces_by_interactions) {
    return StrCat("if(n_all = 0, null, not(n_all > 1 or ", is_long, "))");
  }
  return StrCat("if(n_pageview = 0, null, not(n_pageview > 1 or n_autocapture > 0 or ", is_long,
                "))");
}

}  // namespace

std::string ChannelTypeText(const SessionModifiers& modifiers, const ChannelRuleFields& fields,
                            const std::string& gclid, const std::string& fbclid,
                            const std::string& gad_source) {
  const auto text = [](const std::string& value) { return StrCat("ifNull(", value, ", '')"); };
  const std::string built_in =
      StrCat("channelType(", text(fields.utm_campaign), ", ", text(fields.utm_medium), ", ",
             text(fields.utm_source), ", ", text(fields.referring_domain), ", ", text(gclid), ", ",
             text(fbclid), ", ", text(gad_source), ")");
  return ChannelRulesText(modifiers.channel_rules, fields, built_in);
}

std::string SessionsViewText(const SessionModifiers& modifiers) {
  std::string text =
      "select\n  s_id as session_id,\n  s_id as id,\n  d_id as distinct_id,\n"
      "  t_min as $start_timestamp,\n  t_max as $end_timestamp,\n"
      "  t_inserted as max_inserted_at,\n  urls as $urls,\n  length(urls) as $num_uniq_urls,\n"
      "  url_in as $entry_current_url,\n  path(url_in) as $entry_pathname,\n"
      "  domain(url_in) as $entry_hostname,\n  url_out as $end_current_url,\n"
      "  path(url_out) as $end_pathname,\n  domain(url_out) as $end_hostname,\n"
      "  entry_referring_domain as $entry_referring_domain,\n"
      "  entry_referrer as $entry_referrer,\n";
  for (const char* property : kEntryProperties) {
    StrAppend(&text, "  entry_", property, " as $entry_", property, ",\n");
  }
  const ChannelRuleFields fields{.utm_source = "entry_utm_source",
                                 .utm_medium = "entry_utm_medium",
                                 .utm_campaign = "entry_utm_campaign",
                                 .referring_domain = "entry_referring_domain",
                                 .url = "url_in",
                                 .pathname = "path(url_in)",
                                 .hostname = "domain(url_in)"};
  StrAppend(&text, "  n_pageview as $pageview_count,\n  n_autocapture as $autocapture_count,\n",
            "  n_screen as $screen_count,\n  ",
            ChannelTypeText(modifiers, fields, "entry_gclid", "entry_fbclid", "entry_gad_source"),
            " as $channel_type,\n  dateDiff('second', t_min, t_max) as $session_duration,\n",
            "  $session_duration as duration,\n  ", BounceText(modifiers),
            " as $is_bounce,\n  click as $last_external_click_url,\n",
            "  n_all as $page_screen_autocapture_count_up_to,\n  lcp as $vitals_lcp,\n",
            "  url_out as $exit_current_url,\n  path(url_out) as $exit_pathname,\n  ",
            kSessionIdAsNumber, " as session_id_v7\nfrom (");
  StrAppend(&text, AggregatesText(""),
            "  least(2, uniqIf(uuid, event in ('$pageview', '$screen', '$autocapture'))) as n_all",
            kFromEvents, ")");
  return text;
}

std::string RawSessionsViewText() {
  std::string text =
      StrCat("select\n  ", kSessionIdAsNumber,
             " as session_id_v7,\n  d_id as distinct_id,\n  t_min as min_timestamp,\n"
             "  t_max as max_timestamp,\n  t_inserted as max_inserted_at,\n  urls as urls,\n"
             "  url_in as entry_url,\n  url_out as end_url,\n"
             "  entry_referring_domain as initial_referring_domain,\n"
             "  entry_referrer as initial_referrer,\n");
  for (const char* property : kEntryProperties) {
    StrAppend(&text, "  entry_", property, " as initial_", property, ",\n");
  }
  StrAppend(&text,
            "  n_pageview as pageview_uniq,\n  n_autocapture as autocapture_uniq,\n"
            "  n_screen as screen_uniq,\n  click as last_external_click_url,\n"
            "  n_all as page_screen_autocapture_uniq_up_to,\n  lcp as vitals_lcp\nfrom (",
            AggregatesText("State"),
            "  uniqStateIf(uuid, event in ('$pageview', '$screen', '$autocapture')) as n_all",
            kFromEvents, ")");
  return text;
}

}  // namespace hoglet::analysis
