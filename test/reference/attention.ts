/** Queries: aq (T, heads, rankQ) with bq (T, rankQ, headDim), or q (T, heads, headDim). */
export type AttentionQuery =
  { aq: ArrayLike<number>; bq: ArrayLike<number>; rankQ: number } | { q: ArrayLike<number> };

/** Cached factors of M tokens: ak (M, heads, rankK), bk (M, rankK, headDim), av (M, heads, rankV), bv (M, rankV, valueDim). */
export interface AttentionCache {
  ak: ArrayLike<number>;
  bk: ArrayLike<number>;
  av: ArrayLike<number>;
  bv: ArrayLike<number>;
}

/** Counts of tokens and sizes of {@link attention}. */
export interface AttentionSizes {
  /** T, the queries; query t sees the keys 0 … cached − tokens + t. */
  tokens: number;
  /** M, the cached tokens, queries included. */
  cached: number;
  heads: number;
  headDim: number;
  valueDim: number;
  rankK: number;
  rankV: number;
}

/** Factors in place of the default 1/√headDim, 1/rankQ (1 for full-rank q), 1/rankK, 1/rankV. */
export interface AttentionScales {
  scale?: number;
  scaleQ?: number;
  scaleK?: number;
  scaleV?: number;
}

/** What {@link attention} found; the maxima are those of the tolerance in {@link attentionTolerance}. */
export interface AttentionResult {
  /** (T, heads, valueDim) */
  out: Float64Array;
  /** Largest |logit| among the visible keys. */
  maxLogit: number;
  /** Largest |V| among the visible tokens, V materialised. */
  maxValue: number;
}

/** Causal attention over cached factors; neither Q, K nor V is materialised. */
export function attention(
  query: AttentionQuery,
  cache: AttentionCache,
  sizes: AttentionSizes,
  scales: AttentionScales = {},
): AttentionResult {
  const { tokens, cached, heads, headDim, valueDim, rankK, rankV } = sizes;
  const scaleQ = scales.scaleQ ?? ('q' in query ? 1 : 1 / query.rankQ);
  const scaleK = scales.scaleK ?? 1 / rankK;
  const scaleV = scales.scaleV ?? 1 / rankV;
  const logitScale = (scales.scale ?? 1 / Math.sqrt(headDim)) * scaleQ * scaleK;
  const ak = new Float64Array(cache.ak);
  const bk = new Float64Array(cache.bk);
  const av = new Float64Array(cache.av);
  const bv = new Float64Array(cache.bv);
  const out = new Float64Array(tokens * heads * valueDim);
  let maxLogit = 0;

  const scoresOf = 'q' in query ? fullScores(query) : factoredScores(query);
  for (let t = 0; t < tokens; t++) {
    const visible = cached - tokens + t + 1;
    const logits = new Float64Array(heads * visible); // (heads, visible)
    for (let m = 0; m < visible; m++) {
      const scores = scoresOf(t, m);
      for (let h = 0; h < heads; h++) {
        let logit = 0;
        for (let s = 0; s < rankK; s++) {
          logit += ak[(m * heads + h) * rankK + s]! * scores[h * rankK + s]!;
        }
        logits[h * visible + m] = logit * logitScale;
        maxLogit = Math.max(maxLogit, Math.abs(logit * logitScale));
      }
    }
    for (let h = 0; h < heads; h++) {
      const weights = softmax(logits.subarray(h * visible, (h + 1) * visible));
      for (let m = 0; m < visible; m++) {
        for (let u = 0; u < rankV; u++) {
          const weight = weights[m]! * scaleV * av[(m * heads + h) * rankV + u]!;
          for (let e = 0; e < valueDim; e++) {
            out[(t * heads + h) * valueDim + e]! += weight * bv[(m * rankV + u) * valueDim + e]!;
          }
        }
      }
    }
  }
  return { out, maxLogit, maxValue: maxValue() };

  /** (heads, rankK): Σ_r aq[t,h,r] ⟨bq[t,r], bk[m,s]⟩ */
  function factoredScores(factors: {
    aq: ArrayLike<number>;
    bq: ArrayLike<number>;
    rankQ: number;
  }) {
    const { rankQ } = factors;
    const aq = new Float64Array(factors.aq);
    const bq = new Float64Array(factors.bq);
    return (t: number, m: number): Float64Array => {
      const scores = new Float64Array(heads * rankK);
      for (let r = 0; r < rankQ; r++) {
        for (let s = 0; s < rankK; s++) {
          const product = dot(bq, (t * rankQ + r) * headDim, (m * rankK + s) * headDim);
          for (let h = 0; h < heads; h++) {
            scores[h * rankK + s]! += aq[(t * heads + h) * rankQ + r]! * product;
          }
        }
      }
      return scores;
    };
  }

  /** (heads, rankK): ⟨q[t,h], bk[m,s]⟩ */
  function fullScores(full: { q: ArrayLike<number> }) {
    const q = new Float64Array(full.q);
    return (t: number, m: number): Float64Array => {
      const scores = new Float64Array(heads * rankK);
      for (let h = 0; h < heads; h++) {
        for (let s = 0; s < rankK; s++) {
          scores[h * rankK + s] = dot(q, (t * heads + h) * headDim, (m * rankK + s) * headDim);
        }
      }
      return scores;
    };
  }

  /** ⟨b[start …], bk[keyStart …]⟩ over headDim numbers */
  function dot(b: Float64Array, start: number, keyStart: number): number {
    let sum = 0;
    for (let d = 0; d < headDim; d++) sum += b[start + d]! * bk[keyStart + d]!;
    return sum;
  }

  function maxValue(): number {
    let max = 0;
    for (let m = 0; m < cached; m++) {
      for (let h = 0; h < heads; h++) {
        for (let e = 0; e < valueDim; e++) {
          let value = 0;
          for (let u = 0; u < rankV; u++) {
            value += av[(m * heads + h) * rankV + u]! * bv[(m * rankV + u) * valueDim + e]!;
          }
          max = Math.max(max, Math.abs(value * scaleV));
        }
      }
    }
    return max;
  }
}

/** Largest allowed |kernel − twin|, from docs/numerics.md: 1e-6 · (1 + max|logit|) · max|V|. */
export function attentionTolerance(result: AttentionResult): number {
  return 1e-6 * (1 + result.maxLogit) * result.maxValue;
}

function softmax(logits: Float64Array): Float64Array {
  let max = -Infinity;
  for (const logit of logits) max = Math.max(max, logit);
  const exps = logits.map((logit) => Math.exp(logit - max));
  let sum = 0;
  for (const exp of exps) sum += exp;
  return exps.map((exp) => exp / sum);
}
