import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import {
  fillPages,
  formInputs,
  formShape,
  type FormShape,
  randomForm,
} from '../helpers/kernels/cache-forms.ts';
import { assertClose, assertSame, maxAbsDiff } from '../helpers/checks/close.ts';
import {
  assertAttention,
  decode,
  prefill,
  writeQuery,
} from '../helpers/kernels/kernel-attention.ts';
import {
  assertSplits,
  assertWithin,
  kernelSuite,
  MISALIGNMENTS,
} from '../helpers/kernels/kernel-bench.ts';
import type { Misalignment } from '../helpers/kernels/memory.ts';
import { attention, attentionTolerance } from '../reference/attention.ts';
import { formFactors } from '../reference/cache-forms.ts';

/**
 * Of what is cached whole, every size odd or even, one or many, and widths of values that strips of
 * 24, of 16 and of 4 columns cover in every mix; of the other forms, ranks and pairs of each kind.
 */
const SHAPES: readonly FormShape[] = [
  formShape('contextual', [1, 1, 1], [1, 1, 1]),
  formShape('contextual', [1, 4, 3], [3, 2, 2]),
  formShape('contextual', [2, 5, 16], [1, 3, 1], { deviation: 3 }),
  formShape('contextual', [3, 7, 17], [5, 1, 2]),
  formShape('contextual', [4, 16, 31], [6, 2, 2]),
  formShape('contextual', [5, 33, 33], [3, 3, 3]),
  formShape('contextual', [7, 8, 64], [16, 1, 1], { deviation: 3 }),
  formShape('contextual', [8, 17, 67], [4, 2, 4]),
  formShape('contextual', [16, 31, 4], [7, 1, 1], { deviation: 0.3 }),
  formShape('contextual', [17, 64, 5], [2, 2, 1]),
  formShape('contextual', [3, 6, 24], [2, 2, 1]),
  formShape('contextual', [5, 9, 40], [3, 1, 2]),
  formShape('contextual', [2, 12, 76], [4, 2, 2]),
  formShape('contextual', [9, 40, 128], [2, 1, 1]),
  formShape('contextual', [1, 3, 8], [0, 2, 1]),
  formShape('contextual', [3, 5, 1], [0, 1, 3]),
  formShape('contextual', [5, 64, 18], [0, 2, 2], { deviation: 3 }),
  formShape('contextual', [6, 31, 33], [0, 3, 1]),
  formShape('contextual', [5, 18, 10], [3, 2, 2], { isFixedA: true }),
  formShape('contextual', [3, 18, 13], [2, 1, 3], { isFixedA: true, deviation: 3 }),
  formShape('contextual', [5, 18, 13], [0, 3, 1], { isFixedA: true }),
  formShape('fixed', [5, 18, 10], [3, 2, 2], { pairs: 9 }),
  formShape('fixed', [3, 18, 13], [2, 1, 1], { pairs: 6, direction: -1, deviation: 3 }),
  formShape('fixed', [3, 40, 13], [0, 2, 3], { pairs: 18 }),
  formShape('fixed', [5, 7, 10], [1, 3, 1], { pairs: 3, direction: -1 }),
  formShape('fixed', [3, 13, 10], [2, 2, 2], { pairs: 0 }),
  formShape('shared', [5, 18, 18], [3, 2, 2], { pairs: 9 }),
  formShape('shared', [3, 13, 13], [2, 3, 3], { pairs: 4, direction: -1 }),
  formShape('shared', [5, 18, 18], [0, 1, 1], { pairs: 5, deviation: 3 }),
  formShape('shared', [3, 40, 40], [1, 2, 2], { pairs: 20, isFixedA: true, direction: -1 }),
  formShape('outer', [5, 18, 10], [3, 2, 2], { outerDim: 2 }),
  formShape('outer', [3, 18, 12], [2, 1, 3], { outerDim: 3 }),
  formShape('outer', [5, 18, 9], [0, 3, 1], { outerDim: 9, deviation: 3 }),
  formShape('outer', [3, 20, 10], [1, 2, 2], { outerDim: 5, isFixedA: true }),
  formShape('latent', [5, 18, 10], [3, 1, 1], { isFixedA: true }),
  formShape('latent', [3, 18, 13], [0, 1, 1], { isFixedA: true, deviation: 3 }),
  formShape('latent', [3, 18, 17], [2, 2, 2]),
  formShape('latent', [2, 300, 270], [0, 1, 1], { isFixedA: true, deviation: 0.3 }),
];

