import { TpaError } from '../../../base/errors.ts';
import { LIMITS, SMALLEST } from '../limits.ts';
import { ATTENTION_NAMES, chooseMechanism, denseMechanisms, tellAttention } from './mechanism.ts';
import { readHeadDim, readKvHeads, readLatentSizes } from './t6-heads.ts';
import type { Fields } from '../fields.ts';
import type { AttentionTensors } from './mechanism.ts';
import type { ModelConfig } from '../model-config.ts';
import type { TensorEntry } from '../../tensors/safetensors.ts';

/** eps of the norms upstream: that of float32. */
const NORM_EPS = 1.1920929e-7;
const DEFAULT_CONTEXT = 1024;
const DEFAULT_ROPE_THETA = 10_000;

type Sizes = Pick<ModelConfig, 'layers' | 'heads' | 'headDim' | 'dim' | 'vocabSize'>;
type Kinds<T> = Readonly<Partial<Record<AttentionTensors['kind'], T>>>;

/** What A and B factors are where they are not contextual. */
const HEAD_FACTORS: Kinds<ModelConfig['headFactors']> = {
  'tpa-nonctx-a': 'fixed',
  dense: 'groups',
  mla: 'groups',
};
const FEATURE_FACTORS: Kinds<ModelConfig['featureFactors']> = {
  'tpa-nonctx-b': 'fixed',
  'tpa-shared-b': 'shared',
  'tpa-third-order': 'outer',
  mla: 'latent',
};

/**
 * Checks the keys of the upstream layout: T6, its variants and its MHA, MQA, GQA and MLA baselines.
 *
 * @throws TpaError `CONFIG_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH`
 */
export function readT6Config(
  fields: Fields,
  tensors: ReadonlyMap<string, TensorEntry>,
  maxContext = Infinity,
): ModelConfig {
  fields.off('bias');
  fields.neutral('tie_word_embeddings', true);
  fields.off('rope_scaling');
  const attention = fields.oneOf('attention', ATTENTION_NAMES);
  const found = tellAttention(tensors);
  const sizes = readSizes(fields, tensors, found);
  const factors = readFactors(fields, tensors, sizes, found, attention);
  const usesGroupNorm = fields.boolean('using_groupnorm');
  if (usesGroupNorm && found.kind === 'mla') {
    // Upstream gives its weight head_dim + qk_rope_head_dim numbers, the values have v_head_dim.
    throw fields.unsupported('using_groupnorm', 'false with mla', usesGroupNorm);
  }
  const ropeDecay = fields.number('rope_decay_base', SMALLEST, 1, 1);
  return {
    layout: 't6',
    ...sizes,
    ...factors,
    hiddenDim: Math.floor((8 * sizes.dim) / 3),
    isLinear: factors.mechanism === 'linear',
    usesSigmoid: factors.mechanism === 'tpa-sigmoid',
    contextLength: Math.min(
      fields.integer('block_size', 1, LIMITS.context, DEFAULT_CONTEXT),
      maxContext,
    ),
    ropeTheta: fields.number('rope_theta', 1, LIMITS.ropeTheta, DEFAULT_ROPE_THETA),
    // Upstream rounds its tables to bfloat16, but not in the variant with decay.
    ropePrecision:
      fields.oneOf('rope_precision', ['bfloat16', 'float32']) ??
      (ropeDecay === 1 ? 'bfloat16' : 'float32'),
    ropeDirection: 1,
    rotaryDim: readRotaryDim(fields, found, sizes, factors),
    ropeDecay,
    normEps: NORM_EPS,
    hasNormWeights: false,
    usesGroupNorm,
    usesQueryKeyNorm: false,
    hasQkvBias: false,
    hasOutputBias: false,
    hasMlpBias: false,
    isTied: true,
    eosTokenIds: fields.tokenIds('eos_token_id', sizes.vocabSize, LIMITS.eosIds),
    ignoredKeys: fields.ignored(),
  };
}

