// What the binary promises over HTTP, good input and bad.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Server, runCli, waitFor } from './lib/server.mjs';

let server;
before(async () => {
  server = await Server.start();
});
after(() => server.remove());

const json = { 'content-type': 'application/json' };
const countOf = async (event) => (await server.query(`SELECT count() FROM events WHERE event = '${event}'`))[0][0];

async function expectCount(event, count) {
  await server.expectRows(`SELECT count() FROM events WHERE event = '${event}'`, [[count]]);
}

function assertOk(answer) {
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(JSON.parse(answer.text), { status: 'Ok' });
}

const single = (event, extra = {}) => JSON.stringify({ api_key: server.token, event, distinct_id: 'http', ...extra });

// --- a server by itself ------------------------------------------------------------------------

test('health and metrics', async () => {
  assert.equal((await server.get('/_livez')).status, 200);
  assert.equal((await server.get('/_readyz')).status, 200);
  const metrics = await server.get('/metrics');
  assert.equal(metrics.status, 200);
  assert.match(metrics.headers['content-type'], /^text\/plain/);
  const samples = metrics.text.split('\n').filter((line) => line && !line.startsWith('#'));
  assert.ok(samples.length > 0, 'there are metrics');
  for (const line of samples) assert.match(line, /^[a-zA-Z_:][\w:]*(\{.*\})? (-?[\d.]+(e[+-]?\d+)?|[+-]Inf|NaN)$/i);
});

test('the root answers a page', async () => {
  assert.equal((await server.get('/')).status, 200);
});

test('a first start prints the token, the key and a curl line that works; a second does not', async () => {
  const fresh = await Server.start({ token: null, key: null });
  try {
    await waitFor(() => /phc_\w+/.test(fresh.output) && /phx_\w+/.test(fresh.output) && /curl/.test(fresh.output),
      { what: 'the first-start message' });
    fresh.token = /phc_\w+/.exec(fresh.output)[0];
    fresh.key = /phx_\w+/.exec(fresh.output)[0];
    const command = /curl (?:.*\\\r?\n)*.*/.exec(fresh.output)[0];
    assertOk({ status: 200, text: execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }) });
    await fresh.expectRows('SELECT count() FROM events', [[1]]);
    const key = fresh.key;
    fresh.output = '';
    await fresh.restart();
    assert.ok(!fresh.output.includes(key), 'the key is shown only once');
    await fresh.expectRows('SELECT count() FROM events', [[1]]);
  } finally {
    await fresh.remove();
  }
});

test('--clock stands still', async () => {
  const still = await Server.start({ args: ['--clock', '2024-03-01T12:00:00Z'] });
  try {
    assertOk(await still.capture({ event: 'now', distinct_id: 'a' }));
    await still.expectRows(`SELECT toUnixTimestamp(timestamp) FROM events`, [[1709294400]]);
    await still.expectRows(`SELECT toUnixTimestamp(now())`, [[1709294400]]);
  } finally {
    await still.remove();
  }
});

// --- capture: forms of a good request ----------------------------------------------------------

test('every capture path takes a single event, with and without a slash', async () => {
  const paths = ['/e', '/i/v0/e', '/capture', '/track', '/engage', '/batch'];
  for (const path of paths) {
    assertOk(await server.request('POST', path, single('path'), json));
    assertOk(await server.request('POST', `${path}/`, single('path'), json));
  }
  await expectCount('path', 2 * paths.length);
});

test('arrays, batches and no content type', async () => {
  const event = { event: 'shape', distinct_id: 'http', api_key: server.token };
  assertOk(await server.request('POST', '/e/', JSON.stringify([event, event]), json));
  assertOk(await server.capture([{ event: 'shape', distinct_id: 'a' }, { event: 'shape', distinct_id: 'b' }]));
  assertOk(await server.request('POST', '/e/', JSON.stringify(event)));
  await expectCount('shape', 5);
});

test('gzip by header, by parameter and by magic bytes', async () => {
  const body = gzipSync(single('gzip'));
  assertOk(await server.request('POST', '/batch/', body, { ...json, 'content-encoding': 'gzip' }));
  assertOk(await server.request('POST', '/e/?compression=gzip-js', body, { 'content-type': 'text/plain' }));
  assertOk(await server.request('POST', '/e/', body, { 'content-type': 'text/plain' }));
  await expectCount('gzip', 3);
});

test('base64, plain and in a form', async () => {
  const base64 = Buffer.from(single('base64')).toString('base64');
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  assertOk(await server.request('POST', '/e/', base64, json));
  assertOk(await server.request('POST', '/e/?compression=base64', `data=${encodeURIComponent(base64)}`, form));
  assertOk(await server.request('POST', '/e/', `data=${encodeURIComponent(base64)}&compression=base64`, form));
  assertOk(await server.request('POST', '/e/', `data=${encodeURIComponent(single('base64'))}`, form));
  await expectCount('base64', 4);
});

