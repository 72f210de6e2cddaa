import { assertSame } from '../helpers/checks/close.ts';
import {
  assertWithin,
  kernelSuite,
  MISALIGNMENTS,
  ROUNDING,
  withoutStride,
  withStride,
} from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { outerRows } from '../reference/outer-rows.ts';

/** b, then c: tails of 1 to 3 after 0 to 8 vectors of c. */
const DIMS = [1, 2, 3, 4, 5, 8, 17, 33] as const;

await kernelSuite('outerRows()', ({ test, kernels, guard }) => {
  const random = createRandom(23);

  test('equals the twin with one rounding a number, gaps between tokens untouched', () => {
    for (const bDim of DIMS) {
      for (const cDim of DIMS) {
        for (const [tokens, rows, gap] of [
          [1, 1, 0],
          [3, 2, 0],
          [2, 3, 5],
        ] as const) {
          for (const misalignment of MISALIGNMENTS) {
            const [width, product] = [rows * (bDim + cDim), rows * bDim * cDim];
            const x = random.normal(tokens * width);
            const guarded = guard();
            const outStride = product + gap;
            const stride = width + 2 * gap;
            const out = guarded.region('out', tokens * outStride, misalignment);
            const from = guarded.regionOf('x', withStride(x, width, stride), misalignment);
            kernels.outerRows(
              out.pointer,
              from.pointer,
              tokens,
              rows,
              bDim,
              cDim,
              outStride,
              stride,
            );
            guarded.assertCanaries();
            const expected = outerRows(x, bDim, cDim);
            const actual = withoutStride(guarded.read(out), product, outStride);
            const what = `b ${bDim}, c ${cDim}, ${tokens} tokens of ${rows}`;
            assertWithin(actual, expected, (i) => ROUNDING * Math.abs(expected[i]!), what);
            assertSame(withoutStride(guarded.read(from), width, stride), x, what);
          }
        }
      }
    }
  });

  test('by hand: b is the slow index', () => {
    const guarded = guard();
    const out = guarded.region('out', 6);
    const x = guarded.regionOf('x', new Float32Array([2, 3, 5, 7, 11]));
    kernels.outerRows(out.pointer, x.pointer, 1, 1, 2, 3, 6, 5);
    assertSame(guarded.read(out), [10, 14, 22, 15, 21, 33], 'b ⊗ c');
  });
});
