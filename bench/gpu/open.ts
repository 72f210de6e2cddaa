import { CpuBackend } from '../../src/backend/cpu.ts';
import { openWebGpu, type WebGpuOptions } from '../../src/backend/webgpu/open.ts';
import { parameterCount } from '../../src/weights/tensors.ts';
import { evaluate, FactorContender } from './factor-contender.ts';
import { GqaContender } from './gqa-contender.ts';
import { createRandomModel, type ModelForm } from './random-model.ts';
import { type GpuResult, NAMES } from './result.ts';
import { relativeError } from './statistics.ts';
import type { Contenders } from './timing.ts';

/** Where the pieces are that a worker loads. */
export interface Places extends Omit<WebGpuOptions, 'worker'> {
  /** The package's gpu-worker. */
  readonly worker: URL;
  /** The worker of the comparison. */
  readonly appendWorker: URL;
}

/** What the GPU may differ from the CPU in; float32 sums in another order differ by 1e-5. */
const TOLERANCE = 1e-4;

/** The three, ready and checked, and what is known before anything is timed. */
export interface Opened {
  readonly contenders: Contenders;
  readonly facts: Pick<
    GpuResult,
    'adapter' | 'isSoftware' | 'version' | 'simd' | 'parameters' | 'errors'
  >;
}

/**
 * Opens a TPA model on both sides and a GQA model on the GPU, and compares the logits that the GPU
 * computes of a prompt with those of the kernels.
 *
 * @throws Error without an adapter, or where the GPU computes something else
 */
export async function openContenders(
  forms: { readonly tpa: ModelForm; readonly gqa: ModelForm },
  prompt: readonly number[],
  { worker, appendWorker, ...runtime }: Places,
): Promise<Opened> {
  await checkAdapter();
  const tpaModel = await createRandomModel(forms.tpa);
  const gqaModel = await createRandomModel(forms.gqa);
  const open = openWebGpu(tpaModel, { ...runtime, worker, allowsSoftware: true });
  const gpu = await open(new AbortController().signal);
  const gqa = await GqaContender.open(NAMES.gqa, gqaModel, appendWorker, {
    allowsSoftware: true,
    needsHalf: false,
    ...(runtime.module === undefined ? {} : { module: String(runtime.module) }),
    ...(runtime.wasmPaths === undefined ? {} : { wasmPaths: String(runtime.wasmPaths) }),
  });

  const cpu = new CpuBackend(tpaModel.compute, tpaModel.config, tpaModel.weights);
  const sequence = cpu.createSequence();
  const logits = await evaluate(sequence, prompt);
  const { layers } = tpaModel.config;
  const count = prompt.length;
  const block = { layers, count, factors: await sequence.readFactors(0, count) };
  sequence.dispose();
  const tpa = new FactorContender(NAMES.tpa, gpu, block);

  const cpuGqa = new CpuBackend(gqaModel.compute, gqaModel.config, gqaModel.weights);
  const gqaLogits = await evaluate(cpuGqa.createSequence(), prompt);
  cpuGqa.dispose();
  const errors = {
    tpa: checkedError(NAMES.tpa, await tpa.prefill(prompt), logits),
    gqa: checkedError(NAMES.gqa, await gqa.prefill(prompt), gqaLogits),
  };
  return {
    contenders: { cpu: new FactorContender(NAMES.cpu, cpu, block), tpa, gqa },
    facts: {
      adapter: gpu.adapter,
      isSoftware: gpu.isSoftware,
      version: gpu.version,
      simd: tpaModel.compute.engine.simd.simd,
      parameters: {
        tpa: parameterCount(tpaModel.config),
        gqa: parameterCount(gqaModel.config),
      },
      errors,
    },
  };
}

/** @throws Error where the relative error of `actual` is above the tolerance */
export function checkedError(name: string, actual: Float32Array, expected: Float32Array): number {
  const error = relativeError(actual, expected);
  if (error <= TOLERANCE) return error;
  throw new Error(`"${name}" expected logits within ${TOLERANCE} of the CPU's, got ${error}`);
}

/** Says in one line that there is none, before models are made. */
async function checkAdapter(): Promise<void> {
  const gpu = (navigator as { gpu?: GPU }).gpu;
  if (!(await gpu?.requestAdapter())) throw new NoAdapterError();
}

/** There is nothing to measure here. */
export class NoAdapterError extends Error {
  override readonly name = 'NoAdapterError';

  constructor() {
    super('no GPU adapter here: navigator.gpu is missing or gave none');
  }
}
