// Which stream, and its way into an engine: what bench.mjs and query_load.mjs share.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateFile, generateSlices, readMeta } from './generate.mjs';

// A stream of more events than this comes in slices, unless --slice says otherwise.
const FILE_EVENTS_MAX = 5_000_000;
const SLICE_EVENTS = 2_000_000;

const here = path.dirname(fileURLToPath(import.meta.url));

// The flags that say what is loaded, and how, for parseArgs().
export const LOAD_OPTIONS = {
  hoglet: { type: 'string' },
  events: { type: 'string', default: '1000000' },
  seed: { type: 'string', default: '1' },
  slice: { type: 'string' },
  connections: { type: 'string', default: '4' },
  batch: { type: 'string', default: '1000' },
  gzip: { type: 'boolean', default: false },
  threads: { type: 'string', default: '2' },
  data: { type: 'string', default: path.join(here, 'data') },
};

export function loadFlags(values) {
  const flags = { ...values, data: path.resolve(values.data) };
  for (const name of ['events', 'seed', 'connections', 'batch', 'threads']) flags[name] = Number(values[name]);
  flags.slice = values.slice ? Number(values.slice) : flags.events > FILE_EVENTS_MAX ? SLICE_EVENTS : undefined;
  return flags;
}

// The stream of the flags. slices() gives its files one after the other, { file, events }: the one that is kept between
// calls, or slices that last until the next is asked for. meta() says what is in it.
export class Stream {
  constructor({ data, events, seed, slice }) {
    this.file = path.join(data, `events-${events}.ndjson`);
    Object.assign(this, { events, seed, slice });
  }

  * slices() {
    if (this.slice) {
      yield* generateSlices(this.file, this);
    } else {
      generateFile(this.file, this);
      yield { file: this.file, events: this.events };
    }
  }

  // What slices() left behind; generates the stream if it never ran here.
  meta() {
    const known = readMeta(this.file, this);
    if (known) return known;
    for (const slice of this.slices()) void slice;
    return readMeta(this.file, this);
  }
}

export async function makeEngine(name, flags) {
  const data = path.join(flags.data, `${name}-${flags.events}`);
  switch (name) {
    case 'hoglet': {
      if (!flags.hoglet) throw new Error('--hoglet BIN is needed to run hoglet');
      const { HogletEngine } = await import('./engines/hoglet.mjs');
      return new HogletEngine({ ...flags, data, binary: path.resolve(flags.hoglet) });
    }
    case 'clickhouse':
    case 'duckdb': {
      const { Peer } = await import('./engines/peer.mjs');
      return new Peer({ name, data, threads: flags.threads });
    }
    default: throw new Error(`unknown engine ${name}`);
  }
}

const noteOf = (name, flags) => path.join(flags.data, `${name}-${flags.events}.load.json`);

// Loads the stream and leaves the engine open, or opens what an earlier call loaded if `keep`; returns the figures of
// the loading.
export async function prepare(name, engine, stream, flags, keep) {
  const key = `${flags.events}/${flags.seed}`;
  const note = noteOf(name, flags);
  if (keep && fs.existsSync(note)) {
    const loaded = JSON.parse(fs.readFileSync(note, 'utf8'));
    if (loaded.key === key) {
      await engine.open();
      return loaded;
    }
  }
  process.stderr.write(`loading ${name}...\n`);
  fs.rmSync(note, { force: true });
  await engine.create();
  for (const { file } of stream.slices()) await engine.append(file);
  const times = await engine.finish(flags.events);
  const loaded = {
    key, ...times,
    events_per_s: Math.round(flags.events / times.load_s),
    bytes_per_event: Math.round(await engine.diskBytes() / flags.events * 10) / 10,
  };
  fs.writeFileSync(note, JSON.stringify(loaded));
  await engine.close();  // without the memory that loading took
  await engine.open();
  return loaded;
}

// What is loaded does not hold the stream alone any more: the next call loads anew.
export function forget(name, flags) {
  fs.rmSync(noteOf(name, flags), { force: true });
}

// Removes what is loaded.
export function remove(name, flags) {
  forget(name, flags);
  const data = path.join(flags.data, `${name}-${flags.events}`);
  for (const suffix of ['', '.log', '.duckdb', '.duckdb.wal']) {
    fs.rmSync(data + suffix, { recursive: true, force: true });
  }
}
