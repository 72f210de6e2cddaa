import { createRuntime, type Factors, type RuntimeOptions } from '../../src/index.ts';
import { weightsOf } from '../helpers/sessions/tokens.ts';
import type { OpsAsk, Scenarios } from './host.ts';

/** Runs the op-level API on both sides. */
export async function compareOps(
  webgpu: NonNullable<RuntimeOptions['webgpu']>,
  ask: OpsAsk,
): Promise<Scenarios['ops']['answer']> {
  using runtime = await createRuntime({ backend: ask.backend, webgpu });
  const { dim, heads, headDim, rankK, rankV, kvHeads, tokens, queries } = ask;
  const random = generator();
  const weights = weightsOf(ask, (rows) => random(rows * dim));
  const x = random(tokens * dim);
  const differences: number[] = [];
  const call = [x, weights, ask, 5] as const;
  const expected = runtime.factorize(...call);
  const found = await runtime.factorizeAsync(...call);
  for (const name of ['aq', 'bq', 'ak', 'bk', 'av', 'bv'] as const) {
    differences.push(difference(found[name], expected[name]));
  }

  using cache = runtime.createFactorCache(
    kvHeads === undefined ? { heads, headDim, rankK, rankV } : { heads, headDim, kvHeads },
  );
  const dense = {
    k: random(tokens * (kvHeads ?? 0) * headDim),
    v: random(tokens * (kvHeads ?? 0) * headDim),
  };
  cache.append(kvHeads === undefined ? expected : dense);
  const query =
    kvHeads === undefined ? lastOf(expected, ask) : { q: random(queries * heads * headDim) };
  const compare = async () => {
    differences.push(
      difference(await runtime.attendAsync(query, cache), runtime.attend(query, cache)),
    );
  };
  await compare();
  cache.truncate(tokens - queries);
  cache.append(kvHeads === undefined ? expected : dense);
  await compare();

  // what was asked is answered, and the copy is right again for the next question
  const before = runtime.attend(query, cache);
  const pending = runtime.attendAsync(query, cache);
  cache.truncate(3);
  cache.append(kvHeads === undefined ? expected : dense);
  differences.push(difference(await pending, before));
  await compare();
  return { differences, info: runtime.info() };
}

/** The last queries of the tokens. */
function lastOf(factors: Factors, { tokens, queries, rankQ, heads, headDim }: OpsAsk) {
  const last = (values: Float32Array) =>
    values.slice((values.length / tokens) * (tokens - queries));
  if (rankQ === 0) return { q: last(factors.q ?? new Float32Array(tokens * heads * headDim)) };
  return { aq: last(factors.aq), bq: last(factors.bq), rankQ };
}

function difference(found: Float32Array, expected: Float32Array): number {
  if (found.length !== expected.length) return Infinity;
  const largest = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  return expected.reduce((max, x, i) => Math.max(max, Math.abs(x - found[i]!)), 0) / (largest || 1);
}

function generator(): (length: number) => Float32Array {
  let seed = 1;
  return (length) =>
    Float32Array.from({ length }, () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed / 2 ** 31 - 1;
    });
}
