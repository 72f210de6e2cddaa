import type { RopeSpec } from '../attention/rope.ts';
import type { AttentionSpec, FactorSpec } from '../attention/spec.ts';
import type { Gpu } from './backend.ts';

/** A factorisation whose arguments fit. */
export interface FactorizeTask {
  readonly x: Float32Array;
  readonly spec: FactorSpec;
  readonly rotation: RopeSpec;
  /** The projections (rows, dim), in the order of the fused rows. */
  readonly pieces: readonly Float32Array[];
  readonly position: number;
  readonly count: number;
}

/** Queries that fit their cache. */
export interface AttendTask {
  readonly spec: AttentionSpec;
  /** 0 for full queries, which are in `a` then. */
  readonly rankQ: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly count: number;
  /** Tokens in the cache. */
  readonly length: number;
}

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

/** Cosines and sines (count, pairs) of positions. */
export interface RotationRows {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Single operations on a GPU. */
export interface OpGpu extends Gpu {
  /** Rows (count, layout width) of all factors of a token, in the order of FactorLayout. */
  factorize(task: FactorizeTask, tables: RotationRows): Promise<Float32Array>;
  /** (T, heads, valueDim); mirrors of one owner in the order in which they were made */
  attend(task: AttendTask, cache: FactorMirror): Promise<Float32Array>;
  /** Frees the copy of an owner's cache. */
  forget(owner: object): void;
}

/** Starts the GPU for operations. Rejects with a TpaError. */
export type OpenOpGpu = (signal: AbortSignal) => Promise<OpGpu>;
