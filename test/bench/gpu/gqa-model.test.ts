import type { Tensor } from 'onnxruntime-web';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gqaForm } from '../../../bench/gpu/forms.ts';
import { gqaModelGraph, gqaTables, SIDES } from '../../../bench/gpu/gqa-model.ts';
import { createRandomModel } from '../../../bench/gpu/random-model.ts';
import { relativeError } from '../../../bench/gpu/statistics.ts';
import { CpuBackend } from '../../../src/backend/cpu.ts';
import { namedMatrices } from '../../../src/weights/named-matrix.ts';
import { StepInputs } from '../../../src/model/step-inputs.ts';

const CONTEXT = 40;
const IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5];
/** Measured: 4e-7. */
const TOLERANCE = 1e-5;

const test = suite('bench gpu gqaModelGraph()');

test('onnxruntime computes the logits of the kernels: a prefill, a block after it, a token', async () => {
  const sizes = { layers: 2, vocabSize: 61, contextLength: CONTEXT };
  const shape = { headDim: 16, dim: 40 };
  const model = await createRandomModel(gqaForm(shape, sizes, { heads: 6, kvHeads: 2 }));
  const { compute, config, weights } = model;
  const sequence = new CpuBackend(compute, config, weights).createSequence();
  const step = await openStep(model);
  for (const [from, to] of [
    [0, 6],
    [6, 10],
    [10, 11],
  ] as const) {
    const ids = IDS.slice(from, to);
    const error = relativeError(await step(ids), await sequence.forward(ids));
    assert.ok(error < TOLERANCE, `tokens ${from} to ${to}: relative error ${error}`);
  }
});

test.run();

/** The graph on onnxruntime's wasm provider, its cache copied from outputs to inputs. */
async function openStep({
  compute,
  config,
  weights,
}: Awaited<ReturnType<typeof createRandomModel>>) {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = 1;
  const matrices = namedMatrices(compute, config, weights);
  const session = await ort.InferenceSession.create(gqaModelGraph(config, matrices));
  const inputs = new StepInputs(compute, config, weights, CONTEXT);
  const tables = gqaTables(config, inputs.rope(0, CONTEXT));
  const { layers, kvHeads, headDim, dim } = config;
  const floats = (data: Float32Array, ...dims: number[]) => new ort.Tensor('float32', data, dims);
  const integer = (value: number) => new ort.Tensor('int32', Int32Array.of(value), [1]);
  const feeds: Record<string, Tensor> = {
    cos_cache: floats(tables.cos, CONTEXT, headDim / 2),
    sin_cache: floats(tables.sin, CONTEXT, headDim / 2),
  };
  for (const { name, dims, read } of matrices) feeds[name] = floats(read(), ...dims);
  const sides = SIDES.flatMap((side) => Array.from({ length: layers }, (_, i) => `${side}.${i}`));
  for (const side of sides) {
    const numbers = kvHeads * CONTEXT * headDim;
    feeds[`past.${side}`] = floats(new Float32Array(numbers), 1, kvHeads, CONTEXT, headDim);
  }
  let length = 0;
  return async (ids: readonly number[]): Promise<Float32Array> => {
    length += ids.length;
    const found = await session.run({
      ...feeds,
      x: floats(inputs.embed(ids), ids.length, dim),
      rows: integer(ids.length - 1),
      seqlens_k: integer(length - 1),
      total_sequence_length: integer(length),
    });
    for (const side of sides) feeds[`past.${side}`] = found[`present.${side}`]!;
    return found['logits']!.data as Float32Array;
  };
}
