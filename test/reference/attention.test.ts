import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  attentionInputs,
  attentionShape,
  SHAPE_LIMITS,
} from '../helpers/kernels/attention-shape.ts';
import { assertClose, maxAbsDiff } from '../helpers/checks/close.ts';
import {
  floats,
  goldenFiles,
  loadGolden,
  tolerance,
  TWIN_MARGIN,
  VISIBLE,
} from '../helpers/checks/golden.ts';
import { decodeCases, foldScales } from '../helpers/kernels/golden-decode.ts';
import { goldenOp } from '../helpers/kernels/golden-op.ts';
import { attention, attentionTolerance } from './attention.ts';
import { denseAttention } from './dense-attention.ts';
import { matmul } from './matmul.ts';
import { materialize } from './materialize.ts';
import { rope } from './rope.ts';
import { ropeTable } from './rope-table.ts';

const test = suite('attention()');

for (const path of goldenFiles('op_')) {
  const golden = loadGolden(path);
  const { query, cache, sizes, dim, positions, ropePrecision } = goldenOp(golden);
  const { tokens, heads, headDim, rankK } = sizes;
  const { rankQ } = query;
  const expected = floats(golden, 'out_attn');
  const assertMoved = (out: Float64Array) => {
    const off = maxAbsDiff(out, expected);
    assert.ok(off > VISIBLE * tolerance(golden, 'out_attn'), `off by ${off}`);
  };

  test(`matches out_attn, decode_last and out_proj to a tenth of the tolerance, ${golden.name}`, () => {
    const { out } = attention(query, cache, sizes);
    const atol = (name: string) => tolerance(golden, name) / TWIN_MARGIN;
    assertClose(out, expected, { atol: atol('out_attn'), what: 'out_attn' });

    const last = {
      rankQ,
      aq: query.aq.subarray((tokens - 1) * heads * rankQ),
      bq: query.bq.subarray((tokens - 1) * rankQ * headDim),
    };
    const decoded = attention(last, cache, { ...sizes, tokens: 1 }).out;
    assertClose(decoded, floats(golden, 'decode_last'), {
      atol: atol('decode_last'),
      what: 'decode_last',
    });

    if (golden.tensors.has('c_proj.weight')) {
      const projected = matmul(out, floats(golden, 'c_proj.weight'), heads * headDim);
      assert.is(projected.length, tokens * dim);
      assertClose(projected, floats(golden, 'out_proj'), {
        atol: atol('out_proj'),
        what: 'out_proj',
      });
    }
  });

  if (tokens === 1 || tokens > 33) continue; // T = 1 cannot see scores; T = 130 adds only time

  test(`A_q read rank-major, or no 1/rankQ, is off by over 10 tolerances, ${golden.name}`, () => {
    const aq = query.aq.map((_, i) => {
      const token = Math.floor(i / (heads * rankQ));
      const [h, r] = [Math.floor(i / rankQ) % heads, i % rankQ];
      return query.aq[token * heads * rankQ + r * heads + h]!;
    });
    assertMoved(attention({ ...query, aq }, cache, sizes).out);
    assertMoved(attention(query, cache, sizes, { scaleQ: 1 }).out);
  });

  test(`the llama rotation is off by over 10 tolerances, ${golden.name}`, () => {
    const table = ropeTable(positions, headDim, ropePrecision);
    const flip = (name: string, rows: number) =>
      rope(floats(golden, name), table, { tokens, rows, headDim }, 'llama');
    const flipped = { ...query, bq: flip('B_q_pre', rankQ) };
    assertMoved(attention(flipped, { ...cache, bk: flip('B_k_pre', rankK) }, sizes).out);
  });
}

for (const path of goldenFiles('decode_')) {
  for (const decode of decodeCases(loadGolden(path))) {
    const { title, query, cache, sizes, scales, expected, atol } = decode;
    test(`matches ${title}, to a tenth of the golden tolerance`, () => {
      const { out } = attention(query, cache, sizes, scales);
      assertClose(out, expected, { atol: atol / TWIN_MARGIN, what: 'out' });
    });

    test(`the scales folded into the factors give ${title}, within the golden tolerance`, () => {
      const folded = foldScales(decode);
      assertClose(attention(folded.query, folded.cache, sizes).out, expected, {
        atol,
        what: 'out',
      });
    });
  }
}

