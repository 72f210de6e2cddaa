import { Compute } from '../../../src/compute/compute.ts';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { attendQueries, checkQuery, type Query } from '../../../src/ops/attend-task.ts';
import { factorizeTables } from '../../../src/ops/gpu-work.ts';
import {
  checkFactorize,
  cutFactors,
  factorize,
  type Factors,
  type FactorizeSpec,
} from '../../../src/ops/factorize.ts';
import { mirrorOf } from '../../../src/ops/mirror.ts';
import type { AttendTask } from '../../../src/backend/op-gpu.ts';
import { OrtOpGpu } from '../../../src/backend/webgpu/gpu-ops.ts';
import { checkCacheOptions, type FactorCacheOptions } from '../../../src/ops/cache-options.ts';
import { FactorCache, Holding, holdingOf } from '../../../src/ops/factor-cache.ts';
import { PagedCache } from '../../../src/cache/pages.ts';
import { createEngine, type Engine } from '../../../src/wasm/engine.ts';
import { BYTE_REPORT } from '../../helpers/fakes/byte-backend.ts';
import { ByteDevice } from '../../helpers/gpu/byte-device.ts';
import { assertClose } from '../../helpers/checks/close.ts';
import { OrtPlayer } from '../../helpers/gpu/ort-player.ts';
import { createRandom, type Random } from '../../helpers/checks/random.ts';
import { weightsOf } from '../../helpers/sessions/tokens.ts';
import { refused } from '../../helpers/checks/refused.ts';

const test = suite('OrtOpGpu');

/** Float32 on both sides, one operation: at most 8e-7 of the largest number measured. */
const RELATIVE = 4e-6;

async function setUp(maxBytes = BYTE_REPORT.maxBytes) {
  const engine = await createEngine({ simd: 'baseline' });
  const player = new OrtPlayer();
  const bytes = new ByteDevice(player);
  const gpu = new OrtOpGpu(await bytes.open(), { ...BYTE_REPORT, maxBytes });
  return { engine, bytes, gpu, random: createRandom(5), release: () => player.release() };
}

const TPA = { dim: 20, heads: 5, headDim: 8, rankQ: 3, rankK: 2, rankV: 2 };
const SPECS: Record<string, FactorizeSpec> = {
  'TPA, ranks 3, 2, 2': TPA,
  'rank 1, rotated exactly, the other way': {
    ...TPA,
    rankQ: 1,
    rankK: 1,
    rankV: 1,
    ropePrecision: 'float32',
    ropeDirection: -1,
  },
  'KVonly, a part rotated': { ...TPA, rankQ: 0, rankV: 3, rotaryDim: 6, ropeTheta: 500 },
};

for (const [name, spec] of Object.entries(SPECS)) {
  test(`factorize(), ${name}: within ${RELATIVE} of the kernels' largest number`, async () => {
    const { engine, gpu, random, bytes, release } = await setUp();
    for (const [count, position] of [
      [1, 0],
      [7, 90],
    ] as const) {
      const task = taskOf(spec, random, count, position);
      const rows = await gpu.factorize(task, factorizeTables(new Compute(engine), task));
      const found = cutFactors(rows, task, rows.length / count);
      compareFactors(
        found,
        engine.run(() => factorize(new Compute(engine), task)),
      );
    }
    assert.is(bytes.asks('compile').length, 1, 'the graph of a shape is compiled once');
    gpu.dispose();
    assert.ok(bytes.isTerminated);
    await release();
  });
}

const CACHES: Record<string, FactorCacheOptions & { rankQ: number }> = {
  'TPA, ranks 3, 2, 2': { heads: 5, headDim: 8, rankK: 2, rankV: 2, rankQ: 3 },
  'KVonly, ranks 1 and 3, wide values': {
    heads: 4,
    headDim: 6,
    valueDim: 10,
    rankK: 1,
    rankV: 3,
    rankQ: 0,
  },
  MHA: { heads: 4, headDim: 6, kvHeads: 4, rankQ: 0 },
  GQA: { heads: 6, headDim: 6, valueDim: 4, kvHeads: 2, rankQ: 0 },
  'GQA with a window': { heads: 6, headDim: 6, kvHeads: 3, window: 50, rankQ: 0 },
};

for (const [name, { rankQ, ...options }] of Object.entries(CACHES)) {
  // few bytes: a run takes a few queries of many
  for (const maxBytes of [BYTE_REPORT.maxBytes, 24_000]) {
    test(`attend(), ${name}, ${maxBytes} bytes: within ${RELATIVE} of the kernels' largest number`, async () => {
      const { engine, gpu, random, bytes, release } = await setUp(maxBytes);
      const { cache, pages } = cacheOf(engine, options);
      const compare = async (count: number): Promise<void> => {
        const { heads, headDim } = pages.spec;
        const query: Query =
          rankQ === 0
            ? { q: random.normal(count * heads * headDim) }
            : {
                aq: random.normal(count * heads * rankQ),
                bq: random.normal(count * rankQ * headDim),
                rankQ,
              };
        const task = checkQuery(query, pages);
        const found = await attendOn(gpu, cache, task);
        const expected = attendQueries(new Compute(engine), task, pages);
        close(found, expected, `${count} queries on ${cache.length} tokens`);
      };
      append(cache, random, 1);
      await compare(1);
      append(cache, random, 70);
      await compare(9);
      await compare(71);
      const isSplit = maxBytes < BYTE_REPORT.maxBytes;
      assert.is(bytes.asks('run').length > 3, isSplit, 'runs');
      cache.truncate(40);
      append(cache, random, 100);
      await compare(100);
      gpu.dispose();
      cache.dispose();
      await release();
    });
  }
}

