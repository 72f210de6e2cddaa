import { packedBytes, WEIGHT_DTYPES } from '../../src/layout/packed-weight.ts';
import { activationBytes } from '../../src/layout/activations.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import {
  assertWithin,
  kernelSuite,
  MISALIGNMENTS,
  rangesOf,
  ROUNDING,
  SPLITS,
  withoutStride,
  withStride,
} from '../helpers/kernels/kernel-bench.ts';
import { matmul } from '../reference/matmul.ts';
import { PANEL } from '../reference/pack.ts';
import {
  BLOCK,
  CODES,
  numbersOfBlocks,
  type QuantizedDtype,
  randomBlocks,
  roundedActivations,
} from '../reference/quantized.ts';

const DTYPES = Object.keys(CODES) as QuantizedDtype[];

const SHAPES = [
  ...[1, 2, 3, 4, 5, 7, 8, 17, 47, 48].map((rows) => ({ rows, k: 100, columns: 50 })),
  ...[1, 23, 24, 25, 47, 48, 49, 97, 200].map((columns) => ({ rows: 5, k: 64, columns })),
  ...[1, 31, 32, 33, 64, 127, 257, 777, 2100].map((k) => ({ rows: 3, k, columns: 30 })),
];

await kernelSuite('quantizeRows() and matmulQuantized()', ({ test, kernels, guard }) => {
  const random = createRandom(6);

  for (const dtype of DTYPES) {
    const format = WEIGHT_DTYPES.indexOf(dtype);
    for (const isAdded of [false, true]) {
      test(`${dtype} ${isAdded ? 'adds' : 'stores'} the twin's product, in rows and ranges of the same bits`, () => {
        for (const { rows, k, columns } of SHAPES) {
          for (const misalignment of MISALIGNMENTS) {
            const what = `${rows} × ${k} × ${columns}`;
            const guarded = guard();
            const x = random.normal(rows * k);
            const blocks = randomBlocks(random, dtype, columns, k);
            const before = random.normal(rows * columns);
            const padded = Math.ceil(columns / PANEL) * PANEL;
            const ldo = padded + 5;
            const given = guarded.regionOf('blocks', new Int32Array(blocks.buffer), misalignment);
            const length = packedBytes({ rows: columns, k, dtype }) / 4;
            const panels = guarded.regionOf('panels', new Float32Array(length), misalignment);
            const perRow = Math.ceil(k / BLOCK);
            kernels.packBlocks(panels.pointer, given.pointer, 0, columns, 0, perRow, k, format);
            const xAt = guarded.regionOf('x', withStride(x, k, k + 3), misalignment);
            const codes = guarded.region('codes', activationBytes(rows, k) / 4, misalignment);
            kernels.quantizeRows(codes.pointer, xAt.pointer, rows, k, k + 3);
            guarded.assertCanaries();

            const scratch = guarded.region('scratch', kernels.matmulQuantizedScratch() / 4);
            const run = (
              at: number,
              from: number,
              count: number,
              ranges: readonly (readonly [number, number])[],
            ) => {
              for (const [first, some] of ranges) {
                kernels.matmulQuantized(
                  at,
                  from,
                  panels.pointer,
                  scratch.pointer,
                  count,
                  k,
                  columns,
                  ldo,
                  isAdded,
                  first,
                  some,
                  format,
                );
              }
            };
            const out = guarded.region('out', rows * ldo, misalignment);
            if (isAdded) guarded.write(out, withStride(before, columns, ldo));
            run(out.pointer, codes.pointer, rows, [[0, padded / PANEL]]);
            guarded.assertCanaries();
            const actual = withoutStride(guarded.read(out), columns, ldo, padded);

            const w = numbersOfBlocks(blocks, columns, k);
            const rounded = roundedActivations(x, k);
            const product = matmul(rounded, w, k);
            const expected = isAdded ? product.map((n, i) => n + before[i]!) : product;
            const size = matmul(rounded.map(Math.abs), absolute(blocks, columns, k), k);
            // a product of a block is rounded six times, then added to those before it
            const bound = (i: number) =>
              (perRow + 6) * ROUNDING * (size[i]! + (isAdded ? Math.abs(before[i]!) : 0));
            assertWithin(actual, expected, bound, what);

            for (let i = 0; i < rows; i += Math.max(1, Math.floor(rows / 5))) {
              const row = guarded.region('row', ldo, misalignment);
              if (isAdded) {
                guarded.write(
                  row,
                  withStride(before.subarray(i * columns, (i + 1) * columns), columns, ldo),
                );
              }
              run(row.pointer, codes.pointer + activationBytes(i, k), 1, [[0, padded / PANEL]]);
              assertSame(
                guarded.read(row).subarray(0, columns),
                actual.subarray(i * columns, (i + 1) * columns),
                `${what}: one row equals row ${i} bit for bit`,
              );
            }
            for (const split of SPLITS) {
              const cut = guarded.region('cut', rows * ldo, misalignment);
              if (isAdded) guarded.write(cut, withStride(before, columns, ldo));
              run(cut.pointer, codes.pointer, rows, rangesOf(padded / PANEL, split));
              assertSame(guarded.read(cut), guarded.read(out), `${what} in ${split.parts} ranges`);
            }
            guarded.assertCanaries();
          }
        }
      });
    }
  }
});

/** |scale · code| + |offset|: what a product of numbers is rounded in proportion to. */
function absolute(blocks: Uint8Array, rows: number, k: number) {
  const positive = blocks.slice();
  const view = new DataView(positive.buffer);
  for (let at = 0; at < positive.length; at += 36) {
    for (let i = 0; i < BLOCK; i++) {
      // -128 has no positive code
      view.setInt8(at + i, Math.min(127, Math.abs(view.getInt8(at + i))));
    }
    for (const half of [BLOCK, BLOCK + 2]) {
      view.setUint16(at + half, view.getUint16(at + half, true) & 0x7fff, true);
    }
  }
  return numbersOfBlocks(positive, rows, k);
}
