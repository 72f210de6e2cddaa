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
import type { FactorMirror, OpenOpGpu, OpGpu } from './op-gpu.ts';
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
  readonly #mirrors = new WeakMap<object, FactorMirror>();
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
  async factorize(task: FactorizeTask): Promise<Factors> {
    const onCpu = () => this.#engine.run(() => factorize(this.#engine, task));
    const tables = factorizeTables(this.#engine, task);
    const rows = await this.#onGpu(
      'factorize',
      factorizeMacs(task),
      (gpu) => gpu.factorize(task, tables),
      () => isPlausible(partsOf(onCpu())),
    );
    return rows === undefined ? onCpu() : cutFactors(rows, task, rows.length / task.count);
  }

  /**
   * @param owner whose pages they are, for {@link forget}
   * @throws TpaError `OUT_OF_MEMORY`
   */
  async attend(task: AttendTask, pages: PagedCache, owner: object): Promise<Float32Array> {
    const onCpu = () => attendQueries(this.#engine, task, pages);
    const found = await this.#onGpu(
      'attend',
      attendMacs(task),
      (gpu) => gpu.attend(task, this.#mirrorOf(owner, pages)),
      () => isPlausible([onCpu()]),
    );
    return found ?? onCpu();
  }

  /** Frees the copy of a cache that is disposed. */
  forget(owner: object): void {
    const mirror = this.#mirrors.get(owner);
    const guard = this.#supervisor.current?.guard;
    if (mirror !== undefined) guard?.between(() => guard.resource.forget(mirror));
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

  #mirrorOf(owner: object, pages: PagedCache): FactorMirror {
    const mirror = this.#mirrors.get(owner) ?? new CacheMirror(this.#engine, pages);
    this.#mirrors.set(owner, mirror);
    return mirror;
  }

  /**
   * @param isCpuPlausible whether the CPU's result is: zeros of zeros are no fault of the GPU
   * @returns undefined if the CPU is to do it
   */
  async #onGpu(
    kind: string,
    macs: number,
    work: (gpu: OpGpu) => Promise<Float32Array>,
    isCpuPlausible: () => boolean,
  ): Promise<Float32Array | undefined> {
    const side = this.#use();
    if (side === undefined || macs < side.thresholdMacs) return undefined;
    try {
      const found = await side.guard.call(kind, work);
      if (isPlausible([found])) return found;
      if (!isCpuPlausible()) return undefined;
      this.#supervisor.drop(side, `the GPU gave a result of ${kind} that cannot be`);
    } catch (error) {
      if (!isGpuFailure(error)) throw error;
      this.#supervisor.drop(side, error.message);
    }
    return undefined;
  }

  #use(): OpSide | undefined {
    if (this.#mode === 'webgpu' && !this.#isStarted) return undefined;
    return this.#supervisor.use();
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
