// Queries that need more memory than they may have go on with temporary files, or end with a clear error.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { memoryIs, Server } from './lib/server.mjs';

let server;
before(async () => { server = await Server.start({ args: ['--memory-limit', '128MB', '--spill-limit', '200MB'] }); });
after(() => server.remove());

const GROUPS = (count) => `SELECT count(), sum(n), sum(length(k)) FROM (SELECT repeat(toString(number), 3) AS k, count() AS n FROM numbers(${count}) GROUP BY k)`;
const lengths = (count) => 3 * Array.from({ length: String(count - 1).length }, (_, i) => (i + 1) * (Math.min(count, 10 ** (i + 1)) - (i === 0 ? 0 : 10 ** i))).reduce((a, b) => a + b);
const folder = () => path.join(server.data, 'tmp', 'queries');
async function ask(query) {
  const answer = await server.request('POST', '/api/projects/1/query/', JSON.stringify({ query: { kind: 'HogQLQuery', query } }),
    { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' });
  return { status: answer.status, ...JSON.parse(answer.text) };
}
async function metric(name) {
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec((await server.get('/metrics')).text)[1]);
}

test('a query that does not fit is answered all the same', async () => {
  assert.deepEqual((await ask(GROUPS(1000))).results, [[1000, 1000, lengths(1000)]]);
  assert.equal(await metric('hoglet_queries_spilled_total'), 0);
  assert.deepEqual((await ask(GROUPS(1_000_000))).results, [[1_000_000, 1_000_000, lengths(1_000_000)]]);
  assert.equal(await metric('hoglet_queries_spilled_total'), 1);
  assert.ok(await metric('hoglet_query_spill_written_bytes_total') > 1e6);
  assert.equal(await metric('hoglet_query_spill_bytes'), 0);
  assert.deepEqual(fs.readdirSync(folder()), []);
  const sorted = await ask('SELECT count(), max(v), sum(v != place) FROM (SELECT v, rowNumberInAllBlocks() AS place FROM (SELECT number AS v, repeat(toString(number), 5) AS w FROM numbers(1000000) ORDER BY v, w) WHERE w != \'\')');
  assert.deepEqual(sorted.results, [[1_000_000, 999_999, 0]]);
  assert.equal(await metric('hoglet_queries_spilled_total'), 2);
});

test('several at once share the memory', async () => {
  const answers = await Promise.all(Array.from({ length: 4 }, () => ask(GROUPS(500_000))));
  for (const { results, detail } of answers) assert.deepEqual(results, [[500_000, 500_000, lengths(500_000)]], detail);
  const peak_kb = Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);
  memoryIs(peak_kb < 256 * 1024, `${peak_kb} kB`);
});

test('what cannot be divided, and what the disk may not hold, is refused', async () => {
  const one_group = await ask('SELECT length(groupArray(repeat(toString(number), 3))) FROM numbers(3000000)');
  assert.deepEqual([one_group.status, one_group.code], [504, 'memory_limit_exceeded']);
  const too_wide = await ask("SELECT repeat('x', 10000), number FROM numbers(50000) LIMIT 50000");
  assert.deepEqual([too_wide.status, too_wide.code], [504, 'memory_limit_exceeded']);
  const too_large = await ask('SELECT count() FROM (SELECT number, cityHash64(toString(number)) AS a, arrayStringConcat(arrayMap(i -> toString(cityHash64(concat(toString(number), toString(i)))), range(100))) AS b FROM numbers(600000) ORDER BY a, b)');
  assert.deepEqual([too_large.status, too_large.code], [504, 'not_enough_space'], too_large.detail);
  assert.match(too_large.detail, /no more than 209715200 bytes/);
  assert.deepEqual(fs.readdirSync(folder()), []);
  assert.deepEqual((await ask(GROUPS(1000))).status, 200);
});

test('files of before a crash are removed', async () => {
  await server.kill();
  fs.writeFileSync(path.join(folder(), '7'), 'left behind');
  await server.start();
  assert.deepEqual(fs.readdirSync(folder()), []);
});
