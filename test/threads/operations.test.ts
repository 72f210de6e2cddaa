import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compute } from '../../src/compute/compute.ts';
import { createRuntime, type Factors, type FactorWeights, type Runtime } from '../../src/index.ts';
import { ThreadPool } from '../../src/threads/pool.ts';
import type { Threads } from '../../src/threads/threads.ts';
import { compileKernels, createEngine } from '../../src/wasm/engine.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { refused } from '../helpers/checks/refused.ts';

const TPA = { dim: 64, heads: 8, headDim: 32, rankK: 2, rankV: 2 };
/** Programs of fewer multiply-adds go without threads: these decode over a context that is longer. */
const CONTEXT = 700;
/** Tokens before 200 queries that are worth to start threads for. */
const LARGE = 2000;
const LENGTHS = [1, 2, 13, 48, 49, 97, 200];
const options = { simd: 'baseline', backend: 'wasm' } as const;

const test = suite('operations of a runtime by several threads');

for (const [name, rankQ] of [
  ['factors', 6],
  ['a full query', 0],
] as const) {
  test(`factorize and attend by ${name}: the bits of one thread`, async () => {
    using alone = await createRuntime({ ...options, threads: 1 });
    using together = await createRuntime({ ...options, threads: 2 });
    assert.is(together.info().threads, 2);
    assert.is(together.info().threadsReason, 'asked for');
    const [one, two] = [alone, together].map((runtime) => factorized(runtime, rankQ));
    for (const [i, factors] of one!.entries()) {
      const { rankQ: _, ...arrays } = factors;
      for (const [key, numbers] of Object.entries(arrays)) {
        if (numbers.length === 0) continue;
        const other = two![i]![key as 'bk'];
        assertSame(other, numbers, `${key} of ${LENGTHS[i]} tokens`);
      }
    }
    const [before, after] = [alone, together].map((runtime) => attended(runtime, one!));
    for (const [i, out] of before!.entries()) {
      assertSame(after![i]!, out, `${LENGTHS[i]} queries`);
    }
  });
}

for (const [name, kvHeads] of [
  ['MHA', 8],
  ['GQA', 2],
  ['MQA', 1],
] as const) {
  test(`attend over a cache of ${name}: the bits of one thread`, async () => {
    using alone = await createRuntime({ ...options, threads: 1 });
    using together = await createRuntime({ ...options, threads: 2 });
    const [one, two] = [alone, together].map((runtime) => attendedDense(runtime, kvHeads));
    for (const [i, out] of one!.entries()) assertSame(two![i]!, out, `${LENGTHS[i]} queries`);
    assert.is(together.info().threads, 2, 'none was lost');
  });
}

test("'auto' starts threads at the first large operation, and memory is given back", async () => {
  using runtime = await createRuntime({ ...options });
  using alone = await createRuntime({ ...options, threads: 1 });
  if (runtime.info().threadsReason !== 'no thread was needed yet') return; // one core
  attendedDense(runtime, 1, [1]);
  assert.is(runtime.info().threadsReason, 'no thread was needed yet');
  const { used } = runtime.memory();
  const expected = attendedDense(alone, 8, [200], LARGE);
  assertSame(attendedDense(runtime, 8, [200], LARGE)[0]!, expected[0]!, 'before they have begun');
  while (runtime.info().threads === 1) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.match(runtime.info().threadsReason, /^\d+ cores$/);
  assertSame(attendedDense(runtime, 8, [200], LARGE)[0]!, expected[0]!, 'by all');
  assert.is(runtime.memory().used, used);
});

