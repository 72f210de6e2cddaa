/** How a thread fails, and at which calls of kernels. */
export interface Fault {
  /** `'terminate'` is ended from outside, `'mute'` never says that it has begun. */
  readonly kind: 'none' | 'exit' | 'throw' | 'hang' | 'terminate' | 'mute';
  /** Calls, counted from 0, that whoever makes them dies in. */
  readonly at: readonly number[];
  /** Whether each thread counts its own calls, default false: all count together. */
  readonly isOwn?: boolean;
}

/** What the worker of a thread that fails is given. */
export interface FaultyThreadData {
  readonly kind: Fault['kind'];
  /** By call, 1 for those of {@link Fault.at}. */
  readonly isFatal: Uint8Array;
  readonly isOwn: boolean;
  readonly words: SharedArrayBuffer;
}

/** Calls that all threads have made. */
export const CALLS = 0;
/** Threads that have died by plan. */
export const DEATHS = 1;
/** The lane that waits to be terminated; or 0. */
export const DOOMED = 2;
/** Calls of each lane. */
export const LANE_CALLS = 16;
