import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CpuBackend } from '../../../../src/backend/cpu.ts';
import type { FactorSequence } from '../../../../src/backend/backend.ts';
import { stepGraph } from '../../../../src/backend/webgpu/graph/step-graph.ts';
import { openByteBackend } from '../../../helpers/fakes/byte-backend.ts';
import { evaluate } from '../../../helpers/sessions/evaluate.ts';
import { assertRelative } from '../../../helpers/checks/close.ts';
import { LLAMA_VARIANTS } from '../../../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../../../helpers/models/mechanism-model.ts';
import { OrtPlayer } from '../../../helpers/gpu/ort-player.ts';
import { refused } from '../../../helpers/checks/refused.ts';
import { openCpuModel } from '../../../helpers/models/t6-model.ts';

const test = suite('stepGraph()');

/**
 * Both sides are float32, sums in another order, through 2 or 3 layers: at most 6.1e-6 · (1 + max)
 * measured. A wrong layout or a missing rotation moves logits by a third of them.
 */
const RELATIVE = 2e-5;

const VARIANTS = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS];

for (const { name, build } of VARIANTS.filter((variant) => !variant.name.startsWith('linear'))) {
  test(`${name}: logits and factors within ${RELATIVE} · (1 + max) of the kernels'`, async () => {
    const { backend: cpu } = await openCpuModel(build().source, { simd: 'baseline' });
    const player = new OrtPlayer();
    const { gpu } = await openByteBackend(cpu, player);
    const expected = cpu.createSequence();
    const found = gpu.createSequence();
    // no past; one token after a part of a block; more new tokens than a block, over its end
    const steps = [
      [5, 'all'],
      [1, 'last'],
      [70, 'all'],
      [1, 'last'],
      [3, 'all'],
    ] as const;
    for (const [count, rows] of steps) await compareStep(cpu, found, expected, count, rows);
    // over the end of a block again, and of the window
    for (const sequence of [found, expected]) sequence.truncate(61);
    for (const count of [6, 1]) await compareStep(cpu, found, expected, count, 'last');
    const copy = gpu.createSequence();
    await copy.loadFactors(await expected.readFactors(0, expected.length));
    await compareStep(cpu, copy, expected, 2, 'all');
    gpu.dispose();
    cpu.dispose();
    await player.release();
  });
}

/** The kernels round activations to 16 bits, a graph does not. */
const QUANTIZED_RELATIVE = 2e-3;

for (const { name, build } of VARIANTS.filter((variant) => !variant.name.startsWith('linear'))) {
  test(`${name}: codes of 8 and of 4 bits, within ${QUANTIZED_RELATIVE} · (1 + max) of the kernels'`, async () => {
    for (const dtype of ['q8', 'q4'] as const) {
      const { backend: cpu } = await openCpuModel(build().source, { simd: 'baseline', dtype });
      const player = new OrtPlayer();
      const { gpu, bytes } = await openByteBackend(cpu, player);
      const types = bytes.asks('bind').flatMap(({ feeds }) => feeds.map(({ type }) => type));
      assert.is(gpu.dtype, types.includes('uint8') ? 'quantized' : 'float32');
      const [expected, found] = [cpu.createSequence(), gpu.createSequence()];
      for (const count of [5, 1, 70]) {
        await compareStep(cpu, found, expected, count, 'all', QUANTIZED_RELATIVE);
      }
      gpu.dispose();
      cpu.dispose();
      await player.release();
    }
  });
}

for (const name of ['tpa', 'mla', 'tpa-nonctx-b', 'qwen2-window', 'llama-mlp-bias']) {
  test(`${name}: weights cut in pieces, and steps in runs, compute the same`, async () => {
    const { build } = VARIANTS.find((variant) => variant.name === name)!;
    const { backend: cpu } = await openCpuModel(build().source, { simd: 'baseline' });
    const player = new OrtPlayer();
    const { gpu, bytes } = await openByteBackend(cpu, player, { maxBytes: 12_000 });
    const bound = bytes.asks('bind')[0]!.feeds.map((feed) => feed.name);
    assert.ok(bound.includes('layers.0.gate_up.1'), bound.join(' '));
    const [expected, found] = [cpu.createSequence(), gpu.createSequence()];
    await compareStep(cpu, found, expected, 90, 'all');
    assert.ok(bytes.asks('run').length > 1);
    await compareStep(cpu, found, expected, 40, 'last');
    gpu.dispose();
    cpu.dispose();
    await player.release();
  });
}

test('linear attention is refused by name', async () => {
  for (const { name, build } of MECHANISM_VARIANTS.filter((one) => one.name.startsWith('linear'))) {
    const { backend: cpu } = await openCpuModel(build().source, { simd: 'baseline' });
    const error = await refused(
      () => openByteBackend(cpu, new OrtPlayer()),
      'MODEL_UNSUPPORTED',
      name,
    );
    assert.match(error.message, /linear attention/);
    cpu.dispose();
  }
});

test('a weight that is not there is named', async () => {
  const { source } = mechanismVariant('tpa').build();
  const { backend: cpu } = await openCpuModel(source, { simd: 'baseline' });
  assert.throws(
    () => stepGraph(cpu.network.config, [], false),
    /^the graph needs "layers.0.projection", which the weights lack$/,
  );
  cpu.dispose();
});

/** The same tokens on both sides: logits, then factors. */
async function compareStep(
  cpu: CpuBackend,
  found: FactorSequence,
  expected: FactorSequence,
  count: number,
  rows: 'last' | 'all',
  relative = RELATIVE,
): Promise<void> {
  const { vocabSize } = cpu;
  const start = expected.length;
  const ids = Array.from({ length: count }, (_, i) => ((start + i) * 7919 + 13) % vocabSize);
  const logits = await evaluate(expected, ids, rows);
  const what = `logits of ${count} after ${start}`;
  assertRelative(await evaluate(found, ids, rows), logits, relative, what);
  for (const [from, length] of [
    [start, count],
    [0, start + count],
  ] as const) {
    const factors = await expected.readFactors(from, length);
    const ours = await found.readFactors(from, length);
    assertRelative(ours, factors, relative, `factors of ${length} from ${from}`);
  }
}

test.run();
