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

/** Columns from … from + width of W, as rows row … row + rows of its transpose. */
export interface Block {
  readonly from: number;
  readonly width: number;
  readonly row: number;
  readonly rows: number;
}

/** A block of Wᵀ (rows, width), of w (columns, k): what unpacking its panels gives. */
export function transposedBlock(
  w: ArrayLike<number>,
  k: number,
  { from, width, row, rows }: Block,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < width; j++) out[i * width + j] = w[(from + j) * k + row + i]!;
  }
  return out;
}
