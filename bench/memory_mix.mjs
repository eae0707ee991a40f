// Queries that need more memory than they may have: the same answers as without a limit, below it.
//
//   node memory_mix.mjs --hoglet BIN [--events 1000000] [--memory-limit 512MB] [--cgroup DIR]
//     [--queries group_uuid,...] [--at-once 1] [--data DIR] [--json FILE]
//
// Loads the bench's stream, asks every query of the mix without a limit and then of a server that was
// started with one, and compares the answers, each a checksum over all rows. Prints the times, the
// bytes that were written to temporary files, and the most memory that was resident during a query.
// --at-once asks so many of the mix together once more. --cgroup puts the limited server into a
// control group (a folder that exists, with its limit set). --data takes a data folder that is there
// (it is copied). The exit code is 1 when an answer differs, a query fails, or the resident memory
// passes the limit.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { EventStream } from './generate.mjs';
import { Hoglet, TOKEN, formatTable } from './lib.mjs';
import { untilQueryable } from './load.mjs';
import { resetPeak } from './process.mjs';

const { values: flags } = parseArgs({ options: {
  hoglet: { type: 'string' },
  events: { type: 'string', default: '1000000' },
  'memory-limit': { type: 'string', default: '512MB' },
  cgroup: { type: 'string' },
  queries: { type: 'string' },
  'at-once': { type: 'string', default: '1' },
  data: { type: 'string' },
  json: { type: 'string' },
} });
if (!flags.hoglet) throw new Error('--hoglet BIN is needed');

const BATCH = 1000;
// Of rows in any order.
const text = (column) => `ifNull(toString(${column}), '-')`;
const checksum = (...columns) =>
  `count(), groupBitXor(cityHash64(concat(${columns.map(text).join(", '|', ")}, '|')))`;

const MIX = {
  group_uuid: `SELECT ${checksum('distinct_id', 'uuid', 'n', 'u')} FROM
    (SELECT distinct_id, uuid, count() AS n, uniqExact(event) AS u FROM events GROUP BY distinct_id, uuid)`,
  group_insert_id: `SELECT ${checksum('id', 'n', 'first', 'q')} FROM
    (SELECT properties.$insert_id AS id, count() AS n, min(timestamp) AS first, max(properties.$current_url) AS q
     FROM events GROUP BY id)`,
  urls_of_uuids: `SELECT ${checksum('url', 'all')} FROM
    (SELECT properties.$current_url AS url, arraySort(groupArray(toString(uuid))) AS all FROM events GROUP BY url)`,
  properties_by_session: `SELECT ${checksum('s', 'n', 'bytes')} FROM
    (SELECT properties.$session_id AS s, count() AS n, length(arrayStringConcat(groupArray(properties))) AS bytes
     FROM events GROUP BY s)`,
  ordered_urls: `SELECT ${checksum('s', 'path')} FROM
    (SELECT properties.$session_id AS s, arrayMap(p -> p.2, arraySort(p -> p, groupArray((timestamp, properties.$pathname)))) AS path
     FROM events GROUP BY s)`,
  distinct_uuids: `SELECT count(DISTINCT uuid), uniqExact(properties.$insert_id), uniq(distinct_id) FROM events`,
  distinct_rows: `SELECT ${checksum('uuid', 'id', 'url')} FROM
    (SELECT DISTINCT uuid, properties.$insert_id AS id, properties.$current_url AS url FROM events)`,
  sort_wide: `SELECT count(), sum(place * (h % 1000)) FROM
    (SELECT h, rowNumberInAllBlocks() AS place FROM
      (SELECT cityHash64(toString(uuid)) AS h, properties FROM events ORDER BY properties.$insert_id, uuid) WHERE length(properties) > 0)`,
  sort_many: `SELECT count(), groupBitXor(cityHash64(toString(u))), sum(length(p)) FROM
    (SELECT uuid AS u, properties AS p FROM events ORDER BY properties.$current_url, timestamp, uuid LIMIT 900000)`,
  join_uuid: `SELECT ${checksum('a.uuid', 'a.event', 'b.properties')} FROM events a JOIN events b ON a.uuid = b.uuid`,
  join_left: `SELECT ${checksum('a.uuid', 'b.id')} FROM events a LEFT JOIN
    (SELECT uuid, properties.$insert_id AS id, properties FROM events WHERE event != '$pageview' AND length(properties) > 10) b
    ON a.uuid = b.uuid`,
  join_session: `SELECT count(), sum(length(b.properties)) FROM events a JOIN events b
    ON a.properties.$session_id = b.properties.$session_id WHERE a.event = 'signup'`,
  join_full: `SELECT ${checksum('x.uuid', 'y.uuid', 'x.p', 'y.p')} FROM
    (SELECT uuid, properties.$current_url AS p FROM events WHERE cityHash64(toString(uuid)) % 3 > 0) x FULL JOIN
    (SELECT uuid, properties.$raw_user_agent AS p FROM events WHERE cityHash64(toString(uuid)) % 3 < 2) y ON x.uuid = y.uuid`,
};

