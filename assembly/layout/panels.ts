/*
 * The layout of a packed weight W (columns, k), known to matmul, embed and this file:
 * panels of 48 columns, (ceil(columns / 48), k, 48): strips of 24 or of 16 columns, as a binary
 * prefers, and one step of k is three cache lines.
 * Columns beyond the last are zero. Column j of the product is row j of W as PyTorch stores it.
 */

export const PANEL: usize = 48;

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

/**
 * Writes a block of Wᵀ (k, columns) row-major: out[i][j] = Wᵀ[start + i][first + j], the inverse of
 * pack bit for bit.
 *
 * @param out (rows, columns) with row stride ldo >= columns; the gaps are not written
 * @param panels packed (more than first + columns - 1, k)
 * @param rows start + rows <= k
 * No overlap, any alignment.
 */
export function unpack(
  out: usize,
  panels: usize,
  first: usize,
  columns: usize,
  start: usize,
  rows: usize,
  k: usize,
  ldo: usize,
): void {
  const last = first + columns;
  assert(columns <= ldo && start + rows <= k, 'unpack: a block past its weight or its rows');
  for (let i: usize = start; i < start + rows; i++) {
    let to = out;
    // a step of a panel is in one piece
    for (let column = first; column < last;) {
      const lane = column % PANEL;
      const count = min(PANEL - lane, last - column);
      memory.copy(to, panels + (((column / PANEL) * k + i) * PANEL + lane) * 4, count << 2);
      to += count << 2;
      column += count;
    }
    out += ldo << 2;
  }
}
