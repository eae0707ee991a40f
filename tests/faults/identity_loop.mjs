// kill -9 while people identify, merge and change: at the end everybody is who they would be without the kills.
//
//   node tests/faults/identity_loop.mjs BUILD_DIR [--rounds 24] [--connections 6] [--seed N]
//
// Several connections send batches of $identify, $create_alias, $merge_dangerously, $set, $set_once, $unset,
// $groupidentify, page views and personless events. Each has ids of its own, so that the order of what concerns an
// id is defined. The server is killed 30 to 500 ms after it became ready, again and again, now and then stopped in
// order; checkpoints are forced among the batches. A connection repeats its last batch, with the same uuids, until it
// is answered. Then the same batches are sent to a second, empty server that nobody disturbs. Both must show the same
// persons (id, creation, properties, is_identified), distinct ids, overrides with their versions, groups, group types
// and definitions, and every event once with the same person.
//
// A batch that was taken but not answered is applied twice. The batches are such that this cannot be seen by the rules
// of persons: at most one merge, and that first; properties that are only noted beside other changes ($browser...) are
// neither set nor removed on purpose; no event sets a property that it also removes (which sets and removes it in
// turn). Versions of persons and groups, which count writes, are not compared.
//
// The seed is printed first. Exit code 1 when anything differs; the data folders are then kept.

import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { seededRandom, useBinaryOf } from './common.mjs';

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: {
  rounds: { type: 'string', default: '24' },
  connections: { type: 'string', default: '6' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
} });
const build = positionals[0];
if (!build) throw new Error('usage: identity_loop.mjs BUILD_DIR [--rounds N] [--connections N] [--seed N]');
useBinaryOf(build);
const { Server, runCli, sleep, temporaryFolder, waitFor } = await import('../e2e/lib/server.mjs');

const KILL_AFTER_MS = [30, 500];
const QUERY_ROWS = 50_000; // the most a query returns
const VISIBLE_TIMEOUT_MS = 60_000;
const START = Date.UTC(2024, 5, 1);
const GROUP_TYPES = ['company', 'team', 'plan'];

const number = (random) => (n) => random() % n;

// The batches of one connection: an endless, seeded stream.
class Lane {
  constructor(index) {
    this.name = `l${index}`;
    this.below = number(seededRandom(Number(flags.seed) * 100 + index));
    this.serial = 0;
    this.users = [];
    this.visitors = [];
    this.batches = []; // all that were begun, in order
    this.unanswered = undefined;
  }

  pick(list, fresh, keep) {
    if (list.length === 0 || this.below(4) === 0) {
      list.push(`${this.name}-${fresh}${this.serial}`);
      if (list.length > keep) list.shift();
    }
    return list[this.below(list.length)];
  }
  user() { return this.pick(this.users, 'user', 8); }
  visitor() { return this.pick(this.visitors, 'visitor', 10); }
  anyone() { return this.below(2) ? this.user() : this.visitor(); }

  event(event, distinct_id, properties = {}) {
    const low = (++this.serial).toString(16).padStart(10, '0');
    const lane = Number(this.name.slice(1)).toString(16).padStart(2, '0');
    return {
      uuid: `${Number(flags.seed).toString(16).padStart(8, '0')}-0000-4000-8000-${lane}${low}`,
      event, distinct_id, properties, timestamp: new Date(START + this.serial * 61_000).toISOString(),
    };
  }

  some(make) { return Object.fromEntries(Array.from({ length: 1 + this.below(3) }, () => make())); }
  values() { return this.some(() => [`k${this.below(8)}`, this.below(3) ? this.below(100) : [`v${this.below(5)}`, true, null, { deep: [1] }][this.below(4)]]); }

  merge() {
    const changes = { $set: this.values(), $set_once: this.values() };
    const other = this.below(12) === 0 ? ['null', '', 'anonymous'][this.below(3)] : this.anyone();
    const kind = this.below(10);
    if (kind < 6) return this.event('$identify', this.user(), { $anon_distinct_id: other, ...changes });
    return this.event(kind < 8 ? '$create_alias' : '$merge_dangerously', this.anyone(), { alias: other, ...changes });
  }

  group() {
    return this.event('$groupidentify', this.user(),
      { $group_type: GROUP_TYPES[this.below(3)], $group_key: `${this.name}-g${this.below(5)}`, $group_set: this.values() });
  }