test('threads whose scratch does not fit the memory are ended; what is for one goes on', async () => {
  const memoryLimit = 2 ** 22;
  const compiled = await compileKernels({ memoryLimit }, { isShared: true });
  const pool = new ThreadPool(4);
  pool.lanes = 4;
  const threads: Threads = { pool, reason: 'asked for' };
  const compute = new Compute(await createEngine({ memoryLimit }, compiled), { threads });
  const { used } = compute.heap;
  compute.takeScratch({ perLane: 2 ** 19, partials: 0 })();
  assert.is(pool.lanes, 4);
  compute.takeScratch({ perLane: 2 ** 21, partials: 0 })();
  assert.is(pool.lanes, 1);
  assert.is(threads.reason, 'the scratch of 4 threads did not fit the memory');
  assert.is(compute.heap.used, used);
  await refused(
    async () => compute.takeScratch({ perLane: 2 ** 23, partials: 0 }),
    'OUT_OF_MEMORY',
  );
});

test('threads that nobody can have are refused in words', async () => {
  for (const threads of [0, -1, 1.5, 65, 1e9, NaN, Infinity]) {
    const expected = `"threads" expected an integer in 1..64, got ${threads}`;
    await assertThrows(threads, RangeError, expected);
  }
  for (const [threads, got] of [
    ['2', 'string'],
    [null, 'null'],
    [true, 'true'],
    [{}, 'Object'],
    [[2], 'Array'],
  ] as const) {
    await assertThrows(threads, TypeError, `"threads" expected "auto" or 1 … 64, got ${got}`);
  }
});

test('dispose() ends threads that are starting', async () => {
  const runtime = await createRuntime({ ...options });
  attendedDense(runtime, 8, [200], LARGE);
  runtime.dispose();
  runtime.dispose();
  await refused(async () => runtime.info(), 'DISPOSED');
});

test.run();

async function assertThrows(threads: unknown, kind: ErrorConstructor, message: string) {
  try {
    await createRuntime({ threads } as never);
  } catch (error) {
    assert.instance(error, kind);
    assert.is((error as Error).message, message);
    return;
  }
  assert.unreachable(message);
}

function randoms(count: number, seed: number): Float32Array {
  return createRandom(seed).normal(count);
}

/** Factors of as many tokens as each of {@link LENGTHS}. */
function factorized(runtime: Runtime, rankQ: number): Factors[] {
  const { dim, heads, headDim, rankK, rankV } = TPA;
  const rows = {
    wAk: heads * rankK,
    wBk: rankK * headDim,
    wAv: heads * rankV,
    wBv: rankV * headDim,
  };
  const query =
    rankQ === 0 ? { wQ: heads * headDim } : { wAq: heads * rankQ, wBq: rankQ * headDim };
  const weights = Object.fromEntries(
    Object.entries({ ...rows, ...query }).map(([key, count], seed) => [
      key,
      randoms(count * dim, seed).map((number) => number / 8),
    ]),
  ) as unknown as FactorWeights;
  return LENGTHS.map((length) =>
    runtime.factorize(randoms(length * dim, 40 + length), weights, { ...TPA, rankQ }, 3),
  );
}

/** What each block of queries sees of its tokens and {@link CONTEXT} others before them. */
function attended(runtime: Runtime, all: readonly Factors[]): Float32Array[] {
  const { heads, headDim, rankK, rankV } = TPA;
  return all.map((factors) => {
    using cache = runtime.createFactorCache({ heads, headDim, rankK, rankV });
    cache.append({
      ak: randoms(CONTEXT * heads * rankK, 1),
      bk: randoms(CONTEXT * rankK * headDim, 2),
      av: randoms(CONTEXT * heads * rankV, 3),
      bv: randoms(CONTEXT * rankV * headDim, 4),
    });
    cache.append(factors);
    return runtime.attend(factors, cache);
  });
}

/** The same of a cache of K and V heads. */
function attendedDense(
  runtime: Runtime,
  kvHeads: number,
  lengths: readonly number[] = LENGTHS,
  context = CONTEXT,
): Float32Array[] {
  const { heads, headDim } = TPA;
  using cache = runtime.createFactorCache({ heads, headDim, kvHeads });
  const [k, v] = [1, 2].map((seed) => randoms(context * kvHeads * headDim, seed));
  cache.append({ k: k!, v: v! });
  return lengths.map((length) =>
    runtime.attend({ q: randoms(length * heads * headDim, length) }, cache),
  );
}
