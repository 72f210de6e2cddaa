import { attendMacs, attendQueries, type AttendTask } from '../attention/attend-task.ts';
import {
  cutFactors,
  factorize,
  factorizeMacs,
  type Factors,
  type FactorizeTask,
  factorizeTables,
} from '../attention/factorize.ts';
import type { PagedCache } from '../cache/pages.ts';
import type { Engine } from '../wasm/engine.ts';
import { CacheMirror } from './cache-mirror.ts';
import { type Clock, systemClock } from './clock.ts';
import { Guard, isGpuFailure } from './guard.ts';
import { checkOps, measureOps, type OpFigures } from './op-figures.ts';
import type { OpenOpGpu, OpGpu } from './op-gpu.ts';
import { type Losable, Supervisor } from './supervisor.ts';

/** The GPU of a runtime, as `info()` tells of it. */
export interface OpGpuInfo {
  /** In words. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** Of onnxruntime-web. */
  readonly version: string;
  /**
   * Multiply-adds from which on an operation is worth the trip; null where none is. 0 where
   * everything goes to the GPU.
   */
  readonly thresholdMacs: number | null;
  readonly figures?: OpFigures;
  readonly losses: number;
}

/** Who computes the asynchronous operations of a runtime, and why. */
export interface OpDispatchInfo {
  readonly backend: 'wasm' | 'webgpu';
  readonly backendReason: string;
  readonly gpu?: OpGpuInfo;
}

interface OpSide extends Losable {
  readonly guard: Guard<OpGpu>;
  readonly figures?: OpFigures;
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

/** Options of an {@link OpDispatch}. */
export interface OpDispatchOptions {
  /** `'auto'`: what was measured to be faster. `'webgpu'`: the GPU, while there is one. */
  readonly mode: 'auto' | 'webgpu';
  readonly clock?: Clock;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
}

/** Sends single operations to the GPU where the trip pays, and to the CPU again when it is lost. */
export class OpDispatch {
  readonly #engine: Engine;
  readonly #mode: 'auto' | 'webgpu';
  readonly #clock: Clock;
  readonly #supervisor: Supervisor<OpSide>;
  /** Those whose caches a device may have copies of. */
  readonly #owners = new WeakSet<object>();
  #isStarted = false;

