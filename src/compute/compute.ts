import { TpaError } from '../base/errors.ts';
import { isPage } from '../base/environment.ts';
import { yieldMacrotask } from '../base/time.ts';
import { runAlone, runWhole } from '../threads/alone.ts';
import { type ScratchBytes, takeForLanes } from './scratch.ts';
import type { Arguments, Moving, Operation } from '../threads/operations.ts';
import type { Threads } from '../threads/threads.ts';
import { Program, RANGE_COST } from '../threads/program.ts';
import type { Engine } from '../wasm/engine.ts';
import type { Heap } from '../wasm/heap.ts';
import type { Kernels } from '../wasm/kernels.ts';

/** Multiply-adds of an operation that threads are started for, beside it: 5 ms. */
const START_COST = 1 << 26;
/** Of a page's display. */
const FRAME_MS = 16;
/** In front of the scratch cache lines of records: QueryRows of 24 bytes, then FactorRows of 32. */
const FACTORS_AT = 32;
const RECORD_BYTES = 64;

/** What computing takes besides kernels. */
export interface ComputeOptions {
  /** Threads that share the memory; this one alone unless given. */
  readonly threads?: Threads | undefined;
  /** Multiply-adds that no range of {@link Compute.evaluate} exceeds on one thread, unless a unit does. */
  readonly rangeCost?: number;
  /**
   * Milliseconds that {@link Compute.evaluate} may hold its thread, less those of one range: default 6
   * in a page, which has 16 for a frame, else 40, within which an abort is seen.
   */
  readonly sliceMs?: number;
}

/**
 * How kernels are called: an operation is so many units that do not depend on each other (panels of
 * a product, heads of an attention, rows of a norm), run as ranges of units. However the units are
 * cut, and whoever runs them, the bits are the same. The other files of this room are the operations.
 */
export class Compute {
  readonly engine: Engine;
  readonly #threads: Threads;
  readonly #rangeCost: number;
  readonly #sliceMs: number;
  readonly #program = new Program();
  #isRecording = false;
  #isEvaluating = false;
  /** Multiply-adds that may still run as they are listed. */
  #atOnce = 0;
  #scratch = { records: 0, count: 1, partials: 0, at: 0, bytes: 0 };
  #nextRecord = 0;
  #activations = { at: 0, bytes: 0 };

  constructor(engine: Engine, options: ComputeOptions = {}) {
    const {
      threads = { reason: 'asked for' },
      rangeCost = RANGE_COST,
      sliceMs = isPage() ? 6 : 40,
    } = options;
    this.engine = engine;
    this.#threads = threads;
    this.#rangeCost = rangeCost;
    this.#sliceMs = sliceMs;
  }

  get heap(): Heap {
    return this.engine.heap;
  }

  /** For what is not cut: what is small, or runs once. Not for what {@link run} and {@link evaluate} put in order. */
  get kernels(): Kernels {
    return this.engine.kernels;
  }

  /** Threads that compute. */
  get threads(): number {
    return this.#threads.pool?.threads ?? 1;
  }

