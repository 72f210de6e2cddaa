import { instantiate } from '@assemblyscript/loader';
import { checkInteger } from '../base/arguments.ts';
import { blocked, TpaError } from '../base/errors.ts';
import {
  chooseSimd,
  compileBinary,
  type SimdChoice,
  type SimdOption,
  type WasmSource,
} from './binary.ts';
import { Heap, MAX_MEMORY } from './heap.ts';
import type { Kernels } from './kernels.ts';

/** What computes on the CPU, and in how much memory. */
export interface EngineOptions {
  /** Which kernels, default `'auto'`: the relaxed ones where the engine has them. */
  readonly simd?: SimdOption;
  /** Bytes of memory at most, default 4 GiB less 64 KiB. */
  readonly memoryLimit?: number;
  /** Kernels to use instead of the embedded ones; they must be those of `simd`. */
  readonly wasm?: WasmSource;
}

/** Kernels over one memory. Everything above works on addresses in `heap`. */
export interface Engine {
  readonly kernels: Kernels;
  readonly heap: Heap;
  readonly simd: SimdChoice;
  /** Runs kernels; a trap becomes a TpaError `KERNEL_TRAP`. */
  run<T>(compute: () => T): T;
}

/** Kernels that any number of engines can have. */
export interface CompiledKernels {
  readonly simd: SimdChoice;
  readonly module: WebAssembly.Module;
}

/**
 * Compiles the kernels that the options name.
 *
 * @param signal ends the request of a URL
 * @throws TypeError, RangeError for a bad option; TpaError `SIMD_UNAVAILABLE`, `WASM_BLOCKED`
 */
export async function compileKernels(
  { simd: option, memoryLimit, wasm }: EngineOptions,
  signal?: AbortSignal,
): Promise<CompiledKernels> {
  checkLimit(memoryLimit);
  if (wasm !== undefined && (option ?? 'auto') === 'auto') {
    throw new TypeError('"simd" expected "baseline" or "relaxed", what "wasm" is, got "auto"');
  }
  const simd = await chooseSimd(option);
  return { simd, module: await compileBinary(simd.simd, wasm, signal) };
}

/**
 * Instantiates the kernels over a memory of their own.
 *
 * @param compiled what {@link compileKernels} gave for the same options, where that is done
 * @throws as {@link compileKernels}; TpaError `OUT_OF_MEMORY`
 */
export async function createEngine(
  options: EngineOptions = {},
  compiled?: CompiledKernels,
): Promise<Engine> {
  const { simd, module } = compiled ?? (await compileKernels(options));
  const limit = checkLimit(options.memoryLimit);
  const memory = createMemory(limit);
  const kernels = await instantiateKernels(module, memory);
  const heap = new Heap(memory, kernels.heapBase() >>> 0, limit);
  return { kernels, heap, simd, run };
}

async function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<Kernels> {
  const message = '"wasm" expected the kernels of this version, got another module';
  try {
    const { exports } = await instantiate<Kernels & Record<string, unknown>>(module, {
      env: { memory },
    });
    if (typeof exports.heapBase === 'function') return exports;
  } catch (cause) {
    throw blocked(message, cause);
  }
  throw blocked(message);
}

function checkLimit(limit = MAX_MEMORY): number {
  return checkInteger('memoryLimit', limit, 1 << 20, MAX_MEMORY);
}

function createMemory(limit: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: Math.floor(limit / 65536) });
  } catch (cause) {
    const message = 'the engine has no address space left for a WebAssembly memory';
    throw new TpaError('OUT_OF_MEMORY', message, { cause });
  }
}

function run<T>(compute: () => T): T {
  try {
    return compute();
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
    throw new TpaError('KERNEL_TRAP', `a kernel trapped: ${cause.message}`, { cause });
  }
}
