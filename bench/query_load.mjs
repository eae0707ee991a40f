// The questions of the bench asked by several clients at once, while events are taken in.
//
//   node query_load.mjs --hoglet BIN [--events 1000000] [--concurrency 1,4,16] [--rate 0,5000]
//     [--seconds 30] [--capture-batch 50] [--queries name,...] [--in-place] [--json FILE]
//     and the flags of bench.mjs that say how to load: --seed, --slice, --connections, --batch,
//     --gzip, --data
//
// For each rate of capture (events/s; 0: none) and number of clients: clients that ask the questions
// in turn, each its next one once it has the answer, for some seconds. A 429 or 503 is waited out as
// long as the server says and asked again; the latency counts from the first attempt. Capture posts
// batches on a fixed schedule and its latency counts from the moment a batch was due; its events are
// of this moment and of visitors whom the stream knows.
//
// Uses what `bench.mjs --engines hoglet` left in the data folder, or loads it. The server works on a
// copy of that, as capture writes to it; --in-place spares the copy (for want of disk), and the next
// program then loads anew.
//
// As long as nothing was taken in, each answer must be the one that a single client got; at the end
// every acknowledged event must be counted, once. Exit code 1 when not, or when a query failed.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { difference, inOrder } from './answers.mjs';
import { Hoglet, formatMs, markdownTable, retryAfterMs, sleep, thousands } from './lib.mjs';
import { Bodies, Pace, percentiles, untilQueryable } from './load.mjs';
import { LOAD_OPTIONS, Stream, forget, loadFlags, makeEngine, prepare, remove } from './prepare.mjs';
import { resetPeak } from './process.mjs';
import { queries } from './queries.mjs';

const numbers = (text) => text.split(',').map(Number);

function parseFlags() {
  const { values } = parseArgs({ options: {
    ...LOAD_OPTIONS,
    concurrency: { type: 'string', default: '1,4,16' },
    rate: { type: 'string', default: '0,5000' },
    seconds: { type: 'string', default: '30' },
    'capture-batch': { type: 'string', default: '50' },
    queries: { type: 'string', default: '' },
    'in-place': { type: 'boolean', default: false },
    json: { type: 'string' },
  } });
  return {
    ...loadFlags(values), concurrency: numbers(values.concurrency), seconds: Number(values.seconds),
    rates: numbers(values.rate).sort((a, b) => a - b),  // without capture first: the answers are known then
    capture_batch: Number(values['capture-batch']), in_place: values['in-place'],
    queries: values.queries ? values.queries.split(',') : [],
  };
}

// Loads hoglet if need be and returns the folder to serve, closed.
async function loadedFolder(stream, flags) {
  const engine = await makeEngine('hoglet', flags);
  await prepare('hoglet', engine, stream, flags, true);
  await engine.close();
  if (flags.in_place) {
    forget('hoglet', flags);
    return engine.data;
  }
  const copy = `${engine.data}-copy`;
  fs.rmSync(copy, { recursive: true, force: true });
  execFileSync('cp', ['-a', '--reflink=auto', engine.data, copy]);
  execFileSync('sync');  // or it would be written out while queries are timed
  return copy;
}

// What of an answer is the same each time: all up to how long it took.
const stablePart = (body) => body.subarray(0, body.indexOf(',"timings":['));

// How an answer differs from the expected one, or undefined. Sums of fractions depend on the order of work in their last
// digits, so answers that are not the same bytes are looked at.
function changeOf(question, body) {
  if (stablePart(body).equals(stablePart(question.expected))) return undefined;
  const rows = (bytes) => inOrder(question, JSON.parse(bytes).results);
  return difference(question, rows(question.expected), rows(body));
}

// A question until it is answered: { ms, refused, body }.
async function ask(server, question) {
  const started = performance.now();
  for (let refused = 0; ; ++refused) {
    const { status, headers, body } = await server.queryOnce(question.hogql);
    if (status === 200) return { ms: performance.now() - started, refused, body };
    if (status !== 429 && status !== 503) throw new Error(`${question.name}: ${status} ${body.toString().slice(0, 300)}`);
    await sleep(retryAfterMs(headers));
  }
}

