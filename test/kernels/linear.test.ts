import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { assertSame, maxAbsDiff } from '../helpers/checks/close.ts';
import {
  assertSplits,
  assertWithin,
  kernelSuite,
  MISALIGNMENTS,
} from '../helpers/kernels/kernel-bench.ts';
import {
  denseRows,
  type LinearInputs,
  linearInputs,
  magnitudes,
  type LinearSizes,
  runLinear,
} from '../helpers/kernels/kernel-linear.ts';
import { groupedAttention } from '../reference/attention.ts';

const SHAPES: readonly LinearSizes[] = [
  { heads: 6, kvHeads: 2, headDim: 18, valueDim: 10 },
  { heads: 5, kvHeads: 5, headDim: 24, valueDim: 13 },
  { heads: 5, kvHeads: 1, headDim: 33, valueDim: 64 },
  { heads: 8, kvHeads: 4, headDim: 80, valueDim: 31 },
  { heads: 3, kvHeads: 3, headDim: 18, valueDim: 10, ranks: [3, 2, 2] },
  { heads: 4, kvHeads: 4, headDim: 24, valueDim: 13, ranks: [1, 1, 1] },
  { heads: 2, kvHeads: 2, headDim: 64, valueDim: 5, ranks: [0, 3, 2] },
];

/** One by one, in blocks that leave every kind of rest, in blocks as long as they may be. */
const CUTS = [
  Array.from({ length: 40 }, (_, i) => i + 1),
  [1, 3, 8, 9, 40, 57, 60, 100, 107, 110],
  [48, 96, 110],
  [47, 94, 110],
];

function titleOf({ heads, kvHeads, headDim, valueDim, ranks }: LinearSizes): string {
  const kind = ranks ? `ranks ${ranks.join(' ')}` : `${kvHeads} K/V heads`;
  return `h ${heads}, d ${headDim}, e ${valueDim}, ${kind}`;
}

/** Within 1e-6 of what the result would be if nothing cancelled. */
const expectTwin = (sizes: LinearSizes, inputs: LinearInputs, out: Float32Array, scale: number) => {
  const tokens = out.length / (sizes.heads * sizes.valueDim);
  const [expected, magnitude] = [inputs, magnitudes(inputs)].map((rows) => {
    const { q, k, v } = denseRows(sizes, tokens, rows);
    return groupedAttention(q, k, v, { ...sizes, tokens }, { scale, weights: 'linear' }).out;
  });
  assertWithin(out, expected!, (i) => 1e-6 * magnitude![i]!, titleOf(sizes));
};

