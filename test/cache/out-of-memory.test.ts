import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FactorCache } from '../../src/ops/factor-cache.ts';
import { createRuntime, type Runtime, TpaError } from '../../src/index.ts';
import { createFailingRuntime } from '../helpers/fakes/failing-runtime.ts';
import { assertHolds, factorsOf, weightsOf } from '../helpers/sessions/tokens.ts';

const SPEC = { heads: 2, headDim: 4, valueDim: 4, rankK: 1, rankV: 1 };
/** 1,000 tokens are 1.3 MB. */
const WIDE = { heads: 4, headDim: 16, valueDim: 16, rankK: 4, rankV: 4 };

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const isOutOfMemory = (error: unknown) =>
  error instanceof TpaError && error.code === 'OUT_OF_MEMORY';

/** Whether `act` ran out of memory; any other error is let through. */
function runsOut(act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (isOutOfMemory(error)) return true;
    throw error;
  }
}

interface Scene {
  runtime: Runtime;
  long: FactorCache;
  fork: FactorCache;
  other: FactorCache;
}

/** 18 pages, more than a page table starts with, a fork of them, and a cache that can outgrow its own. */
const TOKENS = { long: range(0, 1650), fork: range(0, 1650), other: range(5000, 5100) };

function setScene(runtime: Runtime): Scene {
  const long = runtime.createFactorCache(SPEC);
  long.append(factorsOf(TOKENS.long, SPEC));
  const other = runtime.createFactorCache(SPEC);
  other.append(factorsOf(TOKENS.other, SPEC));
  return { runtime, long, fork: long.fork(), other };
}

function assertUnchanged({ runtime, long, fork, other }: Scene, what: string): void {
  assertHolds(runtime, long, TOKENS.long, `${what}: long`);
  assertHolds(runtime, fork, TOKENS.fork, `${what}: fork`);
  assertHolds(runtime, other, TOKENS.other, `${what}: other`);
}

const zeros = (length: number) => new Float32Array(length);
const FACTORS = { dim: 8, heads: 2, headDim: 4, rankQ: 1, rankK: 1, rankV: 1 };
const WEIGHTS = weightsOf(FACTORS, (rows) => zeros(rows * 8));

/** Every operation that allocates; enough tokens to unshare a page, grow a table and stage. */
const OPERATIONS: Record<string, (scene: Scene) => unknown> = {
  'append() to a fork': ({ fork }) => fork.append(factorsOf(range(1, 1800), SPEC)),
  'append() past the page table': ({ other }) => other.append(factorsOf(range(1, 1500), SPEC)),
  'fork()': ({ long }) => long.fork().dispose(),
  'createFactorCache()': ({ runtime }) => runtime.createFactorCache(SPEC).dispose(),
  'attend()': ({ runtime, long }) => runtime.attend({ q: zeros(50 * 8) }, long),
  'factorize()': ({ runtime }) => runtime.factorize(zeros(8), WEIGHTS, FACTORS, 0),
};

const test = suite('OUT_OF_MEMORY');

for (const [name, operation] of Object.entries(OPERATIONS)) {
  for (const isForEver of [false, true]) {
    const often = isForEver ? 'and every later one' : 'once';
    test(`${name}, allocation k fails ${often}, for every k: caches unchanged, then it works`, async () => {
      let failures = 0;
      for (let k = 1; ; k++) {
        const { runtime, heap, allocations } = await createFailingRuntime();
        const scene = setScene(runtime);
        const before = heap.used;
        allocations.failAt(k, isForEver);
        const failed = runsOut(() => operation(scene));
        allocations.failAt(Infinity);
        if (!failed) break;
        failures++;
        const what = `${name}, k = ${k}`;
        // what a failed append may keep: the fork's own last page, and a larger table
        const kept = scene.fork.byteLength / 18 + 64 + 4 * 40;
        assert.ok(heap.used <= before + kept, `${what}: ${heap.used - before} bytes more in use`);
        assertUnchanged(scene, what);
        scene.fork.append(factorsOf([77], SPEC));
        assertHolds(runtime, scene.fork, [...TOKENS.fork, 77], `${what}, a smaller request`);
        scene.fork.truncate(TOKENS.fork.length);
        operation(scene);
        runtime.dispose();
        assert.is(heap.used, 0, what);
      }
      assert.ok(failures >= 1, `${failures} allocations failed`);
    });
  }
}

test('truncate() and dispose() need no memory', async () => {
  const { runtime, heap, allocations, growth } = await createFailingRuntime();
  const scene = setScene(runtime);
  allocations.failAt(1, true);
  growth.failAt(1, true);
  scene.fork.truncate(50);
  scene.long.truncate(0);
  scene.other.dispose();
  allocations.failAt(Infinity);
  growth.failAt(Infinity);
  assertHolds(runtime, scene.fork, range(0, 50), 'fork');
  runtime.dispose();
  assert.is(heap.used, 0);
});

test('memory that refuses to grow at the k-th time, once or for ever: caches unchanged', async () => {
  for (const isForEver of [false, true]) {
    for (let k = 1; k <= 4; k++) {
      const { runtime, heap, growth } = await createFailingRuntime();
      const scene = setScene(runtime);
      growth.failAt(k, isForEver);
      const wide = runtime.createFactorCache(WIDE);
      const tokens: number[] = [];
      const hasFailed = runsOut(() => {
        // memory grows by 1 MiB at least: four growths before 10,000 tokens of 1.3 KB
        while (tokens.length < 10_000) {
          wide.append(factorsOf(range(0, 500), WIDE));
          tokens.push(...range(0, 500));
        }
      });
      assert.ok(hasFailed, `growth ${k} was reached`);
      growth.failAt(Infinity);
      assertHolds(runtime, wide, tokens, `k = ${k}`);
      assertUnchanged(scene, `k = ${k}`);
      wide.append(factorsOf([1], WIDE));
      runtime.dispose();
      assert.is(heap.used, 0);
    }
  }
});

test('memoryLimit: append until it is reached; the cache stays whole and room can be made', async () => {
  using runtime = await createRuntime({ simd: 'baseline', memoryLimit: 1 << 20 });
  const { used, limit } = runtime.memory();
  const cache = runtime.createFactorCache(WIDE);
  const small = runtime.createFactorCache(SPEC);
  small.append(factorsOf(range(0, 10), SPEC));
  const tokens: number[] = [];
  const hasRunOut = runsOut(() => {
    for (;;) {
      const added = range(tokens.length, tokens.length + 100);
      cache.append(factorsOf(added, WIDE));
      tokens.push(...added);
    }
  });
  assert.ok(hasRunOut);
  assert.ok(tokens.length > 500, `${tokens.length} tokens`);
  assert.ok(runtime.memory().size <= limit);
  assert.throws(() => cache.append(factorsOf(range(0, 2000), WIDE)), isOutOfMemory);
  cache.append(factorsOf([tokens.length], WIDE));
  tokens.push(tokens.length);
  // room for the fresh cache that the check compares with, and its staging
  const kept = Math.floor(tokens.length / 6);
  cache.truncate(kept);
  assertHolds(runtime, cache, tokens.slice(0, kept), 'the cache that ran out');
  assertHolds(runtime, small, range(0, 10), 'another cache');
  cache.append(factorsOf([1], WIDE));
  cache.dispose();
  small.dispose();
  assert.is(runtime.memory().used, used);
});

test.run();
