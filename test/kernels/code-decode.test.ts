import * as assert from 'uvu/assert';
import { type CacheDtype, LARGEST_CODES } from '../../src/layout/cache-dtype.ts';
import { assertSame, nmse } from '../helpers/checks/close.ts';
import {
  fillPages,
  formInputs,
  formShape,
  type FormShape,
} from '../helpers/kernels/cache-forms.ts';
import { decode, writeQuery } from '../helpers/kernels/kernel-attention.ts';
import {
  assertSplits,
  assertWithin,
  kernelSuite,
  MISALIGNMENTS,
} from '../helpers/kernels/kernel-bench.ts';
import {
  denseInputs,
  type DenseSizes,
  fillDense,
  runDecode,
} from '../helpers/kernels/kernel-dense.ts';
import type { Misalignment } from '../helpers/kernels/memory.ts';
import { attention, attentionTolerance, groupedAttention } from '../reference/attention.ts';
import { operandError, roundedFactors, rowSums, weightError } from '../reference/code-decode.ts';

type Codes = Exclude<CacheDtype, 'f32'>;

/** Odd, even and single sizes; rows by three and the rest; strips of 12 and of 4; 1 and more ranks. */
const FACTORED: readonly FormShape[] = [
  formShape('contextual', [1, 1, 1], [1, 1, 1]),
  formShape('contextual', [2, 5, 16], [1, 3, 1], { deviation: 3 }),
  formShape('contextual', [3, 7, 17], [5, 1, 2]),
  formShape('contextual', [5, 33, 33], [3, 3, 3]),
  formShape('contextual', [7, 8, 64], [16, 1, 1], { deviation: 3 }),
  formShape('contextual', [34, 64, 64], [6, 2, 2]),
  formShape('contextual', [3, 6, 13], [2, 2, 9]),
  formShape('contextual', [1, 3, 8], [0, 2, 1]),
  formShape('contextual', [5, 64, 18], [0, 2, 2], { deviation: 3 }),
  formShape('contextual', [6, 31, 33], [0, 3, 1], { deviation: 0.3 }),
];

/** One query head to a K/V head and several; odd widths; strips of 48, of 12 and of 4. */
const DENSE: readonly DenseSizes[] = [
  { heads: 6, kvHeads: 2, headDim: 18, valueDim: 10 },
  { heads: 5, kvHeads: 5, headDim: 24, valueDim: 13, deviation: 3 },
  { heads: 5, kvHeads: 1, headDim: 64, valueDim: 64 },
  { heads: 8, kvHeads: 4, headDim: 80, valueDim: 64, deviation: 0.3 },
  { heads: 2, kvHeads: 2, headDim: 131, valueDim: 112 },
  { heads: 3, kvHeads: 1, headDim: 7, valueDim: 1 },
];

const LENGTHS = [1, 3, 47, 48, 49, 95, 96, 97, 191, 211, 481, 1153];

/** Σ error² / Σ output² of a decode, where the bound is for the worst. */
const TYPICAL = 1e-6;

