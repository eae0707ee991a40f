// How time and memory grow with the number of events: several reports of bench.mjs side by side, in Markdown.
//
//   node growth.mjs --hoglet BIN --sizes 1000000,5000000,20000000 [--out DIR] [flags of bench.mjs]
//   node growth.mjs a.json b.json ...
//   node growth.mjs --comparison a.json
//
// The first form runs bench.mjs for each size, with its report in DIR/growth-SIZE.json (data/ unless given), and then
// prints the tables of the second. Where the page cache can be dropped, each question is also asked cold. The third
// prints the comparison of the engines in one report.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatMs, markdownTable, thousands } from './lib.mjs';
import { cannotDropPageCache } from './process.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

const sizeName = (events) => (events % 1e6 === 0 ? `${events / 1e6} M` : thousands(events));
const times = (ratio) => (ratio === undefined ? '' : ` (${ratio.toFixed(2)}x)`);
const whole = (value) => (value === undefined ? '-' : thousands(value));

// A table with a row for each question and a column for each report; nothing if no report has the field.
function perQuery(title, reports, cell, last) {
  const names = [...new Set(reports.flatMap((report) => Object.keys(report.queries)))];
  const rows = names.map((name) => [
    reports.find((report) => report.queries[name]).queries[name].title,
    ...reports.map(({ queries }) => (queries[name]?.hoglet && cell(queries[name].hoglet, queries[name])) ?? '-')]);
  if (rows.every((row) => row.slice(1).every((text) => text === '-'))) return undefined;
  return markdownTable([[title, ...reports.map((report) => sizeName(report.stream.events))], ...rows, ...(last ?? [])]);
}

function meanRow(reports, field) {
  if (reports.every((report) => report[field] === undefined)) return [];
  return [['geometric mean of the ratios', ...reports.map((report) => (report[field] ? `${report[field].toFixed(2)}x` : '-'))]];
}

function loads(reports) {
  const hoglet = reports.map((report) => report.loads.hoglet ?? {});
  const rows = [];
  const line = (title, figure) => {
    const values = hoglet.map((load, i) => figure(load, reports[i].stream.events));
    if (values.some((value) => value !== undefined && !Number.isNaN(value))) rows.push([title, ...values.map(whole)]);
  };
  const rate = (field) => (load, events) => load[field] && events / load[field];
  line('events/s, acknowledged', rate('load_s'));
  line('events/s, until queryable', rate('queryable_s'));
  line('events/s, until merged', rate('merged_s'));
  for (const folder of ['events', 'persons', 'log']) {
    line(`bytes an event in ${folder}/`, (load, events) => load.folders && load.folders[folder] / events);
  }
  line('start, ms', (load) => load.start_ms);
  line('start with a cold page cache, ms', (load) => load.start_cold_ms);
  line('RSS idle after a start, MB', (load) => load.idle_rss_mb);
  line('RSS peak while loading, MB', (load) => load.peak_rss_mb);
  line('RSS peak while querying, MB', (load) => load.query_rss_mb);
  for (const [peer, title] of [['clickhouse', 'ClickHouse'], ['duckdb', 'DuckDB']]) {
    if (reports.every((report) => report.loads[peer] === undefined)) continue;
    rows.push([`${title}: events/s, until merged`,
      ...reports.map(({ loads: all, stream }) => whole(all[peer] && stream.events / all[peer].merged_s))]);
    rows.push([`${title}: bytes an event`, ...reports.map(({ loads: all }) => whole(all[peer]?.bytes_per_event))]);
  }
  return markdownTable([['hoglet', ...reports.map((report) => sizeName(report.stream.events))], ...rows]);
}

function growth(reports) {
  return [
    perQuery('warm, ms (to the better peer)', reports, (hoglet, row) => formatMs(hoglet.ms) + times(row.ratio),
      meanRow(reports, 'geometric_mean')),
    perQuery('cold page cache, ms (to the better peer)', reports,
      (hoglet, row) => (hoglet.cold_ms === undefined ? undefined : formatMs(hoglet.cold_ms) + times(row.cold_ratio)),
      meanRow(reports, 'cold_geometric_mean')),
    perQuery('RSS peak, MB (anonymous)', reports, (hoglet) => (hoglet.peak_mb === undefined ? undefined
      : `${whole(hoglet.peak_mb)} (${whole(hoglet.anon_peak_mb)})`)),
    perQuery('RSS peak of a new process that is asked this alone, MB', reports,
      (hoglet) => (hoglet.cold_peak_mb === undefined ? undefined : whole(hoglet.cold_peak_mb))),
    loads(reports),
  ].filter((table) => table !== undefined).join('\n\n');
}

