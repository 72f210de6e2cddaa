import type { LlamaBreak } from '../../reference/llama-breaks.ts';
import {
  buildCheckpoint,
  type Checkpoint,
  type CheckpointOptions,
  type CheckpointTensors,
  type CheckpointVariant,
  variantNamed,
} from '../files/build-checkpoint.ts';
import { LLAMA_CONFIGS } from './llama-configs.ts';
import { createRandom } from '../checks/random.ts';

/** A small LLaMA-family model and the breaks that must move its logits. */
export interface LlamaVariant extends CheckpointVariant {
  readonly config: Readonly<Record<string, unknown>>;
  readonly breaks: readonly LlamaBreak[];
}

/** Small random checkpoints as Transformers writes them, one for every convention that differs. */
export const LLAMA_VARIANTS: readonly LlamaVariant[] = LLAMA_CONFIGS.map(
  ({ name, config, breaks }, index) => ({
    name,
    config,
    breaks,
    build: (options) => buildLlama(config, index + 1, options),
  }),
);

/** The variant of this name. @throws Error where there is none */
export const llamaVariant = (name: string): LlamaVariant => variantNamed(LLAMA_VARIANTS, name);

/** config.json names the dtype of the weights. */
const TORCH_DTYPES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** Standard deviations of what a tensor's product gives, so that every convention shows. */
const DEVIATION = {
  /** of an embedding: small enough for eps 1e-6 to be seen in the norms */
  embedding: 0.005,
  /** of a query or key feature: attention logits up to 5 or 10 */
  query: 1.4,
  value: 1,
  /** of what a block adds to the residual stream */
  block: 0.04,
  logit: 3,
};

/** A random checkpoint of this configuration. */
export function buildLlama(
  config: Readonly<Record<string, unknown>>,
  seed: number,
  options: CheckpointOptions = {},
): Checkpoint {
  const tensors = randomTensors(config, seed);
  const torchDtype = TORCH_DTYPES[options.dtype ?? 'F32'];
  return buildCheckpoint({ ...config, torch_dtype: torchDtype }, tensors, options);
}

function randomTensors(config: Readonly<Record<string, unknown>>, seed: number): CheckpointTensors {
  const size = (key: string) => config[key] as number;
  const dim = size('hidden_size');
  const heads = size('num_attention_heads');
  const kvHeads = size('num_key_value_heads');
  const innerDim = size('intermediate_size');
  const headDim = (config['head_dim'] as number | undefined) ?? dim / heads;
  const isQwen2 = config['model_type'] === 'qwen2';
  const isTied = config['tie_word_embeddings'] === true;
  const hasAttentionBias = config['attention_bias'] === true;
  const hasMlpBias = config['mlp_bias'] === true;

  const random = createRandom(seed);
  const tensors: CheckpointTensors = new Map();
  const set = (name: string, shape: number[], values: Float32Array) =>
    tensors.set(name, { shape, values });
  /** A layer whose outputs have this deviation where its inputs have 1. */
  const linear = (
    name: string,
    [rows, columns]: [number, number],
    deviation: number,
    hasBias = false,
  ) => {
    const weights = random.normal(rows * columns, deviation / Math.sqrt(columns));
    set(`${name}.weight`, [rows, columns], weights);
    if (hasBias) set(`${name}.bias`, [rows], random.normal(rows, 0.5 * deviation));
  };
  const norm = (name: string, length: number, scale = 1) =>
    set(`${name}.weight`, [length], random.uniform(length, 0.5 * scale, 1.5 * scale));

  const embedding = random.normal(size('vocab_size') * dim, DEVIATION.embedding);
  set('model.embed_tokens.weight', [size('vocab_size'), dim], embedding);
  for (let layer = 0; layer < size('num_hidden_layers'); layer++) {
    const block = `model.layers.${layer}`;
    const attention = `${block}.self_attn`;
    const hasInputBias = isQwen2 || hasAttentionBias;
    norm(`${block}.input_layernorm`, dim);
    linear(`${attention}.q_proj`, [heads * headDim, dim], DEVIATION.query, hasInputBias);
    linear(`${attention}.k_proj`, [kvHeads * headDim, dim], DEVIATION.query, hasInputBias);
    linear(`${attention}.v_proj`, [kvHeads * headDim, dim], DEVIATION.value, hasInputBias);
    linear(`${attention}.o_proj`, [dim, heads * headDim], DEVIATION.block, hasAttentionBias);
    if (config['model_type'] === 'qwen3') {
      norm(`${attention}.q_norm`, headDim, DEVIATION.query);
      norm(`${attention}.k_norm`, headDim, DEVIATION.query);
    }
    norm(`${block}.post_attention_layernorm`, dim);
    linear(`${block}.mlp.gate_proj`, [innerDim, dim], 1, hasMlpBias);
    linear(`${block}.mlp.up_proj`, [innerDim, dim], 1, hasMlpBias);
    linear(`${block}.mlp.down_proj`, [dim, innerDim], DEVIATION.block, hasMlpBias);
  }
  // a tied output is as small as the embedding, so the last norm makes up for it
  const outputDeviation = isTied ? DEVIATION.embedding * Math.sqrt(dim) : DEVIATION.logit;
  norm('model.norm', dim, DEVIATION.logit / outputDeviation);
  if (!isTied) linear('lm_head', [size('vocab_size'), dim], DEVIATION.logit);
  return tensors;
}
