import { checkKnown, checkObject } from '../base/arguments.ts';
import { checkThreads } from '../threads/threads-option.ts';
import type { ThreadsOption } from '../threads/threads.ts';
import { checkGpuOptions, type GpuOptions } from '../backend/gpu-options.ts';
import type { EngineOptions } from '../wasm/engine.ts';

/**
 * Options of `createRuntime`; `backend` is that of `factorizeAsync` and `attendAsync`, the
 * other operations are the CPU's. With `'auto'` the GPU is opened when the first of them asks.
 */
export interface RuntimeOptions extends EngineOptions, GpuOptions {
  /**
   * Threads to compute with, 1 … 64 or `'auto'` (default): as many as were measured to be fastest on
   * this machine, of the cores that the runtime reports. Results are the same, bit for bit. Where
   * there can be no others one thread computes; `info().threadsReason` says why.
   */
  readonly threads?: ThreadsOption;
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
  checkThreads(options.threads);
  checkGpuOptions(options);
}
