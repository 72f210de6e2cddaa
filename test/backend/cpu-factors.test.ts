import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CpuBackend, CpuSequence } from '../../src/backend/cpu.ts';
import type { TpaError } from '../../src/base/errors.ts';
import type { ModelBytes } from '../../src/format/files/bytes-at-hand.ts';
import { cacheNumbersPerToken } from '../../src/attention/spec.ts';
import { attentionSpec } from '../../src/format/config/attention-spec.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { watchRegions } from '../helpers/kernels/red-zones.ts';
import { evaluate } from '../helpers/sessions/evaluate.ts';
import { outcomeOf, refused } from '../helpers/checks/refused.ts';
import { withoutMemory } from '../helpers/fakes/fake-memory.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';

const isLinear = ({ name }: { name: string }) => name.startsWith('linear-');
const PAGED = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS].filter((variant) => !isLinear(variant));
const LINEAR = MECHANISM_VARIANTS.filter(isLinear);

/** Two pages and part of a third. */
const TOKENS = 211;
/** Tokens after them; the context of most models here holds 256. */
const MORE = 40;

const random = createRandom(47);
const ids = Array.from({ length: TOKENS + MORE }, () => random.integer(0, 60));

const test = suite("CpuSequence's factors");

for (const { name, build } of PAGED) {
  test(`${name}: another sequence goes on from them, logits bit for bit the same`, async () => {
    const { backend } = await open(build().source);
    const check = watchRegions(backend.network.compute.engine);
    const tokens = Math.min(TOKENS, backend.contextLength - MORE);
    const sequence = await advanced(backend, tokens);
    const factors = await sequence.readFactors(0, tokens);
    const { config } = backend.network;
    const numbers = cacheNumbersPerToken(attentionSpec(config));
    assert.is(factors.length, config.layers * tokens * numbers);

    const whole = backend.createSequence();
    await whole.loadFactors(factors);
    const pieces = backend.createSequence();
    for (const count of [1, 70, 17, 97, 26]) {
      const { length } = pieces;
      if (length === tokens) break;
      await pieces.loadFactors(await sequence.readFactors(length, count));
    }
    for (const copy of [whole, pieces]) {
      assert.equal(sizesOf(copy), sizesOf(sequence));
      assertSame(await copy.readFactors(0, tokens), factors, 'read back');
    }
    for (const step of [ids.slice(0, 1), ids.slice(1, MORE)]) {
      const expected = await sequence.forward(step, 'all');
      for (const copy of [whole, pieces]) assert.equal(await copy.forward(step, 'all'), expected);
    }
    check();
  });
}

test('forks and truncated sequences read and load by themselves, and share what they can', async () => {
  const { backend, used } = await open(mechanismVariant('tpa').build().source);
  const { heap } = backend.network.compute.engine;
  const { layers } = backend.network.config;
  const sequence = await advanced(backend, 120);
  const before = await sequence.readFactors(0, 120);
  const fork = sequence.fork();
  fork.truncate(50);
  assertSame(await fork.readFactors(0, 50), rangeOf(before, [layers, 120], 0, 50), 'truncated');
  const others = await (await advanced(backend, 140, 7)).readFactors(50, 90);
  await fork.loadFactors(others);
  assert.is(fork.length, 140);
  assertSame(await fork.readFactors(50, 90), others, 'loaded into the fork');
  assertSame(await fork.readFactors(0, 50), rangeOf(before, [layers, 120], 0, 50), 'those before');
  assertSame(await sequence.readFactors(0, 120), before, 'the sequence it came from');

  const again = fork.fork();
  again.truncate(120);
  await sequence.loadFactors(await again.readFactors(115, 5));
  assert.is(sequence.length, 125);
  const [expected, found] = await Promise.all([sequence, sequence.fork()].map(nextOf));
  assert.equal(found, expected);
  backend.dispose();
  assert.is(heap.used, used);
});

test('memory refused at any allocation: nothing is appended, then it works', async () => {
  const { backend } = await open(mechanismVariant('tpa').build().source);
  const { heap } = backend.network.compute.engine;
  const factors = await (await advanced(backend, 250)).readFactors(60, 190);
  const expected = await nextOf(await advanced(backend, 250));
  let failures = 0;
  for (let k = 1; ; k++) {
    const sequence = await advanced(backend, 60);
    const fork = sequence.fork(); // its page is to be copied, in each layer
    const before = sizesOf(sequence);
    const own = await sequence.readFactors(0, 60);
    const most = heap.used + before.byteLength;
    const load = () => outcomeOf(() => sequence.loadFactors(factors));
    const outcome = await withoutMemory(heap, k, load);
    if (outcome === undefined) break;
    failures++;
    assert.is((outcome as TpaError).code, 'OUT_OF_MEMORY');
    assert.equal(sizesOf(sequence), before, `allocation ${k}`);
    assert.ok(heap.used <= most, `allocation ${k}`);
    assertSame(await sequence.readFactors(0, 60), own, `allocation ${k}`);
    await sequence.loadFactors(factors);
    assert.equal(await nextOf(sequence), expected, `after allocation ${k}`);
    sequence.dispose();
    fork.dispose();
  }
  assert.is(failures, 2 * 3 + 1); // in each layer a copy and two pages; staging
});

