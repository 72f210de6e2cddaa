import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { denseAttention } from './dense-attention.ts';
import { groupedAttention } from './grouped-attention.ts';

const test = suite('groupedAttention()');

test('equals dense attention on repeated key/value heads, 6 heads on 2, within 1e-14', () => {
  const random = createRandom(1);
  const sizes = { tokens: 9, heads: 6, kvHeads: 2, headDim: 5, valueDim: 3 };
  const q = random.normal(9 * 6 * 5);
  const k = random.normal(9 * 2 * 5);
  const v = random.normal(9 * 2 * 3);
  const { out, maxProduct } = groupedAttention(q, k, v, sizes, { scale: 1 / Math.sqrt(5) });
  assertClose(out, denseAttention(q, everyHead(k, 5), everyHead(v, 3), sizes), {
    atol: 1e-14,
    what: 'out',
  });
  assert.ok(maxProduct > 1);
});

const ONE = { tokens: 4, heads: 1, kvHeads: 1, headDim: 1, valueDim: 1 };

test('equal logits average the values of the window, by hand', () => {
  const v = [1, 10, 100, 1000];
  const run = (window?: number) =>
    groupedAttention([0, 0, 0, 0], [1, 1, 1, 1], v, ONE, { scale: 1, window }).out;
  assertClose(run(), [1, 5.5, 37, 277.75], { atol: 1e-12, what: 'no window' });
  assertSame(run(2), [1, 5.5, 55, 550], 'window 2');
  assertSame(run(1), v, 'window 1');
});

test('linear weights are the scaled products themselves, by hand', () => {
  const rules = { scale: 2, weights: 'linear' } as const;
  const { out, maxProduct } = groupedAttention(
    [1, 2, 3, 4],
    [1, -1, 1, 0],
    [1, 2, 3, 4],
    ONE,
    rules,
  );
  // 2 q (Σ k v): running sums 1, −1, 2, 2
  assertSame(out, [2, -4, 12, 16], 'out');
  assert.is(maxProduct, 8);
});

test('lengths that do not fit are an error', () => {
  assert.throws(() => groupedAttention([1], [1], [1], ONE, { scale: 1 }), /4,4,4/);
});

test.run();

/** (9, 2, width) as (9, 6, width). */
function everyHead(x: Float32Array, width: number): Float32Array {
  return Float32Array.from({ length: 9 * 6 * width }, (_, i) => {
    const [token, head] = [Math.floor(i / (6 * width)), Math.floor(i / width) % 6];
    return x[(token * 2 + Math.floor(head / 3)) * width + (i % width)]!;
  });
}
