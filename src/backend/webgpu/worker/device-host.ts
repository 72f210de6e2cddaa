import { bytesOf } from '../../../layout/numbers.ts';
import type { InferenceSession, Tensor } from 'onnxruntime-web';
import { messageOf, TpaError, unavailable } from '../../../base/errors.ts';
import { orUnavailable } from '../../../device/judge.ts';
import { describeAdapter, isSoftwareAdapter, requestAdapter, requestDevice } from '../adapter.ts';
import { BufferTable } from './buffer-table.ts';
import { provideGpu } from '../navigator-gpu.ts';
import { describeVersion, loadRuntime, type OnnxRuntime, refusalOf } from './onnxruntime.ts';
import type {
  Feed,
  Reply,
  Request,
  Requests,
  RunRequest,
  StartOptions,
  StartReport,
} from '../protocol.ts';

/** A lost device says so within a turn of the event loop, or a few where the adapter is software. */
const LOSS_MS = 50;

interface Graph {
  readonly session: InferenceSession;
  readonly bound: Record<string, Tensor>;
}

interface Live {
  readonly options: StartOptions;
  readonly ort: OnnxRuntime;
  readonly device: GPUDevice;
  readonly buffers: BufferTable;
}

/** Answers requests with a device of its own and the sessions of onnxruntime-web on it. */
export class DeviceHost {
  readonly #onLost: (reason: string) => void;
  readonly #graphs = new Map<string, Graph>();
  #live: Live | undefined;
  #fault: TpaError | undefined;

  constructor(onLost: (reason: string) => void) {
    this.#onLost = onLost;
  }

  /** Never rejects. Calls must not overlap. */
  async answer(request: Request): Promise<{ reply: Reply; transfer: ArrayBuffer[] }> {
    const { id } = request;
    try {
      const answer = await this.#dispatch(request);
      const transfer = Array.isArray(answer)
        ? answer.map(({ buffer }) => buffer as ArrayBuffer)
        : [];
      return { reply: { id, answer }, transfer: [...new Set(transfer)] };
    } catch (error) {
      // whatever a run rejects with, the device is not to be trusted again
      const code = error instanceof TpaError ? error.code : 'GPU_LOST';
      if (code === 'GPU_LOST') await this.#lossSettled();
      return { reply: { id, code, message: messageOf(error) }, transfer: [] };
    }
  }

