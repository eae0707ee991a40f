// How fast hoglet evaluates feature flags over HTTP.
//
//   node flags_load.mjs --hoglet BIN [--flags 50] [--cohorts 5] [--persons 10000] [--seconds 10] [--connections 32]
//     [--threads 1] [--rate N] [--unknown] [--json FILE]
//
// Makes the flags over the REST API (rollouts, variants, properties, groups, dependencies, payloads; as many with a
// cohort each as asked for), sends the persons' properties as events, and lets `wrk` post to /flags/?v=2 as SDKs do,
// each request for another person: first as fast as it can, then at half of that rate, or at --rate requests a second
// (each connection then waits a while between requests, and more connections are open). Prints requests a second, and
// p50 and p99 of a request.
// --unknown asks for persons that nobody has heard of; --threads are of wrk.
//
// wrk shares the machine, so the figures are those of client and server.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { API_KEY, Hoglet, TOKEN, sleep, thousands } from './lib.mjs';

const { values: flags } = parseArgs({ options: {
  hoglet: { type: 'string' },
  flags: { type: 'string', default: '50' },
  cohorts: { type: 'string', default: '5' },
  persons: { type: 'string', default: '10000' },
  seconds: { type: 'string', default: '10' },
  connections: { type: 'string', default: '32' },
  threads: { type: 'string', default: '1' },
  rate: { type: 'string' },
  unknown: { type: 'boolean', default: false },
  json: { type: 'string' },
} });
if (!flags.hoglet) throw new Error('--hoglet BIN is needed');
const PERSONS = Number(flags.persons);
const PLANS = ['free', 'pro', 'enterprise'];
// Of wrk's connections while it goes at half the rate, on average.
const PAUSE_MS = 5;

const data = fs.mkdtempSync(path.join(os.tmpdir(), 'hoglet-flags-'));
const server = new Hoglet(path.resolve(flags.hoglet), path.join(data, 'data'), []);

