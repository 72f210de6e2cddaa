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
import { rope } from '../reference/rope.ts';

await kernelSuite('rope()', ({ test, kernels, guard }) => {
  const random = createRandom(6);

  for (const [convention, direction] of [
    ['t6', 1],
    ['llama', -1],
  ] as const) {
    test(`rotates as ${convention}, within 2 roundings of |x1| + |x2|, gaps untouched`, () => {
      for (const pairs of COUNTS) {
        for (const rows of [1, 2, 3, 5]) {
          for (const misalignment of MISALIGNMENTS) {
            const tokens = 4;
            const headDim = 2 * pairs;
            const width = rows * headDim;
            const stride = width + 3;
            const guarded = guard();
            const x = random.normal(tokens * width);
            const angles = random.uniform(tokens * pairs, -4, 4);
            const [cos, sin] = [angles.map(Math.cos), angles.map(Math.sin)];
            const at = guarded.regionOf('x', withStride(x, width, stride), misalignment);
            const cosAt = guarded.regionOf('cos', cos, misalignment);
            const sinAt = guarded.regionOf('sin', sin, misalignment);
            const args = [at.pointer, cosAt.pointer, sinAt.pointer, tokens, rows, pairs] as const;
            kernels.rope(...args, headDim, stride, direction);
            guarded.assertCanaries();
            const table = { cos: new Float64Array(cos), sin: new Float64Array(sin) };
            const expected = rope(x, table, { tokens, rows, headDim }, convention);
            const actual = withoutStride(guarded.read(at), width, stride);
            // the larger of each pair: the two products and their sum round once each
            const bound = (i: number) => {
              const other = i % headDim < pairs ? i + pairs : i - pairs;
              return 2 * ROUNDING * (Math.abs(x[i]!) + Math.abs(x[other]!));
            };
            assertWithin(actual, expected, bound, `${rows} rows of ${headDim}`);
          }
        }
      }
    });
  }

  test('with width > 2 · pairs the first 2 · pairs numbers of a row rotate, the rest keep their bits', () => {
    for (const pairs of [1, 3, 4, 17]) {
      for (const rest of [1, 2, 15]) {
        const [tokens, rows, rotaryDim] = [3, 4, 2 * pairs];
        const width = rotaryDim + rest;
        const stride = rows * width + 2;
        const guarded = guard();
        const x = random.normal(tokens * rows * width);
        const angles = random.uniform(tokens * pairs, -4, 4);
        const [cos, sin] = [angles.map(Math.cos), angles.map(Math.sin)];
        const at = guarded.regionOf('x', withStride(x, rows * width, stride), 4);
        const cosAt = guarded.regionOf('cos', cos).pointer;
        const sinAt = guarded.regionOf('sin', sin, 12).pointer;
        kernels.rope(at.pointer, cosAt, sinAt, tokens, rows, pairs, width, stride, -1);
        guarded.assertCanaries();
        const actual = withoutStride(guarded.read(at), rows * width, stride);
        const rotated = (y: Float32Array) => y.filter((_, i) => i % width < rotaryDim);
        const passed = (y: Float32Array) => y.filter((_, i) => i % width >= rotaryDim);
        const table = { cos: new Float64Array(cos), sin: new Float64Array(sin) };
        const shape = { tokens, rows, headDim: rotaryDim };
        const expected = rope(rotated(x), table, shape, 'llama');
        const what = `${pairs} pairs of ${width}`;
        assertWithin(rotated(actual), expected, () => 16 * ROUNDING, what);
        assertSame(passed(actual), passed(x), what);
      }
    }
  });
});
