import * as assert from 'uvu/assert';

/** Lets everything that is queued run. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that never ends. */
export const never = (): Promise<never> => new Promise(() => {});

/** For what takes milliseconds on a quiet machine. */
const PATIENCE_MS = 60_000;

/** Waits until something is so. @throws Error if it is not in a minute */
export async function until(isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !isSo(); await settle()) {
    if (performance.now() > end) throw new Error(`never: ${isSo}`);
  }
}

/** Runs `work` and fails if a rejection is left that nobody handles. */
export async function withoutUnhandled(work: () => Promise<void>): Promise<void> {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    await work();
    await settle();
    await settle();
  } finally {
    process.off('unhandledRejection', note);
  }
  assert.equal(unhandled.map(String), []);
}
