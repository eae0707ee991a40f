// A peer in a process of its own, so that its memory is its own and it can be closed and begun anew with cold caches:
// Peer passes the calls of an engine on to a child, which runs this file. Times are measured in the child, around
// the library's call.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const THIS_FILE = fileURLToPath(import.meta.url);

export class Peer {
  constructor({ name, data, threads }) {
    Object.assign(this, { name, data, threads });
  }

  get pid() {
    return this.child?.pid;
  }

  #start() {
    const child = fork(THIS_FILE, [this.name, this.data, String(this.threads)], { serialization: 'advanced' });
    this.child = child;
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.on('message', ({ error, value }) => {
      const { resolve, reject } = this.waiting;
      this.waiting = undefined;
      if (error === undefined) resolve(value);
      else reject(new Error(error));
    });
    child.on('exit', (code, signal) => {
      process.off('exit', kill);
      if (this.child === child) this.child = undefined;
      this.waiting?.reject(new Error(`${this.name} exited: ${signal ?? code}`));
      this.waiting = undefined;
    });
  }

  #call(method, ...args) {
    return new Promise((resolve, reject) => {
      if (this.child === undefined) return reject(new Error(`${this.name} is not running`));
      this.waiting = { resolve, reject };
      this.child.send({ method, args });
    });
  }

  async open() {
    this.#start();
    this.version = await this.#call('open');
  }

  async create() {
    this.#start();
    this.version = await this.#call('create');
  }

  append(file) { return this.#call('append', file); }
  finish() { return this.#call('finish'); }
  diskBytes() { return this.#call('diskBytes'); }

  // Asks; { ms, rows }, where rows() is to be called before the next question.
  async run(sql) {
    return { ms: await this.#call('run', sql), rows: () => this.#call('rows') };
  }

  async close() {
    if (this.child === undefined) return;
    const { child } = this;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await this.#call('close');
    child.disconnect();
    await gone;
  }
}

async function serve(name, data, threads) {
  const { ClickHouse } = name === 'clickhouse' ? await import('./clickhouse.mjs') : {};
  const { DuckDB } = name === 'duckdb' ? await import('./duckdb.mjs') : {};
  const engine = new (ClickHouse ?? DuckDB)({ data, threads });
  let rows;
  const calls = {
    open: async () => (await engine.open(), engine.version),
    create: async () => (await engine.create(), engine.version),
    append: (file) => engine.append(file),
    finish: () => engine.finish(),
    diskBytes: () => engine.diskBytes(),
    async run(sql) {
      const answer = await engine.run(sql);
      ({ rows } = answer);
      return answer.ms;
    },
    rows: () => rows(),
    close: () => engine.close(),
  };
  process.on('message', ({ method, args }) => {
    Promise.resolve().then(() => calls[method](...args))
      .then((value) => process.send({ value }), (error) => process.send({ error: String(error.message ?? error) }));
  });
}

if (process.argv[1] === THIS_FILE) await serve(process.argv[2], process.argv[3], Number(process.argv[4]));
