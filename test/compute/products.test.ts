import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compute } from '../../src/compute/compute.ts';
import {
  dequantizeBlocks,
  embed,
  matmul,
  packBlocks,
  productScratch,
  unpack,
  unpackBlocks,
} from '../../src/compute/products.ts';
import { activationBytes } from '../../src/layout/activations.ts';
import { numberAt } from '../../src/layout/numbers.ts';
import { packedBytes, padToPanel, type PackedWeight } from '../../src/layout/packed-weight.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { createRandom, type Random } from '../helpers/checks/random.ts';
import { matmul as product } from '../reference/matmul.ts';
import {
  BLOCK_BYTES,
  CODES,
  numbersOfBlocks,
  type QuantizedDtype,
  randomBlocks,
  roundedActivations,
} from '../reference/quantized.ts';

const [ROWS, K] = [75, 70];
const PER_ROW = 3;

const test = suite('products with quantised weights');

for (const dtype of Object.keys(CODES) as QuantizedDtype[]) {
  test(`${dtype}: blocks go in and out in any pieces, and are the numbers of every operation`, async () => {
    const { compute, weight, blocks } = await place(createRandom(3), dtype);
    const { heap } = compute;
    const numbers = Float32Array.from(numbersOfBlocks(blocks, ROWS, K));

    const staging = heap.allocate(blocks.length);
    unpackBlocks(compute, weight, staging, 0, ROWS, 0, PER_ROW);
    assert.equal(heap.bytes(staging, blocks.length), blocks);
    unpackBlocks(compute, weight, staging, 7, 1, 1, 2);
    const at = (7 * PER_ROW + 1) * BLOCK_BYTES;
    assert.equal(heap.bytes(staging, 72), blocks.subarray(at, at + 72));

    const out = heap.allocate(4 * ROWS * K);
    dequantizeBlocks(compute, out, staging, 1);
    assertSame(heap.floats(out, 32), numbers.subarray(7 * K + 32, 7 * K + 64), 'a block');

    const ids = heap.allocate(12);
    heap.words(ids, 3).set([0, 74, 33]);
    embed(compute, { at: out, stride: K }, weight, ids, 3);
    const rows = [0, 74, 33].flatMap((row) => [...numbers.subarray(row * K, (row + 1) * K)]);
    assertSame(heap.floats(out, 3 * K), rows, 'rows of a table');

    unpack(compute, out, weight, 20, 40, 5, 60, 41);
    for (let i = 0; i < 60; i++) {
      const column = Array.from({ length: 40 }, (_, j) => numbers[(20 + j) * K + 5 + i]!);
      assertSame(heap.floats(numberAt(out, i * 41), 40), column, `input ${5 + i}`);
    }
  });

  test(`${dtype}: a product is that of rounded activations; one row gives the bits of many`, async () => {
    const random = createRandom(4);
    const { compute, weight, blocks } = await place(random, dtype);
    const { heap } = compute;
    const x = random.normal(5 * K);
    const from = heap.allocate(x.byteLength);
    heap.floats(from, x.length).set(x);
    const stride = padToPanel(ROWS);
    const out = heap.allocate(4 * 5 * stride);
    assert.throws(() => matmul(compute, { at: out, stride }, { at: from, stride: K }, weight, 5));
    compute.takeActivations(activationBytes(5, K));
    compute.takeScratch({ perLane: productScratch(compute), partials: 0 });
    matmul(compute, { at: out, stride }, { at: from, stride: K }, weight, 5);
    const many = heap.floats(out, 5 * stride).slice();
    const expected = product(roundedActivations(x, K), numbersOfBlocks(blocks, ROWS, K), K);
    for (let t = 0; t < 5; t++) {
      const row = many.subarray(t * stride, t * stride + ROWS);
      const what = `row ${t}`;
      assertClose(row, expected.subarray(t * ROWS, (t + 1) * ROWS), { atol: 1e-5, what });
      const one = { at: numberAt(from, t * K), stride: K };
      matmul(compute, { at: out, stride }, one, weight, 1);
      assertSame(heap.floats(out, ROWS), row, `${what} by itself`);
    }
  });
}

test.run();

/** A weight (75, 70) packed in pieces of rows, and of blocks of a row. */
async function place(random: Random, dtype: QuantizedDtype) {
  const engine = await createEngine();
  const compute = new Compute(engine);
  const blocks = randomBlocks(random, dtype, ROWS, K);
  const shape = { rows: ROWS, k: K, dtype };
  const weight: PackedWeight = { at: engine.heap.allocate(packedBytes(shape)), ...shape };
  const from = engine.heap.allocate(blocks.length);
  engine.heap.bytes(from, blocks.length).set(blocks);
  const row = PER_ROW * BLOCK_BYTES;
  packBlocks(compute, weight, from + 41 * row, 41, ROWS - 41, 0, PER_ROW);
  packBlocks(compute, weight, from, 0, 40, 0, PER_ROW);
  packBlocks(compute, weight, from + 40 * row + BLOCK_BYTES, 40, 1, 1, 2);
  packBlocks(compute, weight, from + 40 * row, 40, 1, 0, 1);
  return { compute, weight, blocks };
}
