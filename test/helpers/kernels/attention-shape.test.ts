import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  attentionInputs,
  attentionShape,
  pairCost,
  SHAPE_LIMITS,
  type AttentionShape,
} from './attention-shape.ts';
import { PAGE_TOKENS } from './kernel-attention.ts';

const test = suite('attentionShape()');

/** Tokens of two cache pages. */
const TWO_PAGES = 2 * PAGE_TOKENS;

const shapes = fc.sample(attentionShape(), { numRuns: 1000, seed: 1 });
const count = (isMatch: (shape: AttentionShape) => boolean) => shapes.filter(isMatch).length;
const assertAtLeast = (least: number, what: string, isMatch: (shape: AttentionShape) => boolean) =>
  assert.ok(count(isMatch) >= least, `${what}: ${count(isMatch)} of 1,000, expected ${least}`);

test('1,000 shapes reach both ends of every size and pass neither', () => {
  const { rank, heads, headDim, cached } = SHAPE_LIMITS;
  const limits = {
    rankQ: rank,
    rankK: rank,
    rankV: rank,
    heads,
    headDim,
    valueDim: headDim,
    cached,
  };
  for (const [name, { min, max }] of Object.entries(limits)) {
    const values = shapes.map((shape) => shape[name as keyof typeof limits]);
    assert.is(Math.min(...values), min, name);
    assert.is(Math.max(...values), max, name);
  }
});

test('every kind of trouble occurs in at least 5 % of 1,000 shapes', () => {
  assertAtLeast(50, 'headDim no multiple of 4', ({ headDim }) => headDim % 4 !== 0);
  assertAtLeast(50, 'valueDim unlike headDim', ({ headDim, valueDim }) => headDim !== valueDim);
  assertAtLeast(50, 'valueDim equal to headDim', ({ headDim, valueDim }) => headDim === valueDim);
  assertAtLeast(50, 'over two pages', ({ cached }) => cached > TWO_PAGES);
  assertAtLeast(
    50,
    'several queries over two pages',
    ({ tokens, cached }) => tokens > 1 && cached > TWO_PAGES,
  );
  assertAtLeast(50, 'prefill in one go', ({ tokens, cached }) => tokens === cached && tokens > 1);
  assertAtLeast(50, 'one query', ({ tokens }) => tokens === 1);
  assertAtLeast(50, 'full-rank queries', ({ isKvOnly }) => isKvOnly);
  assertAtLeast(50, 'factored queries', ({ isKvOnly }) => !isKvOnly);
  assertAtLeast(50, 'rankK unlike rankV', ({ rankK, rankV }) => rankK !== rankV);
  assertAtLeast(50, 'heads no multiple of 4', ({ heads }) => heads % 4 !== 0);
});

test('no shape has more queries than cached tokens or costs more than the limit', () => {
  for (const shape of shapes) {
    assert.ok(shape.tokens >= 1 && shape.tokens <= shape.cached);
    const cost = pairCost(shape) * shape.tokens * shape.cached;
    assert.ok(cost <= SHAPE_LIMITS.multiplyAdds, `${cost}: ${JSON.stringify(shape)}`);
  }
});

test('attentionInputs() fills the documented layouts, the same for the same seed', () => {
  const shape = {
    tokens: 2,
    cached: 3,
    heads: 5,
    headDim: 7,
    valueDim: 11,
    rankQ: 13,
    rankK: 17,
    rankV: 19,
    deviation: 1,
    seed: 1,
    isKvOnly: false,
  };
  const { query, cache } = attentionInputs(shape);
  assert.ok('aq' in query);
  assert.equal([query.aq.length, query.bq.length], [2 * 5 * 13, 2 * 13 * 7]);
  assert.equal([cache.ak.length, cache.bk.length], [3 * 5 * 17, 3 * 17 * 7]);
  assert.equal([cache.av.length, cache.bv.length], [3 * 5 * 19, 3 * 19 * 11]);
  assert.equal(attentionInputs(shape), { query, cache });
  const kvOnly = attentionInputs({ ...shape, isKvOnly: true }).query;
  assert.ok('q' in kvOnly);
  assert.is(kvOnly.q.length, 2 * 5 * 7);
});

test.run();
