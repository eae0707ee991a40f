// posthog-js in a real browser against flags of every kind: on load, again, with what the page says
// of person and groups, before and after login, and what arrives of $feature_flag_called.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { launchBrowser, newVisitor, serveSite } from './lib/browser.mjs';
import { changeFlag, createFlag, expectedPayloads, expectedValues, idWhere, isRolledOut, startWithFlags, variantOf, VISITORS } from './lib/flags.mjs';
import { Server, sleep, waitFor } from './lib/server.mjs';

const TIMEOUT = { timeout: 90_000 };
const SLOW = { timeout_ms: 15_000 };
const HALVES = [{ key: 'left', rollout_percentage: 50 }, { key: 'right', rollout_percentage: 50 }];

let server;
let kinds;
let ids;
let site;
let browser;
before(async () => {
  ({ server, kinds, ids } = await startWithFlags());
  site = await serveSite({
    '/': ['text/html', new URL('./fixtures/page.html', import.meta.url)],
    '/posthog-js/module.js': ['text/javascript', import.meta.resolve('posthog-js/dist/module.js')],
  });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  site?.close();
  await server?.remove();
});

const isFlags = (url) => /^\/flags\/?$/.test(new URL(url).pathname);

// A visitor on the page whose flags have come. `id` is who it is, if not somebody new.
async function visit({ id, is_identified = false, config = {}, target = server, token = target.token, waits = true } = {}) {
  const context = await newVisitor(browser);
  const visitor = { context, page: await context.newPage(), asked: [], answers: [] };
  visitor.page.on('request', (request) => isFlags(request.url()) && request.method() === 'POST' && visitor.asked.push(request));
  visitor.page.on('response', (response) => isFlags(response.url()) && response.request().method() === 'POST' && visitor.answers.push(response.status()));
  const bootstrap = id && { bootstrap: { distinctID: id, isIdentifiedID: is_identified } };
  const query = new URLSearchParams({ token, host: target.url, config: JSON.stringify({ ...bootstrap, ...config }) });
  visitor.url = `http://127.0.0.1:${site.address().port}/?${query}`;
  visitor.open = async () => {
    await visitor.page.goto(visitor.url);
    await visitor.page.waitForFunction(() => window.posthog?.__loaded);
    if (waits) await visitor.page.evaluate(() => new Promise((resolve) => window.posthog.onFeatureFlags(resolve)));
  };
  await visitor.open();
  return visitor;
}
// Does something that makes the SDK ask again, and waits until it has the answer.
async function reload(visitor, act = () => {}, argument) {
  const before = visitor.answers.length;
  await visitor.page.evaluate(act, argument);
  await visitor.page.evaluate(() => window.posthog.reloadFeatureFlags());
  await waitFor(() => visitor.answers.length > before && visitor.asked.length === visitor.answers.length, { ...SLOW, what: 'the answer to /flags' });
  // The SDK gathers what is asked for within a moment.
  await sleep(100);
  await waitFor(() => visitor.asked.length === visitor.answers.length, SLOW);
  await visitor.page.waitForFunction(() => !window.posthog.featureFlags._requestInFlight);
}
const values = (visitor) => visitor.page.evaluate(() => window.posthog.featureFlags.getFlagVariants());
const value = (visitor, key) => visitor.page.evaluate((name) => window.posthog.getFeatureFlag(name, { send_event: false }), key);
async function expected(visitor, who, more = {}) {
  const device = await visitor.page.evaluate(() => window.posthog.get_property('$device_id'));
  const out = expectedValues(kinds, who, { runtime: 'client', ...more });
  if ('by-device' in out) out['by-device'] = isRolledOut('by-device', device, 50);
  return out;
}

for (const who of Object.keys(VISITORS)) test(`the flags of ${who} on load, with payloads`, TIMEOUT, async () => {
  const visitor = await visit({ id: who, is_identified: who !== 'stranger' });
  const groups = VISITORS[who].groups ?? {};
  if (Object.keys(groups).length > 0) {
    await reload(visitor, (all) => { for (const [type, key] of Object.entries(all)) window.posthog.group(type, key); }, groups);
  }
  assert.deepEqual(await values(visitor), await expected(visitor, who));
  for (const status of visitor.answers) assert.equal(status, 200);
  for (const [key, payload] of Object.entries(expectedPayloads(kinds, who))) {
    const result = await visitor.page.evaluate((name) => window.posthog.getFeatureFlagResult(name, { send_event: false }), key);
    assert.deepEqual(result.payload, payload, key);
  }
  assert.equal(await value(visitor, 'never-made'), undefined);
  assert.equal(await visitor.page.evaluate(() => window.posthog.isFeatureEnabled('everyone', { send_event: false })), true);
  await visitor.context.close();
});

