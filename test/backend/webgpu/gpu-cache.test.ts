import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { GpuCache, type GpuCacheOptions } from '../../../src/backend/webgpu/gpu-cache.ts';
import { HIDDEN } from '../../../src/backend/webgpu/step-feeds.ts';
import type { CachePiece } from '../../../src/backend/webgpu/graph/step-graph.ts';
import { ByteDevice } from '../../helpers/gpu/byte-device.ts';
import { assertSame } from '../../helpers/checks/close.ts';
import { createRandom } from '../../helpers/checks/random.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { settle, withoutUnhandled } from '../../helpers/fakes/silence.ts';

const test = suite('GpuCache');

const TPA: readonly CachePiece[] = [
  { name: 'ak', at: 0, width: 3 },
  { name: 'bk', at: 3, width: 4 },
  { name: 'av', at: 7, width: 3 },
  { name: 'bv', at: 10, width: 2 },
];
const PIECES: Record<string, readonly CachePiece[]> = {
  TPA,
  'K/V heads': [
    { name: 'bk', at: 0, width: 6 },
    { name: 'bv', at: 6, width: 4 },
  ],
  'values alone': [{ name: 'bv', at: 0, width: 5 }],
  'head factors alone': [
    { name: 'ak', at: 0, width: 2 },
    { name: 'av', at: 2, width: 2 },
  ],
};

const LAYERS = 3;
const random = createRandom(8);

async function setUp(options: Partial<GpuCacheOptions> = {}) {
  const bytes = new ByteDevice({
    run: async (_graph, _inputs, outputs) => new Map(outputs.map((name) => [name, fresh])),
  });
  /** What every output of a run is. */
  let fresh: Float32Array = new Float32Array(0);
  const device = await bytes.open();
  let buffers = 100;
  const cache = new GpuCache({
    device,
    layers: LAYERS,
    pieces: TPA,
    contextLength: 1000,
    hasMask: true,
    nextBuffer: () => buffers++,
    ...options,
  });
  /** Does what a step does, without a graph: all outputs of new pieces hold `numbers`. */
  const step = async (count: number, numbers: Float32Array): Promise<void> => {
    fresh = numbers;
    await cache.reserve(cache.length + count);
    const feeds = cache.feeds(cache.pastOf(cache.length));
    const copies = cache.copies(count);
    const writes = cache.takeWrites();
    await device.ask('run', { graph: 'step', feeds, writes, copies, read: [] });
    cache.commit(count);
  };
  const flush = async () => device.ask('write', { writes: cache.takeWrites() });
  const bufferOf = (name: string) => cache.feeds(64).find((feed) => feed.name === name)!.buffer!;
  const mask = async (): Promise<number[]> => {
    await flush();
    return [...bytes.floats(bufferOf('past_mask'))];
  };
  return { bytes, device, cache, step, flush, mask, bufferOf };
}

const factorsOf = (count: number, pieces: readonly CachePiece[]): Float32Array =>
  random.normal(LAYERS * count * pieces.reduce((sum, { width }) => sum + width, 0));
/** The numbers of tokens start … of (LAYERS, count, numbers). */
function rangeOf(factors: Float32Array, count: number, start: number, length: number) {
  const numbers = factors.length / LAYERS / count;
  const rows = Array.from({ length: LAYERS }, (_, layer) => {
    const at = (layer * count + start) * numbers;
    return [...factors.subarray(at, at + length * numbers)];
  });
  return Float32Array.from(rows.flat());
}
const seenOf = (seen: number, all: number): number[] =>
  Array.from({ length: all }, (_, i) => (i < seen ? 0 : Math.fround(HIDDEN)));

for (const [name, pieces] of Object.entries(PIECES)) {
  test(`${name}: factors come back as they were loaded, in parts too, across growth`, async () => {
    const { cache, bytes } = await setUp({ pieces });
    const first = factorsOf(10, pieces);
    const second = factorsOf(130, pieces);
    const given = first.slice();
    await cache.load(first);
    assertSame(first, given, 'what was given is as it was');
    await cache.load(second);
    assert.is(cache.length, 140);
    assertSame(await cache.read(0, 10), first, 'before the growth');
    assertSame(await cache.read(10, 130), second, 'after it');
    assertSame(await cache.read(60, 17), rangeOf(second, 130, 50, 17), 'a part');
    const feeds = cache.feeds(192);
    const names = pieces.flatMap((piece) => [0, 1, 2].map((l) => `past.${piece.name}.${l}`));
    assert.equal(
      feeds.map((feed) => feed.name),
      [...names, 'past_mask'],
    );
    assert.equal(feeds[0]!.dims, [192, pieces[0]!.width]);
    assert.equal(feeds.at(-1)!.dims, [192]);
    assert.is(new Set(feeds.map(({ buffer }) => buffer)).size, feeds.length);
    assert.is(bytes.asks('write').length, 2, 'one message each');
  });
}

test('pastOf(): whole blocks of 64, at least one', async () => {
  const { cache } = await setUp();
  const pasts = [0, 1, 63, 64, 65, 128, 129].map((length) => cache.pastOf(length));
  assert.equal(pasts, [64, 64, 64, 64, 128, 128, 192]);
});

