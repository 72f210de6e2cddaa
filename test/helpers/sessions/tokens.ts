import type { AttentionSpec } from '../../../src/attention/spec.ts';
import type { FactorizeSpec, FactorWeights } from '../../../src/ops/factorize.ts';
import type { FactorCache } from '../../../src/ops/factor-cache.ts';
import type { Runtime } from '../../../src/ops/runtime.ts';
import { assertSame } from '../checks/close.ts';
import { createRandom } from '../checks/random.ts';

/** Factors of tokens named by numbers: the same number has the same factors everywhere. */
export function factorsOf(tokens: readonly number[], spec: AttentionSpec) {
  const { heads, headDim, valueDim, rankK, rankV } = spec;
  const part = (width: number, salt: number) => {
    const out = new Float32Array(tokens.length * width);
    for (const [i, token] of tokens.entries()) {
      out.set(createRandom(token * 4 + salt).normal(width), i * width);
    }
    return out;
  };
  return {
    ak: part(heads * rankK, 0),
    bk: part(rankK * headDim, 1),
    av: part(heads * rankV, 2),
    bv: part(rankV * valueDim, 3),
  };
}

/** Weights of a factorisation: each matrix (rows, dim) as it is made, the query's rank 0 for a full one. */
export function weightsOf(
  spec: Pick<FactorizeSpec, 'heads' | 'headDim' | 'rankQ' | 'rankK' | 'rankV'>,
  matrix: (rows: number) => Float32Array,
): FactorWeights {
  const { heads, headDim, rankQ, rankK, rankV } = spec;
  return {
    ...(rankQ === 0
      ? { wQ: matrix(heads * headDim) }
      : { wAq: matrix(heads * rankQ), wBq: matrix(rankQ * headDim) }),
    wAk: matrix(heads * rankK),
    wBk: matrix(rankK * headDim),
    wAv: matrix(heads * rankV),
    wBv: matrix(rankV * headDim),
  };
}

/** What a cache answers to fixed full-rank queries: decodes one, or prefills three. */
export function answers(runtime: Runtime, cache: FactorCache): Float32Array[] {
  const { heads, headDim } = cache.spec;
  return [1, 3]
    .filter((count) => count <= cache.length)
    .map((count) => {
      const q = createRandom(count).normal(count * heads * headDim);
      return runtime.attend({ q }, cache);
    });
}

/** Fails unless the cache answers bit for bit as a new one of the same tokens, made in one go. */
export function assertHolds(
  runtime: Runtime,
  cache: FactorCache,
  tokens: readonly number[],
  what: string,
): void {
  if (cache.length !== tokens.length) {
    throw new Error(`${what}: expected length ${tokens.length}, got ${cache.length}`);
  }
  if (tokens.length === 0) return;
  using fresh = runtime.createFactorCache(cache.spec);
  fresh.append(factorsOf(tokens, cache.spec));
  const expected = answers(runtime, fresh);
  for (const [i, actual] of answers(runtime, cache).entries()) {
    assertSame(actual, expected[i]!, `${what}, answer ${i}`);
  }
}