  /**
   * Runs operations before it returns; a trap becomes a TpaError `KERNEL_TRAP`. Where there are
   * threads, `operations` only lists them: what they compute is not there before this returns.
   */
  run<T>(operations: () => T): T {
    const { pool } = this.#threads;
    if (this.#isRecording || this.#isEvaluating || pool === undefined) {
      return this.engine.run(operations);
    }
    return this.engine.run(() => {
      const result = this.#record(operations);
      if (this.#program.cost >= START_COST) void this.#threads.start?.();
      for (const _ of pool.run(this.kernels, this.#program));
      return result;
    });
  }

  /**
   * Runs operations as {@link run} does, and turns to other tasks of its thread meanwhile. One call at
   * a time.
   *
   * @param operations lists them: what they compute is not there before the promise resolves
   * @param isCancelled asked whenever other tasks have run
   * @throws TpaError `KERNEL_TRAP`, `ABORTED`
   */
  async evaluate(operations: () => void, isCancelled: () => boolean = () => false): Promise<void> {
    const { engine, kernels } = this;
    // recorded, a step of a model of 1 MB takes 13 % longer
    const atOnce = this.threads === 1 ? this.#rangeCost : 0;
    engine.run(() => this.#record(operations, atOnce));
    if (this.#program.count === 0) return;
    this.#isEvaluating = true;
    const steps =
      this.#threads.pool?.run(kernels, this.#program) ??
      runAlone(kernels, this.#program, this.#rangeCost);
    // a page's task may have computed before: the rest of a step, and what came of it
    let began = this.#sliceMs < FRAME_MS ? -Infinity : performance.now();
    try {
      while (engine.run(() => steps.next().done !== true)) {
        if (performance.now() - began < this.#sliceMs) continue;
        await yieldMacrotask();
        if (isCancelled()) throw new TpaError('ABORTED', 'the step was aborted');
        began = performance.now();
      }
    } finally {
      steps.return();
      this.#isEvaluating = false;
    }
  }

  /**
   * Runs a kernel over units 0 … `units`: at once, or in ranges where {@link run} or {@link evaluate}
   * puts it.
   *
   * @param cost multiply-adds of a unit, roughly: ranges are made by it
   */
  split<Name extends Operation>(
    units: number,
    cost: number,
    name: Name,
    ...args: Arguments<Name>
  ): void {
    if (this.#isRecording) this.#atOnce -= units * cost;
    if (this.#isRecording && this.#atOnce < 0) {
      this.#program.add(name, units, cost, args);
      return;
    }
    runWhole(this.kernels, name, units, args);
  }

  /** Scratch that no other lane uses. */
  get scratch(): Moving {
    return { at: this.#scratch.at, perLane: this.#scratch.bytes };
  }

  /** Address of what the ranges of an operation leave for the one after it. */
  get partialsAt(): number {
    return this.#scratch.partials;
  }

  /** Addresses of the records of an operation's queries and factors, the same for all its ranges. */
  nextRecords(): { queriesAt: number; factorsAt: number } {
    const { records, count } = this.#scratch;
    const queriesAt = records + this.#nextRecord * RECORD_BYTES;
    if (this.#isRecording) this.#nextRecord = (this.#nextRecord + 1) % count;
    return { queriesAt, factorsAt: queriesAt + FACTORS_AT };
  }

  /** Bytes that {@link takeScratch} takes. */
  scratchBytes({ perLane, partials }: ScratchBytes, records: number): number {
    const { heap } = this;
    const lanes = heap.regionBytes(perLane) * (this.#threads.pool?.lanes ?? 1);
    return records * RECORD_BYTES + heap.regionBytes(partials) + lanes;
  }

  /**
   * Takes memory for records, for partial results, and for the scratch of every lane. Threads whose
   * scratch does not fit are ended: what one thread can compute does not fail for others.
   *
   * @param records operations with records that run within one {@link run} or {@link evaluate}
   * @returns gives the memory back
   * @throws TpaError `OUT_OF_MEMORY`
   */
  takeScratch(bytes: ScratchBytes, records = 1): () => void {
    const before = this.#scratch;
    const taken = takeForLanes(this.heap, this.#threads, () => this.scratchBytes(bytes, records));
    const partials = taken + records * RECORD_BYTES;
    const at = partials + this.heap.regionBytes(bytes.partials);
    const perLane = this.heap.regionBytes(bytes.perLane);
    this.#scratch = { records: taken, count: records, partials, at, bytes: perLane };
    return () => {
      this.#scratch = before;
      this.heap.release(taken);
    };
  }

  /**
   * Takes memory for the activations of a product with a quantised weight, which all ranges read.
   *
   * @param bytes of the largest
   * @throws TpaError `OUT_OF_MEMORY`
   */
  takeActivations(bytes: number): void {
    this.#activations = { at: this.heap.allocate(bytes), bytes };
  }

  /**
   * Address of room for the activations of a product.
   *
   * @throws RangeError where nobody took as much
   */
  activationsAt(bytes: number): number {
    const { at, bytes: taken } = this.#activations;
    if (bytes > taken) throw new RangeError(`"bytes" expected at most ${taken}, got ${bytes}`);
    return at;
  }

  /** Ends the threads; idempotent. */
  dispose(): void {
    this.#threads.pool?.dispose();
  }

  /** @param atOnce multiply-adds of the first operations that run as they are listed */
  #record<T>(operations: () => T, atOnce = 0): T {
    this.#atOnce = atOnce;
    this.#program.clear();
    this.#nextRecord = 0;
    this.#isRecording = true;
    try {
      return operations();
    } finally {
      this.#isRecording = false;
    }
  }
}
