import type { Factors, FactorCache } from '../../../src/index.ts';
import { assertSame } from '../checks/close.ts';
import { type FakeRuntime, openFakeRuntime } from './fake-op-gpu.ts';
import { weightsOf } from '../sessions/tokens.ts';
import { createRandom } from '../checks/random.ts';

const random = createRandom(12);
/** Sizes of the operations. */
export const SPEC = { dim: 16, heads: 3, headDim: 8, rankQ: 2, rankK: 2, rankV: 2 };
/** Of a factorisation of these sizes. */
export const WEIGHTS = weightsOf(SPEC, (rows) => random.normal(rows * SPEC.dim, 0.25));
/** Numbers for so many tokens. */
export const inputOf = (tokens: number) => random.normal(tokens * SPEC.dim);

/** A fake runtime, its GPU open with 'webgpu', and a cache of 9 tokens. */
export async function setUpOps(mode: 'auto' | 'webgpu' = 'webgpu', cpuMs = 0) {
  const fake = await openFakeRuntime(mode, cpuMs);
  const { runtime, dispatch } = fake;
  if (mode === 'webgpu') await dispatch.start();
  const cache = runtime.createFactorCache(SPEC);
  const factors = runtime.factorize(inputOf(9), WEIGHTS, SPEC, 0);
  cache.append(factors);
  return Object.assign(fake, { cache, factors });
}

/** Fails unless both calls give the same numbers. */
export async function sameFactors({ runtime }: Pick<FakeRuntime, 'runtime'>, x = inputOf(3)) {
  const expected = runtime.factorize(x, WEIGHTS, SPEC, 4);
  const found = await runtime.factorizeAsync(x, WEIGHTS, SPEC, 4);
  for (const name of ['aq', 'bq', 'ak', 'bk', 'av', 'bv'] as const) {
    assertSame(found[name], expected[name], name);
  }
}

/** Fails unless both calls give the same numbers, for the first two tokens' queries. */
export async function sameAttention(
  { runtime }: Pick<FakeRuntime, 'runtime'>,
  cache: FactorCache,
  { aq, bq, rankQ }: Factors,
) {
  const query = { aq: aq.slice(0, 6), bq: bq.slice(0, 16), rankQ };
  assertSame(await runtime.attendAsync(query, cache), runtime.attend(query, cache), 'attention');
}
