import { BLOCK, BLOCK_BYTES, OFFSET_AT, SCALE_AT } from '../layout/blocks';
import { blocksOf, codeBytes, Q4, Q8, recordOf, SCALES_BYTES, STRIP, STRIP_ROW } from '../layout/quantized';

/** Four codes of 4 bits, 16 bits apart: the even steps of eight, or the odd ones. */
const CODES: u64 = 0x000f000f000f000f;

/**
 * Writes blocks (rows, count) as blocks first … first + count of columns row … row + rows of a quantised
 * weight. Codes of q4 are 0 … 15; offsets of q8 are 0. No overlap, any alignment.
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
  const last = row + rows;
  while (row < last) {
    // all columns of a record while it is in the first-level cache
    const lane = row % STRIP,
      columns = min(STRIP - lane, last - row);
    for (let b: usize = 0; b < count; b++) {
      const record = recordOf(panels, row, first + b, k, format);
      for (let i: usize = 0; i < columns; i++) {
        packBlock(record, blocks + (i * count + b) * BLOCK_BYTES, lane + i, format);
      }
    }
    blocks += columns * count * BLOCK_BYTES;
    row += columns;
  }
}


@inline
function packBlock(record: usize, block: usize, column: usize, format: u32): void {
  if (format == Q4) packNibbles(record + (column << 2), block);
  else packBytes(record + (column << 1), block);
  const scale = record + codeBytes(format) + (column << 1);
  store<u16>(scale, load<u16>(block, SCALE_AT));
  if (format != Q8) store<u16>(scale, load<u16>(block, OFFSET_AT), SCALES_BYTES);
  else assert(!load<u16>(block, OFFSET_AT), 'packBlocks: an offset where there are none');
}


@inline
function packBytes(to: usize, codes: usize): void {
  for (const end = codes + BLOCK; codes < end; codes += 2) {
    store<u16>(to, load<u16>(codes));
    to += STRIP_ROW;
  }
}


@inline
function packNibbles(to: usize, codes: usize): void {
  for (const end = codes + BLOCK; codes < end; codes += 8) {
    const quad = load<u64>(codes);
    assert(!(quad & 0xf0f0f0f0f0f0f0f0), 'packBlocks: a code past 15');
    store<u32>(to, word(quad & CODES) | (word((quad >> 8) & CODES) << 16));
    to += STRIP_ROW << 1;
  }
}

/** {@link CODES} as a word of four nibbles. */
@inline
function word(codes: u64): u32 {
  return (<u32>(codes | (codes >> 12) | (codes >> 24) | (codes >> 36))) & 0xffff;
}

/**
 * Writes blocks first … first + count of columns row … row + rows as blocks (rows, count): the inverse of
 * {@link packBlocks} bit for bit. No overlap, any alignment.
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
    for (let b: usize = 0; b < count; b++) {
      const record = recordOf(panels, column, first + b, k, format),
        lane = column % STRIP,
        scale = record + codeBytes(format) + (lane << 1);
      if (format == Q4) unpackNibbles(blocks, record + (lane << 2));
      else unpackBytes(blocks, record + (lane << 1));
      store<u16>(blocks, load<u16>(scale), SCALE_AT);
      store<u16>(blocks, format == Q8 ? 0 : load<u16>(scale, SCALES_BYTES), OFFSET_AT);
      blocks += BLOCK_BYTES;
    }
  }
}


@inline
function unpackBytes(codes: usize, from: usize): void {
  for (const end = codes + BLOCK; codes < end; codes += 2) {
    store<u16>(codes, load<u16>(from));
    from += STRIP_ROW;
  }
}


@inline
function unpackNibbles(codes: usize, from: usize): void {
  for (const end = codes + BLOCK; codes < end; codes += 8) {
    store<u64>(codes, spread(load<u16>(from)) | (spread(load<u16>(from, 2)) << 8));
    from += STRIP_ROW << 1;
  }
}

/** A word of four nibbles as {@link CODES}. */
@inline
function spread(word: u64): u64 {
  return (word | (word << 12) | (word << 24) | (word << 36)) & CODES;
}
