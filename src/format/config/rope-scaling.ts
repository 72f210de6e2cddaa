import { LIMITS, SMALLEST } from './limits.ts';
import { printable } from '../../base/printable.ts';
import type { Fields } from './fields.ts';
import type { ModelConfig } from './model-config.ts';
import type { RopeScaling } from '../../attention/rope.ts';

type RopeConfig = Pick<ModelConfig, 'ropeTheta' | 'ropeScaling'>;

const DEFAULT_THETA = 10_000;
const KNOWN = 'default, linear, llama3 or yarn';

/**
 * Reads `rope_theta` and `rope_scaling`, or the `rope_parameters` that newer exports put both in.
 *
 * @throws TpaError `CONFIG_INVALID`; `MODEL_UNSUPPORTED` naming a scaling that is not computed
 */
export function readRope(fields: Fields, contextLength: number): RopeConfig {
  fields.neutral('partial_rotary_factor', 1);
  const parameters = fields.object('rope_parameters');
  const scaling = fields.object('rope_scaling');
  if (parameters && scaling) {
    throw fields.invalid('rope_scaling', 'null beside "rope_parameters"', {});
  }
  const inner = parameters ?? scaling;
  const ropeTheta = readTheta(fields, inner);
  if (inner === undefined) return { ropeTheta };
  inner.neutral('partial_rotary_factor', 1);
  // By layer type, by image axis: rotations that differ from layer to layer or token to token.
  for (const key of ['full_attention', 'sliding_attention', 'mrope_section']) inner.neutral(key);
  const ropeScaling = readScaling(inner, contextLength, parameters ? 'default' : undefined);
  if (ropeScaling === undefined) return { ropeTheta };
  if (ropeScaling.type === 'yarn' && ropeTheta === 1) {
    // The ramp is found by a logarithm to this base.
    throw fields.invalid('rope_theta', 'a number above 1 with yarn', ropeTheta);
  }
  return { ropeTheta, ropeScaling };
}

function readTheta(fields: Fields, inner: Fields | undefined): number {
  const outerTheta = fields.number('rope_theta', 1, LIMITS.ropeTheta, DEFAULT_THETA);
  const theta = inner?.number('rope_theta', 1, LIMITS.ropeTheta, outerTheta) ?? outerTheta;
  if (theta !== outerTheta && fields.get('rope_theta') !== undefined) {
    throw fields.invalid('rope_theta', `the ${theta} of the object for RoPE`, outerTheta);
  }
  return theta;
}

function readScaling(
  fields: Fields,
  contextLength: number,
  fallback: string | undefined,
): RopeScaling | undefined {
  const type = readType(fields, fallback);
  if (type === 'default') return undefined;
  if (type !== 'linear' && type !== 'llama3' && type !== 'yarn') {
    throw fields.unsupported('rope_type', KNOWN, type);
  }
  const factor = fields.number('factor', 1, LIMITS.ropeFactor);
  switch (type) {
    case 'linear':
      return { type, factor };
    case 'llama3':
      return readLlama3(fields, factor);
    case 'yarn':
      return readYarn(fields, factor, contextLength);
  }
}

/** Old files say `type`, new ones `rope_type`, and some say both. */
function readType(fields: Fields, fallback: string | undefined): string {
  const types = ['rope_type', 'type'].map((key) => {
    const value = fields.get(key);
    if (value === undefined || typeof value === 'string') return value;
    throw fields.invalid(key, `one of ${KNOWN}`, value);
  });
  const stated = types.filter((type) => type !== undefined);
  // Qwen2-VL says "default" and "mrope": the one that is not the default is meant.
  const type = stated.find((name) => name !== 'default') ?? stated[0] ?? fallback;
  if (type === undefined) throw fields.invalid('rope_type', `one of ${KNOWN}`, undefined);
  const other = stated.find((name) => name !== 'default' && name !== type);
  if (other !== undefined) throw fields.unsupported('type', printable(type), other);
  return type;
}

function readLlama3(fields: Fields, factor: number): RopeScaling {
  const lowFreqFactor = fields.number('low_freq_factor', 1 / LIMITS.ropeKnob, LIMITS.ropeKnob);
  const highFreqFactor = fields.number('high_freq_factor', 1 / LIMITS.ropeKnob, LIMITS.ropeKnob);
  if (highFreqFactor <= lowFreqFactor) {
    throw fields.invalid('high_freq_factor', 'more than low_freq_factor', highFreqFactor);
  }
  const originalContext = fields.integer('original_max_position_embeddings', 1, LIMITS.context);
  return { type: 'llama3', factor, lowFreqFactor, highFreqFactor, originalContext };
}

function readYarn(fields: Fields, factor: number, contextLength: number): RopeScaling {
  const originalContext = fields.integer(
    'original_max_position_embeddings',
    1,
    LIMITS.context,
    contextLength,
  );
  const betaFast = fields.number('beta_fast', 1 / LIMITS.ropeKnob, LIMITS.ropeKnob, 32);
  const betaSlow = fields.number('beta_slow', 1 / LIMITS.ropeKnob, LIMITS.ropeKnob, 1);
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

/** YaRN (arXiv 2309.00071, section 3.4): 0.1 ln(factor) + 1; 1 where the context is not stretched. */
function magnitude(factor: number, scale: number): number {
  return 0.1 * scale * Math.log(factor) + 1;
}
