import type { InferenceSession, Tensor } from 'onnxruntime-web';
import {
  describeAdapter,
  isSoftwareAdapter,
  requestAdapter,
  requestDevice,
} from '../../src/backend/webgpu/adapter.ts';
import { BufferTable } from '../../src/backend/webgpu/worker/buffer-table.ts';
import { loadRuntime, type OnnxRuntime } from '../../src/backend/webgpu/worker/onnxruntime.ts';
import type {
  Feed,
  Reply,
  Request,
  Requests,
  RunRequest,
  StartOptions,
  StartReport,
} from '../../src/backend/webgpu/protocol.ts';

interface Live {
  readonly ort: OnnxRuntime;
  readonly device: GPUDevice;
  readonly buffers: BufferTable;
}

const PAST = 'past.';
const PRESENT = 'present.';
/**
 * GroupQueryAttention computes wrong prefills in smaller subgroups (SwiftShader has 4; measured
 * with onnxruntime-web 1.30), and right ones without.
 */
const LEAST_SUBGROUP = 8;

/**
 * The device of the comparison: the requests of DeviceHost for one graph, with one difference.
 * What is bound as `past.…` is also where `present.…` goes, so that an operator that appends in
 * place can. The first error of the device is the answer of every request after it.
 */
export class AppendHost {
  #live: Live | undefined;
  #session: InferenceSession | undefined;
  readonly #bound: Record<string, Tensor> = {};
  #fault: string | undefined;

  /** Never rejects. Calls must not overlap. */
  async answer(request: Request): Promise<Reply> {
    const { id } = request;
    try {
      const answer = await this.#dispatch(request);
      if (this.#fault !== undefined) throw new Error(this.#fault);
      return { id, answer };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { id, code: 'GPU_LOST', message };
    }
  }

  async #dispatch(request: Request): Promise<Requests[keyof Requests]['answer']> {
    if (request.kind === 'start') return this.#start(request.ask);
    const { buffers } = this.#started();
    switch (request.kind) {
      case 'compile':
        return this.#compile(request.ask.model);
      case 'bind':
        for (const feed of request.ask.feeds) this.#bound[feed.name] = this.#tensor(feed);
        return undefined;
      case 'allocate':
        return buffers.allocate(request.ask.buffers);
      case 'write':
        return buffers.write(request.ask.writes);
      case 'read':
        return buffers.read(request.ask.parts);
      case 'free':
        return buffers.free(request.ask.buffers);
      case 'run':
        return this.#run(request.ask);
    }
  }

  async #start(options: StartOptions): Promise<StartReport> {
    const adapter = await requestAdapter(navigator.gpu, options);
    const device = await requestDevice(withSoundFeatures(adapter));
    device.addEventListener('uncapturederror', ({ error }) => (this.#fault ??= error.message));
    const ort = await loadRuntime(options);
    this.#live = { ort, device, buffers: new BufferTable(device) };
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    return {
      adapter: describeAdapter(adapter),
      isSoftware: isSoftwareAdapter(adapter),
      version: ort.env.versions.web ?? ort.env.versions.common,
      maxBytes: Math.min(maxBufferSize, maxStorageBufferBindingSize),
      hasHalf: device.features.has('shader-f16'),
    };
  }

  async #compile(model: Uint8Array): Promise<undefined> {
    const { ort, device } = this.#started();
    this.#session = await ort.InferenceSession.create(model, {
      executionProviders: [{ name: 'webgpu', device }],
      preferredOutputLocation: 'gpu-buffer',
      extra: { session: { disable_cpu_ep_fallback: '1' } },
    });
  }

  async #run({ feeds, read }: RunRequest): Promise<Float32Array[]> {
    const { buffers } = this.#started();
    if (this.#session === undefined) throw new RangeError('expected a compiled graph');
    const inputs = Object.fromEntries(feeds.map((feed) => [feed.name, this.#tensor(feed)]));
    const wanted: Record<string, Tensor | null> = {};
    for (const name of read) wanted[name] = null;
    for (const [name, tensor] of Object.entries(this.#bound)) {
      if (name.startsWith(PAST)) wanted[PRESENT + name.slice(PAST.length)] = tensor;
    }
    const outputs = await this.#session.run({ ...this.#bound, ...inputs }, wanted);
    try {
      const sources = read.map((name) => outputs[name]!);
      return await buffers.collect(
        [],
        sources.map((tensor) => ({ source: tensor.gpuBuffer, bytes: 4 * tensor.size })),
      );
    } finally {
      for (const name of read) outputs[name]!.dispose();
    }
  }

  #tensor({ name, type, dims, data, buffer }: Feed): Tensor {
    const { ort, buffers } = this.#started();
    if (buffer !== undefined) {
      return ort.Tensor.fromGpuBuffer(buffers.get(buffer), { dataType: type, dims: [...dims] });
    }
    if (data instanceof Float32Array) return new ort.Tensor('float32', data, dims);
    if (data instanceof Int32Array) return new ort.Tensor('int32', data, dims);
    throw new RangeError(`"${name}" expected float32 or int32 numbers, or a buffer`);
  }

  #started(): Live {
    if (this.#live === undefined) throw new RangeError('expected a started device');
    return this.#live;
  }
}

/** The adapter, without subgroups where they are too small. */
function withSoundFeatures(adapter: GPUAdapter): GPUAdapter {
  const { info, limits, features } = adapter;
  if (info.subgroupMaxSize >= LEAST_SUBGROUP) return adapter;
  const sound = new Set([...features].filter((feature) => feature !== 'subgroups'));
  const requestIt = (descriptor?: GPUDeviceDescriptor) => adapter.requestDevice(descriptor);
  return { info, limits, features: sound, requestDevice: requestIt } as GPUAdapter;
}
