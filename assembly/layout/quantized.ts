import { half } from '../simd/half';
import { BLOCK, BLOCK_BYTES, OFFSET_AT, SCALE_AT } from './blocks';

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
 * A number is scale · code + offset. Beyond k codes are whatever the blocks had; activations are 0
 * there. Columns beyond the last are zero.
 */

/** Formats, numbered as the host numbers the dtypes of a weight. */
export const Q8: u32 = 1;
export const Q8_OFFSET: u32 = 2;
export const Q4: u32 = 3;

/** Columns of a strip. */
export const STRIP: usize = 24;

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
  return codeBytes(format) + (format == Q8 ? STRIP << 1 : STRIP << 2);
}

/** The record of block `block` of a column. */
@inline
function recordOf(panels: usize, column: usize, block: usize, k: usize, format: u32): usize {
  return panels + ((column / STRIP) * blocksOf(k) + block) * recordBytes(format);
}

/** Number W[column][i]. */
@inline
export function quantizedNumber(panels: usize, column: usize, i: usize, k: usize, format: u32): f32 {
  const record = recordOf(panels, column, i / BLOCK, k, format),
    scale = record + codeBytes(format) + ((column % STRIP) << 1);
  const offset: f32 = format == Q8 ? 0 : half(scale + (STRIP << 1));
  return half(scale) * <f32>codeOf(record, column % STRIP, i % BLOCK, format) + offset;
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

/**
 * Writes blocks (rows, count) as blocks first … first + count of columns row … row + rows. `panels`
 * is zero before the first call. Codes of q4 are 0 … 15; offsets of q8 are 0. No overlap, any
 * alignment.
 */
export function packBlocks(
  panels: usize,
  blocks: usize,
  row: usize,
  rows: usize,
  first: usize,
  count: usize,
  k: usize,
  format: u32,
): void {
  assert(first + count <= blocksOf(k), 'packBlocks: blocks past the last of a row');
  for (let column = row; column < row + rows; column++) {
    for (let block = first; block < first + count; block++) {
      packBlock(recordOf(panels, column, block, k, format), blocks, column % STRIP, format);
      blocks += BLOCK_BYTES;
    }
  }
}

function packBlock(record: usize, block: usize, column: usize, format: u32): void {
  let to = record + (column << (format == Q4 ? 2 : 1));
  if (format == Q4) {
    for (const end = block + BLOCK; block < end; block += 8) {
      let even: u32 = 0,
        odd: u32 = 0;
      for (let j: usize = 0; j < 8; j += 2) {
        assert(load<u8>(block + j) < 16 && load<u8>(block + j, 1) < 16, 'packBlocks: a code past 15');
        const shift = (<u32>j) << 1;
        even |= (<u32>load<u8>(block + j)) << shift;
        odd |= (<u32>load<u8>(block + j, 1)) << shift;
      }
      store<u16>(to, even);
      store<u16>(to, odd, 2);
      to += STRIP << 2;
    }
  } else {
    for (const end = block + BLOCK; block < end; block += 2) {
      store<u16>(to, load<u16>(block));
      to += STRIP << 1;
    }
  }
  to = record + codeBytes(format) + (column << 1);
  store<u16>(to, load<u16>(block, SCALE_AT - BLOCK));
  if (format != Q8) store<u16>(to + (STRIP << 1), load<u16>(block, OFFSET_AT - BLOCK));
  else assert(!load<u16>(block, OFFSET_AT - BLOCK), 'packBlocks: an offset where there are none');
}

/**
 * Writes blocks first … first + count of columns row … row + rows as blocks (rows, count): the
 * inverse of {@link packBlocks} bit for bit. No overlap, any alignment.
 */
export function unpackBlocks(
  blocks: usize,
  panels: usize,
  row: usize,
  rows: usize,
  first: usize,
  count: usize,
  k: usize,
  format: u32,
): void {
  assert(first + count <= blocksOf(k), 'unpackBlocks: blocks past the last of a row');
  for (let column = row; column < row + rows; column++) {
    for (let block = first; block < first + count; block++) {
      const record = recordOf(panels, column, block, k, format),
        scale = record + codeBytes(format) + ((column % STRIP) << 1);
      for (let i: usize = 0; i < BLOCK; i++) store<i8>(blocks + i, codeOf(record, column % STRIP, i, format));
      store<u16>(blocks, load<u16>(scale), SCALE_AT);
      store<u16>(blocks, format == Q8 ? 0 : load<u16>(scale + (STRIP << 1)), OFFSET_AT);
      blocks += BLOCK_BYTES;
    }
  }
}
