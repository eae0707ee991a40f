// posthog-js in a real browser, by the HTML snippet and as an npm module: the configuration, every
// script it fetches and, for the snippet, the SDK itself come from this server and from nowhere
// else, and what the page does is found by HogQL.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { launchBrowser, newVisitor, serveSite } from './lib/browser.mjs';
import { Recorder } from './lib/recorder.mjs';
import { Server, waitFor } from './lib/server.mjs';

const SLOW = { timeout_ms: 15_000 };

let server; // a new one for each kind of page
let site;
let browser;
let path;

before(async () => {
  site = await serveSite({
    '/snippet': ['text/html', new URL('./fixtures/snippet.html', import.meta.url)],
    '/module': ['text/html', new URL('./fixtures/page.html', import.meta.url)],
    '/posthog-js/module.js': ['text/javascript', import.meta.resolve('posthog-js/dist/module.js')],
  });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  site?.close();
});

const origin = () => `http://127.0.0.1:${site.address().port}`;

// A visitor on the page, with all that its browser asked for and complained of. `config` is added to
// what posthog.init gets.
async function visit(config = {}, host = server.url) {
  const context = await newVisitor(browser);
  const page = await context.newPage();
  const visitor = { context, page, requests: [], complaints: [] };
  page.on('request', (request) => visitor.requests.push(request));
  page.on('console', (message) => message.type() === 'error' && visitor.complaints.push(message.text()));
  const query = new URLSearchParams({ token: server.token, host, config: JSON.stringify(config) });
  await page.goto(`${origin()}${path}?${query}`);
  await page.waitForFunction(() => window.posthog?.__loaded);
  visitor.id = await page.evaluate(() => window.posthog.get_distinct_id());
  return visitor;
}

const posts = (visitor, path = /^\/(e|i\/v0\/e)\/$/) => visitor.requests.filter((request) =>
  request.method() === 'POST' && path.test(new URL(request.url()).pathname));
const isGzip = (request) => request.postDataBuffer()?.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]));
const loaded = (visitor) => visitor.requests.filter((request) => request.resourceType() === 'script')
  .map((request) => request.url().replace(server.url, '').replace(origin(), ''));

async function arrives(event, where = '1') {
  return waitFor(async () => (await server.query(`SELECT uuid, distinct_id FROM events
    WHERE event = '${event}' AND ${where}`))[0], { ...SLOW, what: `${event} where ${where}` });
}

