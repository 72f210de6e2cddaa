/** Sizes of one layer's cached factors. */
export interface CacheSpec {
  /** Query heads; A factors are (heads, rank). */
  readonly heads: number;
  /** Width of a key. */
  readonly headDim: number;
  /** Width of a value. */
  readonly valueDim: number;
  readonly rankK: number;
  readonly rankV: number;
}

/** How many numbers of what a token's factors are made from. */
export interface FactorSpec {
  /** Width of the input x. */
  readonly dim: number;
  readonly heads: number;
  readonly headDim: number;
  /** Rank of Q; 0 for TPA-KVonly, whose query is a full projection. */
  readonly rankQ: number;
  readonly rankK: number;
  readonly rankV: number;
}

/**
 * Numbers a layer caches for each token: (rankK)(heads + headDim) + (rankV)(heads + valueDim),
 * in the paper's notation (R_K + R_V)(h + d_h).
 */
export function cacheNumbersPerToken(spec: CacheSpec): number {
  return spec.rankK * (spec.heads + spec.headDim) + spec.rankV * (spec.heads + spec.valueDim);
}

/** What a dot product of raw factors is multiplied by: 1 / (R_Q R_K sqrt(d)), R_Q = 1 for a full query. */
export function logitScale(spec: CacheSpec, rankQ: number): number {
  return 1 / (Math.max(rankQ, 1) * spec.rankK * Math.sqrt(spec.headDim));
}
