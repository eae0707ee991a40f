// Cohorts and groups as people define them over the REST API, and as queries see them.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, test } from 'node:test';
import { Server, sleep, waitFor } from './lib/server.mjs';

let server;
let sent = 0;
const DAY = 86_400;

const at = (seconds_ago) => new Date(Date.now() - seconds_ago * 1000).toISOString();
const event = (name, distinct_id, seconds_ago = 60, properties = {}) =>
  ({ event: name, distinct_id, properties, timestamp: at(seconds_ago), uuid: crypto.randomUUID() });
const identify = (id, set, anon = `anon-${id}`) => event('$identify', id, 60 * DAY, { $anon_distinct_id: anon, $set: set });

async function send(...events) {
  assert.equal((await server.capture(events)).status, 200);
  sent += events.length;
  await server.expectRows('SELECT count() FROM events', [[sent]], { timeout_ms: 5000 });
}
async function rest(method, path, body, headers = {}) {
  const is_json = body !== undefined && typeof body !== 'string';
  const answer = await server.request(method, `/api/projects/1${path}`, is_json ? JSON.stringify(body) : body,
    { authorization: `Bearer ${server.key}`, ...(is_json ? { 'content-type': 'application/json' } : {}), ...headers });
  return { status: answer.status, text: answer.text, body: answer.headers['content-type']?.startsWith('application/json') ? JSON.parse(answer.text) : undefined };
}
async function ok(method, path, body, headers) {
  const answer = await rest(method, path, body, headers);
  assert.ok(answer.status < 300, `${method} ${path} answered ${answer.status}: ${answer.text}`);
  return answer.body;
}
async function refused(method, path, body, status, expected) {
  const answer = await rest(method, path, body);
  assert.equal(answer.status, status, answer.text);
  for (const [key, value] of Object.entries(expected)) {
    if (value instanceof RegExp) assert.match(answer.body[key], value);
    else assert.equal(answer.body[key], value, answer.text);
  }
}
function form(fields, csv) {
  const body = [...Object.entries(fields).map(([name, value]) => `--xx\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
    `--xx\r\nContent-Disposition: form-data; name="csv"; filename="ids.csv"\r\nContent-Type: text/csv\r\n\r\n${csv}\r\n`, '--xx--\r\n'].join('');
  return [body, { 'content-type': 'multipart/form-data; boundary=xx' }];
}
async function calculated(id) {
  return waitFor(async () => {
    const cohort = await ok('GET', `/cohorts/${id}/`);
    return cohort.is_calculating ? undefined : cohort;
  }, { timeout_ms: 10_000, what: `cohort ${id} to be calculated` });
}
const all_of = (...values) => ({ properties: { type: 'AND', values } });
const any_of = (...values) => ({ properties: { type: 'OR', values } });
const person = (key, operator, value, negation) => ({ type: 'person', key, operator, ...(value === undefined ? {} : { value }), ...(negation ? { negation } : {}) });
const did = (value, key, more) => ({ type: 'behavioral', value, key, event_type: 'events', ...more });
const days = (n) => ({ time_value: n, time_interval: 'day' });
// First letters of the members' names.
async function who(id) {
  await calculated(id);
  const list = await ok('GET', `/cohorts/${id}/persons/`);
  return list.results.map((row) => row.name[0]).sort().join('');
}
async function members_of(filters) {
  const { id } = await ok('POST', '/cohorts/', { name: 'probe', filters });
  const names = await who(id);
  const cohort = await ok('GET', `/cohorts/${id}/`);
  assert.equal(cohort.errors_calculating, 0);
  assert.equal(cohort.count, names.length);
  assert.deepEqual(cohort.filters, filters);
  await ok('PATCH', `/cohorts/${id}/`, { deleted: true });
  return names;
}
const id_of = async (distinct_id) => (await server.query(`SELECT person_id FROM person_distinct_ids WHERE distinct_id = '${distinct_id}'`))[0][0];

before(async () => {
  server = await Server.start();
  await send(
    identify('ann', { email: 'ann@x.com', age: 9, vip: true, born: '1990-05-01', plan: 'pro' }),
    identify('bob', { email: 'Bob@Y.com', age: 10, vip: false, born: '2000-05-01T10:00:00Z', plan: 'free', 'odd ke`y\'s': 'z' }),
    identify('cat', { email: 'cat@x.com', age: 11.5, plan: 'pro', seen: at(2 * DAY) }),
    identify('dan', { email: 'dan@z.com', plan: '12', seen: at(40 * DAY) }));
  // ann buys every day of the last week, bob bought once long ago, cat bought, stopped and buys again.
  await send(
    ...[0, 1, 2, 3, 4, 5, 6].map((day) => event('buy', 'ann', day * DAY + 60, { price: day + 1, tag: `t${day}` })),
    event('buy', 'bob', 50 * DAY), event('buy', 'cat', 50 * DAY), event('buy', 'cat', 2 * DAY), event('buy', 'cat', 2 * DAY - 5),
    event('view', 'dan', 3600), event('buy', 'dan', 3000), event('view', 'bob', 3000), event('buy', 'bob', 51 * DAY),
    event('$autocapture', 'dan', 100, { $elements_chain: 'a.x:href="https://a.b/"nth-child="1"text="Go on"' }));
});
after(() => server.remove());