// One report: the engines beside each other.
function comparison(report) {
  const { hoglet, clickhouse, duckdb } = report.loads;
  const { events } = report.stream;
  const engines = ['hoglet', 'clickhouse', 'duckdb'];
  const ratio = (value) => (value === undefined ? '-' : `${value.toFixed(2)}x`);
  const query = (field, ratio_field, mean) => markdownTable([
    ['query', 'hoglet', 'ClickHouse', 'DuckDB', 'to the better peer'],
    ...Object.values(report.queries).map((row) =>
      [row.title, ...engines.map((name) => formatMs(row[name]?.[field])), ratio(row[ratio_field])]),
    ['geometric mean', '', '', '', ratio(report[mean])]]);
  const rate = (load, field) => (load?.[field] ? thousands(events / load[field]) : '');
  const of_events = (bytes) => whole(bytes && bytes / events);
  const tables = [query('ms', 'ratio', 'geometric_mean')];
  if (report.cold_geometric_mean !== undefined) {
    tables.push(`With a cold page cache:\n\n${query('cold_ms', 'cold_ratio', 'cold_geometric_mean')}`);
  }
  tables.push(markdownTable([
    ['', 'hoglet', 'ClickHouse', 'DuckDB'],
    ['events/s, acknowledged (each batch durable)', rate(hoglet, 'load_s'), '', ''],
    ['events/s, until queryable', rate(hoglet, 'queryable_s'), rate(clickhouse, 'load_s'), ''],
    ['events/s, loaded and merged', ...[hoglet, clickhouse, duckdb].map((load) => rate(load, 'merged_s'))],
    ['bytes an event in the table', of_events(hoglet?.folders?.events), whole(clickhouse?.bytes_per_event),
      whole(duckdb?.bytes_per_event)],
    ['RSS idle after a start / under load / querying, MB',
      ['idle_rss_mb', 'peak_rss_mb', 'query_rss_mb'].map((field) => whole(hoglet?.[field])).join(' / '), '', ''],
    ['start with these events, ms', whole(hoglet?.start_ms), '', ''],
    ...(hoglet?.start_cold_ms ? [['start with a cold page cache, ms', whole(hoglet.start_cold_ms), '', '']] : []),
  ]));
  if (hoglet?.folders) {
    tables.push(`Beside the table: ${of_events(hoglet.folders.persons)} bytes an event for persons, ` +
      `${of_events(hoglet.folders.log)} of log.`);
  }
  return tables.join('\n\n');
}

// Takes `--name value` out of the arguments.
function takeFlag(args, name) {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.splice(at, 2)[1];
}

function runSizes(sizes, out, args) {
  fs.mkdirSync(out, { recursive: true });
  const refusal = cannotDropPageCache();
  if (refusal) process.stderr.write(`only warm times: ${refusal}\n`);
  return sizes.map((events) => {
    const file = path.join(out, `growth-${events}.json`);
    fs.rmSync(file, { force: true });
    process.stderr.write(`${thousands(events)} events\n`);
    const { status } = spawnSync(process.execPath, [path.join(here, 'bench.mjs'), '--events', String(events), '--json', file,
      ...(refusal ? [] : ['--cold']), ...args], { stdio: ['ignore', 2, 2] });
    if (status !== 0) process.exitCode = 1;
    return file;
  });
}

const args = process.argv.slice(2);
const sizes = takeFlag(args, '--sizes');
const out = takeFlag(args, '--out') ?? path.join(here, 'data');
const files = args.filter((arg) => arg.endsWith('.json'));
const written = sizes ? runSizes(sizes.split(',').map(Number), out, args) : files;
if (written.length === 0) throw new Error('--sizes, or reports of bench.mjs, are needed');
const reports = written.filter((file) => fs.existsSync(file)).map((file) => JSON.parse(fs.readFileSync(file, 'utf8')))
  .sort((a, b) => a.stream.events - b.stream.events);
if (args.includes('--comparison')) console.log(reports.map(comparison).join('\n\n'));
else console.log(growth(reports));
for (const { stream, errors } of reports) {
  if (errors.length > 0) console.log(`\nDISAGREEMENT at ${thousands(stream.events)} events\n${errors.join('\n')}`);
}
