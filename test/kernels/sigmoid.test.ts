import { assertSame } from '../helpers/checks/close.ts';
import {
  assertWithin,
  COUNTS,
  kernelSuite,
  MISALIGNMENTS,
  withoutStride,
  withStride,
} from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** The contract's bound: the kernel's exponential is 0 below 2^-126. */
const bound = (x: number) => 4e-7 * (1 + Math.abs(x)) * sigmoid(x) + 2 ** -126;

await kernelSuite('sigmoid()', ({ test, kernels, guard }) => {
  const random = createRandom(9);

  test('equals the twin to 4e-7 · (1 + |x|) relative, gaps between rows untouched', () => {
    for (const count of COUNTS) {
      for (const gap of [0, 1, 5]) {
        for (const misalignment of MISALIGNMENTS) {
          for (const deviation of [0.1, 3, 40]) {
            const x = random.normal(count * 3, deviation);
            const stride = count + gap;
            const guarded = guard();
            const at = guarded.regionOf('x', withStride(x, count, stride), misalignment);
            kernels.sigmoid(at.pointer, 3, count, stride);
            guarded.assertCanaries();
            const actual = withoutStride(guarded.read(at), count, stride);
            assertWithin(actual, x.map(sigmoid), (i) => bound(x[i]!), `count ${count}`);
          }
        }
      }
    }
  });

  test('numbers of any size neither overflow nor turn into NaN; 0 gives 0.5; NaN stays', () => {
    const x = new Float32Array([-Infinity, -3e38, -88, -87, 0, -0, 87, 3e38, Infinity, NaN]);
    const guarded = guard();
    const at = guarded.regionOf('x', x);
    kernels.sigmoid(at.pointer, 1, x.length, x.length);
    guarded.assertCanaries();
    const actual = guarded.read(at);
    assertWithin(actual.subarray(0, 9), x.subarray(0, 9).map(sigmoid), () => 2 ** -24, 'limits');
    assertSame(actual.subarray(4, 6), [0.5, 0.5], 'sigmoid(0)');
    assertSame(actual.subarray(9), [NaN], 'NaN');
  });
});