await kernelSuite('linearAttend()', ({ test, bench }) => {
  for (const sizes of SHAPES) {
    test(`${titleOf(sizes)}: step by step = block by block = the twin, 1e-6 of the sum of magnitudes`, () => {
      for (const [i, cuts] of CUTS.entries()) {
        const inputs = linearInputs(sizes, cuts.at(-1)!, sizes.headDim);
        const misalignment = MISALIGNMENTS[i % 3]!;
        const { out } = runLinear(bench, bench.guard(), sizes, inputs, cuts, 0.3, misalignment);
        expectTwin(sizes, inputs, out, 0.3);
      }
    });

    test(`${titleOf(sizes)}: the state is Σ k vᵀ of each head, its padding 0`, () => {
      const inputs = linearInputs(sizes, 60, 7);
      const { state } = runLinear(bench, bench.guard(), sizes, inputs, [12, 60], 1);
      const { kvHeads, headDim, valueDim } = sizes;
      const stride = Math.ceil(valueDim / 4) * 4;
      assert.is(state.length, kvHeads * headDim * stride);
      const [expected, magnitude] = [inputs, magnitudes(inputs)].map((rows) => {
        const { k, v } = denseRows(sizes, 60, rows);
        const sum = new Float64Array(state.length);
        for (let i = 0; i < 60 * kvHeads * headDim; i++) {
          const row = i % (kvHeads * headDim);
          for (let e = 0; e < valueDim; e++) {
            sum[row * stride + e]! += k[i]! * v[Math.floor(i / headDim) * valueDim + e]!;
          }
        }
        return sum;
      });
      assertWithin(state, expected!, (i) => 1e-6 * magnitude![i]!, titleOf(sizes));
    });

    test(`${titleOf(sizes)}: 2, 3 and 7 ranges of heads give the bits of one call`, () => {
      const inputs = linearInputs(sizes, 60, 7);
      assertSplits(titleOf(sizes), (split) => {
        const cuts = [12, 60];
        const ran = runLinear(bench, bench.guard(), sizes, inputs, cuts, 1, 4, split);
        return [ran.out, ran.state];
      });
    });

    test(`${titleOf(sizes)}: causality, and alignment changes no bit`, () => {
      const outputs = MISALIGNMENTS.map((misalignment) => {
        const inputs = linearInputs(sizes, 40, 3);
        if (misalignment === 12) {
          for (const x of Object.values(inputs)) {
            for (let i = (x.length / 40) * 33; i < x.length; i++) x[i]! *= -1000;
          }
        }
        const { out } = runLinear(bench, bench.guard(), sizes, inputs, [7, 40], 1, misalignment);
        return out;
      });
      const [aligned, moved, other] = outputs as [Float32Array, Float32Array, Float32Array];
      assertSame(moved, aligned, 'alignment');
      const before = 33 * sizes.heads * sizes.valueDim;
      assertSame(other.subarray(0, before), aligned.subarray(0, before), 'causality');
      assert.ok(maxAbsDiff(other.subarray(before), aligned.subarray(before)) > 0);
    });
  }

  test('a factor that no token moves may have stride 0: fixed A, its shape naming it', () => {
    const sizes: LinearSizes = {
      heads: 3,
      kvHeads: 3,
      headDim: 8,
      valueDim: 6,
      ranks: [2, 2, 1],
    };
    const inputs = linearInputs(sizes, 20, 9);
    for (let t = 1; t < 20; t++) {
      for (const x of [inputs.ak, inputs.av]) x.copyWithin((x.length / 20) * t, 0, x.length / 20);
    }
    const stored = runLinear(bench, bench.guard(), sizes, inputs, [20], 1);
    const fixed = runLinear(bench, bench.guard(), { ...sizes, isFixed: true }, inputs, [20], 1);
    assertSame(fixed.out, stored.out, 'fixed A');
  });

  test('100 random shapes and cuts equal the twin', () => {
    const shapes = fc.record({
      kvHeads: fc.integer({ min: 1, max: 3 }),
      group: fc.integer({ min: 1, max: 4 }),
      headDim: fc.integer({ min: 1, max: 40 }),
      valueDim: fc.integer({ min: 1, max: 70 }),
      rank: fc.integer({ min: 0, max: 3 }),
      blocks: fc.array(fc.integer({ min: 1, max: 48 }), { minLength: 1, maxLength: 3 }),
      seed: fc.nat(),
    });
    let runs = 0;
    fc.assert(
      fc.property(shapes, ({ kvHeads, group, headDim, valueDim, rank, blocks, seed }) => {
        const sizes: LinearSizes =
          rank > 0
            ? { heads: kvHeads, kvHeads, headDim, valueDim, ranks: [rank - 1, rank, 2] }
            : { heads: kvHeads * group, kvHeads, headDim, valueDim };
        const cuts = blocks.map((_, i) => blocks.slice(0, i + 1).reduce((a, b) => a + b));
        const inputs = linearInputs(sizes, cuts.at(-1)!, seed);
        const { out } = runLinear(bench, bench.guard(), sizes, inputs, cuts, 0.5);
        expectTwin(sizes, inputs, out, 0.5);
        runs++;
      }),
      { seed: 20_250_111, numRuns: 100 },
    );
    assert.ok(runs >= 100);
  });
});
