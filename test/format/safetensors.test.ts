import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesSource } from '../../src/format/byte-source.ts';
import { readSafetensorsHeader } from '../../src/format/safetensors.ts';
import { CANARY, refused } from '../helpers/refused.ts';
import { buildSafetensors, withHeader } from '../helpers/build-safetensors.ts';
import type { ByteSource } from '../../src/format/byte-source.ts';

const test = suite('readSafetensorsHeader()');

function read(
  bytes: Uint8Array,
  maxHeaderBytes?: number,
): ReturnType<typeof readSafetensorsHeader> {
  const options = maxHeaderBytes === undefined ? {} : { maxHeaderBytes };
  return readSafetensorsHeader(bytesSource('f.safetensors', bytes), options);
}

const ANY_CODE = [
  'WEIGHTS_HEADER_JSON',
  'WEIGHTS_HEADER_SIZE',
  'WEIGHTS_OFFSETS',
  'WEIGHTS_SHAPE',
  'WEIGHTS_DUPLICATE_NAME',
  'WEIGHTS_TRUNCATED',
] as const;

type Fields = { dtype?: unknown; shape?: unknown; data_offsets?: unknown };

/** A file of the given header entries over `dataBytes` bytes of data. */
function fileOf(entries: Record<string, Fields>, dataBytes: number): Uint8Array {
  return withHeader(JSON.stringify(entries), new Uint8Array(dataBytes));
}

/** A file without tensors and a header of `length` bytes. */
function headerOf(length: number): Uint8Array {
  return withHeader('{}'.padEnd(length));
}

/** That many short names. */
function many(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `t${i}`);
}

/** Three tensors of 8, 4 and 12 bytes. */
function three(): Record<string, Fields> {
  return {
    a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
    b: { dtype: 'F16', shape: [2, 1], data_offsets: [8, 12] },
    c: { dtype: 'I32', shape: [1, 3], data_offsets: [12, 24] },
  };
}

test('gives names, dtypes, shapes and absolute offsets; ignores __metadata__', async () => {
  const header = JSON.stringify({ __metadata__: { format: 'pt' }, ...three() });
  const entries = await read(withHeader(header, new Uint8Array(24)));
  const start = 8 + header.length;
  assert.equal(
    [...entries.values()],
    [
      { name: 'a', dtype: 'F32', shape: [2], offset: start, byteLength: 8 },
      { name: 'b', dtype: 'F16', shape: [2, 1], offset: start + 8, byteLength: 4 },
      { name: 'c', dtype: 'I32', shape: [1, 3], offset: start + 12, byteLength: 12 },
    ],
  );
  assert.is((await read(withHeader('{}'))).size, 0);
});

test('accepts scalars, tensors without elements anywhere between others, and any order', async () => {
  const entries = await read(
    fileOf(
      {
        last: { dtype: 'U8', shape: [3], data_offsets: [4, 7] },
        none: { dtype: 'F64', shape: [0, 9], data_offsets: [0, 0] },
        gap: { dtype: 'F64', shape: [9, 0], data_offsets: [4, 4] },
        scalar: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
        end: { dtype: 'BOOL', shape: [0], data_offsets: [7, 7] },
      },
      7,
    ),
  );
  assert.is(entries.size, 5);
});

test('accepts white space around the header: all 16 residues of the data start', async () => {
  const text = JSON.stringify(three());
  for (let pad = 0; pad < 16; pad++) {
    for (const header of [text + ' '.repeat(pad), '\r\n\t '.repeat(4).slice(0, pad) + text]) {
      const entries = await read(withHeader(header, new Uint8Array(24)));
      assert.is(entries.get('c')?.offset, 8 + header.length + 12);
    }
  }
});

