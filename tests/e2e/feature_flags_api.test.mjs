// Feature flags and API keys over REST, as scripts and official tools use them, on the whole binary.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Server, runCli } from './lib/server.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.remove());

const FLAGS = '/api/projects/1/feature_flags/';
async function api(method, target, body, key = server.key) {
  const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) };
  const answer = await server.request(method, target, body && JSON.stringify(body), headers);
  return { status: answer.status, body: answer.text ? JSON.parse(answer.text) : undefined };
}
async function ok(status, method, target, body, key) {
  const answer = await api(method, target, body, key);
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  return answer.body;
}
const everyone = { groups: [{ properties: [], rollout_percentage: 100 }] };

test('a flag is made, changed, found and survives a crash', async () => {
  const filters = {
    zeta: [1, { b: 1, a: 2.5 }],
    groups: [{ variant: null, rollout_percentage: 40, properties: [{ key: 'email', value: ['a@b.c'], type: 'person', operator: 'exact' }], sort_key: 'x' }],
    multivariate: { variants: [{ key: 'control', rollout_percentage: 33.5 }, { key: 'test', name: 'T', rollout_percentage: 66.5 }] },
    payloads: { control: { deep: [1, true, null] }, test: '"text"' }, aggregation_group_type_index: null,
  };
  const made = await ok(201, 'POST', FLAGS, { key: 'new-flow', name: 'New flow', filters, tags: ['Web '], ensure_experience_continuity: true });
  assert.deepEqual(made.filters, { ...filters, payloads: { control: '{"deep":[1,true,null]}', test: '"text"' } });
  assert.deepEqual(Object.keys(made.filters), Object.keys(filters), 'the order of the client');
  assert.deepEqual([made.version, made.tags, made.ensure_experience_continuity, made.status, made.is_simple_flag, made.rollout_percentage], [1, ['web'], true, 'ACTIVE', false, null]);
  assert.equal(made.created_by.email, 'owner@hoglet.local');

  const changed = await ok(200, 'PATCH', `${FLAGS}${made.id}/`, { active: false });
  assert.deepEqual({ ...changed, updated_at: 0 }, { ...made, updated_at: 0, active: false, version: 2, status: 'INACTIVE' });
  await server.kill();
  await server.start();
  assert.deepEqual(await ok(200, 'GET', `/api/environments/@current/feature_flags/${made.id}`), changed);
  const log = await ok(200, 'GET', `${FLAGS}${made.id}/activity/`);
  assert.deepEqual(log.results.map(({ activity, user, detail }) => [activity, user.email, detail.changes.map((change) => [change.field, change.before, change.after])]),
    [['updated', 'owner@hoglet.local', [['active', true, false]]], ['created', 'owner@hoglet.local', []]]);
  assert.equal(log.total_count, 2);
});

test('pages are linked by addresses that work as they are', async () => {
  for (const key of ['p1', 'p2', 'p3']) await ok(201, 'POST', FLAGS, { key, filters: everyone });
  const keys = [];
  for (let next = `${FLAGS}?limit=2&search=p`; next;) {
    const page = await ok(200, 'GET', next.replace(server.url, ''));
    assert.equal(page.count, 3);
    keys.push(...page.results.map(({ key }) => key));
    next = page.next;
    if (next) assert.ok(next.startsWith(`${server.url}/api/`), next);
  }
  assert.deepEqual(keys, ['p3', 'p2', 'p1']);
});

test('deleting as the tools do, and bringing back', async () => {
  const flag = await ok(201, 'POST', FLAGS, { key: 'gone', filters: everyone });
  assert.deepEqual((await ok(405, 'DELETE', `${FLAGS}${flag.id}/`)), { type: 'invalid_request', code: 'method_not_allowed', detail: 'Hard delete of this model is not allowed. Use a patch API call to set "deleted" to true', attr: null });
  await ok(200, 'PATCH', `${FLAGS}${flag.id}/`, { key: 'gone', deleted: true });
  await ok(404, 'GET', `${FLAGS}${flag.id}/`);
  const other = await ok(201, 'POST', FLAGS, { key: 'gone', filters: everyone });
  assert.equal((await ok(400, 'PATCH', `${FLAGS}${flag.id}/`, { deleted: false })).code, 'unique');
  await ok(200, 'PATCH', `${FLAGS}${other.id}/`, { deleted: true });
  assert.equal((await ok(200, 'PATCH', `${FLAGS}${flag.id}/`, { deleted: false })).key, 'gone');
});

test('errors name the field', async () => {
  for (const [body, code, attr] of [
    [{ filters: everyone }, 'required', 'key'], [{ key: 'a b', filters: everyone }, 'invalid_key', 'key'], [{ key: 'new-flow', filters: everyone }, 'unique', 'key'],
    [{ key: 'x', filters: { groups: [] } }, 'invalid_input', 'filters'],
    [{ key: 'x', filters: { groups: [{ properties: [{ key: 'id', type: 'cohort', value: 5 }] }] } }, 'cohort_does_not_exist', 'filters'],
    [{ key: 'x', filters: { groups: [{ properties: [{ key: 'a', type: 'person', operator: 'is_date_before', value: 'soon' }] }] } }, 'invalid_date', 'filters'],
  ]) {
    const error = await ok(400, 'POST', FLAGS, body);
    assert.deepEqual([error.type, error.code, error.attr], ['validation_error', code, attr]);
  }
  assert.equal((await ok(404, 'GET', `${FLAGS}99999/`)).detail, 'Not found.');
  assert.equal((await ok(401, 'GET', FLAGS, undefined, null)).code, 'not_authenticated');
  assert.equal((await ok(401, 'GET', `${FLAGS}?token=phc_unknown`)).code, 'authentication_failed');
  await ok(200, 'GET', `/api/projects/77/feature_flags/?token=${server.token}`);
});

