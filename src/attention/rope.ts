/** How far cosines and sines are rounded: upstream T6 trains with bfloat16 tables. */
export type RopePrecision = 'bfloat16' | 'float32';

/** Sign of the rotation: +1 T6, -1 Hugging Face LLaMA. */
export type RopeDirection = 1 | -1;

/** A rotary embedding. */
export interface RopeSpec {
  /** Features of a row that rotate, its first; even. */
  readonly rotaryDim: number;
  readonly theta: number;
  readonly precision: RopePrecision;
  readonly direction: RopeDirection;
  /** Rotated features are times decay^angle; none unless given. */
  readonly decay?: number;
  readonly scaling?: RopeScaling;
}

/** Frequencies divided by `factor`. */
export interface LinearScaling {
  /** The kind. */
  readonly type: 'linear';
  /** How many times longer the context is. */
  readonly factor: number;
}

/** Long waves divided by `factor`, short ones kept, smooth between; Llama 3.1. */
export interface Llama3Scaling {
  /** The kind. */
  readonly type: 'llama3';
  /** What the frequencies of long waves are divided by. */
  readonly factor: number;
  /** Waves longer than originalContext over this are divided. */
  readonly lowFreqFactor: number;
  /** Waves shorter than originalContext over this are kept. */
  readonly highFreqFactor: number;
  /** Positions that the model was trained on before. */
  readonly originalContext: number;
}

/** YaRN: a ramp over the pairs between kept and divided frequencies, tables times `attentionFactor`. */
export interface YarnScaling {
  /** The kind. */
  readonly type: 'yarn';
  /** What divided frequencies are divided by. */
  readonly factor: number;
  /** Positions that the model was trained on before. */
  readonly originalContext: number;
  /** Turns over the original context above which a pair is kept. */
  readonly betaFast: number;
  /** Turns below which it is divided. */
  readonly betaSlow: number;
  /** What cosines and sines are multiplied by. */
  readonly attentionFactor: number;
  /** Whole pairs bound the ramp. */
  readonly isTruncated: boolean;
}

/**
 * LongRoPE: each frequency divided by a factor of its own, tables times `attentionFactor`. Of the two
 * lists of factors that a model has these are the short ones where the context is at most
 * `originalContext`, else the long ones: one list for all that is cached.
 */
export interface LongScaling {
  /** The kind. */
  readonly type: 'longrope';
  /** How many times longer the context is than the original one. */
  readonly factor: number;
  /** Positions that the model was trained on before. */
  readonly originalContext: number;
  /** (rotaryDim / 2) what frequencies are divided by. */
  readonly factors: readonly number[];
  /** What cosines and sines are multiplied by. */
  readonly attentionFactor: number;
}

/** How a model's frequencies were stretched for a longer context. */
export type RopeScaling = LinearScaling | Llama3Scaling | YarnScaling | LongScaling;

const { fround } = Math;

/**
 * Stretches 1 / theta^(2i / rotaryDim), in place, rounding to float32 after each operation where
 * transformers computes on float32 tensors.
 */
export function scaleFrequencies(
  frequencies: Float32Array,
  theta: number,
  scaling: RopeScaling,
): void {
  const scale = frequencyScale(frequencies.length, theta, scaling);
  for (const [i, frequency] of frequencies.entries()) frequencies[i] = scale(frequency, i);
}

/** The new frequency of pair i. */
function frequencyScale(
  pairs: number,
  theta: number,
  scaling: RopeScaling,
): (frequency: number, i: number) => number {
  switch (scaling.type) {
    case 'linear':
      return (frequency) => fround(frequency / scaling.factor);
    case 'llama3':
      return (frequency) => llama3Frequency(frequency, scaling);
    case 'longrope':
      return (frequency, i) => fround(frequency / fround(scaling.factors[i]!));
    case 'yarn': {
      const [low, high] = yarnRange(pairs, theta, scaling);
      const span = fround(low === high ? 0.001 : high - low);
      return (frequency, i) => {
        const ramp = Math.min(1, Math.max(0, fround(fround(i - fround(low)) / span)));
        // transformers' own order: the kept share is 1 - ramp, the divided one 1 - that
        const kept = fround(1 - ramp);
        const divided = fround(frequency / scaling.factor);
        return fround(fround(divided * fround(1 - kept)) + fround(frequency * kept));
      };
    }
  }
}

/** A number divided by a tensor is the number times the tensor's reciprocal there. */
function llama3Frequency(frequency: number, scaling: Llama3Scaling): number {
  const { factor, lowFreqFactor, highFreqFactor, originalContext } = scaling;
  const over = (x: number, y: number) => fround(fround(x) * fround(1 / y));
  const wavelength = over(2 * Math.PI, frequency);
  if (wavelength < fround(originalContext / highFreqFactor)) return frequency;
  if (wavelength > fround(originalContext / lowFreqFactor)) return fround(frequency / factor);
  const smooth = fround(
    fround(over(originalContext, wavelength) - lowFreqFactor) / (highFreqFactor - lowFreqFactor),
  );
  const divided = fround(fround(fround(1 - smooth) * frequency) / factor);
  return fround(divided + fround(smooth * frequency));
}

/**
 * First and last pair of YaRN's ramp. Engines may round Math.log differently; an ulp of it moves a
 * bound by 1e-15, which float32 does not hold, and turns a floor or ceil only where
 * context / (beta · 2 pi) lies within 1e-14 of a whole power, which a multiple of 1 / pi never is.
 */
function yarnRange(pairs: number, theta: number, scaling: YarnScaling): [number, number] {
  const { originalContext, betaFast, betaSlow, isTruncated } = scaling;
  const pairTurning = (turns: number) =>
    (pairs * Math.log(originalContext / (turns * 2 * Math.PI))) / Math.log(theta);
  let [low, high] = [pairTurning(betaFast), pairTurning(betaSlow)];
  if (isTruncated) [low, high] = [Math.floor(low), Math.ceil(high)];
  return [Math.max(low, 0), Math.min(high, 2 * pairs - 1)];
}
