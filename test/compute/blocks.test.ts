import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  decodeBlocks,
  dequantizeStored,
  ERROR_BYTES,
  quantizeBlocks,
} from '../../src/compute/blocks.ts';
import { Compute } from '../../src/compute/compute.ts';
import { Q4_K, Q6_K } from '../../src/format/gguf/blocks/k-quants.ts';
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

test('quantizeBlocks(): adds up the error of all that was quantised', () => {
  const [rows, k] = [6, 100];
  const x = createRandom(2).normal(rows * k, 0.1);
  const from = heap.allocate(x.byteLength);
  const bytes = rows * blocksOf(k) * BLOCK_BYTES;
  const out = heap.allocate(bytes);
  const errors = heap.allocate(ERROR_BYTES);
  heap.floats(from, x.length).set(x);
  const found: number[] = [];
  for (const bits of [8, 4] as const) {
    assert.is(quantizeBlocks(compute, out, from, rows, k, bits, errors), -1);
    const sums = new Float64Array(heap.bytes(errors, ERROR_BYTES).slice().buffer);
    found.push(Math.sqrt(sums[0]! / sums[1]!));
    heap.bytes(errors, ERROR_BYTES).fill(0);
    const numbers = numbersOfBlocks(heap.bytes(out, bytes).slice(), rows, k);
    const expected = Math.sqrt(squares(x.map((n, i) => n - numbers[i]!)) / squares(x));
    assert.ok(Math.abs(found.at(-1)! - expected) < 1e-4 * expected, `${bits} bits: ${expected}`);
  }
  assert.ok(found[0]! < 0.01 && found[1]! > 0.03 && found[1]! < 0.09, `${found}`);
});

test('dequantizeStored(): what JavaScript makes of the blocks, where their numbers come to lie too', () => {
  const stored = randomBlocks('Q6_K', 9, createRandom(3));
  const expected = new Float32Array(9 * 256);
  Q6_K.dequantize(stored, expected);
  const out = heap.floats(heap.allocate(expected.byteLength), expected.length);
  // all but the last block, as reading does in place
  const blocks = new Uint8Array(out.buffer, out.byteOffset + out.byteLength - stored.length);
  blocks.set(stored);
  const [from, to] = [blocks.subarray(0, 8 * 210), out.subarray(0, 8 * 256)];
  dequantizeStored(compute, Q6_K.kernel!, to.byteOffset, from.byteOffset, 8);
  assert.equal(to, expected.subarray(0, 8 * 256));
});

test.run();
