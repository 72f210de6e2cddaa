import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, maxAbsDiff } from '../helpers/checks/close.ts';
import {
  floats,
  goldenFiles,
  loadGolden,
  tolerance,
  TWIN_MARGIN,
  VISIBLE,
  type Golden,
} from '../helpers/checks/golden.ts';
import { goldenOp } from '../helpers/kernels/golden-op.ts';
import { factorize, factorizeKvOnly, type FactorizeSpec } from './factorize.ts';
import { materialize } from './materialize.ts';
import type { RopeConvention } from './rope.ts';

const test = suite('factorize()');

/** V factors are not rotated and sum like those of A; the sidecars state no tolerance for them. */
const STATED = { aq: 'A_q', bq: 'B_q', ak: 'A_q', bk: 'B_k', av: 'A_q', bv: 'A_q' } as const;
const STORED = { aq: 'A_q', bq: 'B_q', ak: 'A_k', bk: 'B_k', av: 'A_v', bv: 'B_v' } as const;
const FACTORS = Object.keys(STATED) as (keyof typeof STATED)[];

for (const path of goldenFiles('op_')) {
  const golden = loadGolden(path);
  if (!golden.tensors.has('x')) continue; // the big shapes are stored without weights
  const { spec, weights } = inputs(golden);

  test(`all six factors match to a tenth of the golden tolerance, ${golden.name}`, () => {
    const factors = factorize(floats(golden, 'x'), weights, spec);
    for (const name of FACTORS) {
      const atol = tolerance(golden, STATED[name]) / TWIN_MARGIN;
      assertClose(factors[name], floats(golden, STORED[name]), { atol, what: name });
    }
  });

  if (golden.meta.T! > 1) {
    test(`the llama rotation is off by over 10 tolerances, ${golden.name}`, () => {
      const llama = { ...spec, convention: 'llama' as const };
      const { bq } = factorize(floats(golden, 'x'), weights, llama);
      const off = maxAbsDiff(bq, floats(golden, 'B_q'));
      assert.ok(off > VISIBLE * tolerance(golden, 'B_q'), `off by ${off}`);
    });
  }
}

test('tokens 4 … at position 4 give the factors they have in the whole, exactly', () => {
  const golden = loadGolden('op_H5_D24_q3_k2_v1_d40_T7_bf16');
  const { spec, weights } = inputs(golden);
  const x = floats(golden, 'x');
  const whole = factorize(x, weights, spec);
  const rest = factorize(x.subarray(4 * spec.dim), weights, { ...spec, position: 4 });
  for (const name of FACTORS) {
    const tail = whole[name].subarray((whole[name].length / 7) * 4);
    assertClose(rest[name], tail, { atol: 0, what: name });
  }
});

test('KV-only: q of W_Q = A ⊗ W_B_q with a fixed A is the product of the factors within 1e-12', () => {
  const golden = loadGolden('op_H5_D24_q3_k2_v1_d40_T7_bf16');
  const { spec, weights } = inputs(golden);
  const { dim, heads, headDim, rankQ } = spec;
  const x = floats(golden, 'x');
  const { bq, bk } = factorize(x, weights, spec);
  const a = floats(golden, 'A_q').subarray(0, heads * rankQ);
  const shape = { heads, rank: rankQ, width: headDim * dim };
  const kvOnly = factorizeKvOnly(
    x,
    { ...weights, wQ: materialize(a, weights.wBq, shape, 1) },
    spec,
  );
  const aOfEveryToken = Float64Array.from({ length: 7 * a.length }, (_, i) => a[i % a.length]!);
  const expected = materialize(aOfEveryToken, bq, { heads, rank: rankQ, width: headDim }, 1);
  assertClose(kvOnly.q, expected, { atol: 1e-12, what: 'q' });
  assertClose(kvOnly.bk, bk, { atol: 0, what: 'bk' });
});

test.run();

function inputs(golden: Golden) {
  const { query, sizes, dim, ropePrecision } = goldenOp(golden);
  const weight = (name: string) => floats(golden, `W_${name}.weight`);
  const weights = {
    wAq: weight('A_q'),
    wBq: weight('B_q'),
    wAk: weight('A_k'),
    wBk: weight('B_k'),
    wAv: weight('A_v'),
    wBv: weight('B_v'),
  };
  const spec: FactorizeSpec & { rankQ: number; convention: RopeConvention } = {
    dim,
    heads: sizes.heads,
    headDim: sizes.headDim,
    rankQ: query.rankQ,
    rankK: sizes.rankK,
    position: 0,
    ropePrecision,
    convention: 't6',
  };
  return { spec, weights };
}