  /** Reports a loss before the errors it caused, whose messages say less ("validation error"). */
  async #lossSettled(): Promise<void> {
    const lost = this.#live?.device.lost;
    await Promise.race([lost, new Promise((resolve) => setTimeout(resolve, LOSS_MS))]);
  }

  async #dispatch(request: Request): Promise<Requests[keyof Requests]['answer']> {
    if (request.kind === 'start') return this.#start(request.ask);
    const { device, buffers } = this.#started();
    switch (request.kind) {
      case 'compile':
        return this.#compile(request.ask);
      case 'bind': {
        const { bound } = this.#graph(request.ask.graph);
        for (const feed of request.ask.feeds) bound[feed.name] = this.#tensor(feed);
        return undefined;
      }
      case 'allocate':
        return scoped(device, () => buffers.allocate(request.ask.buffers));
      case 'write':
        return scoped(device, () => buffers.write(request.ask.writes));
      case 'read':
        return scoped(device, () => buffers.read(request.ask.parts));
      case 'free':
        return buffers.free(request.ask.buffers);
      case 'run':
        return this.#run(request.ask);
    }
  }

  async #start(options: StartOptions): Promise<StartReport> {
    const adapter = await findAdapter(options);
    const device = await orUnavailable(requestDevice(adapter));
    void device.lost.then(({ reason, message }) =>
      this.#onLost(`the GPU device was lost (${reason}): ${message}`),
    );
    device.addEventListener('uncapturederror', ({ error }) => {
      this.#fault ??= faultOf(error);
    });
    const ort = await orUnavailable(loadRuntime(options));
    this.#live = { options, ort, device, buffers: new BufferTable(device) };
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    return {
      adapter: describeAdapter(adapter),
      isSoftware: isSoftwareAdapter(adapter),
      version: describeVersion(ort),
      maxBytes: Math.min(maxBufferSize, maxStorageBufferBindingSize),
      hasHalf: device.features.has('shader-f16'),
    };
  }

  async #compile({ graph, model }: Requests['compile']['ask']): Promise<undefined> {
    const { options, ort, device } = this.#started();
    try {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: [{ name: 'webgpu', device }],
        preferredOutputLocation: 'gpu-buffer',
        logSeverityLevel: 4,
        // a node that fell back to the CPU would copy the cache there and back
        extra: { session: { disable_cpu_ep_fallback: '1' } },
      });
      this.#graphs.set(graph, { session, bound: {} });
    } catch (error) {
      throw unavailable(refusalOf(messageOf(error), options));
    }
  }

  async #run({ graph, feeds, writes, copies, read }: RunRequest): Promise<Float32Array[]> {
    const { buffers } = this.#started();
    const { session, bound } = this.#graph(graph);
    buffers.write(writes);
    const inputs = Object.fromEntries(feeds.map((feed) => [feed.name, this.#tensor(feed)]));
    const wanted = [...new Set([...read, ...copies.map(({ output }) => output)])];
    const outputs = await session.run({ ...bound, ...inputs }, wanted);
    try {
      const of = (name: string) => outputs[name]!;
      const numbers = await buffers.collect(
        copies.map((copy) => ({ ...copy, source: of(copy.output).gpuBuffer })),
        read.map((name) => ({ source: of(name).gpuBuffer, bytes: bytesOf(of(name).size) })),
      );
      if (this.#fault !== undefined) throw this.#fault;
      return numbers;
    } finally {
      for (const tensor of Object.values(outputs)) tensor.dispose();
      for (const tensor of Object.values(inputs)) tensor.dispose();
    }
  }

  #tensor({ name, type, dims, data, buffer }: Feed): Tensor {
    const { ort, buffers } = this.#started();
    if (buffer !== undefined) {
      return ort.Tensor.fromGpuBuffer(buffers.get(buffer), { dataType: type, dims: [...dims] });
    }
    if (data instanceof Float32Array) return new ort.Tensor('float32', data, dims);
    if (data instanceof Int32Array) return new ort.Tensor('int32', data, dims);
    if (data instanceof BigInt64Array) return new ort.Tensor('int64', data, dims);
    throw new RangeError(`the input "${name}" came without numbers and without a buffer`);
  }

  #graph(name: string): Graph {
    const graph = this.#graphs.get(name);
    if (graph === undefined) throw new RangeError(`the graph "${name}" was not compiled`);
    return graph;
  }

  #started(): Live {
    if (this.#live === undefined) throw new RangeError('the device was not started');
    return this.#live;
  }
}

async function findAdapter(options: StartOptions): Promise<GPUAdapter> {
  const gpu = await provideGpu();
  if (gpu === undefined) throw unavailable('no WebGPU in workers here');
  const adapter = await requestAdapter(gpu, options);
  if (options.needsHalf && !adapter.features.has('shader-f16')) {
    const name = describeAdapter(adapter);
    throw unavailable(`${name} has no shader-f16, which "gpuDtype": "float16" needs`);
  }
  return adapter;
}

/** Waits for GPU work and turns what the device reports of it, which is no exception, into one. */
async function scoped<T>(device: GPUDevice, work: () => T | Promise<T>): Promise<T> {
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  const result = await work();
  const [invalid, memory] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  const error = memory ?? invalid; // a buffer that there was no memory for is invalid too
  if (error) throw faultOf(error);
  return result;
}

function faultOf(error: GPUError): TpaError {
  const code = error instanceof GPUOutOfMemoryError ? 'GPU_OUT_OF_MEMORY' : 'GPU_LOST';
  return new TpaError(code, error.message);
}
