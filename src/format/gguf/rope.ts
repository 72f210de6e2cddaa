import { LONG_FACTORS, SHORT_FACTORS } from './names.ts';
import { printable } from '../../base/errors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../errors.ts';
import { type GgufMetadata, shortest } from './metadata.ts';
import type { JsonObject } from '../files/json.ts';
import type { Llama3Scaling } from '../../attention/rope.ts';

/** The tables of LongRoPE, (headDim / 2) each, where the file has them. */
export interface LongFactors {
  readonly short: Float32Array | undefined;
  readonly long: Float32Array | undefined;
}

/** LLaMA 3.1 divides long wavelengths by 8, LLaMA 3.2 by 32; the rest is the same in both. */
const LLAMA3_FACTORS: readonly number[] = [8, 32];
const LLAMA3 = {
  rope_type: 'llama3',
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
} as const;
const PUBLISHED = {
  type: 'llama3',
  lowFreqFactor: LLAMA3.low_freq_factor,
  highFreqFactor: LLAMA3.high_freq_factor,
  originalContext: LLAMA3.original_max_position_embeddings,
} as const;
/** Converters compute in float32, this in float64: measured apart by less than 1e-6. */
const TOLERANCE = 1e-4;
const MAX_CONTEXT = 2 ** 31;
const MAX_FACTOR = 65_536;
/**
 * llama.cpp multiplies YaRN's own 0.1 ln(factor) + 1 by these, where `attention_factor` of
 * config.json takes its place; 1 changes nothing in the first three, 0 in the last.
 */
const YARN_NEUTRAL: readonly (readonly [name: string, neutral: number])[] = [
  ['attn_factor', 1],
  ['yarn_attn_factor', 1],
  ['yarn_ext_factor', 1],
  ['yarn_log_multiplier', 0],
];

/**
 * `rope_scaling` of config.json from the metadata; undefined where nothing is scaled.
 *
 * @param factors the tables of LongRoPE
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED` for a scaling that is not converted
 */
export function readRopeScaling(
  metadata: GgufMetadata,
  architecture: string,
  factors: LongFactors,
): JsonObject | undefined {
  const key = (name: string) => `${architecture}.rope.scaling.${name}`;
  const type = metadata.text(key('type')) ?? 'none';
  if (type === 'longrope') return readLong(metadata, key, factors);
  if (factors.short || factors.long) {
    throw invalidCheckpoint(`"${key('type')}"`, 'longrope beside tables of its factors', 'another');
  }
  if (type === 'none') return undefined;
  const factor = metadata.number(key('factor'), 1, MAX_FACTOR);
  if (factor === undefined) throw invalidCheckpoint(`"${key('factor')}"`, 'a number', 'nothing');
  if (type === 'linear') return { rope_type: 'linear', factor };
  if (type !== 'yarn') {
    const found = `"${printable(type)}"`;
    throw unsupportedCheckpoint(`"${key('type')}"`, 'none, linear, yarn or longrope', found);
  }
  for (const [name, neutral] of YARN_NEUTRAL) {
    const value = metadata.number(key(name), 0, MAX_FACTOR) ?? neutral;
    if (value === neutral) continue;
    throw unsupportedCheckpoint(`"${key(name)}"`, String(neutral), String(value));
  }
  const original = metadata.integer(key('original_context_length'), 1, MAX_CONTEXT);
  const betaFast = metadata.number(key('yarn_beta_fast'), 0, MAX_FACTOR);
  const betaSlow = metadata.number(key('yarn_beta_slow'), 0, MAX_FACTOR);
  return {
    rope_type: 'yarn',
    factor,
    ...(original !== undefined && { original_max_position_embeddings: original }),
    ...(betaFast !== undefined && { beta_fast: betaFast }),
    ...(betaSlow !== undefined && { beta_slow: betaSlow }),
  };
}

/** llama.cpp multiplies by 1 where the file has no factor of attention, and implies none. */
function readLong(
  metadata: GgufMetadata,
  key: (name: string) => string,
  { short, long }: LongFactors,
): JsonObject {
  if (!short || !long) {
    const missing = short ? LONG_FACTORS : SHORT_FACTORS;
    throw invalidCheckpoint(`tensor "${missing}"`, 'in the file', 'none');
  }
  const original = metadata.integer(key('original_context_length'), 1, MAX_CONTEXT);
  const attention = metadata.number(key('attn_factor'), 0, MAX_FACTOR) ?? 1;
  return {
    rope_type: 'longrope',
    short_factor: Array.from(short, shortest),
    long_factor: Array.from(long, shortest),
    ...(original !== undefined && { original_max_position_embeddings: original }),
    attention_factor: shortest(attention),
  };
}

/**
 * The scaling of LLaMA 3 whose divisors of the angles these are (headDim / 2 values), undefined for
 * one that leaves them.
 *
 * @throws TpaError `MODEL_UNSUPPORTED` where they are of another
 */
export function recogniseLlama3(
  divisors: Float32Array,
  headDim: number,
  ropeTheta: number,
): JsonObject | undefined {
  // The longest wavelength is divided by the whole factor, but where it lies in the passage.
  const factor = [shortest(divisors.at(-1)!), ...LLAMA3_FACTORS].find((candidate) => {
    const expected = llama3Divisors({ ...PUBLISHED, factor: candidate }, headDim, ropeTheta);
    return expected.every((value, i) => Math.abs(divisors[i]! - value) <= TOLERANCE * value);
  });
  if (factor === 1) return undefined;
  if (factor !== undefined && factor > 1) return { ...LLAMA3, factor };
  throw unsupportedCheckpoint('tensor "rope_freqs.weight"', 'the divisors of LLaMA 3', 'others');
}

/**
 * What LLaMA 3 divides the frequencies by (headDim / 2 values): 1 for short wavelengths, `factor` for
 * long ones, a smooth passage between.
 */
export function llama3Divisors(
  { factor, lowFreqFactor: low, highFreqFactor: high, originalContext: original }: Llama3Scaling,
  headDim: number,
  ropeTheta: number,
): number[] {
  return Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * ropeTheta ** ((2 * i) / headDim);
    if (wavelength < original / high) return 1;
    if (wavelength > original / low) return factor;
    const share = (original / wavelength - low) / (high - low);
    return 1 / ((1 - share) / factor + share);
  });
}
