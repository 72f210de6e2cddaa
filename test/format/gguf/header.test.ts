import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readGgufHeader } from '../../../src/format/gguf/header.ts';
import { type ByteSource, bytesSource } from '../../../src/format/files/byte-source.ts';
import {
  buildGguf,
  ggufArray,
  ggufString,
  ggufValue,
  TYPE,
  VALUE,
  type GgufParts,
} from '../../helpers/files/build-gguf.ts';
import { bytesOf, littleEndian as le } from '../../helpers/files/bytes.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';

const read = (file: Uint8Array) => readGgufHeader(bytesSource('model.gguf', file));
const GOOD: GgufParts = {
  metadata: [
    ['general.architecture', ggufValue('llama')],
    ['list', ggufArray([1, -2, 3])],
    ['words', ggufArray(['a', 'größe', CANARY])],
  ],
  tensors: [
    { name: 'a', shape: [3], bytes: new Uint8Array(12).fill(1) },
    { name: 'b', type: TYPE.Q8_0, shape: [2, 32], bytes: new Uint8Array(68).fill(2) },
    { name: 'c', type: TYPE.F16, shape: [2, 3], bytes: new Uint8Array(12).fill(3) },
  ],
};
/** The good file with one metadata pair more. */
const withPair = (key: string, ...value: readonly (number | Uint8Array)[]): Uint8Array =>
  buildGguf({ ...GOOD, metadata: [...GOOD.metadata, [key, bytesOf(...value)]] });
/** The good file with its first tensor changed. */
const withTensor = (changes: Partial<GgufParts['tensors'][number]>): Uint8Array => {
  const [first, ...others] = GOOD.tensors;
  return buildGguf({ ...GOOD, tensors: [{ ...first!, ...changes }, ...others] });
};

const test = suite('readGgufHeader()');

for (const version of [2, 3]) {
  test(`reads metadata of every type and places tensors, version ${version}`, async () => {
    const scalars: [string, Uint8Array][] = [
      ['u8', bytesOf(le(0, 4), 200)],
      ['i8', bytesOf(le(1, 4), 200)],
      ['u16', bytesOf(le(2, 4), le(50_000, 2))],
      ['i16', bytesOf(le(3, 4), le(50_000, 2))],
      ['u32', bytesOf(le(4, 4), le(3e9, 4))],
      ['i32', bytesOf(le(5, 4), le(3e9, 4))],
      ['f32', ggufValue(0.5)],
      ['bool', ggufValue(true)],
      ['u64', bytesOf(le(10, 4), le(2 ** 40, 8))],
      ['i64', bytesOf(le(11, 4), le(-(2 ** 40), 8))],
      ['f64', bytesOf(le(12, 4), new Uint8Array(Float64Array.of(0.1).buffer))],
    ];
    const parts = { ...GOOD, version, metadata: [...GOOD.metadata, ...scalars] };
    const { metadata, tensors } = await read(buildGguf(parts));
    const numbers = scalars
      .filter(([key]) => key !== 'bool')
      .map(([key]) => metadata.number(key, -Infinity, Infinity));
    const exact = [200, -56, 50_000, -15_536, 3e9, 3e9 - 2 ** 32, 0.5, 2 ** 40, -(2 ** 40)];
    assert.equal(numbers, [...exact, 0.1]);
    assert.is(metadata.boolean('bool'), true);
    assert.is(metadata.text('general.architecture'), 'llama');
    assert.equal(metadata.numbers('list'), [1, -2, 3]);
    assert.equal(metadata.texts('words'), ['a', 'größe', CANARY]);
    assert.is(metadata.text('absent'), undefined);
    const file = buildGguf(parts);
    for (const [name, shape, fill] of [
      ['a', [3], 1],
      ['b', [2, 32], 2],
      ['c', [2, 3], 3],
    ] as const) {
      const { offset, byteLength, shape: found } = tensors.get(name)!;
      assert.equal(found, shape);
      assert.ok(
        file.subarray(offset, offset + byteLength).every((byte) => byte === fill),
        name,
      );
      assert.is(offset % 32, 0);
    }
  });
}

test('finds the data at any alignment that is a power of two up to 64 KiB', async () => {
  for (const alignment of [1, 8, 64, 4096, 65_536]) {
    const metadata = [...GOOD.metadata, ['general.alignment', ggufValue(alignment)] as const];
    const file = buildGguf({ ...GOOD, metadata, alignment });
    const { offset, byteLength } = (await read(file)).tensors.get('b')!;
    assert.ok(
      file.subarray(offset, offset + byteLength).every((byte) => byte === 2),
      `${alignment}`,
    );
  }
});