test('dynamic by properties', async () => {
  const cases = [
    [person('email', 'exact', 'ann@x.com'), 'a'],
    [person('email', 'exact', ['ann@x.com', 'cat@x.com', 'none']), 'ac'],
    [person('email', 'is_not', 'ann@x.com'), 'Bcd'],
    [person('email', 'icontains', 'y.com'), 'B'],
    [person('email', 'not_icontains', '@x'), 'Bd'],
    [person('email', 'regex', '^[ab].*com$'), 'a'],
    [person('email', 'not_regex', '@x'), 'Bd'],
    [person('email', 'starts_with', 'BOB'), 'B'],
    [person('email', 'ends_with', '.com', true), ''],
    [person('age', 'exact', 10), 'B'],
    [person('age', 'exact', ['9', 'old']), 'a'],
    [person('age', 'gt', '9'), 'Bc'],
    [person('age', 'gte', 9), 'aBc'],
    [person('age', 'lt', 10), 'a'],
    [person('age', 'between', [9, 10]), 'aB'],
    [person('age', 'not_between', [9, 10]), 'cd'],
    [person('age', 'icontains', '1'), 'Bc'],
    [person('age', 'gt', 9, true), 'ad'],
    [person('plan', 'gt', 11), 'd'],
    [person('vip', 'exact', 'true'), 'a'],
    [person('vip', 'exact', ['false', 'perhaps']), 'B'],
    [person('vip', 'is_not', true), 'Bcd'],
    [person('vip', 'is_set'), 'aB'],
    [person('age', 'is_not_set'), 'd'],
    [person('odd ke`y\'s', 'exact', 'z'), 'B'],
    [person('born', 'is_date_before', '1995-01-01'), 'a'],
    [person('born', 'is_date_after', '1995-01-01'), 'B'],
    [person('born', 'is_date_exact', '2000-05-01T10:00:00Z'), 'B'],
    [person('seen', 'is_date_after', '-7d'), 'c'],
    [person('seen', 'is_date_before', '-30d'), 'd'],
  ];
  for (const [filter, expected] of cases) assert.equal(await members_of(all_of(filter)), [...expected].sort().join(''), JSON.stringify(filter));
});

test('groups, negation and nesting', async () => {
  const pro = person('plan', 'exact', 'pro');
  const old = person('age', 'gt', 10);
  assert.equal(await members_of(all_of(pro, old)), 'c');
  assert.equal(await members_of(any_of(pro, person('plan', 'exact', 'free'))), 'Bac');
  assert.equal(await members_of(all_of({ type: 'OR', values: [pro, person('vip', 'is_set')] }, { ...old, negation: true })), 'Ba');
  assert.equal(await members_of(any_of({ type: 'AND', values: [{ type: 'OR', values: [{ type: 'AND', values: [pro, { ...old, negation: true }] }] }] })), 'a');
  assert.equal(await members_of({ properties: null }), '');
  const legacy = await ok('POST', '/cohorts/', { name: 'old', groups: [{ properties: [{ key: 'plan', type: 'person', value: 'pro' }] }, { event_id: 'view', days: 1 }] });
  assert.equal(await who(legacy.id), 'Bacd');
  assert.equal(legacy.filters.properties.type, 'OR');
});

