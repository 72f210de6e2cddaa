import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NamedMatrix, namedMatrices } from '../../src/weights/named-matrix.ts';
import { refused } from '../helpers/checks/refused.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { fileOf, openWeights, tensorsOf } from '../helpers/models/streamed-weights.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';
import { BLOCK, BLOCK_BYTES, numbersOfBlocks } from '../reference/quantized.ts';

const EMBEDDING = 'transformer.wte.weight';
const HEAD = 'lm_head.weight';

/** Relative errors of weights, all of a matrix together: normal numbers, blocks of 32 or less. */
const ERRORS = { q8: 0.006, q4: 0.1 } as const;

const test = suite('loadWeights(), quantised');

for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
  test(`${name}: each matrix is near that of float32, its blocks are its numbers, vectors are the same`, async () => {
    const { source } = build();
    const exact = await matricesOf(source);
    for (const dtype of ['q8', 'q4'] as const) {
      const found = await matricesOf(source, dtype);
      assert.equal([...found.keys()], [...exact.keys()]);
      for (const [matrix, { dtype: layout, dims, read, readBlocks }] of found) {
        const [values, expected] = [read(), exact.get(matrix)!.read()];
        const isVector = layout === 'f32';
        assert.is(isVector, readBlocks === undefined);
        if (isVector) {
          assertSame(values, expected, matrix);
          continue;
        }
        assert.is(layout, dtype);
        const error = relativeError(values, expected);
        assert.ok(error > 0 && error < ERRORS[dtype], `${matrix} ${dtype}: ${error}`);
        assertSame(values, numbersOf(readBlocks!(), dims), `${matrix}, blocks`);
      }
    }
  });
}

test('the report counts tensors and bytes by layout, and what quantising has lost', async () => {
  for (const { name, build } of [mechanismVariant('mla'), ...LLAMA_VARIANTS]) {
    const { source, tensors } = build();
    for (const dtype of ['f32', 'q8', 'q4'] as const) {
      const { report } = (await openCpuModel(source, { dtype })).backend.network.weights;
      assert.is(report.dtype, dtype, name);
      const sum = (key: 'tensors' | 'parameters' | 'bytes') =>
        report.layouts.reduce((total, layout) => total + layout[key], 0);
      const all = [...tensors.values()];
      assert.is(sum('tensors'), all.length);
      const numbers = (some: typeof all) => some.reduce((n, { values }) => n + values.length, 0);
      assert.is(sum('parameters'), numbers(all));
      assert.is(sum('bytes'), report.bytes);
      const matrices = all.filter(({ shape }) => shape.length > 1);
      const vectors = report.layouts.find(({ layout }) => layout === 'f32')!;
      if (dtype === 'f32') {
        assert.equal([report.layouts.length, report.requantized], [1, []]);
        continue;
      }
      assert.is(vectors.tensors, all.length - matrices.length);
      assert.ok(vectors.bytes >= 4 * (numbers(all) - numbers(matrices)));
      assert.is(report.requantized.length, 1);
      const { error, ...what } = report.requantized[0]!;
      const expected = { type: 'F32', to: dtype, what: 'numbers', tensors: matrices.length };
      assert.equal(what, expected);
      assert.ok(error > ERRORS[dtype] / 4 && error < ERRORS[dtype], `${dtype} ${error}`);
    }
  }
});

test('reading takes 4 MB at most besides the weights, and no more than a piece of JavaScript memory', async () => {
  const config = { ...mechanismVariant('mla').config, vocab_size: 30_000 };
  const tensors = tensorsOf(mechanismVariant('mla')).map((tensor) => {
    const dim = tensor.shape[1]!;
    return tensor.name === EMBEDDING
      ? { ...tensor, shape: [30_000, dim], data: new Float32Array(30_000 * dim).fill(0.5) }
      : tensor;
  });
  for (const dtype of ['f32', 'q8', 'q4'] as const) {
    const { engine, load, tensors: set } = await openWeights(config, fileOf(tensors));
    const { heap } = engine;
    const [allocate, readStored] = [heap.allocate.bind(heap), set.readStored.bind(set)];
    let [peak, elsewhere] = [0, 0];
    heap.allocate = (bytes) => {
      const address = allocate(bytes);
      peak = Math.max(peak, heap.used);
      return address;
    };
    Object.assign(set, {
      async readStored(name: string, offset: number, target: Uint8Array) {
        if (target.buffer !== heap.bytes(0, 1).buffer) elsewhere += target.byteLength;
        await readStored(name, offset, target);
      },
    });
    const { report } = await load({ dtype });
    assert.ok(heap.used >= report.bytes && heap.used < report.bytes + 64 * 100, dtype);
    assert.ok(peak - heap.used > 0 && peak - heap.used <= 4 * 2 ** 20, `${dtype}: ${peak}`);
    assert.is(elsewhere, 0);
    // nothing beyond is left over either
    assert.ok(heap.size <= peak + heap.base + 2 ** 20, dtype);
  }
});

