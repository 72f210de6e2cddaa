import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openModelFiles } from '../../../src/format/files/model-source.ts';
import { openTensors, readFloats } from '../../../src/format/tensors/tensors.ts';
import { CANARY, eachRefused, refused } from '../../helpers/checks/refused.ts';
import { type Read, recordReads } from '../../helpers/fakes/recording-files.ts';
import { readTensor } from '../../helpers/files/read-tensor.ts';
import { buildSafetensors, withHeader } from '../../helpers/files/build-safetensors.ts';
import { fileOf } from '../../helpers/models/streamed-weights.ts';
import type { TensorSet } from '../../../src/format/tensors/tensors.ts';

const test = suite('openTensors()');

const A = { name: 'a', shape: [2], data: [1, 2] };
const B = { name: 'b', shape: [1, 2], data: [3, 4] };

type Files = Record<string, Uint8Array | string>;

function encoded(files: Files): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  return new Map(
    Object.entries(files).map(([name, file]) => [
      name,
      typeof file === 'string' ? encoder.encode(file) : file,
    ]),
  );
}

async function open(weights: Uint8Array | Files): Promise<TensorSet> {
  const source = {
    config: '{}',
    weights: weights instanceof Uint8Array ? weights : encoded(weights),
  };
  return openTensors(await openModelFiles(source));
}

function openIndex(text: string): Promise<TensorSet> {
  return open({ 'model.safetensors.index.json': text });
}

/** Two shards and the index that maps `a` and `b` to these files. */
function shards(weightMap: unknown, more: Files = {}): Files {
  return {
    '1.safetensors': buildSafetensors([A]),
    '2.safetensors': buildSafetensors([B]),
    'model.safetensors.index.json': JSON.stringify({
      metadata: { total_size: 16 },
      weight_map: weightMap,
    }),
    ...more,
  };
}

const GOOD = { a: '1.safetensors', b: '2.safetensors' };

test('any part of a tensor, at any alignment, fills a target, from views and by readInto()', async () => {
  const chosen = fc.record({
    dtype: fc.constantFrom('F32', 'F16', 'BF16'),
    data: fc.array(fc.integer({ min: -255, max: 255 }), { minLength: 1, maxLength: 70 }),
    pad: fc.nat({ max: 15 }),
    cut: fc.tuple(fc.nat(), fc.nat()),
    hasReadInto: fc.boolean(),
    at: fc.nat({ max: 3 }),
  });
  const isFilled = fc.asyncProperty(chosen, async ({ dtype, data, pad, cut, hasReadInto, at }) => {
    const [from, to] = cut.map((place) => place % (data.length + 1)).toSorted((a, b) => a - b);
    const weights = fileOf([A, { name: 'x', dtype, shape: [data.length], data }, B], pad);
    const files = await openModelFiles({ config: '{}', weights });
    const reads: Read[] = [];
    const set = await openTensors(recordReads(files, reads, hasReadInto));
    reads.length = 0;
    const memory = new Float32Array(data.length + 8).fill(7);
    const target = memory.subarray(at, at + to! - from!);
    await readFloats(set, 'x', from!, target);
    assert.equal(Array.from(target), data.slice(from, to));
    assert.ok(memory.subarray(0, at).every((value) => value === 7));
    assert.ok(memory.subarray(at + target.length).every((value) => value === 7));
    const bytes = target.length * (dtype === 'F32' ? 4 : 2);
    assert.equal(
      reads.map(({ length }) => length),
      [bytes],
    );
  });
  await fc.assert(isFilled, { seed: 3, numRuns: 300 });
});

test('W8 refuses NaN, infinities and NaN payloads in each tensor, naming tensor and element', async () => {
  const poisons = [
    ['F32', [0x7fc00000, 0x7f800000, 0xff800000, 0x7f800001, 0xffffffff]],
    ['F16', [0x7c00, 0xfc00, 0x7c01, 0x7e00, 0xffff]],
    ['BF16', [0x7f80, 0xff80, 0x7f81, 0x7fc0, 0xffff]],
  ] as const;
  for (const [dtype, patterns] of poisons) {
    const tensors = [5, 3, 1].map((length, i) => ({
      name: `t${i}`,
      dtype,
      shape: [length],
      data: new Float32Array(length),
    }));
    for (const bits of patterns) {
      for (const [t, { name, shape }] of tensors.entries()) {
        const file = buildSafetensors(tensors);
        const width = dtype === 'F32' ? 4 : 2;
        const index = shape[0]! - 1;
        const at = file.length - width * ([9, 4, 1][t]! - index);
        const view = new DataView(file.buffer);
        if (width === 4) view.setUint32(at, bits, true);
        else view.setUint16(at, bits, true);
        const set = await open(file);
        const error = await refused(
          () => readTensor(set, name),
          'WEIGHTS_NONFINITE',
          `${dtype} ${name}`,
        );
        assert.equal(error.data, { tensor: name, index });
        for (const other of tensors) if (other.name !== name) await readTensor(set, other.name);
      }
    }
  }
});

