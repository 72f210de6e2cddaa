import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { attentionShape, SHAPE_LIMITS, type AttentionShape } from './attention-shape.ts';
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

test.run();
