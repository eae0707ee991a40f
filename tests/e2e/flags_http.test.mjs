// Flags as they are on the wire: the shapes of every version, the encodings SDKs use, keys, tags,
// what happens at once and what survives a crash, and what hostile flags and requests cost others.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { askFlags, changeFlag, createCohort, createFlag, createKey, expectedPayloads, expectedValues, idWhere, isRolledOut, rest, secretKey,
  startWithFlags, valueOf, valuesOf, variantOf, VISITORS } from './lib/flags.mjs';
import { mmdb } from './lib/mmdb.mjs';
import { Server, temporaryFolder, waitFor } from './lib/server.mjs';

const TIMEOUT = { timeout: 60_000 };
// What is hostile took minutes, or for ever, without its bound; how fast it is otherwise is not asked here.
const SOON_MS = 10_000;
const FLAGS = '/api/projects/1/feature_flags/';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36';
const everyone = { groups: [{ properties: [], rollout_percentage: 100 }] };
const nobody = { groups: [{ properties: [], rollout_percentage: 0 }] };
const HALVES = { variants: [{ key: 'left', rollout_percentage: 50 }, { key: 'right', rollout_percentage: 50 }] };
const where = (...properties) => ({ groups: [{ properties, rollout_percentage: 100 }] });
const person = (key, operator, value) => ({ type: 'person', key, operator, value });

let server;
let kinds;
let ids;
let cohorts;
before(async () => {
  ({ server, kinds, ids, cohorts } = await startWithFlags());
});
after(() => server?.remove());

const all = { evaluation_runtime: 'all' };
const ask = (body, options) => askFlags(server, { ...all, ...body }, options);
async function values(body, options) {
  const { status, body: answer, text } = await ask(body, options);
  assert.equal(status, 200, text);
  assert.equal(answer.errorsWhileComputingFlags, false);
  return valuesOf(answer.flags);
}
const get = (target, key) => server.get(target, key === undefined ? {} : { authorization: `Bearer ${key}` });
const event = (name, distinct_id, properties = {}) => ({ event: name, distinct_id, properties, uuid: crypto.randomUUID() });
async function sendAndWait(target, ...events) {
  assert.equal((await target.capture(events)).status, 200);
  await waitFor(async () => (await target.query(`SELECT count() FROM events WHERE uuid IN (${events.map(({ uuid }) => `'${uuid}'`).join()})`))[0][0] === events.length,
    { timeout_ms: 10_000, what: 'the events' });
}

describe('shapes', () => {
  for (const visitor of Object.keys(VISITORS)) test(`every flag of ${visitor}`, TIMEOUT, async () => {
    assert.deepEqual(await values(VISITORS[visitor]), expectedValues(kinds, visitor));
    assert.deepEqual(await values({ ...VISITORS[visitor], groups: undefined, $groups: VISITORS[visitor].groups, distinct_id: undefined, $distinct_id: visitor }),
      expectedValues(kinds, visitor), 'by other names');
  });

  test('version 2: details', TIMEOUT, async () => {
    const request_id = crypto.randomUUID();
    const { body, headers } = await ask(VISITORS.ann, { headers: { 'x-request-id': request_id } });
    assert.match(headers['content-type'], /^application\/json/);
    assert.deepEqual(Object.keys(body).sort(), ['errorsWhileComputingFlags', 'evaluatedAt', 'flags', 'requestId']);
    assert.equal(body.requestId, request_id);
    assert.ok(Number.isInteger(body.evaluatedAt) && Math.abs(body.evaluatedAt - Date.now()) < 60_000);
    const detail = (key, enabled, variant, code, condition_index, description, payload = null, version = 1) => ({ key, enabled, variant,
      reason: { code, condition_index, description }, metadata: { id: ids[key], version, description: null, payload, has_experiment: false } });
    for (const wanted of [
      detail('everyone', true, null, 'condition_match', 0, 'Matched condition set 1'),
      detail('nobody', false, null, 'out_of_rollout_bound', 0, 'Out of rollout bound'),
      detail('is-not', false, null, 'no_condition_match', 0, 'No matching condition set'),
      detail('either', false, null, 'no_condition_match', 1, 'No matching condition set'),
      detail('variant-override', true, 'two', 'condition_match', 0, 'Matched condition set 1'),
      detail('payload-boolean', true, null, 'condition_match', 0, 'Matched condition set 1', '{"color":"red","sizes":[1,2.5,null]}'),
      detail('held-out', true, 'holdout-7', 'holdout_condition_value', null, 'Holdout condition value'),
      detail('early-access', true, null, 'super_condition_value', 0, 'Super condition value', '{"early":1}'),
      detail('early-exit', false, null, 'out_of_rollout_bound', 0, 'Out of rollout bound'),
      detail('remote-config', true, null, 'condition_match', 0, 'Matched condition set 1', '{"limit":10,"name":"x"}'),
    ]) assert.deepEqual(body.flags[wanted.key], wanted);
    const { body: other } = await ask(VISITORS.stranger, { headers: { 'x-request-id': 'not a uuid' } });
    assert.match(other.requestId, UUID);
    assert.deepEqual(other.flags['of-company'].reason, { code: 'no_group_type', condition_index: 0, description: 'No group type' });
    assert.deepEqual(other.flags.mixed.reason, { code: 'no_condition_match', condition_index: 1,
      description: 'No matching condition set (group conditions were not evaluated because no group type was provided)' });
    // Whoever is not enrolled is evaluated as anybody.
    assert.equal(other.flags['early-access'].reason.code, 'out_of_rollout_bound');
  });

  const F1 = ['errorsWhileComputingFlags', 'evaluatedAt', 'featureFlagPayloads', 'featureFlags', 'requestId'];
  const F2 = ['errorsWhileComputingFlags', 'evaluatedAt', 'flags', 'requestId'];
  const DECIDE = ['evaluatedAt', 'featureFlags', 'requestId'];
  const enabled = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== false));
  for (const [path, query, shape, has_config] of [
    ['/flags', 'v=1', F1, false], ['/flags/', 'v=one', F1, false], ['/flags/', 'v=2', F2, false], ['/flags', 'version=2', F2, false],
    ['/flags/', 'v=3', F2, false], ['/flags/', 'v=99', F2, false], ['/flags/', '', F2, true], ['/flags/', 'v=', F2, true],
    ['/flags/', 'config=true', F1, true], ['/flags/', 'config=false', F1, false], ['/flags/', 'v=2&config=true', F2, true], ['/flags/', 'v=2&config=1', F2, true],
    ['/flags/', 'v=2&ip=0&_=1700000000000&ver=1.2.3', F2, false],
    ['/decide', 'v=1', DECIDE, true], ['/decide/', '', DECIDE, true], ['/decide/', 'v=2', DECIDE, true], ['/decide/', 'v=3', F1, true],
    ['/decide/', 'v=4', F2, true], ['/decide', 'v=3&config=false', F1, false],
  ]) test(`${path}?${query}`, TIMEOUT, async () => {
    const { status, body, text } = await ask(VISITORS.ann, { path, query });
    assert.equal(status, 200, text);
    const expected = expectedValues(kinds, 'ann');
    for (const key of shape) assert.ok(key in body, `${key} is in ${Object.keys(body)}`);
    for (const key of new Set([...F1, ...F2])) assert.equal(key in body, shape.includes(key), key);
    assert.equal('supportedCompression' in body, has_config, 'configuration');
    if (!has_config) assert.deepEqual(Object.keys(body).sort(), shape);
    if (shape === F2) assert.deepEqual(valuesOf(body.flags), expected);
    if (shape === F1) {
      assert.deepEqual(body.featureFlags, expected);
      const payloads = Object.fromEntries(Object.entries(body.featureFlagPayloads).map(([key, payload]) => [key, JSON.parse(payload)]));
      assert.deepEqual(payloads, expectedPayloads(kinds, 'ann'));
    }
    if (shape === DECIDE && query === 'v=2') assert.deepEqual(body.featureFlags, enabled(expected));
    if (shape === DECIDE && query !== 'v=2') assert.deepEqual([...body.featureFlags].sort(), Object.keys(enabled(expected)).sort());
  });

  test('configuration is of the fields and types that posthog-js reads', TIMEOUT, async () => {
    const { body } = await ask(VISITORS.ann, { query: 'v=2&config=true' });
    assert.deepEqual(body.supportedCompression, ['gzip', 'gzip-js']);
    const fields = { hasFeatureFlags: true, autocapture_opt_out: false, captureDeadClicks: false, elementsChainAsString: true,
      sessionRecording: false, surveys: false, heatmaps: false, defaultIdentifiedOnly: true, siteApps: [], isAuthenticated: false, toolbarParams: {} };
    assert.deepEqual(Object.fromEntries(Object.keys(fields).map((field) => [field, body[field]])), fields);
    assert.ok(!('quotaLimited' in body) && !('minimalFlagCalledEvents' in body));
    const array = await server.get(`/array/${server.token}/config`);
    assert.equal(JSON.parse(array.text).hasFeatureFlags, true);
  });

  test('other methods', TIMEOUT, async () => {
    for (const path of ['/flags', '/flags/', '/decide/']) {
      const read = await server.get(`${path}?v=2`);
      assert.equal(read.status, 200, path);
      const body = JSON.parse(read.text);
      if (path.startsWith('/flags')) assert.deepEqual(body.flags, {});
      assert.deepEqual(body.supportedCompression, ['gzip', 'gzip-js']);
      assert.deepEqual(body.config, { enable_collect_everything: true });
      assert.equal(body.sessionRecording, false);
      const head = await server.request('HEAD', path);
      assert.deepEqual([head.status, head.text], [200, '']);
      assert.match(head.headers['content-type'], /^application\/json/);
      for (const method of ['PUT', 'DELETE', 'PATCH']) assert.equal((await server.request(method, path, '{}')).status, 405, method);
    }
    const old = JSON.parse((await server.get('/flags?v=1')).text);
    assert.deepEqual([old.featureFlags, old.featureFlagPayloads, 'flags' in old], [{}, {}, false]);
  });

  test('which methods there are', TIMEOUT, async () => {
    const methods = async (method, path) => {
      const { status, headers } = await server.request(method, path, method === 'OPTIONS' ? undefined : '{}');
      return `${method} ${path}: ${status} ${headers.allow?.split(/, */).sort().join()}`;
    };
    const got = [];
    const wanted = [];
    for (const path of ['/flags', '/flags/', '/decide/']) for (const [method, status] of [['PUT', 405], ['OPTIONS', 204]]) {
      got.push(await methods(method, path));
      wanted.push(`${method} ${path}: ${status} GET,HEAD,OPTIONS,POST`);
    }
    got.push(await methods('OPTIONS', '/flags/definitions'));
    wanted.push('OPTIONS /flags/definitions: 204 GET,HEAD,OPTIONS');
    assert.deepEqual(got, wanted);
  });

  test('a page of another origin may ask', TIMEOUT, async () => {
    for (const path of ['/flags/?v=2', '/decide/?v=3', `/api/surveys/?token=${server.token}`, `/api/early_access_features/?token=${server.token}`,
      `/api/web_experiments/?token=${server.token}`]) {
      const preflight = await server.request('OPTIONS', path, undefined, { origin: 'https://shop.example', 'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-posthog-session-id' });
      assert.ok(preflight.status === 200 || preflight.status === 204, path);
      assert.equal(preflight.headers['access-control-allow-origin'], 'https://shop.example');
      assert.match(preflight.headers['access-control-allow-headers'], /content-type/i);
      assert.match(preflight.headers['access-control-allow-headers'], /x-posthog-session-id/i);
      assert.match(preflight.headers['access-control-allow-methods'], /POST/);
      assert.equal(preflight.headers['access-control-allow-credentials'], 'true');
    }
    const answer = await ask(VISITORS.ann, { headers: { origin: 'https://shop.example' } });
    assert.equal(answer.headers['access-control-allow-origin'], 'https://shop.example');
    const refused = await askFlags(server, { token: 'phc_unknown', distinct_id: 'x' }, { headers: { origin: 'https://shop.example' } });
    assert.equal(refused.headers['access-control-allow-origin'], 'https://shop.example', 'an error can be read too');
  });
});