await kernelSuite('decodes on pages of codes', ({ test, bench }) => {
  for (const dtype of ['i16', 'q8'] as const) {
    for (const made of FACTORED) {
      const shape = { ...made, dtype };
      const { heads, headDim, valueDim, rankQ, rankK, rankV } = shape;
      const title = `h ${heads}, d ${headDim}, e ${valueDim}, ranks ${rankQ} ${rankK} ${rankV}, ${dtype}`;

      test(`tpaDecode: ${title}: within the bound of the twin, garbage past the last`, () => {
        for (const cached of LENGTHS) {
          const { query, stored } = formInputs(shape, 1, cached);
          const factors = roundedFactors(shape, stored, cached, LARGEST_CODES[dtype]);
          const result = attention(query, factors, { ...shape, tokens: 1, cached });
          const bound = factoredBound(shape, query, factors, attentionTolerance(result));
          assertDecode(`${cached} tokens`, result.out, bound, (misalignment) => {
            const pages = fillPages(bench, shape, stored, cached, misalignment);
            return decode(pages, writeQuery(pages, query, 1), 0, cached);
          });
        }
      });
    }

    test(`tpaDecode, ${dtype}: any ranges give the bits of one call`, () => {
      for (const made of FACTORED) {
        const shape = { ...made, dtype };
        const { query, stored } = formInputs(shape, 1, 1200);
        const pages = fillPages(bench, shape, stored, 1200, 4);
        const written = writeQuery(pages, query, 1);
        assertSplits(JSON.stringify(shape), (split) =>
          [140, 500, 1200].map((length) => decode(pages, written, 0, length, split)),
        );
      }
    });

    test(`${dtype}: the largest sums that there can be stay within 32 bits`, () => {
      // all weights and all codes as large as each other: V = 1 or -1 gives just that
      const error = weightError(2, LARGEST_CODES[dtype]);
      for (const sign of [1, -1]) {
        for (const ranks of [1, 2, 3, 64]) {
          const shape = { ...formShape('contextual', [4, 6, 13], [2, 1, ranks]), dtype };
          const { query, stored } = formInputs(shape, 1, 288);
          stored.bk.fill(0);
          stored.av.fill(1);
          stored.bv.fill(sign);
          const pages = fillPages(bench, shape, stored, 288);
          const out = decode(pages, writeQuery(pages, query, 1), 0, 288);
          assertWithin(out, out.map(() => sign), () => error, `${ranks} ranks`); // prettier-ignore
        }
        const sizes = { ...DENSE[0]!, dtype };
        const inputs = denseInputs(sizes, 1, 288, 1);
        inputs.k.fill(0);
        inputs.v.fill(sign);
        const { pages, query } = fillDense(bench, sizes, inputs, 288);
        const out = runDecode(pages, query, 0, [0, 288]);
        assertWithin(out, out.map(() => sign), () => error, 'dense'); // prettier-ignore
      }
      // and scores: a key that has the signs of the query at its largest numbers
      const sizes = { heads: 1, kvHeads: 1, headDim: 256, valueDim: 4, dtype };
      const inputs = denseInputs(sizes, 1, 100, 2);
      inputs.q.fill(1);
      inputs.k.fill(-1).fill(1, 41 * 256, 42 * 256);
      const { pages, query } = fillDense(bench, sizes, inputs, 100);
      const chosen = kept(sizes, inputs, 100).v.subarray(41 * 4, 42 * 4);
      const out = runDecode(pages, query, 0, [0, 100]);
      assertWithin(out, chosen, (i) => 2e-4 * Math.abs(chosen[i]!), 'the key of 16');
    });

    test(`${dtype}: a number that is not finite makes the heads that see it no number`, () => {
      const shape = { ...formShape('contextual', [4, 6, 13], [2, 2, 2]), dtype };
      for (const name of ['ak', 'bk', 'av', 'bv'] as const) {
        for (const odd of [NaN, Infinity]) {
          const { query, stored } = formInputs(shape, 1, 130);
          stored[name][stored[name].length - 1] = odd;
          const pages = fillPages(bench, shape, stored, 130);
          const written = writeQuery(pages, query, 1);
          const seen = decode(pages, written, 0, 130);
          assert.not(seen.some(Number.isFinite), `${odd} in ${name}`);
          const before = decode(pages, written, 0, 129);
          assert.ok(before.every(Number.isFinite), `before ${odd} in ${name}`);
        }
      }
    });

    for (const made of DENSE) {
      const sizes = { ...made, dtype };
      const { heads, kvHeads, headDim, valueDim } = sizes;
      const title = `h ${heads}/${kvHeads}, d ${headDim}, e ${valueDim}, ${dtype}`;

      test(`denseDecode: ${title}: within the bound of the twin, windows or none`, () => {
        for (const cached of LENGTHS) {
          const inputs = denseInputs(sizes, 1, cached, cached);
          const { k, v } = kept(sizes, inputs, cached);
          for (const window of [0, 1, 47, 150]) {
            const twin = { ...sizes, tokens: 1, cached, window };
            const result = groupedAttention(inputs.q, k, v, twin);
            const bound = denseBound(sizes, inputs.q, { k, v }, attentionTolerance(result));
            const first = window > 0 ? Math.max(0, cached - window) : 0;
            assertDecode(
              `${cached} tokens, window ${window}`,
              result.out,
              bound,
              (misalignment) => {
                const { pages, query } = fillDense(bench, sizes, inputs, cached, { misalignment });
                return runDecode(pages, query, 0, [first, cached]);
              },
            );
          }
        }
      });
    }

    test(`denseDecode, ${dtype}: any ranges give the bits of one call`, () => {
      for (const made of DENSE) {
        const sizes = { ...made, dtype };
        const inputs = denseInputs(sizes, 1, 1200, 6);
        const { pages, query } = fillDense(bench, sizes, inputs, 1200, { misalignment: 4 });
        assertSplits(JSON.stringify(sizes), (split) =>
          [140, 500, 1200].map((length) => runDecode(pages, query, 0, [20, length], { split })),
        );
      }
    });
  }
});

