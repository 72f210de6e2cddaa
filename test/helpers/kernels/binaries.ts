import { setFlagsFromString } from 'node:v8';
import { relaxedSimd } from 'wasm-feature-detect';

/** Both kernel binaries. Node 20 has relaxed SIMD behind a flag, which may be set at run time. */
export const BINARIES = ['baseline', 'relaxed'] as const;

if (!(await relaxedSimd())) setFlagsFromString('--experimental-wasm-relaxed-simd');
