import { assertSame } from '../helpers/checks/close.ts';
import {
  assertWithin,
  COUNTS,
  kernelSuite,
  MISALIGNMENTS,
  ROUNDING,
  withoutStride,
  withStride,
} from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';

await kernelSuite('addBias()', ({ test, kernels, guard }) => {
  const random = createRandom(21);

  test('adds the bias to every row with one rounding, gaps and bias untouched', () => {
    for (const count of COUNTS) {
      for (const rows of [1, 2, 5]) {
        for (const gap of [0, 1, 6]) {
          for (const misalignment of MISALIGNMENTS) {
            const x = random.normal(rows * count);
            const bias = random.normal(count, 3);
            const stride = count + gap;
            const guarded = guard();
            const xAt = guarded.regionOf('x', withStride(x, count, stride), misalignment);
            const biasAt = guarded.regionOf('bias', bias, misalignment);
            kernels.addBias(xAt.pointer, biasAt.pointer, rows, count, stride);
            guarded.assertCanaries();
            const what = `rows ${rows}, count ${count}`;
            const actual = withoutStride(guarded.read(xAt), count, stride);
            const expected = Float64Array.from(x, (value, i) => value + bias[i % count]!);
            assertWithin(actual, expected, (i) => ROUNDING * Math.abs(expected[i]!), what);
            assertSame(guarded.read(biasAt), bias, what);
          }
        }
      }
    }
  });

  test('no rows: nothing is written', () => {
    const guarded = guard();
    const x = guarded.regionOf('x', new Float32Array([1, 2, 3]));
    const bias = guarded.regionOf('bias', new Float32Array([4, 5, 6]));
    kernels.addBias(x.pointer, bias.pointer, 0, 3, 3);
    assertSame(guarded.read(x), [1, 2, 3], 'x');
    guarded.assertCanaries();
  });
});
