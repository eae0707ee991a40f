// Records that the pipeline cannot take: they are set aside with a reason, and an operator lists, replays or
// drops them.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { appendRecord } from './lib/log_writer.mjs';
import { Server, runCli } from './lib/server.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.remove());

const api = (method, target, body) => server.request(method, `/api/projects/1${target}`, body && JSON.stringify(body),
  { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' });
const event = (name, distinct_id, properties = {}) => ({ event: name, distinct_id, properties, timestamp: new Date().toISOString() });
const lettersOf = ({ status, stdout, stderr }) => {
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
};

test('a record of another version is listed, replayed and dropped', async () => {
  assert.equal((await server.capture(event('before', 'a'))).status, 200);
  await server.expectRows('SELECT count() FROM events', [[1]], { timeout_ms: 5000 });
  await server.stop();
  const of_the_future = Buffer.from([9, 0, 1, 2, 3]);
  const offset = appendRecord(server.data, 'events_plugin_ingestion', of_the_future);
  appendRecord(server.data, 'events_plugin_ingestion', Buffer.from('no event at all'));

  const dlq = (...args) => runCli(['dlq', ...args, '--data', server.data]);
  const letters = lettersOf(dlq('list'));
  assert.equal(letters.length, 2);
  assert.deepEqual([letters[0].offset, letters[0].step], [offset, 'parse']);
  assert.match(letters[0].reason, /version 9/);
  // What cannot be understood now either comes back under a new number.
  assert.match(dlq('replay', String(letters[0].id)).stderr, /^1 dead letters replayed/m);
  const again = lettersOf(dlq('list'));
  assert.deepEqual(again.map(({ id }) => id).includes(letters[0].id), false);
  assert.equal(again.length, 2);
  assert.match(dlq('drop', '--all').stderr, /^2 dead letters dropped/m);
  assert.deepEqual(lettersOf(dlq('list')), []);

  // The events around them are none the worse.
  await server.start();
  assert.equal((await server.capture(event('after', 'a'))).status, 200);
  await server.expectRows('SELECT event FROM events ORDER BY timestamp', [['before'], ['after']], { timeout_ms: 5000 });
});

test('an event that met a fault is stored by a replay once the fault is gone', async () => {
  assert.equal((await api('PATCH', '/', { cookieless_server_hash_mode: 1 })).status, 200);
  // The salt of the day cannot be written: its place is taken.
  const blocked = path.join(server.data, 'cookieless_salts.tmp');
  fs.mkdirSync(blocked);
  const visit = event('visit', '$posthog_cookieless', { $cookieless_mode: true, $raw_user_agent: 'Firefox', $ip: '203.0.113.7', $host: 'shop.example.com' });
  assert.equal((await server.capture([visit, event('beside', 'b')])).status, 200);
  await server.expectRows("SELECT count() FROM events WHERE event = 'beside'", [[1]], { timeout_ms: 5000 });
  await server.expectRows("SELECT event, distinct_id, error_location, error LIKE '%cookieless_salts%', raw_payload.properties.$host FROM dead_letter_queue",
    [['visit', '$posthog_cookieless', 'parse', 1, 'shop.example.com']], { timeout_ms: 5000 });
  assert.equal((await server.query("SELECT count() FROM events WHERE event = 'visit'"))[0][0], 0);

  fs.rmdirSync(blocked);
  const dlq = (...args) => runCli(['dlq', ...args, '--url', server.url, '--key', server.key]);
  const letters = lettersOf(dlq('list'));
  assert.equal(letters.length, 1);
  assert.match(dlq('replay', String(letters[0].id)).stderr, /^1 dead letters replayed/m);
  await server.expectRows("SELECT startsWith(distinct_id, 'cookieless_') FROM events WHERE event = 'visit'", [[1]], { timeout_ms: 5000 });
  assert.deepEqual(lettersOf(dlq('list')), []);
});

test('whatever a client sends is an event or a refusal, never a dead letter', async () => {
  const nested = (depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const odd = [nested(50), nested(120), nested(400), nested(2000), `[${'['.repeat(1000)}${']'.repeat(1000)}]`, '"\\ud800"', '"\\u0000"', '1e400', '123456789012345678901234567890', '-0', '""'];
  let accepted = 0;
  for (const [i, value] of odd.entries()) {
    const body = `{"api_key":"${server.token}","batch":[{"event":"odd ${i}","distinct_id":"odd","properties":{"value":${value},"$set":{"value":${value}},"$groups":{"t":${value}}}}]}`;
    const { status } = await server.request('POST', '/batch/', body, { 'content-type': 'application/json' });
    assert.ok(status === 200 || status === 400, `${value.slice(0, 20)}: ${status}`);
    accepted += status === 200;
  }
  for (const extra of ['"$heatmap_data":{"u":[1,{"x":{}}]},"$viewport_width":1,"$viewport_height":1', '"$elements":[1,{},{"attr__class":5}]', '"$anon_distinct_id":{"a":1}', '"$group_type":[],"$group_key":{}', '"$unset":[1,{}],"$set":5,"$set_once":[1]', '"$process_person_profile":{}', '"$session_id":[1]']) {
    for (const name of ['odd x', '$identify', '$groupidentify', '$create_alias', '$autocapture']) {
      const body = `{"api_key":"${server.token}","batch":[{"event":"${name}","distinct_id":"odd","properties":{${extra}}}]}`;
      assert.equal((await server.request('POST', '/batch/', body, { 'content-type': 'application/json' })).status, 200, body);
    }
  }
  assert.equal((await server.capture(event('last', 'odd-end'))).status, 200);
  await server.expectRows("SELECT count() FROM events WHERE event = 'last'", [[1]], { timeout_ms: 10_000 });
  await server.expectRows("SELECT count() FROM events WHERE event LIKE 'odd %' AND event != 'odd x'", [[accepted]]);
  assert.deepEqual(await server.query('SELECT reason FROM (SELECT error AS reason FROM dead_letter_queue)'), []);
});
