import * as assert from 'uvu/assert';

/** Lets everything that is queued run. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

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