test('dynamic by behavior', async () => {
  const cases = [
    [did('performed_event', 'buy', days(30)), 'acd'],
    [did('performed_event', 'buy', { ...days(30), negation: true }), 'B'],
    [did('performed_event', 'buy', { time_value: '2', time_interval: 'month' }), 'Bacd'],
    [did('performed_event', 'buy', { explicit_datetime: at(45 * DAY), explicit_datetime_to: at(1.5 * DAY) }), 'ac'],
    [did('performed_event', 'buy', { explicit_datetime: '-5d' }), 'acd'],
    [did('performed_event', 'buy', { ...days(30), event_filters: [{ key: 'price', operator: 'gt', value: 6 }] }), 'a'],
    [did('performed_event', 'buy', { ...days(30), event_filters: [{ key: 'tag', type: 'event', value: ['t1', 't2'] }] }), 'a'],
    [did('performed_event', 'buy', { ...days(90), event_filters: [{ key: "properties.price > 2 or person.properties.plan = 'free'", type: 'hogql' }] }), 'Ba'],
    [did('performed_event', '$autocapture', { ...days(1), event_filters: [{ key: 'text', type: 'element', operator: 'icontains', value: 'go' }, { key: 'tag_name', type: 'element', value: ['a'] }, { key: 'href', type: 'element', operator: 'is_set' }] }), 'd'],
    [did('performed_event', '$autocapture', { ...days(1), event_filters: [{ key: 'text', type: 'element', operator: 'not_icontains', value: 'go' }] }), ''],
    [did('performed_event_multiple', 'buy', { ...days(30), operator: 'gte', operator_value: 3 }), 'a'],
    [did('performed_event_multiple', 'buy', { ...days(30), operator: 'lt', operator_value: 3 }), 'cd'],
    [did('performed_event_multiple', 'buy', { ...days(90), operator: 'exact', operator_value: 2 }), 'B'],
    [did('performed_event_multiple', 'buy', { time_value: 90, time_interval: 'minute', operator_value: 1 }), 'ad'],
    [did('performed_event_first_time', 'buy', days(30)), 'ad'],
    [did('performed_event_sequence', 'view', { ...days(30), seq_event: 'buy', seq_event_type: 'events', seq_time_value: 1, seq_time_interval: 'hour' }), 'd'],
    [did('performed_event_sequence', 'view', { ...days(30), seq_event: 'buy', seq_event_type: 'events', seq_time_value: 5, seq_time_interval: 'minute' }), ''],
    [did('performed_event_sequence', 'buy', { ...days(90), seq_event: 'buy', seq_event_type: 'events', seq_time_value: 20, seq_time_interval: 'minute' }), 'c'],
    [did('performed_event_sequence', 'buy', { ...days(90), seq_event: 'buy', seq_event_type: 'events', seq_time_value: 2, seq_time_interval: 'day' }), 'Bac'],
    [did('performed_event_regularly', 'buy', { time_value: 1, time_interval: 'day', operator: 'gte', operator_value: 1, min_periods: 4, total_periods: 5 }), 'a'],
    [did('performed_event_regularly', 'buy', { time_value: 1, time_interval: 'month', operator: 'gte', operator_value: 1, min_periods: 2, total_periods: 3 }), 'c'],
    [did('performed_event_regularly', 'buy', { time_value: 1, time_interval: 'day', operator: 'gte', operator_value: 2, min_periods: 1, total_periods: 5 }), 'c'],
    [did('stopped_performing_event', 'buy', { ...days(60), seq_time_value: 30, seq_time_interval: 'day' }), 'B'],
    [did('restarted_performing_event', 'buy', { ...days(20), seq_time_value: 7, seq_time_interval: 'day' }), 'c'],
  ];
  for (const [filter, expected] of cases) assert.equal(await members_of(all_of(filter)), [...expected].sort().join(''), JSON.stringify(filter));
  assert.equal(await members_of(all_of(did('performed_event', 'buy', days(30)), person('plan', 'exact', 'pro'))), 'ac');
});

