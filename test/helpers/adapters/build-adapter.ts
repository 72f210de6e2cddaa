import { createRandom } from '../checks/random.ts';
import type { CheckpointTensors } from '../files/build-checkpoint.ts';
import { buildSafetensors, type TensorData } from '../files/build-safetensors.ts';

/** What a test says of an adapter that differs from the ordinary. */
export interface AdapterForm {
  readonly rank?: number;
  readonly alpha?: number;
  readonly seed?: number;
  readonly dtype?: 'F32' | 'F16' | 'BF16';
  /** Keys of adapter_config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Which modules it has, all matrices of the model unless given. */
  readonly has?: (path: string) => boolean;
  /** Rank of a module, where they differ. */
  readonly rankOf?: (path: string) => number;
}

/** An adapter in memory, and what it is made of. */
export interface BuiltAdapter {
  readonly source: { readonly config: Record<string, unknown>; readonly weights: Uint8Array };
  readonly factors: readonly TensorData[];
  /** The tensors of a model with B · A added, times `factorOf(path)`, in float64 rounded once. */
  mergedInto(
    tensors: CheckpointTensors,
    factorOf?: (path: string, rank: number) => number,
  ): CheckpointTensors;
}

const EMBEDDING = /^(?:model\.embed_tokens|transformer\.wte)$/;

/** A random adapter of a model with these tensors, as PEFT saves it. */
export function buildAdapter(model: CheckpointTensors, form: AdapterForm = {}): BuiltAdapter {
  const { rank = 4, alpha = 8, seed = 1, dtype = 'F32', config, has = () => true } = form;
  const random = createRandom(seed);
  const factors: TensorData[] = [];
  const paths = modulesOf(model).filter(has);
  for (const path of paths) {
    const r = form.rankOf?.(path) ?? rank;
    const [rows, columns] = model.get(`${path}.weight`)!.shape as [number, number];
    const isEmbedding = EMBEDDING.test(path);
    const [outputs, inputs] = isEmbedding ? [columns, rows] : [rows, columns];
    const name = (factor: 'A' | 'B') =>
      `base_model.model.${path}.${isEmbedding ? `lora_embedding_${factor}` : `lora_${factor}.weight`}`;
    // numbers that float16 and bfloat16 hold
    const draw = (count: number) => random.normal(count, 0.1).map((x) => Math.round(x * 128) / 128);
    factors.push({ name: name('A'), dtype, shape: [r, inputs], data: draw(r * inputs) });
    factors.push({ name: name('B'), dtype, shape: [outputs, r], data: draw(outputs * r) });
  }
  const names = new Set(paths.map((path) => path.replace(/^.*\.(?=[^.]+$)/, '')));
  const json = {
    peft_type: 'LORA',
    base_model_name_or_path: 'a/model',
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: alpha,
    lora_dropout: 0.05,
    modules_to_save: null,
    r: rank,
    target_modules: [...names],
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
    ...config,
  };
  return {
    source: { config: json, weights: buildSafetensors(factors) },
    factors,
    mergedInto: (tensors, factorOf = (_, r) => alpha / r) => {
      const merged: CheckpointTensors = new Map(tensors);
      for (const [i, path] of paths.entries()) {
        const [a, b] = [factors[2 * i]!, factors[2 * i + 1]!];
        const r = a.shape[0]!;
        const product = multiply(b, a, EMBEDDING.test(path));
        const { shape, values } = tensors.get(`${path}.weight`)!;
        const factor = factorOf(path, r);
        const sums = values.map((value, n) => Math.fround(value + factor * product[n]!));
        merged.set(`${path}.weight`, { shape, values: sums });
      }
      return merged;
    },
  };
}

/** Paths of the modules that are matrices. */
export function modulesOf(model: CheckpointTensors): string[] {
  return Array.from(model)
    .filter(([name, { shape }]) => shape.length === 2 && name.endsWith('.weight'))
    .map(([name]) => name.slice(0, -'.weight'.length));
}

/** B · A in float64, or its transpose. */
function multiply(b: TensorData, a: TensorData, isTransposed: boolean): Float64Array {
  const [outputs, rank] = b.shape as [number, number];
  const inputs = a.shape[1]!;
  const product = new Float64Array(outputs * inputs);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += b.data[o * rank + r]! * a.data[r * inputs + i]!;
      product[isTransposed ? i * outputs + o : o * inputs + i] = sum;
    }
  }
  return product;
}
