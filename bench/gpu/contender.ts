/** One model on one device, timed beside others. */
export interface Contender {
  readonly name: string;
  /** Evaluates a prompt from an empty cache. @returns the last token's logits */
  prefill(ids: readonly number[]): Promise<Float32Array>;
  /** Makes the cache hold `tokens` tokens, without evaluating them. */
  fill(tokens: number): Promise<void>;
  /** Evaluates one token after those of {@link fill}, and forgets it. @returns its logits */
  step(): Promise<Float32Array>;
  /** Bytes that came back from the device with the last step, 0 on the CPU. */
  readonly bytesRead: number;
  dispose(): void;
}

/** The token of a step; any would do. */
export const STEP_ID = 1;
