import type { AttendTask } from './attend-task.ts';
import type { FactorizeTask } from './factorize.ts';

/** A cache of one layer at one moment, as a copy of it is kept on a device. */
export interface FactorMirror {
  /** Whose copy it is. */
  readonly owner: object;
  /** Tokens in the cache. */
  readonly length: number;
  /** Tokens from the first on that are as they were when the owner's last mirror was made. */
  readonly unchanged: number;
  /** (count, numbers): of each token ak, bk, av, bv; a fresh array. */
  read(start: number, count: number): Float32Array;
}

/** Cosines and sines (count, pairs) that factors rotate by. */
export interface FactorizeTables {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** The operations on a GPU. */
export interface OpGpu {
  /** The adapter in words. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** Version of onnxruntime-web. */
  readonly version: string;
  /** Resolves with the reason once the device is gone or the worker died; never rejects. */
  readonly lost: Promise<string>;
  /** Rows (count, layout width) of all factors of a token, in the order of FactorLayout. */
  factorize(task: FactorizeTask, tables: FactorizeTables): Promise<Float32Array>;
  /** (T, heads, valueDim); mirrors of one owner in the order in which they were made */
  attend(task: AttendTask, cache: FactorMirror): Promise<Float32Array>;
  /** Frees the copy of an owner's cache. */
  forget(owner: object): void;
  /** Ends the worker at once; idempotent. */
  dispose(): void;
}

/** Starts the GPU for operations. Rejects with a TpaError. */
export type OpenOpGpu = (signal: AbortSignal) => Promise<OpGpu>;
