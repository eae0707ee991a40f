// kill -9 among deletions, again and again: what was answered is gone for good, what was not is gone whole
// or not at all, and nothing else is missing.
//
//   node tests/faults/delete_loop.mjs BUILD_DIR [--rounds 12] [--seed N]
//
// Each round sends events of twelve new people, then orders deletions side by side: some people with their
// events, some without, some events by a condition. The server is killed 0 to 250 ms later and started again.
// After every start, for the people of every round so far:
//   - a deletion that was answered holds: no person, no event that it meant;
//   - one that was not answered holds altogether or not at all;
//   - whoever nobody ordered to delete is there with every event.
// At the end `hoglet check` finds no fault. Exit code 1 at the first failure; the data folder is then kept.

import { parseArgs } from 'node:util';

import { seededRandom, useBinaryOf } from './common.mjs';

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: {
  rounds: { type: 'string', default: '12' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
} });
const build = positionals[0];
if (!build) throw new Error('usage: delete_loop.mjs BUILD_DIR [--rounds N] [--seed N]');
useBinaryOf(build);
const { Server, runCli, sleep, waitFor } = await import('../e2e/lib/server.mjs');

const PEOPLE = 12;
const EVENTS = 25;
const KILL_AFTER_MS_MAX = 250;
const VISIBLE_TIMEOUT_MS = 30_000;

const draw = seededRandom(flags.seed);
const random = () => draw() / 2 ** 32;

console.log(`seed ${flags.seed}`);
const server = await Server.start();
const auth = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' };
const api = (method, target, body) => server.request(method, `/api/projects/1${target}`, body && JSON.stringify(body), auth);
const people = []; // { id, fate: 'keep' | 'all' | 'person' | 'half', answered }
let failures = 0;
const fail = (text) => { failures += 1; console.error(text); };

const START = Date.UTC(2024, 0, 1);
async function sendPeople(round) {
  const fates = ['keep', 'all', 'person', 'half'];
  const batch = [];
  for (let i = 0; i < PEOPLE; ++i) {
    const person = { id: `r${round}-p${i}`, fate: fates[i % fates.length], answered: false };
    people.push(person);
    for (let k = 0; k < EVENTS; ++k) {
      batch.push({ event: 'step', distinct_id: person.id, properties: { k }, timestamp: new Date(START + (round * 1000 + k) * 3_600_000).toISOString() });
    }
  }
  const answer = await server.capture(batch);
  if (answer.status !== 200) throw new Error(`capture answered ${answer.status}`);
  const first = people.at(-PEOPLE);
  await waitFor(async () => (await server.query(`SELECT count() FROM events WHERE distinct_id IN ('${first.id}', '${people.at(-1).id}')`))[0][0] === 2 * EVENTS,
    { timeout_ms: VISIBLE_TIMEOUT_MS, what: 'the events of the round' });
}

async function order(person) {
  let answer;
  if (person.fate === 'half') {
    answer = await api('POST', '/events/bulk_delete/', { where: `distinct_id = '${person.id}' AND toInt(properties.k) < 10` });
  } else {
    const [[uuid]] = await server.query(`SELECT person_id FROM person_distinct_ids WHERE distinct_id = '${person.id}'`);
    answer = await api('DELETE', `/persons/${uuid}/${person.fate === 'all' ? '?delete_events=true' : ''}`);
  }
  if (answer.status !== 200 && answer.status !== 202) fail(`${person.id}: deletion answered ${answer.status} ${answer.text}`);
  person.answered = true;
}

// What is left of everybody: id -> [persons, events].
async function left() {
  const out = new Map(people.map(({ id }) => [id, [0, 0]]));
  for (const [id, count] of await server.query('SELECT distinct_id, count() FROM events GROUP BY distinct_id LIMIT 50000')) out.get(id)[1] = count;
  for (const [id] of await server.query('SELECT distinct_id FROM person_distinct_ids LIMIT 50000')) out.get(id)[0] = 1;
  return out;
}

function check(seen, round) {
  const whole = [1, EVENTS];
  const wanted = { keep: whole, all: [0, 0], person: [0, EVENTS], half: [1, EVENTS - 10] };
  const same = (a, b) => a[0] === b[0] && a[1] === b[1];
  for (const person of people) {
    const got = seen.get(person.id);
    if (same(got, wanted[person.fate])) {
      person.answered = true; // and must stay so
    } else if (person.answered || !same(got, whole)) {
      fail(`after round ${round}: ${person.id} (${person.fate}, ${person.answered ? 'answered' : 'not answered'}) has ${got[0]} persons, ${got[1]} events`);
    }
  }
}

for (let round = 0; round < Number(flags.rounds) && failures === 0; ++round) {
  await sendPeople(round);
  const orders = people.slice(-PEOPLE).filter(({ fate }) => fate !== 'keep').map((person) => order(person).catch(() => {}));
  await sleep(random() * KILL_AFTER_MS_MAX);
  await server.kill();
  await Promise.all(orders);
  await server.start();
  check(await left(), round);
}
await server.stop();
const report = runCli(['check', '--data', server.data]);
if (report.status !== 0) fail(`hoglet check: ${report.stdout}${report.stderr}`);
const answered = people.filter((person) => person.answered && person.fate !== 'keep').length;
console.log(`${people.length} people, ${answered} deletions carried out, ${failures} failures`);
if (failures > 0) {
  console.error(`data kept in ${server.data}`);
  process.exit(1);
}
await server.remove();