/** Within the bound of the worst and that of all, the same bits wherever it lies. */
function assertDecode(
  what: string,
  expected: Float64Array,
  bound: number,
  run: (misalignment: Misalignment) => Float32Array,
): void {
  const [out, ...others] = MISALIGNMENTS.map(run);
  assertWithin(out!, expected, () => bound, what);
  const typical = nmse(out!, expected);
  assert.ok(typical <= TYPICAL, `${what}: NMSE ${typical}`);
  for (const other of others) assertSame(other, out!, `${what}: alignment changes no bit`);
}

/** Largest |x|. */
function most(x: ArrayLike<number>): number {
  return Array.from(x, Math.abs).reduce((a, b) => Math.max(a, b));
}

/** What the rounding of queries and weights adds to the bound of float32. */
function factoredBound(
  { headDim, rankQ, rankV, dtype }: FormShape & { dtype: Codes },
  query: ReturnType<typeof formInputs>['query'],
  { ak, bk, av, bv }: ReturnType<typeof roundedFactors>,
  float32: number,
): number {
  const largest = LARGEST_CODES[dtype];
  const heights = 'q' in query ? 1 : most(rowSums(query.aq, rankQ)) / rankQ;
  const rows = 'q' in query ? query.q : query.bq;
  const key = (most(ak) * most(rowSums(bk, headDim))) / Math.sqrt(headDim);
  const logit = heights * operandError(rows, headDim, largest) * key;
  const value = most(av) * most(bv);
  return (
    float32 + value * (2 * Math.expm1(2 * logit) + weightError(rankV > 2 ? 1 : rankV, largest))
  );
}

function denseBound(
  { headDim, dtype }: DenseSizes & { dtype: Codes },
  q: Float32Array,
  { k, v }: { k: Float32Array; v: Float32Array },
  float32: number,
): number {
  const largest = LARGEST_CODES[dtype];
  const key = most(rowSums(k, headDim)) / Math.sqrt(headDim);
  const logit = operandError(q, headDim, largest) * key;
  return float32 + most(v) * (2 * Math.expm1(2 * logit) + weightError(1, largest));
}

/** Keys and values as a cache of codes keeps them. */
function kept(
  { heads, kvHeads, headDim, valueDim, dtype }: DenseSizes & { dtype: Codes },
  { k, v }: ReturnType<typeof denseInputs>,
  cached: number,
) {
  const ranks = { rankK: kvHeads, rankV: kvHeads, headFactors: 'groups' } as const;
  const spec = { heads, headDim, valueDim, ...ranks };
  const none = new Float32Array(0);
  const factors = { ak: none, bk: k, av: none, bv: v };
  const { bk, bv } = roundedFactors(spec, factors, cached, LARGEST_CODES[dtype]);
  return { k: bk, v: bv };
}
