/** Columns of a panel. */
export const PANEL = 48;

/** Panels (ceil(columns / 48), k, 48) of w (columns, k); columns beyond are zero. */
export function pack(w: ArrayLike<number>, columns: number, k: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(Math.ceil(columns / PANEL) * PANEL * k);
  for (let column = 0; column < columns; column++) {
    for (let i = 0; i < k; i++) {
      out[(Math.floor(column / PANEL) * k + i) * PANEL + (column % PANEL)] = w[column * k + i]!;
    }
  }
  return out;
}
