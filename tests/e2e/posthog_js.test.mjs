// posthog-js from npm in a real browser: a page on another origin sends a $pageview and an
// autocaptured click with the SDK's own compression.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launchBrowser, newVisitor, serveSite } from './lib/browser.mjs';
import { Server, waitFor } from './lib/server.mjs';

let server;
let site;
let browser;
let page;
const requests = [];

before(async () => {
  server = await Server.start();
  site = await serveSite({
    '/': ['text/html', new URL('./fixtures/page.html', import.meta.url)],
    '/posthog-js/module.js': ['text/javascript', import.meta.resolve('posthog-js/dist/module.js')],
  });
  browser = await launchBrowser();
  page = await (await newVisitor(browser)).newPage();
  page.on('request', (request) => requests.push(request));
});
after(async () => {
  await browser?.close();
  site?.close();
  await server?.remove();
});

// Acts, waits for the server's answers to the event requests that follow until `count` rows of the
// event are there; every answer must be 200 and the rows must be found within a second of the last.
async function captured(act, event) {
  const answers = [];
  const listen = (response) => {
    if (/\/(e|i\/v0\/e|batch)\/?(\?|$)/.test(response.url()) && response.request().method() === 'POST') {
      answers.push({ status: response.status(), at: performance.now() });
    }
  };
  page.on('response', listen);
  await act();
  const found = await waitFor(async () =>
    (await server.query(`SELECT count() FROM events WHERE event = '${event}'`))[0][0] > 0 && performance.now(),
  { timeout_ms: 15_000, what: `${event} from posthog-js` });
  // The row can be there before the browser has told of the answer.
  await waitFor(async () => answers.length > 0, { timeout_ms: 5_000, what: 'the answer to the event request' });
  page.off('response', listen);
  assert.ok(answers.length > 0, 'the SDK sent an event request');
  for (const { status } of answers) assert.equal(status, 200);
  assert.ok(found - answers.at(-1).at < 1000, 'found within a second of the answer');
}

test('a page view arrives', { timeout: 60_000 }, async () => {
  const { port } = site.address();
  const address = `http://127.0.0.1:${port}/?token=${server.token}&host=${encodeURIComponent(server.url)}`;
  await captured(() => page.goto(address), '$pageview');
  assert.equal(await page.evaluate(() => navigator.webdriver), false);
  const [row] = await server.query(`SELECT properties.$current_url, properties.$lib, properties.$browser,
    properties.$host, properties.title FROM events WHERE event = '$pageview'`);
  assert.deepEqual(row, [address, 'web', 'Chrome', `127.0.0.1:${port}`, 'A page with posthog-js']);
});

test('a click is autocaptured with its elements', { timeout: 60_000 }, async () => {
  await captured(() => page.click('#buy'), '$autocapture');
  const [[kind, chain, text]] = await server.query(`SELECT properties.$event_type, elements_chain,
    properties.$el_text FROM events WHERE event = '$autocapture'`);
  assert.equal(kind, 'click');
  assert.match(chain, /^button\.btn\.primary:/);
  assert.equal(text, 'Buy now');
});

test('the events came compressed and as one visitor', async () => {
  const posts = requests.filter((request) => request.method() === 'POST' && /\/(e|i\/v0\/e)\/?(\?|$)/.test(request.url()));
  assert.ok(posts.some((request) => request.postDataBuffer()?.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))),
    'at least one body is gzip');
  const [[visitors, persons]] = await server.query(`SELECT count(DISTINCT distinct_id), count(DISTINCT person_id)
    FROM events WHERE event IN ('$pageview', '$autocapture')`);
  assert.deepEqual([visitors, persons], [1, 1]);
});

test('identify joins the visitor to the user', { timeout: 60_000 }, async () => {
  await captured(() => page.evaluate(() => window.posthog.identify('js-user', { email: 'js@example.com' })), '$identify');
  await server.expectRows(`SELECT count(DISTINCT person_id) FROM events`, [[1]]);
  await server.expectRows(`SELECT properties.email FROM persons`, [['js@example.com']]);
});
