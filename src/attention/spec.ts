/**
 * What one layer caches and how its queries attend: every mechanism of the paper is one of these.
 * K = Σ a ⊗ b over rankK pairs of a head factor a (heads) and a feature factor b (headDim), V the
 * same over rankV; mechanisms differ in which factors depend on the token (paper, Sections 3 and 4).
 */
export interface AttentionSpec {
  /** Query heads. */
  readonly heads: number;
  /** Width of a key. */
  readonly headDim: number;
  /** Width of a value. */
  readonly valueDim: number;
  /** Pairs of factors of K; with `headFactors: 'groups'` the K/V heads. */
  readonly rankK: number;
  /** Pairs of factors of V; with `headFactors: 'groups'` the K/V heads. */
  readonly rankV: number;
  /**
   * A factors: `'contextual'` (TPA, the default) are cached for each token; `'fixed'` are one
   * parameter for all tokens; `'groups'` are the 0/1 masks of MHA, MQA and GQA, never stored.
   */
  readonly headFactors?: 'contextual' | 'fixed' | 'groups';
  /**
   * B factors: `'contextual'` (default) are cached, RoPE applied; `'fixed'` are one parameter for
   * all tokens, rotated at attention time; `'shared'` are cached once for K and V, before RoPE;
   * `'outer'` are cached as b and c of b ⊗ c (paper, Appendix C); `'latent'` is MLA: V is the
   * latent, K the latent followed by the rotated key that all heads share.
   */
  readonly featureFactors?: 'contextual' | 'fixed' | 'shared' | 'outer' | 'latent';
  /** With `'outer'`: width of c in b ⊗ c; headDim / outerDim is that of b. */
  readonly outerDim?: number;
  /**
   * `'softmax'` (default), or `'linear'`: (mask ∘ Q Kᵀ) V without softmax or `scale`, whose state has
   * a constant size.
   */
  readonly score?: 'softmax' | 'linear';
  /** What q · k is multiplied by, 1 / sqrt(headDim) unless given. */
  readonly scale?: number;
  /** With `'groups'`: latest tokens that a query sees, itself included; all of them unless given. */
  readonly window?: number;
}

/** How many numbers of what a token's factors are made from. */
export interface FactorSpec {
  /** Width of the input x. */
  readonly dim: number;
  /** Query heads. */
  readonly heads: number;
  /** Width of a head. */
  readonly headDim: number;
  /** Rank of Q; 0 for TPA-KVonly, whose query is a full projection. */
  readonly rankQ: number;
  /** Pairs of factors of K. */
  readonly rankK: number;
  /** Pairs of factors of V. */
  readonly rankV: number;
}

/** Numbers of one token that a page holds, by factor and rank. */
export interface StoredNumbers {
  /** Of each B_K. */
  readonly keyRows: number;
  /** Of each A_K and A_V. */
  readonly headRows: number;
  /** Of each B_V. */
  readonly valueRows: number;
}

/** What of a token's factors the cache holds. */
export function storedNumbers(spec: AttentionSpec): StoredNumbers {
  const { headDim, valueDim, featureFactors = 'contextual', outerDim = 1 } = spec;
  const headRows = (spec.headFactors ?? 'contextual') === 'contextual' ? spec.heads : 0;
  switch (featureFactors) {
    case 'contextual':
      return { headRows, keyRows: headDim, valueRows: valueDim };
    case 'fixed':
      return { headRows, keyRows: 0, valueRows: 0 };
    case 'shared':
      return { headRows, keyRows: 0, valueRows: valueDim };
    case 'outer':
      return {
        headRows,
        keyRows: headDim / outerDim + outerDim,
        valueRows: valueDim / outerDim + outerDim,
      };
    case 'latent':
      return { headRows, keyRows: headDim - valueDim, valueRows: valueDim };
  }
}

/**
 * Numbers a layer caches for each token. TPA: rankK (heads + headDim) + rankV (heads + valueDim),
 * in the paper's notation (R_K + R_V)(h + d_h); MHA, MQA, GQA: 2 · kvHeads · headDim; MLA:
 * d_c + d_rope; linear attention: 0, its state does not grow.
 */
export function cacheNumbersPerToken(spec: AttentionSpec): number {
  if (spec.score === 'linear') return 0;
  const { headRows, keyRows, valueRows } = storedNumbers(spec);
  return spec.rankK * (headRows + keyRows) + spec.rankV * (headRows + valueRows);
}

/**
 * Numbers of a layer's state of linear attention, Σ k vᵀ of each K/V head, or of each head where A
 * factors tell heads apart: headDim times valueDim, rounded up to whole vectors. In numbers that do
 * not wrap at 4 GiB as a kernel's would. 0 for softmax, whose cache grows.
 */
export function linearStateNumbers(spec: AttentionSpec): number {
  if (spec.score !== 'linear') return 0;
  const { heads, headDim, valueDim, rankK, headFactors } = spec;
  const stateHeads = headFactors === 'groups' ? rankK : heads;
  return stateHeads * headDim * Math.ceil(valueDim / 4) * 4;
}

/**
 * What a dot product of raw factors is multiplied by: scale / (R_Q R_K), R_Q = 1 for a full
 * query, R_K = 1 for groups.
 */
export function logitScale(spec: AttentionSpec, rankQ: number): number {
  const rankK = spec.headFactors === 'groups' ? 1 : spec.rankK;
  return (spec.scale ?? 1 / Math.sqrt(spec.headDim)) / (Math.max(rankQ, 1) * rankK);
}
