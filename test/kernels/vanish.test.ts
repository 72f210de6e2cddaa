import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { assertSame } from '../helpers/checks/close.ts';
import {
  fillPages,
  formInputs,
  formShape,
  type FormShape,
} from '../helpers/kernels/cache-forms.ts';
import {
  assertAttention,
  decode,
  PAGE_TOKENS,
  writeQuery,
} from '../helpers/kernels/kernel-attention.ts';
import { assertSplits, kernelSuite } from '../helpers/kernels/kernel-bench.ts';
import { attention } from '../reference/attention.ts';
import { formFactors } from '../reference/cache-forms.ts';

/** One rank of values, two, and more, which three loops weigh; an odd number of heads. */
const SHAPES = [1, 2, 3].map((rankV) => formShape('contextual', [5, 4, 29], [0, 1, rankV]));

/** Logits in powers of two, so that a page far below another weighs 2^level of it. */
type Levels = (head: number, page: number) => number;

/** Inputs whose logit of a head is the level of the page, the same for all its tokens. */
function inputsOf(sizes: FormShape, cached: number, levels: Levels) {
  const { heads, headDim } = sizes;
  const inputs = formInputs(sizes, 1, cached);
  const { query, stored } = inputs;
  if (!('q' in query)) throw new Error('a factored query');
  const { q } = query;
  q.forEach((_, i) => (q[i] = i % headDim ? 0 : Math.sqrt(headDim)));
  stored.bk.fill(1);
  stored.ak.forEach((_, i) => {
    stored.ak[i] = levels(i % heads, Math.floor(i / heads / PAGE_TOKENS)) * Math.LN2;
  });
  return inputs;
}

await kernelSuite('skipping pages that vanish', ({ test, bench }) => {
  const run = (sizes: FormShape, cached: number, inputs: ReturnType<typeof formInputs>) => {
    const pages = fillPages(bench, sizes, inputs.stored, cached);
    const query = writeQuery(pages, inputs.query, 1);
    return (split?: Parameters<typeof decode>[4]) => decode(pages, query, 0, cached, split);
  };

  /** As inputsOf, V = 1 in pages below 0 and else 0: what is left out is missing in the output. */
  const missing = (pages: number, levels: Levels) => {
    const sizes = SHAPES[0]!;
    const cached = pages * PAGE_TOKENS;
    const inputs = inputsOf(sizes, cached, levels);
    inputs.stored.bv.fill(1);
    inputs.stored.av.forEach((_, i) => {
      const page = Math.floor(i / sizes.heads / PAGE_TOKENS);
      inputs.stored.av[i] = levels(i % sizes.heads, page) < 0 ? 1 : 0;
    });
    const out = run(sizes, cached, inputs)();
    const factors = formFactors(sizes, inputs.stored, cached);
    const expected = attention(inputs.query, factors, { ...sizes, tokens: 1, cached }).out;
    return Math.max(...out.map((x, i) => Math.abs(x - expected[i]!)));
  };

  test('of many pages just below what may be skipped, 2^-24 is left out in all', () => {
    for (const level of [-23.5, -24.01, -24.5, -25, -26, -28, -31]) {
      for (const first of [0, 3]) {
        const error = missing(130, (_, page) => (page === first ? 0 : level));
        assert.ok(error <= 2 ** -24 * 1.01, `${level}: ${error * 2 ** 24} · 2^-24`);
      }
    }
  });

  test('a skipped page is not read, and one that matters is', () => {
    for (const sizes of SHAPES) {
      for (const [level, isRead] of [
        [-60, false],
        [-26, false],
        [-20, true],
      ] as const) {
        const inputs = inputsOf(sizes, 190, (head, page) => (page && head !== 2 ? level : 0));
        const before = run(sizes, 190, inputs)();
        const from = PAGE_TOKENS * sizes.heads * sizes.rankV;
        inputs.stored.av.forEach((_, i) => {
          const head = Math.floor(i / sizes.rankV) % sizes.heads;
          if (i >= from && head !== 2) inputs.stored.av[i] = NaN;
        });
        const after = run(sizes, 190, inputs)();
        if (!isRead) assertSame(after, before, `level ${level}`);
        else assert.ok(after.some(Number.isNaN), `level ${level}`);
      }
    }
  });

  test('a NaN among the logits of a page that vanishes is not skipped', () => {
    const sizes = SHAPES[0]!;
    for (const at of [96, 130, 189]) {
      const inputs = inputsOf(sizes, 190, (_, page) => (page ? -60 : 0));
      inputs.stored.ak[at * sizes.heads + 3] = NaN;
      const out = run(sizes, 190, inputs)();
      const isNaN = Array.from(out, Number.isNaN);
      assert.equal(
        isNaN,
        isNaN.map((_, i) => Math.floor(i / sizes.valueDim) === 3),
      );
    }
  });

  test('300 random orders of levels: within the bound of attention, the same in ranges', () => {
    const level = fc.constantFrom(0, 0, -8, -20, -23.5, -24.5, -26, -30, -45, -130, 20, 30);
    fc.assert(
      fc.property(
        fc.constantFrom(...SHAPES),
        fc.array(fc.array(level, { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 13 }),
        fc.integer({ min: 1, max: PAGE_TOKENS }),
        (sizes, levels, rest) => {
          const cached = (levels.length - 1) * PAGE_TOKENS + rest;
          const inputs = inputsOf(sizes, cached, (head, page) => levels[page]![head]!);
          const factors = formFactors(sizes, inputs.stored, cached);
          const result = attention(inputs.query, factors, { ...sizes, tokens: 1, cached });
          const decoded = run(sizes, cached, inputs);
          assertAttention(decoded(), result, JSON.stringify(levels));
          assertSplits('levels', (split) => [decoded(split)]);
        },
      ),
      { seed: 20_261_201, numRuns: 300 },
    );
  });
});
