import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RopeScaling, scaleFrequencies } from '../../src/attention/rope.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { assertWithin, ROUNDING } from '../helpers/kernels/kernel-bench.ts';

const LLAMA3 = {
  type: 'llama3',
  factor: 8,
  lowFreqFactor: 1,
  highFreqFactor: 4,
  originalContext: 8192,
} as const;
const YARN = {
  type: 'yarn',
  factor: 4,
  originalContext: 2048,
  betaFast: 32,
  betaSlow: 1,
  attentionFactor: 1.1,
  isTruncated: true,
} as const;

const LONG = {
  type: 'longrope',
  factor: 32,
  originalContext: 4096,
  // as published ones: 1 for the fastest pairs, up to twice the stretch for the slowest
  factors: Array.from({ length: 64 }, (_, i) => 1 + 64 * (i / 63) ** 3),
  attentionFactor: 1.19,
} as const;

const frequenciesOf = (rotaryDim: number, theta: number) =>
  Float32Array.from({ length: rotaryDim / 2 }, (_, i) => {
    return 1 / Math.fround(theta ** Math.fround((2 * i) / rotaryDim));
  });

const scaled = (rotaryDim: number, theta: number, scaling: RopeScaling) => {
  const frequencies = frequenciesOf(rotaryDim, theta);
  scaleFrequencies(frequencies, theta, scaling);
  return frequencies;
};

const clamp = (x: number) => Math.min(1, Math.max(0, x));

/** The published formulas in float64. */
function twin(frequency: number, i: number, pairs: number, theta: number, scaling: RopeScaling) {
  const { factor } = scaling;
  if (scaling.type === 'linear') return frequency / factor;
  if (scaling.type === 'longrope') return frequency / scaling.factors[i]!;
  const mixed = (kept: number) => kept * frequency + (1 - kept) * (frequency / factor);
  if (scaling.type === 'llama3') {
    const turns = (scaling.originalContext * frequency) / (2 * Math.PI);
    const { lowFreqFactor: low, highFreqFactor: high } = scaling;
    return mixed(clamp((turns - low) / (high - low)));
  }
  const pairOf = (turns: number) =>
    (pairs * Math.log(scaling.originalContext / (turns * 2 * Math.PI))) / Math.log(theta);
  const [first, last] = [pairOf(scaling.betaFast), pairOf(scaling.betaSlow)];
  const low = Math.max(0, scaling.isTruncated ? Math.floor(first) : first);
  const high = Math.min(2 * pairs - 1, scaling.isTruncated ? Math.ceil(last) : last);
  return mixed(1 - clamp((i - low) / (high - low)));
}

const test = suite('scaleFrequencies()');

test('equals the published formulas in float64 to 8 roundings', () => {
  for (const scaling of [
    { type: 'linear', factor: 4 },
    { type: 'linear', factor: 2.5 },
    LLAMA3,
    { ...LLAMA3, factor: 32, highFreqFactor: 2.5, originalContext: 4000 },
    YARN,
    { ...YARN, isTruncated: false },
    { ...YARN, factor: 40, betaFast: 20, betaSlow: 2, originalContext: 4096 },
    LONG,
  ] as const) {
    for (const [rotaryDim, theta] of [
      [2, 10_000],
      [34, 10_000],
      [128, 500_000],
    ] as const) {
      const before = frequenciesOf(rotaryDim, theta);
      const expected = before.map((x, i) => twin(x, i, before.length, theta, scaling));
      const actual = scaled(rotaryDim, theta, scaling);
      const what = `${JSON.stringify(scaling)}, rotaryDim ${rotaryDim}`;
      // smooth shares divide by 1.5 or more turns: an error of a rounding stays one
      assertWithin(actual, expected, (i) => 8 * ROUNDING * expected[i]!, what);
    }
  }
});

test('longrope divides each frequency by its factor; 1 leaves it alone, bit for bit', () => {
  const before = frequenciesOf(8, 10_000);
  const factors = [1, 1.0299999713897705, 2, 64.5];
  const actual = scaled(8, 10_000, { ...LONG, factors });
  const expected = factors.map((factor, i) => Math.fround(before[i]! / Math.fround(factor)));
  assertSame([...actual], expected, 'four pairs');
  assert.is(actual[0], before[0]);
  // 1 / (factor · theta^(2i/d)), from arXiv 2402.13753 in float64
  const golden = [1, 0.06666666666666667, 0.00125, 1.6666666666666667e-5];
  const found = scaled(8, 10_000, { ...LONG, factors: [1, 1.5, 8, 60] });
  assertWithin(found, golden, (i) => 2 * ROUNDING * golden[i]!, 'golden');
});

test('llama3 equals float32 tensor arithmetic bit for bit, below, in and above the blend', () => {
  const actual = scaled(128, 500_000, LLAMA3);
  assertSame(
    [0, 20, 28, 29, 32, 36, 63].map((i) => actual[i]!),
    [
      1, 0.016560440883040428, 0.0032114461064338684, 0.0021665706299245358, 0.0005248460220173001,
      7.784655463183299e-5, 3.068925877869333e-7,
    ],
    'theta 500,000, 128 features',
  );
});

test('yarn equals float32 tensor arithmetic bit for bit, its ramp whole or not', () => {
  for (const [isTruncated, expected] of [
    [true, [0.10000000149011612, 0.07066310197114944, 0.00794983934611082, 0.0009730085730552673]],
    [
      false,
      [0.10000000149011612, 0.07061754912137985, 0.007574179209768772, 0.0008112904615700245],
    ],
  ] as const) {
    const actual = scaled(64, 10_000, { ...YARN, isTruncated });
    const found = [8, 9, 15, 20].map((i) => actual[i]!);
    assertSame(found, expected, `truncated: ${isTruncated}`);
    assert.is(actual[0], 1);
    assert.is(actual[31], frequenciesOf(64, 10_000)[31]! / 4);
  }
});

test('a ramp of no width is a step, not a division by 0', () => {
  // both bounds clamp to pair 0
  const steps = scaled(8, 10_000, { ...YARN, originalContext: 6, betaFast: 1, betaSlow: 1 });
  const before = frequenciesOf(8, 10_000);
  assertSame([...steps], [1, before[1]! / 4, before[2]! / 4, before[3]! / 4], 'step');
});

test.run();
