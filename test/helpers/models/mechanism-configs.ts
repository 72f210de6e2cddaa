import type { MechanismBreak } from '../../reference/mechanism-breaks.ts';

/** A config.json of a T6-layout model. */
export interface MechanismConfigFile {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** What the tensors are, as their names say it. */
  readonly form: 'factors' | 'kvonly' | 'dense' | 'mla';
  /** Key/value heads of dense forms. */
  readonly kvHeads?: number;
  /** Breaks that must move this model's logits, besides the sign of the rotation. */
  readonly breaks: readonly MechanismBreak[];
}

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
const FACTOR_BREAKS: readonly MechanismBreak[] = ['rank-major', 'rank-scale'];
const PARTIAL_BREAKS: readonly MechanismBreak[] = [
  'partial',
  'partial-frequencies',
  'partial-side',
];
const DECAY_BREAKS: readonly MechanismBreak[] = ['decay', 'decay-keys', 'decay-frequency'];
const LINEAR_BREAKS: readonly MechanismBreak[] = ['softmax', 'linear-scale', 'linear-mean'];
const NORM_BREAKS: readonly MechanismBreak[] = ['group-norm', 'group-norm-weight'];

/** Decay bases far from 1, so that a few tokens show them; upstream's default is 0.999. */
const PARTIAL_DECAY = { rope_partial_factor: 0.5, rope_decay_base: 0.97 };

