// kill -9 under load, again and again: what was acknowledged is there exactly once, and nothing else.
//
//   node tests/faults/kill_loop.mjs BUILD_DIR [--rounds 50] [--connections 6] [--seed N]
//
// Each round several connections send SDK-shaped batches until the server is killed 50 to 500 ms after
// it became ready; it is then started again on the same folder and asked for the uuids of the round.
// As an SDK does, a sender repeats a batch that got no answer, with the same uuids, in the next round.
// After every start:
//   - every acknowledged uuid is counted exactly once;
//   - a uuid without an answer is counted at most once; no uuid is there that was never sent;
//   - the rounds before give what they gave before (or more, where a repeated batch arrived);
//   - an anonymous visitor and the user they identified as, both acknowledged, are one person, and no
//     distinct_id has two persons.
// The seed is printed first and fixes kill times, batch sizes and ids. Exit code 1 at the first failure;
// the data folder is then kept.

import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { seededRandom, useBinaryOf } from './common.mjs';

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: {
  rounds: { type: 'string', default: '50' },
  connections: { type: 'string', default: '6' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
} });
const build = positionals[0];
if (!build) throw new Error('usage: kill_loop.mjs BUILD_DIR [--rounds N] [--connections N] [--seed N]');
useBinaryOf(build);
const { Server, sleep, temporaryFolder, waitFor } = await import('../e2e/lib/server.mjs');

const KILL_AFTER_MS = [50, 500];
const BATCH_EVENTS_MAX = 60;
const QUERY_ROWS = 50_000; // the most a query returns
const VISIBLE_TIMEOUT_MS = 30_000;
const START = Date.UTC(2024, 5, 1);

const draw = seededRandom(flags.seed);
const random = () => draw() / 2 ** 32;
const below = (n) => Math.floor(random() * n);

let serial = 0;
// A version 4 uuid that is the number of the event, so that an invented one is seen.
function nextUuid() {
  const low = (++serial).toString(16).padStart(12, '0');
  const high = Math.floor(random() * 0x10000).toString(16).padStart(4, '0');
  return `${Number(flags.seed).toString(16).padStart(8, '0')}-${high}-4000-8000-${low}`;
}

// uuid -> { round, acknowledged, identity?: { visitor, user } }
const sent = new Map();
const seen = Array.from({ length: Number(flags.rounds) }, () => new Set()); // by round, as last checked
let unanswered = [];

function makeEvent(round, event, distinct_id, properties = {}) {
  const uuid = nextUuid();
  sent.set(uuid, { round, acknowledged: false });
  return {
    uuid, event, distinct_id, timestamp: new Date(START + below(90 * 86_400) * 1000).toISOString(),
    properties: { round: String(round), $lib: 'posthog-node', $lib_version: '5.0.0', value: below(1000), ...properties },
  };
}

// Mostly plain events of returning users; sometimes a visitor who identifies. A list of batches that
// must be acknowledged in order.
function makeBatches(round) {
  if (random() < 0.15) {
    const visitor = `visitor-${serial}`;
    const user = `user-${below(300)}-${round}`;
    const first = makeEvent(round, 'page seen', visitor);
    const identify = makeEvent(round, '$identify', user, { $anon_distinct_id: visitor, $set: { email: `${user}@example.com` } });
    sent.get(identify.uuid).identity = { visitor, user };
    return [[first], [identify, makeEvent(round, 'order placed', user)]];
  }
  return [Array.from({ length: 1 + below(BATCH_EVENTS_MAX) }, () => makeEvent(round, 'page seen', `user-${below(300)}-${below(5)}`))];
}

function acknowledge(batch) {
  for (const { uuid } of batch) sent.get(uuid).acknowledged = true;
}

// Sends until the server is gone. What got no answer is left in `unanswered`.
async function sender(server, round, running) {
  const mine = unanswered.splice(0, Math.ceil(unanswered.length / Number(flags.connections)));
  while (running.on) {
    const batches = mine.length > 0 ? [mine.shift()] : makeBatches(round);
    while (batches.length > 0) {
      const answer = await server.capture(batches[0]).catch(() => undefined);
      if (answer?.status === 200) {
        acknowledge(batches.shift());
        continue;
      }
      if (answer !== undefined && answer.status !== 503 && answer.status !== 429) {
        throw new Error(`capture answered ${answer.status}: ${answer.text}`);
      }
      if (answer === undefined || !running.on) {
        // The server may or may not have taken the first; the rest was never sent and is forgotten.
        unanswered.push(batches.shift());
        for (const batch of batches) for (const { uuid } of batch) sent.delete(uuid);
        if (answer === undefined) running.on = false;
        break;
      }
      await sleep(20);
    }
  }
  unanswered.push(...mine);
}

const failures = [];
const fail = (text) => failures.push(text);

async function uuidsOfRound(server, round) {
  const rows = [];
  for (;;) {
    const page = await server.query(`SELECT uuid, count() AS n FROM events WHERE properties.round = '${round}'
      GROUP BY uuid ORDER BY uuid LIMIT ${QUERY_ROWS} OFFSET ${rows.length}`);
    rows.push(...page);
    if (page.length < QUERY_ROWS) return rows;
  }
}

