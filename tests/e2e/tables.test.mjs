// The tables beside events, column by column, through queries over what was sent.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, test } from 'node:test';
import { Server } from './lib/server.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.remove());

const SESSION = '0190a2b4-0000-7000-8000-0123456789ab';
const at = (seconds) => new Date(Date.UTC(2024, 6, 11, 12) + seconds * 1000).toISOString();
const event = (name, distinct_id, properties = {}, seconds = 0) => ({ event: name, distinct_id, properties, timestamp: at(seconds), uuid: crypto.randomUUID() });
const one = async (hogql) => (await server.query(hogql))[0];
let sent = 0;
async function send(...events) {
  assert.equal((await server.capture(events)).status, 200);
  sent += events.length;
  await server.expectRows('SELECT count() FROM events', [[sent]], { timeout_ms: 5000 });
}
async function ask(query, modifiers) {
  const answer = await server.request('POST', '/api/projects/1/query/', JSON.stringify({ query: { kind: 'HogQLQuery', query, modifiers } }),
    { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' });
  return { status: answer.status, ...JSON.parse(answer.text) };
}
const settings = (body) => server.request('PATCH', '/api/projects/1/', JSON.stringify(body), { authorization: `Bearer ${server.key}` });

test('events: the person as it was, groups, session and elements', async () => {
  await send(
    event('$identify', 'u1', { $anon_distinct_id: 'v1', $set: { plan: 'free' } }),
    event('$groupidentify', 'u1', { $group_type: 'company', $group_key: 'acme', $group_set: { size: 7 } }, 1),
    event('bought', 'u1', { $groups: { company: 'acme' }, $session_id: SESSION.toUpperCase(), $window_id: 'w', $elements_chain: 'a.x:href="https://a.b/"nth-child="1"text="Go"' }, 2),
    event('upgraded', 'u1', { $set: { plan: 'paid' } }, 3),
    event('seen', 'ghost', { $process_person_profile: false, $referrer: 5 }, 4));
  assert.deepEqual(await one("SELECT poe.properties.plan, person.properties.plan, $group_0, company.properties.size, $session_id, $window_id, elements_chain_href, elements_chain_texts, elements_chain_elements, person_mode FROM events WHERE event = 'bought'"),
    ['free', 'free', 'acme', 7, SESSION, 'w', 'https://a.b/', ['Go'], ['a'], 'full']);
  assert.deepEqual(await one("SELECT $session_id_uuid = _toUInt128(toUUID($session_id)), isNull(any($session_id_uuid)) FROM events WHERE event = 'bought' GROUP BY $session_id, $session_id_uuid"), [1, 0]);
  assert.deepEqual(await one("SELECT $session_id_uuid FROM events WHERE event = 'seen'"), [null]);
  assert.deepEqual(await one("SELECT goe_0.key, goe_0.properties.size, goe_0.created_at, goe_1.key FROM events WHERE event = 'bought'"), ['acme', 7, '2024-07-11T12:00:01Z', '']);
  assert.deepEqual(await one("SELECT person_mode, poe.properties, poe.created_at FROM events WHERE event = 'seen'"), ['propertyless', '{}', '1970-01-01T00:00:05Z']);
  assert.deepEqual(await one("SELECT poe.properties.plan, toString(poe.created_at) FROM events WHERE event = 'upgraded'"), ['paid', '2024-07-11 12:00:00.000000']);
});

test('persons, their ids and the overrides', async () => {
  await send(event('seen', 'x1', { $process_person_profile: false }, 5), event('seen', 'x2', { $process_person_profile: false }, 5),
    event('$identify', 'x2', { $anon_distinct_id: 'x1' }, 6));
  const [id] = await one("SELECT person_id FROM person_distinct_ids WHERE distinct_id = 'x1'");
  assert.deepEqual(await server.query(`SELECT distinct_id, is_deleted, version FROM raw_person_distinct_ids WHERE person_id = '${id}' ORDER BY distinct_id`), [['x1', 0, 1], ['x2', 0, 0]].map(([a, , c]) => [a, false, c]));
  assert.deepEqual(await server.query('SELECT distinct_id, toString(person_id), version, person.is_identified FROM person_distinct_id_overrides ORDER BY distinct_id'), [['x1', id, 1, true]]);
  assert.deepEqual(await one("SELECT is_identified, properties.plan, created_at, is_deleted FROM raw_persons WHERE properties.plan IS NOT NULL"), [true, 'paid', '2024-07-11T12:00:00Z', false]);
});

test('groups know when they were changed last', async () => {
  const before_change = await one("SELECT created_at, updated_at, properties FROM groups WHERE key = 'acme'");
  assert.equal(before_change[0], '2024-07-11T12:00:01Z');
  assert.ok(Math.abs(Date.parse(before_change[1]) - Date.now()) < 60_000, 'by the clock of the server');
  await send(event('$groupidentify', 'u1', { $group_type: 'company', $group_key: 'acme', $group_set: { size: 7 } }, 7));
  assert.deepEqual(await one("SELECT created_at, updated_at, properties FROM groups WHERE key = 'acme'"), before_change, 'nothing has changed');
  await send(event('$groupidentify', 'u1', { $group_type: 'company', $group_key: 'acme', $group_set: { size: 8 } }, 8));
  const [created, updated] = await one("SELECT created_at, updated_at FROM raw_groups WHERE index = 0 AND key = 'acme'");
  assert.equal(created, before_change[0]);
  assert.ok(Date.parse(updated) > Date.parse(before_change[1]));
  await server.restart();
  assert.deepEqual(await one("SELECT created_at, updated_at, properties.size FROM groups WHERE key = 'acme'"), [created, updated, '8']);
});

test('sessions, also as aggregate states', async () => {
  const id = '0190a2b4-0001-7000-8000-0123456789ab';
  const inside = (name, seconds, properties) => event(name, 'sess', { $session_id: id, ...properties }, seconds);
  await send(inside('first', 0, { utm_source: 'early', $referrer: 'https://blog.example/x' }),
    inside('$pageview', 5, { $current_url: 'https://a.b/in', utm_source: 'google', utm_campaign: 'Spring Sale' }),
    inside('$autocapture', 7, { $external_click_url: 'https://out.example/' }),
    inside('$pageview', 9, { $current_url: 'https://a.b/out' }), inside('$web_vitals', 9, { $web_vitals_LCP_value: 812.5 }));
  assert.deepEqual(await one(`SELECT $entry_utm_source, $entry_referrer, $entry_pathname, $end_pathname, $pageview_count, $autocapture_count, $session_duration, $is_bounce, $last_external_click_url, $vitals_lcp, $page_screen_autocapture_count_up_to, session_id_v7 = _toUInt128(toUUID(session_id)) FROM sessions WHERE session_id = '${id}'`),
    ['google', 'https://blog.example/x', '/in', '/out', 2, 1, 9, 0, 'https://out.example/', 812.5, 2, 1]);
  assert.deepEqual(await one(`SELECT argMinMerge(initial_utm_source), argMaxMerge(end_url), argMinMerge(entry_url), uniqMerge(pageview_uniq), uniqMerge(screen_uniq), argMaxMerge(distinct_id), min(min_timestamp), max(max_timestamp), argMinMerge(vitals_lcp)
    FROM raw_sessions WHERE session_id_v7 = _toUInt128(toUUID('${id}'))`),
    ['google', 'https://a.b/out', 'https://a.b/in', 2, 0, 'sess', '2024-07-11T12:00:00Z', '2024-07-11T12:00:09Z', 812.5]);
  assert.deepEqual((await ask(`SELECT * FROM raw_sessions WHERE session_id_v7 = _toUInt128(toUUID('${id}'))`)).columns, ['min_timestamp', 'max_timestamp', 'max_inserted_at', 'urls']);
});

test('what a bounce is can be said by the query', async () => {
  const id = '0190a2b4-0002-7000-8000-0123456789ab';
  await send(event('$pageview', 'b', { $session_id: id }), event('later', 'b', { $session_id: id }, 6));
  const bounce = async (modifiers) => (await ask(`SELECT $is_bounce FROM sessions WHERE session_id = '${id}'`, modifiers)).results[0][0];
  assert.equal(await bounce(), 1);
  assert.equal(await bounce({ bounceRateDurationSeconds: 6 }), 0);
  assert.equal(await bounce({ bounceRatePageViewMode: 'uniq_page_screen_autocaptures' }), 1);
});

test("a project's own channels come first", async () => {
  const query = "SELECT $channel_type FROM sessions WHERE $entry_utm_campaign = 'Spring Sale'";
  const rule = (channel_type, combiner, ...items) => ({ channel_type, combiner, items: items.map(([key, op, value]) => ({ key, op, value })) });
  const channel = async (...rules) => (await ask(query, { customChannelTypeRules: rules })).results[0][0];
  assert.equal((await ask(query)).results[0][0], 'Organic Search');
  assert.equal(await channel(rule('A', 'AND', ['utm_campaign', 'icontains', ['SPRING', 'x']], ['hostname', 'exact', 'a.b'], ['utm_medium', 'is_not_set'])), 'A');
  assert.equal(await channel(rule('A', 'AND', ['utm_campaign', 'exact', 'spring sale']), rule("It's \\ B", 'OR', ['pathname', 'regex', '^/i.$'], ['utm_source', 'exact', 'x'])), "It's \\ B");
  assert.equal(await channel(rule('A', 'AND', ['utm_source', 'is_not', 'google']), rule('B', 'AND', ['utm_source', 'not_icontains', 'OOG']), rule('C', 'AND', ['url', 'not_regex', 'in$']), rule('D', 'AND', ['utm_medium', 'is_set'])), 'Organic Search');
  assert.equal(await channel(rule('All', 'AND')), 'All');
  for (const wrong of [{}, [1], [rule('', 'AND')], [rule('A', 'XOR')], [rule('A', 'AND', ['colour', 'exact', 'x'])], [rule('A', 'AND', ['url', 'like', 'x'])], [rule('A', 'AND', ['url', 'regex', '('])], [rule('A', 'AND', ['url', 'exact', 5])]]) {
    assert.equal((await ask(query, { customChannelTypeRules: wrong })).status, 400, JSON.stringify(wrong));
    assert.equal((await settings({ modifiers: { customChannelTypeRules: wrong } })).status, 400, JSON.stringify(wrong));
  }
  // as a setting of the project, for sessions and persons
  assert.equal((await settings({ modifiers: { customChannelTypeRules: [rule('Ours', 'AND', ['utm_source', 'exact', ['google']])] } })).status, 200);
  assert.equal((await ask(query)).results[0][0], 'Ours');
  assert.equal((await ask("SELECT $virt_initial_channel_type FROM persons WHERE properties.$initial_utm_source = 'early'")).results[0][0], 'Unknown');
  await send(event('$pageview', 'p', { utm_source: 'google' }));
  assert.equal((await ask("SELECT $virt_initial_channel_type FROM persons WHERE properties.$initial_utm_source = 'google'")).results[0][0], 'Ours');
  await server.restart();
  assert.equal((await ask(query)).results[0][0], 'Ours');
  await settings({ modifiers: null });
  assert.equal((await ask(query)).results[0][0], 'Organic Search');
});

test('the look-ups behind channels', async () => {
  assert.deepEqual(await one("SELECT lookupDomainType('www.google.co.uk'), lookupPaidSourceType('l.facebook.com'), lookupOrganicSourceType('mail.google.com'), lookupPaidMediumType('cpm'), lookupOrganicMediumType('push'), lookupPaidMediumType('email'), lookupDomainType('example.org')"),
    ['Search', 'Paid Social', 'Email', 'Display', 'Push', null, null]);
});