test('numbers too large for a float16 scale are refused by tensor and block', async () => {
  for (const name of ['tpa', 'mla'] as const) {
    const variant = mechanismVariant(name);
    const tensors = tensorsOf(variant);
    for (const [i, tensor] of tensors.entries()) {
      const [, k] = tensor.shape;
      if (k === undefined) continue;
      const data = Float32Array.from(tensor.data);
      data[data.length - 1] = 1e8;
      const weights = fileOf(tensors.with(i, { ...tensor, data }));
      for (const dtype of ['q8', 'q4'] as const) {
        const { engine, load } = await openWeights(variant.config, weights);
        const error = await refused(() => load({ dtype }), 'WEIGHTS_NONFINITE', tensor.name);
        assert.match(error.message, /block \d+ expected a finite (scale|offset) of at most 65504/);
        assert.is(error.data['tensor'], tensor.name);
        const last = tensor.shape[0]! * Math.ceil(k / BLOCK) - 1;
        // of W_UKᵀ the block of a row of W_UK is named
        if (!tensor.name.includes('kv_b')) assert.is(error.data['block'], last);
        assert.is(engine.heap.used, 0);
      }
      const { load } = await openWeights(variant.config, weights);
      await load({ dtype: 'f32' });
    }
  }
});

test('a stored head must have the blocks of the embedding it is tied to', async () => {
  const variant = mechanismVariant('tpa');
  const tensors = tensorsOf(variant);
  const embedding = tensors.find(({ name }) => name === EMBEDDING)!;
  const withHead = (data: Float32Array) => [
    fileOf([...tensors, { ...embedding, name: HEAD, data }]),
    fileOf([{ ...embedding, name: HEAD, data }, ...tensors]),
  ];
  const values = Float32Array.from(embedding.data);
  const other = Float32Array.from(values).fill(3, 77, 78);
  for (const dtype of ['q8', 'q4'] as const) {
    for (const file of withHead(values)) {
      const alone = await (await openWeights(variant.config, fileOf(tensors))).load({ dtype });
      const beside = await (await openWeights(variant.config, file)).load({ dtype });
      assert.equal(beside.report.layouts, alone.report.layouts);
      assert.is(beside.fingerprint, alone.fingerprint);
    }
    for (const file of withHead(other)) {
      const { engine, load } = await openWeights(variant.config, file);
      const error = await refused(() => load({ dtype, pieceNumbers: 300 }), 'MODEL_UNSUPPORTED');
      assert.match(error.message, `"${HEAD}" expected the values of "${EMBEDDING}"`);
      assert.is(engine.heap.used, 0);
    }
  }
});

test.run();

async function matricesOf(
  source: Parameters<typeof openCpuModel>[0],
  dtype?: 'q8' | 'q4',
): Promise<Map<string, NamedMatrix>> {
  const options = dtype === undefined ? {} : { dtype };
  const { compute, config, weights } = (await openCpuModel(source, options)).backend.network;
  const all = namedMatrices(compute, config, weights);
  return new Map(all.map((matrix) => [matrix.name, matrix]));
}

/** Blocks (…, outputs, ⌈inputs / 32⌉) as numbers (…, inputs, outputs). */
function numbersOf(blocks: Uint8Array, dims: readonly number[]): Float32Array {
  const [inputs, outputs] = dims.slice(-2) as [number, number];
  const heads = dims.slice(0, -2).reduce((product, n) => product * n, 1);
  const bytes = outputs * Math.ceil(inputs / BLOCK) * BLOCK_BYTES;
  assert.is(blocks.length, heads * bytes);
  const out = new Float32Array(heads * inputs * outputs);
  for (let head = 0; head < heads; head++) {
    const part = blocks.subarray(head * bytes, (head + 1) * bytes);
    for (const [at, value] of numbersOfBlocks(part, outputs, inputs).entries()) {
      const [row, i] = [Math.floor(at / inputs), at % inputs];
      out[(head * inputs + i) * outputs + row] = value;
    }
  }
  return out;
}

function relativeError(found: Float32Array, expected: Float32Array): number {
  let [errors, squares] = [0, 0];
  for (const [i, x] of expected.entries()) {
    errors += (found[i]! - x) ** 2;
    squares += x ** 2;
  }
  return Math.sqrt(errors / squares);
}
