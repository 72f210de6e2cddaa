import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesSource } from '../../src/format/files/byte-source.ts';
import { readGguf } from '../../src/format/gguf/contents.ts';
import { readFloats, type TensorSet } from '../../src/format/tensors/tensors.ts';
import { type LowRank, mergedTensors, storedBefore } from '../../src/lora/merged-tensors.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { buildGguf, TYPE } from '../helpers/files/build-gguf.ts';
import { ggufModel } from '../helpers/models/gguf-model.ts';
import { BLOCK_TYPE_NAMES, BLOCKS, randomBlocks } from '../reference/gguf-blocks.ts';
import { GGUF_TYPES } from '../../src/format/gguf/types.ts';

const test = suite('mergedTensors()');

const NAME = 'model.layers.0.self_attn.q_proj.weight';
/** A row is a block of 256. */
const SIZE = 256;
const SIZES = {
  dim: SIZE,
  hiddenDim: SIZE,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  layers: 1,
  vocabSize: 8,
};

/** A GGUF model of one type. */
async function model(type: number, encode?: (values: Float32Array) => Uint8Array) {
  const parts = ggufModel({ sizes: SIZES, type, ...(encode && { encode }) });
  return (await readGguf(bytesSource('model.gguf', buildGguf(parts.parts)))).tensors;
}

async function numbersOf(tensors: TensorSet, pieceRows = SIZE): Promise<Float32Array> {
  const numbers = new Float32Array(SIZE * SIZE);
  for (let first = 0; first < numbers.length; first += pieceRows * SIZE) {
    await readFloats(tensors, NAME, first, numbers.subarray(first, first + pieceRows * SIZE));
  }
  return numbers;
}

function lowRank(rank: number, factor: number, seed: number): LowRank {
  const random = createRandom(seed);
  const rows = random.normal(SIZE * rank, 0.1);
  return { rank, factor, rows, columns: random.normal(rank * SIZE, 0.1) };
}

function sumOf(numbers: Float32Array, products: readonly LowRank[]): Float32Array {
  return numbers.map((number, n) => {
    const [row, column] = [Math.floor(n / SIZE), n % SIZE];
    let sum = number;
    for (const { rank, factor, rows, columns } of products) {
      let product = 0;
      for (let r = 0; r < rank; r++) product += rows[row * rank + r]! * columns[r * SIZE + column]!;
      sum += factor * product;
    }
    return sum;
  });
}

test('every type of GGUF, in pieces of any rows: the sums, in float64 rounded once', async () => {
  const products = [lowRank(7, 0.5, 1)];
  for (const name of BLOCK_TYPE_NAMES) {
    const { length } = BLOCKS[name];
    const [typeNumber] = [...GGUF_TYPES].find(([, type]) => type.name === name)!;
    const random = createRandom(5);
    const tensors = await model(typeNumber, (values) =>
      randomBlocks(name, values.length / length, random, 0.01),
    );
    const merged = mergedTensors(tensors, new Map([[NAME, products]]));
    const expected = sumOf(await numbersOf(tensors), products);
    for (const rows of [SIZE, 1, 64]) assert.equal(await numbersOf(merged, rows), expected, name);
  }
});

test('parts of a row, ranks of all rests, and several products', async () => {
  const tensors = await model(TYPE.F32);
  const base = await numbersOf(tensors);
  for (const rank of [1, 2, 3, 4, 5, 8, 13]) {
    const products = [lowRank(rank, 2, 1), lowRank(rank + 1, -0.25, 2)];
    const merged = mergedTensors(tensors, new Map([[NAME, products]]));
    const expected = sumOf(base, products);
    assert.equal(await numbersOf(merged), expected, `rank ${rank}`);
    const part = new Float32Array(100);
    await readFloats(merged, NAME, 3 * SIZE + 50, part);
    assert.equal(part, expected.subarray(3 * SIZE + 50, 3 * SIZE + 150));
  }
});

test('what is changed is float32, the rest stays as it is', async () => {
  const tensors = await model(TYPE.F16, (values) => new Uint8Array(values.length * 2));
  const merged = mergedTensors(tensors, new Map([[NAME, [lowRank(2, 1, 1)]]]));
  assert.equal([...merged.entries.keys()], [...tensors.entries.keys()]);
  for (const [name, entry] of merged.entries) {
    if (name !== NAME) assert.is(entry, tensors.entries.get(name));
  }
  const { dtype, shape, byteLength } = merged.entries.get(NAME)!;
  assert.equal([dtype, shape, byteLength], ['F32', [SIZE, SIZE], 4 * SIZE * SIZE]);
  const stored = storedBefore(tensors.entries, new Set([NAME]));
  assert.is(stored.get(NAME)!.dtype, 'F16');
});

test('of a quantised one no layout keeps the codes', async () => {
  const tensors = await model(TYPE.Q8_0, (values) => new Uint8Array((values.length / 32) * 34));
  const stored = storedBefore(tensors.entries, new Set([NAME]));
  const { dtype, blockType } = stored.get(NAME)!;
  assert.equal([dtype, blockType?.packed], ['Q8_0', undefined]);
  const other = 'model.layers.0.self_attn.k_proj.weight';
  assert.is(stored.get(other)!.blockType, tensors.entries.get(other)!.blockType);
});

test.run();
