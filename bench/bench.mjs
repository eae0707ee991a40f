// Compares hoglet with ClickHouse and DuckDB on one generated stream: loading, disk, memory and the
// questions of queries.mjs, whose answers must agree.
//
//   node bench.mjs --hoglet BIN [--events 1000000] [--engines hoglet,clickhouse,duckdb]
//     [--queries name,...] [--runs 5] [--cold] [--cold-runs 1] [--threads 2]
//     [--connections 4] [--batch 1000] [--gzip] [--slice EVENTS]
//     [--keep] [--reload] [--remove] [--data DIR] [--json FILE]
//
// The peers run on `threads` threads, each in a process of its own, and keep their tables between
// calls (--reload loads them anew); hoglet is loaded anew unless --keep is given and the folder
// holds the same stream. More than 5 million events are generated and loaded in slices of 2 million.
//
// --cold also asks each question after the engine was stopped and the page cache dropped (root on
// Linux). --remove deletes what an engine loaded once it was measured, and the stream at the end, for
// want of disk.
// Exit code 1 when an answer differs or an engine failed.

import fs from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { difference, digest, inOrder } from './answers.mjs';
import { formatMs, formatTable, geometricMean, median, sleep, thousands } from './lib.mjs';
import { LOAD_OPTIONS, Stream, loadFlags, makeEngine, prepare, remove } from './prepare.mjs';
import {
  cannotDropPageCache, dropPageCache, memoryOf, peakAnonMb, programFiles, readThrough, resetPeak,
} from './process.mjs';
import { queries } from './queries.mjs';

const START_RUNS = 3;

