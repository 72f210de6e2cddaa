import * as assert from 'uvu/assert';
import { attentionInputs, type AttentionShape } from '../helpers/kernels/attention-shape.ts';
import { assertClose, assertSame, maxAbsDiff } from '../helpers/checks/close.ts';
import {
  appendTo,
  assertAttention,
  createPages,
  decode,
  prefill,
  writeQuery,
} from '../helpers/kernels/kernel-attention.ts';
import {
  assertWithin,
  kernelSuite,
  assertSplits,
  MISALIGNMENTS,
} from '../helpers/kernels/kernel-bench.ts';
import { attention, attentionTolerance } from '../reference/attention.ts';

const shape = (
  heads: number,
  headDim: number,
  valueDim: number,
  [rankQ, rankK, rankV]: [number, number, number],
  isKvOnly = false,
  deviation = 1,
): Omit<AttentionShape, 'tokens' | 'cached'> => ({
  heads,
  headDim,
  valueDim,
  rankQ,
  rankK,
  rankV,
  isKvOnly,
  deviation,
  seed: heads * 1000 + headDim,
});

/** Every size odd or even, one or many; widths of values that strips of 24, of 16 and of 4 columns
 * cover in every mix. */
const SHAPES = [
  shape(1, 1, 1, [1, 1, 1]),
  shape(1, 4, 3, [3, 2, 2]),
  shape(2, 5, 16, [1, 3, 1], false, 3),
  shape(3, 7, 17, [5, 1, 2]),
  shape(4, 16, 31, [6, 2, 2]),
  shape(5, 33, 33, [3, 3, 3]),
  shape(7, 8, 64, [16, 1, 1], false, 3),
  shape(8, 17, 67, [4, 2, 4]),
  shape(16, 31, 4, [7, 1, 1], false, 0.3),
  shape(17, 64, 5, [2, 2, 1]),
  shape(3, 6, 24, [2, 2, 1]),
  shape(5, 9, 40, [3, 1, 2]),
  shape(2, 12, 76, [4, 2, 2]),
  shape(9, 40, 128, [2, 1, 1]),
  shape(1, 3, 8, [1, 2, 1], true),
  shape(3, 5, 1, [1, 1, 3], true),
  shape(5, 64, 18, [1, 2, 2], true, 3),
  shape(6, 31, 33, [1, 3, 1], true),
];

