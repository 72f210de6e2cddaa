/** Panels of 16 columns, (ceil(columns / 16), k, 16), of w (columns, k); columns beyond are zero. */
export function pack(w: ArrayLike<number>, columns: number, k: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(Math.ceil(columns / 16) * 16 * k);
  for (let column = 0; column < columns; column++) {
    for (let i = 0; i < k; i++) {
      out[(Math.floor(column / 16) * k + i) * 16 + (column % 16)] = w[column * k + i]!;
    }
  }
  return out;
}