test('static by upload, by ids and by query', async () => {
  const upload = async (fields, csv) => ok('POST', '/cohorts/', ...form({ is_static: 'true', ...fields }, csv));
  const made = await upload({ name: 'uploaded', description: 'd' }, 'ann\nbob\nnobody\n');
  assert.deepEqual([made.name, made.is_static, made.count, made.is_calculating, made.filters], ['uploaded', true, 2, false, null]);
  assert.equal(await who(made.id), 'Ba');
  await ok('PATCH', `/cohorts/${made.id}/`, ...form({}, 'name,E-Mail\n"Cat, the",cat@x.com\n'));
  assert.equal(await who(made.id), 'Bac');
  const by_person = await upload({ name: 'p' }, `person_id,x\n${await id_of('dan')},1\n`);
  assert.equal(await who(by_person.id), 'd');
  const by_ids = await ok('POST', '/cohorts/', { name: 'ids', is_static: true, _create_static_person_ids: [await id_of('ann'), crypto.randomUUID()] });
  assert.equal(await who(by_ids.id), 'a');
  const by_query = await ok('POST', '/cohorts/', { name: 'q', is_static: true, query: { kind: 'HogQLQuery', query: "SELECT person_id FROM events WHERE event = 'view'" } });
  assert.equal(await who(by_query.id), 'Bd');
  assert.equal(by_query.query.kind, 'HogQLQuery');
  const by_actors = await ok('POST', '/cohorts/', { name: 'actors', is_static: true, query: { kind: 'ActorsQuery', select: ['id'], properties: [person('plan', 'exact', ['pro'])] } });
  assert.equal(await who(by_actors.id), await members_of(all_of(person('plan', 'exact', ['pro']))));
  await refused('POST', '/cohorts/', { is_static: true, query: { kind: 'ActorsQuery', source: { kind: 'TrendsQuery' } } }, 400, { attr: 'query' });
  const by_distinct = await ok('POST', '/cohorts/', { name: 'q2', is_static: true, query: { kind: 'HogQLQuery', query: "SELECT distinct_id, count() FROM events WHERE event = 'buy' GROUP BY distinct_id" } });
  assert.equal(by_distinct.count, 4);

  for (const [csv, detail] of [['', /empty/], ['a,b\n1,2\n', /several columns/], ['person_id\nx\n', /no valid person ids/]]) {
    const [body, headers] = form({ is_static: 'true', name: 'bad' }, csv);
    const answer = await rest('POST', '/cohorts/', body, headers);
    assert.equal(answer.status, 400);
    assert.equal(answer.body.attr, 'csv');
    assert.match(answer.body.detail, detail);
  }
  assert.equal((await rest('POST', '/cohorts/', 'x', { 'content-type': 'multipart/form-data; boundary=yy' })).status, 400);
});

