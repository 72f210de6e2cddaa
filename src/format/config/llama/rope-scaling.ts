import { LIMITS, SMALLEST } from '../limits.ts';
import type { Fields } from '../fields.ts';
import type { RopeScaling } from '../../../attention/rope.ts';

/** Sizes that a scaling depends on. */
export interface RopeSizes {
  /** Tokens of context that the model has. */
  readonly ownContext: number;
  /** Tokens that a session will hold at most, no more than that. */
  readonly contextLength: number;
  /** Features that rotate. */
  readonly rotaryDim: number;
}

const SMALLEST_FACTOR = 1 / LIMITS.ropeKnob;
const ORIGINAL = 'original_max_position_embeddings';
const TYPES = ['default', 'linear', 'dynamic', 'llama3', 'longrope', 'yarn'] as const;
const KNOWN = TYPES.join(', ');

/**
 * Reads an object of `rope_scaling` or `rope_parameters`; undefined where frequencies stay as they
 * are.
 *
 * @param fields of the file, which has the original context of some models
 * @param untyped what an object without a type is; undefined where it must have one
 * @throws TpaError `CONFIG_INVALID`; `MODEL_UNSUPPORTED` naming a scaling that is not computed
 */
export function readScaling(
  fields: Fields,
  inner: Fields,
  sizes: RopeSizes,
  untyped: string | undefined,
): RopeScaling | undefined {
  inner.neutral('partial_rotary_factor', 1);
  // By layer type, by image axis: rotations that differ from layer to layer or token to token.
  for (const key of ['full_attention', 'sliding_attention', 'mrope_section']) inner.off(key);
  const type = readType(inner, untyped);
  switch (type) {
    case 'default':
      return undefined;
    case 'dynamic':
      // The base grows with a sequence from the model's own context on, where sessions end.
      inner.number('factor', 1, LIMITS.ropeFactor, 1);
      inner.off('alpha');
      return undefined;
    case 'linear':
      return { type, factor: inner.number('factor', 1, LIMITS.ropeFactor) };
    case 'llama3':
      return readLlama3(inner, inner.number('factor', 1, LIMITS.ropeFactor));
    case 'yarn':
      return readYarn(inner, inner.number('factor', 1, LIMITS.ropeFactor), sizes.ownContext);
    case 'longrope':
      return readLong(fields, inner, sizes);
  }
}

/** Old files say `type`, new ones `rope_type`, and some say both. */
function readType(fields: Fields, untyped: string | undefined): (typeof TYPES)[number] {
  const names = ['rope_type', 'type'].map((key) => {
    const value = fields.get(key);
    // What LongRoPE was called first.
    if (value === 'su') return 'longrope';
    if (value === undefined || typeof value === 'string') return value;
    throw fields.invalid(key, `one of ${KNOWN}`, value);
  });
  const stated = names.filter((name) => name !== undefined);
  // Qwen2-VL says "default" and "mrope": the one that is not the default is meant.
  const meant = stated.find((name) => name !== 'default') ?? stated[0] ?? untyped;
  if (meant === undefined) throw fields.invalid('rope_type', `one of ${KNOWN}`, undefined);
  const type = TYPES.find((known) => known === meant);
  if (type === undefined) throw fields.unsupported('rope_type', KNOWN, meant);
  const other = stated.find((name) => name !== 'default' && name !== type);
  if (other !== undefined) throw fields.unsupported('type', type, other);
  return type;
}

function readLlama3(fields: Fields, factor: number): RopeScaling {
  const lowFreqFactor = readKnob(fields, 'low_freq_factor');
  const highFreqFactor = readKnob(fields, 'high_freq_factor');
  if (highFreqFactor <= lowFreqFactor) {
    throw fields.invalid('high_freq_factor', 'more than low_freq_factor', highFreqFactor);
  }
  const originalContext = fields.integer(ORIGINAL, 1, LIMITS.context);
  return { type: 'llama3', factor, lowFreqFactor, highFreqFactor, originalContext };
}

function readYarn(fields: Fields, factor: number, contextLength: number): RopeScaling {
  const originalContext = fields.integer(ORIGINAL, 1, LIMITS.context, contextLength);
  const betaFast = readKnob(fields, 'beta_fast', 32);
  const betaSlow = readKnob(fields, 'beta_slow', 1);
  if (betaFast <= betaSlow) throw fields.invalid('beta_fast', 'more than beta_slow', betaFast);
  const mscale = fields.number('mscale', 0, LIMITS.ropeKnob, 0);
  const mscaleAllDim = fields.number('mscale_all_dim', 0, LIMITS.ropeKnob, 0);
  // Transformers takes the two only together; 0 is as good as not set.
  const implied =
    mscale > 0 && mscaleAllDim > 0
      ? magnitude(factor, mscale) / magnitude(factor, mscaleAllDim)
      : magnitude(factor, 1);
  return {
    type: 'yarn',
    factor,
    originalContext,
    betaFast,
    betaSlow,
    attentionFactor: fields.number('attention_factor', SMALLEST, LIMITS.ropeKnob, implied),
    isTruncated: fields.boolean('truncate', true),
  };
}

function readKnob(fields: Fields, key: string, fallback?: number): number {
  return fields.number(key, SMALLEST_FACTOR, LIMITS.ropeKnob, fallback);
}

/** YaRN (arXiv 2309.00071, section 3.4): 0.1 ln(factor) + 1; 1 where the context is not stretched. */
function magnitude(factor: number, scale: number): number {
  return 0.1 * scale * Math.log(factor) + 1;
}

/**
 * LongRoPE (arXiv 2402.13753). Transformers takes the long factors from the first sequence on that is
 * longer than the original context, and computes its cache anew; here the context that a session can
 * reach decides, once, so that all that is cached is rotated alike.
 */
function readLong(
  fields: Fields,
  inner: Fields,
  { ownContext, contextLength, rotaryDim }: RopeSizes,
): RopeScaling {
  // From 2 on: its logarithm is divided by.
  const outer = fields.integer(ORIGINAL, 2, LIMITS.context, ownContext);
  const originalContext = inner.integer(ORIGINAL, 2, LIMITS.context, outer);
  if (originalContext !== outer && fields.get(ORIGINAL) !== undefined) {
    throw fields.invalid(ORIGINAL, `the ${originalContext} of the object for RoPE`, outer);
  }
  const factor = inner.number(
    'factor',
    1,
    LIMITS.ropeFactor,
    Math.max(1, ownContext / originalContext),
  );
  // Factors of cosines and sines that only mixtures of experts of this kind have.
  for (const scale of ['short_mscale', 'long_mscale']) inner.off(scale);
  const [short, long] = ['short_factor', 'long_factor'].map((name) =>
    readFactors(inner, name, rotaryDim / 2),
  );
  const implied = factor === 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalContext));
  return {
    type: 'longrope',
    factor,
    originalContext,
    factors: contextLength <= originalContext ? short! : long!,
    attentionFactor: inner.number('attention_factor', SMALLEST, LIMITS.ropeKnob, implied),
  };
}

function readFactors(fields: Fields, key: string, pairs: number): readonly number[] {
  const value = fields.get(key);
  if (!Array.isArray(value) || value.length !== pairs) {
    throw fields.invalid(key, `an array of ${pairs} numbers`, value);
  }
  return Array.from(value, (one: unknown) => {
    if (typeof one === 'number' && one >= SMALLEST_FACTOR && one <= LIMITS.ropeFactor) return one;
    throw fields.invalid(key, `numbers in ${SMALLEST_FACTOR}..${LIMITS.ropeFactor}`, one);
  });
}