test('memory refused while reading leaves the sequence as it was', async () => {
  const { backend } = await open(mechanismVariant('tpa').build().source);
  const { heap } = backend.network.compute.engine;
  const sequence = await advanced(backend, 10);
  const { used } = heap;
  const read = () => sequence.readFactors(0, 10);
  await withoutMemory(heap, 1, () => refused(read, 'OUT_OF_MEMORY'));
  assert.is(heap.used, used);
  assert.is((await sequence.readFactors(0, 10)).length % 10, 0);
  assert.is(heap.used, used);
});

test('numbers that are not finite are refused, wherever they are', async () => {
  const { backend } = await open(mechanismVariant('tpa').build().source);
  const { heap } = backend.network.compute.engine;
  const sequence = await advanced(backend, 30);
  const factors = await (await advanced(backend, 100)).readFactors(0, 100);
  const before = { ...sizesOf(sequence), used: heap.used };
  for (const at of [0, 95 * 132 + 1, Math.floor(factors.length / 2), factors.length - 1]) {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const broken = factors.slice();
      broken[at] = bad;
      const error = await refused(() => sequence.loadFactors(broken), 'NONFINITE_LOGITS');
      assert.is(error.data['layer'], at < factors.length / 2 ? 0 : 1);
      assert.equal({ ...sizesOf(sequence), used: heap.used }, before, `${bad} at ${at}`);
    }
  }
  await sequence.loadFactors(factors);
  assert.is(sequence.length, 130);
});

test('no whole tokens, more than the context holds, tokens that are not there: RangeError', async () => {
  const { backend } = await open(mechanismVariant('tpa').build().source);
  const sequence = await advanced(backend, 200);
  const factors = await sequence.readFactors(0, 57);
  const token = factors.length / 57;
  const before = sizesOf(sequence);
  for (const length of [0, 1, token - 1, token + 1, 57 * token]) {
    const given = factors.subarray(0, length);
    assert.instance(
      await outcomeOf(() => sequence.loadFactors(given)),
      RangeError,
      `${length} numbers`,
    );
  }
  assert.equal(sizesOf(sequence), before);
  await sequence.loadFactors(await sequence.readFactors(10, 56)); // to the last
  assert.is(sequence.length, backend.contextLength);
  for (const [start, count] of [
    [-1, 1],
    [0.5, 1],
    [256, 1],
    [0, 0],
    [0, 257],
    [255, 2],
    [0, NaN],
  ] as const) {
    const error = await outcomeOf(() => sequence.readFactors(start, count));
    assert.instance(error, RangeError, `${count} from ${start}`);
  }
  const none = () => backend.createSequence().readFactors(0, 1);
  assert.instance(await outcomeOf(none), RangeError);
});

for (const { name, build } of LINEAR) {
  test(`${name}: has no factors`, async () => {
    const { backend } = await open(build().source);
    const sequence = await advanced(backend, 5);
    await refused(() => sequence.readFactors(0, 5), 'MODEL_UNSUPPORTED');
    await refused(() => sequence.loadFactors(new Float32Array(8)), 'MODEL_UNSUPPORTED');
    assert.is(sequence.length, 5);
  });
}

test('after dispose() both throw', async () => {
  const { backend } = await open(mechanismVariant('tpa').build().source);
  const sequence = await advanced(backend, 5);
  const factors = await sequence.readFactors(0, 5);
  sequence.dispose();
  await refused(() => sequence.readFactors(0, 5), 'DISPOSED');
  await refused(() => sequence.loadFactors(factors), 'DISPOSED');
});

test.run();

/** The baseline kernels, to be replaced one by one. */
async function open(source: ModelBytes): Promise<{ backend: CpuBackend; used: number }> {
  const { backend } = await openCpuModel(source, { simd: 'baseline' }, (kernels) => ({
    ...kernels,
  }));
  return { backend, used: backend.network.compute.engine.heap.used };
}

/** A sequence of the first `length` ids, `skipped` left out. */
async function advanced(backend: CpuBackend, length: number, skipped = 0): Promise<CpuSequence> {
  const sequence = backend.createSequence();
  const given = [...ids, ...ids].slice(skipped, skipped + length);
  await evaluate(sequence, given);
  return sequence;
}

function nextOf(sequence: CpuSequence): Promise<Float32Array> {
  return sequence.forward([3, 1, 4]);
}

/** Tokens start … start + count of factors (layers, tokens, numbers). */
function rangeOf(
  factors: Float32Array,
  [layers, tokens]: readonly [number, number],
  start: number,
  count: number,
): Float32Array {
  const layer = factors.length / layers;
  const numbers = layer / tokens;
  return Float32Array.from(
    Array.from({ length: layers }, (_, i) => [
      ...factors.subarray(i * layer + start * numbers, i * layer + (start + count) * numbers),
    ]).flat(),
  );
}

function sizesOf({ length, byteLength }: CpuSequence) {
  return { length, byteLength };
}