await kernelSuite('tpaDecode() and tpaPrefill()', ({ test, bench }) => {
  for (const sizes of SHAPES) {
    const { heads, headDim, valueDim, rankQ, rankK, rankV, isKvOnly } = sizes;
    const ranks = isKvOnly ? `full query, ranks ${rankK} ${rankV}` : `${rankQ} ${rankK} ${rankV}`;
    const title = `h ${heads}, d ${headDim}, e ${valueDim}, ${ranks}`;

    test(`tpaDecode: ${title}: equals the twin at 1 … 400 tokens, NaN past the last`, () => {
      for (const cached of [1, 3, 47, 48, 49, 95, 96, 97, 191, 200, 400]) {
        const inputs = attentionInputs({ ...sizes, tokens: 1, cached });
        const result = attention(inputs.query, inputs.cache, { ...sizes, tokens: 1, cached });
        let aligned: Float32Array | undefined;
        for (const misalignment of MISALIGNMENTS) {
          const guarded = bench.guard();
          const pages = createPages(guarded, sizes, cached, misalignment);
          appendTo(bench, guarded, pages, sizes, inputs.cache, 0, cached, misalignment);
          const query = writeQuery(guarded, inputs.query, 1, misalignment);
          const out = decode(bench, guarded, pages, sizes, query, 0, cached, misalignment);
          assertAttention(out, result, `${cached} tokens, ${misalignment} bytes off`);
          aligned ??= out;
          assertSame(out, aligned, 'alignment changes no bit');
        }
      }
    });

    for (const isDense of [false, true]) {
      const keys = isDense ? 'dense keys' : 'factored keys';
      test(`tpaPrefill: ${title}, ${keys}: equals the twin for blocks of 1 … 49 queries`, () => {
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
          const cached = position + count;
          const inputs = attentionInputs({ ...sizes, tokens: count, cached });
          const result = attention(inputs.query, inputs.cache, {
            ...sizes,
            tokens: count,
            cached,
          });
          const misalignment = MISALIGNMENTS[count % 3]!;
          const guarded = bench.guard();
          const pages = createPages(guarded, sizes, cached, misalignment);
          appendTo(bench, guarded, pages, sizes, inputs.cache, 0, cached, misalignment);
          const query = writeQuery(guarded, inputs.query, count, misalignment);
          const run = (token: number, queries: number) =>
            prefill(
              bench,
              guarded,
              pages,
              sizes,
              query,
              { token, count: queries, position: position + token },
              isDense,
              misalignment,
            );
          const what = `${count} queries at ${position}`;
          assertAttention(run(0, count), result, what);
          // the same queries in two blocks, and one by one through tpaDecode
          const cut = Math.floor(count / 2);
          if (cut > 0) {
            const parts = [...run(0, cut), ...run(cut, count - cut)];
            assertAttention(new Float32Array(parts), result, `${what}, cut at ${cut}`);
          }
          const width = heads * valueDim;
          for (const t of [0, count - 1]) {
            const out = decode(bench, guarded, pages, sizes, query, t, position + t + 1);
            const expected = result.out.subarray(t * width, (t + 1) * width);
            assertClose(out, expected, { atol: attentionTolerance(result), what });
          }
        }
      });
    }
  }

  test('2, 3 and 7 ranges of heads give the bits of one call', () => {
    for (const sizes of SHAPES) {
      const [tokens, cached] = [5, 140];
      const { query, cache } = attentionInputs({ ...sizes, tokens, cached });
      const guarded = bench.guard();
      const pages = createPages(guarded, sizes, cached, 4);
      appendTo(bench, guarded, pages, sizes, cache, 0, cached);
      const at = writeQuery(guarded, query, tokens);
      assertSplits(JSON.stringify(sizes), (split) => [
        decode(bench, guarded, pages, sizes, at, tokens - 1, cached, 4, split),
        ...[false, true].map((isDense) => {
          const block = { count: tokens, position: cached - tokens };
          return prefill(bench, guarded, pages, sizes, at, block, isDense, 4, split);
        }),
      ]);
    }
  });

  test('V = 1 gives 1 within 2e-6, whatever the scores', () => {
    for (const sizes of SHAPES) {
      const [tokens, cached] = [9, 140];
      const { query, cache } = attentionInputs({ ...sizes, tokens, cached });
      cache.av.fill(1);
      cache.bv.fill(1);
      const guarded = bench.guard();
      const pages = createPages(guarded, sizes, cached);
      appendTo(bench, guarded, pages, sizes, cache, 0, cached);
      const at = writeQuery(guarded, query, tokens);
      for (const isDense of [false, true]) {
        const block = { count: tokens, position: cached - tokens };
        const out = prefill(bench, guarded, pages, sizes, at, block, isDense);
        assertWithin(out, new Float32Array(out.length).fill(1), () => 2e-6, 'prefill');
      }
      const out = decode(bench, guarded, pages, sizes, at, tokens - 1, cached);
      assertWithin(out, new Float32Array(out.length).fill(1), () => 2e-6, 'decode');
    }
  });

  test('causality: other factors of later tokens change no bit of earlier queries', () => {
    for (const sizes of SHAPES) {
      const [tokens, cached] = [9, 132];
      for (const changed of [124, 127, 128, 131]) {
        for (const isDense of [false, true]) {
          const outputs = [1, -1000].map((factor) => {
            const { query, cache } = attentionInputs({ ...sizes, tokens, cached });
            for (const x of [cache.ak, cache.bk, cache.av, cache.bv]) {
              const from = (x.length / cached) * changed;
              for (let i = from; i < x.length; i++) x[i]! *= factor;
            }
            const guarded = bench.guard();
            const pages = createPages(guarded, sizes, cached);
            appendTo(bench, guarded, pages, sizes, cache, 0, cached);
            const at = writeQuery(guarded, query, tokens);
            const block = { count: tokens, position: cached - tokens };
            return prefill(bench, guarded, pages, sizes, at, block, isDense);
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
});
