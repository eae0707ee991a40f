// hoglet, as its own process and over HTTP, the way an SDK and a dashboard use it. load() posts the
// file to /batch/; run() returns { ms, rows }, the time from request to the last byte of the answer,
// measured by the client.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Hoglet, TOKEN, diskBytes, sleep } from '../lib.mjs';

// Bodies of /batch/ with `batch` events each, cut from an NDJSON file without parsing it.
export function* batchBodies(file, batch) {
  const head = Buffer.from(`{"api_key":"${TOKEN}","batch":[`);
  const tail = Buffer.from(']}');
  const input = fs.openSync(file, 'r');
  let pending = Buffer.alloc(0);
  let at_end = false;
  while (!at_end || pending.length > 0) {
    const chunk = Buffer.allocUnsafe(16 << 20);
    const bytes = at_end ? 0 : fs.readSync(input, chunk, 0, chunk.length, null);
    at_end ||= bytes === 0;
    pending = Buffer.concat([pending, chunk.subarray(0, bytes)]);
    let start = 0;
    for (;;) {
      let events = 0;
      let end = start;
      while (events < batch) {
        const newline = pending.indexOf(10, end);
        if (newline < 0) break;
        end = newline + 1;
        ++events;
      }
      if (events === 0 || (events < batch && !at_end)) break;
      const body = Buffer.concat([head, pending.subarray(start, end - 1), tail]);
      for (let i = body.indexOf(10); i >= 0; i = body.indexOf(10, i + 1)) body[i] = 44;
      yield { body, events };
      start = end;
    }
    pending = pending.subarray(start);
    if (at_end) break;
  }
  fs.closeSync(input);
}

export class HogletEngine {
  constructor({ data, binary, connections, batch, gzip }) {
    this.name = 'hoglet';
    this.data = data;
    Object.assign(this, { binary, connections, batch, gzip });
  }

  async open() {
    this.version ??= execFileSync(this.binary, ['--version'], { encoding: 'utf8' }).trim().replace(/^hoglet\s*/, '');
    this.server = await new Hoglet(this.binary, this.data).start();
  }

  async load(file, events) {
    fs.rmSync(this.data, { recursive: true, force: true });
    fs.rmSync(`${this.data}.log`, { force: true });
    fs.mkdirSync(path.dirname(this.data), { recursive: true });
    await this.open();
    const first_start_ms = this.server.ready_ms;
    const bodies = batchBodies(file, this.batch);
    const headers = { 'content-type': 'application/json' };
    if (this.gzip) headers['content-encoding'] = 'gzip';
    let refused = 0;
    const started = performance.now();
    const writer = async () => {
      for (let next = bodies.next(); !next.done; next = bodies.next()) {
        const { body } = next.value;
        refused += await this.server.postBatch(this.gzip ? gzipSync(body, { level: 1 }) : body, headers);
      }
    };
    await Promise.all(Array.from({ length: this.connections }, writer));
    const load_s = (performance.now() - started) / 1000;
    const under_load = this.server.memory();
    const queryable_s = await this.#untilQueryable(events, started);
    const after_load_bytes = this.diskBytes();
    const settled_s = await this.#untilSettled(started);
    const merged_bytes = this.diskBytes();
    const folders = this.#folders();
    const cpu_s = this.server.cpuSeconds();
    await this.server.stop();
    await this.open();
    const idle_rss_mb = this.server.memory().rss_mb;
    return {
      load_s, queryable_s, merged_s: settled_s, refused, cpu_s, first_start_ms,
      start_ms: this.server.ready_ms, idle_rss_mb, load_rss_mb: under_load.rss_mb, peak_rss_mb: under_load.peak_mb,
      after_load_bytes, merged_bytes, folders,
    };
  }

  async #untilQueryable(events, started) {
    for (;;) {
      const [[count]] = await this.server.query('SELECT count() FROM events');
      if (count === events) return (performance.now() - started) / 1000;
      if (count > events) throw new Error(`hoglet counts ${count} of ${events} events`);
      if (performance.now() - started > 3_600_000) throw new Error(`only ${count} events after an hour`);
      await sleep(50);
    }
  }

  // Waits until background work has used less than 2 % of a core for three seconds.
  async #untilSettled(started) {
    let before = this.server.cpuSeconds();
    for (let quiet = 0; quiet < 3;) {
      await sleep(1000);
      const now = this.server.cpuSeconds();
      quiet = now - before < 0.02 ? quiet + 1 : 0;
      before = now;
      if (performance.now() - started > 3_600_000) break;
    }
    return (performance.now() - started) / 1000;
  }

  #folders() {
    return Object.fromEntries(fs.readdirSync(this.data).sort()
      .map((name) => [name, diskBytes(path.join(this.data, name))]));
  }

  diskBytes() {
    return diskBytes(this.data);
  }

  async run(hogql) {
    const started = performance.now();
    const answer = await this.server.queryText(hogql);
    return { ms: performance.now() - started, rows: () => JSON.parse(answer).results };
  }

  async close() {
    this.query_rss_mb = this.server.memory().peak_mb;
    await this.server.stop();
  }
}
