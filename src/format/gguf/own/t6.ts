import { printable } from '../../../base/errors.ts';
import { LIMITS } from '../../config/limits.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../../errors.ts';
import type { JsonObject } from '../../files/json.ts';
import type { GgufHeader } from '../header.ts';
import type { GgufMetadata } from '../metadata.ts';
import type { GgufName } from '../names.ts';

/** `general.architecture` of T6, its variants and its baselines; docs/gguf.md describes it. */
export const T6_ARCHITECTURE = 'tpa-t6';

/** How a value is stored: u32, f64 (so that no angle changes), bool or string. */
export type T6Kind = 'integer' | 'number' | 'boolean' | 'text';

/** Keys of config.json, those of the file behind `tpa-t6.`, and how their values are stored. */
export const T6_KEYS: readonly (readonly [config: string, key: string, kind: T6Kind])[] = [
  ['n_layer', 'block_count', 'integer'],
  ['block_size', 'context_length', 'integer'],
  ['n_embd', 'embedding_length', 'integer'],
  ['vocab_size', 'vocab_size', 'integer'],
  ['attention', 'attention.mechanism', 'text'],
  ['n_head', 'attention.head_count', 'integer'],
  ['group_size', 'attention.group_size', 'integer'],
  ['head_dim', 'attention.key_length', 'integer'],
  ['v_head_dim', 'attention.value_length', 'integer'],
  ['q_rank', 'attention.query_rank', 'integer'],
  ['rank', 'attention.key_value_rank', 'integer'],
  ['c_dim', 'attention.outer_length', 'integer'],
  ['q_lora_rank', 'attention.q_lora_rank', 'integer'],
  ['kv_lora_rank', 'attention.kv_lora_rank', 'integer'],
  ['qk_rope_head_dim', 'attention.rope_length', 'integer'],
  ['using_groupnorm', 'attention.group_norm', 'boolean'],
  ['rope_theta', 'rope.freq_base', 'number'],
  ['rope_precision', 'rope.precision', 'text'],
  ['rope_partial_factor', 'rope.partial_factor', 'number'],
  ['rope_decay_base', 'rope.decay_base', 'number'],
];

/** The parts of a layer by their names in the file; llama.cpp's, where it has the same. */
export const T6_PARTS: Readonly<Record<string, string>> = {
  'attn_output.weight': 'attn.c_proj.weight',
  'attn_sub_norm.weight': 'attn.subln.weight',
  'ffn_gate.weight': 'mlp.c_fc1.weight',
  'ffn_up.weight': 'mlp.c_fc2.weight',
  'ffn_down.weight': 'mlp.c_proj.weight',
  // MHA, MQA and GQA
  'attn_q.weight': 'attn.c_q.weight',
  'attn_k.weight': 'attn.c_k.weight',
  'attn_v.weight': 'attn.c_v.weight',
  // MLA
  'attn_q_a.weight': 'attn.q_a_proj.weight',
  'attn_q_a_norm.weight': 'attn.q_a_layernorm.weight',
  'attn_q_b.weight': 'attn.q_b_proj.weight',
  'attn_kv_a_mqa.weight': 'attn.kv_a_proj_with_mqa.weight',
  'attn_kv_a_norm.weight': 'attn.kv_a_layernorm.weight',
  'attn_kv_b.weight': 'attn.kv_b_proj.weight',
  // factors
  'tpa_q.weight': 'attn.c_qkv.c_q.weight',
  ...Object.fromEntries(
    ['q', 'k', 'v'].flatMap((role) => [
      ...['A', 'B', 'C'].map((factor) => [
        `tpa_${factor.toLowerCase()}_${role}.weight`,
        `attn.c_qkv.W_${factor}_${role}.weight`,
      ]),
      ...['A', 'B'].map((factor) => [
        `tpa_fixed_${factor.toLowerCase()}_${role}`,
        `attn.c_qkv.${factor}_${role}`,
      ]),
    ]),
  ),
  'tpa_b_kv.weight': 'attn.c_qkv.W_B_kv.weight',
};

export const T6_EMBEDDING = ['token_embd.weight', 'transformer.wte.weight'] as const;

const LAYER = /^blk\.(0|[1-9]\d{0,4})\.(.+)$/;
/** An `attention` or a `rope.precision`. */
const MAX_TEXT = 64;

/**
 * config.json and the names of the weights of a T6. Whether they make sense is checked where they
 * are used, as with its other files.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED` naming a tensor that no T6 has
 */
export function readT6({ metadata, tensors }: GgufHeader) {
  const config: Record<string, unknown> = { model_type: 't6' };
  for (const [name, key, kind] of T6_KEYS) {
    const value = readValue(metadata, `${T6_ARCHITECTURE}.${key}`, kind);
    if (value !== undefined) config[name] = value;
  }
  for (const role of ['bos', 'eos']) {
    const id = metadata.tokenId(role);
    if (id !== undefined) config[`${role}_token_id`] = id;
  }
  const names = new Map<string, GgufName>();
  for (const { name, shape } of tensors.values()) {
    names.set(name, { name: nameOf(name), shape, isPermuted: false });
  }
  const vocabSize = tensors.get(T6_EMBEDDING[0])?.shape[0] ?? 0;
  return { config: config as JsonObject, names, headDim: 0, vocabSize };
}

function readValue(metadata: GgufMetadata, key: string, kind: T6Kind): unknown {
  if (kind === 'integer') return metadata.integer(key, 0, LIMITS.context);
  if (kind === 'number') return metadata.number(key, 0, LIMITS.ropeTheta);
  if (kind === 'boolean') return metadata.boolean(key);
  const text = metadata.text(key);
  if (text === undefined || text.length <= MAX_TEXT) return text;
  throw invalidCheckpoint(`"${key}"`, `at most ${MAX_TEXT} characters`, text.length);
}

function nameOf(name: string): string {
  if (name === T6_EMBEDDING[0]) return T6_EMBEDDING[1];
  const [, layer, part = ''] = LAYER.exec(name) ?? [];
  if (layer !== undefined && Object.hasOwn(T6_PARTS, part)) {
    return `transformer.h.${layer}.${T6_PARTS[part]}`;
  }
  throw unsupportedCheckpoint(`tensor "${printable(name)}"`, 'a weight of a T6', 'another');
}
