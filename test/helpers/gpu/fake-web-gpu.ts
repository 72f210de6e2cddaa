import { withGlobals } from '../fakes/globals.ts';

/** What an adapter is like; the rest is that of an ordinary one. */
export interface FakeAdapterOptions {
  readonly description?: string;
  readonly vendor?: string;
  readonly architecture?: string;
  readonly device?: string;
  /** The flag where it is now. */
  readonly isFallback?: boolean;
  /** The flag where it was. */
  readonly wasFallback?: boolean;
  readonly features?: readonly string[];
  readonly limits?: Readonly<Record<string, number>>;
  /** What a device is asked with, and what comes of it. */
  readonly requestDevice?: (descriptor: GPUDeviceDescriptor) => Promise<GPUDevice>;
}

/** An adapter of this description. */
export function fakeAdapter(options: FakeAdapterOptions = {}): GPUAdapter {
  const { description = '', vendor = 'acme', architecture = 'one', device = '' } = options;
  const { isFallback = false, wasFallback, features = [], limits = {} } = options;
  return {
    info: { description, vendor, architecture, device, isFallbackAdapter: isFallback },
    ...(wasFallback === undefined ? {} : { isFallbackAdapter: wasFallback }),
    features: new Set(features),
    limits: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27, ...limits },
    requestDevice: options.requestDevice ?? (async () => new FakeWebGpuDevice().asDevice()),
  } as unknown as GPUAdapter;
}

/** Runs `work` where `navigator.gpu` gives this. */
export function withGpu<T>(
  requestAdapter: (options?: GPURequestAdapterOptions) => Promise<GPUAdapter | null>,
  work: () => T | Promise<T>,
): Promise<T> {
  const gpu = { requestAdapter } as unknown as GPU;
  return withGlobals({ navigator: { gpu }, GPUOutOfMemoryError: FakeMemoryError }, work);
}

/** What a device reports of memory that it has not. */
export class FakeMemoryError extends Error {}

/** A buffer that really stores bytes. */
export class FakeBuffer {
  readonly size: number;
  readonly bytes: Uint8Array;
  isDestroyed = false;
  isMapped = false;
  readonly #device: FakeWebGpuDevice;

  constructor(device: FakeWebGpuDevice, size: number) {
    this.#device = device;
    this.size = size;
    this.bytes = new Uint8Array(size);
  }

  async mapAsync(mode: number, at: number, size: number): Promise<void> {
    if (this.#device.mapFailure !== undefined) throw this.#device.mapFailure;
    if (this.isMapped) throw new Error('the buffer is mapped already');
    if (mode !== 1 || at + size > this.size) throw new RangeError('mapAsync');
    this.isMapped = true;
  }

  getMappedRange(at: number, size: number): ArrayBuffer {
    if (!this.isMapped) throw new Error('the buffer is not mapped');
    return this.bytes.slice(at, at + size).buffer;
  }

  unmap(): void {
    this.isMapped = false;
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

type Copy = [from: FakeBuffer, at: number, to: FakeBuffer, start: number, bytes: number];

/** A device of WebGPU whose buffers are bytes, with error scopes; shaders are not its business. */
export class FakeWebGpuDevice {
  readonly limits: Readonly<Record<string, number>>;
  readonly features: ReadonlySet<string>;
  readonly buffers: FakeBuffer[] = [];
  /** Submissions so far. */
  submissions = 0;
  /** What the next buffers made report. */
  readonly pending: { filter: GPUErrorFilter; error: Error }[] = [];
  mapFailure: Error | undefined;
  lose!: (reason: GPUDeviceLostReason, message: string) => void;
  readonly lost = new Promise<{ reason: GPUDeviceLostReason; message: string }>((resolve) => {
    this.lose = (reason, message) => resolve({ reason, message });
  });
  readonly #scopes: { filter: GPUErrorFilter; error: Error | null }[] = [];
  #uncaptured: ((event: { error: Error }) => void) | undefined;

  /** @param features by their names in WebGPU, none unless given */
  constructor(limits: Readonly<Record<string, number>> = {}, features: readonly string[] = []) {
    this.features = new Set(features);
    this.limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27, ...limits };
  }

  /** As the types of WebGPU have it. */
  asDevice(): GPUDevice {
    return this as unknown as GPUDevice;
  }

  /** Scopes that are open. */
  get scopes(): number {
    return this.#scopes.length;
  }

  /** Buffers that were not destroyed. */
  get live(): number {
    return this.buffers.filter(({ isDestroyed }) => !isDestroyed).length;
  }

  /** Reports an error to the innermost scope that takes it, else as uncaptured. */
  report(filter: GPUErrorFilter, error: Error): void {
    const scope = this.#scopes.findLast((one) => one.filter === filter);
    if (scope === undefined) this.#uncaptured?.({ error });
    else scope.error ??= error;
  }

  addEventListener(type: string, listener: (event: { error: Error }) => void): void {
    if (type === 'uncapturederror') this.#uncaptured = listener;
  }

  pushErrorScope(filter: GPUErrorFilter): void {
    this.#scopes.push({ filter, error: null });
  }

  async popErrorScope(): Promise<Error | null> {
    return this.#scopes.pop()!.error;
  }

  createBuffer({ size }: { size: number }): FakeBuffer {
    for (const { filter, error } of this.pending.splice(0)) this.report(filter, error);
    const buffer = new FakeBuffer(this, size);
    this.buffers.push(buffer);
    return buffer;
  }

  createCommandEncoder() {
    const copies: Copy[] = [];
    return {
      copyBufferToBuffer: (...copy: Copy) => void copies.push(copy),
      finish: () => copies,
    };
  }

  readonly queue = {
    submit: ([copies]: [readonly Copy[]]): void => {
      this.submissions++;
      for (const [from, at, to, start, bytes] of copies) {
        if (from.isDestroyed || to.isDestroyed) throw new Error('a destroyed buffer');
        if (at + bytes > from.size || start + bytes > to.size) throw new RangeError('copy');
        to.bytes.set(from.bytes.subarray(at, at + bytes), start);
      }
    },
    writeBuffer: (buffer: FakeBuffer, at: number, data: ArrayBufferView): void => {
      buffer.bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    },
  };
}
