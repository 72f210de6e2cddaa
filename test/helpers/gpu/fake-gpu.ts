import type { FactorSequence, GpuBackend } from '../../../src/backend/backend.ts';
import type { CpuBackend, CpuSequence } from '../../../src/backend/cpu.ts';
import { TpaError } from '../../../src/base/errors.ts';
import { evaluate } from '../sessions/evaluate.ts';
import type { FakeClock } from '../fakes/fake-clock.ts';

/** How a call goes wrong so that it can be seen at once. */
export const FAULTS = [
  'reject',
  'memory',
  'never',
  'lost',
  'nan-logits',
  'zero-logits',
  'nan-factors',
  'short-factors',
] as const;

/** How a call goes wrong. */
export type Fault = (typeof FAULTS)[number] | 'wrong-logits';

/** The faults that spoil what a call gives; the others hit calls of every sort. */
export const SPOILS: Partial<Record<Fault, 'forward' | 'read'>> = {
  'nan-logits': 'forward',
  'zero-logits': 'forward',
  'wrong-logits': 'forward',
  'nan-factors': 'read',
  'short-factors': 'read',
};

type Call = 'open' | 'forward' | 'read' | 'load';

/** What goes wrong, and when. */
export interface FaultPlan {
  readonly fault: Fault;
  /** Calls are counted from 1, the opening of a device included. */
  readonly at: number;
  /** Whether every call from there on goes wrong. */
  readonly isForEver: boolean;
}

/** What devices are like. */
export interface FakeGpuOptions {
  readonly maxChunk?: number;
  /** Tokens that its sequences hold; the model's number unless given. */
  readonly contextLength?: number;
  readonly isSoftware?: boolean;
  /** Names of the devices in the order they are opened; the last one stays. */
  readonly adapters?: readonly string[];
  readonly plan?: FaultPlan | undefined;
  /** Milliseconds that a call takes, by the fake clock. */
  readonly cost?: (call: Call, tokens: number, context: number) => number;
}

/** Devices that compute what a CPU computes, until they fail by plan. */
export class FakeGpus {
  readonly clock: FakeClock;
  readonly options: Required<Pick<FakeGpuOptions, 'maxChunk' | 'isSoftware'>> & FakeGpuOptions;
  /** Sort of every call so far. */
  readonly calls: Call[] = [];
  /** Moments at which a device was asked for. */
  readonly opened: number[] = [];
  /** Sequences that are alive, of all devices. */
  live = 0;
  /** Sequences that were ever made. */
  made = 0;
  /** What nobody may do to a device. */
  readonly violations: string[] = [];
  readonly #cpu: CpuBackend;
  #latest: FakeGpu | undefined;

  constructor(cpu: CpuBackend, clock: FakeClock, options: FakeGpuOptions = {}) {
    this.#cpu = cpu;
    this.clock = clock;
    this.options = { maxChunk: 32, isSoftware: false, ...options };
  }

  /** Devices alive. */
  get devices(): number {
    return this.#latest === undefined || this.#latest.isDisposed ? 0 : 1;
  }

  /** An OpenGpu. */
  readonly open = async (): Promise<GpuBackend> => {
    this.opened.push(this.clock.now());
    const gpu = new FakeGpu(this, this.#cpu);
    await this.act('open', gpu);
    this.#latest = gpu;
    return gpu;
  };

  /** The device is gone. */
  lose(reason = 'unplugged'): void {
    this.#latest?.lose(reason);
  }

  /** One call: counted, delayed, and spoiled or broken if its time has come. */
  async act(call: Call, gpu: FakeGpu, tokens = 0, context = 0): Promise<Fault | undefined> {
    this.calls.push(call);
    if (gpu.isDead) this.violations.push(`${call} on a dead device`);
    await Promise.resolve();
    this.clock.advance(this.options.cost?.(call, tokens, context) ?? 0);
    const { plan } = this.options;
    const fault = plan !== undefined && this.#isHit(plan, call) ? plan.fault : undefined;
    if (fault === undefined) {
      if (gpu.isDead) throw new Error('lost meanwhile');
      return undefined;
    }
    gpu.isDead = true;
    switch (fault) {
      case 'reject':
        throw new Error('failed to call OrtRun()');
      case 'memory':
        throw new TpaError('GPU_OUT_OF_MEMORY', 'no room for a buffer');
      case 'lost':
        gpu.lose('by plan');
        if (call === 'open') return undefined;
        throw new Error('the device was lost before mapping was resolved');
      case 'never':
        setImmediate(() => this.clock.runNext());
        return new Promise(() => {});
      default:
        return fault;
    }
  }

  #isHit({ fault, at, isForEver }: FaultPlan, call: Call): boolean {
    const isSort = (SPOILS[fault] ?? call) === call;
    return isSort && (isForEver ? this.calls.length >= at : this.calls.length === at);
  }
}

