/*
 * A vector of eight words of four nibbles becomes four vectors of eight 16-bit numbers, nibble j of
 * each word in vector j: one load of 4-bit codes feeds four dot products.
 */

/** In memory, since V8 makes a v128.const anew in every iteration of a loop. */
const LOW = memory.data<u16>([15, 15, 15, 15, 15, 15, 15, 15], 16);

/** The mask that {@link nibbles} takes, for a local. */
@inline
export function nibbleMask(): v128 {
  return v128.load(LOW);
}

/** Nibble `j` of each word; a literal at every call. */
@inline
export function nibbles(words: v128, j: i32, mask: v128): v128 {
  if (j == 0) return v128.and(words, mask);
  if (j == 3) return i16x8.shr_u(words, 12);
  return v128.and(i16x8.shr_u(words, j << 2), mask);
}
