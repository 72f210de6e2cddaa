/** A synchronous computation to time. */
export interface KernelCase {
  readonly name: string;
  /** Multiply-adds of one call. */
  readonly macs: number;
  /** Name of the probe case in the same suite whose rate is this case's ceiling. */
  readonly peak?: string;
  run(): void;
}

/** An asynchronous computation to time; the mark tells the two apart. */
export interface PeerCase {
  readonly name: string;
  readonly macs: number;
  readonly isAsync: true;
  run(): Promise<void>;
}

export type BenchCase = KernelCase | PeerCase;

/** Cases ready to run, with their memory. */
export interface PreparedPart {
  readonly cases: readonly BenchCase[];
  /** Frees what the cases hold; called once, after the last call of any case. */
  dispose?(): void | Promise<void>;
}

/**
 * Some cases of a suite. Parts that name the same suite are timed interleaved, in one process, and
 * share one table; the first case that is no probe is what the others are compared with.
 */
export interface SuitePart {
  readonly suite: string;
  /** Cached tokens one call attends to; adds the time per cached token. */
  readonly cachedTokens?: number;
  /** Sentences printed below the table. */
  readonly notes?: readonly string[];
  /** Builds the cases and asserts their output once. */
  prepare(): Promise<PreparedPart>;
}

/** What a `*.bench.ts` file exports. */
export interface BenchModule {
  readonly parts: readonly SuitePart[];
}
