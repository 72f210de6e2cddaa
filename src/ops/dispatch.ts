import { attendQueries } from './attend-task.ts';
import { cutFactors, factorize, type Factors } from './factorize.ts';
import type { Holding } from './factor-cache.ts';
import { attendMacs, factorizeMacs, factorizeTables } from './gpu-work.ts';
import { TpaError, unavailable, webgpuUnavailable } from '../base/errors.ts';
import type { Compute } from '../compute/compute.ts';
import { mirrorOf } from './mirror.ts';
import { type Clock, systemClock } from '../base/time.ts';
import { Guard, isGpuFailure } from '../device/guard.ts';
import { areFinite, areZeros } from '../device/judge.ts';
import {
  checkOps,
  measureOps,
  type OpDispatchInfo,
  type OpGpuInfo,
  thresholdOf,
} from './figures.ts';
import type { AttendTask, FactorizeTask, OpenOpGpu, OpGpu } from '../backend/op-gpu.ts';
import { type GpuChoice, type Losable, OPEN_DEADLINE, Supervisor } from '../device/supervisor.ts';

interface OpSide extends Losable {
  readonly guard: Guard<OpGpu>;
  readonly thresholdMacs: number;
}

/** One operation on either side. */
interface Operation<T> {
  readonly kind: string;
  readonly macs: number;
  onGpu(gpu: OpGpu): Promise<T>;
  onCpu(): T;
  /** All numbers of a result. */
  parts(result: T): readonly Float32Array[];
}

/**
 * Below this no GPU is opened: the kernels need a millisecond for 20 million multiply-adds, and a
 * trip to most adapters takes longer.
 */
const LEAST_MACS = 20e6;

/** Options of an {@link OpDispatch}. */
export interface OpDispatchOptions extends GpuChoice {
  /** Multiply-adds below which `'auto'` asks for no GPU, 20 million unless given. */
  readonly leastMacs?: number;
}

/** Sends single operations to the GPU where the trip pays, and to the CPU again when it is lost. */
export class OpDispatch {
  readonly #compute: Compute;
  readonly #mode: GpuChoice['mode'];
  readonly #leastMacs: number;
  readonly #clock: Clock;
  readonly #supervisor: Supervisor<OpSide>;
  /** Caches that a device may have copies of. */
  readonly #owners = new WeakSet<object>();
  #isStarted = false;
  #isDisposed = false;
  /** Of the GPU that was opened last. */
  #facts: Omit<OpGpuInfo, 'losses'> | undefined;

