import { errorCode } from '../../base/node.ts';

/*
 * Where `navigator.gpu` comes from, on both threads: the page asks whether there is one, the worker
 * provides it in Node.
 */

/** The first Node whose V8 runs onnxruntime's wasm at speed: 20 takes 110 s for the first run. */
const FIRST_NODE = 22;

/** The package that brings WebGPU (Dawn) to Node. */
export const DAWN = 'webgpu';

interface Dawn {
  create(options: readonly string[]): GPU;
  readonly globals: Record<string, unknown>;
}

/** The version of Node in full, undefined elsewhere; Deno and Bun bring a `process` too. */
export function nodeVersion(): string | undefined {
  const scope = globalThis as { process?: { versions?: Record<string, string> } };
  const versions = scope.process?.versions ?? {};
  return 'deno' in versions || 'bun' in versions ? undefined : versions['node'];
}

/** The engine's own `navigator.gpu`. */
export function ownGpu(): GPU | undefined {
  return (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
}

/** Whether this is a Node that the package {@link DAWN} can be used with. */
export function takesDawn(): boolean {
  return Number.parseInt(nodeVersion() ?? '0', 10) >= FIRST_NODE;
}

/**
 * `navigator.gpu`; in Node what the package `webgpu` makes, installed where onnxruntime looks for it.
 *
 * @returns undefined where there is no WebGPU
 */
export async function provideGpu(): Promise<GPU | undefined> {
  const own = ownGpu();
  if (own !== undefined || !takesDawn()) return own;
  const dawn = await importDawn();
  if (dawn === undefined) return undefined;
  const gpu = dawn.create([]);
  Object.assign(globalThis, dawn.globals);
  Object.defineProperty((globalThis.navigator ??= {} as Navigator), 'gpu', {
    value: gpu,
    configurable: true,
  });
  copySharedWrites();
  return gpu;
}

/** No bundler is to look for it: it has a binary for each platform. */
async function importDawn(): Promise<Dawn | undefined> {
  try {
    return (await import(/* webpackIgnore: true */ DAWN)) as Dawn;
  } catch (error) {
    if (errorCode(error) === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Dawn refuses views of shared memory, which onnxruntime's heap is. */
function copySharedWrites(): void {
  const write = GPUQueue.prototype.writeBuffer;
  GPUQueue.prototype.writeBuffer = function (buffer, at, data, from = 0, size) {
    const view = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
    if (view.buffer instanceof ArrayBuffer) return write.call(this, buffer, at, data, from, size);
    const { BYTES_PER_ELEMENT: width = 1 } = view as { BYTES_PER_ELEMENT?: number };
    const bytes = size === undefined ? view.byteLength - from * width : size * width;
    const shared = new Uint8Array(view.buffer, view.byteOffset + from * width, bytes);
    return write.call(this, buffer, at, Uint8Array.from(shared));
  };
}
