// Damage: one byte of one file of a data folder is changed, at places drawn by a seed from every file, and each time `hoglet check` must
// say so and name the file; a server started on it must not crash.
//
//   node tests/faults/damage.mjs BUILD_DIR [--places 6] [--seed N]

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { seededRandom } from './common.mjs';

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: {
  places: { type: 'string', default: '6' },
  seed: { type: 'string', default: String(Date.now() % 1e9) },
} });
if (!positionals[0]) throw new Error('usage: damage.mjs BUILD_DIR [--places N] [--seed N]');
const hoglet = path.resolve(positionals[0], 'hoglet');
console.log(`seed ${flags.seed}`);

const draw = seededRandom(flags.seed);
const random = (below) => draw() % below;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hoglet-damage-'));
const data = path.join(folder, 'data');
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

const lines = [];
for (let i = 0; i < 2000; i += 1) {
  lines.push(JSON.stringify({ event: `event ${i % 5}`, distinct_id: `user-${i % 50}`, timestamp: `2024-0${1 + (i % 3)}-10T10:00:00Z`,
    properties: { n: i, plan: ['free', 'pro'][i % 2], nested: { a: [i] }, $set: { name: `User ${i % 50}` } } }));
}
fs.writeFileSync(path.join(folder, 'events.jsonl'), lines.join('\n'));
const run = (...args) => spawnSync(hoglet, args, { encoding: 'utf8' });
if (run('import', path.join(folder, 'events.jsonl'), '--data', data, '--quiet').status !== 0) throw new Error('import failed');
if (run('check', '--data', data).status !== 0) throw new Error('a sound folder must pass');

function files(below) {
  return fs.readdirSync(below, { withFileTypes: true }).flatMap((entry) => entry.isDirectory()
    ? files(path.join(below, entry.name)) : [path.join(below, entry.name)]);
}

const sound = path.join(folder, 'sound');
fs.cpSync(data, sound, { recursive: true });

let checked = 0;
const missed = [];
for (const file of files(data)) {
  const bytes = fs.readFileSync(file);
  if (bytes.length === 0) continue;
  const places = new Set([0, bytes.length - 1, bytes.length >> 1]);
  for (let i = 0; i < Number(flags.places); i += 1) places.add(random(bytes.length));
  for (const place of places) {
    const damaged = Buffer.from(bytes);
    damaged[place] ^= 1 + random(255);
    fs.writeFileSync(file, damaged);
    const check = run('check', '--data', data);
    const said = check.stdout + check.stderr;
    checked += 1;
    // RocksDB names a table by its number, and the write-ahead log not always.
    const named = said.includes(path.basename(file)) || (file.includes('/persons/') && said.includes('persons'));
    if (check.signal || check.status === 0 || !named) missed.push(`${path.relative(data, file)} byte ${place}: ${check.signal ?? said}`);
    const query = run('query', 'SELECT count(), count(DISTINCT person_id), max(properties.n) FROM events', '--data', data);
    if (query.signal) missed.push(`${path.relative(data, file)} byte ${place}: query ends by ${query.signal}`);
    // Opening changes other files (that is what a start does), so each damage begins from the sound folder.
    fs.rmSync(data, { recursive: true, force: true });
    fs.cpSync(sound, data, { recursive: true });
  }
}
for (const line of missed) console.log(`MISSED ${line}`);
console.log(`${checked} places damaged in ${files(data).length} files, ${missed.length} missed`);
process.exit(missed.length === 0 ? 0 : 1);
