import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { activationBytes } from '../../src/layout/activations.ts';
import { WEIGHT_DTYPES } from '../../src/layout/packed-weight.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import {
  assertSplits,
  assertWithin,
  createBench,
  type KernelBench,
  kernelSuite,
  MISALIGNMENTS,
  rangesOf,
  ROUNDING,
  type Split,
  WHOLE,
  withoutStride,
  withStride,
} from '../helpers/kernels/kernel-bench.ts';
import type { Misalignment } from '../helpers/kernels/memory.ts';
import { matmul } from '../reference/matmul.ts';
import { PANEL } from '../reference/pack.ts';
import {
  CODES,
  numbersOfBlocks,
  packBlocks,
  type QuantizedDtype,
  randomBlocks,
  roundedActivations,
} from '../reference/quantized.ts';

const DTYPES = Object.keys(CODES) as QuantizedDtype[];

/** Threes and blocks of 48 rows, pieces of 4 blocks, strips of 24 columns: more than three of each, and every tail. */
const SHAPES = [
  ...[1, 2, 3, 4, 5, 7, 8, 17, 47, 48].map((rows) => ({ rows, k: 100, columns: 50 })),
  ...[1, 3, 23, 24, 25, 47, 48, 49, 97, 200].map((columns) => ({ rows: 5, k: 64, columns })),
  ...[1, 31, 32, 33, 127, 128, 129, 257, 777].map((k) => ({ rows: 4, k, columns: 30 })),
  { rows: 149, k: 70, columns: 30 },
];

interface Product {
  readonly dtype: QuantizedDtype;
  readonly x: Float32Array;
  /** (columns, ⌈k / 32⌉) */
  readonly blocks: Uint8Array;
  readonly rows: number;
  readonly k: number;
  readonly columns: number;
  /** (rows, columns) to add to. */
  readonly before?: Float32Array;
}

await kernelSuite('matmulQuantized()', ({ test, bench }) => {
  const random = createRandom(6);

  for (const dtype of DTYPES) {
    for (const isAdded of [false, true]) {
      test(`${dtype}: ${isAdded ? 'adds' : 'stores'} the twin's product within its bound`, () => {
        for (const { rows, k, columns } of SHAPES) {
          for (const misalignment of MISALIGNMENTS) {
            const x = random.normal(rows * k);
            const blocks = randomBlocks(random, dtype, columns, k);
            const before = random.normal(rows * columns);
            const product = { dtype, x, blocks, rows, k, columns, ...(isAdded && { before }) };
            const what = `${rows} × ${k} × ${columns}`;
            const actual = run(bench, product, misalignment);

            const rounded = roundedActivations(x, k);
            const exact = matmul(rounded, numbersOfBlocks(blocks, columns, k), k);
            const expected = isAdded ? exact.map((n, i) => n + before[i]!) : exact;
            const sizes = numbersOfBlocks(positive(blocks), columns, k);
            const size = matmul(rounded.map(Math.abs), sizes, k);
            // a block's product is rounded six times, then added to those before it
            const roundings = (Math.ceil(k / 32) + 6) * ROUNDING;
            const bound = (i: number) =>
              roundings * (size[i]! + (isAdded ? Math.abs(before[i]!) : 0));
            assertWithin(actual, expected, bound, what);

            assertSplits(what, (split) => [run(bench, product, misalignment, split)]);
            for (let i = 0; i < rows; i += Math.max(1, Math.floor(rows / 5))) {
              const one = {
                ...product,
                rows: 1,
                x: x.subarray(i * k, (i + 1) * k),
                ...(isAdded && { before: before.subarray(i * columns, (i + 1) * columns) }),
              };
              const row = actual.subarray(i * columns, (i + 1) * columns);
              assertSame(run(bench, one, misalignment), row, `${what}: one row equals row ${i}`);
            }
          }
        }
      });
    }

    test(`${dtype}: the largest codes and numbers neither overflow nor saturate`, () => {
      const { smallest, largest } = CODES[dtype];
      for (const code of [smallest, largest]) {
        for (const sign of [1, -1]) {
          const [rows, k, columns] = [4, 96, 25];
          const blocks = new Uint8Array(columns * 3 * 36).fill(code);
          const view = new DataView(blocks.buffer);
          for (let at = 0; at < blocks.length; at += 36) {
            view.setUint16(at + 32, 0x3c00, true);
            view.setUint16(at + 34, 0, true);
          }
          // 1 and -1 take the largest codes
          const x = new Float32Array(rows * k).fill(sign);
          const actual = run(bench, { dtype, x, blocks, rows, k, columns });
          const expected = new Float32Array(rows * columns).fill(sign * code * k);
          assertWithin(
            actual,
            expected,
            () => 9 * ROUNDING * k * Math.abs(code),
            `${sign} ${code}`,
          );
        }
      }
    });

    test(`${dtype}: a number that is not finite leaves none finite in its row, and others alone`, () => {
      const [rows, k, columns] = [5, 70, 50];
      const blocks = randomBlocks(random, dtype, columns, k);
      const x = random.normal(rows * k);
      const good = run(bench, { dtype, x, blocks, rows, k, columns });
      for (const bad of [NaN, Infinity, -Infinity]) {
        // of a three and of the rest
        for (const row of [1, 4]) {
          const spoilt = x.slice();
          spoilt[row * k + 40] = bad;
          const actual = run(bench, { dtype, x: spoilt, blocks, rows, k, columns });
          for (let i = 0; i < rows; i++) {
            const found = actual.subarray(i * columns, (i + 1) * columns);
            if (i === row) assert.ok(!found.some(Number.isFinite), `${bad} in row ${row}`);
            else assertSame(found, good.subarray(i * columns, (i + 1) * columns), `row ${i}`);
          }
        }
      }
    });

    test(`${dtype}: zeros give what there was, huge numbers an infinity or a NaN`, () => {
      const [rows, k, columns] = [4, 64, 30];
      const blocks = randomBlocks(random, dtype, columns, k);
      const before = random.normal(rows * columns);
      const zeros = { dtype, x: new Float32Array(rows * k), blocks, rows, k, columns };
      assertSame(run(bench, zeros), new Float32Array(rows * columns), 'zeros stored');
      assertSame(run(bench, { ...zeros, before }), before, 'zeros added');
      const x = new Float32Array(rows * k).fill(3e38);
      const view = new DataView(blocks.buffer);
      blocks.fill(10);
      for (let at = 0; at < blocks.length; at += 36) {
        view.setUint16(at + 32, 0x7bff, true);
        view.setUint16(at + 34, 0, true);
      }
      const huge = run(bench, { ...zeros, x, blocks });
      assert.ok(!huge.some(Number.isFinite));
    });
  }
});

