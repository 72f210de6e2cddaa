import type { FakeBuffer, FakeWebGpuDevice } from './fake-web-gpu.ts';

/** A tensor of numbers, or of a buffer. */
export class FakeTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
  readonly gpuBuffer: FakeBuffer | undefined;
  readonly size: number;
  disposals = 0;

  constructor(type: string, data: unknown, dims: readonly number[], gpuBuffer?: FakeBuffer) {
    this.type = type;
    this.data = data;
    this.dims = dims;
    this.gpuBuffer = gpuBuffer;
    this.size = dims.reduce((product, dim) => product * dim, 1);
  }

  static fromGpuBuffer(
    buffer: FakeBuffer,
    { dataType, dims }: { dataType: string; dims: readonly number[] },
  ): FakeTensor {
    return new FakeTensor(dataType, undefined, dims, buffer);
  }

  dispose(): void {
    this.disposals++;
  }
}

type Feeds = Readonly<Record<string, FakeTensor>>;

/** A module with the face of onnxruntime-web; a graph gives what `outputs` says. */
export class FakeOnnxRuntime {
  readonly env: {
    versions: { common: string; web?: string };
    wasm: { numThreads?: number; wasmPaths?: string };
    logLevel: string;
  };
  readonly sessions: { readonly model: Uint8Array; readonly options: Record<string, unknown> }[] =
    [];
  readonly runs: { readonly feeds: Feeds; readonly wanted: readonly string[] }[] = [];
  /** Outputs that were given out. */
  readonly given: FakeTensor[] = [];
  /** Why no session can be made. */
  refusal: string | undefined;
  /** Numbers of an output; what it throws, the run rejects with. */
  outputs: (name: string) => readonly number[] = () => [0];
  readonly Tensor = FakeTensor;
  readonly InferenceSession = {
    create: async (model: Uint8Array, options: Record<string, unknown>) => {
      if (this.refusal !== undefined) throw new Error(this.refusal);
      this.sessions.push({ model, options });
      const { device } = (options['executionProviders'] as [{ device: FakeWebGpuDevice }])[0];
      return { run: (feeds: Feeds, wanted: readonly string[]) => this.#run(device, feeds, wanted) };
    },
  };

  constructor(versions: { common: string; web?: string } = { common: '1.30.0', web: '1.30.0' }) {
    this.env = { versions, wasm: {}, logLevel: 'warning' };
  }

  /** Address of it as a module. */
  get module(): string {
    const key = `onnxruntime ${count++}`;
    Object.assign(globalThis, { [key]: this });
    const text = `export const { env, InferenceSession, Tensor } = globalThis[${JSON.stringify(key)}];`;
    return `data:text/javascript,${encodeURIComponent(text)}`;
  }

  async #run(
    device: FakeWebGpuDevice,
    feeds: Feeds,
    wanted: readonly string[],
  ): Promise<Record<string, FakeTensor>> {
    this.runs.push({ feeds, wanted });
    const outputs = wanted.map((name) => {
      const numbers = Float32Array.from(this.outputs(name));
      const buffer = device.createBuffer({ size: Math.ceil(numbers.byteLength / 16) * 16 });
      buffer.bytes.set(new Uint8Array(numbers.buffer));
      const tensor = new FakeTensor('float32', undefined, [numbers.length], buffer);
      this.given.push(tensor);
      return [name, tensor] as const;
    });
    return Object.fromEntries(outputs);
  }
}

let count = 0;
