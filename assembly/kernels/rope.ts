/**
 * Rotates pairs (x[i], x[i + pairs]) of every row, in place, the halves layout:
 *
 *   y1 = x1 · cos + x2 · direction · sin,  y2 = x2 · cos - x1 · direction · sin
 *
 * direction +1 is the convention of T6, -1 that of Hugging Face LLaMA.
 *
 * @param x (tokens, rows, width) with `stride` numbers between tokens; the first 2 · pairs numbers
 *   of a row rotate, the rest pass
 * @param cos @param sin (tokens, pairs) of {@link ropeTable}
 */
export function rope(
  x: usize,
  cos: usize,
  sin: usize,
  tokens: usize,
  rows: usize,
  pairs: usize,
  width: usize,
  stride: usize,
  direction: f32,
): void {
  assert(pairs << 1 <= width, 'rope: more pairs than a row holds');
  const half = pairs << 2;
  for (let t: usize = 0; t < tokens; t++) {
    for (let r: usize = 0; r < rows; r++) {
      const row = x + r * (width << 2);
      rotate(row, row + half, cos, sin, half, direction);
    }
    x += stride << 2;
    cos += half;
    sin += half;
  }
}

/** Rotates the pairs of one row, whose halves are `half` bytes long. */
@inline
function rotate(low: usize, high: usize, cos: usize, sin: usize, half: usize, direction: f32): void {
  const d = f32x4.splat(direction);
  let i: usize = 0;
  for (; i + 16 <= half; i += 16) {
    const x1 = v128.load(low + i),
      x2 = v128.load(high + i);
    const c = v128.load(cos + i),
      s = f32x4.mul(v128.load(sin + i), d);
    v128.store(low + i, f32x4.add(f32x4.mul(x1, c), f32x4.mul(x2, s)));
    v128.store(high + i, f32x4.sub(f32x4.mul(x2, c), f32x4.mul(x1, s)));
  }
  for (; i < half; i += 4) {
    const x1 = load<f32>(low + i),
      x2 = load<f32>(high + i);
    const c = load<f32>(cos + i),
      s = load<f32>(sin + i) * direction;
    store<f32>(low + i, x1 * c + x2 * s);
    store<f32>(high + i, x2 * c - x1 * s);
  }
}
