// What the programs of bench/ share: a hoglet process and requests to it, small statistics, tables.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { cpuOf, memoryOf } from './process.mjs';

export const TOKEN = 'phc_bench0000000000000000000000000000000';
export const API_KEY = 'phx_bench0000000000000000000000000000000';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// One kept-alive connection with no more of HTTP than the programs here need: a general client costs more processor
// time than the server, and both share the machine. One request at a time.
export class Connection {
  constructor(port) {
    this.chunks = [];  // of the answer under way
    this.received = 0;  // their bytes
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (chunk) => this.#take(chunk));
    this.socket.on('error', (error) => this.#fail(error));
    this.socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  // Resolves to { status, headers, body } of the one answer; `body` is bytes.
  request(method, target, pieces, headers) {
    const bytes = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return new Promise((resolve, reject) => {
      if (this.error) return reject(this.error);
      this.waiting = { resolve, reject };
      this.socket.cork();
      this.socket.write(`${method} ${target} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines}content-length: ${bytes}\r\n\r\n`, 'latin1');
      for (const piece of pieces) this.socket.write(piece);
      this.socket.uncork();
    });
  }

  close() {
    this.closing = true;
    this.socket.destroy();
  }

  #take(chunk) {
    this.chunks.push(chunk);
    this.received += chunk.length;
    if (this.head === undefined && !this.#takeHead()) return;
    if (this.received < this.wanted) return;
    const bytes = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
    const answer = { ...this.head, body: bytes.subarray(this.head_bytes) };
    this.chunks = [];
    this.received = 0;
    this.head = undefined;
    const { resolve } = this.waiting;
    this.waiting = undefined;
    resolve(answer);
  }

  // Reads the head once all of it is there; `wanted` is then the bytes of the whole answer.
  #takeHead() {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    const [bytes] = this.chunks;
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    const headers = Object.fromEntries(lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const length = Number(headers['content-length']);
    if (!Number.isInteger(length)) {
      this.#fail(new Error(`an answer without a length: ${first}`));
      return false;
    }
    this.head = { status: Number(first.split(' ')[1]), headers };
    this.head_bytes = end + 4;
    this.wanted = this.head_bytes + length;
    return true;
  }

  #fail(error) {
    if (this.closing) return;
    this.error ??= error;
    this.waiting?.reject(this.error);
    this.waiting = undefined;
  }
}

// How long to wait before a request that was turned away (429, 503) is sent again, in ms.
export function retryAfterMs(headers) {
  const seconds = Number(headers['retry-after']);
  return Number.isFinite(seconds) ? Math.min(10, seconds) * 1000 : 100;
}

// A running `hoglet serve`. start() resolves when /_readyz answers 200; ready_ms is how long that took.
// `flags` are added to its command line; it is put into the control group `cgroup`, if one is given.
export class Hoglet {
  constructor(binary, data, flags = [], cgroup = undefined) {
    Object.assign(this, { binary, data, flags, cgroup });
    this.idle = [];  // connections to be used again
  }

  // Of the running process.
  get pid() {
    return this.child?.exitCode === null && this.child.signalCode === null ? this.child.pid : undefined;
  }