const test = suite('matmulQuantized() in all binaries');

test('has the same bits in baseline, relaxed and debug', async () => {
  const random = createRandom(12);
  const wasm = readFileSync(new URL('../../dist/wasm/tpa-debug.wasm', import.meta.url));
  const benches = [await createBench('baseline'), await createBench('relaxed')];
  benches.push(await createBench('baseline', { wasm }));
  for (const dtype of DTYPES) {
    for (const { rows, k, columns } of SHAPES) {
      const x = random.normal(rows * k);
      const blocks = randomBlocks(random, dtype, columns, k);
      const before = random.normal(rows * columns);
      const product = { dtype, x, blocks, rows, k, columns, before };
      const [first, ...others] = benches.map((bench) => run(bench, product));
      for (const other of others) assertSame(other, first!, `${dtype} ${rows} × ${k} × ${columns}`);
    }
  }
});

test.run();

/** The product (rows, columns), in as many ranges as told. */
function run(
  { kernels, guard }: KernelBench,
  { dtype, x, blocks, rows, k, columns, before }: Product,
  misalignment: Misalignment = 0,
  split: Split = WHOLE,
): Float32Array {
  const guarded = guard();
  const format = WEIGHT_DTYPES.indexOf(dtype);
  const padded = Math.ceil(columns / PANEL) * PANEL;
  const ldo = padded + 5;
  const panels = new Int32Array(packBlocks(blocks, dtype, columns, k).buffer);
  const w = guarded.regionOf('panels', panels, misalignment);
  const from = guarded.regionOf('x', x, misalignment);
  const codes = guarded.region('codes', activationBytes(rows, k) / 4, misalignment);
  const scratch = guarded.region('scratch', kernels.matmulQuantizedScratch() / 4, misalignment);
  const out = guarded.region('out', rows * ldo, misalignment);
  // where nothing is added, what was there must not matter: the region is NaN
  if (before) guarded.write(out, withStride(before, columns, ldo));
  kernels.quantizeRows(codes.pointer, from.pointer, rows, k, k);
  const given = [out.pointer, codes.pointer, w.pointer, scratch.pointer, rows, k, columns] as const;
  for (const range of rangesOf(padded / PANEL, split)) {
    kernels.matmulQuantized(...given, ldo, before !== undefined, ...range, format);
  }
  guarded.assertCanaries();
  return withoutStride(guarded.read(out), columns, ldo, padded);
}

/** Blocks of |scale|, |code| and |offset|: what the roundings of a product are in proportion to. */
function positive(blocks: Uint8Array): Uint8Array {
  const out = blocks.slice();
  const view = new DataView(out.buffer);
  for (let at = 0; at < out.length; at += 36) {
    // -128 has no opposite among codes
    for (let i = at; i < at + 32; i++) view.setInt8(i, Math.min(127, Math.abs(view.getInt8(i))));
    for (const half of [at + 32, at + 34]) {
      view.setUint16(half, view.getUint16(half, true) & 0x7fff, true);
    }
  }
  return out;
}
