// Real input: the commits of a public repository over eight years, through `hoglet import` and through
// `/batch/`, must give the figures that were counted from the file itself.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { DATA_FILES, Server, runCli, temporaryFolder, waitFor } from './lib/server.mjs';

const FILE = path.join(DATA_FILES, 'duckdb-commits.jsonl.zst');
const EVENTS = 82_536;

const folder = temporaryFolder();
after(() => fs.rmSync(folder, { recursive: true, force: true }));

async function assertFigures(server) {
  await waitFor(async () => (await server.query('SELECT count() FROM events'))[0][0] >= EVENTS,
    { timeout_ms: 60_000, interval_ms: 100, what: 'all events' });
  const expect = async (hogql, rows) => assert.deepEqual(await server.query(hogql), rows, hogql);
  await expect('SELECT count() FROM events', [[EVENTS]]);
  await expect('SELECT event, count() AS n FROM events GROUP BY event ORDER BY n DESC',
    [['commit', 61_317], ['merge', 20_513], ['revert', 580], ['$identify', 126]]);
  await expect('SELECT count(DISTINCT toStartOfMonth(timestamp)) FROM events', [[98]]);
  await expect('SELECT count(DISTINCT distinct_id), count(DISTINCT person_id) FROM events', [[878, 759]]);
  await expect('SELECT count() FROM persons', [[759]]);
  await expect(`SELECT toYear(timestamp) AS year, count(DISTINCT person_id) FROM events WHERE event != '$identify'
    GROUP BY year ORDER BY year`,
  [5, 25, 34, 70, 119, 173, 193, 220, 243].map((persons, i) => [2018 + i, persons]));
  const [[sum, top]] = await server.query(`SELECT sum(toFloat(properties.lands_after_hours)),
    max(toFloat(properties.lands_after_hours)) FROM events WHERE event = 'commit'`);
  assert.equal(sum.toFixed(2), '1398388.97');
  assert.equal(top, 9435.65);
  await expect(`SELECT countIf(isNull(properties.kind)), countIf(properties.kind = 'fix') FROM events
    WHERE event = 'commit'`, [[59_173, 423]]);
  await expect(`SELECT properties.kind AS kind, count() AS n FROM events WHERE event = 'commit'
    GROUP BY kind ORDER BY n DESC LIMIT 1`, [[null, 59_173]]);
}

test('imported from the file; a second import changes nothing', { timeout: 300_000 }, async () => {
  const data = path.join(folder, 'imported');
  const server = await Server.start({ data });
  await server.stop();
  const first = runCli(['import', FILE, '--data', data]);
  assert.equal(first.status, 0, first.stderr);
  await server.start();
  await assertFigures(server);
  await server.stop();
  const second = runCli(['import', FILE, '--data', data]);
  assert.equal(second.status, 0, second.stderr);
  await server.start();
  await assertFigures(server);
  assert.equal((await server.stop()).code, 0);
  const check = runCli(['check', '--data', data]);
  assert.equal(check.status, 0, check.stdout + check.stderr);
});

test('sent to /batch/, twice', { timeout: 300_000 }, async () => {
  const server = await Server.start({ data: path.join(folder, 'sent') });
  try {
    const lines = execFileSync('zstd', ['-dc', FILE], { maxBuffer: 1 << 28, encoding: 'utf8' }).trimEnd().split('\n');
    assert.equal(lines.length, EVENTS);
    for (let round = 0; round < 2; ++round) {
      for (let start = 0; start < lines.length; start += 1000) {
        const body = `{"api_key":"${server.token}","batch":[${lines.slice(start, start + 1000).join(',')}]}`;
        const answer = await server.request('POST', '/batch/', body, { 'content-type': 'application/json' });
        assert.equal(answer.status, 200, answer.text);
      }
      await assertFigures(server);
    }
  } finally {
    await server.kill();
  }
});