  constructor(compute: Compute, openGpu: OpenOpGpu, options: OpDispatchOptions) {
    const { mode, leastMacs = LEAST_MACS, clock, random } = options;
    this.#leastMacs = mode === 'auto' ? leastMacs : 0;
    this.#compute = compute;
    this.#mode = mode;
    this.#clock = clock ?? systemClock();
    this.#supervisor = new Supervisor<OpSide>({
      open: (signal) => Guard.open(openGpu, signal, this.#clock, (guard) => this.#accept(guard)),
      openDeadline: OPEN_DEADLINE[mode],
      clock: this.#clock,
      random,
      onLost: () => {},
      onOpened: () => {},
    });
  }

  /** Opens the GPU now rather than at the first use. @throws TpaError `BACKEND_UNAVAILABLE` */
  async start(): Promise<void> {
    this.#isStarted = true;
    try {
      await this.#supervisor.start();
    } catch (error) {
      this.dispose();
      throw webgpuUnavailable(error);
    }
  }

  /** @throws TpaError `OUT_OF_MEMORY` */
  factorize(task: FactorizeTask): Promise<Factors> {
    const compute = this.#compute;
    return this.#run<Factors>({
      kind: 'factorize',
      macs: factorizeMacs(task),
      onGpu: async (gpu) => {
        const tables = factorizeTables(compute, task);
        const rows = await gpu.factorize(task, tables);
        return cutFactors(rows, task, rows.length / task.count);
      },
      onCpu: () => factorize(compute, task),
      parts: partsOf,
    });
  }

  /**
   * Attention over a cache as it is now, whatever becomes of it meanwhile.
   *
   * @throws TpaError `OUT_OF_MEMORY`
   */
  async attend(task: AttendTask, cache: Holding): Promise<Float32Array> {
    const macs = attendMacs(task);
    if (this.#sideFor(macs) === undefined) {
      return attendQueries(this.#compute, task, cache.pages);
    }
    const mirror = mirrorOf(cache);
    this.#owners.add(cache);
    try {
      return await this.#run<Float32Array>({
        kind: 'attend',
        macs,
        onGpu: (gpu) => gpu.attend(task, mirror),
        onCpu: () => attendQueries(this.#compute, task, mirror.pages),
        parts: (out) => [out],
      });
    } finally {
      mirror.pages.dispose();
    }
  }

  /** Frees the copy of a cache that is disposed. */
  forget(cache: Holding): void {
    const guard = this.#supervisor.current?.guard;
    if (this.#owners.delete(cache)) guard?.between(() => guard.resource.forget(cache));
  }

  info(): OpDispatchInfo {
    const side = this.#supervisor.current;
    const facts = this.#facts;
    const gpu = facts ? { gpu: { ...facts, losses: this.#supervisor.losses } } : {};
    if (side === undefined) {
      const reason = this.#supervisor.reason;
      return {
        backend: 'wasm',
        backendReason: reason === '' ? 'no operation was worth a GPU yet' : reason,
        ...gpu,
      };
    }
    const backendReason =
      this.#mode === 'webgpu'
        ? 'asked for'
        : `measured faster from ${Math.round(side.thresholdMacs)} multiply-adds on`;
    return { backend: 'webgpu', backendReason, ...gpu };
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#supervisor.dispose();
  }

  async #run<T>({ kind, macs, onGpu, onCpu, parts }: Operation<T>): Promise<T> {
    const side = this.#sideFor(macs);
    if (side === undefined) return onCpu();
    try {
      // calls of a class take about the same time
      const size = Math.ceil(Math.log2(macs + 1));
      const found = await side.guard.call(`${kind} of 2^${size} multiply-adds`, onGpu);
      if (isPlausible(parts(found))) return found;
    } catch (error) {
      if (this.#isDisposed) throw new TpaError('DISPOSED', 'the runtime is disposed');
      if (!(error instanceof TpaError)) throw error;
      if (isGpuFailure(error)) this.#supervisor.drop(side, error.message);
      return onCpu();
    }
    const result = onCpu();
    // zeros of zeros are no fault of the GPU
    if (isPlausible(parts(result))) {
      this.#supervisor.drop(
        side,
        `the GPU returned an invalid result of ${kind} (not finite, or all zero)`,
      );
    }
    return result;
  }

  /** The GPU, if it is to do an operation of this size. */
  #sideFor(macs: number): OpSide | undefined {
    const isStarting = this.#mode === 'webgpu' && !this.#isStarted;
    if (isStarting || macs < this.#leastMacs) return undefined;
    const side = this.#supervisor.use();
    return side === undefined || macs < side.thresholdMacs ? undefined : side;
  }

  /** A GPU that computes right and, with 'auto', is faster from some size on. */
  async #accept(guard: Guard<OpGpu>): Promise<OpSide> {
    await checkOps(this.#compute, guard);
    const isAuto = this.#mode === 'auto';
    const figures = isAuto ? await measureOps(this.#compute, guard, this.#clock) : undefined;
    const thresholdMacs = figures === undefined ? 0 : thresholdOf(figures);
    const isWorth = Number.isFinite(thresholdMacs);
    const { adapter, isSoftware, version } = guard.resource;
    this.#facts = {
      adapter,
      isSoftware,
      version,
      thresholdMacs: isWorth ? thresholdMacs : null,
      ...(figures ? { figures } : {}),
    };
    if (!isWorth) throw unavailable(`the CPU was measured faster than ${adapter}`);
    return { guard, lost: guard.lost, thresholdMacs, dispose: () => guard.dispose() };
  }
}

/** All arrays of factors. */
function partsOf({ aq, bq, q, ak, bk, av, bv }: Factors): readonly Float32Array[] {
  return [aq, bq, ...(q ? [q] : []), ak, bk, av, bv];
}

/** Finite, and not what an unwritten buffer gives. */
function isPlausible(parts: readonly Float32Array[]): boolean {
  return parts.every(areFinite) && !parts.every(areZeros);
}