test('refuses to read a missing tensor and one of another dtype', async () => {
  const set = await open(
    withHeader('{"i":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}', new Uint8Array(4)),
  );
  await refused(() => readTensor(set, 'i'), 'MODEL_MISMATCH');
  await refused(() => readTensor(set, 'none'), 'MODEL_MISMATCH');
});

test('reads shards by their index; prefers the single file', async () => {
  const set = await open(shards(GOOD));
  assert.equal([...set.entries.keys()].toSorted(), ['a', 'b']);
  assert.equal(await readTensor(set, 'a'), new Float32Array([1, 2]));
  assert.equal(await readTensor(set, 'b'), new Float32Array([3, 4]));
  const single = await open(shards(GOOD, { 'model.safetensors': buildSafetensors([A]) }));
  assert.equal([...single.entries.keys()], ['a']);
});

test('MODEL_NOT_FOUND without weights, with an empty index, or a shard missing', async () => {
  await refused(() => open({}), 'MODEL_NOT_FOUND', { file: 'model.safetensors' });
  await refused(() => open(shards({})), 'MODEL_NOT_FOUND');
  await refused(() => open({ 'model.safetensors.index.json': '{}' }), 'MODEL_NOT_FOUND');
  await refused(() => open(shards({ ...GOOD, b: '3.safetensors' })), 'MODEL_NOT_FOUND', {
    file: '3.safetensors',
  });
});

test('W10 refuses shard names that are paths or other files', async () => {
  const names = [
    ...(
      '../x.safetensors /x.safetensors a/x.safetensors ..\\x.safetensors %2e%2e%2fx.safetensors ' +
      'x.safetensors\u0000 x\u0000.safetensors http://h/x.safetensors file:///x.safetensors ' +
      '.safetensors ..safetensors config.json x.bin x.safetensors/ C:x.safetensors ' +
      'x.safetensors\n'
    ).split(' '),
    '',
    `${CANARY}.bin`,
  ];
  await eachRefused((name) => open(shards({ ...GOOD, b: name })), 'PATH_ESCAPE', names);
});

test('refuses tensors that are not in their shard, or in two', async () => {
  await refused(() => open(shards({ ...GOOD, c: '2.safetensors' })), 'MODEL_MISMATCH');
  await refused(() => open(shards({ a: '2.safetensors', b: '1.safetensors' })), 'MODEL_MISMATCH');
  const twice = { '2.safetensors': buildSafetensors([B, A]) };
  await refused(() => open(shards(GOOD, twice)), 'WEIGHTS_DUPLICATE_NAME');
});

test('refuses an index that is no index', async () => {
  await eachRefused(openIndex, 'WEIGHTS_HEADER_JSON', [
    '',
    '[]',
    '{',
    '{"weight_map":[]}',
    '{"weight_map":{"a":1}}',
    '{"weight_map":{"a":{}}}',
    `${CANARY}`,
  ]);
  await refused(
    () => openIndex('{"weight_map":{"a":"x.safetensors","\\u0061":"x.safetensors"}}'),
    'WEIGHTS_DUPLICATE_NAME',
  );
  const many = Array.from({ length: 1025 }, (_, i) => `"${i}":"${i}.safetensors"`);
  await refused(() => openIndex(`{"weight_map":{${many.join(',')}}}`), 'WEIGHTS_TOO_MANY');
  await refused(() => openIndex(' '.repeat(2 ** 24 + 1)), 'RESOURCE_LIMIT');
});

test('readStored(): the bytes of any dtype as they lie in the file, any range, none beyond', async () => {
  const stored = Uint8Array.from({ length: 12 }, (_, i) => 200 + i);
  const x = { dtype: 'I8', shape: [12], data_offsets: [0, 12] };
  const y = { dtype: 'F16', shape: [2], data_offsets: [12, 16] };
  const weights = withHeader(JSON.stringify({ x, y }), Uint8Array.of(...stored, 1, 2, 3, 4));
  const set = await open(weights);
  assert.is(set.entries.get('x')?.dtype, 'I8');
  for (const [offset, length] of [
    [0, 12],
    [5, 3],
    [12, 0],
  ] as const) {
    const target = new Uint8Array(length);
    await set.readStored('x', offset, target);
    assert.equal(target, stored.subarray(offset, offset + length));
  }
  const beyond = await set.readStored('x', 10, new Uint8Array(3)).catch((error: unknown) => error);
  assert.instance(beyond, RangeError, 'the next tensor is not shown');
  await refused(() => set.readStored('z', 0, new Uint8Array(1)), 'MODEL_MISMATCH');
  await refused(() => readFloats(set, 'x', 0, new Float32Array(1)), 'MODEL_MISMATCH');
});

test('an aborted signal stops opening and reading', async () => {
  const controller = new AbortController();
  const source = { config: '{}', weights: buildSafetensors([A]) };
  const set = await openTensors(await openModelFiles(source), controller.signal);
  await readTensor(set, 'a');
  controller.abort();
  await refused(() => readTensor(set, 'a'), 'ABORTED');
  await refused(
    async () => openTensors(await openModelFiles(source), controller.signal),
    'ABORTED',
  );
});

test.run();
