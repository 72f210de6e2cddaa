import type { OpenOpGpu } from '../backend/op-gpu.ts';
import { Compute } from '../compute/compute.ts';
import { threadsOf, wantsThreads } from '../threads/threads-option.ts';
import { compileKernels, createEngine } from '../wasm/engine.ts';
import type { RuntimeOptions } from './runtime-options.ts';
import { Runtime } from './runtime.ts';

/**
 * A runtime by options that were checked.
 *
 * @param obstacle why there is no GPU
 * @throws TpaError as `createRuntime`
 */
export async function openRuntime(
  options: RuntimeOptions,
  obstacle: string | undefined,
): Promise<Runtime> {
  const { backend = 'auto', webgpu = {} } = options;
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
  const runtime = new Runtime(compute, { threads, dispatch });
  try {
    if (backend === 'webgpu') await dispatch.start();
    return runtime;
  } catch (error) {
    runtime.dispose();
    throw error;
  }
}
