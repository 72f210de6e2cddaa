import { nodeBuiltin } from '../../base/node.ts';
import { DAWN, nodeVersion, ownGpu, takesDawn } from './navigator-gpu.ts';

/** Whether WebGPU can be asked for at all: cheap, and nothing is loaded. */
export function hasWebGpu(): boolean {
  return ownGpu() !== undefined || hasDawn();
}

/** Whether the optional package `webgpu` is there for a Node that can use it. */
export function hasDawn(): boolean {
  if (!takesDawn()) return false;
  try {
    return import.meta.resolve(DAWN) !== '';
  } catch {
    return false;
  }
}

/** Why not, and what would change that. */
export function noWebGpuReason(): string {
  const node = nodeVersion();
  if (node === undefined) return 'no WebGPU here';
  return `no WebGPU here: Node ${node} has none of its own; Node 22 or later with the package "webgpu" (npm i webgpu) has`;
}

/** Why no GPU will be asked for, undefined where one may be; nothing is loaded. */
export function gpuObstacle({ worker }: { readonly worker?: unknown } = {}): string | undefined {
  if (!hasWebGpu()) return noWebGpuReason();
  // bundled pages have no file beside the code
  if (worker !== undefined || nodeBuiltin('url') !== undefined) return undefined;
  return 'no worker for the GPU: import startGpuWorker from tpa-wasm/webgpu and load with "webgpu": { worker: startGpuWorker }';
}
