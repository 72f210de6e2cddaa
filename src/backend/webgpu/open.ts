import { TpaError, unavailable } from '../../base/errors.ts';
import { orUnavailable } from '../../device/judge.ts';
import type { OpenGpu } from '../backend.ts';
import type { OpenOpGpu } from '../op-gpu.ts';
import { inTime, requestAdapter } from './adapter.ts';
import { GpuDevice } from './client/device.ts';
import { type CpuParts, OrtGpuBackend } from './gpu-backend.ts';
import { OrtOpGpu } from './gpu-ops.ts';
import { ownGpu } from './navigator-gpu.ts';
import { noWebGpuReason, hasWebGpu } from './present.ts';
import type { StartOptions, StartReport } from './protocol.ts';
import { spawnWorker, type WorkerSource } from './client/worker-port.ts';

/** What a worker has for an adapter, a device and the import of onnxruntime-web's module. */
const START_DEADLINE_MS = 20_000;

/** Where the pieces of the GPU side are; what is left out is found by itself. */
export interface WebGpuOptions {
  /** Module of onnxruntime-web with its WebGPU provider, default `onnxruntime-web/webgpu`. */
  readonly module?: string | URL;
  /** Folder of its .wasm and .mjs files, default that of the module. */
  readonly wasmPaths?: string | URL;
  /**
   * `startGpuWorker` of `tpa-wasm/webgpu`, or the address of this package's `gpu-worker.js`. Pages
   * must give it; default in Deno and Node: as found.
   */
  readonly worker?: WorkerSource;
  /** Which of several adapters; default: the one that the browser or the driver takes. */
  readonly powerPreference?: 'low-power' | 'high-performance';
}

/** How a GPU is opened. */
export interface OpenGpuOptions extends WebGpuOptions {
  readonly allowsSoftware: boolean;
  /** What weights are on the device, default float32. */
  readonly dtype?: 'float32' | 'float16';
}

/** The GPU of a model whose weights the CPU has. */
export function openWebGpu(parts: CpuParts, options: OpenGpuOptions): OpenGpu {
  const isHalf = options.dtype === 'float16';
  return (signal) =>
    withDevice(options, signal, (device, report) =>
      OrtGpuBackend.create(parts, device, report, isHalf),
    );
}

/** The GPU for operations. */
export function openOpWebGpu(options: OpenGpuOptions): OpenOpGpu {
  return (signal) =>
    withDevice(options, signal, async (device, report) => new OrtOpGpu(device, report));
}

/**
 * Starts a device in a worker and makes something of it.
 *
 * @throws TpaError `BACKEND_UNAVAILABLE` if there is none, `ABORTED`; whatever `make` throws. The
 *   worker is ended then
 */
export async function withDevice<T>(
  options: OpenGpuOptions,
  signal: AbortSignal,
  make: (device: GpuDevice, report: StartReport) => Promise<T>,
): Promise<T> {
  await checkAdapter(options);
  const device = await GpuDevice.open((events) => spawnWorker(options.worker, events));
  const close = () => device.close();
  signal.addEventListener('abort', close);
  try {
    if (signal.aborted) throw aborted();
    const start = device.ask('start', startOptions(options));
    // a worker that cannot start is no GPU, whatever is wrong with it
    const report = await orUnavailable(inTime('the GPU worker', start, START_DEADLINE_MS));
    return await make(device, report);
  } catch (error) {
    device.close();
    if (signal.aborted) throw aborted(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', close);
  }
}

/** Asks for an adapter here first, where that costs no worker. */
async function checkAdapter(options: OpenGpuOptions): Promise<void> {
  if (!hasWebGpu()) throw unavailable(noWebGpuReason());
  const gpu = ownGpu();
  if (gpu === undefined) return; // Node: Dawn is loaded by the worker alone
  await requestAdapter(gpu, options);
}

function aborted(cause?: unknown): TpaError {
  return new TpaError('ABORTED', 'opening the GPU was aborted', { cause });
}

function startOptions(options: OpenGpuOptions): StartOptions {
  const { allowsSoftware, dtype, module, wasmPaths, powerPreference } = options;
  return {
    allowsSoftware,
    needsHalf: dtype === 'float16',
    ...(module === undefined ? {} : { module: String(module) }),
    ...(wasmPaths === undefined ? {} : { wasmPaths: String(wasmPaths) }),
    ...(powerPreference === undefined ? {} : { powerPreference }),
  };
}