test('reads a header of 3 MB, which takes more than one piece', async () => {
  const words = Array.from({ length: 15_000 }, (_, i) => `${i}`.padEnd(200, 'x'));
  const file = buildGguf({ ...GOOD, metadata: [['words', ggufArray(words)]] });
  const { metadata, tensors } = await read(file);
  assert.equal(metadata.texts('words'), words);
  assert.is(file[tensors.get('b')!.offset], 2);
});

test('reads each byte once: what came of the weights is not asked for again', async () => {
  const words = Array.from({ length: 3000 }, (_, i) => `${i}`.padEnd(100, 'x'));
  const file = buildGguf({
    metadata: [['words', ggufArray(words)]],
    tensors: [{ name: 'a', shape: [50_000], bytes: new Uint8Array(200_000).fill(7) }],
  });
  let end = 0;
  const source: ByteSource = {
    ...bytesSource('model.gguf', file),
    async readInto(offset, target) {
      assert.is(offset, end, 'on from where it was');
      end += target.byteLength;
      target.set(file.subarray(offset, end));
    },
  };
  const { tensors } = await readGgufHeader(source);
  const { offset, byteLength, source: rest } = tensors.get('a')!;
  assert.ok(end > offset, 'bytes of the tensor came with the header');
  const found = new Uint8Array(byteLength);
  for (let at = 0; at < byteLength; at += 777) {
    const piece = found.subarray(at, at + 777);
    await rest.readInto!(offset + at, piece);
  }
  assert.ok(found.every((byte) => byte === 7));
  assert.is(end, offset + byteLength);
});

test('arrays of more items than any model has together are refused', async () => {
  const bytes = bytesOf(
    le(VALUE.array, 4),
    le(VALUE.u8, 4),
    le(2 ** 20, 8),
    new Uint8Array(2 ** 20),
  );
  const metadata = Array.from({ length: 5 }, (_, i) => [`array ${i}`, bytes] as const);
  const { metadata: four } = await read(buildGguf({ ...GOOD, metadata: metadata.slice(1) }));
  assert.is(four.numbers('array 4')!.length, 2 ** 20);
  const file = buildGguf({ ...GOOD, metadata });
  await refused(() => read(file), 'CHECKPOINT_INVALID', /^"array 4" expected a count of at most 0/);
});

test('asks for fields by type and range', async () => {
  const { metadata } = await read(
    buildGguf({
      ...GOOD,
      metadata: [
        ...GOOD.metadata,
        ['n', ggufValue(7)],
        ['same', ggufArray([4, 4])],
        ['x', ggufValue(0.5)],
      ],
    }),
  );
  assert.is(metadata.integer('n', 0, 7), 7);
  assert.is(metadata.integer('same', 0, 7), 4);
  const wrong: readonly (() => unknown)[] = [
    () => metadata.integer('n', 0, 6),
    () => metadata.integer('x', 0, 6),
    () => metadata.integer('list', 0, 6),
    () => metadata.requiredInteger('absent', 0, 6),
    () => metadata.number('words', 0, 1),
    () => metadata.text('n'),
    () => metadata.boolean('n'),
    () => metadata.texts('list'),
    () => metadata.numbers('words'),
  ];
  for (const ask of wrong) await refused(ask, 'CHECKPOINT_INVALID', ask.toString());
});