test('one of two editors meets a conflict', async () => {
  const flag = await ok(201, 'POST', FLAGS, { key: 'edited', filters: everyone });
  await ok(200, 'PATCH', `${FLAGS}${flag.id}/`, { version: 1, name: 'first' });
  assert.equal((await ok(409, 'PATCH', `${FLAGS}${flag.id}/`, { version: 1, name: 'second' })).code, 'conflict');
  assert.equal((await ok(200, 'GET', `${FLAGS}${flag.id}/`)).name, 'first');
});

test('many at a time lose nothing', async () => {
  const flag = await ok(201, 'POST', FLAGS, { key: 'busy', filters: everyone });
  const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
  const answers = await Promise.all(names.map((name) => api('PATCH', `${FLAGS}${flag.id}/`, { name })));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal((await ok(200, 'GET', `${FLAGS}${flag.id}/`)).version, 41);
  const made = await Promise.all(names.map(() => api('POST', FLAGS, { key: 'only-one', filters: everyone })));
  assert.equal(made.filter(({ status }) => status === 201).length, 1);
});

test('keys do what their scopes say', async () => {
  const made = await ok(201, 'POST', '/api/personal_api_keys/', { label: 'reader', scopes: ['feature_flag:read'] });
  await ok(200, 'GET', FLAGS, undefined, made.value);
  await ok(200, 'GET', `${FLAGS}?personal_api_key=${made.value}`, undefined, null);
  assert.deepEqual(await ok(403, 'POST', FLAGS, { key: 'x', filters: everyone }, made.value),
    { type: 'authentication_error', code: 'permission_denied', detail: "API key missing required scope 'feature_flag:write'", attr: null });
  for (const [method, target, scope] of [['POST', '/api/projects/1/query/', 'query:read'], ['GET', '/api/projects/1/event_definitions/', 'event_definition:read'], ['PATCH', '/api/projects/1/', 'project:write'],
    ['POST', '/api/projects/1/persons/bulk_delete/', 'person:write'], ['GET', '/api/users/@me/', 'user:read']]) {
    assert.equal((await ok(403, method, target, method === 'GET' ? undefined : {}, made.value)).detail, `API key missing required scope '${scope}'`);
  }
  const self = await ok(200, 'GET', '/api/personal_api_keys/@current/', undefined, made.value);
  assert.deepEqual([self.label, self.value, self.scopes], ['reader', null, ['feature_flag:read']]);
  assert.ok(Math.abs(Date.parse(self.last_used_at) - Date.now()) < 60_000);
  await server.restart();
  assert.equal((await ok(200, 'GET', '/api/personal_api_keys/@current/', undefined, made.value)).last_used_at, self.last_used_at);
  await ok(204, 'DELETE', `/api/personal_api_keys/${made.id}/`);
  await ok(401, 'GET', FLAGS, undefined, made.value);
  const me = await ok(200, 'GET', '/api/users/@me/');
  assert.equal(me.team.organization, me.organization.id);
  assert.equal(me.organizations[0].id, me.organization.id);
});

test('the secret token of the project is shown and rotated', async () => {
  const { secret_api_token: first } = await ok(200, 'GET', '/api/projects/1/');
  assert.match(first, /^phs_\w{20,}$/);
  const rotated = await ok(200, 'PATCH', '/api/projects/1/rotate_secret_token/');
  assert.equal(rotated.secret_api_token_backup, first);
  assert.notEqual(rotated.secret_api_token, first);
  assert.equal((await ok(200, 'PATCH', '/api/projects/1/delete_secret_token_backup/')).secret_api_token_backup, null);
  assert.equal((await ok(401, 'GET', FLAGS, undefined, rotated.secret_api_token)).code, 'authentication_failed');
});

test('hoglet check reads the definitions, and their loss is told', async () => {
  const { count } = await ok(200, 'GET', FLAGS);
  await server.stop();
  const check = runCli(['check', '--data', server.data]);
  assert.match(check.stdout, /^objects +\d+ objects$/m);
  assert.ok(Number(/^objects +(\d+)/m.exec(check.stdout)[1]) > count, 'deleted ones are there too');
  const folder = path.join(server.data, 'metadata', 'objects');
  fs.renameSync(folder, `${folder}-away`);
  const lost = runCli(['query', '--data', server.data, 'SELECT 1']);
  assert.notEqual(lost.status, 0);
  assert.match(lost.stderr, /metadata\/objects is lost/);
  fs.renameSync(`${folder}-away`, folder);
  await server.start();
  assert.equal((await ok(200, 'GET', FLAGS)).count, count);
});