  ordinary() {
    switch (this.below(8)) {
      case 0: return this.event('$set', this.anyone(), { $set: this.values(), $unset: [`gone${this.below(3)}`] });
      case 1: return this.event('paid', this.anyone(), { $set: this.values(), $set_once: this.values(), $groups: { [GROUP_TYPES[this.below(3)]]: `${this.name}-g${this.below(5)}` } });
      case 2: return this.event('left', this.anyone(), { $unset: { [`k${this.below(8)}`]: 1 }, $set_once: { [`gone${this.below(3)}`]: this.below(100) } });
      case 3: return this.group();
      case 4: return this.event('seen', this.visitor(), { $process_person_profile: false, n: this.serial });
      default: return this.event('$pageview', this.anyone(), { $browser: ['Chrome', 'Safari'][this.below(2)], $os: ['Mac', 'Linux'][this.below(2)], utm_source: `s${this.below(3)}`, n: this.serial });
    }
  }

  next() {
    const batch = [];
    if (this.below(3) === 0) batch.push(this.merge());
    const count = this.below(12) + (batch.length === 0);
    for (let i = 0; i < count; ++i) batch.push(this.ordinary());
    this.batches.push(batch);
    return batch;
  }
}

// Whether the batch was taken; undefined without an answer.
async function send(server, batch) {
  const answer = await server.capture(batch).catch(() => undefined);
  if (answer === undefined) return undefined;
  if (answer.status !== 200 && answer.status !== 503 && answer.status !== 429) {
    throw new Error(`capture answered ${answer.status}: ${answer.text}`);
  }
  return answer.status === 200;
}

let repeats = 0;
async function run(server, lane, running) {
  while (running.on) {
    if (lane.unanswered) ++repeats;
    lane.unanswered ??= lane.next();
    const taken = await send(server, lane.unanswered);
    if (taken) lane.unanswered = undefined;
    else if (taken === undefined) return;
    else await sleep(20);
  }
}

