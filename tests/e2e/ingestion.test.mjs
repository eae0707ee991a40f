// What becomes of events, as a user sees it: persons, groups, sessions, heatmaps, warnings, places,
// dead letters, deletions, retention, export.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { mmdb } from './lib/mmdb.mjs';
import { Server, runCli, temporaryFolder, waitFor } from './lib/server.mjs';

let folder;
let server;
before(async () => {
  folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, 'places.mmdb'), mmdb({ '81.2.69': 'GB', '89.160.20': 'SE' }));
  server = await Server.start({ args: ['--geoip-db', path.join(folder, 'places.mmdb')] });
});
after(async () => {
  await server.remove();
  fs.rmSync(folder, { recursive: true, force: true });
});

const DAY_MS = 86_400_000;
const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const event = (name, distinct_id, properties = {}, more = {}) => ({ event: name, distinct_id, properties, timestamp: minutesAgo(5), uuid: crypto.randomUUID(), ...more });
const one = async (hogql) => (await server.query(hogql))[0]?.[0];

async function api(method, target, body) {
  const answer = await server.request(method, `/api/projects/1${target}`, body === undefined ? undefined : JSON.stringify(body),
    { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' });
  return { status: answer.status, body: answer.text ? JSON.parse(answer.text) : undefined };
}

// Sends events and waits until queries show them.
async function send(...events) {
  const before_count = await one('SELECT count() FROM events');
  assert.equal((await server.capture(events)).status, 200);
  await server.expectRows('SELECT count() FROM events', [[before_count + events.length]], { timeout_ms: 5000 });
}

test('places come from the address, on the event and on the person', async () => {
  await send(event('here', 'geo', { $ip: '81.2.69.7' }));
  await server.expectRows("SELECT properties.$geoip_country_code, person.properties.$geoip_country_code, person.properties.$initial_geoip_country_code FROM events WHERE event = 'here'", [['GB', 'GB', 'GB']]);
});

test('a session has the channel it came by, whatever came before its first page', async () => {
  const session = '0190a2b4-0000-7000-8000-0123456789ab';
  await send(
    event('custom', 'visitor', { $session_id: session, utm_source: 'mail.example' }, { timestamp: minutesAgo(30) }),
    event('$pageview', 'visitor', { $session_id: session, $current_url: 'https://a.b/in', $referring_domain: 'www.google.co.uk', utm_source: 'google', utm_medium: 'cpc' }, { timestamp: minutesAgo(29) }),
    event('$pageview', 'visitor', { $session_id: session, $current_url: 'https://a.b/out' }, { timestamp: minutesAgo(28) }),
    event('custom', 'visitor', { $session_id: session, $current_url: 'https://a.b/later' }, { timestamp: minutesAgo(27) }));
  await server.expectRows(
    `SELECT $channel_type, $entry_current_url, $end_current_url, $entry_utm_source, $pageview_count, $session_duration, $num_uniq_urls FROM sessions WHERE session_id = '${session}'`,
    [['Paid Search', 'https://a.b/in', 'https://a.b/out', 'google', 2, 180, 2]]);
  await server.expectRows("SELECT session.$channel_type FROM events WHERE event = '$pageview' AND distinct_id = 'visitor'", [['Paid Search'], ['Paid Search']]);
});

test('where a person first came from', async () => {
  await send(event('$pageview', 'first', { $referring_domain: 'l.facebook.com' }));
  await server.expectRows("SELECT $virt_initial_channel_type, $virt_initial_referring_domain_type FROM persons WHERE properties.$initial_referring_domain = 'l.facebook.com'", [['Organic Social', 'Social']]);
});

test('heatmaps and warnings are tables', async () => {
  const heat = { $viewport_width: 1600, $viewport_height: 800, $session_id: 'h', $heatmap_data: { 'https://a.b/': [{ x: 160, y: 33, target_fixed: true, type: 'click' }] } };
  assert.equal((await server.capture([event('$$heatmap', 'warm', heat)])).status, 200);
  await server.expectRows('SELECT x, y, viewport_width, viewport_height, pointer_target_fixed, current_url, type, distinct_id FROM heatmaps', [[10, 2, 100, 50, true, 'https://a.b/', 'click', 'warm']], { timeout_ms: 5000 });
  assert.equal(await one("SELECT count() FROM events WHERE event = '$$heatmap'"), 0);

  assert.equal((await server.capture([event('$identify', 'known-1', { $anon_distinct_id: 'null' })])).status, 200);
  await server.expectRows("SELECT type, details.illegalDistinctId, details.otherDistinctId FROM ingestion_warnings WHERE type = 'cannot_merge_with_illegal_distinct_id'", [['cannot_merge_with_illegal_distinct_id', 'null', 'known-1']], { timeout_ms: 5000 });
});

test('overrides, groups and their names', async () => {
  await send(event('seen', 'laptop', { $process_person_profile: false }), event('seen', 'phone', { $process_person_profile: false }));
  await send(event('$identify', 'me@x', { $anon_distinct_id: 'laptop' }), event('$create_alias', 'me@x', { alias: 'phone' }),
    event('$groupidentify', 'me@x', { $group_type: 'company', $group_key: 'acme', $group_set: { size: 7 } }),
    event('paid', 'me@x', { $groups: { company: 'acme' } }));
  await server.expectRows("SELECT distinct_id, version FROM raw_person_distinct_id_overrides WHERE distinct_id IN ('laptop', 'phone') ORDER BY distinct_id", [['phone', 1]]);
  assert.equal(await one("SELECT count(DISTINCT person_id) FROM events WHERE distinct_id IN ('laptop', 'phone', 'me@x')"), 1);
  await server.expectRows("SELECT company.properties.size FROM events WHERE event = 'paid'", [[7]]);
});

test('event and property names are known with their types', async () => {
  await send(event('defined', 'definer', { price: 3, when: '2024-01-02', note: null, $set: { vip: true } }));
  const list = async (target) => (await api('GET', target)).body;
  const events = await list('/event_definitions/?search=DEFIN');
  assert.deepEqual([events.count, events.next, events.results[0].name], [1, null, 'defined']);
  const types = Object.fromEntries((await list(`/property_definitions/?limit=1000&event_names=${encodeURIComponent('["defined"]')}&filter_by_event_names=true`)).results
    .map(({ name, property_type, is_numerical }) => [name, [property_type, is_numerical]]));
  assert.deepEqual([types.price, types.when, types.note, types.vip], [['Numeric', true], ['DateTime', false], [null, false], undefined]);
  assert.deepEqual((await list('/property_definitions/?type=person&properties=vip')).results.map((row) => row.property_type), ['Boolean']);
  assert.deepEqual((await list('/property_definitions/?type=group&group_type_index=0')).results.map((row) => [row.name, row.property_type]), [['size', 'Numeric']]);
  assert.equal((await api('GET', '/property_definitions/?type=group')).status, 400);
  // and queries read them so
  await server.expectRows("SELECT properties.price, properties.price > 2, properties.when, person.properties.vip FROM events WHERE event = 'defined'", [[3, 1, '2024-01-02T00:00:00Z', true]]);
  const page = await list('/event_definitions/?limit=2&offset=2&ordering=name');
  assert.equal(page.results.length, 2);
  assert.match(page.next, /offset=4/);
  assert.deepEqual(await server.query('SELECT group_type, group_type_index FROM system.group_type_mappings'), [['company', 0]]);
});

test('a person is deleted, with or without events; nothing of it comes back', async () => {
  await send(event('mine', 'gone', { $set: { mail: 'g@x' } }), event('mine', 'gone-2'), event('mine', 'stays'));
  const id = await one("SELECT person_id FROM person_distinct_ids WHERE distinct_id = 'gone'");
  assert.equal((await api('DELETE', '/persons/not-a-uuid/')).status, 404);
  assert.equal((await api('DELETE', `/persons/${crypto.randomUUID()}/`)).status, 404);
  assert.equal((await api('DELETE', `/persons/${id}/?delete_events=true`)).status, 202);
  await server.expectRows("SELECT distinct_id FROM events WHERE event = 'mine' ORDER BY distinct_id", [['gone-2'], ['stays']]);
  assert.equal(await one(`SELECT count() FROM persons WHERE id = '${id}'`), 0);

  assert.equal((await api('POST', '/persons/bulk_delete/', {})).status, 400);
  assert.equal((await api('POST', '/persons/bulk_delete/', { distinct_ids: Array(1001).fill('x') })).status, 400);
  assert.equal((await api('POST', '/persons/bulk_delete/', { distinct_ids: ['gone-2', 'nobody'] })).status, 202);
  assert.equal(await one("SELECT count() FROM person_distinct_ids WHERE distinct_id = 'gone-2'"), 0);
  assert.equal(await one("SELECT count() FROM events WHERE distinct_id = 'gone-2'"), 1);
  await send(event('theirs', 'trial-1', { $set: { trial: true } }), event('theirs', 'trial-2', { $set: { trial: true } }));
  assert.equal((await api('POST', '/persons/bulk_delete/', { where: 'properties.trial = (' })).status, 400);
  assert.equal((await api('POST', '/persons/bulk_delete/', { where: "properties.trial = 'true'", delete_events: true })).status, 202);
  assert.equal(await one("SELECT count() FROM events WHERE event = 'theirs'"), 0);

  await server.kill();
  await server.start();
  await server.expectRows("SELECT distinct_id FROM events WHERE event = 'mine' ORDER BY distinct_id", [['gone-2'], ['stays']], { timeout_ms: 5000 });
  assert.equal(await one("SELECT count() FROM person_distinct_ids WHERE distinct_id IN ('gone', 'gone-2')"), 0);
  await server.restart();
  await server.expectRows("SELECT distinct_id FROM events WHERE event = 'mine' ORDER BY distinct_id", [['gone-2'], ['stays']], { timeout_ms: 5000 });
});

test('events are deleted by a HogQL condition', async () => {
  await send(...Array.from({ length: 50 }, (_, i) => event('numbered', `n${i}`, { number: i })));
  assert.equal((await api('POST', '/events/bulk_delete/', { where: 'no such thing(' })).status, 400);
  assert.equal((await api('POST', '/events/bulk_delete/', {})).status, 400);
  const answer = await api('POST', '/events/bulk_delete/', { where: "event = 'numbered' AND toInt(properties.number) >= 20" });
  assert.deepEqual(answer, { status: 200, body: { deleted: 30 } });
  await server.expectRows("SELECT count(), max(toInt(properties.number)) FROM events WHERE event = 'numbered'", [[20, 19]]);
});

test('retention takes what is older', async () => {
  await send(...[1, 10, 40, 400].map((days) => event('aged', 'old', {}, { timestamp: new Date(Date.now() - days * DAY_MS).toISOString() })));
  assert.deepEqual(await api('GET', '/retention/'), { status: 200, body: { days: 0 } });
  assert.equal((await api('POST', '/retention/', { days: -1 })).status, 400);
  assert.deepEqual(await api('POST', '/retention/', { days: 30 }), { status: 200, body: { days: 30 } });
  assert.equal(await one("SELECT count() FROM events WHERE event = 'aged'"), 2);
  await server.restart();
  assert.deepEqual(await api('GET', '/retention/'), { status: 200, body: { days: 30 } });
  assert.equal(await one("SELECT count() FROM events WHERE event = 'aged'"), 2);
  await api('POST', '/retention/', { days: 0 });
});

test('all of this needs a key', async () => {
  for (const [method, target] of [['DELETE', `/persons/${crypto.randomUUID()}/`], ['POST', '/persons/bulk_delete/'], ['POST', '/events/bulk_delete/'], ['POST', '/retention/'], ['GET', '/dead_letters/'], ['POST', '/dead_letters/drop/']]) {
    assert.equal((await server.request(method, `/api/projects/1${target}`, '{}')).status, 401, target);
  }
});

test('export leaves out no day', () => {
  const lines = ['1905-02-03T04:05:06Z', '1969-12-31T23:59:59.999Z', '1970-01-01T00:00:00Z', '2024-01-05T10:00:00Z'].map((timestamp, i) =>
    JSON.stringify({ event: 'old', distinct_id: `u${i}`, timestamp, properties: {} }));
  fs.writeFileSync(path.join(folder, 'old.jsonl'), lines.join('\n'));
  const run = (...args) => { const { status, stdout, stderr } = runCli(args); assert.equal(status, 0, stdout + stderr); };
  run('import', path.join(folder, 'old.jsonl'), '--data', path.join(folder, 'old'), '--quiet');
  run('export', '--data', path.join(folder, 'old'), '--out', path.join(folder, 'old.out'));
  const times = fs.readFileSync(path.join(folder, 'old.out'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line).timestamp);
  assert.deepEqual(times.map((time) => time.slice(0, 10)), ['1905-02-03', '1969-12-31', '1970-01-01', '2024-01-05']);
});

test('export gives what import takes', async () => {
  await server.stop();
  const success = ({ status, stdout, stderr }) => assert.equal(status, 0, stdout + stderr);
  const exported = (data, file) => {
    success(runCli(['export', '--data', data, '--out', file]));
    return fs.readFileSync(file, 'utf8').trimEnd().split('\n').sort();
  };
  const first = exported(server.data, path.join(folder, 'first.jsonl'));
  assert.ok(first.length > 30);
  success(runCli(['import', path.join(folder, 'first.jsonl'), '--data', path.join(folder, 'copy'), '--quiet']));
  assert.deepEqual(exported(path.join(folder, 'copy'), path.join(folder, 'second.jsonl')), first);
  const persons = (data) => runCli(['query', "SELECT distinct_id, person.properties.mail FROM person_distinct_ids WHERE distinct_id IN ('me@x', 'laptop', 'phone', 'stays') ORDER BY distinct_id", '--data', data, '--format', 'csv']).stdout;
  assert.equal(persons(path.join(folder, 'copy')), persons(server.data));
  success(runCli(['check', '--data', server.data]));
  assert.deepEqual(runCli(['dlq', 'list', '--data', server.data]).stdout, '');
  await server.start();
});

test('dead letters are listed over HTTP', async () => {
  assert.deepEqual(await api('GET', '/dead_letters/'), { status: 200, body: { results: [] } });
  assert.equal((await api('POST', '/dead_letters/replay/', { ids: [3] })).status, 404);
  assert.deepEqual(await server.query('SELECT count() FROM dead_letter_queue'), [[0]]);
  const dlq = (...args) => runCli(['dlq', ...args, '--url', server.url, '--key', server.key]);
  assert.deepEqual([dlq('list').status, dlq('list').stdout], [0, '']);
  assert.match(dlq('drop', '--all').stderr, /^0 dead letters dropped/m);
  assert.match(dlq('replay', '3').stderr, /no dead letter 3/);
  assert.notEqual(dlq('replay').status, 0);
  await waitFor(async () => (await server.get('/_readyz')).status === 200);
});

// Segments have 128 MB, so that it takes some data to see one go.
test('--log-retention bounds what the log keeps of stored events', async () => {
  const EVENTS_PER_BODY = 8;
  const BODIES = 330;
  const filler = 'x'.repeat(120_000);
  const server = await Server.start({ args: ['--log-retention', '1MB'] });
  const logBytes = () => fs.readdirSync(path.join(server.data, 'log'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size, 0);
  try {
    for (let i = 0; i < BODIES; ++i) {
      const events = Array.from({ length: EVENTS_PER_BODY }, (_, k) => ({ event: 'large', distinct_id: `d${k}`, properties: { filler: `${i}${filler}` } }));
      assert.equal((await server.capture(events)).status, 200);
    }
    await server.expectRows('SELECT count() FROM events', [[BODIES * EVENTS_PER_BODY]], { timeout_ms: 60_000 });
    await waitFor(() => logBytes() < 200e6, { timeout_ms: 30_000, what: 'a log of one segment' });
    await server.restart();
    assert.deepEqual(await server.query('SELECT count() FROM events'), [[BODIES * EVENTS_PER_BODY]]);
  } finally {
    await server.remove();
  }
});
