import type { StepInputs } from './decode-step.ts';
import type { LatentWeights } from './latent-step.ts';
import { BLOCK } from './decode-step.ts';
import { LATENT, type Mechanism } from './mechanisms.ts';

/** One query over the first `tokens` tokens of the inputs in float64, K and V formed head by head. */
export function stepReference(
  mechanism: Mechanism,
  heads: number,
  inputs: StepInputs,
  weights: LatentWeights,
  tokens: number,
): Float64Array {
  if (mechanism.name === 'MLA') return latentReference(heads, inputs, weights, tokens);
  const { headDim, valueDim, rankK, rankV } = mechanism.spec(heads);
  const { aq, bq, ak, bk, av, bv } = inputs;
  const { rankQ } = mechanism;
  const isGrouped = ak.length === 0;
  const kvHead = (h: number) => Math.floor(h / (heads / rankK));
  const expand = (a: Float32Array, b: Float32Array, rank: number, width: number) =>
    isGrouped
      ? (m: number, h: number, e: number) => b[(m * rank + kvHead(h)) * width + e]!
      : (m: number, h: number, e: number) =>
          sum(rank, (r) => a[(m * heads + h) * rank + r]! * b[(m * rank + r) * width + e]!) / rank;
  const query = (h: number, e: number) =>
    rankQ === 0
      ? aq[h * headDim + e]!
      : sum(rankQ, (r) => aq[h * rankQ + r]! * bq[r * headDim + e]!) / rankQ;
  const sizes = { heads, tokens, keyDim: headDim, valueDim };
  return attend(sizes, query, expand(ak, bk, rankK, headDim), expand(av, bv, rankV, valueDim));
}

/** MLA by its definition: K and V of each head are formed from the latent. */
function latentReference(
  heads: number,
  { aq, bk, bv }: StepInputs,
  { absorb, valueUp }: LatentWeights,
  tokens: number,
): Float64Array {
  const { latentDim, ropeDim, headDim, valueDim } = LATENT;
  const latent = (m: number, c: number) => bv[m * latentDim + c]!;
  const keyDim = headDim + ropeDim;
  const query = (h: number, e: number) => aq[h * keyDim + e]!;
  // formed once: each is read once a feature and head
  const keys = Float64Array.from({ length: tokens * heads * keyDim }, (_, i) => {
    const [e, h] = [i % keyDim, Math.floor(i / keyDim) % heads];
    const m = Math.floor(i / (keyDim * heads));
    if (e >= headDim) return bk[m * ropeDim + e - headDim]!;
    return sum(latentDim, (c) => absorb[h]![c * headDim + e]! * latent(m, c));
  });
  const key = (m: number, h: number, e: number) => keys[(m * heads + h) * keyDim + e]!;
  const value = (m: number, h: number, e: number) =>
    sum(latentDim, (c) => valueUp[h]![e * latentDim + c]! * latent(m, c));
  return attend({ heads, tokens, keyDim, valueDim }, query, key, value);
}

interface Sizes {
  readonly heads: number;
  readonly tokens: number;
  readonly keyDim: number;
  readonly valueDim: number;
}

function attend(
  { heads, tokens, keyDim, valueDim }: Sizes,
  query: (h: number, e: number) => number,
  key: (m: number, h: number, e: number) => number,
  value: (m: number, h: number, e: number) => number,
): Float64Array {
  if (tokens > BLOCK) throw new RangeError(`"tokens" expected at most ${BLOCK}, got ${tokens}`);
  const out = new Float64Array(heads * valueDim);
  for (let h = 0; h < heads; h++) {
    const q = Float64Array.from({ length: keyDim }, (_, e) => query(h, e));
    const weights = Float64Array.from({ length: tokens }, (_, m) =>
      Math.exp(sum(keyDim, (e) => q[e]! * key(m, h, e)) / Math.sqrt(keyDim)),
    );
    const total = sum(tokens, (m) => weights[m]!);
    for (let e = 0; e < valueDim; e++) {
      out[h * valueDim + e] = sum(tokens, (m) => weights[m]! * value(m, h, e)) / total;
    }
  }
  return out;
}

function sum(count: number, term: (index: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}