function parseFlags() {
  const { values } = parseArgs({ options: {
    ...LOAD_OPTIONS,
    engines: { type: 'string', default: 'hoglet,clickhouse,duckdb' },
    queries: { type: 'string', default: '' },
    runs: { type: 'string', default: '5' },
    cold: { type: 'boolean', default: false },
    'cold-runs': { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    reload: { type: 'boolean', default: false },
    remove: { type: 'boolean', default: false },
    json: { type: 'string' },
  } });
  const flags = { ...loadFlags(values), engines: values.engines.split(','), runs: Number(values.runs) };
  flags.cold_runs = values.cold ? Number(values['cold-runs']) : 0;
  flags.queries = values.queries ? values.queries.split(',') : [];
  if (flags.engines.includes('hoglet') && !flags.hoglet) throw new Error('--hoglet BIN is needed to run hoglet');
  const refusal = flags.cold ? cannotDropPageCache() : undefined;
  if (refusal) throw new Error(`--cold: ${refusal}`);
  return flags;
}

// A first run and `runs` warm ones, and an untimed one during which memory is looked at.
async function measureWarm(engine, sql, runs) {
  const { rss_mb } = memoryOf(engine.pid);
  const reset = resetPeak(engine.pid);
  const first = await engine.run(sql);
  const rows = await first.rows();
  const times = [];
  for (let i = 0; i < runs; ++i) times.push((await engine.run(sql)).ms);
  const { peak_mb, rss_mb: rss_after_mb } = memoryOf(engine.pid);
  const anon_peak_mb = await peakAnonMb(engine.pid, () => engine.run(sql));
  return { rows, figures: {
    ms: median(times), first_ms: first.ms, rss_before_mb: rss_mb, rss_after_mb, ...(reset && { peak_mb }), anon_peak_mb,
  } };
}

// The first question after a start with an empty page cache. The program itself is brought back into the cache and an
// empty question asked first: what is cold is the data.
async function measureCold(engine, sql, runs) {
  const times = [];
  let rows;
  let figures;
  for (let i = 0; i < runs; ++i) {
    const programs = programFiles(engine.pid);
    await engine.close();
    dropPageCache();
    readThrough(programs);
    await engine.open();
    await engine.run('SELECT 1');
    const reset = resetPeak(engine.pid);
    const answer = await engine.run(sql);
    times.push(answer.ms);
    figures = reset ? { cold_peak_mb: memoryOf(engine.pid).peak_mb } : {};
    rows = await answer.rows();
  }
  return { rows, figures: { cold_ms: median(times), ...figures } };
}

// Everything about one engine, into the report.
async function measureEngine(name, stream, flags, report, answers) {
  const engine = await makeEngine(name, flags);
  try {
    const keep = name === 'hoglet' ? flags.keep : !flags.reload;
    const load = (report.loads[name] = await prepare(name, engine, stream, flags, keep));
    report.versions[name] = engine.version;
    report.stream = stream.meta();
    Object.assign(load, await engine.measureStart?.(flags.events, { runs: START_RUNS, cold: flags.cold }));
    await askAll(name, engine, flags, report, answers);
    const peaks = Object.values(report.queries).map((row) => row[name]?.peak_mb).filter((mb) => mb !== undefined);
    if (peaks.length > 0) load.query_rss_mb = Math.max(...peaks);
  } finally {
    await engine.close();
  }
  if (flags.remove) remove(name, flags);
}

// All questions warm, then all cold.
async function askAll(name, engine, flags, report, answers) {
  const each = async (measure, take) => {
    for (const query of questions(report.stream, flags)) {
      try {
        const { rows, figures } = await measure(query[name === 'hoglet' ? 'hogql' : name]);
        const row = (report.queries[query.name] ??= { title: query.title });
        row[name] = { ...row[name], ...figures };
        take(query, inOrder(query, rows));
      } catch (error) {
        report.errors.push(`${query.name}: ${name}: ${firstLine(error)}`);
        await sleep(200);  // for the news of the end of its process, if that is why
        if (engine.pid === undefined) await engine.open();
      }
    }
  };
  await each((sql) => measureWarm(engine, sql, flags.runs), (query, rows) => {
    (answers[query.name] ??= {})[name] = rows;
  });
  if (!flags.cold) return;
  await each((sql) => measureCold(engine, sql, flags.cold_runs), (query, rows) => {
    const warm = answers[query.name]?.[name];
    const found = warm && difference(query, warm, rows);
    if (found) report.errors.push(`${query.name}: ${name} answers differently after a cold start: ${found}`);
  });
}

const questions = (meta, flags) =>
  queries(meta).filter((query) => flags.queries.length === 0 || flags.queries.includes(query.name));

const firstLine = (error) => String(error.message ?? error).split('\n')[0].slice(0, 400);

async function main() {
  const flags = parseFlags();
  const stream = new Stream(flags);
  const report = {
    machine: { cpu: os.cpus()[0].model, cores: os.cpus().length, memory_gb: Math.round(os.totalmem() / 2 ** 30) },
    stream: undefined, loads: {}, versions: {}, queries: {}, errors: [],
  };
  const answers = {};
  for (const name of flags.engines) {
    try {
      await measureEngine(name, stream, flags, report, answers);
    } catch (error) {
      report.errors.push(`${name}: ${firstLine(error)}`);
      process.stderr.write(`${error.stack}\n`);
    }
  }
  report.stream ??= stream.meta();
  if (flags.remove) fs.rmSync(stream.file, { force: true });
  compareAnswers(questions(report.stream, flags), answers, report);
  addRatios(report);
  console.log(describe(report, flags));
  if (flags.json) fs.writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  process.exit(report.errors.length > 0 ? 1 : 0);  // an engine that failed may have left its process running
}

function compareAnswers(asked, answers, report) {
  for (const query of asked) {
    const given = answers[query.name] ?? {};
    const reference = ['clickhouse', 'duckdb', 'hoglet'].find((name) => given[name]);
    if (reference) report.queries[query.name].answer = digest(query, given[reference]);
    for (const name of Object.keys(given)) {
      const found = difference(query, given[reference], given[name]);
      if (found) report.errors.push(`${query.name}: ${name} differs from ${reference}: ${found}`);
    }
  }
}

// hoglet's time over that of the better peer, warm and cold.
function addRatios(report) {
  for (const [field, ratio, mean] of [['ms', 'ratio', 'geometric_mean'], ['cold_ms', 'cold_ratio', 'cold_geometric_mean']]) {
    const ratios = [];
    for (const row of Object.values(report.queries)) {
      const peers = ['clickhouse', 'duckdb'].map((name) => row[name]?.[field]).filter((ms) => ms !== undefined);
      if (row.hoglet?.[field] === undefined || peers.length === 0) continue;
      row[ratio] = row.hoglet[field] / Math.min(...peers);
      ratios.push(row[ratio]);
    }
    if (ratios.length > 0) report[mean] = geometricMean(ratios);
  }
}

function queryTable(report, flags, title, field, ratio, mean) {
  const times = (value) => (value === undefined ? '-' : `${value.toFixed(2)}x`);
  const rows = [[title, ...flags.engines, 'ratio']];
  for (const row of Object.values(report.queries)) {
    rows.push([row.title, ...flags.engines.map((name) => formatMs(row[name]?.[field])), times(row[ratio])]);
  }
  if (report[mean] !== undefined) {
    rows.push(['geometric mean of the ratios', ...flags.engines.map(() => ''), times(report[mean])]);
  }
  return formatTable(rows);
}

function memoryTable(report, flags) {
  const cell = (figures) => (figures === undefined ? '-' : `${figures.peak_mb ?? '?'} (${figures.anon_peak_mb})`);
  return formatTable([['RSS peak, MB (of it anonymous)', ...flags.engines], ...Object.values(report.queries)
    .map((row) => [row.title, ...flags.engines.map((name) => cell(row[name]))])]);
}

function loadTable(report, flags) {
  const loads = [['loading', ...flags.engines]];
  const line = (title, field, format = (x) => x) => {
    const values = flags.engines.map((name) => report.loads[name]?.[field]);
    if (values.every((value) => value === undefined)) return;
    loads.push([title, ...values.map((value) => (value === undefined ? '-' : format(value)))]);
  };
  const rate = (seconds) => thousands(report.stream.events / seconds);
  line('events/s, acknowledged', 'load_s', rate);
  line('events/s, until queryable', 'queryable_s', rate);
  line('events/s, until merged', 'merged_s', rate);
  line('bytes an event on disk', 'bytes_per_event');
  line('RSS under load, MB', 'load_rss_mb');
  line('RSS peak while loading, MB', 'peak_rss_mb');
  line('RSS peak while querying, MB', 'query_rss_mb');
  line('RSS idle after a start, MB', 'idle_rss_mb');
  line('start with these events, ms', 'start_ms', (x) => x.toFixed(0));
  line('the same with a cold page cache, ms', 'start_cold_ms', (x) => x.toFixed(0));
  return formatTable(loads);
}

function describe(report, flags) {
  const folders = Object.entries(report.loads.hoglet?.folders ?? {})
    .map(([name, bytes]) => `${name} ${(bytes / report.stream.events).toFixed(1)}`).join(', ');
  return [
    `${thousands(report.stream.events)} events of ${report.stream.bytes_per_event} bytes, ` +
      `${thousands(report.stream.persons)} persons; ${report.machine.cpu}, ${report.machine.cores} cores, ` +
      `${report.machine.memory_gb} GB; ` + flags.engines.map((name) => `${name} ${report.versions[name] ?? ''}`.trim()).join(', '),
    '', loadTable(report, flags), ...(folders ? [`hoglet's bytes an event by folder: ${folders}`] : []),
    '', queryTable(report, flags, 'query (median of warm runs, ms)', 'ms', 'ratio', 'geometric_mean'),
    ...(flags.cold ? ['', queryTable(report, flags, 'query (after a start with a cold page cache, ms)', 'cold_ms', 'cold_ratio',
      'cold_geometric_mean')] : []),
    '', memoryTable(report, flags), '',
    ...(report.errors.length > 0 ? ['DISAGREEMENT', ...report.errors] : ['all answers agree']),
  ].join('\n');
}

await main();