test('reserve(): half as much again in whole blocks, no more than the context, as much as needed', async () => {
  const { cache, bytes, bufferOf } = await setUp({ contextLength: 200 });
  const sizes: number[] = [];
  for (const length of [1, 64, 65, 129, 193, 256]) {
    await cache.reserve(length);
    sizes.push(bytes.floats(bufferOf('past_mask')).length);
  }
  // 64 · 1.5 and 128 · 1.5 = 192 and 192 · 1.5, at most the 256 that 200 tokens take
  assert.equal(sizes, [64, 64, 128, 192, 256, 256]);
  assert.is(bytes.asks('allocate').length, 4, 'only when there is no room');
  assert.is(bytes.floats(bufferOf('past.bk.1')).length, 256 * 4);
  const large = await setUp({ contextLength: 1000 });
  await large.cache.reserve(500);
  await large.cache.reserve(520);
  assert.is(large.bytes.floats(large.bufferOf('past_mask')).length, 768);
});

test('reserve(): without memory nothing has changed, and a later one tries again', async () => {
  const { cache, bytes, mask } = await setUp();
  const factors = factorsOf(64, TPA);
  await cache.load(factors);
  bytes.refuse = ({ kind }) => (kind === 'allocate' ? 'GPU_OUT_OF_MEMORY' : undefined);
  await refused(() => cache.load(factors), 'GPU_OUT_OF_MEMORY');
  assert.is(cache.length, 64);
  bytes.refuse = () => undefined;
  await cache.load(factors);
  assert.is(cache.length, 128);
  assert.equal(await mask(), seenOf(128, 128));
});

test('the mask hides what is not filled: at first, after append, truncate, growth and append again', async () => {
  const { cache, mask } = await setUp();
  await cache.reserve(1);
  assert.equal(await mask(), seenOf(0, 64));
  await cache.load(factorsOf(60, TPA));
  assert.equal(await mask(), seenOf(60, 64));
  cache.truncate(13);
  assert.is(cache.length, 13);
  assert.equal(await mask(), seenOf(13, 64));
  cache.truncate(20);
  assert.is(cache.length, 13, 'no shorter than that');
  await cache.load(factorsOf(70, TPA));
  assert.equal(await mask(), seenOf(83, 128));
  cache.truncate(0);
  await cache.load(factorsOf(1, TPA));
  assert.equal(await mask(), seenOf(1, 128));
});

test('writes that pile up between runs leave the mask as it is to be; they are given once', async () => {
  const { cache, mask } = await setUp();
  await cache.load(factorsOf(50, TPA));
  cache.truncate(10);
  await cache.load(factorsOf(60, TPA));
  cache.truncate(65);
  assert.equal(await mask(), seenOf(65, 128));
  assert.equal(cache.takeWrites(), []);
  const none = await setUp({ hasMask: false });
  await none.cache.load(factorsOf(50, TPA));
  none.cache.truncate(10);
  assert.equal(none.cache.takeWrites(), []);
});

test('copies(): a layer of a stacked output each, to the end of its piece', async () => {
  const { cache, bytes, step, mask, bufferOf } = await setUp();
  const old = factorsOf(5, TPA);
  await cache.load(old);
  // every output is (LAYERS, 2, width) of 0, 1, 2 …; one that is wider is read less of
  const numbers = Float32Array.from({ length: LAYERS * 2 * 4 }, (_, i) => i);
  await step(2, numbers);
  assert.is(cache.length, 7);
  for (const { name, width } of TPA) {
    for (let layer = 0; layer < LAYERS; layer++) {
      const found = bytes.floats(bufferOf(`past.${name}.${layer}`));
      const expected = Array.from({ length: 2 * width }, (_, i) => layer * 2 * width + i);
      assert.equal([...found.subarray(5 * width, 7 * width)], expected, `${name} of ${layer}`);
    }
  }
  assertSame(await cache.read(0, 5), old, 'those before');
  assert.equal(await mask(), seenOf(7, 64));
  cache.truncate(6);
  await step(60, new Float32Array(LAYERS * 60 * 4));
  assertSame(await cache.read(0, 5), old, 'those before, after a growth');
  assert.equal(await mask(), seenOf(66, 128));
});

test('tables of positions are kept beside keys that rotate at attention time', async () => {
  const asked: [number, number][] = [];
  const rows = (position: number, count: number) => {
    asked.push([position, count]);
    const table = (sign: number) =>
      Float32Array.from({ length: count * 2 }, (_, i) => sign * (position + Math.floor(i / 2)));
    return { cos: table(1), sin: table(-1) };
  };
  const { cache, bytes, flush, bufferOf } = await setUp({ tables: { pairs: 2, rows } });
  await cache.load(factorsOf(100, TPA));
  assert.equal(
    asked,
    [
      [0, 48],
      [48, 48],
      [96, 4],
    ],
    'as many as the CPU makes at once',
  );
  cache.truncate(70);
  cache.commit(2, rows(70, 2));
  await flush();
  const cos = bytes.floats(bufferOf('past_cos'));
  const sin = bytes.floats(bufferOf('past_sin'));
  for (let token = 0; token < 100; token++) {
    assert.equal([...cos.subarray(token * 2, token * 2 + 2)], [token, token]);
    assert.is(sin[token * 2]! | 0, -token | 0);
  }
  assert.equal(cache.feeds(128).at(-1)!.dims, [128, 2]);
});

test('dispose(): frees every buffer, and never rejects', () =>
  withoutUnhandled(async () => {
    const { cache, bytes } = await setUp();
    await cache.load(factorsOf(3, TPA));
    assert.is(bytes.buffers.size, 4 * LAYERS + 1);
    cache.dispose();
    await settle();
    assert.is(bytes.buffers.size, 0);
    const other = await setUp();
    other.device.close();
    other.cache.dispose();
  }));

test.run();
