import { Compute } from '../../src/compute/compute.ts';
import { parseConfig } from '../../src/format/config/config.ts';
import type { ModelConfig } from '../../src/format/config/model-config.ts';
import type { TensorEntry } from '../../src/format/tensors/safetensors.ts';
import type { ExpectedTensor } from '../../src/weights/layer-tensors.ts';
import { expectedTensors } from '../../src/weights/tensors.ts';
import { loadWeights, type ModelWeights } from '../../src/weights/weights.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { randomValues } from '../random.ts';

/** A model in memory, as a backend takes it. */
export interface LoadedModel {
  readonly compute: Compute;
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
}

/** What tells a model's mechanism and sizes: its config.json and a tensor of its first layer. */
export interface ModelForm {
  readonly json: Readonly<Record<string, unknown>>;
  readonly mark: ExpectedTensor;
}

/**
 * Weights from a seed, uniform, such that a product with a row of unit variance has unit variance.
 *
 * @throws TpaError `OUT_OF_MEMORY`
 */
export async function createRandomModel({ json, mark }: ModelForm): Promise<LoadedModel> {
  const config = parseConfig(json, entriesOf([mark]));
  const tensors = expectedTensors(config);
  const seeds = new Map(tensors.map(({ name, shape }, at) => [name, { shape, seed: at + 1 }]));
  const compute = new Compute(await createEngine());
  let latest = { name: '', values: new Float32Array() };
  const weights = await loadWeights(compute, config, {
    entries: entriesOf(tensors),
    async readStored(name, offset, target) {
      if (latest.name !== name) {
        const { shape, seed } = seeds.get(name)!;
        const length = shape.reduce((product, size) => product * size, 1);
        const scale = Math.sqrt(3 / shape.at(-1)!);
        latest = { name, values: randomValues(length, seed).map((value) => value * scale) };
      }
      target.set(new Uint8Array(latest.values.buffer, offset, target.length));
    },
  });
  return { compute, config, weights };
}

function entriesOf(tensors: readonly ExpectedTensor[]): Map<string, TensorEntry> {
  return new Map(
    tensors.map(({ name, shape }) => {
      const byteLength = shape.reduce((product, size) => product * size, 4);
      return [name, { name, shape, dtype: 'F32', offset: 0, byteLength }];
    }),
  );
}
