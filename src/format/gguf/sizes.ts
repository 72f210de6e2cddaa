import { printable } from '../../base/errors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../errors.ts';
import type { GgufHeader } from './header.ts';

/** The families that are converted; GGUF files name them as `model_type` does. */
const FAMILIES = ['llama', 'qwen2', 'qwen3'] as const;

/** The numbers from which shapes follow. */
export interface GgufSizes {
  readonly architecture: (typeof FAMILIES)[number];
  readonly layers: number;
  readonly dim: number;
  readonly hiddenDim: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Rows of the embedding. */
  readonly vocabSize: number;
}

/** The largest published model has 126. */
const MAX_LAYERS = 16_384;
const MAX_HEADS = 1024;
const MAX_HEAD_DIM = 1024;
const MAX_DIM = 2 ** 17;
const MAX_HIDDEN_DIM = 2 ** 20;

/**
 * Keys that change the computation, and the values that do not: 0 is what llama.cpp takes for "not
 * set", and 1 multiplies nothing. A window, a scale or a clamp of 1 is one.
 */
const NEUTRAL: readonly (readonly [key: string, ...values: number[]])[] = [
  ['expert_count', 0],
  ['attention.scale', 0],
  ['attention.clamp_kqv', 0],
  ['attention.sliding_window', 0],
  ['attn_logit_softcapping', 0],
  ['final_logit_softcapping', 0],
  ['logit_scale', 0, 1],
  ['residual_scale', 0, 1],
  ['embedding_scale', 0, 1],
  ['rope.scale_linear', 0, 1],
];

/**
 * Reads and checks the sizes of a LLaMA-family model.
 *
 * @throws TpaError `CHECKPOINT_INVALID` naming the field, `MODEL_UNSUPPORTED` for another
 *   architecture or a mixture of experts
 */
export function readSizes({ metadata, tensors }: GgufHeader): GgufSizes {
  const stated = metadata.text('general.architecture') ?? '';
  const architecture = FAMILIES.find((family) => family === stated);
  if (architecture === undefined) {
    const found = stated === '' ? 'nothing' : `"${printable(stated)}"`;
    throw unsupportedCheckpoint('"general.architecture"', FAMILIES.join(', '), found);
  }
  const context = metadata.number(`${architecture}.context_length`, 0, 2 ** 32);
  for (const [name, ...values] of NEUTRAL) {
    const key = `${architecture}.${name}`;
    const value = metadata.number(key, 0, 2 ** 32) ?? 0;
    // A window as long as the context leaves nothing out.
    const isWide = name === 'attention.sliding_window' && context !== undefined && value >= context;
    if (!isWide && !values.includes(value)) {
      throw unsupportedCheckpoint(`"${key}"`, values.join(' or '), String(value));
    }
  }
  const causalKey = `${architecture}.attention.causal`;
  if (metadata.boolean(causalKey) === false) {
    throw unsupportedCheckpoint(`"${causalKey}"`, 'true', 'false');
  }
  const size = (name: string, max: number) =>
    metadata.requiredInteger(`${architecture}.${name}`, 1, max);
  const dim = size('embedding_length', MAX_DIM);
  const heads = size('attention.head_count', MAX_HEADS);
  const kvHeads = metadata.integer(`${architecture}.attention.head_count_kv`, 1, heads) ?? heads;
  const headDim =
    metadata.integer(`${architecture}.attention.key_length`, 1, MAX_HEAD_DIM) ?? dim / heads;
  // RoPE pairs the halves of a head.
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) {
    throw invalidCheckpoint('head size', 'an even integer', headDim);
  }
  if (heads % kvHeads !== 0) {
    throw invalidCheckpoint('K/V heads', `a divisor of ${heads}`, kvHeads);
  }
  for (const name of ['attention.value_length', 'rope.dimension_count']) {
    const key = `${architecture}.${name}`;
    const value = metadata.integer(key, 1, MAX_HEAD_DIM) ?? headDim;
    if (value !== headDim) throw unsupportedCheckpoint(`"${key}"`, String(headDim), String(value));
  }
  const embedding = tensors.get('token_embd.weight');
  if (!embedding) throw invalidCheckpoint('tensor "token_embd.weight"', 'in the file', 'none');
  return {
    architecture,
    layers: size('block_count', MAX_LAYERS),
    dim,
    hiddenDim: size('feed_forward_length', MAX_HIDDEN_DIM),
    heads,
    kvHeads,
    headDim,
    vocabSize: embedding.shape[0]!,
  };
}