test('W1 refuses every wrong header length before it reads the header', async () => {
  const lengths = [0n, 1n, 2n ** 31n, 2n ** 32n + 16n, 2n ** 53n + 1n, 2n ** 64n - 1n, 2n ** 24n];
  const file = fileOf(three(), 24);
  const near = [-1n, 0n, 1n].flatMap((step) => lengths.map((n) => BigInt.asUintN(64, n + step)));
  for (const length of near.filter((n) => n < 2n || n > 2n ** 24n)) {
    const prefix = new Uint8Array(8);
    new DataView(prefix.buffer).setBigUint64(0, length, true);
    const source: ByteSource = {
      name: 'f',
      size: 2 ** 52,
      async read(offset, bytes) {
        assert.equal([offset, bytes], [0, 8], `${length}`);
        return prefix;
      },
      async close() {},
    };
    const error = await refused(
      () => readSafetensorsHeader(source),
      'WEIGHTS_HEADER_SIZE',
      `${length}`,
    );
    assert.is(error.details['found'], String(length));
  }
  // Past the end of a file whose header is whole: up to one byte more than the file holds.
  for (const length of [file.length - 7, file.length, file.length + 1, 2 ** 24 - 1]) {
    const wrong = file.slice();
    new DataView(wrong.buffer).setBigUint64(0, BigInt(length), true);
    await refused(() => read(wrong), 'WEIGHTS_HEADER_SIZE', `${length}`);
  }
  // Within the file, but not where the header ends.
  for (let length = 2; length <= file.length - 8; length++) {
    const wrong = file.slice();
    const view = new DataView(wrong.buffer);
    if (view.getBigUint64(0, true) === BigInt(length)) continue;
    view.setBigUint64(0, BigInt(length), true);
    await refused(() => read(wrong), 'WEIGHTS_HEADER_JSON', `${length}`);
  }
});

test('W1 maxHeaderBytes is 16 MB by default, and up to 100 MB', async () => {
  await read(headerOf(2 ** 24));
  await refused(() => read(headerOf(2 ** 24 + 1)), 'WEIGHTS_HEADER_SIZE');
  await read(headerOf(2 ** 24 + 1), 1e8);
  await refused(() => read(headerOf(65), 64), 'WEIGHTS_HEADER_SIZE');
  for (const limit of [0, -1, NaN, Infinity, 1e8 + 1]) {
    const outcome = await read(headerOf(2), limit).catch((error: unknown) => error);
    assert.instance(outcome, RangeError, `${limit}`);
  }
});

test('W2 refuses a file cut at each byte of the first 4 KB and at each tensor edge ± 1', async () => {
  const tensors = Array.from({ length: 40 }, (_, i) => ({
    name: `transformer.h.${i}.weight`,
    shape: [i + 1, 2],
    data: new Float32Array(2 * i + 2),
  }));
  const plain = buildSafetensors(tensors);
  const headerLength = Number(new DataView(plain.buffer).getBigUint64(0, true));
  const header = new TextDecoder().decode(plain.subarray(8, 8 + headerLength)) + ' '.repeat(500);
  for (const file of [plain, withHeader(header, plain.subarray(8 + headerLength))]) {
    const cuts = new Set(Array.from({ length: 4096 }, (_, cut) => cut));
    for (const { offset, byteLength } of (await read(file)).values()) {
      for (const edge of [offset, offset + byteLength])
        for (const step of [-1, 0, 1]) cuts.add(edge + step);
    }
    for (const cut of [...cuts].filter((at) => at < file.length)) {
      await refused(() => read(file.subarray(0, cut)), 'WEIGHTS_TRUNCATED', `cut at ${cut}`);
    }
  }
});

test('W3 refuses overlaps, holes, reversed, odd and distant offsets', async () => {
  const pairs: unknown[] = [
    [0, 7],
    [0, 9],
    [1, 9],
    [-1, 7],
    [8, 0],
    [0, 8.5],
    [0.5, 8],
    ['0', '8'],
    ['0', 8],
    [0, '8'],
    [0, 2 ** 53],
    [0, 2 ** 60],
    [2 ** 53, 2 ** 53],
    [1e300, 1e301],
    [0],
    [],
    [0, 8, 8],
    [[0], 8],
    null,
    8,
    '0,8',
    {},
    { 0: 0, 1: 8 },
    [null, 8],
    [0, true],
    [24, 32],
    [8, 16],
    undefined,
  ];
  for (const pair of pairs) {
    const entries = three();
    entries['a'] = { ...entries['a'], data_offsets: pair };
    await refused(() => read(fileOf(entries, 24)), 'WEIGHTS_OFFSETS', JSON.stringify(pair));
  }
});

