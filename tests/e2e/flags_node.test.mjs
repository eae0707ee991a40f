// posthog-node from npm against flags of every kind: evaluated by the server, evaluated from
// definitions that are polled, and what arrives of $feature_flag_called.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { PostHog } from 'posthog-node';
import { Recorder } from './lib/recorder.mjs';
import { changeFlag, createFlag, createKey, expectedLocally, expectedPayloads, expectedValues, GROUP_PROPERTIES, KEYS,
  PROPERTIES, rest, secretKey, startWithFlags, VISITORS } from './lib/flags.mjs';
import { waitFor } from './lib/server.mjs';

// Node 18, Debian 12's, has it, but not as a global, where posthog-node looks for it.
globalThis.crypto ??= webcrypto;

const TIMEOUT = { timeout: 60_000 };
const SOON = { timeout_ms: 10_000 };
const everyone = { groups: [{ properties: [], rollout_percentage: 100 }] };

let server;
let kinds;
let ids;
before(async () => {
  ({ server, kinds, ids } = await startWithFlags());
});
after(() => server?.remove());

// A client behind a recorder of its requests; `act` gets both. No error may be reported unless
// `errors` collects them.
async function withClient(options, act) {
  const recorder = await Recorder.start(server);
  const client = new PostHog(server.token, { host: recorder.url, ...options });
  const errors = [];
  client.on('error', (error) => errors.push(error));
  try {
    return await act(client, recorder, errors);
  } finally {
    await client.shutdown();
    recorder.close();
  }
}
const asked = (recorder, path) => recorder.requests.filter(({ url }) => url.startsWith(path));
const requestsToFlags = (recorder) => recorder.requests.filter(({ url }) => /^\/(flags|decide)\/?\?/.test(url));

// What the SDK is told beside the id.
function given(visitor) {
  const { groups = {}, $device_id } = VISITORS[visitor];
  return { groups, ...($device_id && { personProperties: { $device_id } }) };
}
// ... and all that the server has stored.
function givenAll(visitor) {
  const { groups = {}, $device_id } = VISITORS[visitor];
  const properties = { ...PROPERTIES[visitor], ...($device_id && { $device_id }) };
  return { groups, personProperties: properties,
    groupProperties: Object.fromEntries(Object.entries(groups).map(([type, key]) => [type, GROUP_PROPERTIES[type][key]])) };
}
const snapshotValues = (flags) => Object.fromEntries(flags.keys.map((key) => [key, flags.getFlag(key, { sendFeatureFlagEvents: false })]));
// A flag without a payload is there, as undefined.
const withoutUndefined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
const expectedRemotely = (visitor) => expectedValues(kinds, visitor, { runtime: 'server' });