test('the persons of a cohort', async () => {
  const { id } = await ok('POST', '/cohorts/', { name: 'list', is_static: true, _create_static_person_ids: await Promise.all(['ann', 'bob', 'cat'].map(id_of)) });
  const first = await ok('GET', `/cohorts/${id}/persons/?limit=2`);
  assert.equal(first.results.length, 2);
  assert.equal(first.previous, null);
  const second = JSON.parse((await server.get(new URL(first.next).pathname + new URL(first.next).search, { authorization: `Bearer ${server.key}` })).text);
  assert.equal(second.next, null);
  assert.deepEqual([...first.results, ...second.results].map((row) => row.name).sort(), ['Bob@Y.com', 'ann@x.com', 'cat@x.com']);
  const [row] = (await ok('GET', `/cohorts/${id}/persons/?search=ANN@`)).results;
  assert.equal(row.id, await id_of('ann'));
  assert.deepEqual(row.distinct_ids.sort(), ['ann', 'anon-ann']);
  assert.equal(row.properties.plan, 'pro');
  assert.equal((await ok('GET', `/cohorts/${id}/persons/?search=bob`)).results.length, 1);
  assert.equal((await ok('GET', `/cohorts/${id}/persons/?search=anon-bob`)).results.length, 1, 'by distinct id');
  assert.equal((await ok('GET', `/cohorts/${id}/persons/?search=dan`)).results.length, 0);
  const csv = (await rest('GET', `/cohorts/${id}/persons/?format=csv`)).text.trim().split('\r\n');
  assert.equal(csv[0], 'id,email,name,created_at,properties,distinct_ids');
  assert.equal(csv.length, 4);
  assert.ok(csv.some((line) => line.startsWith(`${row.id},ann@x.com,ann@x.com,`)));

  const dan = await id_of('dan');
  assert.equal((await ok('PATCH', `/cohorts/${id}/add_persons_to_static_cohort/`, { person_ids: [dan] })).count, 4);
  assert.deepEqual((await ok('GET', `/persons/cohorts/?person_id=${dan}`)).results.map((cohort) => cohort.name).includes('list'), true);
  assert.equal((await ok('PATCH', `/cohorts/${id}/remove_person_from_static_cohort/`, { person_id: dan })).count, 3);
  await refused('PATCH', `/cohorts/${id}/remove_person_from_static_cohort/`, { person_id: dan }, 404, { detail: 'Person is not part of the cohort' });
  await refused('PATCH', `/cohorts/${id}/add_persons_to_static_cohort/`, { person_ids: [] }, 400, { attr: 'person_ids' });
  await refused('PATCH', `/cohorts/${id}/add_persons_to_static_cohort/`, { person_ids: 'x' }, 400, { attr: 'person_ids' });
  await refused('PATCH', `/cohorts/${id}/add_persons_to_static_cohort/`, { person_ids: [crypto.randomUUID()] }, 400, { attr: 'person_ids' });
  const dynamic = await ok('POST', '/cohorts/', { name: 'dyn', filters: all_of(person('plan', 'exact', 'pro')) });
  await refused('PATCH', `/cohorts/${dynamic.id}/add_persons_to_static_cohort/`, { person_ids: [dan] }, 400, { detail: 'Can only add users to static cohorts' });
  assert.equal(await who(dynamic.id), 'ac');
  const copy = await ok('GET', `/cohorts/${dynamic.id}/duplicate_as_static_cohort/`);
  assert.deepEqual([copy.name, copy.is_static, copy.count], ['dyn (static copy)', true, 2]);
});

test('IN COHORT, and the tables behind it', async () => {
  const fixed = await ok('POST', '/cohorts/', { name: 'fixed ones', is_static: true, _create_static_person_ids: [await id_of('dan')] });
  const moving = await ok('POST', '/cohorts/', { name: 'pro', filters: all_of(person('plan', 'exact', 'pro')) });
  await calculated(moving.id);
  const emails = async (condition) => (await server.query(`SELECT properties.email FROM persons WHERE ${condition} ORDER BY 1`)).map(([email]) => email[0]).join('');
  assert.equal(await emails(`id IN COHORT ${moving.id}`), 'ac');
  assert.equal(await emails("id IN COHORT 'pro'"), 'ac');
  assert.equal(await emails(`id NOT IN COHORT ${moving.id}`), 'Bd');
  assert.equal(await emails("id IN COHORT 'fixed ones'"), 'd');
  assert.deepEqual(await server.query(`SELECT count() FROM events WHERE event = 'buy' AND person_id IN COHORT ${moving.id}`), [[10]]);
  assert.deepEqual(await server.query(`SELECT count() FROM events WHERE event = 'view' AND person_id IN COHORT 'fixed ones'`), [[1]]);
  assert.deepEqual(await server.query(`SELECT person.properties.email FROM static_cohort_people WHERE cohort_id = ${fixed.id}`), [['dan@z.com']]);
  assert.deepEqual(await server.query(`SELECT count(), uniq(person_id) FROM cohort_people WHERE cohort_id = ${moving.id}`), [[2, 2]]);
  const error = async (condition) => (await server.queryApi(`SELECT 1 FROM persons WHERE id IN COHORT ${condition}`)).body.detail;
  assert.equal(await error('9999'), 'Could not find cohort with ID 9999');
  assert.equal(await error("'none'"), "Could not find a cohort with the name 'none'");
  await ok('POST', '/cohorts/', { name: 'pro', is_static: true });
  assert.equal(await error("'pro'"), "Found multiple cohorts with name 'pro'");
  await ok('PATCH', `/cohorts/${moving.id}/`, { deleted: true });
  assert.equal(await error(String(moving.id)), `Could not find cohort with ID ${moving.id}`);
  assert.equal((await rest('GET', `/cohorts/${moving.id}/`)).status, 404);
  await refused('PATCH', `/cohorts/${moving.id}/`, { name: 'x' }, 404, {});
  assert.equal((await ok('PATCH', `/cohorts/${moving.id}/`, { deleted: false })).deleted, false);
  assert.equal(await who(moving.id), 'ac');
});

