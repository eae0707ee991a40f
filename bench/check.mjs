// Whether the programs of the bench work: small streams, every engine, all forms of every program. Times mean nothing.
//
//   node check.mjs --hoglet BIN

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { difference, digest } from './answers.mjs';
import { batchBodies } from './engines/hoglet.mjs';
import { generateFile, generateSlices } from './generate.mjs';
import { Connection, retryAfterMs, sleep } from './lib.mjs';
import { Bodies, Pace } from './load.mjs';
import { Stopwatch, cannotDropPageCache, memoryOf, resetPeak } from './process.mjs';

const EVENTS = 20_000;

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: { hoglet } } = parseArgs({ options: { hoglet: { type: 'string' } } });
if (!hoglet) throw new Error('--hoglet BIN is needed');
const data = fs.mkdtempSync(path.join(os.tmpdir(), 'hoglet-bench-'));
after(() => fs.rmSync(data, { recursive: true, force: true }));

// Runs a program of this folder, which must succeed; returns what it printed.
function run(program, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(here, program), '--hoglet', hoglet, ...args],
    { encoding: 'utf8' });
  assert.equal(status, 0, `${program} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

function bench(...args) {
  const json = path.join(data, 'report.json');
  run('bench.mjs', '--data', data, '--events', String(EVENTS), '--runs', '1', '--json', json, ...args);
  return JSON.parse(fs.readFileSync(json, 'utf8'));
}

const answersOf = (report) => Object.fromEntries(Object.entries(report.queries).map(([name, row]) => [name, row.answer]));

function load(...args) {
  const json = path.join(data, 'load.json');
  run('capture_load.mjs', '--json', json, ...args);
  return JSON.parse(fs.readFileSync(json, 'utf8'));
}

test('slices are the same bytes as the file, and have the same meta', () => {
  for (const slice of [3_000, 5_000, 100_000]) {
    const whole = path.join(data, 'whole.ndjson');
    const sliced = path.join(data, `sliced-${slice}.ndjson`);
    const meta = generateFile(whole, { events: EVENTS, seed: 3 });
    const pieces = [];
    const sizes = [];
    for (const { file, events } of generateSlices(sliced, { events: EVENTS, seed: 3, slice })) {
      pieces.push(fs.readFileSync(file));
      sizes.push(events);
    }
    assert.ok(Buffer.concat(pieces).equals(fs.readFileSync(whole)));
    assert.equal(sizes.length, Math.ceil(EVENTS / slice));
    assert.ok(sizes.slice(0, -1).every((events) => events === slice));
    assert.deepEqual(JSON.parse(fs.readFileSync(`${sliced}.meta.json`, 'utf8')), meta);
    assert.ok(!fs.existsSync(`${sliced}.slice`));
  }
});

test('a file that is gone or cut short is generated anew', () => {
  const file = path.join(data, 'gone.ndjson');
  const meta = generateFile(file, { events: 1_000 });
  fs.truncateSync(file, 10);
  assert.deepEqual(generateFile(file, { events: 1_000 }), meta);
  assert.equal(fs.statSync(file).size, meta.bytes);
  fs.rmSync(file);
  assert.deepEqual(generateFile(file, { events: 1_000 }), meta);
  assert.equal(fs.statSync(file).size, meta.bytes);
});

test('a meta of another version of the stream is not overwritten', () => {
  const file = path.join(data, 'other.ndjson');
  for (const slice of generateSlices(file, { events: 1_000, slice: 600 })) void slice;
  const meta = JSON.parse(fs.readFileSync(`${file}.meta.json`, 'utf8'));
  fs.writeFileSync(`${file}.meta.json`, JSON.stringify({ ...meta, persons: meta.persons + 1 }));
  assert.throws(() => [...generateSlices(file, { events: 1_000, slice: 600 })], /another version/);
});

test('batches hold every line of a file once', () => {
  const file = path.join(data, 'batches.ndjson');
  generateFile(file, { events: 1_050 });
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line).uuid);
  const bodies = [...batchBodies(file, 100)];
  assert.deepEqual(bodies.map((body) => body.events), [...Array(10).fill(100), 50]);
  const sent = bodies.flatMap(({ pieces }) => JSON.parse(Buffer.concat(pieces).toString()).batch.map((event) => event.uuid));
  assert.deepEqual(sent, lines);
});

test('bodies are new events each time, of this moment if asked', () => {
  const bodies = new Bodies(50, { now: true });
  const events = [bodies.next(), bodies.next()].flatMap((body) => JSON.parse(body.toString()).batch);
  assert.equal(new Set(events.map((event) => event.uuid)).size, 100);
  for (const { timestamp } of events) assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 10_000);
});

test('a connection takes answers in any pieces', async () => {
  const body = 'x'.repeat(5_000);
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nRetry-After: 2\r\n\r\n${body}`;
  const cuts = [[1, 17, 60, 61, 62, 64, 4_000], [], [answer.length - 1], [answer.length - body.length]];
  const server = net.createServer((socket) => socket.on('data', async () => {
    let at = 0;
    for (const cut of [...cuts.shift(), answer.length]) {
      socket.write(answer.slice(at, cut));
      at = cut;
      await sleep(5);
    }
  }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connection = new Connection(server.address().port);
  while (cuts.length > 0) {
    const got = await connection.request('GET', '/', [], {});
    assert.equal(got.status, 200);
    assert.equal(got.body.toString(), body);
    assert.equal(retryAfterMs(got.headers), 2_000);
    await sleep(10);
  }
  connection.close();
  server.close();
});

test('a pace goes by its schedule, and latencies count from it', async () => {
  const server = { postBatch: () => sleep(120).then(() => 1) };
  const pace = new Pace(server, { batch: 10, headers: {}, next: () => Buffer.alloc(1) }, 1_000);
  await sleep(500);
  const { events, refused, p50_ms } = await pace.stop();
  assert.ok(events >= 400 && events <= 520, `${events} events`);
  assert.equal(refused, events / 10);
  assert.ok(p50_ms >= 119, `${p50_ms} ms`);
  const broken = new Pace({ postBatch: () => Promise.reject(new Error('no')) }, { batch: 1, next: () => '' }, 100);
  await sleep(50);
  await assert.rejects(broken.stop(), /no/);
});

test('a stopwatch counts what is between start and stop', async () => {
  const watch = new Stopwatch();
  watch.start();
  await sleep(30);
  watch.stop();
  const seconds = watch.seconds();
  await sleep(50);
  assert.equal(watch.seconds(), seconds);
  assert.ok(seconds >= 0.029);
  watch.start();
  assert.ok(watch.seconds() >= seconds);
});

test('memory of a process', () => {
  const { rss_mb, peak_mb, anon_mb } = memoryOf(process.pid);
  assert.ok(anon_mb > 0 && anon_mb < rss_mb && rss_mb <= peak_mb);
  if (!resetPeak(process.pid)) return;
  const before = memoryOf(process.pid).peak_mb;
  const bytes = Buffer.alloc(100 << 20, 1);
  assert.ok(memoryOf(process.pid).peak_mb > before + 90, `${bytes.length} bytes more do not show`);
});

test('answers: what differs and what does not', () => {
  const exact = {};
  assert.equal(difference(exact, [['a', 1]], [['a', '1']]), undefined);
  assert.equal(difference(exact, [['2025-09-01']], [['2025-09-01T00:00:00Z']]), undefined);
  assert.match(difference(exact, [['a', 1]], [['a', 2]]), /column 1/);
  assert.match(difference(exact, [['a']], []), /rows/);
  assert.equal(difference({ tolerance: 0.08 }, [[100]], [[105]]), undefined);
  assert.equal(digest(exact, [[0.1 + 0.2]]), digest(exact, [[0.3]]));
  assert.notEqual(digest(exact, [[1]]), digest(exact, [[2]]));
});

test('the comparison: a file or slices, kept or loaded anew, warm or cold', () => {
  const first = bench('--engines', 'hoglet,clickhouse,duckdb', ...(cannotDropPageCache() ? [] : ['--cold']));
  assert.equal(Object.keys(first.queries).length, 16);
  for (const row of Object.values(first.queries)) {
    for (const name of ['hoglet', 'clickhouse', 'duckdb']) {
      const figures = row[name];
      assert.ok(figures.ms > 0 && figures.anon_peak_mb > 0);
      if (!cannotDropPageCache()) assert.ok(figures.cold_ms > 0);
    }
  }
  const sliced = bench('--reload', '--slice', '3000');
  assert.deepEqual(answersOf(sliced), answersOf(first));
  assert.deepEqual(sliced.stream, first.stream);
  const kept = bench('--keep');
  assert.deepEqual(answersOf(kept), answersOf(first));
  assert.equal(kept.loads.hoglet.load_s, sliced.loads.hoglet.load_s);
  fs.copyFileSync(path.join(data, 'report.json'), path.join(data, 'kept.json'));
});

test('queries of several clients while events are taken in', () => {
  const json = path.join(data, 'queries.json');
  const printed = run('query_load.mjs', '--data', data, '--events', String(EVENTS), '--seconds', '2', '--concurrency', '1,4',
    '--rate', '0,2000', '--json', json);
  assert.match(printed, /all of them counted/);
  const { results, acknowledged } = JSON.parse(fs.readFileSync(json, 'utf8'));
  assert.deepEqual(results.map((r) => [r.rate, r.clients]), [[0, 1], [0, 4], [2000, 1], [2000, 4]]);
  assert.ok(results.every((r) => r.queries > 0 && r.p50_ms <= r.p99_ms && r.p99_ms <= r.max_ms));
  assert.ok(acknowledged > 0);
  assert.equal(bench('--keep', '--engines', 'hoglet').queries.count_all.hoglet.ms > 0, true);  // it worked on a copy
});

test('the capture load in its three forms', () => {
  assert.ok(load('--seconds', '0.5', '--batches', '1,100', '--connections', '1,4').every((r) => r.events > 0));
  assert.ok(load('--rate', '200', '--seconds', '1').events > 100);
  assert.equal(load('--total', '20000').total, 20_000);
});

const has_wrk = spawnSync('wrk', ['-v']).error === undefined;
test('the flag load', { skip: has_wrk ? false : 'needs wrk' }, () => {
  const json = path.join(data, 'flags.json');
  run('flags_load.mjs', '--json', json, '--seconds', '1', '--flags', '14', '--cohorts', '2', '--persons', '50');
  const { full, half } = JSON.parse(fs.readFileSync(json, 'utf8'));
  assert.ok(full.per_s > 0 && half.per_s > 0 && full.answer_bytes > 1000);
});

test('the growth table', () => {
  const printed = run('growth.mjs', '--sizes', '2000,5000', '--out', data, '--data', data, '--engines', 'hoglet', '--runs', '1',
    '--queries', 'count_all,top_urls', '--remove');
  assert.match(printed, /^\| warm, ms \(to the better peer\) \| 2,000 \| 5,000 \|$/m);
  assert.match(printed, /^\| top 25 URLs \| [\d.]+ \| [\d.]+ \|$/m);
  assert.ok(!fs.existsSync(path.join(data, 'hoglet-5000')));
  assert.match(run('growth.mjs', path.join(data, 'kept.json'), path.join(data, 'growth-2000.json')), /^\| hoglet \| 2,000 \| 20,000 \|$/m);
  assert.match(run('growth.mjs', '--comparison', path.join(data, 'kept.json')), /^\| geometric mean \|/m);
});

test('the mix that outgrows its memory has the same answers below the limit', () => {
  const json = path.join(data, 'memory.json');
  run('memory_mix.mjs', '--events', String(EVENTS), '--memory-limit', '128MB', '--at-once', '2', '--json', json);
  const results = JSON.parse(fs.readFileSync(json, 'utf8'));
  assert.ok(results.length > 10);
  assert.ok(results.some(({ limited }) => limited.spilled_mb > 0));
});
