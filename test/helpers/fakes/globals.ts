import { FakeClock } from './fake-clock.ts';

/** Runs `work` while globals are these, and puts back what was there. */
export async function withGlobals<T>(
  globals: Readonly<Record<string, unknown>>,
  work: () => T | Promise<T>,
): Promise<T> {
  const before = Object.keys(globals).map(
    (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  );
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  try {
    return await work();
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  }
}

/** Runs `work` with timers of a fake clock. */
export async function withFakeTimers<T>(work: (clock: FakeClock) => Promise<T>): Promise<T> {
  const clock = new FakeClock();
  const timers = {
    setTimeout: (task: () => void, milliseconds: number) => clock.after(milliseconds, task),
    clearTimeout: (cancel: (() => void) | undefined) => cancel?.(),
  };
  return withGlobals(timers, () => work(clock));
}