test('GET capture, and 204 for a beacon that asks for it', async () => {
  const data = encodeURIComponent(Buffer.from(single('get')).toString('base64'));
  assertOk(await server.get(`/e/?data=${data}`));
  assert.equal((await server.request('POST', '/e/?beacon=1', single('get'), json)).status, 204);
  await expectCount('get', 2);
});

test('an unknown compression is no hint', async () => {
  assertOk(await server.request('POST', '/e/?compression=zopfli', single('unknown compression'), json));
  await expectCount('unknown compression', 1);
  const answer = await server.request('POST', '/e/?compression=zopfli', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xff]), json);
  assert.equal(answer.status, 400);
});

test('CORS: preflight, success and error', async () => {
  const origin = 'https://shop.example.com';
  const preflight = await server.request('OPTIONS', '/e/', undefined,
    { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-thing' });
  assert.equal(preflight.status, 200);
  assert.equal(preflight.headers['access-control-allow-origin'], origin);
  assert.match(preflight.headers['access-control-allow-methods'], /POST/);
  assert.match(preflight.headers['access-control-allow-headers'], /x-thing/);
  for (const body of [single('cors'), 'garbage']) {
    const answer = await server.request('POST', '/e/', body, { ...json, origin });
    assert.equal(answer.headers['access-control-allow-origin'], origin);
    assert.equal(answer.headers['access-control-allow-credentials'], 'true');
  }
});

test('an acknowledged event is found within a second, a hundred times', async () => {
  for (let i = 0; i < 100; ++i) {
    assertOk(await server.capture({ event: 'read your writes', distinct_id: `w${i}`, properties: { i } }));
    await expectCount('read your writes', i + 1);
  }
});

// --- capture: what is refused ------------------------------------------------------------------

test('malformed JSON is a 400 in words', async () => {
  for (const body of ['{"api_key":', '{"event":"x",}', 'null', '[1,2]', '"text"', '{}', '[]']) {
    const answer = await server.request('POST', '/e/', body, json);
    assert.ok(answer.status === 400 || answer.status === 401, `${body}: ${answer.status}`);
    assert.ok(answer.text.length > 10, body);
  }
  assert.match((await server.request('POST', '/e/', '{"api_key":', json)).text, /^failed to parse request/);
  assert.equal((await server.request('POST', '/e/', '', json)).status, 400);
});

test('a wrong or missing token is a 401', async () => {
  const wrong = await server.capture({ event: 'x', distinct_id: 'a' }, { token: 'phc_wrong' });
  assert.equal(wrong.status, 401);
  assert.match(wrong.text, /does not belong to any project/);
  const personal = await server.capture({ event: 'x', distinct_id: 'a' }, { token: server.key });
  assert.equal(personal.status, 401);
  const none = await server.request('POST', '/e/', JSON.stringify({ event: 'x', distinct_id: 'a' }), json);
  assert.equal(none.status, 401);
  assert.equal(await countOf('x'), 0);
});

test('events without a name or a distinct_id are refused whole', async () => {
  assert.equal((await server.capture([{ event: 'refused', distinct_id: 'a' }, { event: 'refused' }])).status, 400);
  assert.equal((await server.capture({ event: '', distinct_id: 'a' })).status, 400);
  assert.equal((await server.capture({ event: 'refused', distinct_id: 'a', properties: 7 })).status, 400);
  assert.equal(await countOf('refused'), 0);
});

test('broken gzip and invalid UTF-8 are 400', async () => {
  const torn = gzipSync(single('torn')).subarray(0, 40);
  const answer = await server.request('POST', '/e/', torn, { ...json, 'content-encoding': 'gzip' });
  assert.equal(answer.status, 400);
  assert.match(answer.text, /invalid GZIP data/);
  const latin = Buffer.from(single('latin é'), 'latin1');
  assert.equal((await server.request('POST', '/e/', latin, json)).status, 400);
  assert.equal((await server.request('POST', '/e/', gzipSync(latin), json)).status, 400);
});

test('NUL bytes: escaped ones are kept harmless, raw ones are malformed JSON', async () => {
  assertOk(await server.capture({ event: 'nul', distinct_id: 'nul\u0000user', properties: { text: 'a\u0000b' } }));
  await server.expectRows(`SELECT distinct_id FROM events WHERE event = 'nul'`, [['nul\ufffduser']]);
  assert.equal((await server.request('POST', '/e/', single('raw nul').replace('http', 'ht\0tp'), json)).status, 400);
});

test('a body of 100 MB is a 413, and the server lives on', async () => {
  const status = await new Promise((resolve, reject) => {
    const bytes = 100 << 20;
    const request = http.request(`${server.url}/batch/`, { method: 'POST', headers: { 'content-length': bytes } });
    let answered = false;
    request.on('response', (response) => {
      answered = true;
      response.resume();
      resolve(response.statusCode);
      response.on('end', () => request.destroy());
    });
    request.on('error', (error) => answered || reject(error));
    const chunk = Buffer.alloc(1 << 20, 0x20);
    let sent = 0;
    const send = () => {
      if (answered || sent >= bytes) return;
      sent += chunk.length;
      request.write(chunk, () => setImmediate(send));
    };
    send();
  });
  assert.equal(status, 413);
  assertOk(await server.capture({ event: 'after the flood', distinct_id: 'a' }));
});

test('a small gzip body that grows without end is a 413', async () => {
  const bomb = gzipSync(Buffer.alloc(512 << 20, 0x20));
  const answer = await server.request('POST', '/e/', bomb, { ...json, 'content-encoding': 'gzip' });
  assert.equal(answer.status, 413);
});

test('10,000 keys in one event', async () => {
  const properties = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key_${i}`, i]));
  assertOk(await server.capture({ event: 'wide', distinct_id: 'a', properties }));
  await server.expectRows(`SELECT properties.key_0, properties.key_5000, properties.key_9999 FROM events
    WHERE event = 'wide'`, [['0', '5000', '9999']]);
  const [[stored]] = await server.query(`SELECT properties FROM events WHERE event = 'wide'`);
  const read = typeof stored === 'string' ? JSON.parse(stored) : stored;
  assert.equal(Object.keys(read).filter((key) => key.startsWith('key_')).length, 10_000);
});

test('nesting of 1,000 levels is answered, not crashed on', async () => {
  const deep = `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`;
  const body = `{"api_key":"${server.token}","event":"deep","distinct_id":"a","properties":{"deep":${deep}}}`;
  const answer = await server.request('POST', '/e/', body, json);
  assert.ok(answer.status === 200 || answer.status === 400, String(answer.status));
  await expectCount('deep', answer.status === 200 ? 1 : 0);
});

test('a project over its quota is told yes, and nothing is stored', async () => {
  const token = `phc_${crypto.randomBytes(20).toString('hex')}`;
  const limited = await Server.start({ token, args: ['--over-quota', `events:${token},recordings:${token}`] });
  try {
    assertOk(await limited.capture([{ event: 'over quota', distinct_id: 'a' }, { event: '$exception', distinct_id: 'a' }]));
    const snapshot = { event: '$snapshot', token, distinct_id: 'a', properties: { $session_id: 's', $snapshot_data: [{}] } };
    const replay = await limited.request('POST', '/s/', JSON.stringify(snapshot), json);
    assert.deepEqual([replay.status, JSON.parse(replay.text)], [200, { status: 'Ok', quota_limited: ['recordings'] }]);
    await limited.expectRows('SELECT event FROM events', [['$exception']]);
  } finally {
    await limited.remove();
  }
});

test('an over-quota rule that says nothing is an error at the start', () => {
  const { status, stderr } = runCli(['serve', '--data', '/nonexistent', '--over-quota', 'pageviews:x']);
  assert.notEqual(status, 0);
  assert.match(stderr, /pageviews:x: expected RESOURCE:TOKEN/);
});

test('a duplicate uuid counts once', async () => {
  const event = { uuid: crypto.randomUUID(), event: 'twice', distinct_id: 'a', timestamp: '2024-01-02T03:04:05Z' };
  assertOk(await server.capture([event, event]));
  assertOk(await server.capture(event));
  assertOk(await server.capture({ ...event, uuid: event.uuid.toUpperCase() }));
  assertOk(await server.capture({ ...event, uuid: crypto.randomUUID() }));
  await expectCount('twice', 2);
  await server.restart();
  assertOk(await server.capture(event));
  assertOk(await server.capture({ event: 'twice, last', distinct_id: 'a' }));
  await expectCount('twice, last', 1);
  assert.equal(await countOf('twice'), 2);
});

// --- queries -----------------------------------------------------------------------------------

test('the answer of a query has its fields', async () => {
  assertOk(await server.capture({ event: 'fields', distinct_id: 'f', timestamp: '2024-05-06T07:08:09.123456Z' }));
  await expectCount('fields', 1);
  const { status, body } = await server.queryApi(
    `SELECT event, count() AS n, max(timestamp) AS latest FROM events WHERE event = 'fields' GROUP BY event`);
  assert.equal(status, 200);
  assert.deepEqual(body.columns, ['event', 'n', 'latest']);
  assert.deepEqual(body.types.map(([name]) => name), ['event', 'n', 'latest']);
  assert.equal(body.types[0][1], 'String');
  assert.equal(body.types[1][1], 'UInt64');
  assert.match(body.types[2][1], /^DateTime64\(6, 'UTC'\)$/);
  assert.deepEqual(body.results, [['fields', 1, '2024-05-06T07:08:09.123456Z']]);
  for (const field of ['hasMore', 'limit', 'offset', 'timings', 'error']) assert.ok(field in body, field);
  assert.equal(body.error, null);
});

test('a query without LIMIT gives 100 rows and says there are more', async () => {
  assertOk(await server.capture(Array.from({ length: 150 }, (_, i) => ({ event: 'many', distinct_id: `m${i}` }))));
  await expectCount('many', 150);
  const { body } = await server.queryApi(`SELECT distinct_id FROM events WHERE event = 'many'`);
  assert.equal(body.results.length, 100);
  assert.deepEqual([body.hasMore, body.limit, body.offset], [true, 100, 0]);
});

test('a syntax error names line and column', async () => {
  const { status, body } = await server.queryApi('SELECT event\nFROM events\nWHERE event = = 1');
  assert.equal(status, 400);
  assert.equal(body.type, 'validation_error');
  assert.match(body.detail, /line 3/i);
  assert.match(body.detail, /col(umn)? ?1[5-9]|line 3:1[5-9]/i);
});

test('an unknown field suggests the nearest name', async () => {
  const { status, body } = await server.queryApi('SELECT evnt FROM events');
  assert.equal(status, 400);
  assert.match(body.detail, /evnt/);
  assert.match(body.detail, /\bevent\b/);
  const table = await server.queryApi('SELECT 1 FROM evnts');
  assert.equal(table.status, 400);
  assert.match(table.body.detail, /evnts/);
});

test('an unknown function and a wrong type are errors in words', async () => {
  for (const query of ['SELECT countt() FROM events', 'SELECT sum(event) FROM events', 'DROP TABLE events', '']) {
    const { status, body } = await server.queryApi(query);
    assert.equal(status, 400, query);
    assert.ok(body.detail.length > 5, query);
  }
});

test('a body that is no query is a 400', async () => {
  const headers = { ...json, authorization: `Bearer ${server.key}` };
  for (const body of ['', '{', '[]', '{"query":1}', '{"query":{"kind":"NoSuchQuery"}}']) {
    const answer = await server.request('POST', '/api/projects/1/query/', body, headers);
    assert.equal(answer.status, 400, body);
  }
});

test('a bad or missing personal API key is a 401', async () => {
  for (const key of ['phx_wrong', server.token, null]) {
    const { status, body } = await server.queryApi('SELECT 1', { key });
    assert.equal(status, 401);
    assert.ok(body.detail.length > 5);
  }
});

test('a cross join of a billion rows meets a limit, and the server lives on', { timeout: 120_000 }, async () => {
  const event = (i) => ({ event: 'crossed', distinct_id: `c${i % 100}`, properties: { i } });
  for (let start = 0; start < 32_000; start += 4000) {
    assertOk(await server.capture(Array.from({ length: 4000 }, (_, i) => event(start + i))));
  }
  await server.expectRows(`SELECT count() FROM events WHERE event = 'crossed'`, [[32_000]], { timeout_ms: 20_000 });
  const { status, body } = await server.queryApi(`SELECT count() FROM (
      SELECT a.uuid AS u, b.uuid AS v, count() AS n FROM events AS a CROSS JOIN events AS b
      WHERE a.event = 'crossed' AND b.event = 'crossed' GROUP BY u, v)`);
  assert.ok(status >= 400, `answered ${status}: ${JSON.stringify(body).slice(0, 200)}`);
  assert.match(body.detail, /memory|limit|time|rows/i);
  assert.equal(await countOf('crossed'), 32_000);
});

test('a large constant array for each of many rows is refused before it is laid out', async () => {
  for (const call of ['arrayMap(x -> toString(x), range(1000000))', 'arrayFold((a, x) -> a + x, range(1000000), toInt64(0))']) {
    const { status, body } = await server.queryApi(`SELECT max(length(toString(${call}))) FROM numbers(1000)`);
    assert.equal(status, 400, JSON.stringify(body).slice(0, 200));
    assert.match(body.detail, /more than 50000000 elements/);
  }
});

test('answers survive a restart and a kill', async () => {
  const ask = () => server.query(`SELECT event, count(), count(DISTINCT person_id), max(timestamp)
    FROM events GROUP BY event ORDER BY event`);
  const before_restart = await ask();
  assert.equal((await server.stop()).code, 0);
  await server.start();
  assert.deepEqual(await ask(), before_restart);
  await server.kill();
  await server.start();
  assert.deepEqual(await ask(), before_restart);
});
