import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileOf, readHeader, three } from '../../helpers/files/header-files.ts';
import { assertCost } from '../../helpers/checks/cost.ts';
import { CANARY, eachRefused, refused } from '../../helpers/checks/refused.ts';
import { withHeader } from '../../helpers/files/build-safetensors.ts';

const test = suite('readSafetensorsHeader() entries');

const ANY_CODE = [
  'WEIGHTS_HEADER_JSON',
  'WEIGHTS_HEADER_SIZE',
  'WEIGHTS_OFFSETS',
  'WEIGHTS_SHAPE',
  'WEIGHTS_DUPLICATE_NAME',
  'WEIGHTS_TRUNCATED',
] as const;

/** The items of an array in JSON. */
function parsed(items: string): unknown[] {
  return JSON.parse(`[${items}]`) as unknown[];
}

/** That many short names. */
function many(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `t${i}`);
}

/** A file with metadata of that many keys. */
function metadata(count: number): Uint8Array {
  const keys = many(count).map((name) => `"${name}":""`);
  return withHeader(`{"__metadata__":{${keys.join(',')}}}`);
}

test('W3 refuses overlaps, holes, reversed, odd and distant offsets', async () => {
  const pairs: unknown[] = [
    ...parsed(
      '[0,7], [0,9], [1,9], [-1,7], [8,0], [0,8.5], [0.5,8], ["0","8"], ["0",8], [0,"8"], ' +
        '[0,9007199254740992], [0,1152921504606846976], [9007199254740992,9007199254740992], ' +
        '[1e300,1e301], [0], [], [0,8,8], [[0],8], null, 8, "0,8", {}, {"0":0,"1":8}, [null,8], ' +
        '[0,true], [24,32], [8,16]',
    ),
    undefined,
  ];
  for (const pair of pairs) {
    const entries = three();
    entries['a'] = { ...entries['a'], data_offsets: pair };
    await refused(() => readHeader(fileOf(entries, 24)), 'WEIGHTS_OFFSETS', JSON.stringify(pair));
  }
});

test('W3 says which tensor has its offsets reversed', async () => {
  const reversed = { ...three(), b: { dtype: 'F16', shape: [2], data_offsets: [12, 8] } };
  const error = await refused(() => readHeader(fileOf(reversed, 24)), 'WEIGHTS_OFFSETS');
  assert.is(error.data['tensor'], 'b');
  assert.match(error.message, 'in order');
});

