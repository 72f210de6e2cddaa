/** Sizes of {@link groupedAttention}; kvHeads divides heads. */
export interface GroupedSizes {
  tokens: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  valueDim: number;
}

/** What {@link groupedAttention} does where models differ. */
export interface GroupedRules {
  /** Factor of every product q · k. */
  scale: number;
  /** Query i sees the keys j with i − window < j ≤ i; every j ≤ i without one. */
  window?: number | undefined;
  /** `linear` takes the scaled products themselves as weights. */
  weights?: 'softmax' | 'linear';
  /** The key/value head of a query head; ⌊head / (heads / kvHeads)⌋ by default. */
  kvHeadOf?: ((head: number) => number) | undefined;
}

/**
 * Causal attention of grouped heads, keys and values materialised.
 *
 * @param q (T, heads, headDim)
 * @param k (T, kvHeads, headDim)
 * @param v (T, kvHeads, valueDim)
 * @returns out (T, heads, valueDim), and the largest |scaled product| among visible keys
 */
export function groupedAttention(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  sizes: GroupedSizes,
  rules: GroupedRules,
): { out: Float64Array; maxProduct: number } {
  const { tokens, heads, kvHeads, headDim, valueDim } = sizes;
  checkLengths(q, k, v, sizes);
  const { scale, window = tokens, weights: kind = 'softmax' } = rules;
  const kvHeadOf = rules.kvHeadOf ?? ((head: number) => Math.floor(head / (heads / kvHeads)));
  const queries = new Float64Array(q); // one element type, for speed
  const keys = new Float64Array(k);
  const values = new Float64Array(v);
  const out = new Float64Array(tokens * heads * valueDim);
  let maxProduct = 0;
  for (let head = 0; head < heads; head++) {
    const kvHead = kvHeadOf(head);
    for (let i = 0; i < tokens; i++) {
      const first = Math.max(0, i - window + 1);
      const products: number[] = [];
      for (let j = first; j <= i; j++) {
        let sum = 0;
        for (let d = 0; d < headDim; d++) {
          sum +=
            queries[(i * heads + head) * headDim + d]! *
            keys[(j * kvHeads + kvHead) * headDim + d]!;
        }
        products.push(sum * scale);
        maxProduct = Math.max(maxProduct, Math.abs(sum * scale));
      }
      const weights = kind === 'softmax' ? softmax(products) : products;
      for (const [offset, weight] of weights.entries()) {
        const from = ((first + offset) * kvHeads + kvHead) * valueDim;
        for (let e = 0; e < valueDim; e++) {
          out[(i * heads + head) * valueDim + e]! += weight * values[from + e]!;
        }
      }
    }
  }
  return { out, maxProduct };
}

function softmax(logits: readonly number[]): number[] {
  const max = logits.reduce((a, b) => Math.max(a, b));
  const exps = logits.map((logit) => Math.exp(logit - max));
  const sum = exps.reduce((a, b) => a + b);
  return exps.map((exp) => exp / sum);
}

function checkLengths(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  { tokens, heads, kvHeads, headDim, valueDim }: GroupedSizes,
): void {
  const expected = [
    tokens * heads * headDim,
    tokens * kvHeads * headDim,
    tokens * kvHeads * valueDim,
  ];
  const found = [q.length, k.length, v.length];
  if (expected.join() !== found.join() || heads % kvHeads !== 0) {
    throw new RangeError(`q, k, v of ${expected.join()} numbers expected, got ${found.join()}`);
  }
}