function readSizes(
  fields: Fields,
  tensors: ReadonlyMap<string, TensorEntry>,
  { kind }: AttentionTensors,
): Sizes {
  const heads = fields.integer('n_head', 1, LIMITS.heads);
  const dim = fields.integer('n_embd', 1, LIMITS.dim);
  const headDim =
    kind === 'dense'
      ? readHeadDim(fields, tensors, { heads, dim })
      : fields.integer('head_dim', 2, LIMITS.headDim);
  // RoPE pairs the halves of a head.
  if (headDim % 2 !== 0) throw fields.invalid('head_dim', 'an even integer', headDim);
  return {
    layers: fields.integer('n_layer', 1, LIMITS.layers),
    heads,
    headDim,
    dim,
    vocabSize: fields.integer('vocab_size', 1, LIMITS.vocab),
  };
}

function readFactors(
  fields: Fields,
  tensors: ReadonlyMap<string, TensorEntry>,
  sizes: Sizes,
  { kind, hasQueryFactors }: AttentionTensors,
  attention: string | undefined,
) {
  const { heads, headDim } = sizes;
  const headFactors = HEAD_FACTORS[kind] ?? 'contextual';
  const featureFactors = FEATURE_FACTORS[kind] ?? 'contextual';
  const plain = { kvHeads: heads, headFactors, featureFactors, outerDim: 1 };
  if (kind === 'dense') {
    const kvHeads = readKvHeads(fields, tensors, sizes);
    const mechanism = chooseMechanism(attention, denseMechanisms(heads, kvHeads));
    return { ...plain, mechanism, kvHeads, rankQ: 0, rankK: kvHeads, rankV: kvHeads };
  }
  if (kind === 'mla') {
    const mechanism = chooseMechanism(attention, [kind]);
    const latent = readLatentSizes(fields, tensors, sizes);
    return { ...plain, mechanism, rankQ: 0, rankK: 1, rankV: 1, latent };
  }
  const isPlain = kind === 'tpa' || kind === 'tpa-kvonly';
  const mechanism = chooseMechanism(attention, isPlain ? [kind, 'tpa-sigmoid', 'linear'] : [kind]);
  const rank = fields.integer('rank', 1, headDim);
  const rankQ = hasQueryFactors ? fields.integer('q_rank', 1, headDim) : 0;
  const outerDim = kind === 'tpa-third-order' ? readOuterDim(fields, headDim) : 1;
  // The features of a whole query would rotate with b, spread over the row by c.
  if (kind === 'tpa-third-order' && rankQ === 0) throw unsupportedQuery();
  return { ...plain, mechanism, rankQ, rankK: rank, rankV: rank, outerDim };
}

function unsupportedQuery(): TpaError {
  const message = 'model expected factors of the query with tpa-third-order, found a full query';
  return new TpaError('MODEL_UNSUPPORTED', message, { data: { found: 'c_q' } });
}

function readOuterDim(fields: Fields, headDim: number): number {
  const outerDim = fields.integer('c_dim', 1, headDim);
  // RoPE pairs the halves of b, which has the other head_dim / c_dim features.
  if (headDim % (2 * outerDim) === 0) return outerDim;
  throw fields.invalid('c_dim', 'a divisor of half the head_dim', outerDim);
}

/** Width of the RoPE tables: of a head's first features, of MLA's own, of b in b ⊗ c. */
function readRotaryDim(
  fields: Fields,
  { kind }: AttentionTensors,
  { headDim }: Sizes,
  { latent, outerDim }: Pick<ModelConfig, 'latent' | 'outerDim'>,
): number {
  if (latent !== undefined || kind === 'tpa-third-order') {
    fields.neutral('rope_partial_factor', 1);
    return latent?.ropeDim ?? headDim / outerDim;
  }
  const factor = fields.number('rope_partial_factor', SMALLEST, 1, 1);
  const rotaryDim = 2 * Math.floor(Math.floor(headDim * factor) / 2);
  if (rotaryDim >= 2) return rotaryDim;
  throw fields.invalid('rope_partial_factor', 'at least 2 / head_dim', factor);
}
