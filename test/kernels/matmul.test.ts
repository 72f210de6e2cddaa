import { assertSame } from '../helpers/checks/close.ts';
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
import { createRandom } from '../helpers/checks/random.ts';
import { matmul } from '../reference/matmul.ts';
import { PANEL, pack } from '../reference/pack.ts';

/** Blocks of 64 rows, 128 steps of k and 48 columns: more than three of each, and every tail. */
const SHAPES = [
  ...[1, 2, 3, 4, 7, 8, 17].map((rows) => ({ rows, k: 33, columns: 17 })),
  ...[1, 3, 15, 16, 31, 47, 48, 49, 67, 97, 200].map((columns) => ({ rows: 5, k: 19, columns })),
  ...[1, 3, 4, 8, 64, 67, 127, 128, 129, 256, 512, 777].map((k) => ({ rows: 3, k, columns: 35 })),
  { rows: 63, k: 5, columns: 16 },
  { rows: 64, k: 257, columns: 33 },
  { rows: 65, k: 4, columns: 16 },
  { rows: 129, k: 300, columns: 20 },
  { rows: 195, k: 7, columns: 18 },
];

await kernelSuite('matmul()', ({ test, kernels, guard }) => {
  const random = createRandom(4);

  for (const isAdded of [false, true]) {
    test(`${isAdded ? 'adds' : 'stores'} the twin's product within (k + 1) roundings of Σ|x w|`, () => {
      for (const { rows, k, columns } of SHAPES) {
        for (const misalignment of MISALIGNMENTS) {
          const what = `${rows} × ${k} × ${columns}`;
          const guarded = guard();
          const x = random.normal(rows * k);
          const w = random.normal(columns * k);
          const before = random.normal(rows * columns);
          const padded = Math.ceil(columns / PANEL) * PANEL;
          const ldo = padded + 5;
          const xAt = guarded.regionOf('x', withStride(x, k, k + 3), misalignment);
          const wAt = guarded.regionOf('w', pack(w, columns, k), misalignment);
          const out = guarded.region('out', rows * ldo, misalignment);
          // without isAdded, what was there must not matter: the region is NaN
          if (isAdded) guarded.write(out, withStride(before, columns, ldo));
          const args = [out.pointer, xAt.pointer, wAt.pointer, rows, k, columns] as const;
          kernels.matmul(...args, ldo, k + 3, isAdded, 0, padded / PANEL);
          guarded.assertCanaries();
          const actual = withoutStride(guarded.read(out), columns, ldo, padded);

          const product = matmul(x, w, k);
          const expected = isAdded ? product.map((n, i) => n + before[i]!) : product;
          // each term is rounded once as a product and at most k + 1 times in the sum
          const size = matmul(x.map(Math.abs), w.map(Math.abs), k);
          const bound = (i: number) =>
            (k + 2) * ROUNDING * (size[i]! + (isAdded ? Math.abs(before[i]!) : 0));
          assertWithin(actual, expected, bound, what);

          for (let i = 0; i < rows; i += Math.max(1, Math.floor(rows / 5))) {
            const row = guarded.region('row', padded, misalignment);
            if (isAdded) {
              const start = new Float32Array(padded);
              start.set(before.subarray(i * columns, (i + 1) * columns));
              guarded.write(row, start);
            }
            const xRow = xAt.pointer + i * (k + 3) * 4;
            const one = [row.pointer, xRow, wAt.pointer, 1, k, columns] as const;
            kernels.matmul(...one, padded, k, isAdded, 0, padded / PANEL);
            assertSame(
              guarded.read(row).subarray(0, columns),
              actual.subarray(i * columns, (i + 1) * columns),
              `${what}: one row equals row ${i} bit for bit`,
            );
          }
          guarded.assertCanaries();

          for (const split of SPLITS) {
            const cut = guarded.region('cut', rows * ldo, misalignment);
            if (isAdded) guarded.write(cut, withStride(before, columns, ldo));
            const whole = [cut.pointer, xAt.pointer, wAt.pointer, rows, k, columns] as const;
            for (const range of rangesOf(padded / PANEL, split)) {
              kernels.matmul(...whole, ldo, k + 3, isAdded, ...range);
            }
            assertSame(guarded.read(cut), guarded.read(out), `${what} in ${split.parts} ranges`);
          }
          guarded.assertCanaries();
        }
      }
    });
  }
});