const acknowledgedOf = (round) => [...sent].filter(([, event]) => event.round === round && event.acknowledged)
  .map(([uuid]) => uuid);

async function checkRound(server, round) {
  const expected = acknowledgedOf(round);
  let rows = [];
  await waitFor(async () => {
    rows = await uuidsOfRound(server, round);
    const present = new Set(rows.map(([uuid]) => uuid));
    return expected.every((uuid) => present.has(uuid));
  }, { timeout_ms: VISIBLE_TIMEOUT_MS, interval_ms: 20, what: 'all acknowledged events' }).catch(() => {});
  const present = new Set();
  for (const [uuid, n] of rows) {
    if (n !== 1) fail(`round ${round}: ${uuid} is counted ${n} times`);
    const event = sent.get(uuid);
    if (event === undefined || event.round !== round) fail(`round ${round}: ${uuid} was never sent`);
    present.add(uuid);
  }
  const lost = expected.filter((uuid) => !present.has(uuid));
  if (lost.length > 0) fail(`round ${round}: ${lost.length} of ${expected.length} acknowledged events are lost, as ${lost[0]}`);
  const vanished = [...seen[round]].filter((uuid) => !present.has(uuid));
  if (vanished.length > 0) fail(`round ${round}: ${vanished.length} events were there and are gone, as ${vanished[0]}`);
  seen[round] = present;
  return { acknowledged: expected.length, present: present.size };
}

// Counts of the earlier rounds in one query: none may shrink or hold a duplicate.
async function checkEarlier(server, round) {
  const rows = await server.query(`SELECT properties.round AS r, count() AS n, count(DISTINCT uuid) AS u FROM events
    GROUP BY r LIMIT 1000`);
  const found = new Map(rows.map(([r, n, u]) => [Number(r), [n, u]]));
  for (let r = 0; r < round; ++r) {
    const [n, u] = found.get(r) ?? [0, 0];
    if (n !== u) fail(`round ${r}, seen after round ${round}: ${n} events of ${u} uuids`);
    if (u < seen[r].size) fail(`round ${r}, seen after round ${round}: ${u} events, ${seen[r].size} before`);
  }
}

async function checkIdentities(server, round) {
  const rows = await server.query(`SELECT distinct_id, count(DISTINCT person_id) AS persons, max(toString(person_id)) AS one_person
    FROM events WHERE properties.round = '${round}' GROUP BY distinct_id LIMIT ${QUERY_ROWS}`);
  const person = new Map();
  for (const [distinct_id, persons, id] of rows) {
    if (persons !== 1) fail(`round ${round}: ${distinct_id} has ${persons} persons`);
    person.set(distinct_id, id);
  }
  let pairs = 0;
  for (const event of sent.values()) {
    if (event.round !== round || !event.acknowledged || !event.identity) continue;
    ++pairs;
    const { visitor, user } = event.identity;
    if (person.get(visitor) !== person.get(user)) fail(`round ${round}: ${visitor} and ${user} are two persons`);
  }
  return pairs;
}

console.log(`seed ${flags.seed}`);
const folder = temporaryFolder('hoglet-kill-');
const server = new Server({ data: path.join(folder, 'data') });
const rounds = Number(flags.rounds);
const totals = { acknowledged: 0, unanswered: 0, identities: 0, slowest_start_ms: 0 };
await server.start();
for (let round = 0; round < rounds && failures.length === 0; ++round) {
  const running = { on: true };
  const senders = Array.from({ length: Number(flags.connections) }, () => sender(server, round, running));
  await sleep(KILL_AFTER_MS[0] + below(KILL_AFTER_MS[1] - KILL_AFTER_MS[0]));
  await server.kill();
  running.on = false;
  await Promise.all(senders);

  const started = performance.now();
  await server.start();
  const start_ms = Math.round(performance.now() - started);
  const { acknowledged, present } = await checkRound(server, round);
  await checkEarlier(server, round);
  const identities = await checkIdentities(server, round);
  totals.acknowledged += acknowledged;
  totals.unanswered += unanswered.length;
  totals.identities += identities;
  totals.slowest_start_ms = Math.max(totals.slowest_start_ms, start_ms);
  console.log(`round ${round + 1}/${rounds}: ${acknowledged} acknowledged, ${present} present, ` +
    `${unanswered.length} batches unanswered, ${identities} identifies, ready again in ${start_ms} ms`);
}

// Everything once more, after a last ordinary restart.
if (failures.length === 0) {
  for (const batch of unanswered) if ((await server.capture(batch)).status === 200) acknowledge(batch);
  await server.restart();
  for (let round = 0; round < rounds; ++round) {
    await checkRound(server, round);
    await checkIdentities(server, round);
  }
}
if (failures.length > 0) {
  console.log(failures.slice(0, 20).join('\n'));
  console.log(`FAILED with seed ${flags.seed}; data kept in ${folder}; server output:\n${server.output.slice(-4000)}`);
  if (server.child !== undefined) await server.kill();
  process.exit(1);
}
await server.stop();
fs.rmSync(folder, { recursive: true, force: true });
console.log(`${rounds} rounds passed: ${totals.acknowledged} acknowledged events each counted once, ` +
  `${totals.unanswered} batches without an answer, ${totals.identities} identifies, slowest start ${totals.slowest_start_ms} ms`);
