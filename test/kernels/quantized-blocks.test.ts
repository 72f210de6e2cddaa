import * as assert from 'uvu/assert';
import { packedBytes, WEIGHT_DTYPES } from '../../src/layout/packed-weight.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import {
  COUNTS,
  kernelSuite,
  MISALIGNMENTS,
  withoutStride,
} from '../helpers/kernels/kernel-bench.ts';
import type { GuardedMemory, Region } from '../helpers/kernels/memory.ts';
import { halfToNumber } from '../reference/half.ts';
import { transposedBlock } from '../reference/pack.ts';
import {
  BLOCK_BYTES,
  CODES,
  numbersOfBlocks,
  packBlocks,
  type QuantizedDtype,
  randomBlocks,
} from '../reference/quantized.ts';

const DTYPES = Object.keys(CODES) as QuantizedDtype[];

await kernelSuite('quantised weights', ({ test, kernels, guard }) => {
  const random = createRandom(11);

  for (const dtype of DTYPES) {
    const format = WEIGHT_DTYPES.indexOf(dtype);

    test(`${dtype}: packs the panels of the twin bit for bit, in any pieces, and unpacks any block`, () => {
      for (const rows of COUNTS) {
        for (const k of COUNTS) {
          for (const misalignment of MISALIGNMENTS) {
            const guarded = guard();
            const blocks = randomBlocks(random, dtype, rows, k);
            const perRow = Math.ceil(k / 32);
            const from = guarded.regionOf('blocks', words(blocks), misalignment);
            const length = packedBytes({ rows, k, dtype }) / 4;
            const panels = guarded.regionOf('panels', new Float32Array(length), misalignment);
            const row = random.integer(0, rows - 1);
            const block = random.integer(0, perRow);
            const rowBytes = perRow * BLOCK_BYTES;
            const pack = (
              at: number,
              ...[first, count, b, some]: [number, number, number, number]
            ) => kernels.packBlocks(panels.pointer, at, first, count, b, some, k, format);
            pack(from.pointer + (row + 1) * rowBytes, row + 1, rows - row - 1, 0, perRow);
            pack(from.pointer, 0, row, 0, perRow);
            const middle = from.pointer + row * rowBytes;
            pack(middle + block * BLOCK_BYTES, row, 1, block, perRow - block);
            pack(middle, row, 1, 0, block);
            const what = `${rows} × ${k}, cut at ${row}, ${block}`;
            assert.equal(bytesOf(guarded, panels), packBlocks(blocks, dtype, rows, k), what);

            const out = guarded.region('unpacked', blocks.length / 4, misalignment);
            kernels.unpackBlocks(out.pointer, panels.pointer, 0, rows, 0, perRow, k, format);
            assert.equal(bytesOf(guarded, out), blocks, what);
            const one = guarded.region('one', BLOCK_BYTES / 4, misalignment);
            kernels.unpackBlocks(one.pointer, panels.pointer, row, 1, perRow - 1, 1, k, format);
            const last = (row + 1) * rowBytes;
            assert.equal(bytesOf(guarded, one), blocks.subarray(last - BLOCK_BYTES, last), what);
            guarded.assertCanaries();
          }
        }
      }
    });

    test(`${dtype}: numbers of blocks, rows of a table and blocks of the transpose are the twin's`, () => {
      for (const k of COUNTS) {
        for (const misalignment of MISALIGNMENTS) {
          const guarded = guard();
          const rows = 83;
          const blocks = randomBlocks(random, dtype, rows, k);
          const numbers = Float32Array.from(numbersOfBlocks(blocks, rows, k));
          const from = guarded.regionOf('blocks', words(blocks), misalignment);
          const panels = guarded.regionOf(
            'panels',
            words(packBlocks(blocks, dtype, rows, k)),
            misalignment,
          );
          const perRow = Math.ceil(k / 32);
          const all = guarded.region('numbers', rows * perRow * 32, misalignment);
          kernels.dequantizeBlocks(all.pointer, from.pointer, rows * perRow);
          for (let row = 0; row < rows; row++) {
            const found = guarded.read(all).subarray(row * perRow * 32);
            const expected = numbers.subarray(row * k, (row + 1) * k);
            assertSame(found.subarray(0, k), expected, `row ${row}`);
          }

          const ids = Int32Array.of(0, 23, 24, 47, 48, 82);
          const idsAt = guarded.regionOf('ids', ids, misalignment);
          const out = guarded.region('out', ids.length * (k + 3), misalignment);
          const table = [out.pointer, panels.pointer, idsAt.pointer, ids.length] as const;
          kernels.embedQuantized(...table, k, k + 3, format);
          const expected = Array.from(ids, (id) => [...numbers.subarray(id * k, (id + 1) * k)]);
          const embedded = withoutStride(guarded.read(out), k, k + 3);
          assertSame(embedded, expected.flat(), `embedded, k ${k}`);

          const column = random.integer(0, rows - 1);
          const width = random.integer(1, rows - column);
          const row = random.integer(0, k - 1);
          const block = { from: column, width, row, rows: random.integer(1, k - row) };
          const ldo = width + 3;
          const part = guarded.region('part', block.rows * ldo, misalignment);
          const cut = [part.pointer, panels.pointer, column, width, row, block.rows] as const;
          kernels.unpackQuantized(...cut, k, ldo, format);
          const transposed = transposedBlock(numbers, k, block);
          assertSame(withoutStride(guarded.read(part), width, ldo), transposed, `part, k ${k}`);
          guarded.assertCanaries();
        }
      }
    });
  }

  test('all finite float16 numbers are what they mean, of either sign and subnormal', () => {
    const finite = Array.from({ length: 0x10000 }, (_, bits) => bits).filter(
      (bits) => ((bits >> 10) & 31) < 31,
    );
    const blocks = new Uint8Array(finite.length * BLOCK_BYTES);
    for (const [b, bits] of finite.entries()) {
      blocks[b * BLOCK_BYTES] = 1;
      new DataView(blocks.buffer).setUint16(b * BLOCK_BYTES + 32, bits, true);
      new DataView(blocks.buffer).setUint16(b * BLOCK_BYTES + 34, bits, true);
    }
    const guarded = guard();
    const from = guarded.regionOf('blocks', words(blocks));
    const out = guarded.region('numbers', finite.length * 32);
    kernels.dequantizeBlocks(out.pointer, from.pointer, finite.length);
    const numbers = guarded.read(out);
    for (const [b, bits] of finite.entries()) {
      const number = halfToNumber(bits);
      if (numbers[32 * b] !== 2 * number || numbers[32 * b + 1] !== number) {
        throw new Error(`expected ${number} of ${bits}, got ${numbers[32 * b + 1]}`);
      }
    }
    guarded.assertCanaries();
  });
});

function words(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer);
}

function bytesOf(guarded: GuardedMemory, region: Region): Uint8Array {
  return new Uint8Array(guarded.read(region).buffer);
}
