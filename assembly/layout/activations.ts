import { BLOCK } from './blocks';

/*
 * Activations as products with a quantised weight take them: rows of ⌈k / 32⌉ blocks, each 32 codes
 * i16, their scale f32, and their sum f32. A number is scale · code; beyond k codes are 0.
 */

/** Where the scale of a block lies, and the sum of its codes. */
export const CODE_SCALE: usize = BLOCK << 1;
export const CODE_SUM: usize = CODE_SCALE + 4;
/** Bytes of a block. */
export const CODES_BYTES: usize = CODE_SUM + 4;
