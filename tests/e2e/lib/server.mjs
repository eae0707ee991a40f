// A real hoglet for a test: starts the binary named by HOGLET_BIN on a free port with a data folder
// of its own, and talks to it over HTTP.
//
//   const server = await Server.start();        // resolves when /_readyz answers 200
//   await server.capture({ event: 'x', distinct_id: 'a' });
//   await waitFor(async () => (await server.query('SELECT count() FROM events'))[0][0] === 1);
//   await server.remove();                      // stops it and deletes its data folder
//
// kill() is a SIGKILL, as a crash; after it or stop(), start() serves the same folder on the same port.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const BINARY = process.env.HOGLET_BIN ?? '';
export const DATA_FILES = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../data');
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Calls `check` until it returns something truthy, and returns that. An error counts as "not yet"
// and is reported when the time is over.
export async function waitFor(check, { timeout_ms = 1000, interval_ms = 10, what = 'the condition' } = {}) {
  const until = performance.now() + timeout_ms;
  let last;
  for (;;) {
    try {
      last = undefined;
      const value = await check();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > until) {
      throw new Error(`${what} did not hold within ${timeout_ms} ms${last ? `: ${last.message}` : ''}`);
    }
    await sleep(interval_ms);
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// A new folder for a test's files; the caller removes it.
export function temporaryFolder(name = 'hoglet-e2e-') {
  return fs.mkdtempSync(path.join(os.tmpdir(), name));
}

// Sanitizers keep memory of their own: bounds of it are asserted of plain builds only.
export const memoryIs = (holds, message) => assert.ok(process.env.HOGLET_SANITIZED || holds, message);

// Runs the command-line program to its end: { status, stdout, stderr }.
export function runCli(args, { input, timeout_ms = 120_000, env = {} } = {}) {
  if (!BINARY) throw new Error('HOGLET_BIN is not set; use run.sh');
  const { status, stdout, stderr, error } = spawnSync(BINARY, args, {
    input, timeout: timeout_ms, env: { ...process.env, ...env }, maxBuffer: 1 << 28, encoding: 'utf8',
  });
  if (error) throw error;
  return { status, stdout, stderr };
}

const SANITIZER_REPORT_SHOWN = 8_000;

export class Server {
  // options: data (a folder to keep; made and owned when absent), token, key (null: let the server
  // make one), args (more flags), env.
  constructor(options = {}) {
    this.options = options;
    this.owned = options.data === undefined;
    this.data = options.data ?? path.join(temporaryFolder(), 'data');
    this.token = options.token === undefined ? `phc_${crypto.randomBytes(20).toString('hex')}` : options.token;
    this.key = options.key === undefined ? `phx_${crypto.randomBytes(20).toString('hex')}` : options.key;
    this.output = '';
    this.agent = new http.Agent({ keepAlive: true });
  }

  static async start(options) {
    return new Server(options).start();
  }

  async start() {
    if (!BINARY) throw new Error('HOGLET_BIN is not set; use run.sh');
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const args = ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`];
    if (this.token) args.push('--project-token', this.token);
    if (this.key) args.push('--personal-api-key', this.key);
    args.push(...(this.options.args ?? []));
    const child = spawn(BINARY, args, {
      stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.options.env },
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => (this.output += text));
    }
    let exit;
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve((exit = { code, signal }))));
    await waitFor(async () => exit || (await this.get('/_readyz')).status === 200,
      { timeout_ms: START_TIMEOUT_MS, interval_ms: 5, what: '/_readyz' });
    if (exit) throw new Error(`hoglet exited with ${exit.code ?? exit.signal}:\n${this.output}`);
    return this;
  }

  // Asks it to finish; returns { code, signal }.
  async stop() {
    if (this.child === undefined) return undefined;
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    return this.#gone(late);
  }

  async kill() {
    this.child.kill('SIGKILL');
    return this.#gone();
  }

  async #gone(timer) {
    const exit = await this.exited;
    clearTimeout(timer);
    this.child = undefined;
    this.agent.destroy();
    this.agent = new http.Agent({ keepAlive: true });
    // A server that is killed has no exit code to tell of what its sanitizer found.
    const found = this.output.search(/WARNING: ThreadSanitizer|ERROR: \w+Sanitizer|runtime error: /);
    if (found >= 0) throw new Error(this.output.slice(found, found + SANITIZER_REPORT_SHOWN));
    return exit;
  }

  async restart() {
    await this.stop();
    return this.start();
  }

  async remove() {
    if (this.child !== undefined) await this.kill();
    if (this.owned) fs.rmSync(path.dirname(this.data), { recursive: true, force: true });
  }

  // One HTTP exchange: { status, headers, body (Buffer), text }.
  request(method, target, body, headers = {}) {
    return new Promise((resolve, reject) => {
      const options = { method, agent: this.agent, headers: { ...headers } };
      if (body !== undefined) options.headers['content-length'] = Buffer.byteLength(body);
      const request = http.request(this.url + target, options, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({ status: response.statusCode, headers: response.headers, body: bytes, text: bytes.toString() });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  get(target, headers) {
    return this.request('GET', target, undefined, headers);
  }

  // Sends events as a server SDK does. `events` is one event or a list; returns the exchange.
  capture(events, { target = '/batch/', token = this.token } = {}) {
    const batch = Array.isArray(events) ? events : [events];
    return this.request('POST', target, JSON.stringify({ api_key: token, batch }), { 'content-type': 'application/json' });
  }

  // The whole answer of the query API: { status, body (parsed) }.
  async queryApi(hogql, { key = this.key } = {}) {
    const headers = { 'content-type': 'application/json' };
    if (key) headers.authorization = `Bearer ${key}`;
    const answer = await this.request('POST', '/api/projects/1/query/',
      JSON.stringify({ query: { kind: 'HogQLQuery', query: hogql } }), headers);
    return { status: answer.status, headers: answer.headers, body: JSON.parse(answer.text) };
  }

  // The rows of a query that must succeed.
  async query(hogql) {
    const { status, body } = await this.queryApi(hogql);
    if (status !== 200) throw new Error(`query answered ${status}: ${JSON.stringify(body)}`);
    return body.results;
  }

  // Waits until the query gives exactly these rows; fails with what it gave instead.
  async expectRows(hogql, rows, { timeout_ms = 1000 } = {}) {
    const expected = JSON.stringify(rows);
    let got;
    await waitFor(async () => (got = JSON.stringify(await this.query(hogql))) === expected,
      { timeout_ms, what: hogql }).catch((error) => {
      throw new Error(`${error.message}\nexpected ${expected}\ngot      ${got}`);
    });
  }
}
