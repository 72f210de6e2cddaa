import type { Timing } from '../interleave.ts';
import type { Mechanism } from './mechanisms.ts';

/** One mechanism at one context, timed. */
export interface Measured {
  readonly mechanism: Mechanism;
  /** Bytes of the layer's cache, page padding included. */
  readonly cacheBytes: number;
  /** Multiply-adds of the step. */
  readonly macs: number;
  readonly timing: Timing;
}

/** One mechanism at one context, left out. */
export interface Skipped {
  readonly mechanism: Mechanism;
  readonly cacheBytes: number;
  readonly reason: string;
}

/** All mechanisms at one context, timed in turns. */
export interface ContextResult {
  readonly tokens: number;
  /** Multiply-adds a second that the processor can do, in the best round. */
  readonly peakRate: number;
  readonly points: readonly (Measured | Skipped)[];
}

/** One width of the residual stream. */
export interface DimResult {
  readonly dim: number;
  readonly heads: number;
  readonly contexts: readonly ContextResult[];
}

export function isMeasured(point: Measured | Skipped): point is Measured {
  return 'timing' in point;
}

/** The point of a mechanism where it was timed. */
export function findMeasured(
  { points }: ContextResult,
  name: Mechanism['name'],
): Measured | undefined {
  return points.filter(isMeasured).find(({ mechanism }) => mechanism.name === name);
}
