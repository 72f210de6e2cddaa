import { TILE_ROW } from '../layout/pages';
import { CacheShape } from '../layout/records';

/*
 * Rows of 48 tokens, `row` bytes apart, turned into a tile with the token innermost: four tokens
 * by four features at a time. RoPE comes before turning, where tables and rows both lie by token.
 */

/** out (count, 48) from x (48, count). */
export function storeTransposed(out: usize, x: usize, row: usize, count: usize): void {
  const bytes = count << 2,
    whole = bytes & ~15;
  for (let m: usize = 0; m < TILE_ROW; m += 16) {
    const a = x + (m >> 2) * row,
      b = a + row,
      c = b + row,
      d = c + row;
    let tile = out + m;
    let j: usize = 0;
    for (; j < whole; j += 16) {
      storeTurned(tile, v128.load(a + j), v128.load(b + j), v128.load(c + j), v128.load(d + j));
      tile += 4 * TILE_ROW;
    }
    for (; j < bytes; j += 4) {
      store<f32>(tile, load<f32>(a + j));
      store<f32>(tile, load<f32>(b + j), 4);
      store<f32>(tile, load<f32>(c + j), 8);
      store<f32>(tile, load<f32>(d + j), 12);
      tile += TILE_ROW;
    }
  }
}

/**
 * out (headDim, 48) from x (48, headDim), whose first 2 · pairs features are rotated as by rope(),
 * bit for bit, to positions position … position + 48.
 */
export function storeRotated(out: usize, x: usize, row: usize, position: usize, shape: CacheShape): void {
  const half = (<usize>shape.pairs) << 2,
    whole = half & ~15;
  const direction = f32x4.splat(shape.direction);
  assert(shape.pairs << 1 <= shape.headDim, 'storeRotated: more pairs than a key holds');
  let cos = <usize>shape.cos + position * half,
    sin = <usize>shape.sin + position * half;
  const high = half * (TILE_ROW >> 2);
  for (let m: usize = 0; m < TILE_ROW; m += 16) {
    const a = x + (m >> 2) * row,
      b = a + row,
      c = b + row,
      d = c + row;
    let tile = out + m;
    let j: usize = 0;
    for (; j < whole; j += 16) {
      const s0 = sines(sin + j, direction),
        s1 = sines(sin + half + j, direction);
      const s2 = sines(sin + 2 * half + j, direction),
        s3 = sines(sin + 3 * half + j, direction);
      storeTurned(
        tile,
        low(a + j, half, cos + j, s0),
        low(b + j, half, cos + half + j, s1),
        low(c + j, half, cos + 2 * half + j, s2),
        low(d + j, half, cos + 3 * half + j, s3),
      );
      storeTurned(
        tile + high,
        upper(a + j, half, cos + j, s0),
        upper(b + j, half, cos + half + j, s1),
        upper(c + j, half, cos + 2 * half + j, s2),
        upper(d + j, half, cos + 3 * half + j, s3),
      );
      tile += 4 * TILE_ROW;
    }
    for (; j < half; j += 4) {
      for (let t: usize = 0; t < 4; t++) {
        const at = a + t * row + j,
          x1 = load<f32>(at),
          x2 = load<f32>(at + half);
        const cosine = load<f32>(cos + t * half + j),
          sine = load<f32>(sin + t * half + j) * shape.direction;
        store<f32>(tile + (t << 2), x1 * cosine + x2 * sine);
        store<f32>(tile + high + (t << 2), x2 * cosine - x1 * sine);
      }
      tile += TILE_ROW;
    }
    cos += 4 * half;
    sin += 4 * half;
  }
  storeTransposed(out + 2 * high, x + 2 * half, row, shape.headDim - (shape.pairs << 1));
}

/** Sines of four pairs, times the direction. */
@inline
function sines(sin: usize, direction: v128): v128 {
  return f32x4.mul(v128.load(sin), direction);
}

/** Four first features of pairs, rotated. */
@inline
function low(x: usize, half: usize, cos: usize, s: v128): v128 {
  return f32x4.add(f32x4.mul(v128.load(x), v128.load(cos)), f32x4.mul(v128.load(x + half), s));
}

/** Four second features of pairs, rotated. */
@inline
function upper(x: usize, half: usize, cos: usize, s: v128): v128 {
  return f32x4.sub(f32x4.mul(v128.load(x + half), v128.load(cos)), f32x4.mul(v128.load(x), s));
}

/** Four vectors as the columns of four rows of a tile. */
@inline
function storeTurned(out: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5),
    ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5),
    cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(out, v128.shuffle<f64>(ab0, cd0, 0, 2));
  v128.store(out + TILE_ROW, v128.shuffle<f64>(ab0, cd0, 1, 3));
  v128.store(out + 2 * TILE_ROW, v128.shuffle<f64>(ab1, cd1, 0, 2));
  v128.store(out + 3 * TILE_ROW, v128.shuffle<f64>(ab1, cd1, 1, 3));
}