describe('encodings', () => {
  const document = () => ({ token: server.token, ...VISITORS.ann, ...all, person_properties: { note: 'Grüße ☕ ???>>>???>>> ÿÿÿ' } });
  const post = (query, body, headers = {}) => server.request('POST', `/flags/?v=2${query}`, body, headers);
  async function understood(answer) {
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(valuesOf(JSON.parse(answer.text).flags), expectedValues(kinds, 'ann'));
  }
  async function refused(answer, status, text) {
    assert.equal(answer.status, status, answer.text);
    if (text) assert.match(answer.text, text);
  }
  const base64 = () => Buffer.from(JSON.stringify(document())).toString('base64');
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

  test('JSON, of several content types', TIMEOUT, async () => {
    const json = JSON.stringify(document());
    for (const headers of [{}, { 'content-type': 'application/json' }, { 'content-type': 'application/json; charset=utf-8' }, { 'content-type': 'text/plain' },
      { 'content-type': ' text/plain ;x=y' }]) await understood(await post('', json, headers));
    await understood(await post('&compression=', json));
  });

  test('gzip, however it is announced', TIMEOUT, async () => {
    const zipped = gzipSync(JSON.stringify(document()));
    for (const [query, headers] of [['&compression=gzip-js', { 'content-type': 'text/plain' }], ['&compression=gzip', { 'content-type': 'application/json' }],
      ['', { 'content-encoding': 'gzip', 'content-type': 'application/json' }], ['', { 'content-type': 'application/json' }], ['', {}]]) {
      await understood(await post(query, zipped, headers));
    }
    await refused(await post('&compression=gzip-js', zipped, FORM), 400);
    await refused(await post('', zipped.subarray(0, 40), { 'content-type': 'application/json' }), 400, /^Failed to decode request: /);
  });

  test('base64, as a form and bare', TIMEOUT, async () => {
    await understood(await post('&compression=base64', `data=${encodeURIComponent(base64())}`, FORM));
    await understood(await post('&compression=base64', `data=${base64()}`, FORM));
    await understood(await post('', `data=${encodeURIComponent(base64())}`, FORM));
    await understood(await post('&compression=base64', encodeURIComponent(base64()), FORM));
    await understood(await post('&compression=base64', base64(), { 'content-type': 'text/plain' }));
    await understood(await post('', base64(), { 'content-type': 'application/json' }));
    assert.match(base64(), /[+/]/, 'what needs care is in the text');
    // Without its padding.
    await understood(await post('&compression=base64', `data=${base64().replaceAll('=', '')}`, FORM));
  });

  test('lenient JSON', TIMEOUT, async () => {
    const text = `{token: '${server.token}', "distinct_id": 'ann', groups: {company: 'acme', organization: 'globex',}, // a comment
      $device_id: "device-of-ann", evaluation_runtime: 'all', person_properties: {a: NaN, b: [Infinity, -Infinity], },}`;
    await understood(await post('', text, { 'content-type': 'application/json' }));
    const latin = Buffer.concat([Buffer.from(`{"token":"${server.token}","distinct_id":"ann","groups":{"company":"acme","organization":"globex"},"$device_id":"device-of-ann","evaluation_runtime":"all","person_properties":{"x":"`),
      Buffer.from([0xff, 0xfe]), Buffer.from('"}}')]);
    await understood(await post('', latin, { 'content-type': 'application/json' }));
  });

  test('what cannot be read is refused with a reason', TIMEOUT, async () => {
    for (const body of ['', 'not json', '{"token":', '[]', '"text"', '12', 'null', '\x00\x01\x02']) await refused(await post('', body, { 'content-type': 'application/json' }), 400, /^Failed to decode request: .*Please check your request format and try again\.$/s);
    await refused(await post('', 'data=%%%', FORM), 400, /^Failed to decode request: /);
    await refused(await post('', JSON.stringify(document()), { 'content-type': 'application/xml' }), 400,
      /^Failed to decode request: unsupported content type: application\/xml\. Please check your request format and try again\.$/);
    await refused(await post('&compression=lz64', JSON.stringify(document())), 400);
  });

  test('a bomb is 413', TIMEOUT, async () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20, 0x20), { level: 9 });
    await refused(await post('', bomb, { 'content-type': 'application/json', 'content-encoding': 'gzip' }), 413);
  });
});