test('requests are what the SDK makes by itself, compressed or not', TIMEOUT, async () => {
  for (const is_plain of [false, true]) {
    const visitor = await visit({ id: 'stranger', config: { disable_compression: is_plain } });
    assert.ok(visitor.asked.length > 0);
    for (const request of visitor.asked) {
      assert.equal(new URL(request.url()).searchParams.get('v'), '2');
      const body = request.postDataBuffer();
      assert.equal(body.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b])), !is_plain, request.url());
      const { token, distinct_id, person_properties } = JSON.parse(is_plain ? body : gunzipSync(body));
      assert.deepEqual([token, distinct_id, person_properties.$lib], [server.token, 'stranger', 'web']);
    }
    assert.deepEqual(await values(visitor), await expected(visitor, 'stranger'));
    await visitor.context.close();
  }
});

test('reloadFeatureFlags brings a change, and without it the page keeps what it has', TIMEOUT, async () => {
  const flag = await createFlag(server, { key: 'changing', filters: { groups: [{ rollout_percentage: 100, properties: [] }], payloads: { true: '{"v":1}' } } });
  const visitor = await visit();
  assert.equal(await value(visitor, 'changing'), true);
  await changeFlag(server, flag.id, { filters: { groups: [{ rollout_percentage: 100, properties: [] }], multivariate: { variants: [{ key: 'blue', rollout_percentage: 100 }] }, payloads: { blue: '{"v":2}' } } });
  assert.equal(await value(visitor, 'changing'), true, 'cached');
  await reload(visitor);
  assert.equal(await value(visitor, 'changing'), 'blue');
  assert.deepEqual(await visitor.page.evaluate(() => window.posthog.getFeatureFlagResult('changing', { send_event: false }).payload), { v: 2 });
  await changeFlag(server, flag.id, { active: false });
  await reload(visitor);
  assert.equal(await value(visitor, 'changing'), undefined);
  await changeFlag(server, flag.id, { deleted: true });
  await visitor.context.close();
});

test('person and group properties that the page sets go first', TIMEOUT, async () => {
  const visitor = await visit();
  assert.deepEqual([await value(visitor, 'is-exact'), await value(visitor, 'in-cohort'), await value(visitor, 'of-company')], [false, false, false]);
  await reload(visitor, () => window.posthog.setPersonPropertiesForFlags({ plan: 'pro', age: 40 }));
  assert.deepEqual([await value(visitor, 'is-exact'), await value(visitor, 'in-cohort'), await value(visitor, 'in-nested'), await value(visitor, 'depends')], [true, true, true, true]);
  await reload(visitor, () => window.posthog.resetPersonPropertiesForFlags());
  assert.equal(await value(visitor, 'is-exact'), false);
  await reload(visitor, () => {
    window.posthog.group('company', 'unheard-of');
    window.posthog.setGroupPropertiesForFlags({ company: { size: 500, tier: 'enterprise' } });
  });
  assert.deepEqual([await value(visitor, 'of-company'), await value(visitor, 'mixed')], [true, true]);
  await reload(visitor, () => window.posthog.resetGroupPropertiesForFlags());
  assert.equal(await value(visitor, 'of-company'), false);
  await reload(visitor, () => window.posthog.resetGroups());
  assert.equal(await value(visitor, 'of-company'), false);
  await visitor.context.close();
});

test('what identify sets counts at once', TIMEOUT, async () => {
  const visitor = await visit();
  await reload(visitor, () => window.posthog.identify('js-user', { plan: 'pro' }));
  assert.equal(await value(visitor, 'is-exact'), true, 'before the event is stored');
  await server.expectRows(`SELECT properties.plan FROM persons WHERE id IN (SELECT person_id FROM person_distinct_ids WHERE distinct_id = 'js-user')`, [['pro']], SLOW);
  await reload(visitor, () => window.posthog.resetPersonPropertiesForFlags());
  assert.equal(await value(visitor, 'is-exact'), true, 'of the stored person');
  await visitor.context.close();
});

