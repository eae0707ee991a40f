// Flags of every kind, made over REST, and what each is worth for three visitors: ann, whom every
// condition knows, bob, who has other properties, and a stranger, who was never seen. Values that
// depend on a hash are computed here from its definition, not asked of the server.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { Server } from './server.mjs';

const DAY_MS = 86_400_000;
const FLAGS = '/api/projects/1/feature_flags/';
const COHORTS = '/api/projects/1/cohorts/';

// -- REST --

// { status, headers, text, body } of a call with a personal API key, or with none if it is null.
export async function rest(server, method, target, body, key = server.key) {
  const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) };
  const answer = await server.request(method, target, body === undefined ? undefined : JSON.stringify(body), headers);
  const is_json = answer.headers['content-type']?.startsWith('application/json') && answer.text !== '';
  return { ...answer, body: is_json ? JSON.parse(answer.text) : undefined };
}
async function done(server, method, target, body) {
  const answer = await rest(server, method, target, body);
  assert.ok(answer.status >= 200 && answer.status < 300, `${method} ${target} ${JSON.stringify(body)} answered ${answer.status}: ${answer.text}`);
  return answer.body;
}
export const createFlag = (server, body) => done(server, 'POST', FLAGS, body);
export const changeFlag = (server, id, body) => done(server, 'PATCH', `${FLAGS}${id}/`, body);
export const createCohort = (server, body) => done(server, 'POST', COHORTS, body);
export const createKey = async (server, scopes) => (await done(server, 'POST', '/api/personal_api_keys/', { label: scopes.join(), scopes })).value;
export const secretKey = async (server) => (await done(server, 'GET', '/api/projects/1/')).secret_api_token;

// What /flags answers, of version 2 and without configuration unless `query` says otherwise.
export async function askFlags(server, body, { query = 'v=2', path = '/flags/', headers = {} } = {}) {
  const answer = await server.request('POST', `${path}?${query}`, JSON.stringify({ token: server.token, ...body }),
    { 'content-type': 'application/json', ...headers });
  return { ...answer, body: answer.headers['content-type']?.startsWith('application/json') ? JSON.parse(answer.text) : undefined };
}
export const valueOf = (detail) => (detail === undefined ? undefined : detail.variant ?? detail.enabled);
// { key: value } of an answer of version 2.
export const valuesOf = (flags) => Object.fromEntries(Object.entries(flags).map(([key, detail]) => [key, valueOf(detail)]));

// -- Buckets --

// [0, 1]: the first 60 bits of a SHA-1.
export function bucket(text) {
  const hex = crypto.createHash('sha1').update(text).digest('hex').slice(0, 15);
  return Number(BigInt(`0x${hex}`)) / 2 ** 60;
}
export const isRolledOut = (key, id, percentage) => percentage === 100 || bucket(`${key}.${id}`) <= percentage / 100;
export function variantOf(key, id, variants) {
  const hash = bucket(`${key}.${id}variant`);
  let sum = 0;
  return variants.find((variant) => hash < (sum += variant.rollout_percentage / 100))?.key;
}
// An id that `test` accepts; deterministic.
export function idWhere(test, prefix = 'visitor') {
  for (let i = 0; ; i++) if (test(`${prefix}-${i}`)) return `${prefix}-${i}`;
}

// -- Who --

export const PROPERTIES = {
  ann: { email: 'ann@example.com', plan: 'pro', age: 30, version: '2.3.1', born: '1990-05-01', admin: true, nick: 'Änne',
    joined: new Date(Date.now() - 5 * DAY_MS).toISOString(), '$feature_enrollment/early-access': true },
  bob: { email: 'bob@other.org', plan: 'free', age: 17, version: '1.9.0-beta', born: '2010-01-01', admin: false, nick: 'bo',
    joined: new Date(Date.now() - 90 * DAY_MS).toISOString(), '$feature_enrollment/super-groups': 'true' },
};
export const GROUP_PROPERTIES = {
  company: { acme: { size: 120, tier: 'enterprise' }, tiny: { size: 3, tier: 'free' } },
  organization: { globex: { region: 'eu' } },
};
export const VISITORS = {
  ann: { distinct_id: 'ann', groups: { company: 'acme', organization: 'globex' }, $device_id: 'device-of-ann' },
  bob: { distinct_id: 'bob', groups: { company: 'tiny' } },
  stranger: { distinct_id: 'stranger' },
};