test('cohorts of cohorts', async () => {
  const inner = await ok('POST', '/cohorts/', { name: 'inner', filters: all_of(person('plan', 'exact', 'pro')) });
  const fixed = await ok('POST', '/cohorts/', { name: 'fixed', is_static: true, _create_static_person_ids: [await id_of('ann'), await id_of('dan')] });
  const refers = (id, negation) => ({ type: 'cohort', key: 'id', value: id, ...(negation ? { negation } : {}) });
  const outer = await ok('POST', '/cohorts/', { name: 'outer', filters: all_of(refers(inner.id), refers(fixed.id, true)) });
  assert.equal(await who(outer.id), 'c');
  await ok('PATCH', `/cohorts/${inner.id}/`, { filters: all_of(person('plan', 'exact', 'free')) });
  await ok('PATCH', `/cohorts/${outer.id}/`, { name: 'outer 2' });
  assert.equal(await who(outer.id), 'B');
  await refused('PATCH', `/cohorts/${inner.id}/`, { filters: all_of(refers(outer.id)) }, 400, { attr: 'filters', detail: 'Cohorts cannot reference other cohorts in a loop.' });
  await refused('PATCH', `/cohorts/${inner.id}/`, { filters: all_of(refers(inner.id)) }, 400, { detail: /loop/ });
  await refused('POST', '/cohorts/', { filters: all_of(refers(9999)) }, 400, { detail: 'Invalid Cohort ID in filter' });
  const behavioral = await ok('POST', '/cohorts/', { name: 'behaves', filters: all_of(did('performed_event', 'buy', days(30))) });
  const through = await ok('POST', '/cohorts/', { name: 'through', filters: all_of(refers(behavioral.id)) });
  assert.equal(await who(through.id), 'acd');
  const names = async (query) => (await ok('GET', `/cohorts/?limit=1000&${query}`)).results.map((cohort) => cohort.name);
  assert.ok(!(await names('hide_behavioral_cohorts=true')).some((name) => name === 'behaves' || name === 'through'));
  assert.deepEqual((await names('')).slice(0, 2), ['through', 'behaves'], 'the newest first');
  assert.deepEqual(await names('search=OUTER'), ['outer 2']);
  assert.ok((await names('type=static')).includes('fixed'));
  assert.ok(!(await names('type=static')).includes('inner'));
});

test('cohorts that flags use', async () => {
  const { id } = await ok('POST', '/cohorts/', { name: 'flagged', filters: all_of(person('plan', 'exact', 'pro')) });
  const flag = await ok('POST', '/feature_flags/', { key: 'for-some', active: true, filters: { groups: [{ properties: [{ type: 'cohort', key: 'id', value: id }], rollout_percentage: 100 }] } });
  await refused('PATCH', `/cohorts/${id}/`, { deleted: true }, 400, { attr: 'deleted', detail: /for-some/ });
  await refused('PATCH', `/cohorts/${id}/`, { filters: all_of(did('performed_event', 'buy', days(1))) }, 400, { code: 'behavioral_cohort_found' });
  await ok('PATCH', `/cohorts/${id}/`, { filters: all_of(person('plan', 'exact', 'free')) });
  await ok('PATCH', `/feature_flags/${flag.id}/`, { active: false });
  await ok('PATCH', `/cohorts/${id}/`, { filters: all_of(did('performed_event', 'buy', days(1))) });
  assert.equal(await who(id), 'ad');
  await ok('PATCH', `/cohorts/${id}/`, { deleted: true });
});

