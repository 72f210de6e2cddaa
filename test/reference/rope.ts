import type { RopeTable } from './rope-table.ts';

/**
 * Sign of the rotation. `t6` (upstream): y1 = x1·cos + x2·sin, y2 = −x1·sin + x2·cos.
 * `llama` (Hugging Face): y1 = x1·cos − x2·sin, y2 = x2·cos + x1·sin.
 */
export type RopeConvention = 't6' | 'llama';

/**
 * Rotates every row of x (tokens, rows, headDim), halves layout [x1 | x2].
 *
 * @param table (tokens, headDim / 2), one row per token
 */
export function rope(
  x: ArrayLike<number>,
  table: RopeTable,
  shape: { tokens: number; rows: number; headDim: number },
  convention: RopeConvention = 't6',
): Float64Array {
  const { tokens, rows, headDim } = shape;
  const half = headDim / 2;
  const direction = convention === 't6' ? 1 : -1;
  const out = new Float64Array(tokens * rows * headDim);
  for (let t = 0; t < tokens; t++) {
    for (let row = 0; row < rows; row++) {
      const start = (t * rows + row) * headDim;
      for (let i = 0; i < half; i++) {
        const cos = table.cos[t * half + i]!;
        const sin = direction * table.sin[t * half + i]!;
        const x1 = x[start + i]!;
        const x2 = x[start + half + i]!;
        out[start + i] = x1 * cos + x2 * sin;
        out[start + half + i] = x2 * cos - x1 * sin;
      }
    }
  }
  return out;
}
