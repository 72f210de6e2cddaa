import { assertSame } from '../helpers/checks/close.ts';
import { floats, integers, loadGolden, tolerance } from '../helpers/checks/golden.ts';
import {
  assertWithin,
  kernelSuite,
  MISALIGNMENTS,
  ROUNDING,
} from '../helpers/kernels/kernel-bench.ts';
import {
  ropeAngles,
  ropeFrequencies,
  roundToBfloat16,
  ropeTable,
} from '../reference/rope-table.ts';

const HEAD_DIMS = [2, 4, 6, 8, 16, 24, 34, 64, 128, 256];

const tenFrom = (position: number) => Array.from({ length: 10 }, (_, t) => position + t);

await kernelSuite('ropeFrequencies() and ropeTable()', ({ test, kernels, guard }) => {
  const frequenciesOf = (headDim: number, theta: number, misalignment: 0 | 4 | 12 = 0) => {
    const guarded = guard();
    const out = guarded.region('frequencies', headDim / 2, misalignment);
    kernels.ropeFrequencies(out.pointer, headDim, theta);
    guarded.assertCanaries();
    return guarded.read(out);
  };

  const tablesOf = (
    frequencies: Float32Array,
    position: number,
    count: number,
    isBfloat16: boolean,
    misalignment: 0 | 4 | 12 = 0,
    { magnitude = 1, decay = 1 } = {},
  ) => {
    const guarded = guard();
    const pairs = frequencies.length;
    const from = guarded.regionOf('frequencies', frequencies, misalignment);
    const cos = guarded.region('cos', count * pairs, misalignment);
    const sin = guarded.region('sin', count * pairs, misalignment);
    const args = [cos.pointer, sin.pointer, from.pointer, pairs, position, count] as const;
    kernels.ropeTable(...args, isBfloat16, magnitude, Math.log(decay));
    guarded.assertCanaries();
    return { cos: guarded.read(cos), sin: guarded.read(sin) };
  };

  test('frequencies equal the twin: exactly at base 10,000, to one rounding at others', () => {
    for (const headDim of HEAD_DIMS) {
      for (const theta of [10_000, 1, 500_000, 1e6]) {
        for (const misalignment of MISALIGNMENTS) {
          const expected = ropeFrequencies(headDim, theta);
          const actual = frequenciesOf(headDim, theta, misalignment);
          const slack = theta === 10_000 ? 0 : 4 * ROUNDING;
          const what = `headDim ${headDim}, theta ${theta}`;
          assertWithin(actual, expected, (i) => slack * expected[i]!, what);
        }
      }
    }
  });

  test('cosines and sines of positions up to 2^24 are those of the float32 angle to 1 rounding', () => {
    for (const headDim of HEAD_DIMS) {
      const frequencies = frequenciesOf(headDim, 10_000);
      for (const position of [0, 1, 100, 4090, 65_530, 1_000_003, 2 ** 24 - 10]) {
        for (const misalignment of MISALIGNMENTS) {
          const angles = ropeAngles(tenFrom(position), frequencies);
          const { cos, sin } = tablesOf(frequencies, position, 10, false, misalignment);
          const what = `headDim ${headDim}, position ${position}`;
          // the contract's 1e-9 before rounding, and the rounding of a number below 1
          assertWithin(cos, angles.map(Math.cos), () => 1e-9 + ROUNDING / 2, `cos, ${what}`);
          assertWithin(sin, angles.map(Math.sin), () => 1e-9 + ROUNDING / 2, `sin, ${what}`);
          const rounded = tablesOf(frequencies, position, 10, true, misalignment);
          assertSame(rounded.cos, cos.map(roundToBfloat16), `bfloat16 of cos, ${what}`);
          assertSame(rounded.sin, sin.map(roundToBfloat16), `bfloat16 of sin, ${what}`);
        }
      }
    }
  });

  test('equals the twin: bfloat16 exactly for the first 4,096 positions of headDim 64', () => {
    const frequencies = frequenciesOf(64, 10_000);
    const positions = Array.from({ length: 4096 }, (_, t) => t);
    const expected = ropeTable(positions, 64, 'bfloat16');
    const actual = tablesOf(frequencies, 0, 4096, true);
    assertWithin(actual.cos, expected.cos, () => 0, 'cos');
    assertWithin(actual.sin, expected.sin, () => 0, 'sin');
  });

  test('magnitude multiplies both tables before the rounding to bfloat16, decay after it; far angles decay to 0', () => {
    for (const { magnitude, decay } of [
      { magnitude: 1.3, decay: 1 },
      { magnitude: 1, decay: 0.999 },
      { magnitude: 0.7, decay: 0.9 },
      { magnitude: 2, decay: 1.01 },
    ]) {
      const frequencies = frequenciesOf(34, 10_000);
      for (const position of [0, 5, 1000, 65_530]) {
        if (decay > 1 && position > 1000) continue; // grows past float32
        const misalignment = MISALIGNMENTS[position % 3]!;
        const options = { magnitude, decay };
        const { cos, sin } = tablesOf(frequencies, position, 10, false, misalignment, options);
        const angles = ropeAngles(tenFrom(position), frequencies);
        const radius = angles.map((angle) => magnitude * decay ** angle);
        const what = `magnitude ${magnitude}, decay ${decay}, position ${position}`;
        const expected = (part: (angle: number) => number) =>
          angles.map((angle, i) => radius[i]! * part(angle));
        for (const [actual, twin] of [
          [cos, expected(Math.cos)],
          [sin, expected(Math.sin)],
        ] as const) {
          const bound = (i: number) => 1e-9 * radius[i]! + 2 * ROUNDING * Math.abs(twin[i]!);
          assertWithin(actual, twin, (i) => bound(i) + 2 ** -149, what);
        }
        const rounded = tablesOf(frequencies, position, 10, true, misalignment, options);
        const still = tablesOf(frequencies, position, 10, false, misalignment, { magnitude });
        const decayed = (table: Float32Array) =>
          table.map((x, i) => roundToBfloat16(x) * decay ** angles[i]!);
        for (const [actual, twin] of [
          [rounded.cos, decayed(still.cos)],
          [rounded.sin, decayed(still.sin)],
        ] as const) {
          assertWithin(
            actual,
            twin,
            (i) => 2 * ROUNDING * Math.abs(twin[i]!) + 2 ** -149,
            `bfloat16, ${what}`,
          );
        }
      }
    }
  });

  test('equals the golden tables: bfloat16 exactly, float32 to the stated 1e-5', () => {
    const golden = loadGolden('rope_tables');
    const positions = integers(golden, 'positions');
    for (const headDim of [8, 16, 24, 64, 128]) {
      const frequencies = frequenciesOf(headDim, 10_000);
      for (const [precision, atol] of [
        ['bf16', tolerance(golden, 'bf16')],
        ['exact', tolerance(golden, 'cos_exact')],
      ] as const) {
        for (const part of ['cos', 'sin'] as const) {
          const name = `${part}_${precision}_D${headDim}`;
          const actual = Array.from(positions, (position) => [
            ...tablesOf(frequencies, position, 1, precision === 'bf16')[part],
          ]).flat();
          assertWithin(actual, floats(golden, name), () => atol, name);
        }
      }
    }
  });
});
