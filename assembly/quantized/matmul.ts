import { CODES_BYTES } from '../layout/activations';
import { PANEL } from '../layout/panels';
import { blocksOf, Q8, recordBytes, STRIP } from '../layout/quantized';
import { expand, WIDE_BYTES } from './expand';
import { rowStrip } from './row';
import { tile3x12 } from './tile';

/** Blocks of k at a time: 7 KB of an expanded strip stay in a 32 KB first-level cache. */
const DEPTH: usize = 4;
/**
 * Rows at a time, a step of a model: their part of out for a strip stays in the first level for all of
 * k, their x in the second. All 512 rows of a prompt together were 15 % slower.
 */
const ROWS: usize = 48;
/** Bytes of a strip and of a panel in a row of out. */
const STRIP_BYTES: usize = STRIP << 2;
const PANEL_BYTES: usize = PANEL << 2;

/** Bytes of scratch that matmulQuantized needs. */
export function matmulQuantizedScratch(): usize {
  return DEPTH * WIDE_BYTES;
}

/**
 * out (+)= x Wᵀ, some panels of it, W quantised and x as 16-bit codes. A block of 32 steps of k gives
 * (scale · Σ codes of W · codes of x + offset · Σ codes of x) · scale of x. Blocks are added in the order
 * of k, in float32 and never fused, so that one row and many, any ranges of panels, and both binaries
 * give the same bits.
 *
 * No integer overflows: codes of W are -128 … 127, those of x -32767 … 32767, and the sum of a block is
 * at most 32 · 128 · 32767 = 134,213,632 < 2^31. With the numbers that the codes stand for, and S = Σ (|scale
 * · code| + |offset|) |x| with out before, the error is at most (blocks + 6) 2^-24 S. A row of x with a NaN
 * or an infinity gives no finite number.
 *
 * @param out (rows, columns rounded up to 48) with row stride ldo
 * @param x (rows, ⌈k / 32⌉) blocks of quantizeRows
 * @param w packed (columns, k)
 * @param scratch of matmulQuantizedScratch() bytes
 * @param panels of 48 columns from firstPanel on; of out, only their columns are written
 * No overlap; any alignment.
 */
export function matmulQuantized(
  out: usize,
  x: usize,
  w: usize,
  scratch: usize,
  rows: usize,
  k: usize,
  columns: usize,
  ldo: usize,
  isAdded: bool,
  firstPanel: usize,
  panels: usize,
  format: u32,
): void {
  assert(k && ldo >= columns, 'matmulQuantized: rows of out overlap');
  assert(firstPanel + panels <= (columns + PANEL - 1) / PANEL, 'matmulQuantized: panels past the last');
  const blocks = blocksOf(k),
    strips = panels << 1,
    step = blocks * recordBytes(format),
    tiled = rows - (rows % 3);
  ldo <<= 2;
  out += firstPanel * PANEL_BYTES;
  w += (firstPanel << 1) * step;
  if (!isAdded) {
    for (let t: usize = 0; t < rows; t++) memory.fill(out + t * ldo, 0, panels * PANEL_BYTES);
  }
  if (tiled) tiles(out, x, w, scratch, tiled, blocks, strips, ldo, format);
  const rest = x + tiled * blocks * CODES_BYTES;
  out += tiled * ldo;
  for (let j: usize = 0; j < strips; j++) {
    for (let t: usize = 0; t < rows - tiled; t++) {
      rowStrip(out + t * ldo, rest + t * blocks * CODES_BYTES, w, blocks, format);
    }
    out += STRIP_BYTES;
    w += step;
  }
}

/** Rows in threes: each piece of a strip is expanded once for {@link ROWS} of them. */
function tiles(
  out: usize,
  x: usize,
  w: usize,
  scratch: usize,
  rows: usize,
  blocks: usize,
  strips: usize,
  ldo: usize,
  format: u32,
): void {
  const ldx = blocks * CODES_BYTES,
    record = recordBytes(format);
  for (let i: usize = 0; i < rows; i += ROWS) {
    const some = min<usize>(ROWS, rows - i);
    let from = w;
    for (let j: usize = 0; j < strips; j++) {
      for (let d: usize = 0; d < blocks; d += DEPTH) {
        const depth = min<usize>(DEPTH, blocks - d);
        expand(scratch, from, depth, format);
        tileStrip(out + j * STRIP_BYTES, x + d * CODES_BYTES, scratch, some, ldo, ldx, depth, format != Q8);
        from += depth * record;
      }
    }
    out += ROWS * ldo;
    x += ROWS * ldx;
  }
}


@inline
function tileStrip(
  out: usize,
  x: usize,
  wide: usize,
  rows: usize,
  ldo: usize,
  ldx: usize,
  depth: usize,
  hasOffset: bool,
): void {
  for (let t: usize = 0; t < rows; t += 3) {
    tile3x12(out, ldo, x, ldx, wide, depth, hasOffset);
    tile3x12(out + STRIP_BYTES / 2, ldo, x, ldx, wide + STRIP_BYTES / 2, depth, hasOffset);
    out += 3 * ldo;
    x += 3 * ldx;
  }
}
