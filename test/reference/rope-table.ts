/** Precision of the stored cosines and sines; upstream T6 checkpoints were trained with bfloat16. */
export type RopePrecision = 'float32' | 'bfloat16';

/** Cosines and sines, each (positions, rotatedDim / 2). */
export interface RopeTable {
  cos: Float64Array;
  sin: Float64Array;
}

/**
 * RoPE table by the float32 angle rule: angle = fround(t · fround(1 / fround(theta^fround(2i/dim)))).
 *
 * @param positions token positions
 * @param rotatedDim features that rotate, even
 */
export function ropeTable(
  positions: ArrayLike<number>,
  rotatedDim: number,
  precision: RopePrecision,
  theta = 10000,
): RopeTable {
  const half = rotatedDim / 2;
  const round = precision === 'bfloat16' ? roundToBfloat16 : Math.fround;
  const cos = new Float64Array(positions.length * half);
  const sin = new Float64Array(positions.length * half);
  for (let t = 0; t < positions.length; t++) {
    for (let i = 0; i < half; i++) {
      const power = Math.fround(Math.pow(theta, Math.fround((2 * i) / rotatedDim)));
      const frequency = Math.fround(1 / power);
      const angle = Math.fround(Math.fround(positions[t]!) * frequency);
      cos[t * half + i] = round(Math.cos(angle));
      sin[t * half + i] = round(Math.sin(angle));
    }
  }
  return { cos, sin };
}

/** Rounds to float32, then to the nearest bfloat16, ties to even. */
export function roundToBfloat16(value: number): number {
  const float = new Float32Array([value]);
  const bits = new Uint32Array(float.buffer);
  const isUpperOdd = (bits[0]! >>> 16) & 1;
  bits[0] = ((bits[0]! + 0x7fff + isUpperOdd) >>> 16) << 16;
  return float[0]!;
}
