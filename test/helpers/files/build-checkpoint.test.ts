import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { widenToFloat32 } from '../../../src/format/tensors/half.ts';
import { roundToBfloat16 } from '../../reference/rope-table.ts';
import { buildCheckpoint, roundToHalf, type CheckpointTensors } from './build-checkpoint.ts';
import { assertClose, assertSame } from '../checks/close.ts';
import { LLAMA_VARIANTS, llamaVariant } from '../models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../models/mechanism-model.ts';

const test = suite('buildCheckpoint()');

/** What a safetensors file says and holds, widened to float32. */
function read(file: Uint8Array) {
  const view = new DataView(file.buffer, file.byteOffset);
  const headerEnd = 8 + Number(view.getBigUint64(0, true));
  assert.is(headerEnd % 8, 0);
  const { __metadata__: metadata, ...entries } = JSON.parse(
    new TextDecoder().decode(file.subarray(8, headerEnd)),
  ) as Record<string, { dtype: 'F32'; shape: number[]; data_offsets: [number, number] }>;
  assert.equal(metadata, { format: 'pt' });
  return new Map(
    Object.entries(entries).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => {
        const bytes = file.subarray(headerEnd + start, headerEnd + end);
        return [name, { dtype, shape, values: widenToFloat32(bytes, dtype) }];
      },
    ),
  );
}

const SMALL: CheckpointTensors = new Map([
  ['b', { shape: [2, 2], values: Float32Array.of(1, 1.0009, -0.1, 3e-6) }],
  ['a', { shape: [2], values: Float32Array.of(0, -0.007) }],
  ['c', { shape: [1], values: Float32Array.of(2 / 3) }],
]);

for (const dtype of ['F32', 'F16', 'BF16'] as const) {
  test(`${dtype}: the file holds exactly the values told, names in order`, () => {
    const { source, tensors } = buildCheckpoint({}, SMALL, { dtype });
    const stored = read(source.weights as Uint8Array);
    assert.equal([...stored.keys()], ['a', 'b', 'c']);
    for (const [name, { shape, values }] of tensors) {
      const found = stored.get(name)!;
      assert.equal([found.dtype, found.shape], [dtype, shape]);
      assertSame(found.values, values, name);
      const relative = { F32: 0, F16: 2 ** -11, BF16: 2 ** -8 }[dtype];
      const exact = SMALL.get(name)!.values;
      const atol = Math.max(...exact.map(Math.abs)) * relative;
      assertClose(values, exact, { atol, what: name });
    }
  });
}

test('3 shards and their index hold every tensor once', () => {
  const { source } = buildCheckpoint({}, SMALL, { dtype: 'BF16', shards: 3 });
  const files = source.weights as ReadonlyMap<string, Uint8Array>;
  const index = JSON.parse(
    new TextDecoder().decode(files.get('model.safetensors.index.json')),
  ) as unknown;
  const names = [1, 2, 3].map((shard) => `model-0000${shard}-of-00003.safetensors`);
  assert.equal(index, {
    metadata: { total_size: 14 },
    weight_map: { a: names[0], b: names[1], c: names[2] },
  });
  assert.equal(
    names.map((name) => [...read(files.get(name)!).keys()]),
    [['a'], ['b'], ['c']],
  );
  assert.throws(() => buildCheckpoint({}, SMALL, { shards: 4 }), /3 tensors/);
});

test('roundToHalf: every finite float16 stays, and what lies between goes to the nearest, ties to even', () => {
  const halves = widenToFloat32(
    new Uint8Array(Uint16Array.from({ length: 0x7c00 }, (_, i) => i).buffer),
    'F16',
  );
  for (let i = 0; i + 1 < halves.length; i++) {
    const [low, high] = [halves[i]!, halves[i + 1]!];
    const middle = (low + high) / 2;
    const found = [low, low + 0.49 * (high - low), middle, low + 0.51 * (high - low), -middle];
    const even = i % 2 === 0 ? low : high;
    const expected = [low, low, even, high, -even];
    for (const [n, value] of found.entries()) assert.ok(roundToHalf(value) === expected[n]);
  }
  assert.throws(() => roundToHalf(1e6), RangeError);
});

test('roundToBfloat16 is what BF16 files hold: 1 + 2⁻⁸ goes to 1, 1 + 3·2⁻⁸ up', () => {
  assert.is(roundToBfloat16(1 + 2 ** -8), 1);
  assert.is(roundToBfloat16(1 + 3 * 2 ** -8), 1 + 2 ** -6);
});

test('every variant has a name of its own and gives the same bytes every time', () => {
  const variants = [...LLAMA_VARIANTS, ...MECHANISM_VARIANTS];
  assert.is(new Set(variants.map(({ name }) => name)).size, variants.length);
  for (const { build } of variants) {
    const [once, again] = [build(), build()];
    assert.equal(once.source.weights, again.source.weights);
  }
});

test('torch_dtype of a LLaMA-family config.json names the dtype of the weights', () => {
  const { build, config } = llamaVariant('llama-gqa');
  assert.equal(build().source.config, config);
  const { source } = build({ dtype: 'BF16' });
  assert.equal(source.config, { ...config, torch_dtype: 'bfloat16' });
});

test.run();
