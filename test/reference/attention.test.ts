import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { attention, attentionTolerance, groupedAttention } from './attention.ts';

// What kernels are held to golden files for needs no test here; these are the bounds that tests take
// from the twins, and the cases for which upstream has no files.
const test = suite('attention() and groupedAttention(), by hand');

test('one query on two tokens: output, maxima and tolerance', () => {
  const sizes = { tokens: 1, cached: 2, heads: 1, headDim: 4, valueDim: 1, rankK: 1, rankV: 1 };
  const query = { aq: [2], bq: [1, 0, 0, 0], rankQ: 1 };
  const cache = { ak: [3, -5], bk: [1, 0, 0, 0, 1, 0, 0, 0], av: [1, 2], bv: [-3, 1] };
  const second = 1 / (1 + Math.exp(8)); // the logits are 3 and -5
  const factored = attention(query, cache, sizes);
  const grouped = groupedAttention([2, 0, 0, 0], [3, 0, 0, 0, -5, 0, 0, 0], [-3, 2], {
    ...sizes,
    kvHeads: 1,
  });
  for (const result of [factored, grouped]) {
    assertClose(result.out, [-3 * (1 - second) + 2 * second], { atol: 1e-15, what: 'out' });
    assert.is(result.maxLogit, 5);
    assert.is(result.maxValue, 3);
    assertClose([attentionTolerance(result)], [18e-6], { atol: 1e-18, what: 'tolerance' });
  }
});

const ONE = { tokens: 4, heads: 1, kvHeads: 1, headDim: 1, valueDim: 1 };

test('equal logits average the values of the window', () => {
  const v = [1, 10, 100, 1000];
  const run = (window?: number) =>
    groupedAttention([0, 0, 0, 0], [1, 1, 1, 1], v, { ...ONE, window }).out;
  assertClose(run(), [1, 5.5, 37, 277.75], { atol: 1e-12, what: 'no window' });
  assertSame(run(2), [1, 5.5, 55, 550], 'window 2');
  assertSame(run(1), v, 'window 1');
});

test('linear weights are the scaled products themselves', () => {
  const rules = { scale: 2, weights: 'linear' } as const;
  const { out } = groupedAttention([1, 2, 3, 4], [1, -1, 1, 0], [1, 2, 3, 4], ONE, rules);
  // 2 q (Σ k v): running sums 1, −1, 2, 2
  assertSame(out, [2, -4, 12, 16], 'out');
});

test.run();
