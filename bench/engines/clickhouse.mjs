// ClickHouse, in this process (npm chdb), with PostHog's events table: the same order key,
// partitions and engine, and typed materialised columns for every property the bench reads.
// append() takes a file of the generator; run() returns { ms, rows }, the time to the last byte of JSON.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import { diskBytes } from '../lib.mjs';
import { Stopwatch } from '../process.mjs';

const { Session } = createRequire(import.meta.url)('chdb');

const text = (key) => `LowCardinality(String) MATERIALIZED JSONExtractString(properties, '${key}')`;
const TABLE = `CREATE TABLE events (
  uuid UUID, event String, properties String CODEC(ZSTD(3)), timestamp DateTime64(6, 'UTC'), team_id Int64,
  distinct_id String, elements_chain String, created_at DateTime64(6, 'UTC'), person_id UUID, _timestamp DateTime,
  browser ${text('$browser')}, os ${text('$os')}, device_type ${text('$device_type')}, plan ${text('plan')},
  currency ${text('currency')}, error_code ${text('error_code')},
  current_url String MATERIALIZED JSONExtractString(properties, '$current_url'),
  session_id String MATERIALIZED JSONExtractString(properties, '$session_id'),
  amount Nullable(Float64) MATERIALIZED JSONExtract(properties, 'amount', 'Nullable(Float64)'),
  load_time_ms Nullable(Float64) MATERIALIZED JSONExtract(properties, 'load_time_ms', 'Nullable(Float64)')
) ENGINE = ReplacingMergeTree(_timestamp) PARTITION BY toYYYYMM(timestamp)
ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))
SAMPLE BY cityHash64(distinct_id)`;

export class ClickHouse {
  constructor({ data, threads }) {
    this.name = 'ClickHouse';
    this.data = data;
    this.threads = threads;
  }

  #open() {
    this.session = new Session(this.data);
    for (const setting of [`max_threads = ${this.threads}`, `max_insert_threads = ${this.threads}`,
      `session_timezone = 'UTC'`, `output_format_json_quote_64bit_integers = 0`,
      `date_time_input_format = 'best_effort'`]) {
      this.session.query(`SET ${setting}`);
    }
    this.version = this.session.query('SELECT version()', 'TSV').trim();
  }

  // Opens what an earlier load left behind.
  async open() {
    this.#open();
    this.session.query('USE bench');
  }

  async create() {
    fs.rmSync(this.data, { recursive: true, force: true });
    this.#open();
    this.session.query('CREATE DATABASE bench');
    this.session.query('USE bench');
    this.session.query(TABLE);
    this.watch = new Stopwatch();
  }

  async append(file) {
    this.watch.start();
    this.session.query(`INSERT INTO events
        (uuid, event, properties, timestamp, team_id, distinct_id, created_at, person_id, _timestamp)
      SELECT uuid, event, properties, timestamp, 1, distinct_id, now64(6),
        toUUID(concat('00000000-0000-5000-8000-', right(distinct_id, 12))), now()
      FROM file('${file}', JSONEachRow, 'uuid UUID, event String, distinct_id String, properties String,
        timestamp DateTime64(6, \\'UTC\\')')`);
    this.watch.stop();
  }

  async finish() {
    const load_s = this.watch.seconds();
    this.watch.start();
    // Parts that were being merged already are left alone: asked until each month is one part.
    for (let tries = 0; tries === 0 || (tries < 5 && this.#partsOfAMonth() > 1); ++tries) {
      this.session.query('OPTIMIZE TABLE events FINAL');
    }
    return { load_s, merged_s: this.watch.seconds() };
  }

  #partsOfAMonth() {
    return Number(this.session.query(`SELECT max(n) FROM (SELECT count() AS n FROM system.parts
      WHERE active AND database = 'bench' AND table = 'events' GROUP BY partition)`, 'TSV'));
  }

  diskBytes() {
    const active = this.session.query(
      `SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench' AND table = 'events'`, 'TSV');
    return Number(active) || diskBytes(this.data);
  }

  async run(sql) {
    const started = performance.now();
    const answer = this.session.query(sql, 'JSONCompact');
    return { ms: performance.now() - started, rows: () => JSON.parse(answer).data };
  }

  async close() {
    this.session.close();
  }
}
