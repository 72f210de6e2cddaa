import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compute } from '../../src/compute/compute.ts';
import { type FactorCache, holdingOf } from '../../src/ops/factor-cache.ts';
import { mirrorOf } from '../../src/ops/mirror.ts';
import { createRuntime, TpaError } from '../../src/index.ts';
import { Runtime } from '../../src/ops/runtime.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createFailingRuntime } from '../helpers/fakes/failing-runtime.ts';
import { answers, assertHolds, factorsOf } from '../helpers/sessions/tokens.ts';

const SPEC = { heads: 2, headDim: 5, valueDim: 3, rankK: 2, rankV: 1 };
const PAGE_TOKENS = 96;
/** Header and room for 16 pages. */
const TABLE_BYTES = 128 + 16 * 4;
/** Histories stay within the first page table: its growth has a test of its own. */
const MAX_TOKENS = 16 * PAGE_TOKENS;
const SEED = 11;

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const isDisposed = (error: unknown) => error instanceof TpaError && error.code === 'DISPOSED';

function takeUnchanged(cache: FactorCache): number {
  const { pages, unchanged } = mirrorOf(holdingOf(cache));
  pages.dispose();
  return unchanged;
}

/** A cache as a plain array, with its pages by name so that sharing can be counted. */
interface Model {
  cache: FactorCache;
  tokens: number[];
  pages: symbol[];
}

const operation = fc.record({
  kind: fc.constantFrom('append', 'append', 'append', 'truncate', 'fork', 'dispose', 'create'),
  cache: fc.nat(),
  // whole pages, one less and one more matter most
  amount: fc.oneof(fc.constantFrom(1, 95, 96, 97, 192), fc.integer({ min: 1, max: 150 })),
});

for (const simd of BINARIES) {
  const test = suite(`FactorCache, ${simd}`);
  const runtime = await createRuntime({ simd });
  const { used } = runtime.memory();

  test('200 random histories of append, truncate, fork and dispose equal an array, bit for bit', () => {
    let name = 0;
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 25 }), (operations) => {
        using first = runtime.createFactorCache(SPEC);
        using reference = runtime.createFactorCache(SPEC);
        reference.append(factorsOf([0], SPEC));
        const pageBytes = reference.byteLength;
        const fixed = runtime.memory().used - TABLE_BYTES;
        let models: Model[] = [{ cache: first, tokens: [], pages: [] }];
        for (const { kind, cache, amount } of operations) {
          const model = models[cache % models.length]!;
          const { tokens, pages } = model;
          if (kind === 'append' && tokens.length + amount <= MAX_TOKENS) {
            const added = range(name, name + amount);
            name += amount;
            model.cache.append(factorsOf(added, SPEC));
            const isPartial = tokens.length % PAGE_TOKENS !== 0;
            const last = pages.at(-1);
            const isShared = models.some((other) => other !== model && other.pages.includes(last!));
            if (isPartial && isShared) pages.splice(-1, 1, Symbol('page'));
            tokens.push(...added);
            while (pages.length * PAGE_TOKENS < tokens.length) pages.push(Symbol('page'));
          } else if (kind === 'truncate') {
            const length = Math.min(amount, tokens.length);
            model.cache.truncate(length);
            tokens.length = length;
            pages.length = Math.ceil(length / PAGE_TOKENS);
          } else if (kind === 'fork') {
            const copy = { cache: model.cache.fork(), tokens: [...tokens], pages: [...pages] };
            models.push(copy);
          } else if (kind === 'create') {
            models.push({ cache: runtime.createFactorCache(SPEC), tokens: [], pages: [] });
          } else if (kind === 'dispose' && models.length > 1) {
            model.cache.dispose();
            models = models.filter((other) => other !== model);
          }
          const distinct = new Set(models.flatMap((each) => each.pages)).size;
          const expected = fixed + models.length * TABLE_BYTES + distinct * pageBytes;
          assert.is(runtime.memory().used, expected, 'pages are shared until written');
          for (const each of models) {
            assert.is(each.cache.length, each.tokens.length);
            assert.is(each.cache.byteLength, each.pages.length * pageBytes);
          }
        }
        for (const [i, each] of models.entries()) {
          assertHolds(runtime, each.cache, each.tokens, `cache ${i} of ${models.length}`);
        }
        for (const each of models) each.cache.dispose();
      }),
      { seed: SEED, numRuns: 200 },
    );
    assert.is(runtime.memory().used, used, 'all memory came back');
  });

  test('byteLength is at most 1.05 of (R_K + R_V)(h + d) · 4 a token from 1,900 tokens on', () => {
    const spec = { heads: 3, headDim: 8, rankK: 1, rankV: 2 };
    using cache = runtime.createFactorCache(spec);
    for (let length = 1; length <= 4100; length += 100) {
      cache.append(factorsOf(range(cache.length, length), { ...spec, valueDim: 8 }));
      const numbers = runtime.cacheNumbersPerToken(cache.spec) * cache.length;
      assert.ok(cache.byteLength >= numbers * 4);
      assert.ok(length < 1900 || cache.byteLength <= 1.05 * numbers * 4, `${length} tokens`);
    }
  });

  test('dispose() is idempotent, leaves forks alone, and use after it throws DISPOSED', () => {
    const cache = runtime.createFactorCache(SPEC);
    cache.append(factorsOf(range(0, 70), SPEC));
    using fork = cache.fork();
    const q = new Float32Array(10);
    cache.dispose();
    const after = runtime.memory().used;
    cache.dispose();
    cache[Symbol.dispose]();
    assert.is(runtime.memory().used, after);
    for (const use of [
      () => cache.length,
      () => cache.byteLength,
      () => cache.append(factorsOf([1], SPEC)),
      () => cache.truncate(0),
      () => cache.fork(),
      () => runtime.attend({ q }, cache),
    ]) {
      assert.throws(use, isDisposed);
    }
    assertHolds(runtime, fork, range(0, 70), 'fork');
  });

  test('a cache of another runtime is a TypeError', async () => {
    using other = await createRuntime({ simd });
    using cache = other.createFactorCache(SPEC);
    cache.append(factorsOf([1], SPEC));
    assert.throws(
      () => runtime.attend({ q: new Float32Array(10) }, cache),
      (error: unknown) => error instanceof TypeError && /of this runtime/.test(error.message),
    );
    assert.is(answers(other, cache).length, 1);
  });

  test('disposing a runtime disposes its caches and refuses everything; idempotent', async () => {
    const other = await createRuntime({ simd });
    const cache = other.createFactorCache(SPEC);
    const fork = cache.fork();
    other.dispose();
    other.dispose();
    other[Symbol.dispose]();
    for (const use of [
      () => cache.length,
      () => fork.append(factorsOf([1], SPEC)),
      () => other.createFactorCache(SPEC),
      () => other.attend({ q: new Float32Array(10) }, cache),
      () => other.info(),
      () => other.memory(),
    ]) {
      assert.throws(use, isDisposed);
    }
  });

  test('mirrorOf(): tells the prefix that was there before and that truncate() has left', () => {
    using cache = runtime.createFactorCache(SPEC);
    cache.append(factorsOf(range(0, 200), SPEC));
    assert.is(takeUnchanged(cache), 0);
    cache.append(factorsOf(range(200, 250), SPEC));
    cache.truncate(220);
    using fork = cache.fork();
    assert.equal([takeUnchanged(cache), takeUnchanged(fork)], [200, 0]);
    cache.truncate(192);
    cache.append(factorsOf(range(0, 100), SPEC));
    assert.equal([takeUnchanged(cache), takeUnchanged(cache)], [192, 292]);
  });

  test.run();
}

