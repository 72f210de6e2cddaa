import { BLOCK } from './blocks';

/*
 * The layout of a quantised weight W (columns, k): panels of 48 columns are 2 strips of 24 columns,
 * and a strip is one record for each block of 32 steps of k:
 *
 *   codes of 8 bits   (16 pairs, 24 columns, 2) i8
 *   codes of 4 bits   (4 quads q, 24 columns, 2) u16; nibble j, from the low one, of word e is the code
 *                     of step 8 q + 2 j + e, so that a vector of words, shifted and masked, is a vector
 *                     of pairs
 *   scales            (24) f16
 *   offsets           (24) f16, of q8-offset and q4
 *
 * A number is scale · code + offset. Beyond k codes are what the blocks had, and activations 0.
 * Columns beyond the last are zero.
 */

/** Formats, numbered as the host numbers the dtypes of a weight. */
export const Q8: u32 = 1;
export const Q8_OFFSET: u32 = 2;
export const Q4: u32 = 3;

/** Columns of a strip. */
export const STRIP: usize = 24;
/** Bytes of a pair of steps of 8-bit codes, half those of a quad of 4-bit ones. */
export const STRIP_ROW: usize = STRIP << 1;
/** Bytes of the scales of a record; offsets follow them. */
export const SCALES_BYTES: usize = STRIP << 1;

/** Blocks of a row of k numbers. */
@inline
export function blocksOf(k: usize): usize {
  return (k + BLOCK - 1) / BLOCK;
}

/** Bytes of the codes of a record. */
@inline
export function codeBytes(format: u32): usize {
  return format == Q4 ? (STRIP * BLOCK) >> 1 : STRIP * BLOCK;
}

/** Bytes of a record. */
@inline
export function recordBytes(format: u32): usize {
  return codeBytes(format) + (format == Q8 ? SCALES_BYTES : SCALES_BYTES << 1);
}

/** The record of block `block` of a column. */
@inline
export function recordOf(panels: usize, column: usize, block: usize, k: usize, format: u32): usize {
  return panels + ((column / STRIP) * blocksOf(k) + block) * recordBytes(format);
}

/** The code of step `i` of a block. */
@inline
export function codeOf(record: usize, column: usize, i: usize, format: u32): i32 {
  if (format == Q4) {
    const word = load<u16>(record + ((((i >> 3) * STRIP + column) << 1) + (i & 1)) * 2);
    return (word >> ((<u16>((i & 7) >> 1)) << 2)) & 15;
  }
  return load<i8>(record + (((i >> 1) * STRIP + column) << 1) + (i & 1));
}
