import { BLOCK, BLOCK_BYTES, OFFSET_AT, SCALE_AT } from '../layout/blocks';
import { codeBytes, codeOf, Q8, recordOf, SCALES_BYTES, STRIP } from '../layout/quantized';
import { half } from '../simd/half';

/*
 * Numbers of quantised weights as float32. scale · code has at most 11 + 8 bits and is exact; the sum
 * with the offset is rounded once, so that both binaries give the same bits.
 */

/** out (count, 32) = the numbers of `count` blocks. No overlap, any alignment. */
export function dequantizeBlocks(out: usize, blocks: usize, count: usize): void {
  for (const end = blocks + count * BLOCK_BYTES; blocks < end; blocks += BLOCK_BYTES) {
    const scale = f32x4.splat(half(blocks + SCALE_AT)),
      offset = f32x4.splat(half(blocks + OFFSET_AT));
    for (let i: usize = 0; i < BLOCK; i += 4) {
      const codes = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(blocks + i)));
      v128.store(out, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(codes), scale), offset));
      out += 16;
    }
  }
}

/**
 * out[t] = row ids[t] of a quantised table, which is also the output projection.
 *
 * @param out (count, k) with row stride ldo
 * @param table packed (vocabSize, k)
 * @param ids (count) u32, each < vocabSize
 * No overlap, any alignment.
 */
export function embedQuantized(
  out: usize,
  table: usize,
  ids: usize,
  count: usize,
  k: usize,
  ldo: usize,
  format: u32,
): void {
  for (let t: usize = 0; t < count; t++) {
    columnNumbers(out, 4, table, load<u32>(ids + (t << 2)), 0, k, k, format);
    out += ldo << 2;
  }
}

/**
 * Writes a block of Wᵀ (k, columns) row-major: out[i][j] = Wᵀ[start + i][first + j].
 *
 * @param out (rows, columns) with row stride ldo >= columns; the gaps are not written
 * @param panels packed (more than first + columns - 1, k)
 * @param rows start + rows <= k
 * No overlap, any alignment.
 */
export function unpackQuantized(
  out: usize,
  panels: usize,
  first: usize,
  columns: usize,
  start: usize,
  rows: usize,
  k: usize,
  ldo: usize,
  format: u32,
): void {
  assert(columns <= ldo && start + rows <= k, 'unpackQuantized: a block past its weight or its rows');
  for (let j: usize = 0; j < columns; j++) {
    columnNumbers(out + (j << 2), ldo << 2, panels, first + j, start, rows, k, format);
  }
}

/** Numbers start … start + count of a column, `stride` bytes apart. */
function columnNumbers(
  out: usize,
  stride: usize,
  panels: usize,
  column: usize,
  start: usize,
  count: usize,
  k: usize,
  format: u32,
): void {
  const lane = column % STRIP,
    last = start + count;
  while (start < last) {
    const record = recordOf(panels, column, start / BLOCK, k, format),
      at = record + codeBytes(format) + (lane << 1);
    const scale = half(at),
      offset: f32 = format == Q8 ? 0 : half(at + SCALES_BYTES);
    for (const end = min(last, (start | (BLOCK - 1)) + 1); start < end; start++) {
      store<f32>(out, scale * <f32>codeOf(record, lane, start % BLOCK, format) + offset);
      out += stride;
    }
  }
}
