import { ARCHITECTURES } from '../config/family.ts';
import { invalidCheckpoint } from '../errors.ts';
import type { JsonObject } from '../files/json.ts';
import { CONTROL } from './vocabulary/tokens.ts';
import type { GgufHeader } from './header.ts';
import { type GgufMetadata, shortest } from './metadata.ts';
import type { GgufSizes } from './sizes.ts';

const MAX_CONTEXT = 2 ** 31;
const MAX_ROPE_THETA = 1e12;
const DEFAULT_ROPE_THETA = 10_000;

/**
 * config.json of a LLaMA-family model.
 *
 * @param ropeScaling `rope_scaling` as it will be written
 * @throws TpaError `CHECKPOINT_INVALID` naming the field
 */
export function configOf(
  { metadata, tensors }: GgufHeader,
  sizes: GgufSizes,
  ropeScaling: JsonObject | undefined,
): JsonObject {
  const { architecture, dim, hiddenDim, layers, heads, kvHeads, headDim, vocabSize } = sizes;
  const epsKey = `${architecture}.attention.layer_norm_rms_epsilon`;
  const normEps = metadata.number(epsKey, 0, 1);
  if (normEps === undefined) throw invalidCheckpoint(`"${epsKey}"`, 'a number in 0..1', 'nothing');
  const contextLength = metadata.requiredInteger(`${architecture}.context_length`, 1, MAX_CONTEXT);
  const hasBias = (part: string) => tensors.has(`blk.0.${part}.bias`);
  return {
    architectures: [ARCHITECTURES[architecture]],
    model_type: architecture,
    hidden_act: 'silu',
    hidden_size: dim,
    intermediate_size: hiddenDim,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    rms_norm_eps: shortest(normEps),
    rope_theta: readRopeTheta(metadata, architecture),
    ...(ropeScaling && { rope_scaling: ropeScaling }),
    max_position_embeddings: contextLength,
    vocab_size: vocabSize,
    tie_word_embeddings: !tensors.has('output.weight'),
    attention_bias: hasBias('attn_q'),
    ...(hasBias('ffn_gate') && { mlp_bias: true }),
    ...tokenIds(metadata),
  };
}

/** The base of the angles, 10,000 where the file has none. @throws TpaError `CHECKPOINT_INVALID` */
export function readRopeTheta(metadata: GgufMetadata, architecture: string): number {
  const theta = metadata.number(`${architecture}.rope.freq_base`, 1, MAX_ROPE_THETA);
  return shortest(theta ?? DEFAULT_ROPE_THETA);
}

/** Control tokens that end a turn or a text in our families, whatever else the file says. */
const ENDS: ReadonlySet<string> = new Set(
  '<|eot_id|> <|eom_id|> <|end_of_text|> <|im_end|> <|endoftext|>'.split(' '),
);

/**
 * generation_config.json, where a model ends its text by more than one token.
 *
 * @throws TpaError `CHECKPOINT_INVALID`
 */
export function generationConfigOf(metadata: GgufMetadata): JsonObject | undefined {
  const stated = ['eos', 'eot', 'eom'].map((name) => metadata.tokenId(name));
  const ends = new Set(stated.filter((id) => id !== undefined));
  const types = metadata.numbers('tokenizer.ggml.token_type') ?? [];
  for (const [id, token] of (metadata.texts('tokenizer.ggml.tokens') ?? []).entries()) {
    if (ENDS.has(token) && types[id] === CONTROL) ends.add(id);
  }
  return ends.size > 1 ? { ...tokenIds(metadata), eos_token_id: [...ends] } : undefined;
}

function tokenIds(metadata: GgufMetadata): JsonObject {
  const bos = metadata.tokenId('bos');
  const eos = metadata.tokenId('eos');
  return {
    ...(bos !== undefined && { bos_token_id: bos }),
    ...(eos !== undefined && { eos_token_id: eos }),
  };
}
