/** How a cache stores factors: float32, or integers of 16 or 8 bits with a scale. */
export type CacheDtype = 'f32' | 'i16' | 'q8';

/** All of them; kernels and files know each by its place. */
export const CACHE_DTYPES: readonly CacheDtype[] = ['f32', 'i16', 'q8'];

/** Bytes of a number of each. */
export const CACHE_NUMBER_BYTES: Readonly<Record<CacheDtype, number>> = { f32: 4, i16: 2, q8: 1 };

/** The largest code of each; a number is a scale times a code (assembly/layout/code-pages.ts). */
export const LARGEST_CODES: Readonly<Record<Exclude<CacheDtype, 'f32'>, number>> = {
  i16: 4095,
  q8: 127,
};