test('$feature_flag_called: once for each value, with everything that is known', TIMEOUT, async () => {
  const visitor = await visit({ id: 'ann', is_identified: true });
  await visitor.page.evaluate(() => {
    for (const key of ['variant-override', 'is-not', 'payload-boolean', 'never-made', 'variant-override', 'is-not']) window.posthog.getFeatureFlag(key);
    window.posthog.isFeatureEnabled('payload-boolean');
    window.posthog.getFeatureFlag('everyone', { send_event: false });
  });
  const rows = [
    ['is-not', 'false', ids['is-not'], 1, 'No matching condition set', null, false, false],
    ['never-made', null, null, null, null, 'flag_missing', null, false],
    ['payload-boolean', 'true', ids['payload-boolean'], 1, 'Matched condition set 1', null, false, false],
    ['variant-override', 'two', ids['variant-override'], 1, 'Matched condition set 1', null, false, false],
  ];
  await server.expectRows(`SELECT properties.$feature_flag, properties.$feature_flag_response, properties.$feature_flag_id,
    properties.$feature_flag_version, properties.$feature_flag_reason, properties.$feature_flag_error, properties.$feature_flag_has_experiment,
    properties.$used_bootstrap_value
    FROM events WHERE event = '$feature_flag_called' AND distinct_id = 'ann' ORDER BY properties.$feature_flag`, rows, SLOW);
  const [[request, evaluated_at, payload, person]] = await server.query(`SELECT properties.$feature_flag_request_id, properties.$feature_flag_evaluated_at,
    properties.$feature_flag_payload, person.properties.email FROM events WHERE event = '$feature_flag_called' AND properties.$feature_flag = 'payload-boolean'`);
  assert.match(request, /^[0-9a-f-]{36}$/);
  assert.ok(Math.abs(Date.parse(evaluated_at) - Date.now()) < 120_000, `${evaluated_at}`);
  // A query gives a text as it stands in the stored JSON, with its backslashes.
  assert.deepEqual(JSON.parse(JSON.parse(`"${payload}"`)), { color: 'red', sizes: [1, 2.5, null] });
  assert.equal(person, 'ann@example.com');
  // What an experiment counts: who saw which variant.
  await server.expectRows(`SELECT properties.$feature_flag_response, count(DISTINCT person_id) FROM events WHERE event = '$feature_flag_called'
    AND properties.$feature_flag = 'variant-override' GROUP BY 1`, [['two', 1]]);
  await visitor.context.close();
});

test('other events carry the flags', TIMEOUT, async () => {
  const visitor = await visit({ id: 'bob', is_identified: true });
  await visitor.page.evaluate(() => window.posthog.capture('bought something'));
  await server.expectRows(`SELECT properties['$feature/either'], properties['$feature/is-exact'], properties['$feature/held-out'],
    properties.$active_feature_flags LIKE '%"either"%', properties.$active_feature_flags LIKE '%"is-exact"%', properties.$active_feature_flags LIKE '%server-only%'
    FROM events WHERE event = 'bought something'`, [['true', 'false', 'holdout-7', 1, 0, 0]], SLOW);
  await visitor.context.close();
});

test('contexts, surveys only, and no flags at all', TIMEOUT, async () => {
  for (const [contexts, has] of [[['docs'], true], [['mobile'], undefined]]) {
    const visitor = await visit({ id: 'stranger', config: { evaluation_contexts: contexts } });
    assert.equal(await value(visitor, 'in-web'), has, `${contexts}`);
    assert.deepEqual(await values(visitor), await expected(visitor, 'stranger', { contexts }));
    await visitor.context.close();
  }
  const surveys = await visit({ config: { advanced_only_evaluate_survey_feature_flags: true } });
  assert.deepEqual(await values(surveys), { 'survey-targeting-poll': true });
  await surveys.context.close();
  const none = await visit({ config: { advanced_disable_feature_flags: true }, waits: false });
  await sleep(500);
  assert.deepEqual(await values(none), {});
  await none.context.close();
});

