// The questions of the bench, in the three dialects side by side.
//
// queries(meta) takes the meta of the generated stream and returns
//   { name, title, hogql, clickhouse, duckdb, tolerance?, columns? }
// tolerance: relative difference allowed between answers, for estimated quantiles (absent: exact).
// columns:   the result columns that must agree (absent: all); ids of persons differ by design, and
//            of rows with equal sort keys any may be returned.
//
// The stream ends on 2025-09-30, so "the last 7 days" are fixed dates. The peers read columns that
// were extracted when the event was loaded; hoglet reads `properties`. ClickHouse is asked without
// FINAL, as PostHog asks it: the stream has no duplicates, so the answers stay right.

const UNTIL = '2025-10-01';

export function queries(meta) {
  const user = meta.top_distinct_id;
  return [
    {
      name: 'count_all',
      title: 'count all',
      hogql: `SELECT count() FROM events`,
      clickhouse: `SELECT count() FROM events`,
      duckdb: `SELECT count(*) FROM events`,
    },
    {
      name: 'event_counts_7d',
      title: 'event counts, 7 days',
      hogql: `SELECT event, count() AS n FROM events
        WHERE timestamp >= '2025-09-24' AND timestamp < '${UNTIL}'
        GROUP BY event ORDER BY n DESC, event LIMIT 100`,
      clickhouse: `SELECT event, count() AS n FROM events
        WHERE timestamp >= '2025-09-24' AND timestamp < '${UNTIL}'
        GROUP BY event ORDER BY n DESC, event LIMIT 100`,
      duckdb: `SELECT event, count(*) AS n FROM events
        WHERE timestamp >= '2025-09-24' AND timestamp < '${UNTIL}'
        GROUP BY event ORDER BY n DESC, event LIMIT 100`,
    },
    {
      name: 'daily_persons_30d',
      title: 'daily unique persons, 30 days',
      hogql: `SELECT toDate(timestamp) AS day, count(DISTINCT person_id) AS persons FROM events
        WHERE timestamp >= '2025-09-01' AND timestamp < '${UNTIL}'
        GROUP BY day ORDER BY day LIMIT 100`,
      clickhouse: `SELECT toDate(timestamp) AS day, count(DISTINCT person_id) AS persons FROM events
        WHERE timestamp >= '2025-09-01' AND timestamp < '${UNTIL}'
        GROUP BY day ORDER BY day LIMIT 100`,
      duckdb: `SELECT timestamp::DATE AS day, count(DISTINCT person_id) AS persons FROM events
        WHERE timestamp >= '2025-09-01' AND timestamp < '${UNTIL}'
        GROUP BY day ORDER BY day LIMIT 100`,
    },
    {
      name: 'pageviews_by_browser',
      title: 'pageviews a day by browser',
      hogql: `SELECT toDate(timestamp) AS day, properties.$browser AS browser, count() AS n FROM events
        WHERE event = '$pageview' GROUP BY day, browser ORDER BY day, n DESC, browser LIMIT 10000`,
      clickhouse: `SELECT toDate(timestamp) AS day, browser, count() AS n FROM events
        WHERE event = '$pageview' GROUP BY day, browser ORDER BY day, n DESC, browser LIMIT 10000`,
      duckdb: `SELECT timestamp::DATE AS day, browser, count(*) AS n FROM events
        WHERE event = '$pageview' GROUP BY day, browser ORDER BY day, n DESC, browser LIMIT 10000`,
    },
    {
      name: 'top_urls',
      title: 'top 25 URLs',
      hogql: `SELECT properties.$current_url AS url, count() AS n FROM events
        WHERE event = '$pageview' GROUP BY url ORDER BY n DESC, url LIMIT 25`,
      clickhouse: `SELECT current_url AS url, count() AS n FROM events
        WHERE event = '$pageview' GROUP BY url ORDER BY n DESC, url LIMIT 25`,
      duckdb: `SELECT current_url AS url, count(*) AS n FROM events
        WHERE event = '$pageview' GROUP BY url ORDER BY n DESC, url LIMIT 25`,
    },
    {
      name: 'weekly_revenue_by_plan',
      title: 'weekly sum by plan',
      hogql: `SELECT toStartOfWeek(timestamp, 0) AS week, properties.plan AS plan,
          sum(toFloat(properties.amount)) AS revenue FROM events
        WHERE event = 'purchase' GROUP BY week, plan ORDER BY week, plan LIMIT 1000`,
      clickhouse: `SELECT toStartOfWeek(timestamp, 0) AS week, plan, sum(amount) AS revenue FROM events
        WHERE event = 'purchase' GROUP BY week, plan ORDER BY week, plan LIMIT 1000`,
      duckdb: `SELECT (date_trunc('week', timestamp + INTERVAL 1 DAY) - INTERVAL 1 DAY)::DATE AS week, plan,
          sum(amount) AS revenue FROM events
        WHERE event = 'purchase' GROUP BY week, plan ORDER BY week, plan LIMIT 1000`,
    },
    {
      name: 'funnel_14d',
      title: '3-step funnel, 14 days',
      hogql: `SELECT countIf(n1 > 0) AS viewed, countIf(n1 > 0 AND n2 > 0 AND t2 >= t1) AS signed_up,
          countIf(n1 > 0 AND n2 > 0 AND t2 >= t1 AND n3 > 0 AND t3 >= t2) AS bought
        FROM (SELECT person_id, countIf(event = '$pageview') AS n1, countIf(event = 'signup') AS n2,
            countIf(event = 'purchase') AS n3, minIf(timestamp, event = '$pageview') AS t1,
            minIf(timestamp, event = 'signup') AS t2, maxIf(timestamp, event = 'purchase') AS t3
          FROM events WHERE event IN ('$pageview', 'signup', 'purchase')
            AND timestamp >= '2025-09-17' AND timestamp < '${UNTIL}'
          GROUP BY person_id)`,
      clickhouse: `SELECT countIf(n1 > 0) AS viewed, countIf(n1 > 0 AND n2 > 0 AND t2 >= t1) AS signed_up,
          countIf(n1 > 0 AND n2 > 0 AND t2 >= t1 AND n3 > 0 AND t3 >= t2) AS bought
        FROM (SELECT person_id, countIf(event = '$pageview') AS n1, countIf(event = 'signup') AS n2,
            countIf(event = 'purchase') AS n3, minIf(timestamp, event = '$pageview') AS t1,
            minIf(timestamp, event = 'signup') AS t2, maxIf(timestamp, event = 'purchase') AS t3
          FROM events WHERE event IN ('$pageview', 'signup', 'purchase')
            AND timestamp >= '2025-09-17' AND timestamp < '${UNTIL}'
          GROUP BY person_id)`,
      duckdb: `SELECT count(*) FILTER (n1 > 0) AS viewed, count(*) FILTER (n1 > 0 AND t2 >= t1) AS signed_up,
          count(*) FILTER (n1 > 0 AND t2 >= t1 AND t3 >= t2) AS bought
        FROM (SELECT person_id, count(*) FILTER (event = '$pageview') AS n1,
            min(timestamp) FILTER (event = '$pageview') AS t1,
            min(timestamp) FILTER (event = 'signup') AS t2, max(timestamp) FILTER (event = 'purchase') AS t3
          FROM events WHERE event IN ('$pageview', 'signup', 'purchase')
            AND timestamp >= '2025-09-17' AND timestamp < '${UNTIL}'
          GROUP BY person_id)`,
    },
    {
      name: 'weekly_retention',
      title: 'weekly retention by person',
      hogql: `SELECT c.start AS joined, dateDiff('week', c.start, a.week) AS weeks, count() AS persons
        FROM (SELECT person_id, toStartOfWeek(min(timestamp), 0) AS start FROM events
            WHERE event = '$pageview' GROUP BY person_id) AS c
        INNER JOIN (SELECT person_id, toStartOfWeek(timestamp, 0) AS week FROM events
            WHERE event = '$pageview' GROUP BY person_id, week) AS a ON a.person_id = c.person_id
        GROUP BY joined, weeks ORDER BY joined, weeks LIMIT 1000`,
      clickhouse: `SELECT c.start AS joined, dateDiff('week', c.start, a.week) AS weeks, count() AS persons
        FROM (SELECT person_id, toStartOfWeek(min(timestamp), 0) AS start FROM events
            WHERE event = '$pageview' GROUP BY person_id) AS c
        INNER JOIN (SELECT person_id, toStartOfWeek(timestamp, 0) AS week FROM events
            WHERE event = '$pageview' GROUP BY person_id, week) AS a ON a.person_id = c.person_id
        GROUP BY joined, weeks ORDER BY joined, weeks LIMIT 1000`,
      duckdb: `WITH views AS (SELECT person_id,
            (date_trunc('week', timestamp + INTERVAL 1 DAY) - INTERVAL 1 DAY)::DATE AS week
          FROM events WHERE event = '$pageview')
        SELECT c.start AS joined, date_diff('day', c.start, a.week) // 7 AS weeks, count(*) AS persons
        FROM (SELECT person_id, min(week) AS start FROM views GROUP BY person_id) AS c
        INNER JOIN (SELECT person_id, week FROM views GROUP BY person_id, week) AS a
          ON a.person_id = c.person_id
        GROUP BY joined, weeks ORDER BY joined, weeks LIMIT 1000`,
    },
    {
      name: 'like_breakdown',
      title: 'filtered breakdown with LIKE',
      hogql: `SELECT properties.$device_type AS device, properties.$os AS os, count() AS n FROM events
        WHERE event = '$pageview' AND properties.$current_url LIKE '%/docs/%'
        GROUP BY device, os ORDER BY n DESC, device, os LIMIT 100`,
      clickhouse: `SELECT device_type AS device, os, count() AS n FROM events
        WHERE event = '$pageview' AND current_url LIKE '%/docs/%'
        GROUP BY device, os ORDER BY n DESC, device, os LIMIT 100`,
      duckdb: `SELECT device_type AS device, os, count(*) AS n FROM events
        WHERE event = '$pageview' AND current_url LIKE '%/docs/%'
        GROUP BY device, os ORDER BY n DESC, device, os LIMIT 100`,
    },
    {
      name: 'sessions',
      title: 'sessions: count and mean duration',
      hogql: `SELECT count() AS sessions, avg(seconds) AS mean FROM
        (SELECT properties.$session_id AS sid, dateDiff('second', min(timestamp), max(timestamp)) AS seconds
          FROM events GROUP BY sid)`,
      clickhouse: `SELECT count() AS sessions, avg(seconds) AS mean FROM
        (SELECT session_id AS sid, dateDiff('second', min(timestamp), max(timestamp)) AS seconds
          FROM events GROUP BY sid)`,
      duckdb: `SELECT count(*) AS sessions, avg(seconds) AS mean FROM
        (SELECT session_id AS sid, date_diff('second', min(timestamp), max(timestamp)) AS seconds
          FROM events GROUP BY sid)`,
    },
    {
      name: 'user_history',
      title: 'last 100 events of one user',
      columns: [1, 2],
      hogql: `SELECT uuid, event, timestamp, properties.$current_url AS url FROM events
        WHERE distinct_id = '${user}' ORDER BY timestamp DESC LIMIT 100`,
      clickhouse: `SELECT uuid, event, timestamp, current_url AS url FROM events
        WHERE distinct_id = '${user}' ORDER BY timestamp DESC LIMIT 100`,
      duckdb: `SELECT uuid, event, timestamp, current_url AS url FROM events
        WHERE distinct_id = '${user}' ORDER BY timestamp DESC LIMIT 100`,
    },
    {
      name: 'load_time_by_os',
      title: 'p50/p95 of a property by OS',
      tolerance: 0.08,
      hogql: `SELECT properties.$os AS os, count() AS n, quantile(0.5)(toFloat(properties.load_time_ms)) AS p50,
          quantile(0.95)(toFloat(properties.load_time_ms)) AS p95 FROM events
        WHERE event = '$pageview' GROUP BY os ORDER BY n DESC, os LIMIT 100`,
      clickhouse: `SELECT os, count() AS n, quantile(0.5)(load_time_ms) AS p50,
          quantile(0.95)(load_time_ms) AS p95 FROM events
        WHERE event = '$pageview' GROUP BY os ORDER BY n DESC, os LIMIT 100`,
      duckdb: `SELECT os, count(*) AS n, approx_quantile(load_time_ms, 0.5) AS p50,
          approx_quantile(load_time_ms, 0.95) AS p95 FROM events
        WHERE event = '$pageview' GROUP BY os ORDER BY n DESC, os LIMIT 100`,
    },
    {
      name: 'latest_rows',
      title: 'latest 100 events, full rows',
      columns: [2],
      hogql: `SELECT uuid, event, timestamp, distinct_id, person_id, properties FROM events
        ORDER BY timestamp DESC LIMIT 100`,
      clickhouse: `SELECT uuid, event, timestamp, distinct_id, person_id, properties FROM events
        ORDER BY timestamp DESC LIMIT 100`,
      duckdb: `SELECT uuid, event, timestamp, distinct_id, person_id, properties FROM events
        ORDER BY timestamp DESC LIMIT 100`,
    },
    {
      name: 'rare_value',
      title: 'rare property value scan',
      hogql: `SELECT count() AS n, count(DISTINCT person_id) AS persons, max(timestamp) AS latest FROM events
        WHERE properties.error_code = 'E_QUOTA'`,
      clickhouse: `SELECT count() AS n, count(DISTINCT person_id) AS persons, max(timestamp) AS latest FROM events
        WHERE error_code = 'E_QUOTA'`,
      duckdb: `SELECT count(*) AS n, count(DISTINCT person_id) AS persons, max(timestamp) AS latest FROM events
        WHERE error_code = 'E_QUOTA'`,
    },
    {
      name: 'top_persons',
      title: 'top 10 persons by events',
      columns: [1],
      hogql: `SELECT person_id, count() AS n FROM events GROUP BY person_id ORDER BY n DESC LIMIT 10`,
      clickhouse: `SELECT person_id, count() AS n FROM events GROUP BY person_id ORDER BY n DESC LIMIT 10`,
      duckdb: `SELECT person_id, count(*) AS n FROM events GROUP BY person_id ORDER BY n DESC LIMIT 10`,
    },
    {
      name: 'buyers_by_currency',
      title: 'buyers by currency, HAVING',
      hogql: `SELECT properties.currency AS currency, count(DISTINCT person_id) AS buyers,
          avg(toFloat(properties.amount)) AS mean, max(toFloat(properties.amount)) AS largest FROM events
        WHERE event = 'purchase' AND toFloat(properties.amount) > 50
        GROUP BY currency HAVING buyers > 1 ORDER BY buyers DESC, currency LIMIT 100`,
      clickhouse: `SELECT currency, count(DISTINCT person_id) AS buyers, avg(amount) AS mean, max(amount) AS largest
        FROM events WHERE event = 'purchase' AND amount > 50
        GROUP BY currency HAVING buyers > 1 ORDER BY buyers DESC, currency LIMIT 100`,
      duckdb: `SELECT currency, count(DISTINCT person_id) AS buyers, avg(amount) AS mean, max(amount) AS largest
        FROM events WHERE event = 'purchase' AND amount > 50
        GROUP BY currency HAVING buyers > 1 ORDER BY buyers DESC, currency LIMIT 100`,
    },
  ];
}
