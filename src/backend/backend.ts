/**
 * Who computes. A backend owns the weights and evaluates tokens; a sequence is one context's
 * factor cache on it. The token loop knows nothing else, so that another backend can take over.
 */
export interface Backend {
  /** Tokens of one {@link Sequence.forward} call at most; longer prompts are split by the caller. */
  readonly maxChunk: number;
  /** Positions a sequence can hold. */
  readonly contextLength: number;
  /** Length of one row of logits. */
  readonly vocabSize: number;
  /** An empty sequence. @throws TpaError `OUT_OF_MEMORY`, `DISPOSED` */
  createSequence(): Sequence;
  /** Frees the weights and every sequence; idempotent. */
  dispose(): void;
}

/** One context: the cached factors of the tokens evaluated so far. Calls never overlap. */
export interface Sequence {
  /** Tokens in the cache. */
  readonly length: number;
  /** Bytes of the cache pages or states this sequence refers to (shared ones count in full). */
  readonly byteLength: number;
  /**
   * Evaluates 1 … maxChunk tokens at positions `length …` and appends their factors.
   * Nothing is appended unless it resolves.
   *
   * @returns logits of the last token `(vocabSize)`, or of every token `(ids.length, vocabSize)`;
   *   a fresh array
   * @throws TpaError `OUT_OF_MEMORY`, `NONFINITE_LOGITS`, `KERNEL_TRAP`, `DISPOSED`
   */
  forward(ids: readonly number[], rows?: 'last' | 'all'): Promise<Float32Array>;
  /**
   * Forgets the tokens from position `length` on, and more where the model keeps no state of that
   * length (linear attention): `length` tells what is left, the rest is to be evaluated again.
   */
  truncate(length: number): void;
  /** A copy that shares the pages, copy on write. */
  fork(): Sequence;
  /** Gives the pages back; idempotent. */
  dispose(): void;
}