test('W3 refuses each bound of each tensor moved by each of -13..13', async () => {
  for (const [name, fields] of Object.entries(three())) {
    for (const bound of [0, 1]) {
      for (let step = -13; step <= 13; step++) {
        if (step === 0) continue;
        const offsets = [...(fields.data_offsets as number[])];
        offsets[bound]! += step;
        const entries = { ...three(), [name]: { ...fields, data_offsets: offsets } };
        await refused(() => read(fileOf(entries, 24)), 'WEIGHTS_OFFSETS', `${name} ${offsets}`);
      }
    }
  }
});

test('W3 refuses trailing bytes, of any other format too', async () => {
  for (const tail of [
    [0],
    [0x50, 0x4b, 5, 6],
    [0x80, 4, 0x95],
    Array.from({ length: 999 }, () => 7),
  ]) {
    const file = fileOf(three(), 24 + tail.length);
    file.set(tail, file.length - tail.length);
    await refused(() => read(file), 'WEIGHTS_OFFSETS');
  }
  await refused(() => read(fileOf({}, 1)), 'WEIGHTS_OFFSETS');
  const inside = { ...three(), z: { dtype: 'F32', shape: [0], data_offsets: [4, 4] } };
  await refused(() => read(fileOf(inside, 24)), 'WEIGHTS_OFFSETS');
});

test('W5 refuses duplicate, forbidden and long names, and the 65,537th tensor', async () => {
  const entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
  const named = (...names: string[]): Uint8Array =>
    withHeader(`{${names.map((name) => `"${name}":${entry}`).join(',')}}`);
  for (const names of [
    ['a', 'a'],
    ['a', '\\u0061'],
    ['a', 'b', 'c', 'a'],
    ['é', '\\u00e9'],
  ]) {
    await refused(() => read(named(...names)), 'WEIGHTS_DUPLICATE_NAME', String(names));
  }
  const twice = '{"a":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}';
  await refused(() => read(withHeader(twice)), 'WEIGHTS_DUPLICATE_NAME');
  for (const name of [
    '__proto__',
    'constructor',
    'prototype',
    '\\u005f_proto__',
    'n'.repeat(1025),
    'é'.repeat(513),
  ]) {
    await refused(() => read(named(name)), 'WEIGHTS_NAME', name);
  }
  assert.is((await read(named('n'.repeat(1024), 'é'.repeat(512), '', 'toString'))).size, 4);
  assert.not.ok('dtype' in {}, 'Object.prototype untouched');

  assert.is((await read(named(...many(65_536)))).size, 65_536);
  await refused(() => read(named(...many(65_537))), 'WEIGHTS_TOO_MANY');
  const start = performance.now();
  const keys = many(1e6).map((name) => `"${name}":""`);
  const metadata = withHeader(`{"__metadata__":{${keys.join(',')}}}`);
  await refused(() => read(metadata), 'WEIGHTS_TOO_MANY');
  assert.ok(performance.now() - start < 2000);
});

test('W6 refuses shapes that wrap, disagree with the size, or are no list of <= 8 integers', async () => {
  const shapes: unknown[] = [
    [2 ** 32, 2 ** 32],
    [2 ** 32, 2 ** 30],
    [2 ** 31, 2 ** 31, 4],
    [2 ** 53 - 1, 2 ** 53 - 1],
    [3],
    [1],
    [0],
    [],
    [2, 2],
    [1, 1, 1, 1, 1, 1, 1, 1, 2],
    [-2],
    [-1, -2],
    [2.5],
    ['2'],
    '2',
    2,
    null,
    {},
    [[2]],
    [null],
    [true],
    [2 ** 53],
    [Infinity],
    undefined,
  ];
  for (const shape of shapes) {
    const entries = three();
    entries['a'] = { ...entries['a'], shape };
    await refused(() => read(fileOf(entries, 24)), 'WEIGHTS_SHAPE', JSON.stringify(shape));
  }
  const rank8 = {
    ...three(),
    a: { dtype: 'F32', shape: [1, 1, 1, 1, 1, 1, 1, 2], data_offsets: [0, 8] },
  };
  assert.is((await read(fileOf(rank8, 24))).size, 3);
});

