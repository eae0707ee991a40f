// posthog-node from npm, unmodified, against the whole binary: by /batch/ as it does by default, and
// by the v1 endpoint, which it takes to when asked by its environment.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Server } from './lib/server.mjs';

const APP = fileURLToPath(new URL('./fixtures/posthog_node_app.mjs', import.meta.url));

function runApp(server, mode) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [APP, server.url, server.token],
      { env: { ...process.env, POSTHOG_CAPTURE_MODE: mode } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
    child.on('exit', (code, signal) => {
      clearTimeout(late);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

for (const [mode, route] of [['v0', '/batch'], ['v1', '/i/v1/analytics/events']]) describe(mode, () => {
  let server;
  before(async () => {
    server = await Server.start();
  });
  after(() => server.remove());

  test('the program sends everything and shuts down clean', async () => {
    assert.deepEqual(await runApp(server, mode), { code: 0, signal: null, stdout: 'done\n', stderr: '' });
  });

  test('every event is found within a second', async () => {
    await server.expectRows('SELECT event, distinct_id, count() FROM events GROUP BY event, distinct_id ORDER BY event',
      [['$create_alias', 'node-user', 1], ['$groupidentify', 'node-user', 1], ['$identify', 'node-user', 1],
        ['order placed', 'node-user', 1], ['page seen', 'node-visitor', 1], ['report opened', 'node-user', 1],
        ['sent at once', 'node-user', 1]]);
  });

  test('properties, library and time are those that were sent', async () => {
    await server.expectRows(`SELECT properties.amount, properties.currency, properties.tags, properties.note,
        properties.$lib, toUnixTimestamp(timestamp) FROM events WHERE event = 'order placed'`,
    [[12.5, 'EUR', '["a","b"]', 'Grüße ☕', 'posthog-node', 1714979289]]);
    await server.expectRows(`SELECT properties.urgent FROM events WHERE event = 'sent at once'`, [[true]]);
  });

  test('identify sets person properties', async () => {
    await server.expectRows(`SELECT properties.email, properties.plan, properties.first_seen_in FROM persons`,
      [['node@example.com', 'team', 'node']]);
    await server.expectRows(`SELECT person.properties.email FROM events WHERE event = '$identify'`,
      [['node@example.com']]);
  });

  test('alias makes one person of the two ids', async () => {
    await server.expectRows(`SELECT count(DISTINCT person_id) FROM events`, [[1]]);
    await server.expectRows(`SELECT distinct_id FROM person_distinct_ids ORDER BY distinct_id`,
      [['node-user'], ['node-visitor']]);
  });

  test('group events carry their group', async () => {
    await server.expectRows(`SELECT properties.$group_type, properties.$group_key FROM events
      WHERE event = '$groupidentify'`, [['company', 'acme']]);
    await server.expectRows(`SELECT count() FROM events WHERE event = 'report opened'
      AND properties.$groups LIKE '%acme%'`, [[1]]);
  });

  test('everything went to the endpoint of the mode', async () => {
    const { text } = await server.get('/metrics');
    const counted = text.split('\n').filter((line) => line.startsWith('hoglet_http_requests_total') &&
      /route="\/(batch|i\/v1)/.test(line));
    assert.ok(counted.length > 0, text);
    for (const line of counted) assert.match(line, new RegExp(`route="${route}",status="200"`));
  });
});