describe('fields', () => {
  test('the token by every name, and without one', TIMEOUT, async () => {
    for (const name of ['token', '$token', 'api_key']) {
      const { status, body, text } = await ask({ ...VISITORS.ann, token: undefined, [name]: server.token });
      assert.equal(status, 200, text);
      assert.equal(body.flags.everyone.enabled, true);
    }
    const missing = { type: 'authentication_error', code: 'not_authenticated', detail: 'No API token provided. Please include a valid API token in your request.', attr: null };
    for (const token of [undefined, '', null]) {
      const { status, body } = await ask({ ...VISITORS.ann, token });
      assert.deepEqual([status, body], [401, missing]);
    }
    for (const token of ['phc_unknown', server.key, 'x'.repeat(100_000)]) {
      const { status, body } = await ask({ ...VISITORS.ann, token });
      assert.equal(status, 401);
      assert.deepEqual(body, { type: 'authentication_error', code: 'authentication_failed', attr: null,
        detail: 'The provided API key is invalid or has expired. Please check your API key and try again.' });
    }
  });

  test('the id', TIMEOUT, async () => {
    for (const body of [{}, { distinct_id: null }, { disable_flags: true }]) {
      const { status, text } = await ask(body);
      assert.deepEqual([status, text], [400, 'The distinct_id field is missing from the request. Please include a valid identifier.']);
    }
    assert.deepEqual((await values({ distinct_id: '' })).half, true, 'the empty id is in every rollout');
    assert.equal((await values({ distinct_id: '' })).multivariate, 'control');
    for (const id of [123.45, 7, -1]) assert.equal((await values({ distinct_id: id })).half, isRolledOut('half', String(id), 50), `${id}`);
    const long = idWhere((id) => isRolledOut('half', `${id}${'é'.repeat(300)}`.slice(0, 200), 50) !== isRolledOut('half', `${id}${'é'.repeat(300)}`, 50));
    assert.equal((await values({ distinct_id: `${long}${'é'.repeat(300)}` })).half, isRolledOut('half', `${long}${'é'.repeat(300)}`.slice(0, 200), 50));
    for (const id of [true, [], {}]) assert.equal((await ask({ distinct_id: id })).status, 400, JSON.stringify(id));
  });

  test('null is absent, and another type is refused', TIMEOUT, async () => {
    const optional = ['person_properties', 'groups', 'group_properties', '$anon_distinct_id', '$device_id', 'geoip_disable', 'disable_flags', 'flag_keys',
      'evaluation_contexts', 'timezone'];
    const nulls = Object.fromEntries(optional.map((name) => [name, null]));
    assert.deepEqual(await values({ distinct_id: 'stranger', ...nulls }), expectedValues(kinds, 'stranger'));
    for (const [name, value] of [['person_properties', []], ['person_properties', 'x'], ['groups', 'x'], ['groups', []], ['group_properties', { company: 1 }],
      ['disable_flags', 'yes'], ['geoip_disable', {}], ['flag_keys', 'everyone'], ['flag_keys', [1]], ['evaluation_contexts', 'web'], ['$anon_distinct_id', 5], ['$device_id', []]]) {
      const { status, text } = await ask({ distinct_id: 'x', [name]: value });
      assert.equal(status, 400, `${name} ${JSON.stringify(value)}: ${text}`);
    }
    assert.equal((await ask({ distinct_id: 'x', unknown_field: { a: [1] } })).status, 200);
  });

  test('what the request says of person and groups goes before what is stored', TIMEOUT, async () => {
    assert.equal((await values({ distinct_id: 'bob', person_properties: { plan: 'team' } }))['is-exact'], true);
    assert.equal((await values({ distinct_id: 'ann', person_properties: { plan: null } }))['is-exact'], false);
    assert.equal((await values({ distinct_id: 'ann', $properties: { email: 'x@y.z' } })).contains, false);
    assert.equal((await values({ distinct_id: 'ann' }, { query: 'v=2&only_use_override_person_properties=true' }))['is-exact'], false);
    assert.equal((await values({ distinct_id: 'x', groups: { company: 'new' }, group_properties: { company: { size: 1000 } } }))['of-company'], true);
    assert.equal((await values({ distinct_id: 'x', groups: { company: 'acme' }, group_properties: { company: { size: 1 } } }))['of-company'], false);
    // A group key may be a number.
    const { body } = await ask({ distinct_id: 'x', groups: { company: 42 }, group_properties: { company: { size: 1000 } } });
    assert.equal(body.flags['of-company'].enabled, true);
    assert.equal(body.flags['of-company-half'].enabled, isRolledOut('of-company-half', '42', 50));
    // One that is neither text nor number, or is empty, is none.
    for (const company of ['', null, {}, [], true]) {
      const { body: without } = await ask({ distinct_id: 'x', groups: { company } });
      assert.equal(without.flags['of-company'].reason.code, 'no_group_type', JSON.stringify(company));
    }
    const of_key = await createFlag(server, { key: 'of-key', filters: { ...where({ type: 'group', key: '$group_key', operator: 'exact', value: ['acme'], group_type_index: 0 }), aggregation_group_type_index: 0 } });
    assert.equal((await values({ distinct_id: 'x', groups: { company: 'acme' } }))['of-key'], true);
    const of_id = await createFlag(server, { key: 'of-id', filters: where(person('distinct_id', 'exact', ['somebody'])) });
    const of_first = await createFlag(server, { key: 'of-first', filters: where(person('$initial_utm_source', 'exact', ['ads'])) });
    const found = await values({ distinct_id: 'somebody', person_properties: { utm_source: 'ads' } });
    assert.deepEqual([found['of-id'], found['of-first']], [true, true]);
    for (const { id } of [of_key, of_id, of_first]) await changeFlag(server, id, { deleted: true });
  });

  test('by device', TIMEOUT, async () => {
    const device = idWhere((id) => isRolledOut('by-device', id, 50), 'device');
    const other = idWhere((id) => !isRolledOut('by-device', id, 50), 'device');
    assert.equal((await values({ distinct_id: 'x', $device_id: device }))['by-device'], true);
    assert.equal((await values({ distinct_id: 'x', device_id: other }))['by-device'], false);
    assert.equal((await values({ distinct_id: 'x', person_properties: { $device_id: device } }))['by-device'], true);
    for (const $device_id of [undefined, '']) {
      const { body } = await ask({ distinct_id: 'x', $device_id });
      assert.deepEqual([body.flags['by-device'].enabled, body.flags['by-device'].reason.code], [false, 'out_of_rollout_bound']);
    }
  });

  test('fewer flags when fewer are wanted', TIMEOUT, async () => {
    for (const name of ['flag_keys', 'flag_keys_to_evaluate']) {
      const found = await values({ ...VISITORS.ann, [name]: ['half', 'never-made', 'inactive'] });
      assert.deepEqual(Object.keys(found), ['half']);
    }
    const with_needs = await values({ ...VISITORS.ann, flag_keys: ['depends-not'] });
    assert.equal(with_needs['depends-not'], false);
    assert.deepEqual(await values({ ...VISITORS.ann, flag_keys: [] }), {});
    const { body } = await ask({ ...VISITORS.ann, disable_flags: true }, { query: 'v=2&config=true' });
    assert.deepEqual(body.flags, {});
    assert.equal(body.errorsWhileComputingFlags, false);
    assert.equal(body.hasFeatureFlags, true);
    assert.deepEqual(await values(VISITORS.ann, { query: 'v=2&only_evaluate_survey_feature_flags=true' }), { 'survey-targeting-poll': true });
  });

  test('by where the program runs', TIMEOUT, async () => {
    const only = (answer) => ['client-only', 'server-only'].filter((key) => key in answer.body.flags).join();
    const from = async (headers, body = {}) => only(await askFlags(server, { distinct_id: 'x', ...body }, { headers }));
    for (const [headers, body, expected] of [
      [{}, { evaluation_runtime: 'server' }, 'server-only'], [{}, { evaluation_runtime: 'CLIENT' }, 'client-only'],
      [{}, { evaluation_runtime: 'all' }, 'client-only,server-only'], [{}, { evaluation_runtime: 'moon' }, 'client-only,server-only'],
      [{ 'user-agent': BROWSER }, {}, 'client-only'], [{ 'user-agent': 'posthog-python/6.0.0' }, {}, 'server-only'],
      [{ 'user-agent': 'posthog-node/5.70.0' }, {}, 'server-only'], [{ 'user-agent': 'curl/8.5.0' }, {}, 'server-only'],
      [{ 'user-agent': 'posthog-ios/3.1' }, {}, 'client-only'], [{ 'user-agent': 'something' }, {}, ''], [{}, {}, ''],
      [{ 'user-agent': 'something', origin: 'https://x.example' }, {}, 'client-only'], [{ 'sec-fetch-mode': 'cors' }, {}, 'client-only'],
      [{ 'user-agent': BROWSER }, { evaluation_runtime: 'server' }, 'server-only'],
    ]) assert.equal(await from(headers, body), expected, JSON.stringify([headers, body]));
  });

  test('by context', TIMEOUT, async () => {
    for (const [body, has] of [[{}, true], [{ evaluation_contexts: [] }, true], [{ evaluation_contexts: ['docs', 'x'] }, true], [{ evaluation_environments: ['web'] }, true],
      [{ evaluation_contexts: ['mobile'] }, false], [{ evaluation_contexts: ['WEB'] }, false]]) {
      const found = await values({ distinct_id: 'x', ...body });
      assert.equal('in-web' in found, has, JSON.stringify(body));
      assert.equal(found.everyone, true);
    }
  });
});

describe('dependencies', () => {
  test('what others need stays', TIMEOUT, async () => {
    const base = await createFlag(server, { key: 'base', filters: everyone });
    const needs = (value) => where({ type: 'flag', key: String(base.id), operator: 'flag_evaluates_to', value });
    const on = await createFlag(server, { key: 'on-base', filters: needs(true) });
    const off = await createFlag(server, { key: 'off-base', filters: needs(false) });
    const both = (({ 'on-base': a, 'off-base': b }) => [a, b])(await values({ distinct_id: 'x' }));
    const ring = await rest(server, 'PATCH', `${FLAGS}${base.id}/`, { filters: where({ type: 'flag', key: String(on.id), operator: 'flag_evaluates_to', value: true }) });
    // Without it others would change that nobody touched.
    const disabled = await rest(server, 'PATCH', `${FLAGS}${base.id}/`, { active: false });
    const deleted = await rest(server, 'PATCH', `${FLAGS}${base.id}/`, { deleted: true });
    for (const { id } of [on, off, base]) await rest(server, 'PATCH', `${FLAGS}${id}/`, { deleted: true });
    assert.deepEqual(both, [true, false]);
    assert.equal(ring.status, 400, 'a ring');
    for (const [action, refused] of [['disable', disabled], ['delete', deleted]]) {
      assert.equal(refused.status, 400, `${action}: ${refused.text}`);
      assert.match(refused.body.detail, new RegExp(`^Cannot ${action} this feature flag because other flags depend on it: .*on-base \\(ID: ${on.id}\\)`));
    }
  });

  test('cohorts that change or go', TIMEOUT, async () => {
    const of = (value) => ({ properties: { type: 'OR', values: [{ type: 'AND', values: [{ type: 'person', key: 'plan', operator: 'exact', value: [value] }] }] } });
    const cohort = await createCohort(server, { name: 'changing', filters: of('pro') });
    const flag = await createFlag(server, { key: 'in-changing', filters: where({ type: 'cohort', key: 'id', value: cohort.id, operator: 'in' }) });
    const both = async () => [(await values({ distinct_id: 'ann' }))['in-changing'], (await values({ distinct_id: 'bob' }))['in-changing']];
    assert.deepEqual(await both(), [true, false]);
    assert.equal((await rest(server, 'PATCH', `/api/projects/1/cohorts/${cohort.id}/`, { filters: of('free') })).status, 200);
    assert.deepEqual(await both(), [false, true], 'at once');
    const gone = await rest(server, 'PATCH', `/api/projects/1/cohorts/${cohort.id}/`, { deleted: true });
    assert.equal(gone.status, 400, 'a flag uses it');
    assert.match(gone.body.detail, /in-changing/);
    await changeFlag(server, flag.id, { deleted: true });
    assert.equal((await rest(server, 'PATCH', `/api/projects/1/cohorts/${cohort.id}/`, { deleted: true })).status, 200);
  });

  test('a static cohort by whoever is added or removed', TIMEOUT, async () => {
    const [[person_id]] = await server.query(`SELECT person_id FROM person_distinct_ids WHERE distinct_id = 'ann'`);
    const path = `/api/projects/1/cohorts/${cohorts.picked}`;
    assert.equal((await rest(server, 'PATCH', `${path}/add_persons_to_static_cohort/`, { person_ids: [person_id] })).status, 200);
    assert.equal((await values({ distinct_id: 'ann' }))['in-static'], true, 'in the next request');
    assert.equal((await rest(server, 'PATCH', `${path}/remove_person_from_static_cohort/`, { person_id })).status, 200);
    assert.equal((await values({ distinct_id: 'ann' }))['in-static'], false);
  });

  test('properties that arrive with events', TIMEOUT, async () => {
    assert.equal((await values({ distinct_id: 'carl' }))['is-exact'], false);
    await sendAndWait(server, event('$set', 'carl', { $set: { plan: 'pro' } }));
    await waitFor(async () => (await values({ distinct_id: 'carl' }))['is-exact'], { timeout_ms: 5000, what: 'the property' });
    await sendAndWait(server, event('$set', 'carl', { $set: { plan: 'free' } }));
    await waitFor(async () => !(await values({ distinct_id: 'carl' }))['is-exact'], { timeout_ms: 5000, what: 'the change' });
    await sendAndWait(server, event('$groupidentify', 'carl', { $group_type: 'company', $group_key: 'grown', $group_set: { size: 500 } }));
    await waitFor(async () => (await values({ distinct_id: 'carl', groups: { company: 'grown' } }))['of-company'], { timeout_ms: 5000, what: 'the group' });
  });
});

