import { ropeFrequencies, roundToBfloat16, type RopePrecision } from './rope-table.ts';
import type { MechanismBreak } from './mechanism-breaks.ts';

/** How queries and keys of a T6-layout model rotate. */
export interface RotationRules {
  theta: number;
  /** What cosines and sines are rounded to. */
  precision: RopePrecision;
  /** Part of the features that rotates. */
  partialFactor: number;
  /** Rotated features are also multiplied by this to the power of their angle. */
  decayBase: number | undefined;
}

const { fround } = Math;

/** ⌊width · factor⌋, made even downwards. */
function rotaryWidth(width: number, partialFactor: number): number {
  return Math.floor(Math.floor(width * partialFactor) / 2) * 2;
}

/**
 * Rotates the first features of every row of x (tokens, rows, width), halves layout within them,
 * y1 = x1·cos + x2·sin, y2 = x2·cos − x1·sin; the others pass.
 *
 * @param isKey for the one break that tells keys from queries
 */
export function rotate(
  x: ArrayLike<number>,
  { rows, width }: { rows: number; width: number },
  rules: RotationRules,
  broken?: MechanismBreak,
  isKey = false,
): Float64Array {
  const round = rules.precision === 'bfloat16' ? roundToBfloat16 : fround;
  const rotary = rotaryWidth(width, broken === 'partial' ? 1 : rules.partialFactor);
  const half = rotary / 2;
  const side = broken === 'partial-side' ? width - rotary : 0;
  const frequencyWidth = broken === 'partial-frequencies' ? width : rotary;
  const frequencies = ropeFrequencies(frequencyWidth, rules.theta);
  const direction = broken === 'rotation-sign' ? -1 : 1;
  const out = Float64Array.from(x);
  for (let t = 0; t * rows * width < x.length; t++) {
    for (let i = 0; i < half; i++) {
      const angle = fround(t * frequencies[i]!);
      const growth = decay(rules.decayBase, broken === 'decay-frequency' ? t : angle);
      const factor =
        broken === 'decay' ? 1 : broken === 'decay-keys' && isKey ? 1 / growth : growth;
      const cos = round(Math.cos(angle));
      const sin = direction * round(Math.sin(angle));
      for (let row = 0; row < rows; row++) {
        const start = (t * rows + row) * width + side;
        const x1 = x[start + i]!;
        const x2 = x[start + half + i]!;
        out[start + i] = factor * (x1 * cos + x2 * sin);
        out[start + half + i] = factor * (x2 * cos - x1 * sin);
      }
    }
  }
  return out;
}

/** base^angle, in float32 whatever cos and sin are rounded to. */
function decay(base: number | undefined, angle: number): number {
  return base === undefined ? 1 : fround(Math.exp(fround(angle * fround(Math.log(base)))));
}
