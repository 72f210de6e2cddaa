import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheNumbersPerToken, linearStateNumbers } from '../../src/attention/spec.ts';
import { createLayerCache, type LayerCache } from '../../src/cache/layer-cache.ts';
import { attentionSpec } from '../../src/format/config/attention-spec.ts';
import type { ModelBytes } from '../../src/format/files/bytes-at-hand.ts';
import { readLogits, runBlocks } from '../../src/model/forward.ts';
import { fixedFactors } from '../../src/model/workspace.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';

/** More than a page, and the last not full. */
const TOKENS = 110;

const random = createRandom(3);
const ids = Array.from({ length: TOKENS + 8 }, () => random.integer(0, 60));

const test = suite('save() and load()');

for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
  const { source } = build();

  test(`${name}: a cache that was loaded elsewhere, in a shared memory, goes on with the same bits`, async () => {
    const [here, elsewhere] = [await open(source), await open(source, true)];
    const [caches, copies] = [here.createCaches(), elsewhere.createCaches()];
    await here.evaluate(caches, ids.slice(0, TOKENS));
    for (const [layer, copy] of copies.entries()) {
      load(copy, caches[layer]!.lengths, [...caches[layer]!.save()]);
      assert.is(copy.length, TOKENS);
    }
    // the last step can be taken back, also where it takes a state
    for (const cache of [...caches, ...copies]) cache.truncate(TOKENS - 1);
    assert.is(copies[0]!.length, caches[0]!.length);
    const rest = ids.slice(caches[0]!.length);
    assertSame(await elsewhere.evaluate(copies, rest), await here.evaluate(caches, rest), name);
  });

  test(`${name}: what is saved is what is stored, no more; what fails changes nothing`, async () => {
    const { backend, createCaches, evaluate } = await open(source);
    const caches = createCaches();
    await evaluate(caches, ids.slice(0, TOKENS));
    const [cache] = caches as [LayerCache];
    const { lengths, spec } = cache;
    const pieces = [...cache.save()];
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const numbers = cacheNumbersPerToken(spec) * TOKENS + linearStateNumbers(spec) * lengths.length;
    assert.is(bytes, 4 * numbers);

    const { heap } = backend.network.compute;
    const [copy] = createCaches() as [LayerCache];
    const { used } = heap;
    const [first, ...others] = pieces as [Uint8Array, ...Uint8Array[]];
    assert.throws(() => load(copy, lengths, [first.subarray(1), ...others]), /"piece" expected/);
    for (const bad of [[-1], [0.5], [NaN], [2 ** 60, 3], [5, 4], [1, 2, 3]]) {
      assert.throws(() => load(copy, bad, pieces), /"lengths" expected/);
    }
    const left = copy.load(lengths);
    left.next();
    left.return();
    cache.save().return();
    assert.equal([copy.length, heap.used], [0, used]);
    load(copy, lengths, pieces);
    assert.equal([...copy.save()], pieces);
  });
}

test('an empty cache saves nothing and loads it', async () => {
  for (const { build } of MECHANISM_VARIANTS) {
    const { createCaches } = await open(build().source);
    const [cache, copy] = createCaches() as [LayerCache, LayerCache];
    assert.equal([...cache.save()], []);
    load(copy, cache.lengths, []);
    assert.is(copy.length, 0);
  }
});

test.run();

function load(cache: LayerCache, lengths: readonly number[], pieces: readonly Uint8Array[]): void {
  const left = [...pieces];
  const loading = cache.load(lengths);
  for (let step = loading.next(); step.done !== true;) step = loading.next(left.shift()!);
  assert.is(left.length, 0, 'pieces that nothing asked for');
}

/** A model, and layers of its own caches. */
async function open(source: ModelBytes, isShared = false) {
  const { backend } = await openCpuModel(source, { simd: 'baseline', isShared });
  const { network } = backend;
  const { compute, config, weights } = network;
  const fixed = fixedFactors(compute, config, weights);
  return {
    backend,
    createCaches: () =>
      fixed.map((each, layer) => createLayerCache(compute, attentionSpec(config, layer), each)),
    /** Logits of the last of the tokens. */
    async evaluate(
      caches: readonly LayerCache[],
      tokens: readonly number[],
    ): Promise<Float32Array> {
      let logits: Float32Array | undefined;
      for (let at = 0; at < tokens.length; at += 48) {
        const some = tokens.slice(at, at + 48);
        for (const cache of caches) cache.reserve(some.length);
        runBlocks(network, some, caches);
        logits = await readLogits(network, some.length - 1, 1);
        for (const cache of caches) cache.commit(some.length);
      }
      return logits!;
    },
  };
}