test('W3 refuses each bound of each tensor moved by each of -13..13', async () => {
  for (const [name, fields] of Object.entries(three())) {
    for (const bound of [0, 1]) {
      for (let step = -13; step <= 13; step++) {
        if (step === 0) continue;
        const offsets = [...(fields.data_offsets as number[])];
        offsets[bound]! += step;
        const entries = { ...three(), [name]: { ...fields, data_offsets: offsets } };
        await refused(
          () => readHeader(fileOf(entries, 24)),
          'WEIGHTS_OFFSETS',
          `${name} ${offsets}`,
        );
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
    await refused(() => readHeader(file), 'WEIGHTS_OFFSETS');
  }
  await refused(() => readHeader(fileOf({}, 1)), 'WEIGHTS_OFFSETS');
  const inside = { ...three(), z: { dtype: 'F32', shape: [0], data_offsets: [4, 4] } };
  await refused(() => readHeader(fileOf(inside, 24)), 'WEIGHTS_OFFSETS');
});

test('W5 refuses duplicate, forbidden and long names, and the 65,537th tensor', async () => {
  const entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
  const named = (...names: string[]): Uint8Array =>
    withHeader(`{${names.map((name) => `"${name}":${entry}`).join(',')}}`);
  await eachRefused((names) => readHeader(named(...names)), 'WEIGHTS_DUPLICATE_NAME', [
    ['a', 'a'],
    ['a', '\\u0061'],
    ['a', 'b', 'c', 'a'],
    ['é', '\\u00e9'],
  ]);
  const twice = '{"a":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}';
  await refused(() => readHeader(withHeader(twice)), 'WEIGHTS_DUPLICATE_NAME');
  await eachRefused((name) => readHeader(named(name)), 'WEIGHTS_NAME', [
    '__proto__',
    'constructor',
    'prototype',
    '\\u005f_proto__',
    'n'.repeat(1025),
    'é'.repeat(513),
  ]);
  assert.is((await readHeader(named('n'.repeat(1024), 'é'.repeat(512), '', 'toString'))).size, 4);
  assert.not.ok('dtype' in {}, 'Object.prototype untouched');

  assert.is((await readHeader(named(...many(65_536)))).size, 65_536);
  await refused(() => readHeader(named(...many(65_537))), 'WEIGHTS_TOO_MANY');
  const [few, lots] = [metadata(65_537), metadata(1e6)];
  await assertCost({
    what: 'a million keys of metadata',
    control: () => refused(() => readHeader(few), 'WEIGHTS_TOO_MANY'),
    work: () => refused(() => readHeader(lots), 'WEIGHTS_TOO_MANY'),
    factor: 10,
  });
});

test('W6 refuses shapes that wrap, disagree with the size, or are no list of <= 8 integers', async () => {
  const shapes: unknown[] = [
    ...parsed(
      '[4294967296,4294967296], [4294967296,1073741824], [2147483648,2147483648,4], ' +
        '[9007199254740991,9007199254740991], [3], [1], [0], [], [2,2], [1,1,1,1,1,1,1,1,2], ' +
        '[-2], [-1,-2], [2.5], ["2"], "2", 2, null, {}, [[2]], [null], [true], ' +
        '[9007199254740992]',
    ),
    [Infinity],
    undefined,
  ];
  for (const shape of shapes) {
    const entries = three();
    entries['a'] = { ...entries['a'], shape };
    await refused(() => readHeader(fileOf(entries, 24)), 'WEIGHTS_SHAPE', JSON.stringify(shape));
  }
  const rank8 = {
    ...three(),
    a: { dtype: 'F32', shape: [1, 1, 1, 1, 1, 1, 1, 2], data_offsets: [0, 8] },
  };
  assert.is((await readHeader(fileOf(rank8, 24))).size, 3);
});

test('W6 knows the size of every dtype of the format and refuses others', async () => {
  const bytesOf = [[], ['I8', 'U8', 'BOOL', 'F8_E4M3', 'F8_E5M2'], ['F16', 'BF16', 'I16', 'U16']];
  bytesOf[4] = ['F32', 'I32', 'U32'];
  bytesOf[8] = ['F64', 'I64', 'U64'];
  const all = bytesOf.flatMap((dtypes, bytes) => dtypes.map((dtype) => [dtype, bytes] as const));
  for (const [dtype, bytes] of all) {
    const file = fileOf({ a: { dtype, shape: [3], data_offsets: [0, 3 * bytes] } }, 3 * bytes);
    assert.is((await readHeader(file)).get('a')?.byteLength, 3 * bytes, dtype);
    const short = fileOf({ a: { dtype, shape: [4], data_offsets: [0, 3 * bytes] } }, 3 * bytes);
    await refused(() => readHeader(short), 'WEIGHTS_SHAPE', dtype);
  }
  for (const dtype of ['', 'f32', 'F128', 'toString', CANARY, 4, null, ['F32'], {}, undefined]) {
    const file = fileOf({ a: { dtype, shape: [1], data_offsets: [0, 4] } }, 4);
    await refused(() => readHeader(file), 'WEIGHTS_SHAPE', String(dtype));
  }
});

test('any byte of the header replaced: the same tensors or a TpaError without file text', async () => {
  const entries = { __metadata__: { [CANARY]: CANARY }, ...three() };
  const file = withHeader(JSON.stringify(entries), new Uint8Array(24));
  let accepted = 0;
  let refusals = 0;
  for (let at = 0; at < file.length - 24; at++) {
    for (const byte of Buffer.from('\0 ",01[\\]{}\x80\xff', 'latin1')) {
      if (file[at] === byte) continue;
      const mutant = file.slice();
      mutant[at] = byte;
      const outcome = await readHeader(mutant).catch((error: unknown) => error);
      if (outcome instanceof Map) {
        accepted++;
        assert.is(outcome.size, 3, `${at} ${byte}`);
      } else {
        refusals++;
        await refused(() => Promise.reject(outcome), ANY_CODE, `${at} ${byte}`);
      }
    }
  }
  assert.ok(accepted > 20 && refusals > 1000, `${accepted} accepted, ${refusals} refused`);
});

test.run();
