/** One model in one runtime. */
export interface Contender {
  /**
   * Evaluates a prompt from an empty context; what is kept of it afterwards is the prompt.
   *
   * @returns seconds until the first token could be chosen
   */
  prefill(tokens: number): Promise<number>;
  /** Makes the context hold `tokens` tokens. @returns seconds of those it has evaluated, and how many */
  extend(tokens: number): Promise<Evaluated>;
  /** Generates `tokens` tokens after the context and forgets them. @returns seconds a token */
  decode(tokens: number): Promise<number>;
  dispose(): Promise<void>;
}

/** Tokens that were evaluated, and how long it took. */
export interface Evaluated {
  readonly tokens: number;
  readonly seconds: number;
}

/** Seconds that `work` takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Ids of a prompt: any do, all different from an end token. */
export function promptIds(tokens: number, first = 0): number[] {
  return Array.from({ length: tokens }, (_, i) => 16 + (((first + i) * 7919) % 30_000));
}
