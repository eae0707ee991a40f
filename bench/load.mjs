// Events to be taken in while something is measured: bodies that are always new, and a fixed pace.

import { gzipSync } from 'node:zlib';
import { EventStream } from './generate.mjs';
import { TOKEN, quantile, sleep } from './lib.mjs';

const SAMPLE_EVENTS = 20_000;
const UUID_TAIL_AT = '{"uuid":"00000000-0000-4000-8000-'.length;
const UUID_TAIL_DIGITS = 12;
const TIME_BEFORE_END = '2025-07-03T00:00:00.000Z"}'.length;
const OUTSTANDING_MAX = 128;

// Makes bodies of `batch` events that differ in nothing but their uuids (and, with `now`, their timestamps, which are
// those of the moment): the bytes are put together once for some sets of events, and every body is a copy with new digits.
export class Bodies {
  static next_uuid = 0;

  constructor(batch, { gzip = false, now = false } = {}) {
    Object.assign(this, { batch, gzip, now, at: 0 });
    this.headers = { 'content-type': 'application/json', ...(gzip && { 'content-encoding': 'gzip' }) };
    const stream = new EventStream({ events: SAMPLE_EVENTS, seed: 2 });
    this.templates = [];
    for (let set = 0; set < Math.max(4, Math.min(256, SAMPLE_EVENTS / batch)); ++set) {
      let text = `{"api_key":"${TOKEN}","batch":[`;
      const places = [];
      for (let i = 0; i < batch; ++i) {
        const line = stream.next();
        if (i > 0) text += ',';
        const uuid = text.length + UUID_TAIL_AT;
        text += `{"uuid":"00000000-0000-4000-8000-000000000000"${line.slice('{"uuid":"'.length + 37)}`;
        places.push({ uuid, time: text.length - TIME_BEFORE_END });
      }
      this.templates.push({ bytes: Buffer.from(`${text}]}`, 'latin1'), places });
    }
  }

  next() {
    const { bytes, places } = this.templates[this.at++ % this.templates.length];
    const body = Buffer.from(bytes);
    const time = this.now ? new Date().toISOString() : undefined;
    for (const place of places) {
      body.latin1Write((++Bodies.next_uuid).toString().padStart(UUID_TAIL_DIGITS, '0'), place.uuid);
      if (time) body.latin1Write(time, place.time);
    }
    return this.gzip ? gzipSync(body, { level: 1 }) : body;
  }
}

export const percentiles = (latencies) => ({
  p50_ms: latencies.length > 0 ? quantile(latencies, 0.5) : NaN,
  p99_ms: latencies.length > 0 ? quantile(latencies, 0.99) : NaN,
  max_ms: latencies.length > 0 ? latencies.reduce((most, ms) => Math.max(most, ms), 0) : NaN,
});

// Waits until count() shows `events`, no more and no fewer.
export async function untilQueryable(server, events) {
  for (;;) {
    const [[count]] = await server.query('SELECT count() FROM events');
    if (count === events) return;
    if (count > events) throw new Error(`${count} events, ${events} were acknowledged`);
    await sleep(20);
  }
}

// Posts bodies at `rate` events/s, whatever the answers do: a latency counts from the moment the batch was due, so
// waiting behind a slow one shows. What is turned away is sent again when the server asks for it.
export class Pace {
  constructor(server, bodies, rate) {
    Object.assign(this, { server, bodies, every_ms: bodies.batch * 1000 / rate });
    this.latencies = [];
    this.refused = 0;
    this.waiting = new Set();
    this.started = performance.now();
    this.running = this.#run();
    this.running.catch(() => {});  // stop() tells
  }

  // Ends the schedule and waits for what is under way.
  async stop() {
    this.stopping = true;
    const seconds = (performance.now() - this.started) / 1000;
    await this.running;
    const events = this.latencies.length * this.bodies.batch;
    return { events, per_s: events / seconds, refused: this.refused, ...percentiles(this.latencies) };
  }

  async #run() {
    for (let sent = 0; ;) {
      const due_at = this.started + sent * this.every_ms;
      const early_ms = due_at - performance.now();
      if (this.stopping) break;
      if (early_ms > 0) {
        await sleep(Math.max(1, early_ms));
      } else if (this.waiting.size >= OUTSTANDING_MAX) {
        await Promise.race(this.waiting);
      } else {
        ++sent;
        const request = this.#post(due_at).finally(() => this.waiting.delete(request));
        this.waiting.add(request);
        request.catch((error) => (this.error ??= error));
      }
      if (this.error) throw this.error;
    }
    await Promise.all(this.waiting);
  }

  async #post(due_at) {
    const refused = await this.server.postBatch(this.bodies.next(), this.bodies.headers);
    this.refused += refused;
    this.latencies.push(performance.now() - due_at);
  }
}
