import { Compute, type ComputeOptions } from '../../../src/compute/compute.ts';
import { CpuBackend } from '../../../src/backend/cpu.ts';
import { parseConfig } from '../../../src/format/config/config.ts';
import type { ModelBytes } from '../../../src/format/files/bytes-at-hand.ts';
import { openModelFiles } from '../../../src/format/files/model-source.ts';
import { openTensors } from '../../../src/format/tensors/tensors.ts';
import { LocalHost } from '../../../src/load/local-host.ts';
import { Model } from '../../../src/load/model.ts';
import { type DtypeOption, WeightDtypes } from '../../../src/weights/dtypes.ts';
import { loadWeights } from '../../../src/weights/weights.ts';
import {
  compileKernels,
  createEngine,
  type Engine,
  type EngineOptions,
} from '../../../src/wasm/engine.ts';
import { buildSafetensors, type TensorData } from '../files/build-safetensors.ts';
import { floats, type Golden, integers, loadGolden } from '../checks/golden.ts';

/** The rope tables of the golden files, as config.json spells them. */
export const PRECISIONS = { bf16: 'bfloat16', exact: 'float32' } as const;

/** The two variants of every golden model. */
export type Cos = keyof typeof PRECISIONS;

/** A golden model's weights. */
export function goldenWeights(golden: Golden): TensorData[] {
  return [...golden.tensors]
    .filter(([name]) => name.endsWith('.weight'))
    .map(([name, { shape }]) => ({ name, shape, data: floats(golden, name) }));
}

/** A golden model as `loadModel` takes it, some keys of its config.json changed. */
export function goldenSource(
  golden: Golden,
  cos: Cos,
  changes: Record<string, unknown> = {},
  weights: readonly TensorData[] = goldenWeights(golden),
): ModelBytes & { readonly weights: Uint8Array } {
  const config = { ...golden.meta.config, rope_precision: PRECISIONS[cos], ...changes };
  return { config, weights: buildSafetensors(weights) };
}

/**
 * The weights with a tenth of the embedding. As they are, a token's own embedding outweighs what
 * the blocks add, and greedy text soon repeats one token whatever came before.
 */
export function livelyWeights(golden: Golden): TensorData[] {
  return goldenWeights(golden)
    .filter(({ name }) => name !== 'lm_head.weight')
    .map((tensor) =>
      tensor.name === 'transformer.wte.weight'
        ? { ...tensor, data: Float32Array.from(tensor.data, (x) => x / 10) }
        : tensor,
    );
}

/** The golden T6 with {@link livelyWeights}, and the ids of its golden prompt. */
export function livelyT6(contextLength: number): { source: ModelBytes; ids: number[] } {
  const golden = loadGolden('model_t6');
  const changes = { block_size: contextLength };
  return {
    source: goldenSource(golden, 'bf16', changes, livelyWeights(golden)),
    ids: [...integers(golden, 'ids')],
  };
}

/** What a model of {@link openCpuModel} computes with. */
export interface CpuModelOptions extends EngineOptions {
  readonly dtype?: DtypeOption | undefined;
  /** Whether its memory is one that workers can have. */
  readonly isShared?: boolean;
}

/** What `loadModel` puts together, with the kernels replaced by what `wrap` makes of them, and computed as `how` says. */
export async function openCpuModel(
  source: ModelBytes,
  { dtype, isShared = false, ...options }: CpuModelOptions = {},
  wrap: (kernels: Engine['kernels'], engine: Engine) => Engine['kernels'] = (kernels) => kernels,
  how: ComputeOptions = {},
): Promise<{ backend: CpuBackend; model: Model }> {
  const tensors = await openTensors(await openModelFiles(source));
  const config = parseConfig(source.config, tensors.entries);
  const engine = await createEngine(options, await compileKernels(options, { isShared }));
  const compute = new Compute({ ...engine, kernels: wrap(engine.kernels, engine) }, how);
  const dtypes = new WeightDtypes(dtype, tensors.entries);
  const weights = await loadWeights(compute, config, tensors, { dtypes });
  const backend = new CpuBackend(compute, config, weights);
  return { backend, model: new Model(new LocalHost(backend, config), config) };
}

/** Part `index` of `count` equal parts. */
export function part<T extends Float32Array | Int32Array>(
  data: T,
  index: number,
  count: number,
): T {
  const length = data.length / count;
  return data.subarray(index * length, (index + 1) * length) as T;
}