test('a merge keeps membership, a deletion ends it', async () => {
  await send(event('seen', 'visitor'), event('seen', 'other'));
  const visitor = await id_of('visitor');
  const { id } = await ok('POST', '/cohorts/', { name: 'merged', is_static: true, _create_static_person_ids: [visitor, await id_of('other')] });
  await send(identify('erin', { email: 'erin@x.com' }, 'anon-erin'), event('$identify', 'erin', 5, { $anon_distinct_id: 'visitor' }));
  assert.notEqual(await id_of('visitor'), visitor);
  assert.equal(await who(id), 'eo');
  assert.equal((await ok('GET', `/cohorts/${id}/`)).count, 2);
  assert.deepEqual(await server.query(`SELECT count() FROM events WHERE event = 'seen' AND person_id IN COHORT ${id}`), [[2]]);
  await server.kill();
  await server.start();
  assert.equal(await who(id), 'eo');
  assert.equal((await rest('DELETE', `/persons/${await id_of('other')}/`)).status, 202);
  assert.equal((await ok('GET', `/cohorts/${id}/`)).count, 1);
  assert.equal(await who(id), 'e');
});

test('calculated again when asked to, and kept over a restart', async () => {
  const { id, is_calculating, count } = await ok('POST', '/cohorts/', { name: 'grows', filters: all_of(did('performed_event', 'grow', days(1))) });
  assert.deepEqual([is_calculating, count], [true, null]);
  assert.equal((await calculated(id)).count, 0);
  await send(event('grow', 'ann'), event('grow', 'bob'));
  assert.equal((await ok('GET', `/cohorts/${id}/`)).count, 0);
  assert.equal((await ok('PATCH', `/cohorts/${id}/`, { name: 'grew' })).is_calculating, true);
  assert.equal(await who(id), 'Ba');
  const before_restart = await ok('GET', `/cohorts/${id}/`);
  await server.restart();
  assert.deepEqual(await ok('GET', `/cohorts/${id}/`), before_restart);
  assert.equal(await who(id), 'Ba');
  await ok('PATCH', `/cohorts/${id}/`, { is_static: true });
  await send(event('grow', 'cat'));
  await sleep(100);
  assert.equal(await who(id), 'Ba', 'a static one stays as it was');
});

test('what is refused', async () => {
  await refused('DELETE', '/cohorts/1/', undefined, 405, { code: 'method_not_allowed' });
  await refused('GET', '/cohorts/9999/', undefined, 404, {});
  await refused('GET', '/cohorts/x/', undefined, 404, {});
  await refused('POST', '/cohorts/', { name: 5 }, 400, { attr: 'name' });
  await refused('POST', '/cohorts/', { name: 'x'.repeat(401) }, 400, { attr: 'name', code: 'max_length' });
  await refused('POST', '/cohorts/', { filters: { properties: {} } }, 400, { attr: 'filters' });
  await refused('POST', '/cohorts/', { filters: all_of({ ...person('a', 'exact', 1), extra: 1 }) }, 400, { attr: 'filters', detail: /extra: Extra inputs/ });
  await refused('POST', '/cohorts/', { filters: all_of(did('performed_event', '4', { ...days(1), event_type: 'actions' })) }, 400, { detail: /Actions are not supported/ });
  await refused('POST', '/cohorts/', { cohort_type: 'strange' }, 400, { attr: 'cohort_type' });
  await refused('POST', '/cohorts/', { filters: all_of(), query: { kind: 'HogQLQuery', query: 'SELECT 1' }, is_static: true }, 400, { attr: 'query' });
  await refused('POST', '/cohorts/', { query: { kind: 'HogQLQuery', query: 'SELECT 1' } }, 400, { attr: 'query' });
  await refused('POST', '/cohorts/', { is_static: true, query: { kind: 'HogQLQuery', query: 'SELECT event FROM events' } }, 400, { attr: 'query' });
  await refused('POST', '/cohorts/', { is_static: true, query: { kind: 'TrendsQuery' } }, 400, { attr: 'query' });
  await refused('POST', '/cohorts/', { is_static: true, _create_static_person_ids: ['x'] }, 400, { attr: '_create_static_person_ids' });
  await refused('POST', '/cohorts/', { _create_static_person_ids: [] }, 400, { attr: 'is_static' });
  const count = (await ok('GET', '/cohorts/?limit=1')).count;
  assert.equal((await ok('GET', '/cohorts/?limit=1000')).results.length, count, 'nothing came of what was refused');
  const environment = await server.get('/api/environments/1/cohorts?limit=1', { authorization: `Bearer ${server.key}` });
  assert.equal(environment.status, 200);
});

