// A browser as a visitor has it, and the site that the visitor opens.

import fs from 'node:fs';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ' +
  'Chrome/138.0.0.0 Safari/537.36';
// posthog-js drops the events of automated browsers, so this one says it is an ordinary one.
const FLAGS = ['--disable-blink-features=AutomationControlled', '--no-sandbox', '--disable-gpu', '--disable-quic',
  '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  `--user-agent=${USER_AGENT}`];

export function launchBrowser() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

// A new visitor: cookies and storage of its own.
export async function newVisitor(browser) {
  const context = await browser.newContext({ userAgent: USER_AGENT });
  // The SDK also reads the brand list, in which a headless browser names itself.
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'userAgentData', { get: () => undefined }));
  return context;
}

// Serves `files`, { path: [content type, URL of the file] }, on a free port.
export function serveSite(files) {
  return new Promise((resolve) => {
    const listener = http.createServer((request, response) => {
      const file = files[request.url.split('?')[0]];
      if (!file) return response.writeHead(404).end();
      return response.writeHead(200, { 'content-type': file[0] }).end(fs.readFileSync(fileURLToPath(file[1])));
    });
    listener.listen(0, '127.0.0.1', () => resolve(listener));
  });
}
