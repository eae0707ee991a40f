// Early access features, surveys and web experiments: what owners make of them over REST, and what
// SDKs are given.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, test } from 'node:test';
import { launchBrowser, newVisitor, serveSite } from './lib/browser.mjs';
import { Server, waitFor } from './lib/server.mjs';

const SLOW = { timeout_ms: 30_000 };
let server;
before(async () => { server = await Server.start(); });
after(() => server.remove());

async function api(method, target, body) {
  const answer = await server.request(method, `/api/projects/1${target}`, body && JSON.stringify(body), { authorization: `Bearer ${server.key}` });
  return { status: answer.status, body: answer.text === '' ? '' : JSON.parse(answer.text) };
}
async function make(target, body) {
  const { status, body: made } = await api('POST', target, body);
  assert.equal(status, 201, JSON.stringify(made));
  return made;
}
async function change(target, body) {
  const { status, body: changed } = await api('PATCH', target, body);
  assert.equal(status, 200, JSON.stringify(changed));
  return changed;
}
const flagOf = async (id) => (await api('GET', `/feature_flags/${id}/`)).body;
const published = async (product, more = '') => JSON.parse((await server.get(`/api/${product}/?token=${server.token}${more}`)).text);
async function evaluate(distinct_id, more = {}) {
  const answer = await server.request('POST', '/flags/?v=2&config=true', JSON.stringify({ token: server.token, distinct_id, ...more }), { 'content-type': 'application/json' });
  return JSON.parse(answer.text);
}
const isOn = async (key, distinct_id, more) => (await evaluate(distinct_id, more)).flags[key]?.enabled;
async function send(...events) {
  const end = { event: 'end', distinct_id: 'end', uuid: crypto.randomUUID() };
  assert.equal((await server.capture([...events, end])).status, 200);
  await server.expectRows(`SELECT count() FROM events WHERE uuid = '${end.uuid}'`, [[1]], SLOW);
}

test('SDKs need a token of a project', async () => {
  for (const product of ['surveys', 'early_access_features', 'web_experiments']) {
    for (const [query, code] of [['', 'missing_api_key'], ['?token=phc_nobody', 'invalid_api_key']]) {
      const answer = await server.get(`/api/${product}/${query}`, { origin: 'https://site.example' });
      assert.equal(answer.status, 401);
      const { type, code: got, attr } = JSON.parse(answer.text);
      assert.deepEqual([type, got, attr], ['authentication_error', code, null]);
    }
    const answer = await server.get(`/api/${product}/?token=${server.token}`, { origin: 'https://site.example' });
    assert.deepEqual([answer.status, answer.headers['access-control-allow-origin'], answer.headers['access-control-allow-credentials']], [200, 'https://site.example', 'true']);
  }
  assert.deepEqual(await published('surveys'), { surveys: [], survey_config: null });
  assert.deepEqual(await published('early_access_features'), { earlyAccessFeatures: [] });
  assert.deepEqual(await published('web_experiments'), { experiments: [] });
});

const FEATURES = '/early_access_feature/';

