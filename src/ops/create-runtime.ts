import { webgpuUnavailable } from '../base/errors.ts';
import type { OpenOpGpu } from '../backend/op-gpu.ts';
import { gpuObstacle } from '../backend/webgpu/present.ts';
import { Compute } from '../compute/compute.ts';
import { threadsOf, wantsThreads } from '../threads/threads-option.ts';
import { compileKernels, createEngine } from '../wasm/engine.ts';
import { checkRuntimeOptions, type RuntimeOptions } from './runtime-options.ts';
import { Runtime } from './runtime.ts';

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
  const isShared = wantsThreads(options.threads);
  const engine = await createEngine(options, await compileKernels(options, { isShared }));
  const threads = await threadsOf(engine, options.threads);
  const compute = new Compute(engine, { threads });
  if (typeof options.threads === 'number') await threads.start?.();
  if (backend === 'wasm' || obstacle !== undefined) {
    return new Runtime(compute, { threads, ...(obstacle && { backendReason: obstacle }) });
  }
  const open: OpenOpGpu = async (signal) => {
    const { openOpWebGpu } = await import('../backend/webgpu/open.ts');
    return openOpWebGpu({ ...webgpu, allowsSoftware: backend === 'webgpu' })(signal);
  };
  const { OpDispatch } = await import('./dispatch.ts');
  const dispatch = new OpDispatch(compute, open, { mode: backend });
  if (backend === 'webgpu') await dispatch.start();
  return new Runtime(compute, { threads, dispatch });
}
