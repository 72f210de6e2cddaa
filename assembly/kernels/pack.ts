/*
 * The layout of a packed weight W (columns, k), known to matmul, matvec, embed and this file:
 * panels of 48 columns, (ceil(columns / 48), k, 48): strips of 24 or of 16 columns, as a binary
 * prefers, and one step of k is three cache lines.
 * Columns beyond the last are zero. Column j of the product is row j of W as PyTorch stores it.
 */

export const PANEL: usize = 48;

/** Bytes of a packed weight. */
export function packedBytes(columns: usize, k: usize): usize {
  return ((columns + PANEL - 1) / PANEL) * PANEL * (k << 2);
}

/**
 * Writes rows of a row-major weight w (rows, k) into panels, as columns first … first + rows.
 * `panels` is zero before the first call. No overlap, any alignment.
 */
export function pack(panels: usize, w: usize, first: usize, rows: usize, k: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    const column = first + i;
    let to = panels + (column / PANEL) * PANEL * (k << 2) + ((column % PANEL) << 2);
    for (const end = w + (k << 2); w < end; w += 4) {
      store<f32>(to, load<f32>(w));
      to += PANEL << 2;
    }
  }
}
