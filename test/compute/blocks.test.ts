import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeBlocks, ERROR_BYTES, quantizeBlocks, readError } from '../../src/compute/blocks.ts';
import { Compute } from '../../src/compute/compute.ts';
import { Q4_K } from '../../src/format/gguf/blocks/k-quants.ts';
import { blocksOf, BLOCK_BYTES } from '../../src/layout/blocks.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { randomBlocks } from '../reference/gguf-blocks.ts';
import { numbersOfBlocks } from '../reference/quantized.ts';

const compute = new Compute(await createEngine());
const { heap } = compute;
function squares(values: Float32Array): number {
  return values.reduce((all, n) => all + n * n, 0);
}

const test = suite('blocks of quantised weights');

test('decodeBlocks(): the numbers of stored blocks, or the first that is bad', () => {
  const stored = randomBlocks('Q4_K', 3, createRandom(1));
  const from = heap.allocate(stored.length);
  const out = heap.allocate(24 * BLOCK_BYTES);
  const { kind } = Q4_K.packed!;
  heap.bytes(from, stored.length).set(stored);
  assert.is(decodeBlocks(compute, out, from, 24, kind), -1);
  const numbers = numbersOfBlocks(heap.bytes(out, 24 * BLOCK_BYTES).slice(), 1, 3 * 256);
  const exact = new Float32Array(3 * 256);
  Q4_K.dequantize(stored, exact);
  for (const [i, n] of exact.entries()) assert.ok(Math.abs(numbers[i]! - n) < 0.5, `${i}: ${n}`);
  heap.bytes(from, stored.length).set([0xff, 0x7f], 144);
  assert.is(decodeBlocks(compute, out, from, 24, kind), 8);
});

test('quantizeBlocks(), readError(): the error of all that was quantised', () => {
  const [rows, k] = [6, 100];
  const x = createRandom(2).normal(rows * k, 0.1);
  const from = heap.allocate(x.byteLength);
  const bytes = rows * blocksOf(k) * BLOCK_BYTES;
  const out = heap.allocate(bytes);
  const errors = heap.allocate(ERROR_BYTES);
  assert.is(readError(compute, errors), 0);
  heap.floats(from, x.length).set(x);
  const found: number[] = [];
  for (const bits of [8, 4] as const) {
    assert.is(quantizeBlocks(compute, out, from, rows, k, bits, errors), -1);
    found.push(readError(compute, errors));
    heap.bytes(errors, ERROR_BYTES).fill(0);
    const numbers = numbersOfBlocks(heap.bytes(out, bytes).slice(), rows, k);
    const expected = Math.sqrt(squares(x.map((n, i) => n - numbers[i]!)) / squares(x));
    assert.ok(Math.abs(found.at(-1)! - expected) < 1e-4 * expected, `${bits} bits: ${expected}`);
  }
  assert.ok(found[0]! < 0.01 && found[1]! > 0.03 && found[1]! < 0.09, `${found}`);
});

test.run();
