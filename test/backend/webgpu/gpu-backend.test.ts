import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inChunks } from '../../../src/backend/backend.ts';
import { roundToFloat16 } from '../../../src/format/tensors/round-half.ts';
import { namedMatrices } from '../../../src/weights/named-matrix.ts';
import { openByteBackend } from '../../helpers/fakes/byte-backend.ts';
import type { GraphPlayer } from '../../helpers/gpu/byte-device.ts';
import { CountingPlayer } from '../../helpers/gpu/counting-player.ts';
import { evaluate } from '../../helpers/sessions/evaluate.ts';
import { assertSame } from '../../helpers/checks/close.ts';
import { llamaVariant } from '../../helpers/models/llama-model.ts';
import { mechanismVariant } from '../../helpers/models/mechanism-model.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { settle, withoutUnhandled } from '../../helpers/fakes/silence.ts';
import { openCpuModel } from '../../helpers/models/t6-model.ts';

const test = suite('OrtGpuBackend');

const { source } = mechanismVariant('tpa').build();

async function setUp(options: { maxBytes?: number; isHalf?: boolean } = {}, from = source) {
  const { backend: cpu } = await openCpuModel(from, { simd: 'baseline' });
  const player = new CountingPlayer(cpu.network.config);
  return { cpu, player, ...(await openByteBackend(cpu, player, options)) };
}

const idsOf = (count: number): number[] => Array.from({ length: count }, (_, i) => i % 61);

/** (layers, count, numbers) as {@link CountingPlayer} gives them. */
function countedFactors(layers: number, start: number, count: number, numbers: number) {
  const length = layers * count * numbers;
  return Float32Array.from({ length }, (_, i) => {
    const layer = Math.floor(i / (count * numbers));
    return (start + (Math.floor(i / numbers) % count)) * 10 + layer;
  });
}

test('create(): compiles, then brings every weight to a buffer of its own, one at a time', async () => {
  const { cpu, gpu, bytes } = await setUp();
  const { compute, config, weights } = cpu.network;
  const kinds = bytes.asked.map(({ kind }) => kind);
  const matrices = namedMatrices(compute, config, weights);
  const each = matrices.flatMap(() => ['allocate', 'write']);
  assert.equal(kinds, ['compile', ...each, 'bind']);
  const { feeds } = bytes.asks('bind')[0]!;
  for (const [i, { name, buffer }] of feeds.entries()) {
    assert.is(name, matrices[i]!.name);
    assertSame(bytes.floats(buffer!), matrices[i]!.read(), name);
  }
  assert.equal([gpu.adapter, gpu.dtype, gpu.maxChunk], ['bytes', 'float32', 256]);
  assert.equal([gpu.vocabSize, gpu.contextLength], [config.vocabSize, config.contextLength]);
});

test('create(): sequences hold what buffers of the device can, whole blocks of it', async () => {
  const { config } = (await openCpuModel(source, { simd: 'baseline' })).backend.network;
  const { heads, headDim, rankK, rankQ } = config;
  // the widest of ak, bk, av, bv and of the scores of a token
  const widest = Math.max(heads * rankK, rankK * headDim, Math.max(heads, rankQ) * rankK);
  for (const tokens of [64, 128]) {
    const { gpu } = await setUp({ maxBytes: 4 * widest * (tokens + 63) });
    assert.is(gpu.contextLength, tokens);
    assert.ok(gpu.maxChunk <= tokens);
  }
});

