// A MaxMind database with one country for each /24 network: mmdb({ '81.2.69': 'GB' }).

const control = (type, size) => Buffer.from([(type << 5) | size]);
const text = (value) => Buffer.concat([control(2, value.length), Buffer.from(value)]);
const number = (value, type) => {
  const bytes = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  const head = type > 7 ? Buffer.from([bytes.length, type - 7]) : control(type, bytes.length);
  return Buffer.concat([head, Buffer.from(bytes)]);
};
const map = (members) => Buffer.concat([control(7, Object.keys(members).length),
  ...Object.entries(members).flatMap(([key, value]) => [text(key), value])]);

export function mmdb(countries) {
  const nodes = [[null, null]];
  let data = Buffer.alloc(0);
  for (const [network, country] of Object.entries(countries)) {
    const bits = network.split('.').map((part) => Number(part).toString(2).padStart(8, '0')).join('');
    let node = 0;
    for (let i = 0; i < bits.length; ++i) {
      const side = Number(bits[i]);
      if (i + 1 === bits.length) nodes[node][side] = { at: data.length };
      else if (nodes[node][side] === null) node = nodes[node][side] = nodes.push([null, null]) - 1;
      else node = nodes[node][side];
    }
    data = Buffer.concat([data, map({ country: map({ iso_code: text(country) }) })]);
  }
  const records = nodes.flat().map((record) => {
    const value = record === null ? nodes.length : typeof record === 'number' ? record : nodes.length + 16 + record.at;
    return [value >> 16, (value >> 8) & 255, value & 255];
  });
  return Buffer.concat([Buffer.from(records.flat()), Buffer.alloc(16), data,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), map({
      node_count: number(nodes.length, 6), record_size: number(24, 5), ip_version: number(4, 5),
      database_type: text('test'), languages: Buffer.concat([Buffer.from([1, 4]), text('en')]), description: map({ en: text('test') }), binary_format_major_version: number(2, 5),
      binary_format_minor_version: number(0, 5), build_epoch: number(1, 9),
    })]);
}