test('who changed what is written down', async () => {
  const { id, created_by } = await ok('POST', '/cohorts/', { name: 'logged', is_static: true });
  assert.ok(created_by.id > 0);
  await ok('PATCH', `/cohorts/${id}/`, { name: 'renamed' });
  await ok('PATCH', `/cohorts/${id}/`, { name: 'renamed' });
  const log = await ok('GET', `/cohorts/${id}/activity/`);
  assert.deepEqual(log.results.map((line) => [line.activity, line.detail.changes.map((change) => change.field).join()]), [['updated', 'name'], ['created', '']]);
  assert.equal(log.results[0].user.id, created_by.id);
});

test('groups and their types', async () => {
  const company = (key, set, seconds_ago) => event('$groupidentify', 'ann', seconds_ago, { $group_type: 'company', $group_key: key, $group_set: set });
  await send(company('acme', { size: 7, city: 'Köln' }, 300), company('zeta', { size: 9 }, 200), company('beta', { size: 7 }, 100));
  const types = await ok('GET', '/groups_types/');
  assert.deepEqual(types.map((type) => [type.group_type, type.group_type_index, type.name_singular]), [['company', 0, null]]);
  const named = await ok('PATCH', '/groups_types/update_metadata/', [{ group_type_index: 0, name_singular: 'Firm', name_plural: 'Firms' }]);
  assert.deepEqual([named[0].name_singular, named[0].name_plural], ['Firm', 'Firms']);
  await ok('PUT', '/groups_types/set_default_columns/', { group_type_index: 0, default_columns: ['size'] });
  await server.restart();
  assert.deepEqual((await ok('GET', '/groups_types/'))[0].default_columns, ['size']);
  await refused('PATCH', '/groups_types/update_metadata/', [{ group_type_index: 3, name_singular: 'x' }], 400, { attr: 'group_type_index' });
  await refused('GET', '/groups/', undefined, 400, { attr: 'group_type_index', detail: 'This query parameter is required.' });
  const keys = async (query) => (await ok('GET', `/groups/?group_type_index=0${query}`)).results.map((group) => group.group_key);
  assert.deepEqual(await keys(''), ['beta', 'zeta', 'acme']);
  assert.deepEqual(await keys('&search=ZET'), ['zeta']);
  assert.deepEqual(await keys('&search=k%C3%B6ln'), ['acme']);
  assert.deepEqual(await keys('&cursor=broken'), ['beta', 'zeta', 'acme']);
  assert.equal((await ok('GET', '/groups/find/?group_type_index=0&group_key=acme')).group_properties.size, 7);
  await refused('GET', '/groups/find/?group_type_index=0&group_key=none', undefined, 404, {});
  assert.deepEqual((await ok('GET', '/groups/property_definitions/'))['0'], [{ name: 'size', count: 3 }, { name: 'city', count: 1 }]);
  assert.deepEqual(await ok('GET', '/groups/property_values/?group_type_index=0&key=size'), [{ name: '7', count: 2 }, { name: '9', count: 1 }]);
  const made = await ok('POST', '/groups/', { group_type_index: 0, group_key: 'new', group_properties: { size: 1 } });
  assert.deepEqual([made.group_key, made.group_properties], ['new', { size: 1 }]);
  await refused('POST', '/groups/', { group_type_index: 0, group_key: 'new' }, 400, { code: 'unique' });
  assert.equal((await ok('POST', '/groups/update_property/?group_type_index=0&group_key=new', { key: 'size', value: 2 })).group_properties.size, 2);
  sent += 2;
  await send(...Array.from({ length: 120 }, (_, i) => company(`many ${i}`, {}, 4000 + i)));
  const first = await ok('GET', '/groups/?group_type_index=0&search=many');
  assert.equal(first.results.length, 100);
  const next = new URL(first.next);
  const rest_of_them = JSON.parse((await server.get(next.pathname + next.search, { authorization: `Bearer ${server.key}` })).text);
  assert.equal(rest_of_them.results.length, 20);
  assert.equal(rest_of_them.next, null);
  assert.equal(new Set([...first.results, ...rest_of_them.results].map((group) => group.group_key)).size, 120);
});