test('create(): float16 is for matrices, whole words of them; vectors and factors stay float32', async () => {
  for (const name of ['tpa-nonctx-b', 'tpa-groupnorm']) {
    const from = mechanismVariant(name).build().source;
    const { cpu, gpu, bytes } = await setUp({ isHalf: true }, from);
    assert.is(gpu.dtype, 'float16');
    const { compute, config, weights } = cpu.network;
    const matrices = new Map(
      namedMatrices(compute, config, weights).map((matrix) => [matrix.name, matrix]),
    );
    const halves: string[] = [];
    for (const feed of bytes.asks('bind')[0]!.feeds) {
      const values = matrices.get(feed.name)!.read();
      if (feed.type === 'float32') {
        assertSame(bytes.floats(feed.buffer!), values, feed.name);
        continue;
      }
      halves.push(feed.name.replace(/^layers\.\d+\./, ''));
      const stored = new Uint16Array(bytes.buffers.get(feed.buffer!)!);
      assert.equal(
        stored.subarray(0, values.length),
        roundToFloat16(values).subarray(0, values.length),
      );
    }
    const found = [...new Set(halves)].toSorted();
    assert.equal(found, ['down', 'gate_up', 'head', 'output', 'projection'], name);
  }
});

test('create(): weights that no buffer holds are cut; each piece fits', async () => {
  const maxBytes = 12_000;
  const { bytes } = await setUp({ maxBytes });
  const sizes = bytes.asks('allocate').flatMap(({ buffers }) => buffers.map((one) => one.bytes));
  assert.ok(Math.max(...sizes) <= maxBytes, sizes.join(' '));
  const names = bytes.asks('bind')[0]!.feeds.map(({ name }) => name);
  for (const name of ['layers.1.projection.1', 'layers.0.gate_up.2', 'layers.0.down.1']) {
    assert.ok(names.includes(name), names.join(' '));
  }
});

test('create(): what the device refuses is what create() throws', async () => {
  const { backend: cpu } = await openCpuModel(source, { simd: 'baseline' });
  const player: GraphPlayer = {
    compile: () => Promise.reject(new Error('refused')),
    run: async () => new Map(),
  };
  const { used } = cpu.network.compute.heap;
  await refused(() => openByteBackend(cpu, player), 'GPU_LOST');
  assert.is(cpu.network.compute.heap.used, used);
});

for (const rows of ['all', 'last'] as const) {
  test(`forward(): 100 tokens, ${rows}, in runs whose tensors fit; logits and factors in order`, async () => {
    const maxBytes = 12_000;
    const { cpu, gpu, bytes, player } = await setUp({ maxBytes });
    const { vocabSize, layers } = cpu.network.config;
    const sequence = gpu.createSequence();
    const numbers = 5 * 2 + 24 * 2 + 5 * 2 + 24 * 2;
    const parts: Float32Array[] = [];
    await inChunks(sequence, idsOf(100), async (rest, done) => {
      parts.push(await sequence.forward(rest, rows));
      const count = sequence.length - done;
      const expected = countedFactors(layers, done, count, numbers);
      assertSame(await sequence.readFactors(done, count), expected, 'factors of the step');
    });
    const logits = rows === 'all' ? parts.flatMap((part) => [...part]) : parts.at(-1)!;
    const runs = bytes.asks('run').length;
    assert.ok(runs > 3, `${runs} runs`);
    const counts = player.runs.map((inputs) => inputs.get('x')!.dims[0]!);
    assert.is(
      counts.reduce((sum, count) => sum + count, 0),
      100,
    );
    const positions = rows === 'all' ? idsOf(100).map((_, i) => i + 1) : [100];
    const expected = positions.flatMap((position) =>
      Array.from({ length: vocabSize }, () => position),
    );
    assertSame(Float32Array.from(logits), expected, 'logits');
    assert.is(bytes.asks('read').length, 0, 'which cost no read');
    assertSame(
      await sequence.readFactors(7, 60),
      countedFactors(layers, 7, 60, numbers),
      'a part of the cache',
    );
    for (const inputs of player.runs) {
      const [count] = inputs.get('x')!.dims as [number];
      const past = inputs.get('past_mask')!.dims[0]!;
      assert.ok(5 * 2 * count * (past + count) * 4 <= maxBytes, `${count} after ${past}`);
    }
  });
}