describe('local evaluation', () => {
  const PATHS = ['/flags/definitions', '/flags/definitions/', '/api/feature_flag/local_evaluation', '/api/feature_flag/local_evaluation/',
    '/api/projects/1/feature_flags/local_evaluation', '/api/projects/1/feature_flags/local_evaluation/'];
  test('one document by every path and key', TIMEOUT, async () => {
    const keys = [server.key, await secretKey(server), await createKey(server, ['feature_flag:read']), await createKey(server, ['feature_flag:write'])];
    const documents = new Set();
    for (const path of PATHS) for (const key of keys) {
      const { status, text } = await get(`${path}?token=${server.token}&send_cohorts`, key);
      assert.equal(status, 200, `${path}: ${text}`);
      documents.add(text);
    }
    assert.equal(documents.size, 1);
    const body = JSON.parse([...documents][0]);
    assert.deepEqual(Object.keys(body).sort(), ['cohorts', 'flags', 'group_type_mapping']);
    assert.deepEqual(body.group_type_mapping, { 0: 'company', 1: 'organization' });
    const flags = Object.fromEntries(body.flags.map((flag) => [flag.key, flag]));
    assert.ok(!('deleted' in flags) && !('remote-config' in flags));
    assert.equal(flags.inactive.active, false);
    for (const field of ['id', 'team_id', 'name', 'key', 'filters', 'deleted', 'active', 'ensure_experience_continuity', 'has_encrypted_payloads', 'version',
      'evaluation_runtime', 'bucketing_identifier', 'evaluation_contexts', 'has_experiment']) assert.ok(field in flags.everyone, field);
    assert.deepEqual(Object.keys(body.cohorts).map(Number).sort(), [cohorts.pros, cohorts.adults, cohorts.nested, cohorts.negated].sort());
    assert.deepEqual(body.cohorts[cohorts.pros], { type: 'OR', values: [{ type: 'AND', values: [{ type: 'person', key: 'plan', operator: 'exact', value: ['pro'] }] }] });
    const [needed] = flags['depends-not'].filters.groups[0].properties;
    assert.deepEqual([needed.key, needed.dependency_chain], ['depends', ['is-exact', 'depends']]);
    assert.deepEqual([flags['by-device'].bucketing_identifier, flags['client-only'].evaluation_runtime, flags['in-web'].evaluation_contexts],
      ['device_id', 'client', ['web', 'docs']]);
  });

  test('without cohorts, by the older path', TIMEOUT, async () => {
    const { text } = await get(`/api/feature_flag/local_evaluation?token=${server.token}`, server.key);
    const body = JSON.parse(text);
    assert.deepEqual(body.cohorts, {});
    const [condition] = body.flags.find(({ key }) => key === 'in-cohort').filters.groups;
    assert.deepEqual(condition.properties.map(({ type, key, value }) => [type, key, value]), [['person', 'plan', ['pro']]]);
    const always = JSON.parse((await get(`/flags/definitions?token=${server.token}`, server.key)).text);
    assert.equal(Object.keys(always.cohorts).length, 4, 'the newer path always sends them');
  });

  test('tags', TIMEOUT, async () => {
    const path = `/flags/definitions?token=${server.token}&send_cohorts`;
    const read = (tag, key = server.key) => server.get(path, { authorization: `Bearer ${key}`, ...(tag && { 'if-none-match': tag }) });
    const first = await read();
    const { etag } = first.headers;
    assert.match(etag, /^W\/"[0-9a-f]{16,}"$/);
    for (const tag of [etag, etag.slice(2), etag.slice(3, -1), `"other", ${etag}`]) {
      const again = await read(tag);
      assert.deepEqual([again.status, again.text, again.headers.etag, again.headers['cache-control']], [304, '', etag, 'private, must-revalidate'], tag);
    }
    assert.equal((await read('W/"0000000000000000"')).status, 200);
    assert.equal((await read(etag, 'phx_wrong')).status, 401, 'a tag is no key');
    await changeFlag(server, ids.everyone, { name: 'Another name' });
    const changed = await read(etag);
    assert.equal(changed.status, 200, 'at once');
    assert.notEqual(changed.headers.etag, etag);
    await server.restart();
    assert.equal((await read(changed.headers.etag)).status, 304, 'the tag is of the content');
  });

  test('keys that may not', TIMEOUT, async () => {
    const reader = await createKey(server, ['query:read']);
    for (const path of PATHS) {
      const at = `${path}?token=${server.token}`;
      const none = await get(at);
      assert.equal(none.status, 401);
      assert.deepEqual(JSON.parse(none.text), { type: 'authentication_error', code: 'not_authenticated', detail: 'Authentication credentials were not provided.', attr: null }, path);
      for (const [key, detail] of [['phx_wrong', /^Personal API key .*is invalid\.$/], ['phs_wrong', /^Secret API token is invalid\.$/], [server.token, /is invalid/]]) {
        const wrong = await get(at, key);
        assert.equal(wrong.status, 401, `${path} ${key}`);
        assert.equal(JSON.parse(wrong.text).code, 'authentication_failed');
        assert.match(JSON.parse(wrong.text).detail, detail, path);
      }
      const scoped = await get(at, reader);
      assert.equal(scoped.status, 403, path);
      assert.equal(JSON.parse(scoped.text).code, 'permission_denied');
    }
    assert.equal((await get('/flags/definitions', server.key)).status, 400, 'the token is wanted here');
    assert.ok([401, 403].includes((await get('/flags/definitions?token=phc_unknown', server.key)).status));
    assert.ok([401, 403].includes((await get('/flags/definitions?token=phc_unknown', await secretKey(server))).status));
    const head = await server.request('HEAD', `/flags/definitions?token=${server.token}`, undefined, { authorization: `Bearer ${server.key}` });
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal((await server.request('POST', `/flags/definitions?token=${server.token}`, '{}', { authorization: `Bearer ${server.key}` })).status, 405);
  });

  test('a rotated secret key works until its backup is deleted', TIMEOUT, async () => {
    const first = await secretKey(server);
    const status = async (key) => (await get(`/flags/definitions?token=${server.token}`, key)).status;
    assert.equal((await rest(server, 'PATCH', '/api/projects/1/rotate_secret_token/')).status, 200);
    assert.deepEqual([await status(first), await status(await secretKey(server))], [200, 200]);
    assert.equal((await rest(server, 'PATCH', '/api/projects/1/delete_secret_token_backup/')).status, 200);
    assert.deepEqual([await status(first), await status(await secretKey(server))], [401, 200]);
  });
});

