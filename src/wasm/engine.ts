import { instantiate } from '@assemblyscript/loader';
import { checkInteger } from '../base/arguments.ts';
import { blocked, messageOf, TpaError } from '../base/errors.ts';
import {
  chooseSimd,
  compileBinary,
  readBinary,
  type SimdChoice,
  type SimdOption,
  type WasmSource,
} from './binary.ts';
import { Heap, MAX_MEMORY, WASM_PAGE } from './heap.ts';
import type { SharedKernels } from './instantiate-shared.ts';
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
  /** What workers need to compute in the same memory. */
  readonly shared?: SharedKernels | undefined;
  /** Why they cannot, where they were to. */
  readonly unsharedReason?: string | undefined;
  /** Runs kernels; a trap becomes a TpaError `KERNEL_TRAP`. */
  run<T>(compute: () => T): T;
}

type Sharing = Pick<Engine, 'shared' | 'unsharedReason'>;

/** Kernels that any number of engines can have. */
export interface CompiledKernels {
  readonly simd: SimdChoice;
  /** Compiled, or bytes where they are to be shared: those are changed before. */
  readonly binary: WebAssembly.Module | BufferSource;
  /** Whether engines get a memory that workers can have, where there is one. */
  readonly isShared: boolean;
  /** Why not, where that was wanted. */
  readonly unsharedReason?: string | undefined;
}

/** How kernels are compiled. */
export interface CompileOptions {
  /** Whether engines are to get a memory that workers can have, default false. */
  readonly isShared?: boolean;
  /** Ends the request of a URL. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compiles the kernels that the options name.
 *
 * @throws TypeError, RangeError for a bad option; TpaError `SIMD_UNAVAILABLE`, `WASM_BLOCKED`
 */
export async function compileKernels(
  { simd: option, memoryLimit, wasm }: EngineOptions,
  { isShared = false, signal }: CompileOptions = {},
): Promise<CompiledKernels> {
  checkLimit(memoryLimit);
  if (wasm !== undefined && (option ?? 'auto') === 'auto') {
    throw new TypeError('"simd" expected "baseline" or "relaxed", what "wasm" is, got "auto"');
  }
  const simd = await chooseSimd(option);
  const binary = await readBinary(simd.simd, wasm, signal);
  return { simd, binary: isShared ? binary : await compileBinary(binary), isShared };
}

/**
 * Instantiates the kernels over a memory of their own: one that workers can have where that is
 * wanted and possible, else a plain one.
 *
 * @param compiled what {@link compileKernels} gave for the same options, where that is done
 * @throws as {@link compileKernels}; TpaError `OUT_OF_MEMORY`
 */
export async function createEngine(
  options: EngineOptions = {},
  compiled?: CompiledKernels,
): Promise<Engine> {
  const ready = compiled ?? (await compileKernels(options));
  const { simd, binary } = ready;
  const limit = checkLimit(options.memoryLimit);
  const { shared, unsharedReason }: Sharing = ready.isShared ? await share(binary, limit) : ready;
  const { module, memory } = shared ?? {
    module: await compileBinary(binary),
    memory: createMemory(limit),
  };
  const kernels = await instantiateKernels(module, memory);
  const heap = new Heap(memory, kernels.heapBase() >>> 0, limit);
  return { kernels, heap, simd, shared, unsharedReason, run };
}

/** Single-threaded programs load no code for it: 1 KB. */
async function share(binary: CompiledKernels['binary'], limit: number): Promise<Sharing> {
  try {
    const { openShared } = await import('./open-shared.ts');
    return { shared: await openShared(binary, limit) };
  } catch (cause) {
    return { unsharedReason: messageOf(cause) };
  }
}

async function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<Kernels> {
  const message = '"wasm" expected the kernels of this version, got another module';
  try {
    const { instance } = await instantiate<Kernels & Record<string, unknown>>(module, {
      env: { memory },
    });
    // the loader's own functions count arguments before each call, which kernels do not ask for
    const kernels = instance.exports as unknown as Kernels;
    if (typeof kernels.heapBase === 'function') return kernels;
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
    return new WebAssembly.Memory({ initial: 1, maximum: Math.floor(limit / WASM_PAGE) });
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
