// What a project's settings do to its events, and the warnings that tell senders of what was wrong.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Server, runCli } from './lib/server.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.remove());

const DAY_MS = 86_400_000;
const ago = (ms) => new Date(Date.now() - ms).toISOString();
const event = (name, distinct_id, properties = {}, more = {}) => ({ event: name, distinct_id, properties, timestamp: ago(60_000), uuid: crypto.randomUUID(), ...more });
const rows = (hogql) => server.query(hogql);
async function api(method, body, target = '/') {
  const answer = await server.request(method, `/api/environments/1${target}`, body && JSON.stringify(body), { authorization: `Bearer ${server.key}` });
  return { status: answer.status, body: JSON.parse(answer.text) };
}
// Sends, and waits until a last event of its own is there.
async function send(...events) {
  const end = event('end', `end-${crypto.randomUUID()}`);
  assert.equal((await server.capture([...events, end])).status, 200);
  await server.expectRows(`SELECT count() FROM events WHERE uuid = '${end.uuid}'`, [[1]], { timeout_ms: 5000 });
}
const warnings = async (type) => (await rows(`SELECT details FROM ingestion_warnings WHERE type = '${type}' ORDER BY timestamp`)).map(([details]) => JSON.parse(details));

test('settings are shown and changed one by one', async () => {
  const { status, body } = await api('GET');
  assert.equal(status, 200);
  assert.deepEqual([body.id, body.api_token, body.timezone, body.anonymize_ips, body.person_processing_opt_out, body.drop_events_older_than_seconds, body.heatmaps_opt_in, body.cookieless_server_hash_mode, body.modifiers],
    [1, server.token, 'UTC', false, false, 0, null, 0, {}]);
  const changed = await api('PATCH', { name: 'Shop', heatmaps_opt_in: true, no_setting_here: 5 });
  assert.deepEqual(changed, { status: 200, body: { ...body, name: 'Shop', heatmaps_opt_in: true } });
  const deep = Array.from({ length: 127 }).reduce((inner) => [inner], []);  // taken, the next start could not read it
  for (const wrong of [{ modifiers: { deep } }, { drop_events_older_than_seconds: 2 ** 53 - 1 }, { name: '' }, { name: 5 }, { timezone: 'Mars/Base' }, { week_start_day: 9 }, { anonymize_ips: 1 }, { drop_events_older_than_seconds: -1 }, { drop_events_older_than_seconds: 'a' }, { cookieless_server_hash_mode: 2 }, { heatmaps_opt_in: 'yes' }, { modifiers: [] }]) {
    assert.equal((await api('PATCH', wrong)).status, 400, JSON.stringify(wrong));
  }
  assert.deepEqual((await api('GET')).body, changed.body);
  assert.equal((await server.request('PATCH', '/api/projects/1/', '{}')).status, 401);
  await server.restart();
  assert.deepEqual((await api('GET')).body, changed.body);
  await api('PATCH', { heatmaps_opt_in: null });
});

test('what SDKs are told of a project follows its settings', async () => {
  const config = async () => JSON.parse((await server.get(`/array/${server.token}/config`)).text);
  const plain = await config();
  assert.deepEqual([plain.autocapture_opt_out, plain.captureDeadClicks, plain.capturePerformance, plain.autocaptureExceptions, plain.flagsPersistenceDefault],
    [false, false, false, false, false]);
  const on = { autocapture_opt_out: true, capture_dead_clicks: true, autocapture_web_vitals_opt_in: true, autocapture_exceptions_opt_in: true, capture_console_log_opt_in: true, flags_persistence_default: true };
  assert.equal((await api('PATCH', on)).status, 200);
  await server.restart();
  const { body } = await api('GET');
  assert.deepEqual(Object.fromEntries(Object.keys(on).map((name) => [name, body[name]])), on);
  const told = await config();
  assert.deepEqual([told.autocapture_opt_out, told.captureDeadClicks, told.capturePerformance, told.autocaptureExceptions, told.logs, told.flagsPersistenceDefault],
    [true, true, { network_timing: false, web_vitals: true, web_vitals_allowed_metrics: null }, { endpoint: '/e/' }, { captureConsoleLogs: true }, true]);
  await api('PATCH', Object.fromEntries(Object.keys(on).map((name) => [name, null])));
  assert.deepEqual(await config(), plain);
  assert.equal((await api('PATCH', { surveys_opt_in: 'yes' })).status, 400);
});