test('the decode goldens tell sigmoid and custom scales from the plain form', () => {
  const [plain, , sigmoid, , custom] = decodeCases(loadGolden('decode_rank1_batched'));
  const { out } = attention(plain!.query, plain!.cache, plain!.sizes);
  assert.ok(maxAbsDiff(out, sigmoid!.expected) > VISIBLE * plain!.atol);
  assert.ok(maxAbsDiff(out, custom!.expected) > VISIBLE * plain!.atol);
});

test('equals dense attention on materialised Q, K, V within 1e-12 of |V|, 60 random shapes', () => {
  const property = fc.property(attentionShape(), (shape) => {
    // a tenth of the usual cost: dense attention materialises everything
    fc.pre(shape.cached * shape.heads * (shape.headDim + shape.valueDim) < 4e5);
    const { tokens, heads, headDim, valueDim, rankK, rankV } = shape;
    fc.pre(tokens * shape.cached * heads * (headDim + valueDim) < SHAPE_LIMITS.multiplyAdds);
    const { query, cache } = attentionInputs(shape);
    const { out, maxValue, maxLogit } = attention(query, cache, shape);
    const q =
      'q' in query
        ? query.q
        : materialize(query.aq, query.bq, { heads, rank: query.rankQ, width: headDim });
    const k = materialize(cache.ak, cache.bk, { heads, rank: rankK, width: headDim });
    const v = materialize(cache.av, cache.bv, { heads, rank: rankV, width: valueDim });
    const dense = denseAttention(q, k, v, { tokens, heads, headDim, valueDim });
    assertClose(out, dense, { atol: 1e-12 * maxValue, what: 'out' });
    assert.ok(maxLogit > 0);
    assert.is(maxValue.toFixed(9), v.reduce((max, x) => Math.max(max, Math.abs(x)), 0).toFixed(9));
  });
  fc.assert(property, { numRuns: 60, seed: 7 });
});

test('one query at a time over a growing cache equals all queries at once, exactly', () => {
  const shape = {
    tokens: 9,
    cached: 14,
    heads: 5,
    headDim: 6,
    valueDim: 7,
    rankQ: 3,
    rankK: 2,
    rankV: 2,
    isKvOnly: false,
    deviation: 1,
    seed: 3,
  };
  const { query, cache } = attentionInputs(shape);
  if ('q' in query) throw new Error('expected factors');
  const { out } = attention(query, cache, shape);
  for (let t = 0; t < shape.tokens; t++) {
    const one = {
      aq: query.aq.subarray(t * 15, (t + 1) * 15),
      bq: query.bq.subarray(t * 18, (t + 1) * 18),
      rankQ: 3,
    };
    const step = attention(one, cache, { ...shape, tokens: 1, cached: 6 + t });
    assertClose(step.out, out.subarray(t * 35, (t + 1) * 35), { atol: 0, what: `query ${t}` });
  }
});

test('one query on two tokens by hand: output, maxima and tolerance', () => {
  const sizes = { tokens: 1, cached: 2, heads: 1, headDim: 4, valueDim: 1, rankK: 1, rankV: 1 };
  const query = { aq: [2], bq: [1, 0, 0, 0], rankQ: 1 };
  const cache = { ak: [3, -5], bk: [1, 0, 0, 0, 1, 0, 0, 0], av: [1, 2], bv: [-3, 1] };
  const result = attention(query, cache, sizes);
  const second = 1 / (1 + Math.exp(8)); // the logits are 3 and -5
  assertClose(result.out, [-3 * (1 - second) + 2 * second], { atol: 1e-15, what: 'out' });
  assert.is(result.maxLogit, 5);
  assert.is(result.maxValue, 3);
  assertClose([attentionTolerance(result)], [18e-6], { atol: 1e-18, what: 'tolerance' });
});

test('values that are all 1 give 1 within 1e-14', () => {
  const sizes = { tokens: 3, cached: 5, heads: 2, headDim: 4, valueDim: 3, rankK: 1, rankV: 1 };
  const shape = { ...sizes, rankQ: 2, isKvOnly: false, deviation: 3, seed: 4 };
  const { query, cache } = attentionInputs(shape);
  const ones = { ...cache, av: new Float64Array(10).fill(1), bv: new Float64Array(15).fill(1) };
  const { out, maxValue } = attention(query, ones, sizes);
  assertClose(out, new Float64Array(18).fill(1), { atol: 1e-14, what: 'out' });
  assert.is(maxValue, 1);
});

test.run();
