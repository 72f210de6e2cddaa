/*
 * A block of a quantised weight on its way into or out of panels: 32 numbers along k, each
 * scale · code + offset. 32 codes i8, then the scale and the offset as float16.
 */

/** Numbers of a block. */
export const BLOCK: usize = 32;
/** Bytes of a block. */
export const BLOCK_BYTES: usize = 36;
/** Where its scale lies, and its offset. */
export const SCALE_AT: usize = 32;
export const OFFSET_AT: usize = 34;