test('events that are too old are dropped with a warning', async () => {
  await api('PATCH', { drop_events_older_than_seconds: 3600 });
  const old = event('aged', 'old', {}, { timestamp: ago(2 * 3_600_000) });
  await send(old, event('aged', 'young', {}, { timestamp: ago(600_000) }));
  assert.deepEqual(await rows("SELECT distinct_id FROM events WHERE event = 'aged'"), [['young']]);
  const [details] = await warnings('event_dropped_too_old');
  assert.deepEqual([details.eventUuid, details.event, details.distinctId, details.dropThresholdSeconds], [old.uuid, 'aged', 'old', 3600]);
  assert.ok(Math.abs(details.ageInSeconds - 7200) < 60);
  await api('PATCH', { drop_events_older_than_seconds: null });
  await send(event('aged', 'older', {}, { timestamp: ago(400 * DAY_MS) }));
  assert.equal((await rows("SELECT count() FROM events WHERE event = 'aged'"))[0][0], 2);
});

test('addresses are kept or not', async () => {
  await send(event('from', 'a', { $ip: '203.0.113.1' }));
  await api('PATCH', { anonymize_ips: true });
  await send(event('from', 'b', { $ip: '203.0.113.1' }), event('from', 'c'));
  assert.deepEqual(await rows("SELECT distinct_id, properties.$ip FROM events WHERE event = 'from' ORDER BY distinct_id"), [['a', '203.0.113.1'], ['b', null], ['c', null]]);
  await api('PATCH', { anonymize_ips: false });
});

test('a project without persons', async () => {
  await send(event('known', 'before', { $set: { a: 1 } }));
  await api('PATCH', { person_processing_opt_out: true });
  const identify = event('$identify', 'x', { $anon_distinct_id: 'y' });
  await send(event('known', 'after', { $set: { a: 1 } }), event('known', 'before', { $set: { a: 2 } }), identify);
  assert.deepEqual(await rows("SELECT distinct_id, person_mode, poe.properties FROM events WHERE event = 'known' AND distinct_id = 'after'"), [['after', 'propertyless', '{}']]);
  assert.deepEqual(await rows("SELECT properties.a FROM persons WHERE properties.a IS NOT NULL"), [[1]]);
  assert.equal((await rows("SELECT count() FROM events WHERE event = '$identify'"))[0][0], 0);
  assert.deepEqual((await warnings('invalid_event_when_process_person_profile_is_false')).map((details) => details.eventUuid), [identify.uuid]);
  await api('PATCH', { person_processing_opt_out: false });
  await send(event('known', 'after', { $set: { a: 3 } }));
  assert.deepEqual(await rows("SELECT count() FROM persons WHERE properties.a = 3"), [[1]]);
});

test('heatmaps are refused by a project that does not want them', async () => {
  const heat = () => event('$$heatmap', 'h', { $viewport_width: 1600, $viewport_height: 800, $heatmap_data: { 'https://a.b/': [{ x: 16, y: 32, target_fixed: false, type: 'click' }] } });
  await send(heat());
  await api('PATCH', { heatmaps_opt_in: false });
  await send(heat(), event('clicked', 'h', heat().properties));
  assert.equal((await rows('SELECT count() FROM heatmaps'))[0][0], 1);
  assert.deepEqual(await rows("SELECT properties.$heatmap_data, properties.$viewport_width FROM events WHERE event = 'clicked'"), [[null, 1600]]);
  await api('PATCH', { heatmaps_opt_in: true });
  await send(heat());
  assert.deepEqual(await rows('SELECT x, y, scale_factor, viewport_width, viewport_height, pointer_target_fixed, current_url, type, session_id FROM heatmaps LIMIT 1'), [[1, 2, 16, 100, 50, false, 'https://a.b/', 'click', 'undefined']]);
  assert.equal((await rows('SELECT count() FROM heatmaps'))[0][0], 2);
});