describe('remote configuration', () => {
  const path = (flag, project = '@current') => `/api/projects/${project}/feature_flags/${flag}/remote_config`;
  test('by key and by id, with and without token', TIMEOUT, async () => {
    const secret = await secretKey(server);
    const scoped = await createKey(server, ['feature_flag:read']);
    for (const key of [server.key, secret, scoped]) for (const at of [path('remote-config'), path(ids['remote-config']), `${path('remote-config')}/`]) {
      const { status, text, headers } = await get(`${at}?token=${server.token}`, key);
      assert.equal(status, 200, text);
      assert.match(headers['content-type'], /^application\/json/);
      assert.deepEqual(JSON.parse(JSON.parse(text)), { limit: 10, name: 'x' });
    }
    assert.equal((await get(path('remote-config', 1), server.key)).status, 200);
    const head = await server.request('HEAD', `${path('remote-config')}?token=${server.token}`, undefined, { authorization: `Bearer ${server.key}` });
    assert.deepEqual([head.status, head.text], [200, '']);
  });

  test('what is not one', TIMEOUT, async () => {
    for (const flag of ['everyone', 'never-made', 'payload-boolean', 999_999]) assert.equal((await get(`${path(flag)}?token=${server.token}`, server.key)).status, 404, flag);
    assert.equal((await get(`${path('remote-config')}?token=${server.token}`)).status, 401);
    assert.equal((await get(`${path('remote-config')}?token=${server.token}`, 'phx_wrong')).status, 401);
    assert.equal((await get(`${path('remote-config')}?token=phc_unknown`, server.key)).status, 401);
    assert.equal((await get(`${path('remote-config')}?token=${server.token}`, await createKey(server, ['query:read']))).status, 403);
  });

  test('without a token the project is a number', TIMEOUT, async () => {
    assert.equal((await get(path('remote-config', ids.everyone + 1000), server.key)).status === 200, false);
    assert.equal((await get(path('remote-config', '@current'), server.key)).status, 404);
  });

  test('a change at once; none is an empty body', TIMEOUT, async () => {
    const flag = await createFlag(server, { key: 'remote-two', is_remote_configuration: true, filters: { ...everyone, payloads: { true: '"a"' } } });
    const read = async () => (await get(`${path('remote-two')}?token=${server.token}`, server.key));
    assert.equal(JSON.parse((await read()).text), '"a"');
    await changeFlag(server, flag.id, { filters: { ...everyone, payloads: { true: { deep: [1] } } } });
    assert.deepEqual(JSON.parse(JSON.parse((await read()).text)), { deep: [1] });
    await changeFlag(server, flag.id, { filters: { ...everyone, payloads: {} } });
    assert.deepEqual((({ status, text }) => [status, text])(await read()), [200, '']);
    await changeFlag(server, flag.id, { deleted: true });
    assert.equal((await read()).status, 404);
  });
});

describe('places, clocks and persons', () => {
  let folder;
  let other;
  before(async () => {
    folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'places.mmdb'), mmdb({ '81.2.69': 'GB', '89.160.20': 'SE' }));
    other = await Server.start({ args: ['--geoip-db', path.join(folder, 'places.mmdb')] });
  });
  after(async () => {
    await other?.remove();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const found = async (key, body, headers = {}) => (await askFlags(other, body, { headers })).body.flags[key].enabled;

  test('by the country that the address is of', TIMEOUT, async () => {
    await createFlag(other, { key: 'british', filters: where(person('$geoip_country_code', 'exact', ['GB'])) });
    const from = (address, body = {}) => found('british', { distinct_id: 'x', ...body }, { 'x-forwarded-for': address });
    assert.deepEqual([await from('81.2.69.160'), await from('89.160.20.1'), await from('127.0.0.1')], [true, false, false]);
    assert.deepEqual([await from('81.2.69.160:4711, 10.0.0.1'), await from('[::1]:80')], [true, false]);
    assert.equal(await from('81.2.69.160', { geoip_disable: true }), false);
    assert.equal(await from('81.2.69.160', { person_properties: { $geoip_country_code: 'SE' } }), false, 'the request goes first');
    assert.equal(await from('81.2.69.160', { person_properties: { $geoip_country_code: null } }), true, 'null is filled');
  });

  test('times without a zone are of the project', TIMEOUT, async () => {
    await createFlag(other, { key: 'by-noon', filters: where(person('at', 'is_date_before', '2024-01-01 12:00')) });
    const at = (time) => found('by-noon', { distinct_id: 'x', person_properties: { at: time } });
    assert.deepEqual([await at('2024-01-01T11:30:00Z'), await at('2024-01-01T16:30:00Z')], [true, false]);
    assert.equal((await rest(other, 'PATCH', '/api/projects/1/', { timezone: 'America/New_York' })).status, 200);
    assert.deepEqual([await at('2024-01-01T16:30:00Z'), await at('2024-01-01T17:30:00Z'), await at('2024-01-01 11:30')], [true, false, true], 'at once');
  });

  test('when a person was first seen, and one that is deleted', TIMEOUT, async () => {
    await createFlag(other, { key: 'new', filters: where({ type: 'person_metadata', key: 'created_at', operator: 'is_date_after', value: '-1d' }) });
    await createFlag(other, { key: 'paying', filters: where(person('plan', 'exact', ['pro'])) });
    await sendAndWait(other, event('$identify', 'dora', { $set: { plan: 'pro', created_at: '1999-01-01' } }));
    assert.deepEqual([await found('new', { distinct_id: 'dora' }), await found('new', { distinct_id: 'nobody' }), await found('paying', { distinct_id: 'dora' })], [true, false, true]);
    const [[id]] = await other.query(`SELECT person_id FROM person_distinct_ids WHERE distinct_id = 'dora'`);
    assert.equal((await rest(other, 'DELETE', `/api/projects/1/persons/${id}/`)).status, 202);
    await waitFor(async () => !(await found('paying', { distinct_id: 'dora' })), { timeout_ms: 5000, what: 'the deletion' });
    assert.equal(await found('new', { distinct_id: 'dora' }), false);
  });
});

