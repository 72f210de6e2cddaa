/** Precision of the stored cosines and sines; upstream T6 checkpoints were trained with bfloat16. */
export type RopePrecision = 'float32' | 'bfloat16';

/** Cosines and sines, each (positions, rotatedDim / 2). */
export interface RopeTable {
  cos: Float64Array;
  sin: Float64Array;
}

/** Angles per token of every pair of a row: theta^(−2i/width), each step rounded to float32. */
export function ropeFrequencies(width: number, theta: number): Float32Array {
  return Float32Array.from(
    { length: width / 2 },
    (_, i) => 1 / Math.fround(theta ** Math.fround((2 * i) / width)),
  );
}

/**
 * RoPE table by the float32 angle rule: angle = fround(t · frequency).
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
  const round = precision === 'bfloat16' ? roundToBfloat16 : Math.fround;
  const angles = ropeAngles(positions, ropeFrequencies(rotatedDim, theta));
  return {
    cos: angles.map((angle) => round(Math.cos(angle))),
    sin: angles.map((angle) => round(Math.sin(angle))),
  };
}

/** Float32 angles (positions, pairs). */
export function ropeAngles(positions: ArrayLike<number>, frequencies: Float32Array): Float64Array {
  const pairs = frequencies.length;
  return Float64Array.from({ length: positions.length * pairs }, (_, index) =>
    Math.fround(positions[Math.floor(index / pairs)]! * frequencies[index % pairs]!),
  );
}

/** Rounds to float32, then to the nearest bfloat16, ties to even. */
export function roundToBfloat16(value: number): number {
  const float = new Float32Array([value]);
  const bits = new Uint32Array(float.buffer);
  const isUpperOdd = (bits[0]! >>> 16) & 1;
  bits[0] = ((bits[0]! + 0x7fff + isUpperOdd) >>> 16) << 16;
  return float[0]!;
}
