import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { linearStateNumbers } from '../../src/attention/spec.ts';
import { createLayerCache, type LayerCache } from '../../src/cache/layer-cache.ts';
import { loadPieces, savePiece } from '../../src/cache/saving.ts';
import { attentionSpec } from '../../src/format/config/attention-spec.ts';
import type { ModelBytes } from '../../src/format/files/bytes-at-hand.ts';
import { CACHE_DTYPES, type CacheDtype } from '../../src/layout/cache-dtype.ts';
import { tokenBytes } from '../../src/layout/pages.ts';
import { readLogits, runBlocks } from '../../src/model/forward.ts';
import { fixedFactors } from '../../src/model/workspace.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { refused } from '../helpers/checks/refused.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { loadLayer, piecesOf } from '../helpers/kernels/cache-pieces.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';

/** More than a page, and the last not full. */
const TOKENS = 110;

/** Scales that no row has: infinities, no number, less than nothing. */
const SCALES = [0x7f800000, 0xff800000, 0x7fc00000, 0xbf800000];

const random = createRandom(3);
const ids = Array.from({ length: TOKENS + 8 }, () => random.integer(0, 60));

const test = suite('save() and load()');

const variants = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS].flatMap(({ name, build }, i) => {
  const { source } = build();
  // float32 for all, and one of the others
  const codes = CACHE_DTYPES[1 + (i % 2)]!;
  return (['f32', codes] as const).map((dtype) => ({ name: `${name}, ${dtype}`, source, dtype }));
});

for (const { name, source, dtype } of variants) {
  test(`${name}: a cache that was loaded elsewhere, in a shared memory, goes on with the same bits`, async () => {
    const [here, elsewhere] = [await open(source), await open(source, true)];
    const [caches, copies] = [here.createCaches(dtype), elsewhere.createCaches(dtype)];
    await here.evaluate(caches, ids.slice(0, TOKENS));
    for (const [layer, copy] of copies.entries()) {
      const cache = caches[layer]!;
      loadLayer(elsewhere.compute, copy, cache.lengths, piecesOf(here.compute, cache));
      assert.is(copy.length, TOKENS);
    }
    // the last step can be taken back, also where it takes a state
    for (const cache of [...caches, ...copies]) cache.truncate(TOKENS - 1);
    assert.is(copies[0]!.length, caches[0]!.length);
    const rest = ids.slice(caches[0]!.length);
    assertSame(await elsewhere.evaluate(copies, rest), await here.evaluate(caches, rest), name);
  });

  test(`${name}: what is saved is what is stored, no more; what fails changes nothing`, async () => {
    const { compute, createCaches, evaluate } = await open(source);
    const caches = createCaches(dtype);
    await evaluate(caches, ids.slice(0, TOKENS));
    const [cache] = caches as [LayerCache];
    const { lengths, spec } = cache;
    const pieces = piecesOf(compute, cache);
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const states = linearStateNumbers(spec) * lengths.length;
    assert.is(bytes, tokenBytes(spec, dtype) * TOKENS + 4 * states);

    const [copy] = createCaches(dtype) as [LayerCache];
    const { used } = compute.heap;
    for (const bad of [[-1], [0], [0.5], [NaN], [2 ** 60, 3], [5, 4], [5, 5], [1, 2, 3]]) {
      assert.throws(() => loadLayer(compute, copy, bad, pieces), /"lengths" expected/);
    }
    const [last] = pieces.slice(-1) as [Uint8Array];
    const others = pieces.slice(0, -1);
    // infinities and no number: of float32 the last number, of codes the first scale; of 16 bits a code
    const bits = cache.dtype === 'f32' ? [0x7f800000, 0xff800000, 0x7fc00000] : SCALES;
    for (const bad of [
      ...bits.map((each) => patched(last, cache.dtype === 'f32' ? last.length - 4 : 0, each)),
      ...(cache.dtype === 'i16'
        ? [patched(last, last.length - 4, 4096), patched(last, last.length - 4, -4096 << 16)]
        : []),
      ...(cache.dtype === 'q8' ? [patched(last, last.length - 4, 0x80)] : []),
    ]) {
      await refused(() => loadLayer(compute, copy, lengths, [...others, bad]), 'SNAPSHOT_INVALID');
    }
    const left = loadPieces(compute, copy, lengths);
    left.next();
    left.return();
    assert.throws(() => savePiece(compute, cache, 0, refuse), /not wanted/);
    assert.equal([copy.length, copy.byteLength, compute.heap.used], [0, 0, used]);
    loadLayer(compute, copy, lengths, pieces);
    assert.equal(piecesOf(compute, copy), pieces);
  });
}

test('an empty cache saves nothing and loads it', async () => {
  for (const { build } of MECHANISM_VARIANTS) {
    const { compute, createCaches } = await open(build().source);
    const [cache, copy] = createCaches() as [LayerCache, LayerCache];
    assert.equal([cache.lengths, piecesOf(compute, cache)], [[], []]);
    loadLayer(compute, copy, cache.lengths, []);
    assert.is(copy.length, 0);
  }
});

test.run();

/** A model, and layers of its own caches. */
async function open(source: ModelBytes, isShared = false) {
  const { backend } = await openCpuModel(source, { simd: 'baseline', isShared });
  const { network } = backend;
  const { compute, config, weights } = network;
  const fixed = fixedFactors(compute, config, weights);
  return {
    compute,
    createCaches: (dtype?: CacheDtype) =>
      fixed.map((each, layer) =>
        createLayerCache(compute, attentionSpec(config, layer), each, dtype),
      ),
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

function refuse(): never {
  throw new Error('not wanted');
}

/** A copy with another word at a byte. */
function patched(bytes: Uint8Array, at: number, word: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(at, word, true);
  return copy;
}