/** Models in the layout of T6 small enough to compute in milliseconds. */
export const MECHANISM_CONFIGS: readonly MechanismConfigFile[] = [
  {
    name: 'tpa',
    config: TPA,
    form: 'factors',
    breaks: ['rope-precision', ...FACTOR_BREAKS],
  },
  {
    name: 'tpa-groupnorm',
    config: { ...TPA_RANK3, using_groupnorm: true, attention: 'tpa' },
    form: 'factors',
    breaks: ['rope-precision', ...FACTOR_BREAKS, ...NORM_BREAKS],
  },
  {
    name: 'tpa-kvonly',
    config: { ...KVONLY, rope_precision: 'float32' },
    form: 'kvonly',
    breaks: ['rope-precision', ...FACTOR_BREAKS],
  },
  {
    name: 'mha',
    config: { ...SHARED, head_dim: 18, rope_theta: 500000 },
    form: 'dense',
    kvHeads: 5,
    breaks: ['rope-precision', 'theta'],
  },
  {
    name: 'gqa',
    config: { ...GQA, attention: 'gqa' },
    form: 'dense',
    kvHeads: 2,
    breaks: ['rope-precision', 'grouping'],
  },
  {
    name: 'gqa-groupnorm', // group_size from the rows of c_k
    config: { ...SHARED, n_head: 6, using_groupnorm: true },
    form: 'dense',
    kvHeads: 3,
    breaks: ['rope-precision', 'grouping', ...NORM_BREAKS],
  },
  {
    name: 'mqa',
    config: { ...SHARED, group_size: 5 },
    form: 'dense',
    kvHeads: 1,
    breaks: ['rope-precision'],
  },
  {
    name: 'mla',
    config: {
      ...SHARED,
      q_lora_rank: 14,
      kv_lora_rank: 11,
      qk_rope_head_dim: 10,
      v_head_dim: 18,
    },
    form: 'mla',
    breaks: ['rope-precision', 'mla-scale', 'mla-order', 'mla-norm', 'mla-shared-norm'],
  },
  {
    name: 'tpa-partial', // ⌊18 · 0.5⌋ = 9, made even: 8
    config: { ...TPA_RANK3, rope_partial_factor: 0.5 },
    form: 'factors',
    breaks: ['rope-precision', ...FACTOR_BREAKS, ...PARTIAL_BREAKS],
  },
  {
    name: 'tpa-kvonly-partial', // 8 of 24
    config: { ...KVONLY, rope_partial_factor: 1 / 3 },
    form: 'kvonly',
    breaks: ['rope-precision', ...FACTOR_BREAKS, ...PARTIAL_BREAKS],
  },
  {
    name: 'gqa-partial', // ⌊7.2⌋ = 7, made even: 6
    config: { ...GQA, rope_partial_factor: 0.4 },
    form: 'dense',
    kvHeads: 2,
    breaks: ['rope-precision', 'grouping', ...PARTIAL_BREAKS],
  },
  {
    name: 'tpa-decay',
    config: { ...TPA, rope_decay_base: 0.98 },
    form: 'factors',
    breaks: ['rope-precision', ...FACTOR_BREAKS, ...DECAY_BREAKS],
  },
  {
    name: 'tpa-partial-decay',
    config: { ...TPA_RANK3, ...PARTIAL_DECAY },
    form: 'factors',
    breaks: ['rope-precision', ...FACTOR_BREAKS, ...PARTIAL_BREAKS, ...DECAY_BREAKS],
  },
  {
    name: 'tpa-kvonly-partial-decay',
    config: { ...KVONLY, ...PARTIAL_DECAY },
    form: 'kvonly',
    breaks: ['rope-precision', ...FACTOR_BREAKS, ...PARTIAL_BREAKS, ...DECAY_BREAKS],
  },
  {
    name: 'gqa-partial-decay',
    config: { ...GQA, ...PARTIAL_DECAY, rope_precision: 'bfloat16' },
    form: 'dense',
    kvHeads: 2,
    breaks: ['rope-precision', 'grouping', ...PARTIAL_BREAKS, ...DECAY_BREAKS],
  },
  {
    name: 'tpa-sigmoid',
    config: { ...TPA, attention: 'tpa-sigmoid' },
    form: 'factors',
    breaks: ['rope-precision', ...FACTOR_BREAKS, 'sigmoid', 'sigmoid-values'],
  },
  {
    name: 'tpa-nonctx-a',
    config: { ...TPA_RANK3, attention: 'tpa-nonctx-a' },
    form: 'factors',
    breaks: ['rope-precision', 'rank-scale'],
  },
  {
    name: 'tpa-nonctx-b',
    config: { ...TPA, attention: 'tpa-nonctx-b' },
    form: 'factors',
    breaks: ['rope-precision', ...FACTOR_BREAKS, 'fixed-rotation'],
  },
  {
    name: 'tpa-shared-b',
    config: { ...TPA_RANK3, attention: 'tpa-shared-b' },
    form: 'factors',
    breaks: ['rope-precision', ...FACTOR_BREAKS, 'shared-rotation'],
  },
  {
    name: 'tpa-nonctx-a-kvonly',
    config: { ...KVONLY, attention: 'tpa-nonctx-a' },
    form: 'kvonly',
    breaks: ['rope-precision', 'rank-scale'],
  },
  {
    name: 'tpa-nonctx-b-kvonly',
    config: { ...KVONLY, attention: 'tpa-nonctx-b' },
    form: 'kvonly',
    breaks: ['rope-precision', ...FACTOR_BREAKS, 'fixed-rotation'],
  },
  {
    name: 'tpa-shared-b-kvonly',
    config: { ...KVONLY, attention: 'tpa-shared-b' },
    form: 'kvonly',
    breaks: ['rope-precision', ...FACTOR_BREAKS, 'shared-rotation'],
  },
  {
    name: 'tpa-sigmoid-kvonly',
    config: { ...KVONLY, attention: 'tpa-sigmoid' },
    form: 'kvonly',
    breaks: ['rope-precision', ...FACTOR_BREAKS, 'sigmoid', 'sigmoid-values'],
  },
  {
    name: 'tpa-third-order',
    config: { ...TPA, attention: 'tpa-third-order', c_dim: 3 },
    form: 'factors',
    breaks: ['rope-precision', ...FACTOR_BREAKS, 'third-order-index', 'third-order-rotation'],
  },
  {
    name: 'linear-tpa',
    config: { ...TPA_RANK3, attention: 'linear', using_groupnorm: true },
    form: 'factors',
    breaks: ['rope-precision', 'rank-major', 'softmax', ...NORM_BREAKS], // the norm undoes scales
  },
  {
    name: 'linear-tpa-partial-decay',
    config: { ...TPA, ...PARTIAL_DECAY, attention: 'linear', using_groupnorm: true },
    form: 'factors',
    breaks: [
      'rope-precision',
      'rank-major',
      'softmax',
      ...NORM_BREAKS,
      ...PARTIAL_BREAKS,
      ...DECAY_BREAKS,
    ],
  },
  {
    name: 'linear-tpa-kvonly',
    config: { ...KVONLY, attention: 'linear' },
    form: 'kvonly',
    breaks: ['rope-precision', ...FACTOR_BREAKS, ...LINEAR_BREAKS],
  },
  {
    name: 'linear-gqa',
    config: { ...GQA, attention: 'linear' },
    form: 'dense',
    kvHeads: 2,
    breaks: ['rope-precision', 'grouping', ...LINEAR_BREAKS],
  },
];