  async start() {
    this.port = await freePort();
    const log = fs.openSync(`${this.data}.log`, 'a');
    const started = performance.now();
    this.child = spawn(this.binary, ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`,
      '--project-token', TOKEN, '--personal-api-key', API_KEY, ...this.flags], { stdio: ['ignore', log, log] });
    fs.closeSync(log);
    const { child } = this;
    const kill = () => child.kill('SIGKILL');  // when this program ends without stop(), as after an error
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    if (this.cgroup) fs.writeFileSync(path.join(this.cgroup, 'cgroup.procs'), String(child.pid));
    let exited;
    child.on('exit', (code, signal) => (exited = { code, signal }));
    for (;;) {
      if (exited) throw new Error(`hoglet exited: ${JSON.stringify(exited)}; see ${this.data}.log`);
      const status = await this.request('GET', '/_readyz', [], {}).then((r) => r.status, () => 0);
      if (status === 200) break;
      if (performance.now() - started > 120_000) throw new Error('hoglet is not ready after 120 s');
      await sleep(2);
    }
    this.ready_ms = performance.now() - started;
    return this;
  }

  async stop() {
    this.#closeIdle();
    if (this.pid === undefined) return;
    const { child } = this;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    child.kill('SIGCONT');  // it may stand still
    await gone;
    this.child = undefined;
  }

  // Lets the process stand still until resume(), its background work included; no request may be under way.
  pause() {
    this.#closeIdle();  // they would be found to have been idle for too long
    this.child.kill('SIGSTOP');
  }

  resume() {
    this.child.kill('SIGCONT');
  }

  #closeIdle() {
    for (const connection of this.idle.splice(0)) connection.close();
  }

  // `pieces` are strings or bytes, written one after the other.
  async request(method, target, pieces, headers) {
    let connection = this.idle.pop();
    while (connection?.error) connection = this.idle.pop();
    connection ??= new Connection(this.port);
    const answer = await connection.request(method, target, pieces, headers);
    if (answer.headers.connection === 'close') {
      connection.close();
    } else {
      this.idle.push(connection);
    }
    return answer;
  }

  // Posts one batch, once.
  postOnce(body, headers) {
    return this.request('POST', '/batch/', Array.isArray(body) ? body : [body], headers);
  }

  // Posts one batch until it is acknowledged; back-pressure (429, 503) is waited for and counted.
  async postBatch(body, headers) {
    for (let refused = 0; ; ++refused) {
      const { status, headers: answer, body: text } = await this.postOnce(body, headers);
      if (status === 200) return refused;
      if (status !== 429 && status !== 503) throw new Error(`/batch/ answered ${status}: ${text}`);
      await sleep(retryAfterMs(answer));
    }
  }

  // Asks once; the answer of request().
  queryOnce(hogql) {
    return this.request('POST', '/api/projects/1/query/',
      [JSON.stringify({ query: { kind: 'HogQLQuery', query: hogql } })],
      { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` });
  }

  // The bytes of the query API's answer; throws with the server's message on an error.
  async queryText(hogql) {
    const { status, body } = await this.queryOnce(hogql);
    if (status !== 200) throw new Error(`query answered ${status}: ${body}`);
    return body;
  }

  async query(hogql) {
    return JSON.parse(await this.queryText(hogql)).results;
  }

  memory() {
    return memoryOf(this.pid);
  }

  // User and system CPU seconds so far.
  cpuSeconds() {
    return cpuOf(`/proc/${this.pid}/stat`);
  }

  // The same by the name of the threads.
  cpuSecondsByThread() {
    const tasks = `/proc/${this.pid}/task`;
    const seconds = {};
    for (const task of fs.readdirSync(tasks)) {
      const name = fs.readFileSync(`${tasks}/${task}/comm`, 'utf8').trim();
      seconds[name] = (seconds[name] ?? 0) + cpuOf(`${tasks}/${task}/stat`);
    }
    return seconds;
  }
}

// Bytes allocated under `directory`, hard links once.
export function diskBytes(directory) {
  let bytes = 0;
  const seen = new Set();
  const walk = (entry) => {
    const stat = fs.lstatSync(entry, { throwIfNoEntry: false });
    if (stat === undefined || seen.has(stat.ino)) return;
    if (stat.isDirectory()) for (const name of fs.readdirSync(entry)) walk(path.join(entry, name));
    else if (stat.isFile()) {
      seen.add(stat.ino);
      bytes += stat.blocks * 512;
    }
  };
  walk(directory);
  return bytes;
}

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}

export const median = (values) => quantile(values, 0.5);

export function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

// Pads a table of strings: the first column to the left, the others to the right.
function padded(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  return rows.map((row) => row.map((cell, i) =>
    (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))));
}

export const formatTable = (rows) => padded(rows).map((row) => row.join('  ')).join('\n');

// The same in Markdown; the first row is the head.
export function markdownTable(rows) {
  const rule = rows[0].map((_, i) => (i === 0 ? '---' : '---:'));
  return [rows[0], rule, ...rows.slice(1)].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

// Milliseconds with three digits or one decimal.
export const formatMs = (value) => (value === undefined ? '-' : value < 10 ? value.toFixed(2) : value.toFixed(1));

export const thousands = (value) => Math.round(value).toLocaleString('en-US');
