/** How a cache stores factors: float32, or integers of 16 or 8 bits with a scale. */
export type CacheDtype = 'f32' | 'i16' | 'q8';

/** All of them; kernels and files know each by its place. */
export const CACHE_DTYPES: readonly CacheDtype[] = ['f32', 'i16', 'q8'];
