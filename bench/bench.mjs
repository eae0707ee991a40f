// Compares hoglet with ClickHouse and DuckDB on one generated stream: loading, disk, memory and the
// questions of queries.mjs, whose answers must agree.
//
//   node bench.mjs --hoglet BIN [--events 1000000] [--engines hoglet,clickhouse,duckdb]
//     [--queries name,...] [--runs 5] [--threads 2] [--connections 4] [--batch 1000] [--gzip]
//     [--reload] [--data DIR] [--json FILE]
//
// The peers run in this process on `threads` threads and keep their tables between calls (--reload
// loads them anew); hoglet is always loaded anew. Exit code 1 when an answer differs.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { generateFile } from './generate.mjs';
import { formatTable, geometricMean, median } from './lib.mjs';
import { queries } from './queries.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

function parseFlags() {
  const { values } = parseArgs({ options: {
    hoglet: { type: 'string' },
    events: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    engines: { type: 'string', default: 'hoglet,clickhouse,duckdb' },
    queries: { type: 'string', default: '' },
    runs: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    connections: { type: 'string', default: '4' },
    batch: { type: 'string', default: '1000' },
    gzip: { type: 'boolean', default: false },
    reload: { type: 'boolean', default: false },
    data: { type: 'string', default: path.join(here, 'data') },
    json: { type: 'string' },
  } });
  const flags = { ...values, data: path.resolve(values.data), engines: values.engines.split(',') };
  for (const name of ['events', 'seed', 'runs', 'threads', 'connections', 'batch']) flags[name] = Number(values[name]);
  flags.queries = values.queries ? values.queries.split(',') : [];
  if (flags.engines.includes('hoglet') && !flags.hoglet) throw new Error('--hoglet BIN is needed to run hoglet');
  return flags;
}

async function makeEngine(name, flags) {
  const data = path.join(flags.data, `${name}-${flags.events}`);
  switch (name) {
    case 'hoglet': {
      const { HogletEngine } = await import('./engines/hoglet.mjs');
      return new HogletEngine({ ...flags, data, binary: path.resolve(flags.hoglet) });
    }
    case 'clickhouse': {
      const { ClickHouse } = await import('./engines/clickhouse.mjs');
      return new ClickHouse({ data, threads: flags.threads });
    }
    case 'duckdb': {
      const { DuckDB } = await import('./engines/duckdb.mjs');
      return new DuckDB({ data, threads: flags.threads });
    }
    default: throw new Error(`unknown engine ${name}`);
  }
}

// Loads the stream, or reopens a peer that holds it already; returns the figures of the loading.
async function prepare(name, engine, file, flags) {
  const note = path.join(flags.data, `${name}-${flags.events}.load.json`);
  const key = `${flags.events}/${flags.seed}`;
  if (name !== 'hoglet' && !flags.reload && fs.existsSync(note)) {
    const loaded = JSON.parse(fs.readFileSync(note, 'utf8'));
    if (loaded.key === key) {
      await engine.open();
      return loaded;
    }
  }
  process.stderr.write(`loading ${name}...\n`);
  fs.rmSync(note, { force: true });
  const times = await engine.load(file, flags.events);
  const loaded = {
    key, ...times,
    events_per_s: Math.round(flags.events / times.load_s),
    bytes_per_event: Math.round(engine.diskBytes() / flags.events * 10) / 10,
  };
  fs.writeFileSync(note, JSON.stringify(loaded));
  return loaded;
}

// One form for the three engines: '' is NULL, times lose T, Z and trailing zeros, numbers are numbers.
function normalise(value) {
  if (value === null || value === '') return null;
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return JSON.stringify(value);
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  const time = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|\+00:?00)?)?$/.exec(value);
  if (!time) return value;
  const fraction = (time[3] ?? '').replace(/0+$/, '');
  const clock = (time[2] ?? '00:00:00') + (fraction && `.${fraction}`);
  return clock === '00:00:00' ? time[1] : `${time[1]} ${clock}`;
}

// The first difference between two answers in words, or undefined.
function difference(query, expected, got) {
  const pick = (row) => (query.columns ? query.columns.map((i) => row[i]) : row).map(normalise);
  const a = expected.map(pick);
  const b = got.map(pick);
  if (a.length !== b.length) return `${b.length} rows instead of ${a.length}`;
  const tolerance = query.tolerance ?? 1e-9;
  for (let row = 0; row < a.length; ++row) {
    for (let i = 0; i < a[row].length; ++i) {
      const [x, y] = [a[row][i], b[row][i]];
      const same = typeof x === 'number' && typeof y === 'number'
        ? Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y)) : x === y;
      if (!same) return `row ${row} column ${i}: ${JSON.stringify(y)} instead of ${JSON.stringify(x)}`;
    }
  }
  return undefined;
}

// Rows whose sort key is shared may come in any order: compare those answers as sets.
function inOrder(query, rows) {
  return query.columns ? [...rows].sort((a, b) => {
    const x = JSON.stringify(query.columns.map((i) => normalise(a[i])));
    const y = JSON.stringify(query.columns.map((i) => normalise(b[i])));
    return x < y ? -1 : x > y ? 1 : 0;
  }) : rows;
}

