import type { MechanismBreak } from '../../reference/mechanism-breaks.ts';

type Json = Readonly<Record<string, unknown>>;

/** A config.json of a T6-layout model. */
export interface MechanismConfigFile {
  readonly name: string;
  readonly config: Json;
  /** What the tensors are, as their names say it. */
  readonly form: 'factors' | 'kvonly' | 'dense' | 'mla';
  /** Key/value heads of dense forms. */
  readonly kvHeads?: number;
  /** Breaks that must move this model's logits. */
  readonly breaks: readonly MechanismBreak[];
}

const COMMON_BREAKS: readonly MechanismBreak[] = ['rotation-sign', 'rope-precision'];

/** 5 heads of 24 make 120 features over a width of 40. */
const SHARED = {
  model_type: 'gpt2',
  vocab_size: 61,
  block_size: 256,
  n_layer: 2,
  n_head: 5,
  head_dim: 24,
  n_embd: 40,
  using_groupnorm: false,
  bias: false,
  dropout: 0,
};
const TPA = { ...SHARED, rank: 2, q_rank: 4 };
const TPA_RANK3 = { ...SHARED, head_dim: 18, rank: 3, q_rank: 4 };
const KVONLY = { ...SHARED, rank: 2 };
/** 6 heads on 2 key/value heads. */
const GQA = { ...SHARED, n_head: 6, head_dim: 18, group_size: 3 };
const FACTOR: readonly MechanismBreak[] = ['rank-major', 'rank-scale'];
const PARTIAL: readonly MechanismBreak[] = ['partial', 'partial-frequencies', 'partial-side'];
const DECAY: readonly MechanismBreak[] = ['decay', 'decay-keys', 'decay-frequency'];
const LINEAR: readonly MechanismBreak[] = ['softmax', 'linear-scale', 'linear-mean'];
const NORM: readonly MechanismBreak[] = ['group-norm', 'group-norm-weight'];

/** Decay bases far from 1, so that a few tokens show them; upstream's default is 0.999. */
const PARTIAL_DECAY = { rope_partial_factor: 0.5, rope_decay_base: 0.97 };

/** By name: config.json, breaks that must move the logits, K/V heads of dense forms. */
const MODELS: Readonly<
  Record<string, readonly [config: Json, breaks: readonly MechanismBreak[], kvHeads?: number]>
> = {
  tpa: [TPA, FACTOR],
  'tpa-groupnorm': [
    { ...TPA_RANK3, using_groupnorm: true, attention: 'tpa' },
    [...FACTOR, ...NORM],
  ],
  'tpa-kvonly': [{ ...KVONLY, rope_precision: 'float32' }, FACTOR],
  mha: [{ ...SHARED, head_dim: 18, rope_theta: 500000 }, ['theta'], 5],
  gqa: [{ ...GQA, attention: 'gqa' }, ['grouping'], 2],
  // group_size from the rows of c_k
  'gqa-groupnorm': [{ ...SHARED, n_head: 6, using_groupnorm: true }, ['grouping', ...NORM], 3],
  mqa: [{ ...SHARED, group_size: 5 }, [], 1],
  mla: [
    { ...SHARED, q_lora_rank: 14, kv_lora_rank: 11, qk_rope_head_dim: 10, v_head_dim: 18 },
    ['mla-scale', 'mla-order', 'mla-norm', 'mla-shared-norm'],
  ],
  // ⌊18 · 0.5⌋ = 9, made even: 8
  'tpa-partial': [{ ...TPA_RANK3, rope_partial_factor: 0.5 }, [...FACTOR, ...PARTIAL]],
  // 8 of 24
  'tpa-kvonly-partial': [{ ...KVONLY, rope_partial_factor: 1 / 3 }, [...FACTOR, ...PARTIAL]],
  // ⌊7.2⌋ = 7, made even: 6
  'gqa-partial': [{ ...GQA, rope_partial_factor: 0.4 }, ['grouping', ...PARTIAL], 2],
  'tpa-decay': [{ ...TPA, rope_decay_base: 0.98 }, [...FACTOR, ...DECAY]],
  'tpa-partial-decay': [{ ...TPA_RANK3, ...PARTIAL_DECAY }, [...FACTOR, ...PARTIAL, ...DECAY]],
  'tpa-kvonly-partial-decay': [{ ...KVONLY, ...PARTIAL_DECAY }, [...FACTOR, ...PARTIAL, ...DECAY]],
  'gqa-partial-decay': [
    { ...GQA, ...PARTIAL_DECAY, rope_precision: 'bfloat16' },
    ['grouping', ...PARTIAL, ...DECAY],
    2,
  ],
  'tpa-sigmoid': [{ ...TPA, attention: 'tpa-sigmoid' }, [...FACTOR, 'sigmoid', 'sigmoid-values']],
  'tpa-nonctx-a': [{ ...TPA_RANK3, attention: 'tpa-nonctx-a' }, ['rank-scale']],
  'tpa-nonctx-b': [{ ...TPA, attention: 'tpa-nonctx-b' }, [...FACTOR, 'fixed-rotation']],
  'tpa-shared-b': [{ ...TPA_RANK3, attention: 'tpa-shared-b' }, [...FACTOR, 'shared-rotation']],
  'tpa-nonctx-a-kvonly': [{ ...KVONLY, attention: 'tpa-nonctx-a' }, ['rank-scale']],
  'tpa-nonctx-b-kvonly': [{ ...KVONLY, attention: 'tpa-nonctx-b' }, [...FACTOR, 'fixed-rotation']],
  'tpa-shared-b-kvonly': [{ ...KVONLY, attention: 'tpa-shared-b' }, [...FACTOR, 'shared-rotation']],
  'tpa-sigmoid-kvonly': [
    { ...KVONLY, attention: 'tpa-sigmoid' },
    [...FACTOR, 'sigmoid', 'sigmoid-values'],
  ],
  'tpa-third-order': [
    { ...TPA, attention: 'tpa-third-order', c_dim: 3 },
    [...FACTOR, 'third-order-index', 'third-order-rotation'],
  ],
  // the norm undoes scales
  'linear-tpa': [
    { ...TPA_RANK3, attention: 'linear', using_groupnorm: true },
    ['rank-major', 'softmax', ...NORM],
  ],
  'linear-tpa-partial-decay': [
    { ...TPA, ...PARTIAL_DECAY, attention: 'linear', using_groupnorm: true },
    ['rank-major', 'softmax', ...NORM, ...PARTIAL, ...DECAY],
  ],
  'linear-tpa-kvonly': [{ ...KVONLY, attention: 'linear' }, [...FACTOR, ...LINEAR]],
  'linear-gqa': [{ ...GQA, attention: 'linear' }, ['grouping', ...LINEAR], 2],
};

/** Models in the layout of T6 small enough to compute in milliseconds. */
export const MECHANISM_CONFIGS: readonly MechanismConfigFile[] = Object.entries(MODELS).map(
  ([name, [config, breaks, kvHeads]]) => ({
    name,
    config,
    breaks: [...COMMON_BREAKS, ...breaks],
    ...(kvHeads === undefined ? { form: formOf(config) } : { form: 'dense', kvHeads }),
  }),
);

function formOf(config: Json): 'factors' | 'kvonly' | 'mla' {
  if ('q_lora_rank' in config) return 'mla';
  return 'q_rank' in config ? 'factors' : 'kvonly';
}