const visit = (name, properties = {}, more = {}) => event(name, '$posthog_cookieless',
  { $cookieless_mode: true, $raw_user_agent: 'Firefox/1', $ip: '198.51.100.7', $host: 'www.shop.example.co.uk', ...properties }, more);
const idsOf = async (name) => (await rows(`SELECT distinct_id, properties.$device_id, $session_id FROM events WHERE event = '${name}' ORDER BY properties.n`));

test('visitors without cookies: dropped unless the project takes them', async () => {
  await send(visit('off'));
  assert.deepEqual(await idsOf('off'), []);
  await api('PATCH', { cookieless_server_hash_mode: 1 });

  const noon = new Date(`${new Date(Date.now() - DAY_MS).toISOString().slice(0, 10)}T12:00:00Z`);
  const seen = (n, properties, hours = 0) => visit('seen', { n, ...properties }, { timestamp: new Date(noon.getTime() + hours * 3_600_000).toISOString() });
  await send(seen(0), seen(1, { $host: 'https://blog.shop.example.co.uk/x' }, 3), seen(2, { $ip: '198.51.100.8' }), seen(3, { $raw_user_agent: 'Other' }), seen(4, { $host: 'other.example' }),
    seen(5, { $cookieless_extra: 'more' }), seen(6, {}, 13), seen(7, { $timezone: 'Asia/Tokyo' }, 2), seen(8, { $ip: '2001:db8:1:2:3:4:5:6' }), seen(9, { $ip: '2001:db8:1:2::9' }));
  const ids = await idsOf('seen');
  assert.equal(ids.length, 10);
  assert.match(ids[0][0], /^cookieless_[A-Za-z0-9+/]{22}$/);
  assert.match(ids[0][1], /^cookielessd_[A-Za-z0-9+/]{22}$/);
  assert.deepEqual(ids[1], ids[0], 'one visitor of one site and day');
  assert.deepEqual(ids[9][0], ids[8][0], 'the rest of an IPv6 address changes by itself');
  for (const i of [2, 3, 4, 5, 6, 8]) assert.notEqual(ids[i][0], ids[0][0], `visit ${i}`);
  assert.equal(ids[7][0], ids[0][0], 'the same calendar day there');
  const day_of = (uuid) => new Date(parseInt(uuid.replaceAll('-', '').slice(0, 12), 16)).toISOString();
  assert.equal(day_of(ids[0][2]), `${noon.toISOString().slice(0, 10)}T00:00:00.000Z`);
  assert.equal(day_of(ids[7][2]), new Date(noon.getTime() - 12 * 3_600_000 - 9 * 3_600_000).toISOString());
  assert.match(ids[0][2], /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(await rows(`SELECT $pageview_count FROM sessions WHERE session_id = '${ids[0][2]}'`), [[0]]);

  // Nothing that the ids were made of stays.
  const personal = /198\.51\.100|2001:db8|Firefox|more/;
  for (const [text] of await rows("SELECT concat(properties, poe.properties) FROM events WHERE event = 'seen'")) assert.doesNotMatch(text, personal);
  for (const [text] of await rows('SELECT properties FROM persons')) assert.doesNotMatch(text, personal);

  // The same after a crash, and without the salt nobody is the same again.
  await server.kill();
  await server.start();
  await send(seen(10));
  assert.deepEqual((await idsOf('seen')).at(-1)[0], (await idsOf('seen'))[0][0]);
  const salts = path.join(server.data, 'cookieless_salts');
  assert.match(fs.readFileSync(salts, 'latin1'), /^hoglet-salts 1 [0-9a-f]{8}\n(\d+ [0-9a-f]{32}\n)+$/);
  await server.stop();
  assert.match(runCli(['check', '--data', server.data]).stdout, /^salts +\d days$/m);
  fs.writeFileSync(salts, fs.readFileSync(salts, 'latin1').replace(/ [0-9a-f]{3}/, ' fee'));
  assert.match(runCli(['check', '--data', server.data]).stdout, /^DAMAGED .*cookieless_salts/m);
  fs.rmSync(salts);
  await server.start();
  await send(visit('anew', {}, { timestamp: noon.toISOString() }));
  assert.notEqual((await idsOf('anew'))[0][0], ids[0][0]);
});

test('visitors without cookies: what is missing or not possible', async () => {
  await send(visit('lacks', { $raw_user_agent: '' }), visit('lacks', { $ip: '198.51.100.7', $host: null }), visit('late', {}, { timestamp: ago(6 * DAY_MS) }),
    visit('$identify', { $anon_distinct_id: '$posthog_cookieless' }, { distinct_id: 'me' }), visit('$create_alias', { alias: 'x' }));
  assert.deepEqual(await rows("SELECT count() FROM events WHERE event IN ('lacks', 'late', '$create_alias') OR distinct_id = 'me'"), [[0]]);
  for (const [type, property] of [['cookieless_missing_user_agent', '$raw_user_agent'], ['cookieless_missing_host', '$host']]) {
    const [details] = await warnings(type);
    assert.deepEqual([details.event, details.distinctId, details.missingProperty], ['lacks', '$posthog_cookieless', property]);
  }
  assert.equal((await warnings('cookieless_timestamp_out_of_range')).length, 1);
  await api('PATCH', { cookieless_server_hash_mode: 0 });
  await send(visit('off again'));
  assert.deepEqual(await idsOf('off again'), []);
});

test('warnings about what senders do wrong', async () => {
  const long = 'x'.repeat(401);
  const heat = (properties) => event('warm', 'w', { $viewport_width: 16, $viewport_height: 16, $session_id: 's', ...properties });
  await send(
    event('$identify', 'wa', { $anon_distinct_id: 'null' }),
    event('made', 'w1'), event('made', 'w2'), event('$identify', 'w1', { $anon_distinct_id: 'wx' }), event('$identify', 'w2', { $anon_distinct_id: 'wy' }), event('$identify', 'w1', { $anon_distinct_id: 'w2' }),
    event('$groupidentify', 'w', { $group_type: 't', $group_key: long }),
    event('$groupidentify', 'w', { $group_type: 't', $group_key: 'k', $group_set: 'no object' }),
    event('odd session', 'w', { $session_id: 'no uuid' }),
    event('odd flag', 'w', { $process_person_profile: 'no' }),
    event('$create_alias', 'w', { $process_person_profile: false, alias: 'z' }),
    event('$exception', 'w', { $set: { a: 1 } }),
    heat({ $heatmap_data: { ' ': [], 'https://a.b/': 5 } }),
    heat({ $prev_pageview_pathname: '/x', $current_url: 'no url', $prev_pageview_max_scroll: 5 }),
    event('small', 'wbig'), event('big', 'wbig', { $set: { a: 'y'.repeat(700_000) } }),
    event('$$client_ingestion_warning', 'w', { $$client_ingestion_warning_message: 'look here' }));
  const kept = { cannot_merge_with_illegal_distinct_id: '$identify', cannot_merge_already_identified: '$identify', group_key_too_long: undefined, invalid_group_set: undefined, invalid_event_session_id: 'odd session',
    invalid_process_person_profile: 'odd flag', invalid_event_when_process_person_profile_is_false: undefined, set_on_exception: '$exception', rejecting_heatmap_data_with_invalid_url: 'warm',
    rejecting_heatmap_data_with_invalid_items: 'warm', invalid_heatmap_data: 'warm', person_properties_size_violation: 'big', client_ingestion_warning: undefined };
  for (const [type, name] of Object.entries(kept)) {
    const found = await warnings(type);
    assert.ok(found.length > 0, type);
    const { eventUuid } = found.at(-1);
    assert.deepEqual(await rows(`SELECT event FROM events WHERE uuid = '${eventUuid}'`), name === undefined ? [] : [[name]], type);
  }
  const [merge] = await warnings('cannot_merge_already_identified');
  assert.deepEqual([merge.sourcePersonDistinctId, merge.targetPersonDistinctId], ['w2', 'w1']);
  assert.equal((await warnings('client_ingestion_warning'))[0].message, 'look here');
  assert.deepEqual(await rows("SELECT DISTINCT source FROM ingestion_warnings"), [['plugin-server']]);
});

test('events that capture refuses one by one leave a warning, one of a kind', async () => {
  const good = crypto.randomUUID();
  const refused = { missing_event_name: { event: '' }, event_name_too_long: { event: 'n'.repeat(201) }, missing_distinct_id: { distinct_id: ' ' }, distinct_id_too_large: { distinct_id: 'd'.repeat(201) },
    invalid_event_timestamp: { timestamp: 'yesterday' }, malformed_event_properties: { properties: [] }, invalid_options: { options: { cookieless_mode: 'perhaps' } } };
  const post = (batch) => server.request('POST', '/i/v1/analytics/events', JSON.stringify({ created_at: ago(0), batch }), {
    authorization: `Bearer ${server.token}`, 'content-type': 'application/json', 'posthog-request-id': crypto.randomUUID(), 'posthog-attempt': '1', 'posthog-request-timestamp': ago(0), 'posthog-sdk-info': 'posthog-node/9.9.9', 'user-agent': 'test' });
  const batch = [{ uuid: good, event: 'v1', distinct_id: 'v1', timestamp: ago(0) },
    ...Object.values(refused).map((wrong) => ({ uuid: crypto.randomUUID(), event: 'v1', distinct_id: 'v1', timestamp: ago(0), ...wrong }))];
  const answer = await post(batch);
  assert.equal(answer.status, 200, answer.text);
  Object.keys(refused).forEach((type, i) => assert.deepEqual(JSON.parse(answer.text).results[batch[i + 1].uuid], { result: 'drop', details: type }));
  assert.equal((await post([])).status, 400);
  await server.expectRows("SELECT count() FROM events WHERE event = 'v1'", [[1]], { timeout_ms: 5000 });
  await send(event('after', 'v1'));
  for (const [i, type] of Object.keys(refused).entries()) {
    const [details, ...more] = await warnings(type);
    assert.deepEqual([details.eventUuid, more], [batch[i + 1].uuid, []], type);
  }
  assert.deepEqual(await warnings('empty_batch'), [{}]);
  // Again in the same hour: the sender is told, the project was.
  await post(batch.slice(1, 2));
  await send(event('after', 'v1'));
  assert.equal((await warnings('missing_event_name')).length, 1);
});

test('a project that wants heatmaps tells SDKs so', async () => {
  const config = async () => {
    const flags = await server.request('POST', '/flags/?v=2&config=true', JSON.stringify({ token: server.token, distinct_id: 'x' }), { 'content-type': 'application/json' });
    return [JSON.parse((await server.get(`/array/${server.token}/config`)).text).heatmaps, JSON.parse(flags.text).heatmaps, /"heatmaps":(\w+)/.exec((await server.get(`/array/${server.token}/config.js`)).text)[1]];
  };
  await api('PATCH', { heatmaps_opt_in: null });
  assert.deepEqual(await config(), [false, false, 'false']);
  await api('PATCH', { heatmaps_opt_in: true });
  assert.deepEqual(await config(), [true, true, 'true']);
});

test('warnings by type, as the interface shows them', async () => {
  const { status, body } = await api('GET', undefined, '/ingestion_warnings/');
  assert.equal(status, 200);
  const types = body.results.map(({ type }) => type);
  assert.deepEqual([...types].sort(), (await rows('SELECT DISTINCT type FROM ingestion_warnings ORDER BY type')).map(([type]) => type));
  assert.deepEqual(body.results.map(({ lastSeen }) => lastSeen), body.results.map(({ lastSeen }) => lastSeen).sort().reverse());
  const merges = body.results.find(({ type }) => type === 'cannot_merge_already_identified');
  assert.equal(merges.count, merges.warnings.length);
  assert.deepEqual(merges.warnings[0], { type: merges.type, timestamp: merges.lastSeen, details: (await warnings(merges.type)).at(-1) });
  assert.equal(merges.sparkline.length, 30);
  assert.deepEqual(merges.sparkline.at(-1), [merges.count, merges.lastSeen.slice(0, 10)]);
  assert.equal((await server.get('/api/projects/1/ingestion_warnings/')).status, 401);
});