/** Every token with factors of its own. */
const PLAIN = SHAPES.filter(({ form, isFixedA }) => form === 'contextual' && !isFixedA);

const titleOf = (sizes: FormShape) => {
  const { form, heads, headDim, valueDim, rankQ, rankK, rankV, isFixedA, pairs, outerDim } = sizes;
  const extra = { outer: `, c ${outerDim}`, fixed: `, ${pairs} pairs`, shared: `, ${pairs} pairs` };
  return (
    `B ${form}, A ${isFixedA ? 'fixed' : 'contextual'}, h ${heads}, d ${headDim}, e ${valueDim}, ` +
    `ranks ${rankQ} ${rankK} ${rankV}${extra[form as 'outer'] ?? ''}`
  );
};

await kernelSuite('tpaDecode() and tpaPrefill()', ({ test, bench }) => {
  /** Pages and queries in memory. */
  const fill = (
    sizes: FormShape,
    { query, stored }: ReturnType<typeof formInputs>,
    [tokens, cached]: readonly [number, number],
    misalignment: Misalignment = 0,
  ) => {
    const pages = fillPages(bench, sizes, stored, cached, misalignment);
    return { pages, query: writeQuery(pages, query, tokens) };
  };

  const checkDecode = (
    sizes: FormShape,
    cached: number,
    misalignments: readonly Misalignment[],
  ) => {
    const { inputs, result } = problem(sizes, 1, cached);
    let aligned: Float32Array | undefined;
    for (const misalignment of misalignments) {
      const { pages, query } = fill(sizes, inputs, [1, cached], misalignment);
      const out = decode(pages, query, 0, cached);
      assertAttention(out, result, `${cached} tokens, ${misalignment} bytes off`);
      aligned ??= out;
      assertSame(out, aligned, 'alignment changes no bit');
    }
  };

  const checkPrefill = (
    sizes: FormShape,
    count: number,
    position: number,
    misalignment: Misalignment,
  ) => {
    const cached = position + count;
    const { inputs, result } = problem(sizes, count, cached);
    const { pages, query } = fill(sizes, inputs, [count, cached], misalignment);
    for (const isDense of [false, true]) {
      const run = (token: number, some: number) =>
        prefill(pages, query, { token, count: some, position: position + token }, isDense);
      const what = `${count} queries at ${position}, ${isDense ? 'dense' : 'factored'} keys`;
      assertAttention(run(0, count), result, what);
      // the same queries in two blocks
      const cut = Math.floor(count / 2);
      if (cut > 0) {
        const parts = [...run(0, cut), ...run(cut, count - cut)];
        assertAttention(new Float32Array(parts), result, `${what}, cut at ${cut}`);
      }
    }
    // and one by one through tpaDecode
    const width = sizes.heads * sizes.valueDim;
    for (const t of new Set([0, count - 1])) {
      const out = decode(pages, query, t, position + t + 1);
      const expected = result.out.subarray(t * width, (t + 1) * width);
      const what = `${count} queries at ${position}, decode ${t}`;
      assertClose(out, expected, { atol: attentionTolerance(result), what });
    }
  };

  for (const sizes of SHAPES) {
    const title = titleOf(sizes);

    test(`${title}: 2, 3 and 7 ranges give the bits of one call`, () => {
      const [tokens, cached, all] = [5, 140, 1200];
      const { pages, query } = fill(sizes, formInputs(sizes, tokens, all), [tokens, all], 4);
      assertSplits(title, (split) => [
        ...[cached, 500, all].map((length) => decode(pages, query, tokens - 1, length, split)),
        ...[false, true].map((isDense) => {
          const block = { count: tokens, position: cached - tokens };
          return prefill(pages, query, block, isDense, split);
        }),
      ]);
    });

    test(`${title}: tpaDecode equals the twin in 1, 2 and 4 spans, NaN past the last`, () => {
      for (const cached of [1, 3, 47, 48, 49, 95, 96, 97, 191, 211, 400, 481, 1153]) {
        checkDecode(sizes, cached, MISALIGNMENTS);
      }
    });

    test(`${title}: tpaPrefill equals the twin and tpaDecode in both orders of contraction`, () => {
      for (const [count, position] of [
        [1, 0],
        [1, 96],
        [2, 47],
        [3, 0],
        [4, 93],
        [5, 94],
        [7, 286],
        [8, 0],
        [9, 89],
        [16, 180],
        [17, 378],
        [47, 1],
        [48, 145],
        [49, 96],
      ] as const) {
        checkPrefill(sizes, count, position, MISALIGNMENTS[count % 3]!);
      }
    });
  }

  test('V = 1 gives 1 within 2e-6, whatever the scores', () => {
    for (const sizes of PLAIN) {
      const [tokens, cached] = [9, 140];
      const inputs = formInputs(sizes, tokens, cached);
      inputs.stored.av.fill(1);
      inputs.stored.bv.fill(1);
      const { pages, query } = fill(sizes, inputs, [tokens, cached]);
      for (const isDense of [false, true]) {
        const block = { count: tokens, position: cached - tokens };
        const out = prefill(pages, query, block, isDense);
        assertWithin(out, new Float32Array(out.length).fill(1), () => 2e-6, 'prefill');
      }
      const out = decode(pages, query, tokens - 1, cached);
      assertWithin(out, new Float32Array(out.length).fill(1), () => 2e-6, 'decode');
    }
  });

  test('causality: other factors of later tokens change no bit of earlier queries', () => {
    for (const sizes of PLAIN) {
      const [tokens, cached] = [9, 132];
      for (const changed of [124, 127, 128, 131]) {
        for (const isDense of [false, true]) {
          const outputs = [1, -1000].map((factor) => {
            const inputs = formInputs(sizes, tokens, cached);
            const { ak, bk, av, bv } = inputs.stored;
            for (const x of [ak, bk, av, bv]) {
              const from = (x.length / cached) * changed;
              for (let i = from; i < x.length; i++) x[i]! *= factor;
            }
            const { pages, query } = fill(sizes, inputs, [tokens, cached]);
            const block = { count: tokens, position: cached - tokens };
            return prefill(pages, query, block, isDense);
          });
          const before = (changed - (cached - tokens)) * sizes.heads * sizes.valueDim;
          const [original, other] = outputs as [Float32Array, Float32Array];
          const what = `token ${changed}, ${JSON.stringify(sizes)}`;
          if (before > 0) assertSame(other.subarray(0, before), original.subarray(0, before), what);
          assert.ok(maxAbsDiff(other.subarray(before), original.subarray(before)) > 0, what);
        }
      }
    }
  });
  test('400 random shapes of any form: decode and prefill within the same bounds', () => {
    let shapes = 0;
    fc.assert(
      fc.property(
        randomForm(),
        fc.nat({ max: 3 }),
        fc.nat({ max: 260 }),
        (sizes, more, position) => {
          checkDecode(sizes, position + 1, [4]);
          checkPrefill(sizes, more + 1, position, 8);
          shapes++;
        },
      ),
      { seed: 20_251_122, numRuns: 400 },
    );
    assert.ok(shapes >= 400);
  });
});

/** Inputs and what the twin makes of them. */
function problem(sizes: FormShape, tokens: number, cached: number) {
  const inputs = formInputs(sizes, tokens, cached);
  const factors = formFactors(sizes, inputs.stored, cached);
  const result = attention(inputs.query, factors, { ...sizes, tokens, cached });
  return { inputs, result };
}
