import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { fillPages, formInputs, type FormShape } from '../helpers/kernels/cache-forms.ts';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import {
  assertAttention,
  decode,
  prefill,
  writeQuery,
} from '../helpers/kernels/kernel-attention.ts';
import { assertSplits, kernelSuite, MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';
import type { Misalignment } from '../helpers/kernels/memory.ts';
import { attention, attentionTolerance } from '../reference/attention.ts';
import { formFactors } from '../reference/cache-forms.ts';

const shape = (
  form: FormShape['form'],
  [heads, headDim, valueDim]: [number, number, number],
  [rankQ, rankK, rankV]: [number, number, number],
  options: Partial<FormShape> = {},
): FormShape => ({
  form,
  heads,
  headDim,
  valueDim,
  rankQ,
  rankK,
  rankV,
  isFixedA: false,
  outerDim: 1,
  pairs: 0,
  direction: 1,
  deviation: 1,
  seed: heads * 1000 + headDim,
  ...options,
});

const SHAPES: readonly FormShape[] = [
  shape('contextual', [5, 18, 10], [3, 2, 2], { isFixedA: true }),
  shape('contextual', [3, 18, 13], [2, 1, 3], { isFixedA: true, deviation: 3 }),
  shape('contextual', [5, 18, 13], [0, 3, 1], { isFixedA: true }),
  shape('fixed', [5, 18, 10], [3, 2, 2], { pairs: 9 }),
  shape('fixed', [3, 18, 13], [2, 1, 1], { pairs: 6, direction: -1, deviation: 3 }),
  shape('fixed', [3, 40, 13], [0, 2, 3], { pairs: 18 }),
  shape('fixed', [5, 7, 10], [1, 3, 1], { pairs: 3, direction: -1 }),
  shape('fixed', [3, 13, 10], [2, 2, 2], { pairs: 0 }),
  shape('shared', [5, 18, 18], [3, 2, 2], { pairs: 9 }),
  shape('shared', [3, 13, 13], [2, 3, 3], { pairs: 4, direction: -1 }),
  shape('shared', [5, 18, 18], [0, 1, 1], { pairs: 5, deviation: 3 }),
  shape('shared', [3, 40, 40], [1, 2, 2], { pairs: 20, isFixedA: true, direction: -1 }),
  shape('outer', [5, 18, 10], [3, 2, 2], { outerDim: 2 }),
  shape('outer', [3, 18, 12], [2, 1, 3], { outerDim: 3 }),
  shape('outer', [5, 18, 9], [0, 3, 1], { outerDim: 9, deviation: 3 }),
  shape('outer', [3, 20, 10], [1, 2, 2], { outerDim: 5, isFixedA: true }),
  shape('latent', [5, 18, 10], [3, 1, 1], { isFixedA: true }),
  shape('latent', [3, 18, 13], [0, 1, 1], { isFixedA: true, deviation: 3 }),
  shape('latent', [3, 18, 17], [2, 2, 2]),
  shape('latent', [2, 300, 270], [0, 1, 1], { isFixedA: true, deviation: 0.3 }),
];

const titleOf = (sizes: FormShape) => {
  const { form, heads, headDim, valueDim, rankQ, rankK, rankV, isFixedA, pairs, outerDim } = sizes;
  const extra = { outer: `, c ${outerDim}`, fixed: `, ${pairs} pairs`, shared: `, ${pairs} pairs` };
  return (
    `B ${form}, A ${isFixedA ? 'fixed' : 'contextual'}, h ${heads}, d ${headDim}, e ${valueDim}, ` +
    `ranks ${rankQ} ${rankK} ${rankV}${extra[form as 'outer'] ?? ''}`
  );
};

/** Inputs and what the twin makes of them. */
function problem(sizes: FormShape, tokens: number, cached: number) {
  const { query, stored } = formInputs(sizes, tokens, cached);
  const result = attention(query, formFactors(sizes, stored, cached), {
    ...sizes,
    tokens,
    cached,
  });
  return { query, stored, result };
}

await kernelSuite('forms of a cache', ({ test, bench }) => {
  const checkDecode = (
    sizes: FormShape,
    cached: number,
    misalignments: readonly Misalignment[],
  ) => {
    const { query, stored, result } = problem(sizes, 1, cached);
    let aligned: Float32Array | undefined;
    for (const misalignment of misalignments) {
      const guarded = bench.guard();
      const pages = fillPages(bench, guarded, sizes, stored, cached, misalignment);
      const at = writeQuery(guarded, query, 1, misalignment);
      const out = decode(bench, guarded, pages, sizes, at, 0, cached, misalignment);
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
    const { query, stored, result } = problem(sizes, count, cached);
    const guarded = bench.guard();
    const pages = fillPages(bench, guarded, sizes, stored, cached, misalignment);
    const at = writeQuery(guarded, query, count, misalignment);
    const what = `${count} queries at ${position}`;
    for (const isDense of [false, true]) {
      const block = { count, position };
      const out = prefill(bench, guarded, pages, sizes, at, block, isDense, misalignment);
      assertAttention(out, result, `${what}, ${isDense ? 'dense' : 'factored'} keys`);
    }
    const width = sizes.heads * sizes.valueDim;
    for (const t of new Set([0, count - 1])) {
      const out = decode(bench, guarded, pages, sizes, at, t, position + t + 1);
      const expected = result.out.subarray(t * width, (t + 1) * width);
      assertClose(out, expected, {
        atol: attentionTolerance(result),
        what: `${what}, decode ${t}`,
      });
    }
  };

  for (const sizes of SHAPES) {
    const title = titleOf(sizes);

    test(`${title}: 2, 3 and 7 ranges of heads give the bits of one call`, () => {
      const [tokens, cached] = [5, 140];
      const { query, stored } = formInputs(sizes, tokens, cached);
      const guarded = bench.guard();
      const pages = fillPages(bench, guarded, sizes, stored, cached, 4);
      const at = writeQuery(guarded, query, tokens);
      assertSplits(title, (split) => [
        decode(bench, guarded, pages, sizes, at, tokens - 1, cached, 4, split),
        ...[false, true].map((isDense) => {
          const block = { count: tokens, position: cached - tokens };
          return prefill(bench, guarded, pages, sizes, at, block, isDense, 4, split);
        }),
      ]);
    });

    test(`${title}: tpaDecode equals the twin at 1 … 300 tokens, NaN past the last`, () => {
      for (const cached of [1, 47, 48, 49, 95, 97, 211, 300]) {
        checkDecode(sizes, cached, MISALIGNMENTS);
      }
    });

    test(`${title}: tpaPrefill equals the twin and tpaDecode in both orders of contraction`, () => {
      for (const [i, [count, position]] of (
        [
          [1, 0],
          [2, 47],
          [7, 206],
          [9, 89],
          [48, 165],
          [49, 96],
        ] as const
      ).entries()) {
        checkPrefill(sizes, count, position, MISALIGNMENTS[i % 3]!);
      }
    });
  }

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

/** Any form of small sizes; widths meet what the form asks of them. */
function randomForm(): fc.Arbitrary<FormShape> {
  const size = fc.integer({ min: 1, max: 20 });
  return fc
    .record({
      form: fc.constantFrom('contextual', 'fixed', 'shared', 'outer', 'latent'),
      heads: fc.integer({ min: 1, max: 9 }),
      headDim: size,
      valueDim: size,
      outerDim: fc.integer({ min: 1, max: 7 }),
      rankQ: fc.integer({ min: 0, max: 4 }),
      rankK: fc.integer({ min: 1, max: 3 }),
      rankV: fc.integer({ min: 1, max: 3 }),
      isFixedA: fc.boolean(),
      rotated: fc.double({ min: 0, max: 1, noNaN: true }),
      direction: fc.constantFrom(1 as const, -1 as const),
      deviation: fc.constantFrom(1, 0.3, 2),
      seed: fc.nat(),
    })
    .map(({ rotated, ...drawn }): FormShape => {
      const made = { ...drawn, pairs: 0 };
      // with both fixed every token is the same: no mechanism, and V may be one number that cancels
      if (made.form === 'fixed') made.isFixedA = false;
      if (made.form === 'outer') {
        made.headDim *= made.outerDim;
        made.valueDim *= made.outerDim;
      }
      if (made.form === 'shared') made.valueDim = made.headDim;
      if (made.form === 'latent') made.headDim += made.valueDim;
      if (made.form === 'shared' || made.form === 'latent') made.rankV = made.rankK;
      if (made.form === 'shared' || made.form === 'fixed') {
        made.pairs = Math.floor((rotated * (made.headDim + 1)) / 2);
      }
      if (made.pairs > made.headDim >> 1) made.pairs = made.headDim >> 1;
      return made;
    });
}
