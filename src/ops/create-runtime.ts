import { webgpuUnavailable } from '../base/errors.ts';
import { gpuObstacle } from '../backend/webgpu/present.ts';
import { checkRuntimeOptions, type RuntimeOptions } from './runtime-options.ts';
import type { Runtime } from './runtime.ts';

/**
 * Starts a runtime with a memory of its own.
 *
 * @param options who computes, and in how much memory
 * @throws TypeError, RangeError for a bad option; TpaError `SIMD_UNAVAILABLE`, `WASM_BLOCKED`,
 *   `OUT_OF_MEMORY`, with `'webgpu'` `BACKEND_UNAVAILABLE`
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  checkRuntimeOptions(options);
  const { backend = 'auto', webgpu = {} } = options;
  const obstacle = backend === 'wasm' ? undefined : gpuObstacle(webgpu);
  if (obstacle !== undefined && backend === 'webgpu') throw webgpuUnavailable(obstacle);
  // 15 KB, which programs that only load models do without
  const { openRuntime } = await import('./open-runtime.ts');
  return openRuntime(options, obstacle);
}