async function api(method, target, body) {
  const { status, body: text } = await server.request(method, target, [Buffer.from(JSON.stringify(body))],
    { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' });
  if (status >= 300) throw new Error(`${method} ${target} answered ${status}: ${text}`);
  return JSON.parse(text);
}

const person = (key, operator, value) => ({ key, type: 'person', operator, value });

// The conditions of flag number i, in turn one kind after the other.
function filtersOf(i, first_id) {
  const all = { properties: [], rollout_percentage: 100 };
  const kinds = [
    () => ({ groups: [{ properties: [], rollout_percentage: (i * 7) % 101 }] }),
    () => ({ groups: [{ properties: [person('plan', 'exact', ['pro', 'enterprise'])], rollout_percentage: 50 }] }),
    () => ({ groups: [all], multivariate: { variants: [{ key: 'control', rollout_percentage: 50 }, { key: 'test', rollout_percentage: 50 }] },
      payloads: { control: '{"color":"red"}', test: '{"color":"blue"}' } }),
    () => ({ groups: [{ properties: [person('email', 'icontains', '@example.com'), person('age', 'gt', '30')], rollout_percentage: 100 },
      { properties: [person('country', 'exact', ['DE'])], rollout_percentage: 30 }] }),
    () => ({ groups: [{ properties: [person('$browser', 'is_set', 'is_set'), person('email', 'regex', '^user1')], rollout_percentage: 80 }] }),
    () => ({ groups: [{ properties: [person('signed_up', 'is_date_after', '-90d')], rollout_percentage: 100 }] }),
    () => (first_id === undefined ? { groups: [all] } : { groups: [{ properties: [{ key: String(first_id), type: 'flag', operator: 'flag_evaluates_to', value: true }], rollout_percentage: 100 }] }),
  ];
  return kinds[i % kinds.length]();
}

async function makeFlags() {
  let first_id;
  const cohorts = Number(flags.cohorts);
  for (let i = 0; i < Number(flags.flags); ++i) {
    let filters = filtersOf(i, first_id);
    if (i < cohorts) {
      const { id } = await api('POST', '/api/projects/1/cohorts/', { name: `cohort ${i}`, filters: { properties: { type: 'OR', values: [
        { type: 'AND', values: [person('plan', 'exact', [PLANS[i % 3]]), person('country', 'is_not', ['FR'])] },
        { type: 'AND', values: [person('age', 'gt', String(20 + 10 * i))] }] } } });
      filters = { groups: [{ properties: [{ key: 'id', type: 'cohort', value: id, operator: 'in' }], rollout_percentage: 75 }] };
    }
    const flag = await api('POST', '/api/projects/1/feature_flags/', { key: `flag-number-${i}`, name: '', filters });
    first_id ??= flag.id;
  }
}

async function makePersons() {
  const batch = (from) => JSON.stringify({ api_key: TOKEN, batch: Array.from({ length: Math.min(1000, PERSONS - from) }, (_, k) => {
    const n = from + k;
    return { event: '$set', distinct_id: `user-${n}`, properties: { $set: { email: `user${n}@${n % 2 ? 'example.com' : 'posthog.com'}`, plan: PLANS[n % 3],
      age: 18 + n % 60, country: ['DE', 'FR', 'US'][n % 3], $browser: 'Chrome', signed_up: new Date(Date.now() - (n % 365) * 86_400_000).toISOString() } } };
  }) });
  for (let from = 0; from < PERSONS; from += 1000) await server.postBatch([Buffer.from(batch(from))], { 'content-type': 'application/json' });
  for (;;) {
    const rows = await server.query('SELECT count() FROM persons');
    if (Number(rows[0][0]) === PERSONS) return;
    await sleep(100);
  }
}

// The requests: one text with a number in it for each person, made once a thread.
function writeScript(pause_ms) {
  const prefix = flags.unknown ? 'stranger' : 'user';
  const file = path.join(data, 'post.lua');
  fs.writeFileSync(file, `
local n = 0
local requests = {}
function init(args)
  math.randomseed(os.time())
  for i = 0, ${PERSONS - 1} do
    local body = '{"token":"${TOKEN}","distinct_id":"${prefix}-' .. i .. '","groups":{},"person_properties":{},"group_properties":{},"geoip_disable":true,"evaluation_runtime":"server"}'
    requests[i] = wrk.format('POST', '/flags/?v=2', {['Content-Type']='application/json',['User-Agent']='posthog-node/5.0'}, body)
  end
  n = math.random(0, ${PERSONS - 1})
end
function request()
  n = (n + 7919) % ${PERSONS}
  return requests[n]
end
${pause_ms > 0 ? `function delay() return math.random(0, ${2 * pause_ms}) end` : ''}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"us":%d,"p50":%d,"p99":%d,"max":%d,"bytes":%d,"errors":%d}\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max, summary.bytes, e.connect + e.read + e.write + e.status + e.timeout))
end
`);
  return file;
}

function wrk(connections, pause_ms, seconds) {
  const { status, stdout, stderr, error } = spawnSync('wrk', ['-t', flags.threads, '-c', String(connections), '-d', `${seconds}s`,
    '-s', writeScript(pause_ms), `http://127.0.0.1:${server.port}`], { encoding: 'utf8', maxBuffer: 1 << 24 });
  if (error) throw new Error(`wrk: ${error.message} (Debian's package wrk is needed)`);
  if (status !== 0) throw new Error(`wrk: ${stderr}`);
  const result = JSON.parse(/^RESULT (.*)$/m.exec(stdout)[1]);
  if (result.errors > 0) throw new Error(`${result.errors} requests failed\n${stdout}`);
  return { connections, per_s: result.requests / (result.us / 1e6), p50_ms: result.p50 / 1000, p99_ms: result.p99 / 1000, max_ms: result.max / 1000,
    answer_bytes: result.bytes / result.requests };
}

function show(name, result) {
  console.log(`${name}: ${thousands(result.per_s)} requests/s over ${result.connections} connections, p50 ${result.p50_ms.toFixed(2)} ms, ` +
    `p99 ${result.p99_ms.toFixed(2)} ms, longest ${result.max_ms.toFixed(1)} ms; ${thousands(result.answer_bytes)} bytes an answer`);
}

await server.start();
try {
  await makeFlags();
  if (!flags.unknown) await makePersons();
  const seconds = Number(flags.seconds);
  wrk(Number(flags.connections), 0, Math.min(3, seconds));  // the persons come into memory
  const cpu = server.cpuSeconds();
  const full = wrk(Number(flags.connections), 0, seconds);
  full.cpu_us = (server.cpuSeconds() - cpu) / (full.per_s * seconds) * 1e6;
  show('as fast as it goes', full);
  console.log(`${full.cpu_us.toFixed(1)} us of processor time a request in the server; RSS ${server.memory().rss_mb} MB`);
  const wanted = flags.rate ? Number(flags.rate) : full.per_s / 2;
  const connections = Math.max(Number(flags.threads), Math.round(wanted * PAUSE_MS / 1000));
  const half = wrk(connections, PAUSE_MS, seconds);
  show(flags.rate ? `about ${thousands(wanted)} a second` : 'about half of it', half);
  if (flags.json) fs.writeFileSync(flags.json, `${JSON.stringify({ full, half }, null, 2)}\n`);
} finally {
  await server.stop();
  fs.rmSync(data, { recursive: true, force: true });
}
