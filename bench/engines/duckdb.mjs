// DuckDB, in this process: one table with typed columns for every property the bench reads and the
// rest as JSON. append() takes a file of the generator; run() returns { ms, rows }, the time until all
// result chunks are fetched.

import fs from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { Stopwatch } from '../process.mjs';

const PATHS = ['browser', 'os', 'device_type', 'current_url', 'session_id'].map((key) => [key, `/$${key}`])
  .concat(['plan', 'currency', 'error_code', 'amount', 'load_time_ms'].map((key) => [key, `/${key}`]));
const NUMBERS = new Set(['amount', 'load_time_ms']);

export class DuckDB {
  constructor({ data, threads }) {
    this.name = 'DuckDB';
    this.file = `${data}.duckdb`;
    this.threads = threads;
  }

  async open() {
    this.instance = await DuckDBInstance.create(this.file, { threads: String(this.threads) });
    this.connection = await this.instance.connect();
    await this.connection.run(`SET TimeZone = 'UTC'`);
    this.version = (await this.connection.runAndReadAll('SELECT version()')).getRows()[0][0];
  }

  async create() {
    for (const name of [this.file, `${this.file}.wal`]) fs.rmSync(name, { force: true });
    await this.open();
    this.watch = new Stopwatch();
    this.verb = 'CREATE TABLE events AS';
  }

  async append(file) {
    const keys = PATHS.map(([, pointer]) => `'${pointer}'`).join(', ');
    const columns = PATHS.map(([name], i) =>
      `${NUMBERS.has(name) ? `p[${i + 1}]::DOUBLE` : `p[${i + 1}]`} AS ${name}`).join(', ');
    this.watch.start();
    await this.connection.run(`${this.verb}
      SELECT uuid, event, timestamp, distinct_id, properties,
        ('00000000-0000-5000-8000-' || right(distinct_id, 12))::UUID AS person_id, ${columns}
      FROM (SELECT *, json_extract_string(properties, [${keys}]) AS p
        FROM read_json('${file}', format = 'newline_delimited', columns = {uuid: 'UUID', event: 'VARCHAR',
          distinct_id: 'VARCHAR', properties: 'JSON', timestamp: 'TIMESTAMP'}))`);
    this.watch.stop();
    this.verb = 'INSERT INTO events';
  }

  async finish() {
    this.watch.start();
    await this.connection.run('CHECKPOINT');
    const load_s = this.watch.seconds();
    return { load_s, merged_s: load_s };
  }

  diskBytes() {
    return fs.statSync(this.file).size;
  }

  async run(sql) {
    const started = performance.now();
    const reader = await this.connection.runAndReadAll(sql);
    return { ms: performance.now() - started, rows: () => reader.getRowsJson() };
  }

  async close() {
    this.connection.closeSync();
    this.instance.closeSync();
  }
}