const COUNTS = [2n ** 31n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];
/** Files that break the format. */
const INVALID: Record<string, Uint8Array> = {
  'another magic': buildGguf({ ...GOOD, magic: 'GGML' }),
  'value type 13': withPair('k', le(13, 4), le(0, 8)),
  'item type 13': withPair('k', le(VALUE.array, 4), le(13, 4), le(0, 8)),
  'a boolean of 2': withPair('k', le(VALUE.bool, 4), 2),
  'a key twice': withPair('list', ggufValue(1)),
  'text that is no UTF-8': withPair('k', le(VALUE.string, 4), ggufString(Uint8Array.of(0xff))),
  'a key of 65,536 bytes': withPair('k'.repeat(65_536), ggufValue(1)),
  'a tensor twice': buildGguf({ ...GOOD, tensors: [...GOOD.tensors, GOOD.tensors[0]!] }),
  'tensors over each other': withTensor({ offset: 32 }),
  'an offset beside the alignment': withTensor({ offset: 4 }),
  'data beyond the file': withTensor({ offset: 1024 }),
  'type 99': withTensor({ type: 99 }),
  'no dimensions': withTensor({ shape: [] }),
  'five dimensions': withTensor({ shape: [1, 1, 1, 1, 1] }),
  'an empty dimension': withTensor({ shape: [0] }),
  'dimensions that wrap in 64 bits': withTensor({ shape: [2 ** 32, 2 ** 32] }),
  'rows of half a block': withTensor({ type: TYPE.Q8_0, shape: [2, 16] }),
  'a name of 1025 bytes': withTensor({ name: 'x'.repeat(1025) }),
  '4097 pairs': buildGguf({
    ...GOOD,
    metadata: Array.from({ length: 4097 }, (_, i) => [`k${i}`, ggufValue(i)] as const),
  }),
};
/** Sound files that are not read. */
const UNSUPPORTED: Readonly<Record<string, Uint8Array>> = {
  'version 1': buildGguf({ ...GOOD, version: 1 }),
  'version 4': buildGguf({ ...GOOD, version: 4 }),
  'a big-endian file': buildGguf({ ...GOOD, version: 3 << 24 }),
  'an array of arrays': withPair('k', le(VALUE.array, 4), le(VALUE.array, 4), le(1, 8)),
  'type IQ2_XS': withTensor({ type: 17 }),
  'a removed type': withTensor({ type: 4 }),
};
for (const count of COUNTS) {
  const array = [le(VALUE.array, 4), le(VALUE.u8, 4), le(count, 8)];
  Object.assign(INVALID, {
    [`${count} tensors`]: buildGguf({ ...GOOD, tensorCount: count }),
    [`${count} pairs`]: buildGguf({ ...GOOD, pairCount: count }),
    [`${count} items`]: withPair('k', ...array),
    [`a string of ${count} bytes`]: withPair('k', le(VALUE.string, 4), ggufString('x', count)),
    [`a dimension of ${count}`]: withTensor({ shape: [count] }),
    [`an offset of ${count}`]: withTensor({ offset: count - (count % 32n) }),
  });
}
for (const alignment of [0, 3, 48, 2 ** 17, 2 ** 31]) {
  INVALID[`alignment ${alignment}`] = withPair('general.alignment', ggufValue(alignment));
}
INVALID['an alignment that is text'] = withPair('general.alignment', ggufValue('32'));

for (const [code, files] of [
  ['MODEL_UNSUPPORTED', UNSUPPORTED],
  ['CHECKPOINT_INVALID', INVALID],
] as const) {
  for (const [label, file] of Object.entries(files)) {
    test(`refuses ${label}: ${code}`, async () => {
      await refused(() => read(file), code, label, / expected .*, found /);
    });
  }
}

test('refuses a count that the file cannot hold before it reads one item', async () => {
  const items = withPair('k', le(VALUE.array, 4), le(VALUE.u8, 4), le(1000, 8));
  const error = await refused(() => read(items), 'CHECKPOINT_INVALID');
  assert.match(
    error.message,
    /^"k" expected a count of at most \d{1,3}, found 1000: the file is damaged, download or copy it again$/,
  );
});

test('names the alignment', async () => {
  for (const alignment of [3, 48]) {
    const file = withPair('general.alignment', ggufValue(alignment));
    const error = await refused(() => read(file), 'CHECKPOINT_INVALID');
    assert.is(error.message, `"general.alignment" expected a power of two, found ${alignment}`);
  }
});

test('names tensor and type', async () => {
  const known =
    'F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS';
  for (const [type, name] of [
    [17, 'IQ2_XS'],
    [31, 'Q4_0_4_4'],
    [34, 'TQ1_0'],
    [39, 'MXFP4'],
  ] as const) {
    const { message } = await refused(() => read(withTensor({ type })), 'MODEL_UNSUPPORTED');
    assert.is(message, `tensor "a" expected one of ${known}, found ${name} (type ${type})`);
  }
  const { message } = await refused(() => read(withTensor({ type: 99 })), 'CHECKPOINT_INVALID');
  assert.is(message, `tensor "a" expected one of ${known}, found type 99, which has no name`);
});

test('refuses a file cut at any byte', async () => {
  const file = buildGguf(GOOD);
  // The padding behind the last tensor is no part of it.
  const end = file.length - 20;
  for (let length = 0; length < end; length++) {
    await refused(() => read(file.subarray(0, length)), 'CHECKPOINT_INVALID', `${length} bytes`);
  }
  assert.is((await read(file.subarray(0, end))).tensors.size, 3);
});

test('any byte changed is read or refused by a TpaError', async () => {
  const file = buildGguf({ ...GOOD, metadata: GOOD.metadata.slice(0, 2) });
  let refusals = 0;
  for (let at = 0; at < file.length; at++) {
    for (const bit of [0, 3, 7]) {
      const changed = Uint8Array.from(file);
      changed[at]! ^= 1 << bit;
      const error: unknown = await read(changed).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      if (error === undefined) continue;
      const codes = ['CHECKPOINT_INVALID', 'MODEL_UNSUPPORTED'] as const;
      await refused(() => Promise.reject(error), codes, `byte ${at}, bit ${bit}`);
      refusals++;
    }
  }
  assert.ok(refusals > 300, `${refusals} refusals`);
});

test.run();