  constructor(engine: Engine, openGpu: OpenOpGpu, { mode, clock, random }: OpDispatchOptions) {
    this.#engine = engine;
    this.#mode = mode;
    this.#clock = clock ?? systemClock();
    this.#supervisor = new Supervisor<OpSide>({
      open: (signal) => this.#open(openGpu, signal),
      clock: this.#clock,
      random: random ?? Math.random,
      onLost: () => {},
      onOpened: () => {},
    });
  }

  /** Opens the GPU now rather than at the first use. @throws TpaError `BACKEND_UNAVAILABLE` */
  async start(): Promise<void> {
    this.#isStarted = true;
    await this.#supervisor.start();
  }

  /** @throws TpaError `OUT_OF_MEMORY` */
  factorize(task: FactorizeTask): Promise<Factors> {
    const engine = this.#engine;
    return this.#run<Factors>({
      kind: 'factorize',
      macs: factorizeMacs(task),
      onGpu: async (gpu) => {
        const rows = await gpu.factorize(task, factorizeTables(engine, task));
        return cutFactors(rows, task, rows.length / task.count);
      },
      onCpu: () => engine.run(() => factorize(engine, task)),
      parts: partsOf,
    });
  }

  /**
   * Attention over the pages as they are now, whatever becomes of them meanwhile.
   *
   * @param owner whose pages they are, for {@link forget}
   * @throws TpaError `OUT_OF_MEMORY`
   */
  async attend(task: AttendTask, pages: PagedCache, owner: object): Promise<Float32Array> {
    const macs = attendMacs(task);
    if (this.#sideFor(macs) === undefined) return attendQueries(this.#engine, task, pages);
    const mirror = new CacheMirror(this.#engine, pages, owner);
    this.#owners.add(owner);
    try {
      return await this.#run<Float32Array>({
        kind: 'attend',
        macs,
        onGpu: (gpu) => gpu.attend(task, mirror),
        onCpu: () => attendQueries(this.#engine, task, mirror.pages),
        parts: (out) => [out],
      });
    } finally {
      mirror.dispose();
    }
  }

  /** Frees the copy of a cache that is disposed. */
  forget(owner: object): void {
    const guard = this.#supervisor.current?.guard;
    if (this.#owners.delete(owner)) guard?.between(() => guard.resource.forget(owner));
  }

  info(): OpDispatchInfo {
    const side = this.#supervisor.current;
    if (side === undefined) {
      const reason = this.#supervisor.reason;
      return {
        backend: 'wasm',
        backendReason: reason === '' ? 'no operation has asked for the GPU yet' : reason,
      };
    }
    const { figures, thresholdMacs, guard } = side;
    const { adapter, isSoftware, version } = guard.resource;
    const isWorth = Number.isFinite(thresholdMacs);
    return {
      backend: isWorth ? 'webgpu' : 'wasm',
      backendReason:
        this.#mode === 'webgpu'
          ? 'asked for'
          : isWorth
            ? `measured faster from ${Math.round(thresholdMacs)} multiply-adds on`
            : `the CPU was measured faster than ${adapter}`,
      gpu: {
        adapter,
        isSoftware,
        version,
        thresholdMacs: isWorth ? thresholdMacs : null,
        ...(figures ? { figures } : {}),
        losses: this.#supervisor.losses,
      },
    };
  }

  dispose(): void {
    this.#supervisor.dispose();
  }

  async #run<T>({ kind, macs, onGpu, onCpu, parts }: Operation<T>): Promise<T> {
    const side = this.#sideFor(macs);
    if (side === undefined) return onCpu();
    try {
      const found = await side.guard.call(kind, onGpu);
      if (isPlausible(parts(found))) return found;
    } catch (error) {
      if (!isGpuFailure(error)) throw error;
      this.#supervisor.drop(side, error.message);
      return onCpu();
    }
    const result = onCpu();
    // zeros of zeros are no fault of the GPU
    if (isPlausible(parts(result))) {
      this.#supervisor.drop(side, `the GPU gave a result of ${kind} that cannot be`);
    }
    return result;
  }

  /** The GPU, if it is to do an operation of this size. */
  #sideFor(macs: number): OpSide | undefined {
    if (this.#mode === 'webgpu' && !this.#isStarted) return undefined;
    const side = this.#supervisor.use();
    return side === undefined || macs < side.thresholdMacs ? undefined : side;
  }

  async #open(openGpu: OpenOpGpu, signal: AbortSignal): Promise<OpSide> {
    const gpu = await openGpu(signal);
    const guard = new Guard<OpGpu>(gpu, this.#clock);
    const giveUp = (): void => guard.dispose();
    signal.addEventListener('abort', giveUp);
    try {
      if (signal.aborted) giveUp();
      await checkOps(this.#engine, guard);
      const figures =
        this.#mode === 'auto' ? await measureOps(this.#engine, guard, this.#clock) : undefined;
      return {
        guard,
        lost: guard.lost,
        thresholdMacs: figures === undefined ? 0 : thresholdOf(figures),
        dispose: giveUp,
        ...(figures ? { figures } : {}),
      };
    } catch (error) {
      giveUp();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }
}

/**
 * Multiply-adds at which both sides take the same time: a trip costs the same whatever it is for.
 *
 * @returns Infinity where the GPU is slower at each of them
 */
export function thresholdOf({ tripMs, gpuMsPerMac, cpuMsPerMac }: OpFigures): number {
  const gain = cpuMsPerMac - gpuMsPerMac;
  return gain > 0 ? tripMs / gain : Infinity;
}

/** All arrays of factors. */
function partsOf({ aq, bq, q, ak, bk, av, bv }: Factors): readonly Float32Array[] {
  return [aq, bq, ...(q ? [q] : []), ak, bk, av, bv];
}

/** Finite, and not what an unwritten buffer gives. */
function isPlausible(parts: readonly Float32Array[]): boolean {
  return (
    parts.every((part) => part.every((value) => Number.isFinite(value))) &&
    parts.some((part) => part.some((value) => value !== 0))
  );
}
