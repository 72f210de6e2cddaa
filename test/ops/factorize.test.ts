import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRuntime } from '../../src/index.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { goldenOp } from '../helpers/kernels/golden-op.ts';
import { floats, goldenFiles, loadGolden, tolerance } from '../helpers/checks/golden.ts';
import { weightsOf } from '../helpers/sessions/tokens.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { attention, attentionTolerance } from '../reference/attention.ts';
import { factorizeKvOnly } from '../reference/factorize.ts';
import { matmul } from '../reference/matmul.ts';
import { rope } from '../reference/rope.ts';
import { ropeTable } from '../reference/rope-table.ts';

/** Files that hold the projections and x; A_k, A_v and B_v are held to the tolerance of A_q. */
const FILES = goldenFiles('op_')
  .map((path) => loadGolden(path))
  .filter(({ tensors }) => tensors.has('x'));

/** Of rows of 13 numbers, whether number i is of the first 6. */
const isFirst = (_: number, i: number) => i % 13 < 6;
const isLater = (_: number, i: number) => i % 13 >= 6;

for (const simd of BINARIES) {
  const test = suite(`runtime.factorize(), ${simd}`);
  const runtime = await createRuntime({ simd });

  for (const golden of FILES) {
    const { query, cache, sizes, dim, ropePrecision } = goldenOp(golden);
    const spec = { ...sizes, dim, rankQ: query.rankQ, ropePrecision };
    const weights = {
      wAq: floats(golden, 'W_A_q.weight'),
      wBq: floats(golden, 'W_B_q.weight'),
      wAk: floats(golden, 'W_A_k.weight'),
      wBk: floats(golden, 'W_B_k.weight'),
      wAv: floats(golden, 'W_A_v.weight'),
      wBv: floats(golden, 'W_B_v.weight'),
    };

    test(`${golden.name}: factors within their tolerances, then attention too`, () => {
      const before = runtime.memory().used;
      const factors = runtime.factorize(floats(golden, 'x'), weights, spec, 0);
      assert.is(runtime.memory().used, before, 'nothing is kept');
      const check = (
        name: 'aq' | 'bq' | 'ak' | 'bk' | 'av' | 'bv',
        expected: Float32Array,
        of: string,
      ) =>
        assertClose(factors[name], expected, {
          atol: tolerance(golden, of),
          what: `${golden.name} ${name}`,
        });
      check('aq', query.aq, 'A_q');
      check('bq', query.bq, 'B_q');
      check('ak', cache.ak, 'A_q');
      check('bk', cache.bk, 'B_k');
      check('av', cache.av, 'A_q');
      check('bv', cache.bv, 'A_q');

      using filled = runtime.createFactorCache(sizes);
      filled.append(factors);
      assertClose(runtime.attend(factors, filled), floats(golden, 'out_attn'), {
        atol: tolerance(golden, 'out_attn'),
        what: golden.name,
      });
    });

    test(`${golden.name}: a token at its own position equals its row of the block, bit for bit`, () => {
      const x = floats(golden, 'x');
      const last = sizes.tokens - 1;
      const block = runtime.factorize(x, weights, spec, 0);
      const alone = runtime.factorize(x.slice(last * dim), weights, spec, last);
      for (const name of ['aq', 'bq', 'ak', 'bk', 'av', 'bv'] as const) {
        assert.equal(alone[name], block[name].slice(-alone[name].length), name);
      }
    });
  }

  test('TPA-KVonly: a full rotated query, max abs 1e-5 of the float64 twin', () => {
    const random = createRandom(11);
    const spec = { dim: 37, heads: 5, headDim: 24, rankQ: 0, rankK: 3, rankV: 2 };
    const weights = weightsOf(spec, (rows) => random.normal(rows * 37, 0.3));
    const x = random.normal(7 * 37);
    const factors = runtime.factorize(x, weights, spec, 100);
    const twin = factorizeKvOnly(x, { ...weights, wQ: weights.wQ! }, { ...spec, position: 100 });
    for (const name of ['q', 'ak', 'bk', 'av', 'bv'] as const) {
      assertClose(factors[name]!, twin[name], { atol: 1e-5, what: name });
    }
    assert.is(factors.aq.length + factors.bq.length, 0);
    using cache = runtime.createFactorCache(spec);
    cache.append(factors);
    const { q, ak, bk, av, bv } = factors;
    const sizes = { ...spec, valueDim: 24, tokens: 7, cached: 7 };
    const expected = attention({ q: q! }, { ak, bk, av, bv }, sizes);
    const atol = attentionTolerance(expected);
    assertClose(runtime.attend(factors, cache), expected.out, { atol, what: 'attention' });
  });

  test('rotaryDim: the first of each B row rotate as rows of their own, the rest pass', () => {
    const random = createRandom(12);
    const spec = { dim: 19, heads: 3, headDim: 13, rankQ: 2, rankK: 2, rankV: 1 };
    const weights = weightsOf(spec, (rows) => random.normal(rows * 19));
    const x = random.normal(4 * 19);
    const factors = runtime.factorize(x, weights, { ...spec, rotaryDim: 6 }, 50);
    const table = ropeTable([50, 51, 52, 53], 6, 'bfloat16');
    for (const [name, w] of [
      ['bq', weights.wBq!],
      ['bk', weights.wBk],
    ] as const) {
      const plain = matmul(x, w, 19);
      const shape = { tokens: 4, rows: 2, headDim: 6 };
      const expected = rope(plain.filter(isFirst), table, shape);
      assertClose(factors[name].filter(isFirst), expected, { atol: 1e-5, what: name });
      const what = `${name}, rest`;
      const rest = plain.filter(isLater);
      assertClose(factors[name].filter(isLater), rest, { atol: 1e-5, what });
    }
    for (const rotaryDim of [0, 5, 14, 2.5]) {
      const call = () => runtime.factorize(x, weights, { ...spec, rotaryDim }, 0);
      assert.throws(call, /^"rotaryDim" expected (an integer in 2\.\.13|an even number)/);
    }
    assert.throws(
      () => runtime.factorize(x, weights, spec, 0),
      /^"headDim" expected an even number to rotate, got 13/,
    );
  });

  test.run();
}