test('forward(): new tokens that see each other count, not only the past', async () => {
  const { build } = llamaVariant('llama-mha');
  const maxBytes = 4 * 60_000;
  const { cpu, gpu, player } = await setUp({ maxBytes }, build().source);
  const { heads } = cpu.network.config;
  await evaluate(gpu.createSequence(), idsOf(240));
  for (const inputs of player.runs) {
    const [count] = inputs.get('x')!.dims as [number];
    const past = inputs.get('past_mask')!.dims[0]!;
    assert.ok(heads * count * (past + count) * 4 <= maxBytes, `${count} after ${past}`);
  }
});

test('forward(): the past is whole blocks, what is not filled hidden; bytesRead is what came back', async () => {
  const { gpu, player, cpu } = await setUp();
  const { vocabSize, layers } = cpu.network.config;
  const sequence = gpu.createSequence();
  assert.is(gpu.bytesRead, 0);
  for (const [count, past, filled] of [
    [3, 64, 0],
    [70, 64, 3],
    [1, 128, 73],
  ] as const) {
    await sequence.forward(idsOf(count));
    const inputs = player.runs.at(-1)!;
    const mask = inputs.get('past_mask')!;
    assert.equal(mask.dims, [past]);
    assert.is((mask.data as Float32Array).filter((x) => x === 0).length, filled);
    assert.is(gpu.bytesRead, 4 * (vocabSize + layers * count * 116));
  }
  assert.is(sequence.length, 74);
});

test('readFactors(): of a step that was truncated comes from the device', async () => {
  const { gpu, bytes } = await setUp();
  const sequence = gpu.createSequence();
  await sequence.forward(idsOf(9));
  const fresh = await sequence.readFactors(0, 9);
  fresh.fill(0);
  assert.ok(
    (await sequence.readFactors(0, 9)).some((x) => x > 0),
    'a fresh array each time',
  );
  sequence.truncate(5);
  assert.is((await sequence.readFactors(0, 5)).length, 2 * 5 * 116);
  assert.is(bytes.asks('read').length, 1);
  await sequence.loadFactors(new Float32Array(2 * 4 * 116).fill(7));
  const other = await sequence.readFactors(0, 9);
  assert.is(other.filter((x) => x === 7).length, 2 * 4 * 116, 'what took their place');
});

test('dispose(): of a sequence frees its buffers alone; of the backend ends the worker, once, and no promise is left', () =>
  withoutUnhandled(async () => {
    const { gpu, bytes, cpu } = await setUp();
    const weights = bytes.buffers.size;
    const [first, second] = [gpu.createSequence(), gpu.createSequence()];
    for (const sequence of [first, second]) await sequence.forward([1]);
    const both = bytes.buffers.size;
    first.dispose();
    first.dispose();
    await settle();
    assert.is(bytes.buffers.size, weights + (both - weights) / 2);
    await refused(() => first.forward([1]), 'DISPOSED');
    await refused(() => first.readFactors(0, 1), 'DISPOSED');
    await refused(() => first.loadFactors(new Float32Array(232)), 'DISPOSED');
    await second.forward([1]);
    const { used } = cpu.network.compute.heap;
    gpu.dispose();
    gpu.dispose();
    second.dispose();
    assert.ok(bytes.isTerminated);
    assert.ok(cpu.network.compute.heap.used < used, 'the room for inputs is given back');
    await refused(() => gpu.createSequence(), 'DISPOSED');
    await refused(() => second.forward([1]), 'DISPOSED');
  }));

test('a run that fails appends nothing', async () => {
  const { gpu, bytes } = await setUp({}, llamaVariant('qwen3').build().source);
  const sequence = gpu.createSequence();
  await sequence.forward(idsOf(5));
  bytes.refuse = ({ kind }) => (kind === 'run' ? 'GPU_OUT_OF_MEMORY' : undefined);
  await refused(() => sequence.forward(idsOf(4)), 'GPU_OUT_OF_MEMORY');
  assert.is(sequence.length, 5);
});

test.run();