test('attend(): copies what is new alone, after truncate() what follows; forget() frees it', async () => {
  const { engine, gpu, random, bytes, release } = await setUp();
  const { cache, pages } = cacheOf(engine, { heads: 2, headDim: 4, rankK: 1, rankV: 1 });
  const numbers = 2 + 4 + 2 + 4;
  const copied = async (): Promise<number[]> => {
    const before = bytes.asks('write').length;
    await attendOn(gpu, cache, checkQuery({ q: random.normal(8) }, pages));
    const floats = bytes
      .asks('write')
      .slice(before)
      .map(({ writes }) => writes.reduce((sum, { data }) => sum + data.length, 0));
    return floats.map((count) => count / numbers);
  };
  append(cache, random, 10);
  assert.equal(await copied(), [10]);
  assert.equal(await copied(), [], 'nothing new');
  append(cache, random, 3);
  assert.equal(await copied(), [3]);
  cache.truncate(4);
  append(cache, random, 9); // as long as before, other tokens
  assert.equal(await copied(), [9]);
  cache.truncate(12);
  assert.equal(await copied(), [], 'shorter');
  append(cache, random, 2100);
  assert.equal(await copied(), [1024, 1024, 52], 'messages of bounded size');

  const other = cacheOf(engine, { heads: 2, headDim: 4, rankK: 1, rankV: 1 });
  append(other.cache, random, 5);
  const query = checkQuery({ q: random.normal(8) }, other.pages);
  const another = () => attendOn(gpu, other.cache, query);
  close(await another(), attendQueries(new Compute(engine), query, other.pages), 'another');
  assert.is(bytes.buffers.size, 8);
  gpu.forget(holdingOf(cache));
  gpu.forget(holdingOf(cache));
  await another();
  assert.is(bytes.buffers.size, 4, 'those of the other cache are left');
  assert.equal(await copied(), [1024, 1024, 64], 'all of it, asked for again');
  gpu.dispose();
  await release();
});

test('attend(): what was refused meanwhile leaves no copy that is taken for right', async () => {
  const { engine, gpu, random, release } = await setUp(24_000);
  const { cache, pages } = cacheOf(engine, { heads: 2, headDim: 4, rankK: 1, rankV: 1 });
  const query = () => checkQuery({ q: random.normal(8) }, pages);
  append(cache, random, 100);
  await attendOn(gpu, cache, query());
  cache.truncate(10);
  append(cache, random, 3000); // 24,000 bytes are 1,472 tokens of 4 numbers
  const { message } = await refused(() => attendOn(gpu, cache, query()), 'BACKEND_UNAVAILABLE');
  assert.is(message, 'the GPU takes at most 1472, not 3010 tokens of a cache');
  cache.truncate(90);
  const last = query();
  close(
    await attendOn(gpu, cache, last),
    attendQueries(new Compute(engine), last, pages),
    'tokens 10 to 90 are others',
  );
  gpu.dispose();
  await release();
});

/** As the dispatcher asks: over the pages of this moment. */
async function attendOn(
  gpu: OrtOpGpu,
  cache: FactorCache,
  task: AttendTask,
): Promise<Float32Array> {
  const mirror = mirrorOf(holdingOf(cache));
  try {
    return await gpu.attend(task, mirror);
  } finally {
    mirror.pages.dispose();
  }
}

function taskOf(spec: FactorizeSpec, random: Random, count: number, position: number) {
  const { dim } = spec;
  const weights = weightsOf(spec, (rows) => random.normal(rows * dim, 1 / Math.sqrt(dim)));
  return checkFactorize(random.normal(count * dim), weights, spec, position);
}

function cacheOf(engine: Engine, options: FactorCacheOptions) {
  const pages = new PagedCache(new Compute(engine), checkCacheOptions(options));
  return { pages, cache: new FactorCache(new Holding(new Compute(engine), pages, new Set())) };
}

function append(cache: FactorCache, random: Random, count: number): void {
  const { heads, headDim, valueDim, rankK, rankV, headFactors } = cache.spec;
  const bk = random.normal(count * rankK * headDim);
  const bv = random.normal(count * rankV * valueDim);
  if (headFactors === 'groups') {
    cache.append({ k: bk, v: bv });
    return;
  }
  const ak = random.normal(count * heads * rankK);
  cache.append({ ak, bk, av: random.normal(count * heads * rankV), bv });
}

function compareFactors(found: Factors, expected: Factors): void {
  assert.equal(Object.keys(found), Object.keys(expected));
  for (const name of ['aq', 'bq', 'q', 'ak', 'bk', 'av', 'bv'] as const) {
    const numbers = expected[name];
    if (numbers === undefined || numbers.length === 0) continue;
    close(found[name]!, numbers, name);
  }
}

function close(found: Float32Array, expected: Float32Array, what: string): void {
  const largest = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  assertClose(found, expected, { atol: RELATIVE * largest, what });
}

test.run();
