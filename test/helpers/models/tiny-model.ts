import { parseConfig } from '../../../src/format/config/config.ts';
import { expectedTensors } from '../../../src/weights/tensors.ts';
import type { ModelConfig } from '../../../src/format/config/model-config.ts';
import type { TensorEntry } from '../../../src/format/tensors/safetensors.ts';
import type { TensorData } from '../files/build-safetensors.ts';

/** config.json of a T6 of two layers that has 12 tensors in each. */
export const TINY_JSON = {
  model_type: 't6',
  n_layer: 2,
  n_head: 3,
  head_dim: 4,
  n_embd: 6,
  rank: 2,
  q_rank: 3,
  vocab_size: 11,
  block_size: 16,
  rope_theta: 10000,
  rope_precision: 'float32',
  using_groupnorm: true,
  eos_token_id: 10,
};

/** Names enough to tell the mechanism from. */
export function tensorNames(mechanism: 'tpa' | 'tpa-kvonly' = 'tpa'): Map<string, TensorEntry> {
  const part = mechanism === 'tpa' ? 'W_A_q' : 'c_q';
  const name = `transformer.h.0.attn.c_qkv.${part}.weight`;
  return new Map([[name, { name, dtype: 'F32', shape: [1], offset: 0, byteLength: 4 }]]);
}

/** The tiny configuration, with some keys changed. */
export function tinyConfig(
  changes: Record<string, unknown> = {},
  mechanism: 'tpa' | 'tpa-kvonly' = 'tpa',
): ModelConfig {
  return parseConfig({ ...TINY_JSON, ...changes }, tensorNames(mechanism));
}

/** Every tensor of a model, filled with small distinct values. */
export function tensorsOf(config: ModelConfig): TensorData[] {
  return expectedTensors(config).map(({ name, shape }, t) => {
    const length = shape.reduce((product, n) => product * n, 1);
    return { name, shape, data: Float32Array.from({ length }, (_, i) => (t + i) / 256) };
  });
}

/** Header entries of tensors as a file would give them. */
export function entriesOf(tensors: readonly TensorData[]): Map<string, TensorEntry> {
  return new Map(
    tensors.map(({ name, shape, dtype = 'F32', data }) => [
      name,
      { name, dtype, shape, offset: 0, byteLength: 4 * data.length },
    ]),
  );
}
