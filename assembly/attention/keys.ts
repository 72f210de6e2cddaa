import { bkTile, bvRows, CacheShape, FIXED, LATENT, OUTER, SHARED, STORED, storedRow, TILE, TILE_ROW } from './tiles';

/** Bytes of scratch that {@link keysOfTile} needs. */
export function keyScratch(shape: CacheShape): usize {
  return shape.form == STORED ? 0 : <usize>shape.rankK * shape.headDim * TILE_ROW;
}

/**
 * B_K of a tile (rankK, headDim, 48): in the page, or formed in scratch from what it holds.
 *
 * @param first position of the page's first token
 */
export function keysOfTile(page: usize, tile: usize, first: usize, shape: CacheShape, scratch: usize): usize {
  if (shape.form == STORED) return bkTile(page, tile, shape);
  const position = first + tile * TILE,
    headDim = <usize>shape.headDim,
    row = storedRow(shape);
  const values = bvRows(page, shape) + tile * TILE * row;
  let stored = bkTile(page, tile, shape);
  let to = scratch;
  for (let s: usize = 0; s < shape.rankK; s++) {
    const from = values + s * row * (TILE << 1);
    if (shape.form == FIXED) {
      spread(to, <usize>shape.bk + s * (headDim << 2), headDim);
      rotate(to, position, shape);
    } else if (shape.form == SHARED) {
      transpose(to, from, row, headDim);
      rotate(to, position, shape);
    } else if (shape.form == LATENT) {
      transpose(to, from, row, shape.valueDim);
      memory.copy(to + <usize>shape.valueDim * TILE_ROW, stored, <usize>shape.keyRows * TILE_ROW);
    } else if (shape.form == OUTER) {
      outer(to, stored, headDim / shape.outerDim, shape.outerDim);
    }
    stored += <usize>shape.keyRows * TILE_ROW;
    to += headDim * TILE_ROW;
  }
  return scratch;
}

/** out (count, 48): each of `count` numbers in every lane. */
function spread(out: usize, x: usize, count: usize): void {
  for (const end = x + (count << 2); x < end; x += 4) {
    const number = v128.load32_splat(x);
    for (const rowEnd = out + TILE_ROW; out < rowEnd; out += 16) v128.store(out, number);
  }
}

/** out (count, 48) from x (48, count), rows `row` bytes apart and whole vectors; count rounded up to 4 is read. */
function transpose(out: usize, x: usize, row: usize, count: usize): void {
  const full = count & ~3;
  for (let m: usize = 0; m < TILE_ROW; m += 16) {
    const a = x + (m >> 2) * row,
      b = a + row,
      c = b + row,
      d = c + row;
    let to = out + m;
    for (let j: usize = 0; j < full << 2; j += 16) {
      const va = v128.load(a + j),
        vb = v128.load(b + j),
        vc = v128.load(c + j),
        vd = v128.load(d + j);
      const ab0 = v128.shuffle<f32>(va, vb, 0, 4, 1, 5),
        ab1 = v128.shuffle<f32>(va, vb, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(vc, vd, 0, 4, 1, 5),
        cd1 = v128.shuffle<f32>(vc, vd, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f64>(ab0, cd0, 0, 2));
      v128.store(to + TILE_ROW, v128.shuffle<f64>(ab0, cd0, 1, 3));
      v128.store(to + 2 * TILE_ROW, v128.shuffle<f64>(ab1, cd1, 0, 2));
      v128.store(to + 3 * TILE_ROW, v128.shuffle<f64>(ab1, cd1, 1, 3));
      to += 4 * TILE_ROW;
    }
    for (let j = full << 2; j < count << 2; j += 4) {
      store<f32>(to, load<f32>(a + j));
      store<f32>(to, load<f32>(b + j), 4);
      store<f32>(to, load<f32>(c + j), 8);
      store<f32>(to, load<f32>(d + j), 12);
      to += TILE_ROW;
    }
  }
}

/** Rotates k (headDim, 48) to the positions of the tile's tokens, in place. */
function rotate(k: usize, position: usize, shape: CacheShape): void {
  const pairs = <usize>shape.pairs,
    row = pairs << 2,
    high = pairs * TILE_ROW;
  let cos = <usize>shape.cos + position * row,
    sin = <usize>shape.sin + position * row;
  for (let m: usize = 0; m < TILE_ROW; m += 4) {
    for (let i: usize = 0; i < pairs; i++) {
      const at = k + i * TILE_ROW + m;
      const x1 = load<f32>(at),
        x2 = load<f32>(at + high);
      const c = load<f32>(cos + (i << 2)),
        s = load<f32>(sin + (i << 2)) * shape.direction;
      store<f32>(at, x1 * c + x2 * s);
      store<f32>(at + high, x2 * c - x1 * s);
    }
    cos += row;
    sin += row;
  }
}

/** out (bDim · cDim, 48) = b ⊗ c, from b (bDim, 48) followed by c (cDim, 48). */
function outer(out: usize, b: usize, bDim: usize, cDim: usize): void {
  const c = b + bDim * TILE_ROW;
  for (let i: usize = 0; i < bDim; i++) {
    for (let j: usize = 0; j < cDim * TILE_ROW; j += TILE_ROW) {
      for (let m: usize = 0; m < TILE_ROW; m += 16) {
        v128.store(out + m, f32x4.mul(v128.load(b + m), v128.load(c + j + m)));
      }
      out += TILE_ROW;
    }
    b += TILE_ROW;
  }
}
