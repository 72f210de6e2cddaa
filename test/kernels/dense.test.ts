import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { assertClose, assertSame, maxAbsDiff } from '../helpers/checks/close.ts';
import { assertAttention, decode } from '../helpers/kernels/kernel-attention.ts';
import {
  assertSplits,
  assertWithin,
  kernelSuite,
  MISALIGNMENTS,
  type Split,
  SPLITS,
} from '../helpers/kernels/kernel-bench.ts';
import {
  denseInputs,
  type DenseSizes,
  fillDense,
  runDecode,
  runPrefill,
} from '../helpers/kernels/kernel-dense.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { attentionTolerance, groupedAttention } from '../reference/attention.ts';

/** Groups even, odd and single; widths that every strip covers; keys longer than one cut of 128. */
const SHAPES: readonly DenseSizes[] = [
  { heads: 6, kvHeads: 2, headDim: 18, valueDim: 10 },
  { heads: 5, kvHeads: 5, headDim: 24, valueDim: 13, deviation: 3 },
  { heads: 5, kvHeads: 1, headDim: 64, valueDim: 64 },
  { heads: 8, kvHeads: 4, headDim: 80, valueDim: 64, deviation: 0.3 },
  { heads: 3, kvHeads: 1, headDim: 18, valueDim: 1 },
  { heads: 2, kvHeads: 2, headDim: 131, valueDim: 112 },
  { heads: 1, kvHeads: 1, headDim: 1, valueDim: 50 },
  { heads: 8, kvHeads: 1, headDim: 28, valueDim: 20, isLatent: true },
  { heads: 3, kvHeads: 1, headDim: 150, valueDim: 130, isLatent: true },
  { heads: 1, kvHeads: 1, headDim: 12, valueDim: 7, isLatent: true },
];

const WINDOWS = [1, 47, 48, 49, 95, 96, 97, 150, 500, 1000];

function intoParts(...parts: number[]): Split[] {
  return parts.map((count) => ({ parts: count, isReversed: false }));
}

function titleOf({ heads, kvHeads, headDim, valueDim, isLatent = false }: DenseSizes): string {
  return `h ${heads}/${kvHeads}, d ${headDim}, e ${valueDim}${isLatent ? ', latent' : ''}`;
}

