import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { namedMatrices } from '../../src/weights/named-matrix.ts';
import { encodeModel, floatValue } from '../../src/backend/webgpu/graph/onnx-model.ts';
import { stepGraph } from '../../src/backend/webgpu/graph/step-graph.ts';
import { loadModel, type ModelInfo } from '../../src/index.ts';
import { assertRelative } from '../helpers/checks/close.ts';
import { outcomeOf } from '../helpers/checks/refused.ts';
import { type CheckpointVariant, variantNamed } from '../helpers/files/build-checkpoint.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';
import { decodeFloats, type GpuHost, type RemoteModel, type Step } from './host.ts';
import { remoteModel } from './remote-model.ts';

/**
 * Float32 on both sides, through 2 or 3 layers: measured at most 5e-6 · (1 + max |logit|) on
 * llvmpipe and SwiftShader.
 */
const RELATIVE = 2e-5;
/** Products in float16, accumulated in it on llvmpipe: 2e-2 measured. */
const RELATIVE_HALF = 6e-2;

/** The kernels round activations to 16 bits, the GPU does not: 2e-4 measured. */
const RELATIVE_CODES = 2e-3;

/** What golden models do not have, each once. */
const NAMES = [
  'tpa-partial-decay',
  'tpa-sigmoid',
  'tpa-nonctx-a',
  'tpa-nonctx-b',
  'tpa-shared-b',
  'tpa-third-order',
  'tpa-nonctx-b-kvonly',
  'llama-attention-bias',
  'llama-mlp-bias',
  'mistral-window',
  'qwen2-window',
  'qwen3',
];
const VARIANTS = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS];
const variant = (name: string) => variantNamed<CheckpointVariant>(VARIANTS, name);

/** Mechanisms and families on the GPU against the kernels, which are held to float64 elsewhere. */
export function testVariants(test: ReturnType<typeof suite>, host: GpuHost): void {
  for (const name of NAMES) {
    test(`${name}: a session within ${RELATIVE} · (1 + max) of the CPU's`, () =>
      compare(host, name, 'float32', RELATIVE));
  }
  for (const name of ['tpa', 'qwen3']) {
    test(`${name} with float16 weights: within ${RELATIVE_HALF} · (1 + max)`, () =>
      compare(host, name, 'float16', RELATIVE_HALF, { gpuDtype: 'float16' }));
  }

  for (const dtype of ['q8', 'q4'] as const) {
    test(`qwen2 with codes of ${dtype}: within ${RELATIVE_CODES} · (1 + max)`, () =>
      compare(host, 'qwen2', 'quantized', RELATIVE_CODES, { dtype }));
  }

  test('linear attention is refused by name', async () => {
    const ask = { ...remoteModel(variant('linear-tpa').build().source), rows: [[1, 2]] };
    const refusal = await outcomeOf(() => host.run('logits', ask));
    assert.match(String(refusal), /linear attention/);
  });

  test('every node of every mechanism is placed on the GPU, and one that is not is refused', async () => {
    const models: string[] = [];
    for (const { name, build } of VARIANTS) {
      if (name.startsWith('linear')) continue;
      const { backend } = await openCpuModel(build().source);
      const { compute, config, weights } = backend.network;
      const matrices = namedMatrices(compute, config, weights);
      for (const isHalf of [false, true]) {
        models.push(base64(stepGraph(config, matrices, isHalf).model));
      }
    }
    assert.ok(models.length >= 80, `${models.length} graphs`);
    const cpuNode = encodeModel({
      inputs: [floatValue('x', 'N', 4)],
      outputs: [floatValue('y', 'N', 4)],
      nodes: [{ op: 'LogSoftmax', inputs: ['x'], outputs: ['y'], attributes: { axis: -1 } }],
    });
    const found = await host.run('compile', { models: [...models, base64(cpuNode)] });
    assert.equal(
      found.slice(0, -1).filter((reason) => reason !== ''),
      [],
    );
    assert.match(found.at(-1)!, /refused the graph/);
  });

  test("'auto' takes no software adapter and says so", async () => {
    const model = remoteModel(variant('tpa').build().source, { backend: 'auto' });
    const { info } = await host.run('logits', { ...model, rows: [[1, 2]] });
    const { backend, backendReason } = info as { backend: string; backendReason: string };
    assert.is(backend, 'wasm');
    assert.match(backendReason, /software/);
  });

  // last: the thread's adapters stay in disguise
  test("'auto' measures an adapter that does not say it is software, and routes by the figures", async () => {
    const model = remoteModel(variant('tpa').build().source, { backend: 'auto' });
    const { info } = await host.run('logits', { ...model, fault: 'disguise', rows: [[1, 2]] });
    const { gpu, backend, backendReason } = info as ModelInfo;
    assert.is(gpu?.adapter, 'an adapter in disguise');
    const { wasm, webgpu } = gpu!.figures!;
    for (const side of [wasm, webgpu]) {
      for (const value of Object.values(side).flat()) assert.ok(value > 0, `${value} ms`);
    }
    assert.is(backend, 'wasm');
    assert.match(backendReason, /the CPU was measured faster than an adapter in disguise/);
  });
}

/**
 * A session that grows over several blocks and buffers, is cut back in the middle of a block, and
 * grows again over what it forgot.
 */
function stepsOf(contextLength: number, vocabSize: number): Step[] {
  let next = 0;
  const ids = (count: number) =>
    Array.from({ length: count }, () => (next++ * 7919 + 13) % vocabSize);
  const long = Math.min(70, contextLength - 60);
  return [
    { ids: ids(50) },
    { ids: ids(1) },
    { ids: ids(1) },
    { ids: ids(long) }, // past the first block, and two
    { keep: 40, ids: ids(3) },
    { ids: ids(1) },
    { keep: 5, ids: ids(61) },
    { ids: ids(1) },
  ];
}

async function compare(
  host: GpuHost,
  name: string,
  stored: 'float32' | 'float16' | 'quantized',
  relative: number,
  how: Pick<RemoteModel['options'], 'dtype' | 'gpuDtype'> = {},
): Promise<void> {
  const { source } = variant(name).build();
  using model = await loadModel(source, { backend: 'wasm', ...how });
  const steps = stepsOf(model.config.contextLength, model.config.vocabSize);
  const { rows, info } = await host.run('steps', { ...remoteModel(source, how), steps });
  const { backend, gpu } = info as ModelInfo;
  assert.equal([backend, gpu?.losses, gpu?.dtype], ['webgpu', 0, stored]);
  assert.is(rows.length, steps.length);
  using session = model.createSession();
  for (const [i, { keep, ids }] of steps.entries()) {
    if (keep !== undefined) session.truncate(keep);
    const expected = await session.prefill(ids);
    assertRelative(decodeFloats(rows[i]!), expected, relative, `${name}, step ${i}`);
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