const api = (server, target, body) => server.request('POST', `/api/projects/1${target}`, JSON.stringify(body),
  { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' });

// The pipeline makes a checkpoint after a deletion; without one it makes none in so short a time.
let checkpoints = 0;
async function forceCheckpoints(server, running) {
  while (running.on) {
    await send(server, [{ event: 'doomed', distinct_id: 'nobody', properties: { $process_person_profile: false }, uuid: crypto.randomUUID() }]);
    await sleep(20 + draw() % 60);
    const deleted = await api(server, '/events/bulk_delete/', { where: "event = 'doomed'" }).catch(() => undefined);
    if (deleted?.status === 200 && JSON.parse(deleted.text).deleted > 0) ++checkpoints;
    if (deleted === undefined) return;
  }
}

async function pages(server, hogql) {
  const rows = [];
  for (;;) {
    const page = await server.query(`${hogql} LIMIT ${QUERY_ROWS} OFFSET ${rows.length}`);
    rows.push(...page);
    if (page.length < QUERY_ROWS) return rows;
  }
}

function sorted(json) {
  if (Array.isArray(json)) return json.map(sorted);
  if (json === null || typeof json !== 'object') return json;
  return Object.fromEntries(Object.keys(json).sort().map((key) => [key, sorted(json[key])]));
}
const document = (value) => JSON.stringify(sorted(typeof value === 'string' ? JSON.parse(value) : value));

// All that is compared: a name to a map from a key to a text.
async function stateOf(server) {
  const table = async (hogql, of) => new Map((await pages(server, hogql)).map((row) => of(row)));
  const definitions = async (target) => {
    const answer = await server.get(`/api/projects/1/${target}/?limit=1000`, { authorization: `Bearer ${server.key}` });
    return new Map(JSON.parse(answer.text).results.map(({ name, property_type }) => [name, String(property_type)]));
  };
  return {
    persons: await table('SELECT toString(id), created_at, is_identified, properties FROM persons ORDER BY id',
      ([id, created, identified, properties]) => [id, `${created} ${identified} ${document(properties)}`]),
    'distinct ids': await table('SELECT distinct_id, toString(person_id), version FROM raw_person_distinct_ids ORDER BY distinct_id',
      ([id, person, version]) => [id, `${person} ${version}`]),
    overrides: await table('SELECT distinct_id, toString(person_id), version FROM raw_person_distinct_id_overrides ORDER BY distinct_id',
      ([id, person, version]) => [id, `${person} ${version}`]),
    groups: await table('SELECT index, key, created_at, properties FROM groups ORDER BY index, key',
      ([index, key, created, properties]) => [`${index} ${key}`, `${created} ${document(properties)}`]),
    'group types': await table('SELECT group_type_index, group_type FROM system.group_type_mappings ORDER BY group_type_index',
      ([index, type]) => [index, type]),
    events: await table(`SELECT toString(uuid), count(), any(event), any(distinct_id), any(toString(person_id)), any(timestamp)
      FROM events WHERE event != 'doomed' GROUP BY uuid ORDER BY uuid`, ([uuid, ...rest]) => [uuid, rest.join(' ')]),
    'event definitions': new Map([...await definitions('event_definitions')].filter(([name]) => name !== 'doomed')),
    'property definitions': await definitions('property_definitions'),
  };
}

const failures = [];
function compare(disturbed, quiet) {
  for (const [name, expected] of Object.entries(quiet)) {
    const got = disturbed[name];
    for (const key of new Set([...expected.keys(), ...got.keys()])) {
      if (got.get(key) !== expected.get(key)) failures.push(`${name}: ${key}\n  with kills    ${got.get(key)}\n  without kills ${expected.get(key)}`);
    }
  }
}

async function settled(server, uuids) {
  await waitFor(async () => (await server.query('SELECT count(DISTINCT uuid) FROM events WHERE event != \'doomed\''))[0][0] === uuids,
    { timeout_ms: VISIBLE_TIMEOUT_MS, interval_ms: 50, what: `${uuids} events` }).catch((error) => failures.push(error.message));
}

console.log(`seed ${flags.seed}`);
const draw = seededRandom(flags.seed);
const folder = temporaryFolder('hoglet-identity-');
const began = performance.now();
const lanes = Array.from({ length: Number(flags.connections) }, (_, index) => new Lane(index));
// Group types are shared by all connections: their order is fixed before any of them begins.
const overture = GROUP_TYPES.map((type) => lanes[0].event('$groupidentify', 'overture', { $group_type: type, $group_key: 'first' }));

const server = new Server({ data: path.join(folder, 'disturbed') });
await server.start();
if (!(await send(server, overture))) throw new Error('the first batch was not taken');
const rounds = Number(flags.rounds);
for (let round = 0; round < rounds; ++round) {
  const running = { on: true };
  const work = [...lanes.map((lane) => run(server, lane, running)), forceCheckpoints(server, running)];
  await sleep(KILL_AFTER_MS[0] + draw() % (KILL_AFTER_MS[1] - KILL_AFTER_MS[0]));
  if (draw() % 6 === 0) {
    running.on = false;
    await Promise.all(work);
    await server.stop();
  } else {
    await server.kill();
    running.on = false;
    await Promise.all(work);
  }
  await server.start();
}
for (const lane of lanes) {
  while (lane.unanswered) if (await send(server, lane.unanswered)) lane.unanswered = undefined;
}
const uuids = lanes.reduce((sum, { serial }) => sum + serial, 0);
await settled(server, uuids);
const disturbed = await stateOf(server);
await server.stop();

const quiet_server = new Server({ data: path.join(folder, 'quiet') });
await quiet_server.start();
await send(quiet_server, overture);
await Promise.all(lanes.map(async (lane) => {
  for (const batch of lane.batches) while (!(await send(quiet_server, batch)));
}));
await settled(quiet_server, uuids);
const quiet = await stateOf(quiet_server);
await quiet_server.stop();

compare(disturbed, quiet);
const doubled = [...disturbed.events].filter(([, text]) => !text.startsWith('1 '));
if (doubled.length > 0) failures.push(`${doubled.length} events are counted more than once, as ${doubled[0]}`);
if (checkpoints === 0) failures.push('no checkpoint was forced');
const report = runCli(['check', '--data', server.data]);
if (report.status !== 0) failures.push(`hoglet check: ${report.stdout}${report.stderr}`);
if (failures.length > 0) {
  console.log(failures.slice(0, 20).join('\n'));
  console.log(`FAILED, ${failures.length} differences with seed ${flags.seed}; data kept in ${folder}`);
  process.exit(1);
}
fs.rmSync(folder, { recursive: true, force: true });
const sizes = Object.entries(quiet).map(([name, map]) => `${map.size} ${name}`).join(', ');
console.log(`${rounds} rounds passed in ${Math.round((performance.now() - began) / 1000)} s: ${lanes.reduce((sum, { batches }) => sum + batches.length, 0)} batches, ${repeats} repeated, ${checkpoints} checkpoints forced; ${sizes}`);
