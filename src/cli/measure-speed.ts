import { type Model, TpaError } from '../index.ts';

/** How fast a model writes, as it was measured. */
export interface Speed {
  readonly tokensPerSecond: number;
  /** Tokens that were timed. */
  readonly tokens: number;
}

/** Tokens enough for a figure: a large model takes a second for each, a small one a millisecond. */
const TOKENS = { least: 2, most: 32 };
/** Long enough to read the clock by. */
const ENOUGH_MS = 100;

/**
 * Writes a few tokens at an empty context, the first one untimed: it makes room.
 *
 * @returns undefined where the model can write none, be it for memory or for what it computes
 * @throws AbortError
 */
export async function measureSpeed(model: Model, signal: AbortSignal): Promise<Speed | undefined> {
  const most = Math.min(TOKENS.most, model.config.contextLength - 1);
  try {
    using session = model.createSession();
    await session.decode(0);
    const started = performance.now();
    let milliseconds = 0;
    let tokens = 0;
    while (tokens < most && (tokens < TOKENS.least || milliseconds < ENOUGH_MS)) {
      signal.throwIfAborted();
      await session.decode(0);
      tokens += 1;
      milliseconds = performance.now() - started;
    }
    return tokens === 0 ? undefined : { tokensPerSecond: (1000 * tokens) / milliseconds, tokens };
  } catch (error) {
    if (error instanceof TpaError) return undefined;
    throw error;
  }
}
