export type { Factors, FactorizeSpec, FactorWeights } from './attention/factorize.ts';
export type { RopeDirection, RopePrecision } from './attention/rope.ts';
export type { CacheSpec, FactorSpec } from './attention/spec.ts';
export type { CachedFactors, FactorCache, FactorCacheOptions } from './cache/factor-cache.ts';
export { TpaError, type TpaErrorCode, type TpaErrorDetails } from './errors.ts';
export {
  createRuntime,
  type MemoryInfo,
  type Query,
  type Runtime,
  type RuntimeInfo,
  type RuntimeOptions,
} from './runtime.ts';
export type { SimdOption, WasmSource } from './wasm/binary.ts';