class FakeGpu implements GpuBackend {
  readonly adapter: string;
  readonly isSoftware: boolean;
  readonly dtype = 'float32';
  readonly version = '1.30.0';
  readonly maxChunk: number;
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly lost: Promise<string>;
  readonly all: FakeGpus;
  readonly sequences = new Set<FakeGpuSequence>();
  readonly #cpu: CpuBackend;
  bytesRead = 0;
  isDead = false;
  isDisposed = false;
  isBusy = false;
  lose: (reason: string) => void = () => {};

  constructor(all: FakeGpus, cpu: CpuBackend) {
    this.all = all;
    this.#cpu = cpu;
    const { adapters = ['fake adapter'] } = all.options;
    this.adapter = adapters[all.opened.length - 1] ?? adapters.at(-1)!;
    this.maxChunk = all.options.maxChunk;
    this.isSoftware = all.options.isSoftware;
    this.contextLength = all.options.contextLength ?? cpu.contextLength;
    this.vocabSize = cpu.vocabSize;
    this.lost = new Promise((resolve) => {
      this.lose = resolve;
    });
  }

  createSequence(): FactorSequence {
    if (this.isDead) this.all.violations.push('a sequence on a dead device');
    return new FakeGpuSequence(this, this.#cpu.createSequence());
  }

  /** As a worker is terminated: whatever it is doing. */
  dispose(): void {
    this.isDisposed = true;
    this.isDead = true;
    for (const sequence of this.sequences) sequence.release();
  }
}

class FakeGpuSequence implements FactorSequence {
  readonly #gpu: FakeGpu;
  readonly #inner: CpuSequence;

  constructor(gpu: FakeGpu, inner: CpuSequence) {
    this.#gpu = gpu;
    this.#inner = inner;
    gpu.sequences.add(this);
    gpu.all.live++;
    gpu.all.made++;
  }

  get length(): number {
    return this.#inner.length;
  }

  async forward(all: readonly number[], rows?: 'last' | 'all'): Promise<Float32Array> {
    return this.#alone(async () => {
      const ids = all.slice(0, this.#gpu.maxChunk);
      const fault = await this.#gpu.all.act('forward', this.#gpu, ids.length, this.length);
      const logits = await evaluate(this.#inner, ids, rows);
      this.#gpu.bytesRead = logits.byteLength;
      if (fault === 'nan-logits') logits[logits.length - 1] = NaN;
      if (fault === 'zero-logits') logits.fill(0);
      if (fault === 'wrong-logits') logits.reverse();
      return logits;
    });
  }

  async readFactors(start: number, count: number): Promise<Float32Array> {
    return this.#alone(async () => {
      const fault = await this.#gpu.all.act('read', this.#gpu, count);
      const factors = await this.#inner.readFactors(start, count);
      this.#gpu.bytesRead += factors.byteLength;
      if (fault === 'nan-factors') factors[0] = NaN;
      return fault === 'short-factors' ? factors.slice(1) : factors;
    });
  }

  async loadFactors(factors: Float32Array): Promise<void> {
    return this.#alone(async () => {
      await this.#gpu.all.act('load', this.#gpu);
      await this.#inner.loadFactors(factors);
    });
  }

  truncate(length: number): void {
    this.#check('truncate');
    this.#inner.truncate(length);
  }

  dispose(): void {
    this.#check('dispose');
    this.release();
  }

  release(): void {
    if (!this.#gpu.sequences.delete(this)) return;
    this.#gpu.all.live--;
    this.#inner.dispose();
  }

  #check(what: string): void {
    if (this.#gpu.isBusy) this.#gpu.all.violations.push(`${what} during a call`);
    if (this.#gpu.isDead) this.#gpu.all.violations.push(`${what} on a dead device`);
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#gpu.isBusy) this.#gpu.all.violations.push('calls overlap');
    this.#gpu.isBusy = true;
    try {
      return await work();
    } finally {
      this.#gpu.isBusy = false;
    }
  }
}
