import { BLOCK_BYTES, SCALE_AT } from '../layout/blocks';
import { areFinite } from '../simd/half';
import { decodeIq4, decodeIq4Groups } from './iq4';
import { decodeQ4K, decodeQ5K } from './k-quants';
import { decodeQ4, decodeQ4Minimum, decodeQ5, decodeQ5Minimum, decodeQ8 } from './legacy';

/** Blocks that a stored block of 256 numbers becomes. */
const GROUPS: usize = 8;

/**
 * out = blocks of a type of GGUF (src/format/gguf/blocks/) as blocks of 32 numbers with the codes that are stored. Scales
 * and offsets of a type of 32 numbers are the stored ones, exact; those of 256 numbers are products of a float16 and an
 * integer, rounded to float16: to 2^-11 of their size, or 2^-25.
 *
 * @param out `count` blocks (layout/blocks.ts); count a multiple of 8 for a type of 256 numbers
 * @param kind of src/format/gguf/blocks/: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, IQ4_NL, IQ4_XS from 0 on
 * @returns the first block whose scale or offset is a NaN, infinite or beyond float16, where it ends; -1 if there is none
 * No overlap, any alignment; integers and exact products, so that both binaries give the same bits.
 */
export function decodeBlocks(out: usize, from: usize, count: usize, kind: u32): i32 {
  const first = out,
    end = out + count * BLOCK_BYTES;
  while (out < end) {
    let groups: usize = 1;
    switch (kind) {
      case 0:
        from = decodeQ4(out, from);
        break;
      case 1:
        from = decodeQ4Minimum(out, from);
        break;
      case 2:
        from = decodeQ5(out, from);
        break;
      case 3:
        from = decodeQ5Minimum(out, from);
        break;
      case 4:
        from = decodeQ8(out, from);
        break;
      case 5:
        from = decodeQ4K(out, from);
        groups = GROUPS;
        break;
      case 6:
        from = decodeQ5K(out, from);
        groups = GROUPS;
        break;
      case 7:
        from = decodeIq4(out, from);
        break;
      default:
        assert(kind == 8, 'decodeBlocks: no such kind');
        from = decodeIq4Groups(out, from);
        groups = GROUPS;
    }
    for (; groups; groups--) {
      if (!areFinite(load<u32>(out, SCALE_AT))) return <i32>((out - first) / BLOCK_BYTES);
      out += BLOCK_BYTES;
    }
  }
  assert(out == end, 'decodeBlocks: a part of a stored block');
  return -1;
}
