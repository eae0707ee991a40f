// How fast hoglet takes events over HTTP.
//
//   node capture_load.mjs --hoglet BIN [--seconds 3] [--batches 1,10,100,1000]
//     [--connections 1,4,16,64] [--gzip] [--memory-limit 512M] [--json FILE]
//   node capture_load.mjs --hoglet BIN --rate 1000 [--seconds 30] [--connections 16]
//   node capture_load.mjs --hoglet BIN --total 5000000 [--memory-limit 512M] [--cgroup DIR]
//
// The first form runs every pairing of batch size and connections for some seconds. Every event is
// new (fresh uuid), each request is one `/batch/` over a kept-alive connection, and only a 200
// counts. Prints the events/s acknowledged (durable), the events/s until count() shows them all
// (durable and queryable), and the p50/p99 of a request in ms; 429 and 503 are counted as refused.
//
// --rate sends single events at that pace, whatever the answers do: a latency counts from the moment
// the event was due, so waiting behind a slow one shows, and so does being refused and sent again.
//
// --total sends that many in batches of 1,000 and prints the resident memory on the way, and at the end
// what each kind of thread has used. --cgroup puts the server into a control group (a folder that exists, with its limit set).
//
// The client shares the machine, so the figures are those of client and server.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Hoglet, formatTable, sleep, thousands } from './lib.mjs';
import { Bodies, Pace, percentiles, untilQueryable } from './load.mjs';

const { values: flags } = parseArgs({ options: {
  hoglet: { type: 'string' },
  seconds: { type: 'string' },
  batches: { type: 'string', default: '1,10,100,1000' },
  connections: { type: 'string' },
  gzip: { type: 'boolean', default: false },
  rate: { type: 'string' },
  total: { type: 'string' },
  'memory-limit': { type: 'string' },
  cgroup: { type: 'string' },
  json: { type: 'string' },
} });
if (!flags.hoglet) throw new Error('--hoglet BIN is needed');

const milliseconds = (value) => value.toFixed(2);

async function post(server, body, headers) {
  const { status, body: text } = await server.postOnce(body, headers);
  if (status !== 200 && status !== 429 && status !== 503) throw new Error(`/batch/ answered ${status}: ${text}`);
  return status === 200;
}

let acknowledged = 0;

async function runPairing(server, batch, connections, seconds) {
  const bodies = new Bodies(batch, flags);
  const latencies = [];
  let events = 0;
  let refused = 0;
  const started = performance.now();
  const client = async () => {
    while (performance.now() < started + seconds * 1000) {
      const body = bodies.next();
      const sent = performance.now();
      if (await post(server, body, bodies.headers)) {
        latencies.push(performance.now() - sent);
        events += batch;
      } else {
        ++refused;
        await sleep(50);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const durable_s = (performance.now() - started) / 1000;
  acknowledged += events;
  await untilQueryable(server, acknowledged);
  const queryable_s = (performance.now() - started) / 1000;
  return {
    batch, connections, refused, events, durable_per_s: events / durable_s, queryable_per_s: events / queryable_s,
    ...percentiles(latencies),
  };
}

async function runPairings(server) {
  const results = [];
  for (const batch of flags.batches.split(',').map(Number)) {
    for (const connections of (flags.connections ?? '1,4,16,64').split(',').map(Number)) {
      results.push(await runPairing(server, batch, connections, Number(flags.seconds ?? 3)));
    }
  }
  console.log(formatTable([['batch', 'connections', 'durable/s', 'queryable/s', 'p50 ms', 'p99 ms', 'refused'],
    ...results.map((r) => [r.batch, r.connections, thousands(r.durable_per_s), thousands(r.queryable_per_s),
      milliseconds(r.p50_ms), milliseconds(r.p99_ms), r.refused])]));
  return results;
}

async function runRate(server) {
  const rate = Number(flags.rate);
  const seconds = Number(flags.seconds ?? 30);
  const pace = new Pace(server, new Bodies(1, flags), rate);
  await sleep(seconds * 1000);
  const result = { rate, seconds, ...await pace.stop() };
  acknowledged += result.events;
  await untilQueryable(server, acknowledged);
  console.log(`${rate} single events/s for ${seconds} s: p50 ${milliseconds(result.p50_ms)} ms, ` +
    `p99 ${milliseconds(result.p99_ms)} ms, longest ${milliseconds(result.max_ms)} ms, ${result.refused} refused`);
  return result;
}

async function runTotal(server) {
  const bodies = new Bodies(1000, flags);
  const total = Number(flags.total);
  const started = performance.now();
  let sent = 0;
  let refused = 0;
  let next_line = total / 10;
  const client = async () => {
    while (sent < total) {
      sent += 1000;
      const times = await server.postBatch(bodies.next(), bodies.headers);
      refused += times;  // not in one with the await: the sum is read before it
      acknowledged += 1000;
      if (acknowledged >= next_line) {
        next_line += total / 10;
        const { rss_mb, peak_mb } = server.memory();
        console.log(`${thousands(acknowledged)} events acknowledged, RSS ${rss_mb} MB, peak ${peak_mb} MB`);
      }
    }
  };
  await Promise.all(Array.from({ length: Number(flags.connections ?? 8) }, client));
  const durable_s = (performance.now() - started) / 1000;
  await untilQueryable(server, acknowledged);
  const queryable_s = (performance.now() - started) / 1000;
  const { rss_mb, peak_mb } = server.memory();
  console.log(`durable ${thousands(total / durable_s)}/s, queryable ${thousands(total / queryable_s)}/s, ` +
    `${refused} refused; RSS ${rss_mb} MB, peak ${peak_mb} MB`);
  const us = Object.entries(server.cpuSecondsByThread()).map(([name, seconds]) => [name, seconds / total * 1e6])
    .filter(([, each]) => each >= 0.05).sort((a, b) => b[1] - a[1]);
  console.log(`CPU us an event: ${us.map(([name, each]) => `${name} ${each.toFixed(2)}`).join(', ')}; ` +
    `in all ${(server.cpuSeconds() / total * 1e6).toFixed(2)}`);
  return { total, durable_per_s: total / durable_s, queryable_per_s: total / queryable_s, refused, rss_mb, peak_mb };
}

const data = fs.mkdtempSync(path.join(os.tmpdir(), 'hoglet-load-'));
const serve_flags = flags['memory-limit'] ? ['--memory-limit', flags['memory-limit']] : [];
const server = new Hoglet(path.resolve(flags.hoglet), path.join(data, 'data'), serve_flags, flags.cgroup);
await server.start();
try {
  const run = flags.rate ? runRate : flags.total ? runTotal : runPairings;
  const results = await run(server);
  console.log(`${thousands(acknowledged)} events acknowledged; RSS peak ${server.memory().peak_mb} MB`);
  if (flags.json) fs.writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
} finally {
  await server.stop();
  fs.rmSync(data, { recursive: true, force: true });
}
