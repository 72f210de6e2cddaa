import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { floats, loadGolden, tolerance } from '../helpers/checks/golden.ts';
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
import { BLOCK_NORM_EPS, GROUP_NORM_EPS, rmsNorm } from '../reference/rms-norm.ts';

/** Chains of dim / 16 sums, 3 to join them, up to 15 of the tail; the root halves their error. */
const relativeBound = (dim: number) => ((dim / 16 + 20) / 2 + 5) * ROUNDING;

await kernelSuite('rmsNorm()', ({ test, kernels, guard }) => {
  const random = createRandom(5);

  const normalize = (
    x: Float32Array,
    dim: number,
    eps: number,
    weight: Float32Array | undefined,
    { misalignment = 0 as 0 | 4 | 12, isInPlace = false } = {},
  ): Float32Array => {
    const guarded = guard();
    const rows = x.length / dim;
    const ldx = dim + 5;
    const ldo = isInPlace ? ldx : dim + 1;
    const xAt = guarded.regionOf('x', withStride(x, dim, ldx), misalignment);
    const weightAt = weight === undefined ? 0 : guarded.regionOf('weight', weight, 12).pointer;
    const out = isInPlace ? xAt : guarded.region('out', rows * ldo, misalignment);
    kernels.rmsNorm(out.pointer, xAt.pointer, weightAt, rows, dim, ldo, ldx, eps);
    guarded.assertCanaries();
    return withoutStride(guarded.read(out), dim, ldo);
  };

  test('equals the twin within the roundings of its sums, weighted or not, in place or not', () => {
    for (const dim of [...COUNTS, 48, 768]) {
      for (const misalignment of MISALIGNMENTS) {
        for (const weight of [undefined, random.normal(dim)]) {
          for (const scale of [1e-4, 1, 300]) {
            const x = random.normal(dim * 3, scale);
            const expected = rmsNorm(x, dim, GROUP_NORM_EPS, weight);
            const bound = (i: number) => relativeBound(dim) * Math.abs(expected[i]!);
            const what = `dim ${dim}, scale ${scale}`;
            const actual = normalize(x, dim, GROUP_NORM_EPS, weight, { misalignment });
            assertWithin(actual, expected, bound, what);
            const inPlace = { misalignment, isInPlace: true };
            const again = normalize(x, dim, GROUP_NORM_EPS, weight, inPlace);
            assertSame(again, actual, `${what}, in place`);
          }
        }
      }
    }
  });

  test('max relative error 4e-7 at dim 2,048', () => {
    const weight = random.normal(2048);
    const x = random.normal(2048 * 10);
    const expected = rmsNorm(x, 2048, BLOCK_NORM_EPS, weight);
    const actual = normalize(x, 2048, BLOCK_NORM_EPS, weight);
    assertWithin(actual, expected, (i) => 4e-7 * Math.abs(expected[i]!), 'dim 2,048');
  });

  test('a row of zeros stays zero', () => {
    const zeros = new Float32Array(34);
    assertSame(normalize(zeros, 17, 1e-5, undefined), zeros, 'zeros');
  });

  test('equals the golden norms, max abs as stated', () => {
    const golden = loadGolden('misc_rmsnorm_swiglu');
    const x = floats(golden, 'x');
    const weight = floats(golden, 'weight');
    for (const [tensor, eps, weights] of [
      ['rms_block_eps_f32', BLOCK_NORM_EPS, undefined],
      ['rms_eps_1e-6_weighted', 1e-6, weight],
      ['rms_eps_1e-5_weighted', GROUP_NORM_EPS, weight],
    ] as const) {
      const actual = normalize(x, weight.length, eps, weights);
      const atol = tolerance(golden, tensor);
      assertClose(actual, floats(golden, tensor), { atol, what: tensor });
    }
  });
});