for (const kind of ['snippet', 'module']) describe(kind, () => {
  before(async () => {
    path = `/${kind}`;
    server = await Server.start();
  });
  after(() => server.remove());

  test('everything is loaded from the server, and the page view is captured', { timeout: 60_000 }, async () => {
    const visitor = await visit();
    await arrives('$pageview', `distinct_id = '${visitor.id}'`);
    await server.expectRows(`SELECT properties.$current_url = '${visitor.page.url()}', properties.$lib, properties.$browser,
      properties.title FROM events WHERE event = '$pageview'`, [[1, 'web', 'Chrome', 'A page with posthog-js']]);
    const scripts = loaded(visitor);
    if (path === '/snippet') {
      assert.equal(scripts[0], '/static/array.js');
      await server.expectRows(`SELECT properties.early FROM events WHERE event = 'called before the script was there'`,
        [[true]], SLOW);
    }
    assert.ok(scripts.includes(`/array/${server.token}/config.js`), scripts.join(' '));
    for (const request of visitor.requests) {
      const url = request.url();
      assert.ok(url.startsWith(origin()) || url.startsWith(server.url) || url.startsWith('data:'), url);
      const response = await request.response();
      assert.equal(response?.status(), 200, url);
    }
    assert.deepEqual(visitor.complaints, []);
    assert.ok(posts(visitor).some(isGzip), 'event bodies are gzip');
    await visitor.context.close();
  });

  test('a click is autocaptured with its elements', { timeout: 60_000 }, async () => {
    const visitor = await visit();
    // Autocapture starts when the project's configuration allows it.
    await waitFor(() => visitor.page.evaluate(() => window.posthog.autocapture?.isEnabled), SLOW);
    await visitor.page.click('#buy');
    await arrives('$autocapture', `distinct_id = '${visitor.id}'`);
    const [[kind, chain, text]] = await server.query(`SELECT properties.$event_type, elements_chain, properties.$el_text
      FROM events WHERE event = '$autocapture' AND distinct_id = '${visitor.id}'`);
    assert.equal(kind, 'click');
    assert.match(chain, /^button\.btn\.primary:/);
    assert.equal(text, 'Buy now');
    await visitor.context.close();
  });

  test('identify, group and reset', { timeout: 60_000 }, async () => {
    const visitor = await visit();
    await visitor.page.evaluate(() => {
      window.posthog.capture('before login');
      window.posthog.identify('snippet-user', { email: 'snippet@example.com' }, { first_seen_in: 'a page' });
      window.posthog.group('company', 'acme', { employees: 11 });
      window.posthog.capture('logged in');
      window.posthog.reset();
      window.posthog.capture('after logout');
    });
    await arrives('after logout');
    await server.expectRows(`SELECT event, distinct_id = 'snippet-user', properties.$groups FROM events
      WHERE event IN ('before login', 'logged in', 'after logout', '$groupidentify') ORDER BY event`,
    [['$groupidentify', 1, '{"company":"acme"}'], ['after logout', 0, null], ['before login', 0, null],
      ['logged in', 1, '{"company":"acme"}']], SLOW);
    // One person before and after the login, another one after the logout.
    await server.expectRows(`SELECT count(DISTINCT person_id) FROM events WHERE event IN ('before login', 'logged in')`, [[1]]);
    await server.expectRows(`SELECT count(DISTINCT person_id) FROM events WHERE event IN ('logged in', 'after logout')`, [[2]]);
    await server.expectRows(`SELECT person.properties.email, person.properties.first_seen_in FROM events
      WHERE event = 'logged in'`, [['snippet@example.com', 'a page']]);
    await visitor.context.close();
  });

  test('who opts out is left alone', { timeout: 60_000 }, async () => {
    const visitor = await visit();
    await arrives('$pageview', `distinct_id = '${visitor.id}'`);
    await visitor.page.evaluate(() => {
      window.posthog.opt_out_capturing();
      window.posthog.capture('while opted out');
      window.posthog.opt_in_capturing();
      window.posthog.capture('opted in again');
    });
    await arrives('opted in again');
    await server.expectRows(`SELECT event FROM events WHERE distinct_id = '${visitor.id}'
      AND event IN ('while opted out', '$opt_in', 'opted in again') ORDER BY event`, [['$opt_in'], ['opted in again']], SLOW);
    await visitor.context.close();
  });

  // Leaves the page with an event just captured, and returns the request that carried it.
  async function leaveWith(event, config) {
    const recorder = await Recorder.start(server);
    const visitor = await visit(config, recorder.url);
    await arrives('$pageview', `distinct_id = '${visitor.id}'`);
    const before = recorder.requests.length;
    await visitor.page.evaluate((name) => window.posthog.capture(name), event);
    await visitor.page.goto('about:blank');
    await arrives(event, `distinct_id = '${visitor.id}'`);
    await arrives('$pageleave', `distinct_id = '${visitor.id}'`);
    assert.ok(visitor.requests.some((request) => request.resourceType() === 'ping'), 'there was a beacon');
    await visitor.context.close();
    recorder.close();
    return recorder.requests.slice(before).filter((request) => request.method === 'POST' && !request.url.startsWith('/flags'));
  }

  test('what is captured on the way out comes by beacon, gzip', { timeout: 60_000 }, async () => {
    const requests = await leaveWith('left with gzip', {});
    assert.ok(requests.length > 0);
    for (const { url, headers, body } of requests) {
      assert.deepEqual([...body.subarray(0, 3)], [0x1f, 0x8b, 8], url);
      assert.equal(headers['content-type'], 'text/plain');
      assert.match(gunzipSync(body).toString(), /"api_key"/);
    }
  });

  test('without compression the beacon is a base64 form', { timeout: 60_000 }, async () => {
    const requests = await leaveWith('left with base64', { disable_compression: true });
    assert.ok(requests.length > 0);
    for (const { url, headers, body } of requests) {
      assert.match(url, /[?&]compression=base64/);
      assert.equal(headers['content-type'], 'application/x-www-form-urlencoded');
      assert.match(body.toString(), /^data=/);
    }
  });

  test('without compression events are plain JSON', { timeout: 60_000 }, async () => {
    const visitor = await visit({ disable_compression: true });
    await arrives('$pageview', `distinct_id = '${visitor.id}'`);
    assert.ok(posts(visitor).length > 0);
    for (const request of posts(visitor)) assert.doesNotThrow(() => JSON.parse(request.postData()));
    await visitor.context.close();
  });

  test('features fetch their scripts from the server and work', { timeout: 90_000 }, async () => {
    const visitor = await visit({ capture_exceptions: true, capture_dead_clicks: true, __web_vitals_max_value: 0,
      capture_performance: { web_vitals: true, network_timing: true } });
    const wants = ['exception-autocapture', 'dead-clicks-autocapture', 'web-vitals'];
    await waitFor(() => wants.every((kind) => loaded(visitor).some((url) => url.includes(`/${kind}`))),
      { ...SLOW, what: `the scripts, of ${wants}` });
    await visitor.page.click('#throw').catch(() => {});
    await arrives('$exception', `distinct_id = '${visitor.id}'`);
    await visitor.page.click('#dead');
    await arrives('$dead_click', `distinct_id = '${visitor.id}'`);
    await server.expectRows(`SELECT properties.$exception_list LIKE '%thrown on a click%' FROM events
      WHERE event = '$exception'`, [[1]], SLOW);
    for (const request of visitor.requests.filter((one) => one.resourceType() === 'script')) {
      assert.ok(request.url().startsWith(server.url) || request.url().startsWith(origin()), request.url());
      assert.equal((await request.response()).status(), 200, request.url());
    }
    await visitor.context.close();
  });
});
