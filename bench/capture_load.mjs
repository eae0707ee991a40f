// How fast hoglet acknowledges: every pairing of batch size and connections for a few seconds each.
//
//   node capture_load.mjs --hoglet BIN [--seconds 3] [--batches 1,10,100,1000]
//     [--connections 1,4,16,64] [--gzip] [--json FILE]
//
// Every event is new (fresh uuid), each request is one `/batch/` over a kept-alive connection, and
// only a 200 counts. Prints events/s and the p50/p99 of a request in ms; 429 and 503 are counted as
// refused. The client shares the machine, so the last figures are those of client and server.

import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { EventStream } from './generate.mjs';
import { Hoglet, TOKEN, formatTable, quantile, sleep } from './lib.mjs';

const SAMPLE_EVENTS = 20_000;
const UUID_AT = '{"uuid":"'.length;

const { values: flags } = parseArgs({ options: {
  hoglet: { type: 'string' },
  seconds: { type: 'string', default: '3' },
  batches: { type: 'string', default: '1,10,100,1000' },
  connections: { type: 'string', default: '1,4,16,64' },
  gzip: { type: 'boolean', default: false },
  json: { type: 'string' },
} });
if (!flags.hoglet) throw new Error('--hoglet BIN is needed');

// The parts of sample events around their uuid, so that a body is a concatenation.
function sampleTails() {
  const stream = new EventStream({ events: SAMPLE_EVENTS, seed: 2 });
  const tails = [];
  for (let line = stream.next(); line !== undefined; line = stream.next()) tails.push(line.slice(UUID_AT + 36));
  return tails;
}

// Returns a function that builds the next body of `batch` events as bytes.
function bodyMaker(tails, batch) {
  let at = 0;
  return () => {
    const parts = [];
    for (let i = 0; i < batch; ++i) {
      parts.push(`{"uuid":"${crypto.randomUUID()}${tails[at]}`);
      at = (at + 1) % tails.length;
    }
    const body = Buffer.from(`{"api_key":"${TOKEN}","batch":[${parts.join(',')}]}`, 'latin1');
    return flags.gzip ? gzipSync(body, { level: 1 }) : body;
  };
}

async function run(server, tails, batch, connections) {
  const nextBody = bodyMaker(tails, batch);
  const headers = { 'content-type': 'application/json' };
  if (flags.gzip) headers['content-encoding'] = 'gzip';
  const latencies = [];
  let events = 0;
  let refused = 0;
  const started = performance.now();
  const until = started + Number(flags.seconds) * 1000;
  const client = async () => {
    while (performance.now() < until) {
      const body = nextBody();
      const sent = performance.now();
      const { status, body: text } = await server.request('POST', '/batch/', body, headers);
      if (status === 200) {
        latencies.push(performance.now() - sent);
        events += batch;
      } else if (status === 429 || status === 503) {
        ++refused;
        await sleep(50);
      } else {
        throw new Error(`/batch/ answered ${status}: ${text}`);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const seconds = (performance.now() - started) / 1000;
  return {
    batch, connections, refused, events_per_s: Math.round(events / seconds),
    p50_ms: latencies.length > 0 ? quantile(latencies, 0.5) : NaN,
    p99_ms: latencies.length > 0 ? quantile(latencies, 0.99) : NaN, acknowledged: events,
  };
}

const data = fs.mkdtempSync(path.join(os.tmpdir(), 'hoglet-load-'));
const server = await new Hoglet(path.resolve(flags.hoglet), path.join(data, 'data')).start();
try {
  const tails = sampleTails();
  const results = [];
  for (const batch of flags.batches.split(',').map(Number)) {
    for (const connections of flags.connections.split(',').map(Number)) {
      results.push(await run(server, tails, batch, connections));
    }
  }
  console.log(formatTable([['batch', 'connections', 'events/s', 'p50 ms', 'p99 ms', 'refused'],
    ...results.map((r) => [r.batch, r.connections, r.events_per_s.toLocaleString('en-US'),
      r.p50_ms.toFixed(2), r.p99_ms.toFixed(2), r.refused])]));
  const acknowledged = results.reduce((sum, r) => sum + r.acknowledged, 0);
  console.log(`${acknowledged.toLocaleString('en-US')} events acknowledged; ` +
    `RSS peak ${server.memory().peak_mb} MB, data in ${data} (removed)`);
  if (flags.json) fs.writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
} finally {
  await server.stop();
  fs.rmSync(data, { recursive: true, force: true });
}