// One pairing of clients and rate.
async function runCase(server, questions, clients, rate, flags, errors) {
  const latencies = new Map(questions.map((question) => [question.name, []]));
  let refused = 0;
  let next = 0;
  resetPeak(server.pid);
  const server_cpu = server.cpuSeconds();
  const client_cpu = process.cpuUsage();
  const pace = rate > 0 ? new Pace(server, new Bodies(flags.capture_batch, { now: true }), rate) : undefined;
  const started = performance.now();
  const client = async () => {
    while (performance.now() < started + flags.seconds * 1000) {
      const question = questions[next++ % questions.length];
      try {
        const answer = await ask(server, question);
        latencies.get(question.name).push(answer.ms);
        refused += answer.refused;
        const changed = rate === 0 ? changeOf(question, answer.body) : undefined;
        if (changed) errors.push(`${question.name}: another answer with ${clients} clients: ${changed}`);
      } catch (error) {
        errors.push(String(error.message));
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(client_cpu);
  const cpu = { server_cores: (server.cpuSeconds() - server_cpu) / seconds, client_cores: (user + system) / 1e6 / seconds };
  const capture = await pace?.stop();
  const all = [...latencies.values()].flat();
  return {
    rate, clients, seconds, queries: all.length, per_s: all.length / seconds, refused, ...percentiles(all), ...cpu,
    peak_rss_mb: server.memory().peak_mb, capture,
    by_query: Object.fromEntries([...latencies].map(([name, ms]) => [name, { count: ms.length, ...percentiles(ms) }])),
  };
}

async function runCases(server, questions, flags, errors) {
  const began = new Date().toISOString();
  const results = [];
  let acknowledged = 0;
  await untilQueryable(server, flags.events);
  for (const question of questions) {
    question.expected = (await ask(server, question)).body;
  }
  for (const rate of flags.rates) {
    for (const clients of flags.concurrency) {
      const result = await runCase(server, questions, clients, rate, flags, errors);
      results.push(result);
      acknowledged += result.capture?.events ?? 0;
      await untilQueryable(server, flags.events + acknowledged);
      process.stderr.write(`${rate} events/s, ${clients} clients: ${result.queries} queries\n`);
    }
  }
  if (acknowledged > 0) {
    const [[uuids]] = await server.query(`SELECT count(DISTINCT uuid) FROM events WHERE timestamp >= '${began.slice(0, 19)}'`);
    if (uuids !== acknowledged) errors.push(`${acknowledged} events were acknowledged, ${uuids} are there`);
  }
  return { results, acknowledged };
}

function describe(results, questions) {
  const cores = (value) => value.toFixed(2);
  const table = [['capture, events/s', 'clients', 'queries/s', 'p50 ms', 'p99 ms', 'longest ms', 'turned away',
    'capture: p50 ms', 'p99 ms', 'longest ms', 'turned away', 'cores of server', 'of client', 'RSS peak, MB']];
  for (const { capture, ...r } of results) {
    table.push([capture ? thousands(capture.per_s) : 'none', r.clients, r.per_s.toFixed(1), formatMs(r.p50_ms), formatMs(r.p99_ms),
      formatMs(r.max_ms), r.refused, ...(capture ? [formatMs(capture.p50_ms), formatMs(capture.p99_ms),
        formatMs(capture.max_ms), capture.refused] : ['', '', '', '']),
      cores(r.server_cores), cores(r.client_cores), r.peak_rss_mb]);
  }
  const cell = ({ count, p50_ms, p99_ms }) => (count === 0 ? '-' : `${formatMs(p50_ms)} / ${formatMs(p99_ms)}`);
  const head = ['query, p50 / p99 ms', ...results.map((r) => `${r.clients} ${r.rate > 0 ? `at ${thousands(r.rate)}/s` : ''}`.trim())];
  return [markdownTable(table), markdownTable([head, ...questions.map((question) =>
    [question.title, ...results.map((r) => cell(r.by_query[question.name]))])])].join('\n\n');
}

async function main() {
  const flags = parseFlags();
  const stream = new Stream(flags);
  const folder = await loadedFolder(stream, flags);
  const questions = queries(stream.meta())
    .filter((query) => flags.queries.length === 0 || flags.queries.includes(query.name));
  const server = await new Hoglet(path.resolve(flags.hoglet), folder).start();
  const errors = [];
  let report;
  try {
    report = await runCases(server, questions, flags, errors);
  } finally {
    await server.stop();
    if (flags.in_place) remove('hoglet', flags);
    else for (const name of [folder, `${folder}.log`]) fs.rmSync(name, { recursive: true, force: true });
  }
  console.log(describe(report.results, questions));
  console.log(`\n${thousands(flags.events)} events before, ${thousands(report.acknowledged)} acknowledged meanwhile` +
    `${errors.length === 0 ? ', all of them counted' : ''}`);
  if (errors.length > 0) console.log(['ERRORS', ...new Set(errors)].join('\n'));
  if (flags.json) fs.writeFileSync(flags.json, `${JSON.stringify({ events: flags.events, ...report, errors }, null, 2)}\n`);
  process.exitCode = errors.length > 0 ? 1 : 0;
}

await main();
