import * as fc from 'fast-check';
import type { AttentionSizes } from '../../reference/attention.ts';
import { createRandom } from '../checks/random.ts';

/** Sizes and data of one attention problem; {@link attentionInputs} makes the numbers. */
export interface AttentionShape extends AttentionSizes {
  rankQ: number;
  /** Full-rank q (TPA-KVonly) in place of aq and bq. */
  isKvOnly: boolean;
  /** Standard deviation of the B factors: 0.3 gives flat attention, 3 peaked. */
  deviation: number;
  seed: number;
}

/** Ends of every size, and the multiply-adds that a case may cost. */
const SHAPE_LIMITS = {
  rank: { min: 1, max: 8 },
  heads: { min: 1, max: 80 },
  headDim: { min: 4, max: 256 },
  cached: { min: 1, max: 2000 },
  // measured: 1,000 cases of at most 4 M take the twin 24 s, inputs included
  multiplyAdds: 4_000_000,
} as const;

/**
 * Shapes for `fc.property`: every size reaches both of its ends; a shape over the cost limit loses
 * cached tokens first and queries next. Three kinds: long contexts of small models, wide models
 * with short contexts, and anything.
 */
export function attentionShape(): fc.Arbitrary<AttentionShape> {
  const { rank, heads, headDim, cached } = SHAPE_LIMITS;
  return fc
    .oneof(
      sizes({ rank: 2, heads: 8, headDim: 32, cached: cached.max }),
      sizes({ rank: rank.max, heads: heads.max, headDim: headDim.max, cached: 64 }),
      sizes({ rank: rank.max, heads: heads.max, headDim: headDim.max, cached: cached.max }),
    )
    .map(limitCost);
}

/** Multiply-adds for one query and key, K and V left as factors. */
function pairCost(shape: AttentionShape): number {
  const { heads, headDim, valueDim, rankQ, rankK, rankV, isKvOnly } = shape;
  const scores = isKvOnly
    ? heads * rankK * (headDim + 1)
    : rankQ * rankK * (headDim + heads) + heads * rankK;
  return scores + heads * rankV * valueDim;
}

/** Float32 factors for the shape, the same for the same seed. */
export function attentionInputs(shape: AttentionShape): {
  query: { aq: Float32Array; bq: Float32Array; rankQ: number } | { q: Float32Array };
  cache: { ak: Float32Array; bk: Float32Array; av: Float32Array; bv: Float32Array };
} {
  const { tokens, cached, heads, headDim, valueDim, rankQ, rankK, rankV, deviation } = shape;
  const random = createRandom(shape.seed);
  const query = shape.isKvOnly
    ? { q: random.normal(tokens * heads * headDim, deviation) }
    : {
        aq: random.normal(tokens * heads * rankQ),
        bq: random.normal(tokens * rankQ * headDim, deviation),
        rankQ,
      };
  const cache = {
    ak: random.normal(cached * heads * rankK),
    bk: random.normal(cached * rankK * headDim, deviation),
    av: random.normal(cached * heads * rankV),
    bv: random.normal(cached * rankV * valueDim, deviation),
  };
  return { query, cache };
}

function sizes(max: {
  rank: number;
  heads: number;
  headDim: number;
  cached: number;
}): fc.Arbitrary<AttentionShape> {
  const { rank, heads, headDim, cached } = SHAPE_LIMITS;
  return fc
    .record({
      heads: between(heads.min, max.heads),
      headDim: between(headDim.min, max.headDim),
      otherValueDim: fc.option(between(headDim.min, max.headDim)),
      rankQ: between(rank.min, max.rank),
      rankK: between(rank.min, max.rank),
      rankV: between(rank.min, max.rank),
      cached: between(cached.min, max.cached),
      // null: as many queries as cached tokens, a prefill in one go
      tokens: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 70 }), fc.constant(null)),
      isKvOnly: fc.boolean(),
      deviation: fc.constantFrom(1, 0.3, 3),
      seed: fc.nat(),
    })
    .map(({ otherValueDim, tokens, ...shape }) => ({
      ...shape,
      valueDim: otherValueDim ?? shape.headDim,
      tokens: tokens ?? shape.cached,
    }));
}

/** An integer, one time in five at an end of its range. */
function between(min: number, max: number): fc.Arbitrary<number> {
  return fc.oneof(
    { arbitrary: fc.integer({ min, max }), weight: 4 },
    { arbitrary: fc.constantFrom(min, max), weight: 1 },
  );
}

function limitCost(shape: AttentionShape): AttentionShape {
  const pairs = Math.floor(SHAPE_LIMITS.multiplyAdds / pairCost(shape));
  const cached = Math.max(1, Math.min(shape.cached, pairs));
  const tokens = Math.max(1, Math.min(shape.tokens, cached, Math.floor(pairs / cached)));
  return { ...shape, cached, tokens };
}
