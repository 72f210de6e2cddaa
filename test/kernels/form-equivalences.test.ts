import {
  fillPages,
  formInputs,
  formShape,
  type FormShape,
} from '../helpers/kernels/cache-forms.ts';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { decode, prefill, writeQuery } from '../helpers/kernels/kernel-attention.ts';
import { kernelSuite } from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { attentionTolerance, groupedAttention } from '../reference/attention.ts';
import { formFactors, rotateRows } from '../reference/cache-forms.ts';
import { materialize } from '../reference/materialize.ts';

/** Three pages, the last of them partly full; 9 queries at the end. */
const [TOKENS, CACHED] = [9, 230];

const BASE = formShape('contextual', [5, 18, 18], [3, 2, 2], { seed: 77 });

type Inputs = ReturnType<typeof formInputs>;
type Stored = Inputs['stored'];

const every = (x: Float32Array) =>
  Float32Array.from({ length: x.length * CACHED }, (_, i) => x[i % x.length]!);

await kernelSuite('equal caches of different forms', ({ test, bench }) => {
  /** Prefill in both orders of contraction and decode of the last query, one after another. */
  const attend = (sizes: FormShape, query: Inputs['query'], stored: Stored) => {
    const pages = fillPages(bench, sizes, stored, CACHED);
    const at = writeQuery(pages, query, TOKENS);
    const block = { count: TOKENS, position: CACHED - TOKENS };
    return {
      factored: prefill(pages, at, block, false),
      dense: prefill(pages, at, block, true),
      decoded: decode(pages, at, TOKENS - 1, CACHED),
    };
  };

  const assertSameBits = (
    query: Inputs['query'],
    [sizes, stored]: [FormShape, Stored],
    [plainSizes, plain]: [FormShape, Stored],
  ) => {
    const actual = attend(sizes, query, stored);
    const expected = attend(plainSizes, query, plain);
    for (const order of ['factored', 'dense', 'decoded'] as const) {
      assertSame(actual[order], expected[order], order);
    }
  };

  /** B_K = RoPE(x) by the kernel that a model rotates with. */
  const rotated = (x: Float32Array, rows: number, sizes: FormShape, stored: Stored) => {
    const guarded = bench.guard();
    const at = guarded.regionOf('x', x);
    const [cos, sin] = [stored.cos, stored.sin].map((table) => guarded.regionOf('table', table));
    const { headDim, pairs, direction } = sizes;
    const args = [at.pointer, cos!.pointer, sin!.pointer, CACHED, rows, pairs] as const;
    bench.kernels.rope(...args, headDim, rows * headDim, direction);
    return guarded.read(at);
  };

  for (const [name, kvHeads] of [
    ['MHA', 6],
    ['GQA', 3],
    ['GQA', 2],
    ['MQA', 1],
  ] as const) {
    const heads = 6;
    test(`${name}, ${heads} heads and ${kvHeads} K/V heads: fixed masks times G give dense attention`, () => {
      const [headDim, valueDim, group] = [18, 13, heads / kvHeads];
      const sizes: FormShape = {
        ...BASE,
        heads,
        valueDim,
        rankQ: 0,
        rankK: kvHeads,
        rankV: kvHeads,
        isFixedA: true,
      };
      const { query, stored } = formInputs(sizes, TOKENS, CACHED);
      const masks = Float32Array.from({ length: heads * kvHeads }, (_, i) =>
        Math.floor(Math.floor(i / kvHeads) / group) === i % kvHeads ? kvHeads : 0,
      );
      const withMasks = { ...stored, ak: masks, av: masks };
      const { factored, dense, decoded } = attend(sizes, query, withMasks);
      const q = 'q' in query ? query.q : new Float32Array(0);
      const counts = { tokens: TOKENS, cached: CACHED, heads, kvHeads, headDim, valueDim };
      const expected = groupedAttention(q, stored.bk, stored.bv, counts).out;
      // logits of 18 products of normal numbers stay below 20, values below 5
      const atol = 1e-6 * 21 * 5;
      assertClose(factored, expected, { atol, what: 'factored' });
      assertClose(dense, expected, { atol, what: 'dense' });
      const last = expected.subarray(-heads * valueDim);
      assertClose(decoded, last, { atol, what: 'decoded' });
    });
  }

  test('rank h with A = h · identity in the cache equals MHA by fixed masks, bit for bit', () => {
    const { heads } = BASE;
    const sizes = { ...BASE, rankQ: 0, rankK: heads, rankV: heads };
    const { query, stored } = formInputs({ ...sizes, isFixedA: true }, TOKENS, CACHED);
    const identity = Float32Array.from({ length: heads * heads }, (_, i) =>
      i % (heads + 1) === 0 ? heads : 0,
    );
    const inCache = { ...stored, ak: every(identity), av: every(identity) };
    const asMasks = { ...stored, ak: identity, av: identity };
    assertSameBits(query, [sizes, inCache], [{ ...sizes, isFixedA: true }, asMasks]);
  });

  for (const rankQ of [0, 3]) {
    const queries = rankQ === 0 ? 'full queries' : 'factored queries';

    test(`${queries}: fixed A equals the same A cached for every token, bit for bit`, () => {
      const sizes = { ...BASE, rankQ, isFixedA: true, rankK: 3, valueDim: 13 };
      const { query, stored } = formInputs(sizes, TOKENS, CACHED);
      const plain = { ...stored, ak: every(stored.ak), av: every(stored.av) };
      assertSameBits(query, [sizes, stored], [{ ...sizes, isFixedA: false }, plain]);
    });

    test(`${queries}: shared B equals B_K = RoPE(B_V) cached beside B_V, bit for bit`, () => {
      for (const pairs of [9, 7, 4, 0]) {
        const sizes = { ...BASE, rankQ, pairs, form: 'shared' } as const;
        const { query, stored } = formInputs(sizes, TOKENS, CACHED);
        const plain = { ...stored, bk: rotated(stored.bv, sizes.rankK, sizes, stored) };
        assertSameBits(query, [sizes, stored], [{ ...sizes, form: 'contextual' }, plain]);
      }
    });

    test(`${queries}: fixed B equals B_K rotated to each position and cached, bit for bit`, () => {
      for (const pairs of [9, 6, 3, 0]) {
        const drawn = { ...BASE, rankQ, pairs, rankK: 3, valueDim: 10 };
        const sizes = { ...drawn, form: 'fixed', direction: -1 } as const;
        const { query, stored } = formInputs(sizes, TOKENS, CACHED);
        const bk = rotated(every(stored.bk), sizes.rankK, sizes, stored);
        const plain = { ...stored, bk, bv: every(stored.bv) };
        assertSameBits(query, [sizes, stored], [{ ...sizes, form: 'contextual' }, plain]);
      }
    });

    test(`${queries}: b ⊗ c equals the product cached, bit for bit`, () => {
      const sizes = { ...BASE, rankQ, outerDim: 3, valueDim: 15, form: 'outer' } as const;
      const { query, stored } = formInputs(sizes, TOKENS, CACHED);
      const formed = formFactors(sizes, stored, CACHED);
      const plain = {
        ...stored,
        bk: Float32Array.from(formed.bk),
        bv: Float32Array.from(formed.bv),
      };
      assertSameBits(query, [sizes, stored], [{ ...sizes, form: 'contextual' }, plain]);
    });

    test(`${queries}: a latent key equals [latent | shared key] cached, bit for bit`, () => {
      const sizes = { ...BASE, rankQ, rankK: 1, rankV: 1, valueDim: 13, form: 'latent' } as const;
      const { query, stored } = formInputs(sizes, TOKENS, CACHED);
      const plain = { ...stored, bk: Float32Array.from(formFactors(sizes, stored, CACHED).bk) };
      assertSameBits(query, [sizes, stored], [{ ...sizes, form: 'contextual' }, plain]);
    });
  }

  test('RoPE of B before the product equals RoPE of each K and Q after it (Theorem 3.1)', () => {
    const sizes = { ...BASE, pairs: 7, form: 'shared' } as const;
    const { heads, headDim, valueDim, rankQ, rankK, rankV, pairs, direction } = sizes;
    const drawn = formInputs(sizes, TOKENS, CACHED);
    const { stored } = drawn;
    const random = createRandom(4);
    const [aq, bq] = [
      random.normal(TOKENS * heads * rankQ),
      random.normal(TOKENS * rankQ * headDim),
    ];
    const tail = (x: Float32Array) => x.subarray((CACHED - TOKENS) * pairs);
    const ropeOfQueries = { cos: tail(stored.cos), sin: tail(stored.sin), pairs, direction };
    const turned = Float32Array.from(rotateRows(bq, rankQ, headDim, ropeOfQueries));
    const { factored, decoded } = attend(sizes, { aq, bq: turned, rankQ }, stored);

    const q = materialize(aq, bq, { heads, rank: rankQ, width: headDim });
    const k = materialize(stored.ak, stored.bv, { heads, rank: rankK, width: headDim });
    const v = materialize(stored.av, stored.bv, { heads, rank: rankV, width: valueDim });
    const after = groupedAttention(
      rotateRows(q, heads, headDim, ropeOfQueries),
      rotateRows(k, heads, headDim, stored),
      v,
      { tokens: TOKENS, cached: CACHED, heads, kvHeads: heads, headDim, valueDim },
    ).out;
    const largest = v.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    const result = { out: after, maxLogit: 20, maxValue: largest };
    const atol = attentionTolerance(result);
    assertClose(factored, after, { atol, what: 'prefill' });
    assertClose(decoded, after.subarray(-heads * valueDim), { atol, what: 'decode' });
  });
});
