import { BLOCK } from '../layout/blocks';
import { codeBytes, Q4, Q8, SCALES_BYTES, STRIP, STRIP_ROW } from '../layout/quantized';
import { halves } from '../simd/half';
import { nibbleMask, nibbles } from '../simd/nibbles';

/*
 * A strip's blocks as tiles of many rows read them, the same for all formats: 16-bit codes (16 pairs,
 * 24 columns, 2), then 24 scales and 24 offsets f32. At 48 rows making them is 2 % of the product.
 */

/** Bytes of a pair of steps of k, of the codes of a block, and of all of it. */
export const WIDE_ROW: usize = STRIP << 2;
export const WIDE_SCALES: usize = WIDE_ROW * (BLOCK >> 1);
export const WIDE_OFFSETS: usize = WIDE_SCALES + (STRIP << 2);
export const WIDE_BYTES: usize = WIDE_OFFSETS + (STRIP << 2);

/** Expands `blocks` records; offsets of q8, which has none, are not written. Any alignment. */
export function expand(to: usize, w: usize, blocks: usize, format: u32): void {
  for (; blocks; blocks--) {
    if (format == Q4) expandNibbles(to, w);
    else expandBytes(to, w);
    w += codeBytes(format);
    to += WIDE_SCALES;
    for (const end = w + (format == Q8 ? SCALES_BYTES : SCALES_BYTES << 1); w < end; w += 8) {
      v128.store(to, halves(w));
      to += 16;
    }
    if (format == Q8) to += WIDE_BYTES - WIDE_OFFSETS;
  }
}


@inline
function expandBytes(to: usize, w: usize): void {
  for (const end = to + WIDE_SCALES; to < end; to += 16) {
    v128.store(to, v128.load8x8_s(w));
    w += 8;
  }
}


@inline
function expandNibbles(to: usize, w: usize): void {
  const mask = nibbleMask();
  for (const end = to + WIDE_SCALES; to < end; to += WIDE_ROW * 3) {
    for (const next = to + WIDE_ROW; to < next; to += 16) {
      const words = v128.load(w);
      v128.store(to, nibbles(words, 0, mask));
      v128.store(to, nibbles(words, 1, mask), WIDE_ROW);
      v128.store(to, nibbles(words, 2, mask), WIDE_ROW * 2);
      v128.store(to, nibbles(words, 3, mask), WIDE_ROW * 3);
      w += 16;
    }
  }
}