test('whoever logs in keeps the variant that was seen', TIMEOUT, async () => {
  const half = (id) => variantOf('continuity', id, HALVES);
  const anon = idWhere((id) => half(id) === 'left', 'js-anon');
  const user = idWhere((id) => half(id) === 'right', 'js-login');
  const visitor = await visit({ id: anon });
  assert.equal(await value(visitor, 'continuity'), 'left');
  await visitor.page.evaluate(() => window.posthog.capture('before login'));
  await server.expectRows(`SELECT count() FROM events WHERE event = 'before login'`, [[1]], SLOW);
  await reload(visitor, (id) => window.posthog.identify(id), user);
  assert.equal(await value(visitor, 'continuity'), 'left', 'right after the login');
  await server.expectRows(`SELECT count(DISTINCT person_id) FROM person_distinct_ids WHERE distinct_id IN ('${anon}', '${user}')`, [[1]], SLOW);
  for (let i = 0; i < 3; i++) {
    await reload(visitor);
    assert.equal(await value(visitor, 'continuity'), 'left', `reload ${i}`);
  }
  await visitor.page.goto('about:blank');
  await visitor.context.close();
  // The same user on another device.
  const elsewhere = await visit({ id: user, is_identified: true });
  assert.equal(await value(elsewhere, 'continuity'), 'left');
  await elsewhere.context.close();
});

test('early access: whoever enrolls has it at once and later', TIMEOUT, async () => {
  const visitor = await visit();
  const id = await visitor.page.evaluate(() => window.posthog.get_distinct_id());
  assert.equal(await value(visitor, 'early-access'), false);
  await visitor.page.evaluate(() => window.posthog.updateEarlyAccessFeatureEnrollment('early-access', true));
  assert.equal(await value(visitor, 'early-access'), true, 'by the SDK itself');
  await server.expectRows(`SELECT properties.$feature_flag, properties.$feature_enrollment FROM events WHERE event = '$feature_enrollment_update'
    AND distinct_id = '${id}'`, [['early-access', true]], SLOW);
  await reload(visitor, () => window.posthog.resetPersonPropertiesForFlags());
  await waitFor(async () => {
    await reload(visitor);
    return await value(visitor, 'early-access');
  }, { ...SLOW, what: 'the enrollment, of the stored person' });
  await visitor.page.evaluate(() => window.posthog.updateEarlyAccessFeatureEnrollment('early-access', false));
  await server.expectRows(`SELECT count() FROM events WHERE event = '$feature_enrollment_update' AND distinct_id = '${id}'`, [[2]], SLOW);
  await reload(visitor);
  assert.equal(await value(visitor, 'early-access'), false);
  assert.deepEqual(await visitor.page.evaluate(() => new Promise((resolve) => window.posthog.getEarlyAccessFeatures(resolve, true))), []);
  await visitor.context.close();
});

test('a page that is opened again has its flags before the server answers', TIMEOUT, async () => {
  const visitor = await visit({ id: 'bob', is_identified: true });
  const first = await values(visitor);
  await visitor.context.route((url) => isFlags(url.href), (route) => route.abort());
  await visitor.page.goto(visitor.url);
  await visitor.page.waitForFunction(() => window.posthog?.__loaded);
  assert.deepEqual(await values(visitor), first);
  await visitor.context.close();
});

test('a wrong token has no flags, and says so', TIMEOUT, async () => {
  const visitor = await visit({ token: 'phc_unknown', waits: false });
  await waitFor(() => visitor.answers.length > 0, { ...SLOW, what: 'an answer' });
  assert.equal(visitor.answers[0], 401);
  assert.deepEqual(await values(visitor), {});
  await visitor.context.close();
});

test('a server without flags is not asked for them on load', TIMEOUT, async () => {
  const empty = await Server.start();
  try {
    const visitor = await visit({ target: empty, waits: false });
    await waitFor(() => visitor.page.evaluate(() => window.posthog.autocapture?.isEnabled), { ...SLOW, what: 'the configuration' });
    await sleep(500);
    assert.equal(visitor.asked.length, 0, visitor.asked.map((request) => request.url()).join());
    await createFlag(empty, { key: 'first', filters: { groups: [{ properties: [], rollout_percentage: 100 }] } });
    await visitor.page.goto('about:blank');
    await visitor.context.close();
    const next = await visit({ target: empty });
    assert.equal(await value(next, 'first'), true);
    await next.context.close();
  } finally {
    await empty.remove();
  }
});