describe('for people', () => {
  test('why a flag is what it is', TIMEOUT, async () => {
    const groups = encodeURIComponent(JSON.stringify(VISITORS.ann.groups));
    const { status, body, text } = await rest(server, 'GET', `${FLAGS}evaluation_reasons/?distinct_id=ann&groups=${groups}`);
    assert.equal(status, 200, text);
    assert.deepEqual(body['variant-override'], { value: 'two', evaluation: { reason: 'condition_match', condition_index: 0 } });
    assert.deepEqual(body['of-company'], { value: true, evaluation: { reason: 'condition_match', condition_index: 0 } });
    assert.deepEqual(body['is-not'], { value: false, evaluation: { reason: 'no_condition_match', condition_index: 0 } });
    assert.deepEqual(body.inactive, { value: false, evaluation: { reason: 'disabled', condition_index: null } });
    assert.deepEqual(body['client-only'].value, true);
    assert.ok(!('deleted' in body));
    assert.equal((await rest(server, 'GET', `${FLAGS}evaluation_reasons/`)).status, 400);
    assert.equal((await rest(server, 'GET', `${FLAGS}evaluation_reasons/?distinct_id=ann&groups=nonsense`)).status, 400);
    assert.equal((await rest(server, 'GET', `${FLAGS}evaluation_reasons/?distinct_id=ann`, undefined, await createKey(server, ['query:read']))).status, 403);
  });

  test('my flags, and how many a condition would reach', TIMEOUT, async () => {
    const mine = await rest(server, 'GET', `${FLAGS}my_flags/?groups=${encodeURIComponent('{"company":"acme"}')}`);
    assert.equal(mine.status, 200, mine.text);
    assert.ok(mine.body.every((row) => row.feature_flag.key && 'value' in row));
    assert.equal(mine.body.find((row) => row.feature_flag.key === 'everyone').value, true);
    assert.equal(mine.body.find((row) => row.feature_flag.key === 'inactive').value, false);
    assert.ok(mine.body.every((row) => !('created_by' in row.feature_flag)));
    assert.deepEqual(mine.body.map((row) => row.feature_flag.id), mine.body.map((row) => row.feature_flag.id).sort((a, b) => b - a));
    const radius = await rest(server, 'POST', `${FLAGS}user_blast_radius/`, { condition: { properties: [person('plan', 'exact', ['pro'])] }, group_type_index: null });
    assert.equal(radius.status, 200, radius.text);
    const [[total, pros]] = await server.query(`SELECT count(), countIf(properties.plan = 'pro') FROM persons`);
    assert.deepEqual(radius.body, { users_affected: pros, total_users: total });
    const companies = await rest(server, 'POST', `${FLAGS}user_blast_radius/`,
      { condition: { properties: [{ type: 'group', key: 'size', operator: 'gt', value: '100', group_type_index: 0 }] }, group_type_index: 0 });
    assert.equal(companies.status, 200, companies.text);
    assert.ok(companies.body.users_affected >= 1 && companies.body.total_users >= 2);
  });

  test('a static cohort of whom a flag is on for', TIMEOUT, async () => {
    const { status, body, text } = await rest(server, 'POST', `${FLAGS}${ids['is-exact']}/create_static_cohort_for_flag/`, {});
    assert.equal(status, 201, text);
    const path = `/api/projects/1/cohorts/${body.cohort.id}/`;
    await waitFor(async () => !(await rest(server, 'GET', path)).body.is_calculating, { timeout_ms: 10_000, what: 'the cohort' });
    const members = (await rest(server, 'GET', `${path}persons/`)).body.results;
    assert.ok(members.some(({ distinct_ids }) => distinct_ids.includes('ann')) && !members.some(({ distinct_ids }) => distinct_ids.includes('bob')));
    assert.match(body.cohort.name, /^Users with feature flag is-exact enabled at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    assert.deepEqual([body.cohort.is_static, body.cohort.is_calculating, body.cohort.count], [true, false, members.length]);
    const [line] = (await rest(server, 'GET', `${path}activity/`)).body.results;
    assert.deepEqual([line.activity, line.detail.name], ['created', body.cohort.name]);
  });

  test('whose cohort is refused, and who is in none', TIMEOUT, async () => {
    const make = (id, key) => rest(server, 'POST', `${FLAGS}${id}/create_static_cohort_for_flag/`, {}, key);
    const cohorts = async () => (await rest(server, 'GET', '/api/projects/1/cohorts/')).body.count;
    const of_groups = await createFlag(server, { key: 'cohort-of-groups', filters: { ...everyone, aggregation_group_type_index: 0 } });
    const half = await createFlag(server, { key: 'cohort-of-half', filters: { groups: [{ properties: [], rollout_percentage: 50 }] } });
    const off = await createFlag(server, { key: 'cohort-of-none', filters: everyone, active: false });
    const before = await cohorts();
    assert.equal((await make(of_groups.id)).status, 400);
    for (const id of [999_999, 'everyone', -1]) assert.equal((await make(id)).status, 404, id);
    // A user has only so many keys.
    const makeAs = async (...scopes) => {
      const key = (await rest(server, 'POST', '/api/personal_api_keys/', { label: 'of cohorts', scopes })).body;
      const answer = await make(off.id, key.value);
      assert.equal((await rest(server, 'DELETE', `/api/personal_api_keys/${key.id}/`)).status, 204);
      return answer;
    };
    for (const scopes of [['feature_flag:write'], ['cohort:write'], ['feature_flag:read', 'cohort:write']]) assert.equal((await makeAs(...scopes)).status, 403, `${scopes}`);
    assert.equal(await cohorts(), before);
    const none = await makeAs('feature_flag:write', 'cohort:write');
    assert.deepEqual([none.status, none.body?.cohort?.count], [201, 0], none.text);
    // By the same hash as everywhere.
    const some = await make(half.id);
    const members = (await rest(server, 'GET', `/api/projects/1/cohorts/${some.body.cohort.id}/persons/?limit=1000`)).body.results;
    const firsts = (await server.query('SELECT min(distinct_id) FROM person_distinct_ids GROUP BY person_id')).flat();
    const wanted = [];
    for (const distinct_id of firsts) if ((await values({ distinct_id, flag_keys: ['cohort-of-half'] }))['cohort-of-half']) wanted.push(distinct_id);
    assert.ok(wanted.length > 0 && wanted.length < firsts.length, `${wanted.length} of ${firsts.length}`);
    const sorted = (list) => [...list].sort();
    assert.deepEqual(sorted(members.map(({ distinct_ids }) => sorted(distinct_ids)[0])), sorted(wanted));
    for (const { id } of [of_groups, half, off]) await changeFlag(server, id, { deleted: true });
    assert.equal((await make(half.id)).status, 404);
  });

  test('side endpoints of posthog-js', TIMEOUT, async () => {
    for (const [path, empty] of [['early_access_features', { earlyAccessFeatures: [] }], ['surveys', { surveys: [], survey_config: null }], ['web_experiments', { experiments: [] }]]) {
      for (const end of ['', '/']) {
        const { status, text } = await get(`/api/${path}${end}?token=${server.token}`);
        assert.equal(status, 200, path);
        assert.deepEqual(JSON.parse(text), empty);
      }
      const missing = await get(`/api/${path}/`);
      assert.deepEqual([missing.status, JSON.parse(missing.text).code], [401, 'missing_api_key'], path);
      const wrong = await get(`/api/${path}/?token=phc_unknown`);
      assert.deepEqual([wrong.status, JSON.parse(wrong.text).code], [401, 'invalid_api_key'], path);
    }
  });

  test('a flag of the API is as it was asked for', TIMEOUT, async () => {
    for (const kind of Object.values(kinds)) {
      if (kind.after?.deleted) continue;
      const { status, body } = await rest(server, 'GET', `${FLAGS}${ids[kind.key]}/`);
      assert.equal(status, 200, kind.key);
      assert.deepEqual(body.filters.groups, kind.groups, kind.key);
      for (const [name, value] of Object.entries({ ...kind.filters })) assert.deepEqual(body.filters[name], value, `${kind.key} ${name}`);
      for (const [name, value] of Object.entries({ ...kind.body })) {
        assert.deepEqual(body[name === 'evaluation_contexts' && !(name in body) ? 'evaluation_tags' : name], value, `${kind.key} ${name}`);
      }
    }
    const listed = async (query) => new Set((await rest(server, 'GET', `${FLAGS}?limit=1000&${query}`)).body.results.map(({ key }) => key));
    assert.deepEqual(await listed('active=false'), new Set(['inactive']));
    assert.deepEqual(await listed('type=remote_config'), new Set(['remote-config']));
    assert.deepEqual(await listed('evaluation_runtime=client'), new Set(['client-only']));
    assert.ok((await listed('type=multivariant')).has('multivariate'));
    assert.ok(!(await listed('type=boolean')).has('multivariate'));
    assert.deepEqual(await listed('search=semver'), new Set(['semver', 'semver-tilde']));
  });
});

// -- What survives --

const key_of = 'kept';
const sideOf = (id) => variantOf(key_of, id, HALVES.variants);
async function continuityServer() {
  const other = await Server.start();
  await createFlag(other, { key: key_of, filters: { ...everyone, multivariate: HALVES }, ensure_experience_continuity: true });
  return other;
}
// An anonymous id and a user's id in different halves.
function apart(n) {
  const anon = idWhere((id) => sideOf(id) === 'left', `anon-${n}`);
  const user = idWhere((id) => sideOf(id) === 'right', `user-${n}`);
  return { anon, user };
}
const side = async (target, distinct_id, anon) => valueOf((await askFlags(target, { distinct_id, ...(anon && { $anon_distinct_id: anon }) })).body.flags[key_of]);
const login = (anon, user) => event('$identify', user, { $anon_distinct_id: anon, $set: { name: user } });

// Stored hash keys are read back here with some patience: how soon is the subject of one test.
const keeps = (target, distinct_id, wanted) => waitFor(async () => await side(target, distinct_id) === wanted, { timeout_ms: 5000, what: `${wanted} for ${distinct_id}` });

describe('experience continuity', () => {
  let kept;
  before(async () => {
    kept = await continuityServer();
  });
  after(() => kept?.remove());

  test('the anonymous half is kept after login, before and after the person is known', TIMEOUT, async () => {
    const { anon, user } = apart(1);
    assert.equal(await side(kept, anon), 'left');
    assert.equal(await side(kept, user), 'right', 'by itself');
    assert.equal(await side(kept, user, anon), 'left', 'the request after the login');
    // Nobody was known then, so nothing was stored.
    assert.equal(await side(kept, user), 'right');
    await sendAndWait(kept, event('seen', anon), login(anon, user));
    assert.equal(await side(kept, user, anon), 'left');
    await keeps(kept, user, 'left');
    assert.equal(await side(kept, anon), 'left');
    assert.equal(await side(kept, user, idWhere((id) => sideOf(id) === 'right', 'later-1')), 'left', 'the first stays');
    await kept.restart();
    assert.equal(await side(kept, user), 'left', 'after a restart');
  });

  test('what a request stored is seen by the very next one', TIMEOUT, async () => {
    const wrong = [];
    for (let round = 0; round < 100; round++) {
      const { anon, user } = apart(`next-${round}`);
      await sendAndWait(kept, login(anon, user));
      assert.equal(await side(kept, user, anon), 'left');
      if (await side(kept, user) !== 'left') wrong.push(round);
    }
    assert.deepEqual(wrong, [], 'rounds in which a user fell back to the other variant');
  });

  test('... also while events wait to be stored', TIMEOUT, async () => {
    const { anon, user } = apart('busy');
    await sendAndWait(kept, login(anon, user));
    const events = Array.from({ length: 5000 }, (_, i) => event('many', `m-${i}`, { $set: { n: i } }));
    for (let i = 0; i < 4; i++) assert.equal((await kept.capture(events.map((one) => ({ ...one, uuid: crypto.randomUUID() })))).status, 200);
    assert.equal(await side(kept, user, anon), 'left');
    assert.equal(await side(kept, user), 'left');
    await kept.expectRows(`SELECT count() FROM events WHERE event = 'many'`, [[20_000]], { timeout_ms: 30_000 });
    assert.equal(await side(kept, user), 'left');
  });

  test('a flag made later is kept from the next login on', TIMEOUT, async () => {
    const { anon, user } = apart(2);
    await sendAndWait(kept, login(anon, user));
    assert.equal(await side(kept, user, anon), 'left');
    await keeps(kept, user, 'left');
    const flag = await createFlag(kept, { key: 'later', filters: { ...everyone, multivariate: HALVES }, ensure_experience_continuity: true });
    const half = (id) => variantOf('later', id, HALVES.variants);
    const other = idWhere((id) => half(id) !== half(user) && sideOf(id) === 'right', 'anon-2-later');
    const { body } = await askFlags(kept, { distinct_id: user, $anon_distinct_id: other });
    assert.deepEqual([valueOf(body.flags.later), valueOf(body.flags[key_of])], [half(other), 'left']);
    await waitFor(async () => valueOf((await askFlags(kept, { distinct_id: user })).body.flags.later) === half(other), { timeout_ms: 5000, what: 'the later flag to be kept' });
    await changeFlag(kept, flag.id, { deleted: true });
  });

  test('flags without continuity go by the id', TIMEOUT, async () => {
    const flag = await createFlag(kept, { key: 'plain', filters: { ...everyone, multivariate: HALVES } });
    const { anon, user } = apart(3);
    const { body } = await askFlags(kept, { distinct_id: user, $anon_distinct_id: anon });
    assert.equal(valueOf(body.flags.plain), variantOf('plain', user, HALVES.variants));
    await changeFlag(kept, flag.id, { deleted: true });
  });

  test('a merge of persons keeps it', TIMEOUT, async () => {
    const { anon, user } = apart(4);
    const second = idWhere((id) => sideOf(id) === 'right', 'second-4');
    await sendAndWait(kept, event('seen', anon));
    await sendAndWait(kept, login(anon, user));
    assert.equal(await side(kept, user, anon), 'left');
    await keeps(kept, user, 'left');
    await sendAndWait(kept, event('$identify', second, { $anon_distinct_id: `${second}-anon` }));
    assert.equal(await side(kept, second), 'right', 'a person without a stored half');
    // The person with the half is merged into the other one.
    await sendAndWait(kept, event('$merge_dangerously', second, { alias: user }));
    await kept.expectRows(`SELECT count(DISTINCT person_id) FROM person_distinct_ids WHERE distinct_id IN ('${user}', '${second}')`, [[1]], { timeout_ms: 5000 });
    assert.equal(await side(kept, second), 'left', 'the half came with the person');
    assert.equal(await side(kept, user), 'left');
    await kept.restart();
    assert.equal(await side(kept, second), 'left');
  });

  test('on a merge the survivor keeps its own', TIMEOUT, async () => {
    const one = { anon: idWhere((id) => sideOf(id) === 'left', 'anon-5'), user: idWhere((id) => sideOf(id) === 'right', 'user-5') };
    const two = { anon: idWhere((id) => sideOf(id) === 'right', 'anon-6'), user: idWhere((id) => sideOf(id) === 'left', 'user-6') };
    for (const { anon, user } of [one, two]) {
      await sendAndWait(kept, login(anon, user));
      await side(kept, user, anon);
      await keeps(kept, user, sideOf(anon));
    }
    assert.deepEqual([await side(kept, one.user), await side(kept, two.user)], ['left', 'right']);
    await sendAndWait(kept, event('$merge_dangerously', one.user, { alias: two.user }));
    await kept.expectRows(`SELECT count(DISTINCT person_id) FROM person_distinct_ids WHERE distinct_id IN ('${one.user}', '${two.user}')`, [[1]], { timeout_ms: 5000 });
    assert.deepEqual([await side(kept, one.user), await side(kept, two.user)], ['left', 'left']);
  });

  test('kill -9 right after it was written', TIMEOUT, async () => {
    for (let round = 0; round < 3; round++) {
      const { anon, user } = apart(`crash-${round}`);
      await sendAndWait(kept, login(anon, user));
      assert.equal(await side(kept, user, anon), 'left');
      await kept.kill();
      await kept.start();
      assert.equal(await side(kept, user), 'left', `round ${round}`);
    }
  });

  test('many at once agree', TIMEOUT, async () => {
    const { user } = apart('many');
    const anons = Array.from({ length: 20 }, (_, i) => idWhere((id) => sideOf(id) === (i % 2 ? 'left' : 'right'), `anon-many-${i}`));
    await sendAndWait(kept, login('anon-of-many', user));
    await Promise.all(anons.map((anon) => side(kept, user, anon)));
    // One of them came first; from then on it is that one's half.
    await sendAndWait(kept, event('seen', user));
    const settled = await side(kept, user);
    for (let i = 0; i < 5; i++) assert.equal(await side(kept, user, anons[i]), settled);
    await kept.kill();
    await kept.start();
    assert.equal(await side(kept, user), settled);
  });
});

describe('crashes', () => {
  test('a flag change that was acknowledged is there after kill -9', TIMEOUT, async () => {
    const flag = await createFlag(server, { key: 'crashed', filters: everyone });
    for (const on of [false, true, false]) {
      await changeFlag(server, flag.id, { filters: on ? everyone : nobody });
      assert.equal((await values({ distinct_id: 'x' })).crashed, on);
      await server.kill();
      await server.start();
      assert.equal((await values({ distinct_id: 'x' })).crashed, on);
    }
    await changeFlag(server, flag.id, { deleted: true });
    await server.kill();
    await server.start();
    assert.ok(!('crashed' in await values({ distinct_id: 'x' })));
    for (const visitor of Object.keys(VISITORS)) assert.deepEqual(await values(VISITORS[visitor]), expectedValues(kinds, visitor), visitor);
  });

  test('changes and requests at once: no answer is older than the last acknowledged change', TIMEOUT, async () => {
    const flag = await createFlag(server, { key: 'racing', filters: { ...everyone, payloads: { true: '0' } } });
    let acknowledged = 0;
    let over = false;
    const readers = Promise.all(Array.from({ length: 4 }, async () => {
      while (!over) {
        const least = acknowledged;
        const { body } = await ask({ distinct_id: 'x', flag_keys: ['racing'] });
        const seen = Number(body.flags.racing.metadata.payload);
        assert.ok(seen >= least, `saw ${seen} after ${least} was acknowledged`);
      }
    }));
    for (let i = 1; i <= 60; i++) {
      await changeFlag(server, flag.id, { filters: { ...everyone, payloads: { true: String(i) } } });
      acknowledged = i;
    }
    over = true;
    await readers;
    await changeFlag(server, flag.id, { deleted: true });
  });
});

describe('hostile input', () => {
  // The slowest answer to an ordinary request while `work` goes on, ms.
  async function slowestBeside(work) {
    let over = false;
    const done = work.finally(() => (over = true));
    let slowest = 0;
    let count = 0;
    do {
      const begun = performance.now();
      const { status, text } = await askFlags(server, { distinct_id: 'ordinary', flag_keys: ['everyone'] });
      assert.equal(status, 200, text);
      slowest = Math.max(slowest, performance.now() - begun);
      count++;
    } while (!over);
    await done;
    assert.ok(count > 3, `${count} were served`);
    return slowest;
  }
  const timed = async (act) => {
    const begun = performance.now();
    const value = await act();
    return [performance.now() - begun, value];
  };

  test('regexes that would run for ages', { timeout: 120_000 }, async () => {
    const patterns = ['(a+)+$', '^(a|aa)+$', '(.*)*x', '(a?){60}a{60}', '(x+x+)+y', '((a*)*)*b', '^(([a-z])+.)+[A-Z]([a-z])+$', '(?=(a+))a*b\\1', '(a+)+(?=b)', '\\b(?:a|a)*c',
      '(?<=a{1,1000}b)c', '(((((a{1,50}){1,50}){1,50}){1,50}){1,50})', 'a{100000}', '('.repeat(200) + ')'.repeat(200), '('.repeat(5000), '[', '(?P<x', '\\', '(?:'.repeat(300) + 'a' + ')*'.repeat(300)];
    const made = [];
    for (const [i, pattern] of patterns.entries()) {
      for (const operator of ['regex', 'not_regex']) {
        const answer = await rest(server, 'POST', FLAGS, { key: `hostile-${operator}-${i}`, filters: where(person('text', operator, pattern)) });
        assert.ok([201, 400].includes(answer.status), `${pattern}: ${answer.text}`);
        if (answer.status === 201) made.push(answer.body);
      }
    }
    assert.ok(made.length >= 10);
    const texts = ['a'.repeat(40), `${'a'.repeat(50_000)}!`, 'x'.repeat(100_000), `${'ab'.repeat(20_000)}`];
    for (const text of texts) {
      const [took, answer] = await timed(() => ask({ distinct_id: 'x', person_properties: { text } }));
      assert.equal(answer.status, 200, answer.text);
      assert.ok(took < SOON_MS, `${text.length} characters took ${took} ms`);
      assert.equal(answer.body.flags['hostile-regex-0'].enabled, text[text.length - 1] === 'a', 'what can be told is told');
    }
    const flood = Promise.all(Array.from({ length: 8 }, async (_, i) => {
      for (let round = 0; round < 4; round++) assert.equal((await ask({ distinct_id: 'x', person_properties: { text: texts[(i + round) % texts.length] } })).status, 200);
    }));
    const slowest = await slowestBeside(flood);
    assert.ok(slowest < SOON_MS, `an ordinary request took ${slowest} ms`);
    for (const { id } of made) await changeFlag(server, id, { deleted: true });
  });

  test('long texts against long lists', { timeout: 180_000 }, async () => {
    // A list as people have them, of a thousand domains, and a text that begins like all of them.
    const flag = await createFlag(server, { key: 'domains', filters: where(person('text', 'icontains_multi', Array.from({ length: 1000 }, (_, i) => `@mail${i}.example`))) });
    const text = '@mail'.repeat(40_000);
    const [took, answer] = await timed(() => ask({ distinct_id: 'x', flag_keys: ['domains'], person_properties: { text } }));
    assert.deepEqual([answer.status, answer.body.flags.domains.enabled], [200, false]);
    let over = false;
    const flood = Promise.all(Array.from({ length: 12 }, () => ask({ distinct_id: 'x', flag_keys: ['domains'], person_properties: { text } }))).finally(() => (over = true));
    let slowest = 0;
    do {
      const [ms, { status }] = await timed(() => server.capture(event('beside long texts', 'x', { pad: 'x'.repeat(200_000) })));
      assert.equal(status, 200);
      slowest = Math.max(slowest, ms);
    } while (!over);
    await flood;
    await changeFlag(server, flag.id, { deleted: true });
    assert.ok(took < SOON_MS, `${text.length} characters took ${took} ms`);
    assert.ok(slowest < SOON_MS, `events of another client took ${slowest} ms`);
  });

  test('dates, numbers and versions of any length', TIMEOUT, async () => {
    const kindsOf = [['is_date_before', '2020-01-01'], ['is_date_after', '-9999y'], ['is_date_exact', '2020-01-01'], ['gt', '1'], ['semver_gte', '1.0.0'], ['semver_wildcard', '1.*'], ['icontains', 'b']];
    const made = [];
    for (const [operator, value] of kindsOf) made.push(await createFlag(server, { key: `odd-${operator}`, filters: where(person('odd', operator, value)) }));
    for (const odd of ['9'.repeat(100_000), `1.${'0'.repeat(100_000)}.1`, `1${'.1'.repeat(50_000)}`, '2020-'.repeat(20_000), '-9999y', '1e999', '-1e999', 'nan', '9999-99-99', '0000-00-00', '2020-02-30',
      '2020-01-01T25:61:61Z', '99999999999999999999', 1e308, -1e308, 1e-320, '\u0000', '', [[[]]], { a: 1 }, true, null]) {
      const [took, answer] = await timed(() => ask({ distinct_id: 'x', person_properties: { odd } }));
      assert.equal(answer.status, 200, answer.text);
      assert.ok(took < SOON_MS, `${JSON.stringify(odd).slice(0, 40)} took ${took} ms`);
    }
    for (const { id } of made) await changeFlag(server, id, { deleted: true });
  });

  test('huge and deep requests', { timeout: 120_000 }, async () => {
    // Whoever is refused early may find the connection closed while still sending.
    const raw = (text) => server.request('POST', '/flags/?v=2', text, { 'content-type': 'application/json' })
      .catch((error) => { if (['EPIPE', 'ECONNRESET'].includes(error.code)) return { status: 413, text: '' }; throw error; });
    const deep = (open, close, n) => `{"token":"${server.token}","distinct_id":"x","person_properties":{"p":${open.repeat(n)}1${close.repeat(n)}}}`;
    for (const text of [deep('[', ']', 100), deep('{"a":', '}', 100), deep('[', ']', 100_000), deep('{"a":', '}', 100_000), '['.repeat(1_000_000), '{"a":'.repeat(500_000)]) {
      const [took, { status }] = await timed(() => raw(text));
      assert.ok([200, 400, 413].includes(status), `${status}`);
      assert.ok(took < SOON_MS, `${text.length} bytes took ${took} ms`);
    }
    const wide = JSON.stringify({ token: server.token, distinct_id: 'x', person_properties: Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`p${i}`, i])) });
    const keys = JSON.stringify({ token: server.token, distinct_id: 'x', flag_keys: Array.from({ length: 200_000 }, (_, i) => `k${i}`) });
    const groups = JSON.stringify({ token: server.token, distinct_id: 'x', groups: Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`g${i}`, `${i}`])) });
    const contexts = JSON.stringify({ token: server.token, distinct_id: 'x', evaluation_contexts: Array.from({ length: 200_000 }, (_, i) => `c${i}`) });
    const long = (bytes) => JSON.stringify({ token: server.token, distinct_id: 'x', person_properties: { email: 'a'.repeat(bytes) } });
    const big = long(19 << 16);
    for (const text of [wide, keys, groups, contexts, big, long(9 << 20)]) {
      const [took, { status, text: answer }] = await timed(() => raw(text));
      assert.ok([200, 400, 413].includes(status), answer.slice(0, 200));
      assert.ok(took < SOON_MS, `${text.slice(60, 100)} took ${took} ms`);
    }
    const flood = Promise.all([wide, big, keys, deep('[', ']', 100_000)].map(async (text) => {
      for (let i = 0; i < 3; i++) await raw(text);
    }));
    const slowest = await slowestBeside(flood);
    assert.ok(slowest < SOON_MS, `an ordinary request took ${slowest} ms`);
    assert.equal((await raw('x'.repeat(40 << 20))).status, 413);
    assert.equal((await askFlags(server, { distinct_id: 'x' })).status, 200);
  });

  test('huge, deep and odd definitions are refused or harmless', { timeout: 120_000 }, async () => {
    const post = (body) => server.request('POST', FLAGS, body, { 'content-type': 'application/json', authorization: `Bearer ${server.key}` });
    const before = (await rest(server, 'GET', `${FLAGS}?limit=1`)).body.count;
    const wrong = [];
    for (const body of ['', 'null', '[]', '"x"', '{"key":', `{"key":"a","filters":${'['.repeat(100_000)}`, `{"key":"a","filters":${'{"groups":'.repeat(100_000)}`,
      JSON.stringify({ key: 'k'.repeat(401), filters: everyone }), JSON.stringify({ key: 'ü', filters: everyone }), JSON.stringify({ key: '', filters: everyone }),
      JSON.stringify({ key: 5, filters: everyone }), JSON.stringify({ key: 'a', filters: 'x' }), JSON.stringify({ key: 'a', filters: [] }), JSON.stringify({ key: 'a', filters: { groups: 'x' } }),
      JSON.stringify({ key: 'a', filters: { groups: [5] } }), JSON.stringify({ key: 'a', filters: { groups: [{ properties: 5 }] } }), JSON.stringify({ key: 'a', filters: { groups: [{ rollout_percentage: 101 }] } }),
      JSON.stringify({ key: 'a', filters: { groups: [{ rollout_percentage: -1 }] } }), JSON.stringify({ key: 'a', filters: { groups: [{ rollout_percentage: '50' }] } }),
      JSON.stringify({ key: 'a', filters: { ...everyone, aggregation_group_type_index: 5 } }), JSON.stringify({ key: 'a', filters: { ...everyone, aggregation_group_type_index: 0.5 } }),
      JSON.stringify({ key: 'a', filters: { ...everyone, multivariate: { variants: [{ key: 'v', rollout_percentage: 99 }] } } }),
      JSON.stringify({ key: 'a', filters: where(person('x', 'unheard_of', '1')) }), JSON.stringify({ key: 'a', filters: where(person('x', 'in', '1')) }),
      JSON.stringify({ key: 'a', filters: where(person('x', 'exact', Array.from({ length: 1001 }, (_, i) => `${i}`))) }),
      JSON.stringify({ key: 'a', filters: where({ type: 'flag', key: 'everyone', operator: 'flag_evaluates_to', value: true }) }),
      JSON.stringify({ key: 'a', filters: where({ type: 'hogql', key: '1 = 1' }) }), JSON.stringify({ key: 'a', filters: where({ type: 'event', key: 'x', operator: 'exact', value: '1' }) }),
      JSON.stringify({ key: 'a', filters: { ...everyone, payloads: { false: '1' } } }), JSON.stringify({ key: 'a', filters: { ...everyone, payloads: { true: '{not json' } } }),
      JSON.stringify({ key: 'a', filters: { ...everyone, early_exit: 'x' } }), JSON.stringify({ key: 'a', filters: { ...everyone, feature_enrollment: 5 } }),
      JSON.stringify({ key: 'a', filters: everyone, evaluation_runtime: 'moon' }), JSON.stringify({ key: 'a', filters: everyone, bucketing_identifier: 'moon' }),
      JSON.stringify({ key: 'a', filters: everyone, active: 'perhaps' }), JSON.stringify({ key: 'a', filters: everyone, ensure_experience_continuity: 'x' })]) {
      const { status, text } = await post(body);
      const answer = JSON.parse(text);
      if (status === 400) {
        assert.deepEqual(Object.keys(answer).filter((name) => name !== 'extra').sort(), ['attr', 'code', 'detail', 'type']);
        continue;
      }
      wrong.push(`${status} for ${body.slice(0, 150)}`);
      if (status === 201) await changeFlag(server, answer.id, { deleted: true });
    }
    assert.equal((await rest(server, 'GET', `${FLAGS}?limit=1`)).body.count, before, 'nothing was made');
    // Whoever is refused early may find the connection closed while still sending.
    const large = await post(JSON.stringify({ key: 'large', filters: { ...everyone, payloads: { true: JSON.stringify('x'.repeat(30 << 20)) } } })).catch(({ code }) => code);
    assert.ok([413, 400].includes(large.status) || ['EPIPE', 'ECONNRESET'].includes(large), `${large.status ?? large}`);
    const many = await rest(server, 'POST', FLAGS, { key: 'many-conditions', filters: { groups: Array.from({ length: 3000 }, (_, i) => ({ properties: [person('n', 'exact', [`${i}`])], rollout_percentage: 100 })) } });
    assert.ok([201, 400].includes(many.status), many.text?.slice(0, 200));
    const [took] = await timed(() => ask({ distinct_id: 'x', person_properties: { n: '2999' } }));
    assert.ok(took < SOON_MS, `${took} ms`);
    if (many.status === 201) await changeFlag(server, many.body.id, { deleted: true });
    assert.deepEqual(wrong, []);
  });

  test('long chains of flags and cohorts', { timeout: 120_000 }, async () => {
    const chain = [];
    for (let i = 0; i < 200; i++) {
      const answer = await rest(server, 'POST', FLAGS, { key: `chain-${i}`, filters: i === 0 ? everyone : where({ type: 'flag', key: String(chain.at(-1).id), operator: 'flag_evaluates_to', value: true }) });
      if (answer.status !== 201) {
        assert.equal(answer.status, 400, answer.text);
        break;
      }
      chain.push(answer.body);
    }
    const last = chain.at(-1).key;
    const [took, found] = await timed(() => values({ distinct_id: 'x', flag_keys: [last] }));
    assert.equal(found[last], true);
    assert.ok(took < SOON_MS, `${took} ms`);
    const document = JSON.parse((await get(`/flags/definitions?token=${server.token}`, server.key)).text);
    const needs = (key) => document.flags.find((flag) => flag.key === key).filters.groups[0].properties[0].dependency_chain;
    for (const { id } of [...chain].reverse()) await changeFlag(server, id, { deleted: true });
    for (const n of [1, 10, 60, chain.length - 1]) assert.deepEqual(needs(`chain-${n}`), chain.slice(0, n).map(({ key }) => key), `a chain of ${n}`);
  });

  test('all is as before', TIMEOUT, async () => {
    for (const visitor of Object.keys(VISITORS)) assert.deepEqual(await values(VISITORS[visitor]), expectedValues(kinds, visitor), visitor);
  });
});