async function load(data) {
  const server = await new Hoglet(path.resolve(flags.hoglet), data).start();
  const events = Number(flags.events);
  const stream = new EventStream({ events, seed: 1 });
  let sent = 0;
  const client = async () => {
    while (sent < events) {
      const lines = Array.from({ length: Math.min(BATCH, events - sent) }, () => stream.next().trimEnd());
      sent += lines.length;
      await server.postBatch(`{"api_key":"${TOKEN}","batch":[${lines.join(',')}]}`, { 'content-type': 'application/json' });
    }
  };
  await Promise.all(Array.from({ length: 4 }, client));
  await untilQueryable(server, events);
  await server.stop();
}

async function spilledBytes(server) {
  const { body } = await server.request('GET', '/metrics', [], {});
  return Number(/^hoglet_query_spill_written_bytes_total (\S+)/m.exec(String(body))?.[1] ?? 0);
}

async function ask(server, name) {
  resetPeak(server.pid);
  const before = await spilledBytes(server);
  const began = performance.now();
  const answer = await server.queryText(MIX[name]).then((text) => JSON.stringify(JSON.parse(text).results), (error) => `${error.message}`);
  return { name, answer, s: (performance.now() - began) / 1000, spilled_mb: (await spilledBytes(server) - before) / 1e6, peak_mb: server.memory().peak_mb };
}

const names = flags.queries ? flags.queries.split(',') : Object.keys(MIX);
const limit_mb = Number(/^\d+/.exec(flags['memory-limit'])[0]) * (/G/i.test(flags['memory-limit']) ? 1024 : 1);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hoglet-memory-'));
const data = path.join(folder, 'data');
const failures = [];
let server;
try {
  if (flags.data) fs.cpSync(flags.data, data, { recursive: true });
  else await load(data);
  const binary = path.resolve(flags.hoglet);
  server = await new Hoglet(binary, data).start();
  const [[events]] = await server.query('SELECT count() FROM events');
  if (events === 0) throw new Error(`there are no events in ${flags.data}`);
  const free = [];
  for (const name of names) free.push(await ask(server, name));
  const refused = free.find(({ answer }) => !answer.startsWith('['));
  if (refused) throw new Error(`${refused.name}: ${refused.answer}`);
  await server.stop();
  server = await new Hoglet(binary, data, ['--memory-limit', flags['memory-limit']], flags.cgroup).start();
  const rows = [['query', 's', 'limited s', 'peak MB', 'limited MB', 'on disk MB', 'answer']];
  const results = [];
  const check = (mine, theirs) => {
    const verdict = mine.answer === theirs.answer ? 'the same' : `${mine.answer} instead of ${theirs.answer}`;
    if (verdict !== 'the same') failures.push(`${mine.name}: ${verdict}`);
    if (mine.peak_mb > limit_mb) failures.push(`${mine.name}: ${mine.peak_mb} MB resident`);
    return verdict;
  };
  for (const theirs of free) {
    const mine = await ask(server, theirs.name);
    const verdict = check(mine, theirs);
    results.push({ unlimited: theirs, limited: mine });
    rows.push([mine.name, theirs.s.toFixed(2), mine.s.toFixed(2), theirs.peak_mb.toFixed(0), mine.peak_mb.toFixed(0),
      mine.spilled_mb.toFixed(0), verdict === 'the same' ? verdict : 'DIFFERS']);
  }
  console.log(formatTable(rows));
  if (Number(flags['at-once']) > 1) {
    const waiting = [...free];
    const began = performance.now();
    let peak_mb = 0;
    const client = async () => {
      while (waiting.length > 0) {
        const theirs = waiting.shift();
        const mine = await ask(server, theirs.name);
        check(mine, theirs);
        peak_mb = Math.max(peak_mb, mine.peak_mb);
      }
    };
    await Promise.all(Array.from({ length: Number(flags['at-once']) }, client));
    console.log(`${flags['at-once']} at once: ${((performance.now() - began) / 1000).toFixed(1)} s, peak ${peak_mb} MB`);
  }
  const left = fs.readdirSync(path.join(data, 'tmp', 'queries'));
  if (left.length > 0) failures.push(`temporary files left behind: ${left.join(', ')}`);
  if (flags.json) fs.writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
} finally {
  await server?.stop().catch(() => {});
  fs.rmSync(folder, { recursive: true, force: true });
}
for (const failure of failures) console.error(failure);
process.exitCode = failures.length > 0 ? 1 : 0;