const zeroed = suite('FactorCache memory');

zeroed('pages and staging are zero once given back', async () => {
  const { runtime, heap } = await createFailingRuntime();
  const start = heap.allocate(64);
  heap.release(start);
  const dirty = () =>
    heap.words(start, (heap.size - start) / 4).findLastIndex((word) => word !== 0);
  const cache = runtime.createFactorCache(SPEC);
  cache.append(factorsOf(range(0, 200), SPEC));
  const fork = cache.fork();
  fork.append(factorsOf([7], SPEC));
  answers(runtime, fork);
  assert.ok(dirty() > 0);
  cache.dispose();
  assertHolds(runtime, fork, [...range(0, 200), 7], 'fork');
  fork.dispose();
  assert.is(dirty(), -1);
  assertSame([heap.used], [0], 'used');
});

zeroed('a trap in append() gives back the pages it was given, and leaves the tokens', async () => {
  const engine = await createEngine({ simd: 'baseline' });
  let traps = false;
  const appendFactors: typeof engine.kernels.appendFactors = (...rows) => {
    if (traps) throw new WebAssembly.RuntimeError('by plan');
    engine.kernels.appendFactors(...rows);
  };
  const kernels = { ...engine.kernels, appendFactors };
  const runtime = new Runtime(new Compute({ ...engine, kernels }));
  const cache = runtime.createFactorCache(SPEC);
  cache.append(factorsOf(range(0, 5), SPEC));
  const { used } = engine.heap;
  traps = true;
  const trapped = () => cache.append(factorsOf(range(5, 300), SPEC));
  assert.throws(
    trapped,
    (error: unknown) => error instanceof TpaError && error.code === 'KERNEL_TRAP',
  );
  assert.is(engine.heap.used, used);
  traps = false;
  assertHolds(runtime, cache, range(0, 5), 'after the trap');
});

zeroed.run();
