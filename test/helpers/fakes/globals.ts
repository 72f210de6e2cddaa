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

/** Runs `work` with variables of the environment, and without those of a hub that are not among them. */
export async function withVariables<T>(
  variables: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const before = process.env;
  process.env = { ...before, HF_TOKEN: '', HF_ENDPOINT: '', ...variables };
  try {
    return await work();
  } finally {
    process.env = before;
  }
}
