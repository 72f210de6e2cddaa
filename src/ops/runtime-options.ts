import { checkChoice, checkKnown, checkObject } from '../base/arguments.ts';
import { checkGpuOptions, type GpuOptions } from '../backend/gpu-options.ts';
import type { EngineOptions } from '../wasm/engine.ts';

/**
 * Options of `createRuntime`; `backend` is that of `factorizeAsync` and `attendAsync`, the
 * other operations are the CPU's. With `'auto'` the GPU is opened when the first of them asks.
 */
export interface RuntimeOptions extends EngineOptions, GpuOptions {
  /** Threads to compute with, `'auto'` (default) or 1, the only number so far. */
  readonly threads?: number | 'auto';
}

/** Options that `loadModel` has too. */
export const RUNTIME_OPTIONS = ['simd', 'memoryLimit', 'wasm', 'threads', 'backend', 'webgpu'];

/**
 * Checks the options of `createRuntime`.
 *
 * @throws TypeError, RangeError that names the option and what was expected
 */
export function checkRuntimeOptions(options: RuntimeOptions): void {
  checkKnown('an option of createRuntime', checkObject('options', options), RUNTIME_OPTIONS);
  checkComputing(options);
}

/** Checks who computes. @throws TypeError, RangeError that names the option and what was expected */
export function checkComputing(options: RuntimeOptions): void {
  const { threads = 'auto' } = options;
  // one thread is all there is so far; another number is refused rather than ignored
  checkChoice('threads', threads, ['auto', 1]);
  checkGpuOptions(options);
}