async function makePeople(server) {
  const event = (name, distinct_id, properties) => ({ event: name, distinct_id, properties, uuid: crypto.randomUUID() });
  const send = async (events, expected) => {
    assert.equal((await server.capture(events)).status, 200);
    await server.expectRows('SELECT count() FROM events', [[expected]], { timeout_ms: 10_000 });
  };
  // The types get their numbers in the order in which they are first seen.
  await send(event('$groupidentify', 'ann', { $group_type: 'company', $group_key: 'acme', $group_set: GROUP_PROPERTIES.company.acme }), 1);
  await send([
    event('$groupidentify', 'ann', { $group_type: 'organization', $group_key: 'globex', $group_set: GROUP_PROPERTIES.organization.globex }),
    event('$groupidentify', 'bob', { $group_type: 'company', $group_key: 'tiny', $group_set: GROUP_PROPERTIES.company.tiny }),
    event('$identify', 'ann', { $anon_distinct_id: 'anon-ann', $set: PROPERTIES.ann }),
    event('$identify', 'bob', { $anon_distinct_id: 'anon-bob', $set: PROPERTIES.bob })], 5);
}

async function makeCohorts(server) {
  const of = (...values) => ({ properties: { type: 'OR', values: [{ type: 'AND', values }] } });
  const named = async (name, filters) => (await createCohort(server, { name, filters })).id;
  const cohorts = {};
  cohorts.pros = await named('pros', of({ type: 'person', key: 'plan', operator: 'exact', value: ['pro'] }));
  cohorts.adults = await named('adults', of({ type: 'person', key: 'age', operator: 'gte', value: '18' }));
  cohorts.nested = await named('adult pros', of({ type: 'cohort', key: 'id', value: cohorts.pros },
    { type: 'cohort', key: 'id', value: cohorts.adults }));
  cohorts.negated = await named('not of example.com', of({ type: 'person', key: 'email', operator: 'icontains', value: '@example.com', negation: true }));
  const boundary = 'flags-e2e';
  const part = (name, value, more = '') => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const upload = await server.request('POST', COHORTS,
    `${part('name', 'picked')}${part('is_static', 'true')}${part('csv', 'distinct_id\nbob\nnobody\n', '; filename="ids.csv"\r\nContent-Type: text/csv')}--${boundary}--\r\n`,
    { authorization: `Bearer ${server.key}`, 'content-type': `multipart/form-data; boundary=${boundary}` });
  assert.equal(upload.status, 201, upload.text);
  cohorts.picked = JSON.parse(upload.text).id;
  for (const id of Object.values(cohorts)) {
    for (const until = Date.now() + 15_000; (await done(server, 'GET', `${COHORTS}${id}/`)).is_calculating;) {
      assert.ok(Date.now() < until, `cohort ${id} is being calculated`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return cohorts;
}

// -- What --

const person = (key, operator, value) => ({ type: 'person', key, operator, ...(value !== undefined && { value }) });
const group = (key, operator, value, group_type_index) => ({ type: 'group', key, operator, value, group_type_index });
const inCohort = (value, operator = 'in') => ({ type: 'cohort', key: 'id', value, operator });
const onFlag = (id, value) => ({ type: 'flag', key: String(id), operator: 'flag_evaluates_to', value });
const when = (...properties) => ({ properties, rollout_percentage: 100 });
const rollout = (rollout_percentage, ...properties) => ({ properties, rollout_percentage });
const all = [rollout(100)];
const variants = (...pairs) => ({ variants: pairs.map(([key, rollout_percentage]) => ({ key, name: key, rollout_percentage })) });

const ABC = variants(['control', 33.33], ['test', 33.33], ['third', 33.34]);
const HALVES = variants(['left', 50], ['right', 50]);
const QUARTERS = variants(['one', 25], ['two', 75]);
const only = (ann, bob, stranger) => (id) => ({ ann, bob, stranger })[id];
const ANN = only(true, false, false);
const same = (value) => () => value;
const SERVER = () => undefined; // no SDK can tell by itself

// Each: the body of the request, what it is worth for a visitor (undefined: not in the answer), and,
// where it differs, what posthog-node makes of its definition (undefined: it cannot tell).
// `after` is sent as a PATCH when all others are there.
function kinds({ cohorts, ids }) {
  return [
    { key: 'everyone', groups: all, value: same(true) },
    { key: 'nobody', groups: [rollout(0)], value: same(false) },
    { key: 'half', groups: [rollout(50)], value: (id) => isRolledOut('half', id, 50) },
    { key: 'fraction', groups: [rollout(37.5)], value: (id) => isRolledOut('fraction', id, 37.5) },
    { key: 'no-percentage', groups: [{ properties: [] }], value: same(true) },
    { key: 'multivariate', groups: all, filters: { multivariate: ABC }, value: (id) => variantOf('multivariate', id, ABC.variants) },
    { key: 'variant-override', groups: [{ ...when(person('email', 'exact', 'ann@example.com')), variant: 'two' }, rollout(100)],
      filters: { multivariate: QUARTERS }, value: (id) => (id === 'ann' ? 'two' : variantOf('variant-override', id, QUARTERS.variants)) },
    { key: 'payload-boolean', groups: all, filters: { payloads: { true: '{"color":"red","sizes":[1,2.5,null]}' } }, value: same(true),
      payload: same({ color: 'red', sizes: [1, 2.5, null] }) },
    { key: 'payload-variants', groups: all, filters: { multivariate: HALVES, payloads: { left: '"a text, ü"', right: '42' } },
      value: (id) => variantOf('payload-variants', id, HALVES.variants),
      payload: (id) => (variantOf('payload-variants', id, HALVES.variants) === 'left' ? 'a text, ü' : 42) },
    { key: 'is-exact', groups: [when(person('plan', 'exact', ['Pro', 'team']))], value: ANN },
    { key: 'is-not', groups: [when(person('plan', 'is_not', ['pro', 'team']))], value: only(false, true, true) },
    { key: 'is-true', groups: [when(person('admin', 'exact', ['true']))], value: ANN },
    { key: 'contains', groups: [when(person('email', 'icontains', '@EXAMPLE.'))], value: ANN },
    { key: 'not-contains', groups: [when(person('email', 'not_icontains', '@example.'))], value: only(false, true, true) },
    { key: 'contains-any', groups: [when(person('email', 'icontains_multi', ['.net', '.COM']))], value: ANN, local: SERVER },
    { key: 'starts-ends', groups: [when(person('email', 'starts_with', 'ANN'), person('email', 'ends_with', '.com'))], value: ANN },
    { key: 'not-starts', groups: [when(person('email', 'not_starts_with', 'ann'))], value: only(false, true, true) },
    { key: 'matches', groups: [when(person('email', 'regex', '^[a-z]+@example\\.(com|org)$'))], value: ANN },
    { key: 'looks-ahead', groups: [when(person('email', 'regex', '^(?=ann)(?!.*other).*(n)\\1@'))], value: ANN, local: SERVER },
    { key: 'not-matches', groups: [when(person('email', 'not_regex', '@example'))], value: only(false, true, true) },
    { key: 'numbers', groups: [when(person('age', 'gt', '18'), person('age', 'lte', '30'))], value: ANN },
    { key: 'between', groups: [when(person('age', 'between', [18, 30]))], value: ANN, local: SERVER },
    { key: 'is-set', groups: [when(person('nick', 'is_set'), person('phone', 'is_not_set'))], value: only(true, true, false), local: SERVER },
    { key: 'dates', groups: [when(person('born', 'is_date_before', '2000-01-01'))], value: ANN },
    { key: 'recently', groups: [when(person('joined', 'is_date_after', '-30d'))], value: ANN },
    { key: 'semver', groups: [when(person('version', 'semver_gte', '2.0.0'), person('version', 'semver_caret', '2.1'))], value: ANN },
    { key: 'semver-tilde', groups: [when(person('version', 'semver_tilde', '2.3.0'), person('version', 'semver_wildcard', '2.*'))], value: ANN },
    { key: 'either', groups: [when(person('plan', 'exact', 'none')), when(person('plan', 'exact', 'free'))], value: only(false, true, false) },
    { key: 'of-company', groups: [when(group('size', 'gt', '100', 0))], filters: { aggregation_group_type_index: 0 }, value: ANN },
    { key: 'of-company-half', groups: [rollout(50)], filters: { aggregation_group_type_index: 0, multivariate: HALVES },
      value: (id) => { const key = VISITORS[id].groups?.company; return key !== undefined && isRolledOut('of-company-half', key, 50) && variantOf('of-company-half', key, HALVES.variants); } },
    { key: 'of-organization', groups: [when(group('region', 'exact', ['eu'], 1))], filters: { aggregation_group_type_index: 1 }, value: ANN },
    { key: 'mixed', groups: [{ ...when(group('tier', 'exact', ['enterprise'], 0)), aggregation_group_type_index: 0 },
      { ...when(person('plan', 'exact', ['free'])), aggregation_group_type_index: null }], value: only(true, true, false) },
    { key: 'in-cohort', groups: [when(inCohort(cohorts.pros))], value: ANN },
    { key: 'in-nested', groups: [when(inCohort(cohorts.nested))], value: ANN },
    { key: 'not-in-cohort', groups: [when(inCohort(cohorts.pros, 'not_in'))], value: only(false, true, true) },
    { key: 'in-negated', groups: [when(inCohort(cohorts.negated))], value: only(false, true, true) },
    { key: 'in-static', groups: [when(inCohort(cohorts.picked))], value: only(false, true, false), local: SERVER },
    { key: 'not-in-static', groups: [when(inCohort(cohorts.picked, 'not_in'))], value: only(true, false, true), local: SERVER },
    { key: 'depends', groups: [when(onFlag(ids['is-exact'], true))], needs: ['is-exact'], value: ANN },
    { key: 'depends-not', groups: [when(onFlag(ids.depends, false))], needs: ['depends'], value: only(false, true, true) },
    { key: 'depends-variant', groups: [when(onFlag(ids['variant-override'], 'two'))], needs: ['variant-override'],
      value: (id) => id === 'ann' || variantOf('variant-override', id, QUARTERS.variants) === 'two' },
    { key: 'held-out', groups: all, filters: { multivariate: HALVES, holdout: { id: 7, exclusion_percentage: 100 } }, value: same('holdout-7') },
    { key: 'held-out-half', groups: all, filters: { holdout: { id: 8, exclusion_percentage: 50 } }, value: (id) => (bucket(`holdout-${id}`) <= 0.5 ? 'holdout-8' : true) },
    { key: 'early-access', groups: [rollout(0)], filters: { feature_enrollment: true, payloads: { true: '{"early":1}' } }, value: ANN, local: same(false), payload: same({ early: 1 }) },
    { key: 'super-groups', groups: [rollout(0)], filters: { super_groups: [{ properties: [person('$feature_enrollment/super-groups', 'exact', ['true'])], rollout_percentage: 100 }] },
      value: only(false, true, false), local: same(false) },
    { key: 'early-exit', groups: [rollout(0, person('plan', 'exact', ['pro'])), rollout(100)], filters: { early_exit: true }, value: only(false, true, true) },
    { key: 'continuity', groups: all, filters: { multivariate: HALVES }, body: { ensure_experience_continuity: true },
      value: (id) => variantOf('continuity', id, HALVES.variants), local: SERVER },
    { key: 'by-device', groups: [rollout(50)], body: { bucketing_identifier: 'device_id' },
      value: (id) => VISITORS[id].$device_id !== undefined && isRolledOut('by-device', VISITORS[id].$device_id, 50),
      local: (id) => (VISITORS[id].$device_id === undefined ? undefined : isRolledOut('by-device', VISITORS[id].$device_id, 50)) },
    { key: 'client-only', groups: all, body: { evaluation_runtime: 'client' }, value: same(true), runtime: 'client' },
    { key: 'server-only', groups: all, body: { evaluation_runtime: 'server' }, value: same(true), runtime: 'server' },
    { key: 'in-web', groups: all, body: { evaluation_contexts: ['web', 'docs'] }, value: same(true), contexts: ['web', 'docs'] },
    { key: 'remote-config', groups: all, filters: { payloads: { true: '{"limit":10,"name":"x"}' } }, body: { is_remote_configuration: true }, value: same(true),
      local: SERVER, payload: same({ limit: 10, name: 'x' }) },
    { key: 'survey-targeting-poll', groups: all, value: same(true) },
    { key: 'inactive', groups: all, body: { active: false }, value: same(undefined), local: same(false) },
    { key: 'deleted', groups: all, after: { deleted: true }, value: same(undefined) },
  ];
}
export const KEYS = kinds({ cohorts: {}, ids: {} }).map(({ key }) => key);

// People, cohorts and flags on a server that is new. Returns { cohorts, ids (by key), flags (as the
// API gave them, by key), kinds (as above, by key) }.
export async function makeFlags(server) {
  await makePeople(server);
  const cohorts = await makeCohorts(server);
  const ids = {};
  const flags = {};
  const made = {};
  // One flag refers to another by its id, so the definitions are made anew as ids become known.
  for (const key of KEYS) {
    const kind = kinds({ cohorts, ids }).find((one) => one.key === key);
    for (const other of kind.needs ?? []) assert.ok(ids[other], `${other} comes before ${key}`);
    flags[key] = await createFlag(server, { key, name: `The flag ${key}`, filters: { groups: kind.groups, ...kind.filters }, ...kind.body });
    ids[key] = flags[key].id;
    made[key] = kind;
  }
  for (const kind of Object.values(made)) {
    if (kind.after) flags[kind.key] = { ...flags[kind.key], ...(await changeFlag(server, ids[kind.key], kind.after)) };
  }
  return { cohorts, ids, flags, kinds: made };
}

export async function startWithFlags(options) {
  const server = await Server.start(options);
  try {
    return { server, ...(await makeFlags(server)) };
  } catch (error) {
    await server.remove();
    throw error;
  }
}

// { key: value } for the visitor; runtime is that of the asking program ('all': every flag),
// contexts what it says of itself (empty: every flag).
export function expectedValues(kinds, visitor, { runtime = 'all', contexts = [] } = {}) {
  const out = {};
  for (const kind of Object.values(kinds)) {
    const value = kind.value(visitor);
    if (value === undefined || (runtime !== 'all' && kind.runtime && kind.runtime !== runtime)) continue;
    if (contexts.length > 0 && kind.contexts && !kind.contexts.some((one) => contexts.includes(one))) continue;
    out[kind.key] = value;
  }
  return out;
}
// What posthog-node makes of the definitions alone.
export function expectedLocally(kinds, visitor) {
  const out = {};
  for (const kind of Object.values(kinds)) {
    const value = kind.key === 'deleted' ? undefined : (kind.local ?? kind.value)(visitor);
    if (value !== undefined) out[kind.key] = value;
  }
  return out;
}
export function expectedPayloads(kinds, visitor) {
  const out = {};
  for (const kind of Object.values(kinds)) if (kind.payload && kind.value(visitor)) out[kind.key] = kind.payload(visitor);
  return out;
}