// A first run and `runs` warm ones.
async function measure(engine, sql, runs) {
  const cold = await engine.run(sql);
  const times = [];
  for (let i = 0; i < runs; ++i) times.push((await engine.run(sql)).ms);
  return { first_ms: cold.ms, ms: median(times), rows: cold.rows() };
}

async function main() {
  const flags = parseFlags();
  const file = path.join(flags.data, `events-${flags.events}.ndjson`);
  const meta = generateFile(file, { events: flags.events, seed: flags.seed });
  const asked = queries(meta).filter((query) => flags.queries.length === 0 || flags.queries.includes(query.name));
  const report = {
    machine: { cpu: os.cpus()[0].model, cores: os.cpus().length, memory_gb: Math.round(os.totalmem() / 2 ** 30) },
    stream: meta, loads: {}, versions: {}, queries: {}, errors: [],
  };

  const answers = {};
  for (const name of flags.engines) {
    const engine = await makeEngine(name, flags);
    report.loads[name] = await prepare(name, engine, file, flags);
    report.versions[name] = engine.version;
    for (const query of asked) {
      const row = (report.queries[query.name] ??= { title: query.title });
      try {
        const { first_ms, ms, rows } = await measure(engine, query[name === 'hoglet' ? 'hogql' : name], flags.runs);
        row[name] = { ms, first_ms };
        (answers[query.name] ??= {})[name] = inOrder(query, rows);
      } catch (error) {
        report.errors.push(`${query.name}: ${name}: ${String(error.message ?? error).split('\n')[0].slice(0, 400)}`);
      }
    }
    await engine.close();
    if (engine.query_rss_mb) report.loads[name].query_rss_mb = engine.query_rss_mb;
  }
  compareAnswers(asked, answers, report);
  console.log(describe(report, flags));
  if (flags.json) fs.writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = report.errors.length > 0 ? 1 : 0;
}

function compareAnswers(asked, answers, report) {
  for (const query of asked) {
    const given = answers[query.name] ?? {};
    const reference = ['clickhouse', 'duckdb', 'hoglet'].find((name) => given[name]);
    for (const name of Object.keys(given)) {
      const found = difference(query, given[reference], given[name]);
      if (found) report.errors.push(`${query.name}: ${name} differs from ${reference}: ${found}`);
    }
  }
}

function describe(report, flags) {
  const ms = (cell) => (cell === undefined ? '-' : cell.ms < 10 ? cell.ms.toFixed(2) : cell.ms.toFixed(1));
  const ratios = [];
  const rows = [['query (median of warm runs, ms)', ...flags.engines, 'ratio']];
  for (const row of Object.values(report.queries)) {
    const peers = ['clickhouse', 'duckdb'].filter((name) => row[name]).map((name) => row[name].ms);
    const ratio = row.hoglet && peers.length > 0 ? row.hoglet.ms / Math.min(...peers) : undefined;
    if (ratio !== undefined) ratios.push(ratio);
    row.ratio = ratio;
    rows.push([row.title, ...flags.engines.map((name) => ms(row[name])), ratio === undefined ? '-' : `${ratio.toFixed(2)}x`]);
  }
  if (ratios.length > 0) {
    report.geometric_mean = geometricMean(ratios);
    rows.push(['geometric mean of the ratios', ...flags.engines.map(() => ''), `${report.geometric_mean.toFixed(2)}x`]);
  }

  const loads = [['loading', ...flags.engines]];
  const line = (title, field, format = (x) => x) => loads.push([title, ...flags.engines.map((name) => {
    const value = report.loads[name][field];
    return value === undefined ? '-' : format(value);
  })]);
  const rate = (seconds) => Math.round(report.stream.events / seconds).toLocaleString('en-US');
  line('events/s, acknowledged', 'load_s', rate);
  line('events/s, until queryable', 'queryable_s', rate);
  line('events/s, until merged', 'merged_s', rate);
  line('bytes an event on disk', 'bytes_per_event');
  line('RSS under load, MB', 'load_rss_mb');
  line('RSS peak while loading, MB', 'peak_rss_mb');
  line('RSS peak while querying, MB', 'query_rss_mb');
  line('RSS idle after a start, MB', 'idle_rss_mb');
  line('start with these events, ms', 'start_ms', (x) => x.toFixed(0));
  const folders = Object.entries(report.loads.hoglet?.folders ?? {})
    .map(([name, bytes]) => `${name} ${(bytes / report.stream.events).toFixed(1)}`).join(', ');

  return [
    `${report.stream.events.toLocaleString('en-US')} events of ${report.stream.bytes_per_event} bytes, ` +
      `${report.stream.persons.toLocaleString('en-US')} persons; ${report.machine.cpu}, ${report.machine.cores} cores, ` +
      `${report.machine.memory_gb} GB; ` + flags.engines.map((name) => `${name} ${report.versions[name] ?? ''}`.trim()).join(', '),
    '', formatTable(loads), ...(folders ? [`hoglet's bytes an event by folder: ${folders}`] : []),
    '', formatTable(rows), '',
    ...(report.errors.length > 0 ? ['DISAGREEMENT', ...report.errors] : ['all answers agree']),
  ].join('\n');
}

await main();
