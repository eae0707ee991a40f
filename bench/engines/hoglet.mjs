// hoglet, as its own process and over HTTP, the way an SDK and a dashboard use it. append() posts a
// file to /batch/; run() returns { ms, rows }, the time from request to the last byte of the answer,
// measured by the client.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Hoglet, TOKEN, diskBytes, median, sleep } from '../lib.mjs';
import { Stopwatch, dropPageCache } from '../process.mjs';

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

  get pid() {
    return this.server?.pid;
  }

  async open() {
    this.version ??= execFileSync(this.binary, ['--version'], { encoding: 'utf8' }).trim().replace(/^hoglet\s*/, '');
    this.server = await new Hoglet(this.binary, this.data).start();
  }

  async create() {
    fs.rmSync(this.data, { recursive: true, force: true });
    fs.rmSync(`${this.data}.log`, { force: true });
    fs.mkdirSync(path.dirname(this.data), { recursive: true });
    await this.open();
    this.first_start_ms = this.server.ready_ms;
    this.watch = new Stopwatch();
    this.refused = 0;
    this.server.pause();
  }

  // The server stands still from one file to the next: it does not work off its backlog while nobody counts the time.
  async append(file) {
    const bodies = batchBodies(file, this.batch);
    const headers = { 'content-type': 'application/json' };
    if (this.gzip) headers['content-encoding'] = 'gzip';
    this.server.resume();
    this.watch.start();
    const writer = async () => {
      for (let next = bodies.next(); !next.done; next = bodies.next()) {
        const { pieces } = next.value;
        const refused = await this.server.postBatch(
          this.gzip ? [gzipSync(Buffer.concat(pieces), { level: 1 })] : pieces, headers);
        this.refused += refused;
      }
    };
    await Promise.all(Array.from({ length: this.connections }, writer));
    this.watch.stop();
    this.server.pause();
  }

  async finish(events) {
    const load_s = this.watch.seconds();
    this.server.resume();
    this.watch.start();
    const under_load = this.server.memory();
    await this.#untilQueryable(events);
    const queryable_s = this.watch.seconds();
    const after_load_bytes = this.diskBytes();
    await this.#untilSettled();
    return {
      load_s, queryable_s, merged_s: this.watch.seconds(), refused: this.refused,
      cpu_s: this.server.cpuSeconds(), first_start_ms: this.first_start_ms,
      load_rss_mb: under_load.rss_mb, peak_rss_mb: under_load.peak_mb,
      after_load_bytes, merged_bytes: this.diskBytes(), folders: this.#folders(),
    };
  }

  // Stops and starts the server `runs` times; each time the first thing asked must be answered in full.
  async measureStart(events, { runs, cold }) {
    const restart = async (before) => {
      await this.server.stop();
      before();
      await this.open();
      const { ready_ms } = this.server;
      const idle = this.server.memory();
      const [[count]] = await this.server.query('SELECT count() FROM events');
      if (count !== events) throw new Error(`hoglet counts ${count} of ${events} events after a start`);
      return { ready_ms, idle };
    };
    const repeat = async (before) => {
      const starts = [];
      for (let i = 0; i < runs; ++i) starts.push(await restart(before));
      return starts;
    };
    const figure = (starts, pick) => median(starts.map(pick));
    const cold_starts = cold ? await repeat(dropPageCache) : [];
    if (cold) await restart(() => {});  // what it reads is in the page cache from now on
    const warm_starts = await repeat(() => {});
    return {
      start_ms: figure(warm_starts, (start) => start.ready_ms),
      idle_rss_mb: figure(warm_starts, (start) => start.idle.rss_mb),
      idle_anon_mb: figure(warm_starts, (start) => start.idle.anon_mb),
      ...(cold && { start_cold_ms: figure(cold_starts, (start) => start.ready_ms) }),
    };
  }

  async #untilQueryable(events) {
    const began_s = this.watch.seconds();
    for (;;) {
      const [[count]] = await this.server.query('SELECT count() FROM events');
      if (count === events) return;
      if (count > events) throw new Error(`hoglet counts ${count} of ${events} events`);
      if (this.watch.seconds() - began_s > 3_600) throw new Error(`only ${count} events after an hour`);
      await sleep(50);
    }
  }

  // Waits until background work has used less than 2 % of a core for three seconds, an hour at most.
  async #untilSettled() {
    const began_s = this.watch.seconds();
    let before = this.server.cpuSeconds();
    for (let quiet = 0; quiet < 3;) {
      await sleep(1000);
      const now = this.server.cpuSeconds();
      quiet = now - before < 0.02 ? quiet + 1 : 0;
      before = now;
      if (this.watch.seconds() - began_s > 3_600) break;
    }
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
    await this.server?.stop();
  }
}