test('W6 knows the size of every dtype of the format and refuses others', async () => {
  const bits = {
    F64: 8,
    I64: 8,
    U64: 8,
    F32: 4,
    I32: 4,
    U32: 4,
    F16: 2,
    BF16: 2,
    I16: 2,
    U16: 2,
    I8: 1,
    U8: 1,
    BOOL: 1,
    F8_E4M3: 1,
    F8_E5M2: 1,
  };
  for (const [dtype, bytes] of Object.entries(bits)) {
    const file = fileOf({ a: { dtype, shape: [3], data_offsets: [0, 3 * bytes] } }, 3 * bytes);
    assert.is((await read(file)).get('a')?.byteLength, 3 * bytes, dtype);
    const short = fileOf({ a: { dtype, shape: [4], data_offsets: [0, 3 * bytes] } }, 3 * bytes);
    await refused(() => read(short), 'WEIGHTS_SHAPE', dtype);
  }
  for (const dtype of ['', 'f32', 'F128', 'toString', CANARY, 4, null, ['F32'], {}, undefined]) {
    const file = fileOf({ a: { dtype, shape: [1], data_offsets: [0, 4] } }, 4);
    await refused(() => read(file), 'WEIGHTS_SHAPE', String(dtype));
  }
});

test('W9 refuses headers that are no JSON object of tensors', async () => {
  const headers = [
    '[]',
    '""',
    '12',
    'null',
    '{ ',
    '{}}',
    '{}x',
    'x{}',
    '{"a"}',
    '{"a":}',
    '{"a":1}',
    '{"a":[]}',
    '{a:{}}',
    '\ufeff{}',
    '{"a":{"b":1}}',
    `{"${CANARY}":tru}`,
    '{"__metadata__":{"a":1}}',
    '{"__metadata__":[]}',
    '{"__metadata__":{"a":{"b":{}}}}',
    '  ',
    '{"\\ud800":{}}',
    '\u0000{}',
    '{}\u0000',
    '/**/{}',
    "{'a':1}",
  ];
  for (const header of headers) {
    await refused(() => read(withHeader(header)), 'WEIGHTS_HEADER_JSON', header);
  }
  await refused(
    () => read(withHeader(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))),
    'WEIGHTS_HEADER_JSON',
  );
});

test('W9 refuses 5e6 levels within 1 s, wherever they are', async () => {
  const deep = '['.repeat(5e6);
  for (const start of [
    '',
    '{"a":',
    '{"__metadata__":{"a":',
    '{"a":{"shape":',
    '{"a":{"data_offsets":[0,',
  ]) {
    const file = withHeader(start + deep);
    const begin = performance.now();
    await refused(
      () => read(file),
      ['WEIGHTS_HEADER_JSON', 'WEIGHTS_SHAPE', 'WEIGHTS_OFFSETS'],
      start,
    );
    assert.ok(performance.now() - begin < 1000, `${start} ${performance.now() - begin} ms`);
  }
});

test('reads a header of 16 MB within 2 s', async () => {
  const entries = Array.from(
    { length: 65_536 },
    (_, i) =>
      `"${`t${i}`.padEnd(200, '.')}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`,
  );
  const file = withHeader(`{${entries.join(',')}}`.padEnd(2 ** 24), new Uint8Array(65_536));
  const begin = performance.now();
  assert.is((await read(file, 1e8)).size, 65_536);
  assert.ok(performance.now() - begin < 2000, `${performance.now() - begin} ms`);
});

test('any byte of the header replaced: the same tensors or a TpaError without file text', async () => {
  const entries = { __metadata__: { [CANARY]: CANARY }, ...three() };
  const file = withHeader(JSON.stringify(entries), new Uint8Array(24));
  let accepted = 0;
  let refusals = 0;
  for (let at = 0; at < file.length - 24; at++) {
    for (const byte of [
      0, 0x20, 0x22, 0x2c, 0x30, 0x31, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x80, 0xff,
    ]) {
      if (file[at] === byte) continue;
      const mutant = file.slice();
      mutant[at] = byte;
      const outcome = await read(mutant).catch((error: unknown) => error);
      if (outcome instanceof Map) {
        accepted++;
        assert.is(outcome.size, 3, `${at} ${byte}`);
      } else {
        refusals++;
        await refused(() => outcome, ANY_CODE, `${at} ${byte}`);
      }
    }
  }
  assert.ok(accepted > 20 && refusals > 1000, `${accepted} accepted, ${refusals} refused`);
});

test.run();
