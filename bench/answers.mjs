// Comparing answers of different engines, or of one at different times.

import { createHash } from 'node:crypto';

// One form for the three engines: '' is NULL, times lose T, Z and trailing zeros, numbers are numbers.
function normalise(value) {
  if (value === null || value === '') return null;
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return JSON.stringify(value);
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  const time = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|\+00:?00)?)?$/.exec(value);
  if (!time) return value;
  const fraction = (time[3] ?? '').replace(/0+$/, '');
  const clock = (time[2] ?? '00:00:00') + (fraction && `.${fraction}`);
  return clock === '00:00:00' ? time[1] : `${time[1]} ${clock}`;
}

// The first difference between two answers in words, or undefined.
export function difference(query, expected, got) {
  const pick = (row) => (query.columns ? query.columns.map((i) => row[i]) : row).map(normalise);
  const a = expected.map(pick);
  const b = got.map(pick);
  if (a.length !== b.length) return `${b.length} rows instead of ${a.length}`;
  const tolerance = query.tolerance ?? 1e-9;
  for (let row = 0; row < a.length; ++row) {
    for (let i = 0; i < a[row].length; ++i) {
      const [x, y] = [a[row][i], b[row][i]];
      const same = typeof x === 'number' && typeof y === 'number'
        ? Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y)) : x === y;
      if (!same) return `row ${row} column ${i}: ${JSON.stringify(y)} instead of ${JSON.stringify(x)}`;
    }
  }
  return undefined;
}

// Rows whose sort key is shared may come in any order: compare those answers as sets.
export function inOrder(query, rows) {
  return query.columns ? [...rows].sort((a, b) => {
    const x = JSON.stringify(query.columns.map((i) => normalise(a[i])));
    const y = JSON.stringify(query.columns.map((i) => normalise(b[i])));
    return x < y ? -1 : x > y ? 1 : 0;
  }) : rows;
}

// A short name of an answer: the same for the same stream, however it was loaded. None where answers may differ.
export function digest(query, rows) {
  if (query.tolerance) return undefined;
  const round = (value) => (typeof value === 'number' ? Number(value.toPrecision(9)) : value);
  const picked = rows.map((row) => (query.columns ? query.columns.map((i) => row[i]) : row).map(normalise).map(round));
  return createHash('sha256').update(JSON.stringify(picked)).digest('hex').slice(0, 16);
}
