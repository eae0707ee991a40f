// hoglet, as its own process and over HTTP, the way an SDK and a dashboard use it. load() posts the
// file to /batch/; run() returns { ms, rows }, the time from request to the last byte of the answer,
// measured by the client.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Hoglet, TOKEN, diskBytes, sleep } from '../lib.mjs';

const HEAD = Buffer.from(`{"api_key":"${TOKEN}","batch":[`);
const TAIL = Buffer.from(']}');
const COMMA = 44;
const CHUNK_BYTES = 16 << 20;

// Bodies of /batch/ with `batch` events each, cut from an NDJSON file without parsing it, as pieces
// to be written one after the other: what is measured should not be the client's copying.
export function* batchBodies(file, batch) {
  const input = fs.openSync(file, 'r');
  let pending = Buffer.alloc(0);
  let at_end = false;
  while (!at_end || pending.length > 0) {
    const chunk = Buffer.allocUnsafe(pending.length + CHUNK_BYTES);
    pending.copy(chunk);
    const bytes = at_end ? 0 : fs.readSync(input, chunk, pending.length, CHUNK_BYTES, null);
    at_end ||= bytes === 0;
    pending = chunk.subarray(0, pending.length + bytes);
    let start = 0;
    for (;;) {
      const newlines = [];
      for (let at = start; newlines.length < batch; at = newlines.at(-1) + 1) {
        const newline = pending.indexOf(10, at);
        if (newline < 0) break;
        newlines.push(newline);
      }
      if (newlines.length === 0 || (newlines.length < batch && !at_end)) break;
      const end = newlines.pop();
      for (const newline of newlines) pending[newline] = COMMA;
      yield { pieces: [HEAD, pending.subarray(start, end), TAIL], events: newlines.length + 1 };
      start = end + 1;
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
        const { pieces } = next.value;
        refused += await this.server.postBatch(
          this.gzip ? [gzipSync(Buffer.concat(pieces), { level: 1 })] : pieces, headers);
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