await kernelSuite('denseDecode() and densePrefill()', ({ test, bench }) => {
  for (const sizes of SHAPES) {
    const { heads, valueDim } = sizes;
    const title = titleOf(sizes);

    test(`denseDecode: ${title}: equals the twin in 1, 2 and 4 spans, NaN past the last`, () => {
      for (const cached of [1, 3, 47, 48, 49, 95, 96, 97, 191, 200, 400, 481, 1153]) {
        const inputs = denseInputs(sizes, 1, cached, cached);
        const { q, k, v } = inputs;
        const result = groupedAttention(q, k, v, { ...sizes, tokens: 1, cached });
        let aligned: Float32Array | undefined;
        for (const misalignment of MISALIGNMENTS) {
          const { pages, query } = fillDense(bench, sizes, inputs, cached, { misalignment });
          const out = runDecode(pages, query, 0, [0, cached]);
          assertAttention(out, result, `${cached} tokens, ${misalignment} bytes off`);
          aligned ??= out;
          assertSame(out, aligned, 'alignment changes no bit');
        }
      }
    });

    test(`denseDecode: ${title}: a window sees nothing before it, NaN or no page at all`, () => {
      for (const cached of [96, 130, 333, 1200]) {
        const inputs = denseInputs(sizes, 1, cached, cached);
        const { q, k, v } = inputs;
        for (const window of WINDOWS) {
          const first = Math.max(0, cached - window);
          const result = groupedAttention(q, k, v, { ...sizes, tokens: 1, cached, window });
          const { pages, query } = fillDense(bench, sizes, inputs, cached, { from: first });
          const out = runDecode(pages, query, 0, [first, cached]);
          assertAttention(out, result, `${cached} tokens, window ${window}`);
        }
      }
    });

    test(`densePrefill: ${title}: equals the twin for blocks of 1 … 48 queries and every window`, () => {
      for (const [count, position, windows] of [
        [1, 0, [0, 1]],
        [1, 96, [0, 96, 97]],
        [2, 47, [0, 1, 48]],
        [3, 0, [0, 2]],
        [5, 94, [0, 1, 5, 95, 96]],
        [9, 89, [0, 7, 49, 97]],
        [17, 378, [0, 150, 1000]],
        [47, 1, [0, 1, 47]],
        [48, 145, [0, ...WINDOWS]],
        [48, 288, [0, 1, 96]],
      ] as const) {
        const cached = position + count;
        const inputs = denseInputs(sizes, count, cached, cached);
        const { q, k, v } = inputs;
        const misalignment = MISALIGNMENTS[count % 3]!;
        for (const window of windows) {
          const result = groupedAttention(q, k, v, { ...sizes, tokens: count, cached, window });
          const from = window > 0 ? Math.max(0, position + 1 - window) : 0;
          const { pages, query } = fillDense(bench, sizes, inputs, cached, { from, misalignment });
          const run = (token: number, some: number) => {
            const block = { token, count: some, position: position + token, window };
            return runPrefill(pages, query, block);
          };
          const what = `${count} queries at ${position}, window ${window}`;
          assertAttention(run(0, count), result, what);
          // the same queries in two blocks, and one by one through denseDecode
          const cut = Math.floor(count / 2);
          if (cut > 0) {
            const parts = [...run(0, cut), ...run(cut, count - cut)];
            assertAttention(new Float32Array(parts), result, `${what}, cut at ${cut}`);
          }
          const width = heads * valueDim;
          for (const t of [0, count - 1]) {
            const length = position + t + 1;
            const first = window > 0 ? Math.max(0, length - window) : 0;
            const out = runDecode(pages, query, t, [first, length]);
            const expected = result.out.subarray(t * width, (t + 1) * width);
            assertClose(out, expected, { atol: attentionTolerance(result), what });
            if (count === 1) assertSame(out, run(0, 1), `${what}: decode = prefill of one`);
          }
        }
      }
    });
  }

  test('any ranges give the bits of one call: within a group, a span, the queries of a head', () => {
    for (const sizes of SHAPES) {
      const [tokens, cached] = [5, 140];
      const inputs = denseInputs(sizes, tokens, 1200, 6);
      const { pages, query } = fillDense(bench, sizes, inputs, 1200, { misalignment: 4 });
      const blocks = [0, 100].map((window) => ({
        count: tokens,
        position: cached - tokens,
        window,
      }));
      assertSplits(
        titleOf(sizes),
        (split) => [
          ...[140, 500, 1200].map((length) =>
            runDecode(pages, query, tokens - 1, [20, length], { split }),
          ),
          ...blocks.map((block) => runPrefill(pages, query, block, split)),
        ],
        [...SPLITS, ...intoParts(sizes.heads, sizes.heads * tokens)],
      );
    }
  });

  test('ranges of a block longer than 48 rows give the bits of one call', () => {
    for (const sizes of [SHAPES[0]!, SHAPES[2]!, SHAPES[7]!]) {
      const [tokens, cached] = [48, 130];
      const { pages, query } = fillDense(
        bench,
        sizes,
        denseInputs(sizes, tokens, cached, 8),
        cached,
      );
      const block = { count: tokens, position: cached - tokens, window: 60 };
      const splits = [...SPLITS, ...intoParts(11, 13, sizes.heads * tokens)];
      assertSplits(titleOf(sizes), (split) => [runPrefill(pages, query, block, split)], splits);
    }
  });

  test('V = 1 gives 1 within 2e-6, whatever the scores', () => {
    for (const sizes of SHAPES) {
      const [tokens, cached] = [9, 240];
      const inputs = denseInputs({ ...sizes, isLatent: false }, tokens, cached, 1);
      inputs.v.fill(1);
      const { pages, query } = fillDense(bench, sizes, inputs, cached);
      for (const window of [0, 30]) {
        const block = { count: tokens, position: cached - tokens, window };
        const out = runPrefill(pages, query, block);
        assertWithin(out, new Float32Array(out.length).fill(1), () => 2e-6, titleOf(sizes));
      }
    }
  });

  test('causality: other later keys and values change no bit of earlier queries', () => {
    for (const sizes of SHAPES) {
      const [tokens, cached] = [9, 240];
      for (const changed of [232, 235, 239]) {
        const outputs = [1, -1000].map((factor) => {
          const inputs = denseInputs(sizes, tokens, cached, 2);
          for (const x of [inputs.k, inputs.v]) {
            for (let i = (x.length / cached) * changed; i < x.length; i++) x[i]! *= factor;
          }
          const { pages, query } = fillDense(bench, sizes, inputs, cached);
          const block = { count: tokens, position: cached - tokens };
          return runPrefill(pages, query, block);
        });
        const before = (changed - (cached - tokens)) * sizes.heads * sizes.valueDim;
        const [original, other] = outputs as [Float32Array, Float32Array];
        assertSame(other.subarray(0, before), original.subarray(0, before), titleOf(sizes));
        assert.ok(maxAbsDiff(other.subarray(before), original.subarray(before)) > 0);
      }
    }
  });

  test('denseDecode = tpaDecode with fixed masks times kvHeads for A on the same pages', () => {
    for (const sizes of SHAPES) {
      const { heads, kvHeads } = sizes;
      const cached = 210;
      const inputs = denseInputs(sizes, 1, cached, 3);
      const { q, k, v } = inputs;
      const result = groupedAttention(q, k, v, { ...sizes, tokens: 1, cached });
      const guarded = bench.guard();
      const mask = Float32Array.from({ length: kvHeads * heads * 48 }, (_, i) => {
        const row = Math.floor(i / 48);
        const h = row % heads;
        return Math.floor((h * kvHeads) / heads) === Math.floor(row / heads) ? kvHeads : 0;
      });
      const at = guarded.regionOf('masks', mask).pointer;
      const { pages, query } = fillDense(bench, sizes, inputs, cached, {
        guarded,
        masks: [at, at],
      });
      assertAttention(decode(pages, query, 0, cached), result, titleOf(sizes));
      const out = runDecode(pages, query, 0, [0, cached]);
      assertAttention(out, result, titleOf(sizes));
    }
  });

  test('MLA: absorbed queries over the latent = attention over materialised K and V', () => {
    const [heads, nope, rope, latent, cached] = [6, 12, 8, 20, 250];
    const sizes = { heads, kvHeads: 1, headDim: latent + rope, valueDim: latent, isLatent: true };
    const inputs = denseInputs(sizes, 1, cached, 4);
    const random = createRandom(5);
    const up = random.normal(heads * nope * latent, 0.3); // W_UK (heads, nope, latent)
    const upValues = random.normal(heads * nope * latent, 0.3); // W_UV
    const query = random.normal(heads * (nope + rope));
    const scale = 1 / Math.sqrt(nope + rope);
    const absorbed = new Float32Array(heads * sizes.headDim);
    const k = new Float64Array(cached * heads * (nope + rope));
    const v = new Float64Array(cached * heads * nope);
    for (let h = 0; h < heads; h++) {
      for (let j = 0; j < latent; j++) {
        let sum = 0;
        for (let i = 0; i < nope; i++) {
          sum += query[h * (nope + rope) + i]! * up[(h * nope + i) * latent + j]!;
        }
        absorbed[h * sizes.headDim + j] = sum;
      }
      const rotated = query.subarray(h * (nope + rope) + nope, (h + 1) * (nope + rope));
      absorbed.set(rotated, h * sizes.headDim + latent);
      for (let m = 0; m < cached; m++) {
        const at = (m * heads + h) * (nope + rope);
        for (let i = 0; i < nope; i++) {
          for (let j = 0; j < latent; j++) {
            const c = inputs.v[m * latent + j]!;
            k[at + i]! += up[(h * nope + i) * latent + j]! * c;
            v[(m * heads + h) * nope + i]! += upValues[(h * nope + i) * latent + j]! * c;
          }
        }
        for (let i = 0; i < rope; i++) {
          k[at + nope + i] = inputs.k[m * sizes.headDim + latent + i]!;
        }
      }
    }
    const dense = { heads, kvHeads: heads, headDim: nope + rope, valueDim: nope };
    const result = groupedAttention(query, k, v, { ...dense, tokens: 1, cached }, { scale });

    const { pages, query: moved } = fillDense(bench, sizes, { ...inputs, q: absorbed }, cached);
    const found = runDecode(pages, moved, 0, [0, cached], { scale });
    const out = Float64Array.from({ length: heads * nope }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < latent; j++) {
        sum += upValues[i * latent + j]! * found[Math.floor(i / nope) * latent + j]!;
      }
      return sum;
    });
    assertClose(out, result.out, { atol: 3 * attentionTolerance(result), what: 'MLA' });
  });

  test('200 random shapes, positions, blocks and windows equal the twin', () => {
    const shapes = fc.record({
      kvHeads: fc.integer({ min: 1, max: 4 }),
      group: fc.integer({ min: 1, max: 9 }),
      headDim: fc.integer({ min: 1, max: 140 }),
      valueDim: fc.integer({ min: 1, max: 140 }),
      count: fc.integer({ min: 1, max: 48 }),
      position: fc.integer({ min: 0, max: 300 }),
      window: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 320 })),
      isLatent: fc.boolean(),
      seed: fc.nat(),
    });
    let runs = 0;
    fc.assert(
      fc.property(shapes, ({ count, position, window, seed, group, ...random }) => {
        const isLatent = random.isLatent && random.headDim > random.valueDim;
        const kvHeads = isLatent ? 1 : random.kvHeads;
        const sizes = { ...random, isLatent, kvHeads, heads: kvHeads * group };
        const cached = position + count;
        const inputs = denseInputs(sizes, count, cached, seed);
        const { q, k, v } = inputs;
        const result = groupedAttention(q, k, v, { ...sizes, tokens: count, cached, window });
        const from = window > 0 ? Math.max(0, position + 1 - window) : 0;
        const { pages, query } = fillDense(bench, sizes, inputs, cached, { from });
        const block = { count, position, window };
        const out = runPrefill(pages, query, block);
        assertAttention(out, result, 'prefill');
        const split = { parts: 2 + (seed % (sizes.heads * count)), isReversed: seed % 2 === 0 };
        assertSame(runPrefill(pages, query, block, split), out, `prefill in ${split.parts} ranges`);
        runs++;
      }),
      { seed: 20_250_111, numRuns: 200 },
    );
    assert.ok(runs >= 200);
  });
});