test('an early access feature makes its flag and opens it to who enrolls', async () => {
  const feature = await make(FEATURES, { name: 'New Checkout!', description: 'Faster', stage: 'draft', documentation_url: 'https://docs.example/x', payload: { color: 'red' } });
  assert.match(feature.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(Object.keys(feature), ['id', 'feature_flag', 'name', 'description', 'stage', 'documentation_url', 'payload', 'created_at']);
  const flag = feature.feature_flag;
  assert.deepEqual([flag.key, flag.team_id, flag.active, flag.version, flag.filters], ['new-checkout', 1, true, 1, { groups: [{ properties: [], rollout_percentage: 0, variant: null }] }]);
  assert.deepEqual(await published('early_access_features'), { earlyAccessFeatures: [] });

  const target = `${FEATURES}${feature.id}/`;
  const beta = await change(target, { stage: 'beta', feature_flag_id: 77, id: 'other' });
  assert.deepEqual([beta.id, beta.feature_flag.id, beta.feature_flag.version], [feature.id, flag.id, 2]);
  assert.deepEqual(beta.feature_flag.filters.super_groups, [{ properties: [{ key: '$feature_enrollment/new-checkout', type: 'person', operator: 'exact', value: ['true'] }], rollout_percentage: 100 }]);
  const shown = { id: feature.id, name: 'New Checkout!', description: 'Faster', stage: 'beta', documentationUrl: 'https://docs.example/x', payload: { color: 'red' }, flagKey: 'new-checkout' };
  assert.deepEqual(await published('early_access_features'), { earlyAccessFeatures: [shown] });
  assert.deepEqual(await published('early_access_features', '&stage=concept&stage=beta'), { earlyAccessFeatures: [shown] });
  assert.deepEqual(await published('early_access_features', '&stage=concept&stage=what'), { earlyAccessFeatures: [] });

  await send({ event: '$feature_enrollment_update', distinct_id: 'eager', properties: { $feature_flag: 'new-checkout', $feature_enrollment: true, $set: { '$feature_enrollment/new-checkout': true } } });
  await waitFor(() => isOn('new-checkout', 'eager'), SLOW);
  assert.equal(await isOn('new-checkout', 'other'), false);
  await change(`/feature_flags/${flag.id}/`, { key: 'checkout-2' });
  assert.equal((await published('early_access_features')).earlyAccessFeatures[0].flagKey, 'checkout-2');
  await change(target, { stage: 'archived' });
  assert.equal((await flagOf(flag.id)).filters.super_groups, null);

  await change(target, { stage: 'beta', name: 'Checkout' });
  assert.equal((await api('DELETE', target)).status, 204);
  assert.equal((await api('GET', target)).status, 404);
  assert.equal((await flagOf(flag.id)).filters.super_groups, null);
  const { results } = (await api('GET', '/activity_log/?scope=EarlyAccessFeature')).body;
  assert.deepEqual(results.map(({ activity }) => activity), ['deleted', 'updated', 'updated', 'updated', 'created']);
});

test('an early access feature on a flag that is there', async () => {
  const flag = await make('/feature_flags/', { key: 'mine', filters: { groups: [{ properties: [], rollout_percentage: 30 }] } });
  const feature = await make(FEATURES, { name: 'On mine', stage: 'alpha', feature_flag_id: flag.id });
  assert.deepEqual([feature.feature_flag.id, feature.feature_flag.filters.groups, feature.feature_flag.filters.super_groups.length], [flag.id, flag.filters.groups, 1]);
  const variants = { variants: [{ key: 'a', rollout_percentage: 100 }] };
  const many = await make('/feature_flags/', { key: 'many', filters: { groups: [{ properties: [], rollout_percentage: 100 }], multivariate: variants } });
  for (const [wrong, attr, detail] of [
    [{ feature_flag_id: flag.id }, null, /already has a feature/], [{ feature_flag_id: many.id }, null, /Multivariate/], [{ feature_flag_id: 999 }, null, /does not exist/],
    [{ name: '' }, 'name', /blank/], [{ name: undefined }, 'name', /required/], [{ name: 'x'.repeat(201) }, 'name', /200/], [{ name: 'mine' }, 'key', /already/], [{ stage: 'gamma' }, 'stage', /valid choice/],
    [{ stage: undefined }, 'stage', /required/], [{ documentation_url: 'javascript:x' }, 'documentation_url', /URL/], [{ payload: [] }, 'payload', /object/], [{ name: '!!!' }, 'name', /letter/],
  ]) {
    const { status, body } = await api('POST', FEATURES, { name: 'Wrong', stage: 'beta', ...wrong });
    assert.deepEqual([status, body.attr], [400, attr], JSON.stringify([wrong, body]));
    assert.match(body.detail, detail);
  }
  const { body: list } = await api('GET', `${FEATURES}?search=on`);
  assert.deepEqual([list.count, list.results], [1, [feature]]);
});

const SURVEYS = '/surveys/';
const QUESTIONS = [
  { type: 'rating', question: 'How was it?', display: 'number', scale: 10, lowerBoundLabel: 'bad', upperBoundLabel: 'good', branching: { type: 'response_based', responseValues: { detractors: 1, promoters: 'end' } } },
  { type: 'open', question: 'Why?', optional: true, id: 'why' },
];

test('a survey has flags of its own that say who may see it', async () => {
  const survey = await make(SURVEYS, { name: 'NPS', description: 'secret note', type: 'popover', questions: QUESTIONS, conditions: { url: 'shop', events: { repeatedActivation: false, values: [{ name: 'bought' }] } }, appearance: { backgroundColor: 'white' } });
  const [rating, open] = survey.questions;
  assert.match(rating.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual([{ ...rating, id: undefined }, open], [{ ...QUESTIONS[0], id: undefined }, QUESTIONS[1]]);
  assert.deepEqual([survey.archived, survey.schedule, survey.start_date, survey.linked_flag, survey.targeting_flag, survey.created_by.email], [false, 'once', null, null, null, survey.created_by.email]);
  const internal = survey.internal_targeting_flag;
  assert.match(internal.key, /^survey-targeting-[0-9a-f]{10}-custom$/);
  assert.equal(internal.active, false);
  assert.equal((await evaluate('a')).surveys, false);

  const target = `${SURVEYS}${survey.id}/`;
  const started = await change(target, { start_date: '2024-05-01T00:00:00Z', targeting_flag_filters: { groups: [{ properties: [{ key: 'plan', type: 'person', operator: 'exact', value: ['pro'] }], rollout_percentage: 100 }] } });
  assert.equal(started.start_date, '2024-05-01T00:00:00Z');
  assert.match(started.targeting_flag.key, /^survey-targeting-[0-9a-f]{10}$/);
  assert.deepEqual([started.targeting_flag.active, started.internal_targeting_flag.active], [true, true]);
  const config = JSON.parse((await server.get(`/array/${server.token}/config`)).text);
  assert.deepEqual([(await evaluate('a')).surveys, config.surveys], [true, true]);
  assert.deepEqual(await published('surveys'), { surveys: [{
    id: survey.id, name: 'NPS', type: 'popover', targeting_flag_key: started.targeting_flag.key, internal_targeting_flag_key: internal.key, questions: survey.questions, conditions: survey.conditions,
    appearance: survey.appearance, start_date: '2024-05-01T00:00:00Z', end_date: null, current_iteration: null, current_iteration_start_date: null, schedule: 'once', enable_partial_responses: null, translations: null,
  }], survey_config: null });

  const only = { only_evaluate_survey_feature_flags: true };
  const seen = async (id) => [await isOn(started.targeting_flag.key, id, only), await isOn(internal.key, id, only)];
  await send({ event: 'x', distinct_id: 'pro', properties: { $set: { plan: 'pro' } } }, { event: 'survey sent', distinct_id: 'done', properties: { $survey_id: survey.id, $set: { [`$survey_responded/${survey.id}`]: true } } });
  await waitFor(async () => (await isOn(started.targeting_flag.key, 'pro', only)) && !(await isOn(internal.key, 'done', only)), SLOW);
  assert.deepEqual([await seen('pro'), await seen('done')], [[true, true], [false, false]]);

  for (const [body, active] of [[{ end_date: '2024-06-01T00:00:00Z' }, false], [{ end_date: null }, true], [{ archived: true }, false], [{ archived: false }, true]]) {
    const changed = await change(target, body);
    assert.deepEqual([changed.targeting_flag.active, changed.internal_targeting_flag.active], [active, active], JSON.stringify(body));
    assert.equal((await evaluate('a')).surveys, active);
    assert.equal((await published('surveys')).surveys.length, changed.archived ? 0 : 1);
  }
  const keys = (changed) => changed.feature_flag_keys.map(({ value }) => value);
  assert.deepEqual(keys(await change(target, {})), [null, started.targeting_flag.key, internal.key, null]);
  assert.deepEqual(keys(await change(target, { remove_targeting_flag: true })), [null, null, internal.key, null]);
  assert.equal((await api('GET', `/feature_flags/${started.targeting_flag.id}/`)).status, 404);

  const again = await change(target, { iteration_count: 3, iteration_frequency_days: 30 });
  assert.deepEqual([again.iteration_start_dates, again.current_iteration, again.current_iteration_start_date], [['2024-05-01T00:00:00Z', '2024-05-31T00:00:00Z', '2024-06-30T00:00:00Z'], 3, '2024-06-30T00:00:00Z']);
  assert.deepEqual(again.internal_targeting_flag.filters.groups[0].properties.map(({ key }) => key), [`$survey_dismissed/${survey.id}/3`, `$survey_responded/${survey.id}/3`]);
  assert.equal((await api('DELETE', target)).status, 204);
  assert.equal((await api('GET', target)).status, 404);
  assert.equal((await api('GET', `/feature_flags/${internal.id}/`)).status, 404);
  const { results } = (await api('GET', `${SURVEYS}activity/`)).body;
  assert.deepEqual([results[0].activity, results.at(-1).scope, results[0].detail.name], ['deleted', 'Survey', 'NPS']);
});

test('surveys that cannot be', async () => {
  const flags_before = (await api('GET', '/feature_flags/')).body.count;
  const flag = await make('/feature_flags/', { key: 'linked', filters: { groups: [{ properties: [], rollout_percentage: 100 }] } });
  const survey = await make(SURVEYS, { name: 'Fine', type: 'api', linked_flag_id: flag.id });
  assert.deepEqual([survey.linked_flag.key, (await published('surveys')).surveys[0].linked_flag_key], ['linked', 'linked']);
  const question = (more) => ({ questions: [{ type: 'open', question: 'Q', ...more }] });
  for (const [wrong, attr] of [
    [{ name: undefined }, 'name'], [{ type: 'poster' }, 'type'], [{ schedule: 'never' }, 'schedule'], [{ name: 'Fine' }, null], [{ linked_flag_id: 999 }, null], [{ linked_flag_id: 'x' }, 'linked_flag_id'],
    [{ questions: {} }, 'questions'], [{ questions: [5] }, 'questions'], [question({ question: '' }), 'questions'], [question({ type: 'essay' }), 'questions'], [question({ type: 'single_choice' }), 'questions'],
    [question({ type: 'multiple_choice', choices: ['a', ' '] }), 'questions'], [question({ link: 'javascript:alert(1)' }), 'questions'], [question({ link: 'mailto:nobody' }), 'questions'], [question({ descriptionContentType: 'md' }), 'questions'],
    [question({ type: 'rating', scale: 4 }), 'questions'], [question({ branching: { type: 'specific_question', index: 1 } }), 'questions'], [question({ branching: { type: 'jump' } }), 'questions'],
    [{ appearance: [] }, 'appearance'], [{ appearance: { surveyPopupDelaySeconds: -1 } }, 'appearance'], [{ conditions: 'x' }, 'conditions'], [{ conditions: { linkedFlagVariant: 'a' } }, null],
    [{ linked_flag_id: flag.id, conditions: { linkedFlagVariant: 'a' } }, null], [{ start_date: 'soon' }, 'start_date'], [{ end_date: '2024-01-01T00:00:00Z' }, 'end_date'], [{ archived: 'yes' }, 'archived'],
    [{ iteration_count: 501 }, 'iteration_count'], [{ targeting_flag_filters: { groups: [{ properties: [], rollout_percentage: 100 }] } }, null],
    [{ targeting_flag_filters: { groups: [{ properties: [{ key: 'a', type: 'person', operator: 'regex', value: 5 }] }] } }, 'targeting_flag_filters'],
    [{ type: 'external_survey', conditions: { url: 'x' } }, 'conditions'], [{ response_sampling_start_date: '2020-01-01T00:00:00Z' }, 'response_sampling_start_date'],
  ]) {
    const { status, body } = await api('POST', SURVEYS, { name: 'Wrong', type: 'popover', ...wrong });
    assert.deepEqual([status, body.attr], [400, attr], JSON.stringify([wrong, body]));
  }
  assert.equal((await api('GET', SURVEYS)).body.count, 1);
  // What was refused left no flag, and those of surveys are not listed.
  assert.equal((await api('GET', '/feature_flags/?search=targeting')).body.count, 0);
  assert.equal((await api('GET', '/feature_flags/')).body.count, flags_before + 1);
  // A flag that was there before stays when the survey goes.
  const other = await change(`${SURVEYS}${survey.id}/`, { targeting_flag_id: flag.id, linked_flag_id: null });
  assert.deepEqual([other.targeting_flag.key, other.linked_flag], ['linked', null]);
  assert.equal((await api('DELETE', `${SURVEYS}${survey.id}/`)).status, 204);
  assert.equal((await flagOf(flag.id)).active, true);
});

test('survey responses are counted', async () => {
  const survey = await make(SURVEYS, { name: 'Counted', type: 'popover', questions: QUESTIONS, start_date: '2024-01-01T00:00:00Z' });
  const event = (name, distinct_id, more = {}) => ({ event: `survey ${name}`, distinct_id, timestamp: new Date().toISOString(), properties: { $survey_id: survey.id, ...more } });
  await send(...['a', 'b', 'c', 'd'].map((id) => event('shown', id)), event('dismissed', 'b'), event('dismissed', 'c', { $survey_partially_completed: true }),
    event('sent', 'a', { $survey_submission_id: 's1' }), event('sent', 'a', { $survey_submission_id: 's1', $survey_completed: true }), event('sent', 'b'), event('sent', 'x', { $survey_id: 'other' }));
  const { status, body } = await api('GET', `${SURVEYS}${survey.id}/stats/?date_from=2024-01-01T00:00:00Z`);
  assert.equal(status, 200, JSON.stringify(body));
  const pick = ({ total_count, total_count_only_seen, unique_persons, unique_persons_only_seen }) => [total_count, total_count_only_seen, unique_persons, unique_persons_only_seen];
  assert.deepEqual(['survey shown', 'survey dismissed', 'survey sent'].map((name) => pick(body.stats[name])), [[4, 1, 4, 2], [1, 0, 0, 0], [2, 0, 2, 0]]);
  assert.deepEqual(body.rates, { response_rate: 50, dismissal_rate: 25, unique_users_response_rate: 50, unique_users_dismissal_rate: 0 });
  assert.deepEqual([body.survey_id, body.start_date, body.end_date], [survey.id, survey.start_date, null]);
  assert.match(body.stats['survey sent'].first_seen, /^\d{4}-.*Z$/);
  assert.deepEqual((await api('GET', `${SURVEYS}stats/`)).body, { stats: body.stats, rates: body.rates });
  assert.deepEqual(pick((await api('GET', `${SURVEYS}stats/?date_to=2024-01-02T00:00:00Z`)).body.stats['survey shown']), [0, 0, 0, 0]);
  assert.equal((await api('GET', `${SURVEYS}stats/?date_to=late`)).status, 400);
  const { [survey.id]: responses, other } = (await api('GET', `${SURVEYS}responses_count/`)).body;
  assert.deepEqual([responses, other], [2, 1]);
  await change(`${SURVEYS}${survey.id}/`, { archived: true });
});

test('a web experiment is a flag with variants', async () => {
  const variants = { control: { transforms: [], rollout_percentage: 50, conditions: 'None' }, big: { transforms: [{ selector: '#buy', text: 'Buy!', html: '' }], rollout_percentage: 50 } };
  const made = await make('/web_experiments/', { name: 'Big Button', variants });
  assert.equal(typeof made.id, 'number');
  assert.match(made.feature_flag_key, /^big-button-web-experiment-feature-[0-9a-f]{10}$/);
  assert.deepEqual(await published('web_experiments'), { experiments: [{ id: made.id, name: 'Big Button', created_at: made.created_at, feature_flag_key: made.feature_flag_key, variants }] });
  assert.equal((await evaluate('v')).flags[made.feature_flag_key], undefined);
  const target = `/web_experiments/${made.id}/`;
  await change(target, { start_date: '2024-01-01T00:00:00Z' });
  const flag = (await evaluate('v')).flags[made.feature_flag_key];
  assert.ok(['control', 'big'].includes(flag.variant), JSON.stringify(flag));
  const stored = (await api('GET', `/feature_flags/?search=${made.feature_flag_key}`)).body.results[0];
  assert.deepEqual([stored.experiment_set, stored.creation_context], [[made.id], 'web_experiments']);
  const less = { control: { rollout_percentage: 90 }, big: { ...variants.big, rollout_percentage: 10 } };
  assert.deepEqual((await change(target, { variants: less })).variants, less);
  assert.deepEqual((await flagOf(stored.id)).filters.multivariate.variants, [{ key: 'control', rollout_percentage: 90 }, { key: 'big', rollout_percentage: 10 }]);
  for (const wrong of [{}, [], { a: { rollout_percentage: 100 } }, { control: {} }, { control: { rollout_percentage: 99 } }, { control: { rollout_percentage: 'all' } }, { control: 5 }, { control: { rollout_percentage: 50 }, b: { rollout_percentage: 50, transforms: [{ text: 'x' }] } }, { control: { rollout_percentage: 50 }, 'b c': { rollout_percentage: 50 } }]) {
    assert.deepEqual((({ status, body }) => [status, body.attr])(await api('PATCH', target, { variants: wrong })), [400, 'variants'], JSON.stringify(wrong));
  }
  await change(target, { end_date: '2024-02-01T00:00:00Z' });
  assert.deepEqual(await published('web_experiments'), { experiments: [] });
  assert.equal((await evaluate('v')).flags[made.feature_flag_key], undefined);
  assert.equal((await api('DELETE', target)).status, 204);
  assert.deepEqual((await flagOf(stored.id)).experiment_set, []);
  assert.equal((await api('GET', target)).status, 404);
});

test('what was made is there after a crash', async () => {
  const all = async () => Promise.all([SURVEYS, FEATURES, '/web_experiments/'].map((target) => api('GET', target)));
  const before_crash = await all();
  await server.kill();
  await server.start();
  assert.deepEqual(await all(), before_crash);
});

test('a key needs the scope', async () => {
  const answer = await server.request('GET', '/api/projects/1/surveys/', undefined, {});
  assert.equal(answer.status, 401);
  assert.equal((await api('PUT', '/surveys/', {})).status, 405);
  for (const target of [SURVEYS, FEATURES, '/web_experiments/']) {
    assert.equal((await api('GET', `${target}0191a0b5-0000-7000-8000-000000000001/`)).status, 404);
    assert.equal((await api('DELETE', `${target}17777/`)).status, 404);
  }
});

test('posthog-js reads them', { timeout: 180_000 }, async () => {
  const survey = await make(SURVEYS, { name: 'In the page', type: 'popover', questions: QUESTIONS, start_date: '2024-01-01T00:00:00Z' });
  const feature = await make(FEATURES, { name: 'Dark mode', stage: 'beta' });
  const site = await serveSite({ '/module': ['text/html', new URL('./fixtures/page.html', import.meta.url)], '/posthog-js/module.js': ['text/javascript', import.meta.resolve('posthog-js/dist/module.js')] });
  const browser = await launchBrowser();
  try {
    const page = await (await newVisitor(browser)).newPage();
    await page.goto(`http://127.0.0.1:${site.address().port}/module?${new URLSearchParams({ token: server.token, host: server.url })}`);
    await page.waitForFunction(() => window.posthog?.__loaded);
    const surveys = await page.evaluate(() => new Promise((resolve) => { window.posthog.getSurveys(resolve, true); }));
    assert.deepEqual(surveys.map(({ id }) => id), [survey.id]);
    const features = await page.evaluate(() => new Promise((resolve) => { window.posthog.getEarlyAccessFeatures(resolve, true, ['concept', 'beta']); }));
    assert.deepEqual(features.map(({ id, flagKey }) => [id, flagKey]), [[feature.id, 'dark-mode']]);
    // The survey is shown, as its flag says that this visitor has not answered it.
    await page.waitForSelector(`.PostHogSurvey-${survey.id}`, { state: 'attached', timeout: 60_000 });
    const id = await page.evaluate(() => {
      window.posthog.updateEarlyAccessFeatureEnrollment('dark-mode', true);
      return window.posthog.get_distinct_id();
    });
    await waitFor(() => isOn('dark-mode', id), SLOW);
    assert.equal(await isOn('dark-mode', 'another'), false);
  } finally {
    await browser.close();
    site.close();
  }
});