describe('evaluated by the server', () => {
  for (const visitor of Object.keys(VISITORS)) test(`all flags of ${visitor}, with payloads`, TIMEOUT, () => withClient({}, async (client, recorder, errors) => {
    const flags = await client.evaluateFlags(VISITORS[visitor].distinct_id, given(visitor));
    assert.deepEqual(snapshotValues(flags), expectedRemotely(visitor));
    for (const [key, payload] of Object.entries(expectedPayloads(kinds, visitor))) assert.deepEqual(flags.getFlagPayload(key), payload, key);
    const all = await client.getAllFlagsAndPayloads(VISITORS[visitor].distinct_id, given(visitor));
    assert.deepEqual(all.featureFlags, expectedRemotely(visitor));
    assert.deepEqual(withoutUndefined(all.featureFlagPayloads), expectedPayloads(kinds, visitor));
    assert.deepEqual(errors, []);
    for (const { body, headers } of requestsToFlags(recorder)) {
      assert.match(headers['user-agent'], /^posthog-node\//);
      assert.equal(JSON.parse(body).evaluation_runtime, 'server');
    }
  }));

  test('one flag at a time', TIMEOUT, () => withClient({}, async (client, recorder) => {
    for (const visitor of Object.keys(VISITORS)) {
      const expected = expectedRemotely(visitor);
      for (const key of KEYS) {
        const result = await client.getFeatureFlagResult(key, visitor, { ...given(visitor), sendFeatureFlagEvents: false });
        assert.equal(result === undefined ? undefined : result.variant ?? result.enabled, expected[key], `${key} of ${visitor}`);
      }
    }
    for (const { body } of requestsToFlags(recorder)) assert.equal(JSON.parse(body).flag_keys_to_evaluate.length, 1);
  }));

  test('the one key that was asked for comes, with what it depends on', TIMEOUT, () => withClient({}, async (client) => {
    const flags = await client.evaluateFlags('ann', { ...given('ann'), flagKeys: ['depends-not', 'everyone'] });
    const values = snapshotValues(flags);
    for (const key of ['depends-not', 'everyone']) assert.equal(values[key], expectedRemotely('ann')[key]);
    const needed = new Set(['depends-not', 'everyone', 'depends', 'is-exact']);
    assert.deepEqual(Object.keys(values).filter((key) => !needed.has(key)), []);
  }));

  test('what the caller says of the person and the group goes first', TIMEOUT, () => withClient({}, async (client) => {
    const of = async (key, visitor, options) => (await client.getFeatureFlagResult(key, visitor, { sendFeatureFlagEvents: false, ...options }))?.enabled;
    assert.equal(await of('is-exact', 'bob'), false);
    assert.equal(await of('is-exact', 'bob', { personProperties: { plan: 'team' } }), true);
    assert.equal(await of('in-cohort', 'bob', { personProperties: { plan: 'pro' } }), true);
    assert.equal(await of('is-exact', 'ann', { personProperties: { plan: 'free' } }), false);
    assert.equal(await of('of-company', 'ann', { groups: { company: 'tiny' } }), false);
    assert.equal(await of('of-company', 'ann', { groups: { company: 'tiny' }, groupProperties: { company: { size: 101 } } }), true);
    assert.equal(await of('of-company', 'ann'), false, 'without a group');
    assert.equal(await of('mixed', 'ann', { groups: { company: 'acme' } }), true);
    assert.equal(await of('mixed', 'ann'), false);
    assert.equal(await of('of-organization', 'stranger', { groups: { organization: 'unheard-of' }, groupProperties: { organization: { region: 'eu' } } }), true);
  }));

  test('contexts narrow the answer', TIMEOUT, async () => {
    for (const [contexts, has] of [[['docs'], true], [['mobile'], false]]) {
      await withClient({ evaluationContexts: contexts }, async (client) => {
        const flags = await client.evaluateFlags('ann', given('ann'));
        assert.deepEqual(snapshotValues(flags), expectedValues(kinds, 'ann', { runtime: 'server', contexts }));
        assert.equal(flags.keys.includes('in-web'), has);
      });
    }
  });

  test('a flag that is not there is missing, not false', TIMEOUT, () => withClient({}, async (client) => {
    for (const key of ['never-made', 'inactive', 'deleted', 'client-only']) {
      assert.equal(await client.getFeatureFlagResult(key, 'ann', { sendFeatureFlagEvents: false }), undefined, key);
    }
  }));

  test('$feature_flag_called says which, why and how it was', TIMEOUT, () => withClient({ flushAt: 1 }, async (client) => {
    const flags = await client.evaluateFlags('ann', given('ann'));
    const wanted = { 'variant-override': 'two', 'is-not': false, 'payload-boolean': true, 'of-company': true, 'never-made': undefined };
    for (const [key, value] of Object.entries(wanted)) assert.equal(flags.getFlag(key), value, key);
    for (const key of Object.keys(wanted)) flags.getFlag(key); // once is enough
    await client.flush();
    // Values are texts in queries, whether a flag has variants or not.
    await server.expectRows(`SELECT properties.$feature_flag, properties.$feature_flag_response, properties.$feature_flag_id,
        properties.$feature_flag_version, properties.$feature_flag_reason, properties.locally_evaluated, properties.$feature_flag_error,
        properties.$feature_flag_has_experiment
        FROM events WHERE event = '$feature_flag_called' AND distinct_id = 'ann' ORDER BY properties.$feature_flag`, [
      ['is-not', 'false', ids['is-not'], 1, 'No matching condition set', false, null, false],
      ['never-made', null, null, null, null, false, 'flag_missing', null],
      ['of-company', 'true', ids['of-company'], 1, 'Matched condition set 1', false, null, false],
      ['payload-boolean', 'true', ids['payload-boolean'], 1, 'Matched condition set 1', false, null, false],
      ['variant-override', 'two', ids['variant-override'], 1, 'Matched condition set 1', false, null, false],
    ], SOON);
    const [[request, evaluated_at, groups]] = await server.query(`SELECT properties.$feature_flag_request_id,
      properties.$feature_flag_evaluated_at, properties.$groups FROM events
      WHERE event = '$feature_flag_called' AND properties.$feature_flag = 'of-company'`);
    assert.match(request, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.ok(Math.abs(Date.parse(evaluated_at) - Date.now()) < 60_000, `evaluated at ${evaluated_at}`);
    assert.deepEqual(JSON.parse(groups), VISITORS.ann.groups);
    await server.expectRows(`SELECT properties['$feature/variant-override'] FROM events WHERE event = '$feature_flag_called'
      AND properties.$feature_flag = 'variant-override'`, [['two']]);
  }));

  test('an event carries the flags it was captured with', TIMEOUT, () => withClient({ flushAt: 1 }, async (client) => {
    const flags = await client.evaluateFlags('bob', { ...given('bob'), flagKeys: ['either', 'is-exact'] });
    client.capture({ distinctId: 'bob', event: 'bought', flags });
    await client.flush();
    await server.expectRows(`SELECT properties['$feature/either'], properties['$feature/is-exact'],
      properties.$active_feature_flags FROM events WHERE event = 'bought'`, [['true', 'false', '["either"]']], SOON);
  }));

  test('a change is in the very next answer', TIMEOUT, () => withClient({}, async (client) => {
    const flag = await createFlag(server, { key: 'switched', filters: everyone });
    const now = async () => (await client.getFeatureFlagResult('switched', 'ann', { sendFeatureFlagEvents: false }))?.enabled;
    assert.equal(await now(), true);
    for (const on of [false, true, false]) {
      await changeFlag(server, flag.id, { filters: { groups: [{ properties: [], rollout_percentage: on ? 100 : 0 }] } });
      assert.equal(await now(), on);
    }
    await changeFlag(server, flag.id, { deleted: true });
    assert.equal(await now(), undefined);
  }));
});

for (const kind of ['personal key', 'scoped personal key', 'secret key of the project']) describe(`evaluated here, by a ${kind}`, () => {
  let key;
  before(async () => {
    if (kind === 'personal key') key = server.key;
    if (kind === 'scoped personal key') key = await createKey(server, ['feature_flag:read']);
    if (kind === 'secret key of the project') key = await secretKey(server);
  });
  const withLocal = (options, act) => withClient({ personalApiKey: key, featureFlagsPollingInterval: 100_000, ...options }, async (client, recorder, errors) => {
    assert.equal(await client.waitForLocalEvaluationReady(10_000), true, errors.join());
    return act(client, recorder, errors);
  });

  for (const visitor of ['ann', 'bob']) test(`all of ${visitor} without asking`, TIMEOUT, () => withLocal({}, async (client, recorder, errors) => {
    const options = { ...givenAll(visitor), onlyEvaluateLocally: true };
    const flags = await client.evaluateFlags(visitor, options);
    assert.deepEqual(snapshotValues(flags), expectedLocally(kinds, visitor));
    const all = await client.getAllFlagsAndPayloads(visitor, options);
    assert.deepEqual(all.featureFlags, expectedLocally(kinds, visitor));
    for (const name of ['payload-boolean', 'payload-variants']) {
      assert.deepEqual(all.featureFlagPayloads[name], expectedPayloads(kinds, visitor)[name], name);
    }
    assert.deepEqual(requestsToFlags(recorder), []);
    assert.deepEqual(errors, []);
  }));

  test('what cannot be told here is asked of the server, and agrees with it', TIMEOUT, () => withLocal({}, async (client, recorder) => {
    for (const visitor of Object.keys(VISITORS)) {
      const before = requestsToFlags(recorder).length;
      const values = snapshotValues(await client.evaluateFlags(visitor, givenAll(visitor)));
      assert.equal(requestsToFlags(recorder).length, before + 1);
      const expected = { ...expectedRemotely(visitor), ...expectedLocally(kinds, visitor) };
      // A client's flag that the SDK cannot tell is not asked of the server, which would not tell a server.
      assert.deepEqual(visitor === 'stranger' ? Object.fromEntries(Object.keys(expectedRemotely(visitor)).map((name) => [name, values[name]])) : values,
        visitor === 'stranger' ? expectedRemotely(visitor) : expected, visitor);
    }
  }));

  test('onlyEvaluateLocally leaves the rest undefined', TIMEOUT, () => withLocal({}, async (client, recorder) => {
    const options = { ...givenAll('ann'), onlyEvaluateLocally: true, sendFeatureFlagEvents: false };
    for (const name of ['in-static', 'continuity', 'between', 'remote-config', 'deleted', 'never-made']) {
      assert.equal(await client.getFeatureFlagResult(name, 'ann', options), undefined, name);
    }
    assert.equal(await client.getFeatureFlagResult('is-exact', 'ann', { onlyEvaluateLocally: true, sendFeatureFlagEvents: false }), undefined,
      'without the property');
    assert.equal((await client.getFeatureFlagResult('is-exact', 'ann', options)).enabled, true);
    assert.deepEqual(requestsToFlags(recorder), []);
    assert.equal((await client.getFeatureFlagResult('in-static', 'bob', { ...givenAll('bob'), sendFeatureFlagEvents: false })).enabled, true);
    assert.equal(requestsToFlags(recorder).length, 1);
  }));

  test('remote configuration', TIMEOUT, () => withLocal({}, async (client) => {
    assert.deepEqual(await client.getRemoteConfigPayload('remote-config'), { limit: 10, name: 'x' });
  }));
});

describe('polling', () => {
  test('a change is found by the next poll, and nothing is sent when there is none', TIMEOUT, async () => {
    const flag = await createFlag(server, { key: 'polled', filters: everyone });
    await withClient({ personalApiKey: server.key, featureFlagsPollingInterval: 100 }, async (client, recorder, errors) => {
      assert.equal(await client.waitForLocalEvaluationReady(10_000), true);
      const now = async () => (await client.getFeatureFlagResult('polled', 'x', { onlyEvaluateLocally: true, sendFeatureFlagEvents: false }))?.enabled;
      assert.equal(await now(), true);
      const polls = () => asked(recorder, '/flags/definitions');
      await waitFor(() => polls().length >= 4, { ...SOON, what: 'polls' });
      assert.equal(polls()[0].headers['if-none-match'], undefined);
      const tag = polls()[1].headers['if-none-match'];
      assert.match(tag, /^W\/"[0-9a-f]{16,}"$/);
      assert.equal(polls().at(-1).headers['if-none-match'], tag, 'the same as long as nothing changes');
      await changeFlag(server, flag.id, { filters: { groups: [{ properties: [], rollout_percentage: 0 }] } });
      await waitFor(async () => await now() === false, { ...SOON, what: 'the change' });
      await waitFor(() => ![undefined, tag].includes(polls().at(-1).headers['if-none-match']), { ...SOON, what: 'another tag' });
      await changeFlag(server, flag.id, { deleted: true });
      await waitFor(async () => await now() === undefined, { ...SOON, what: 'the deletion' });
      assert.deepEqual(errors, []);
    });
  });

  test('a restarted server is polled as before', TIMEOUT, () => withClient({ personalApiKey: server.key, featureFlagsPollingInterval: 100 },
    async (client, recorder) => {
      assert.equal(await client.waitForLocalEvaluationReady(10_000), true);
      await waitFor(() => asked(recorder, '/flags/definitions').length >= 2, SOON);
      const tag = asked(recorder, '/flags/definitions').at(-1).headers['if-none-match'];
      await server.restart();
      const flag = await createFlag(server, { key: 'after-restart', filters: everyone });
      await waitFor(async () => (await client.getFeatureFlagResult('after-restart', 'x', { onlyEvaluateLocally: true, sendFeatureFlagEvents: false }))?.enabled,
        { timeout_ms: 30_000, what: 'the flag made after the restart' });
      await changeFlag(server, flag.id, { deleted: true });
      assert.ok(tag);
    }));

  test('a definition that did not change keeps its tag over a restart', TIMEOUT, async () => {
    const tag = async () => (await server.get(`/flags/definitions?token=${server.token}`, { authorization: `Bearer ${server.key}` })).headers.etag;
    const before = await tag();
    await server.restart();
    assert.equal(await tag(), before);
  });

  test('a wrong key is reported and evaluates nothing', TIMEOUT, async () => {
    for (const [key, status] of [['phx_wrong', 401], ['phs_wrong', 401], [await createKey(server, ['query:read']), 403]]) {
      await withClient({ personalApiKey: key, featureFlagsPollingInterval: 100_000 }, async (client, recorder, errors) => {
        assert.equal(await client.waitForLocalEvaluationReady(500), false);
        assert.equal(errors.length, 1, errors.join());
        assert.match(errors[0].message, status === 401 ? /key is invalid/ : /permission/);
        assert.equal((await client.getFeatureFlagResult('everyone', 'ann', { sendFeatureFlagEvents: false })).enabled, true, 'the server still tells');
        assert.ok(recorder.requests.length > 0);
      });
    }
  });

  test('events of flags that were evaluated here say so', TIMEOUT, () => withClient({ personalApiKey: server.key, flushAt: 1 }, async (client) => {
    assert.equal(await client.waitForLocalEvaluationReady(10_000), true);
    const flags = await client.evaluateFlags('bob', { ...givenAll('bob'), onlyEvaluateLocally: true });
    assert.equal(flags.getFlag('either'), true);
    assert.equal(flags.getFlag('in-static'), undefined);
    await client.flush();
    await server.expectRows(`SELECT properties.$feature_flag, properties.$feature_flag_response, properties.locally_evaluated, properties.$feature_flag_id,
        properties.$feature_flag_reason, properties.$feature_flag_definitions_loaded_at > now() - INTERVAL 1 HOUR FROM events WHERE event = '$feature_flag_called'
        AND distinct_id = 'bob' AND properties.locally_evaluated = true ORDER BY 1`,
    [['either', 'true', true, ids.either, 'Evaluated locally', 1]], SOON);
  }));
});

test('the list of flags is what the SDK was given', TIMEOUT, async () => {
  const list = await rest(server, 'GET', '/api/projects/1/feature_flags/?limit=1000');
  assert.equal(list.status, 200);
  const { body } = await rest(server, 'GET', `/flags/definitions?token=${server.token}`);
  assert.deepEqual(new Set(body.flags.map(({ key }) => key)),
    new Set(list.body.results.filter((flag) => !flag.is_remote_configuration).map(({ key }) => key)));
});
