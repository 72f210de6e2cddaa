import { checkInteger, mismatch } from '../base/arguments.ts';
import { countCores } from '../base/environment.ts';
import type { Engine } from '../wasm/engine.ts';
import { MAX_THREADS } from './program.ts';
import type { Threads, ThreadsOption } from './threads.ts';

/** @throws TypeError, RangeError unless it is `'auto'` or 1 … 64 */
export function checkThreads(threads: unknown): void {
  if (threads === undefined || threads === 'auto') return;
  if (typeof threads !== 'number') {
    throw new TypeError(mismatch('threads', `"auto" or 1 … ${MAX_THREADS}`, threads));
  }
  checkInteger('threads', threads, 1, MAX_THREADS);
}

/** Whether an engine is to have a memory that threads can share. */
export function wantsThreads(option: ThreadsOption = 'auto'): boolean {
  return option === 'auto' ? countCores() > 1 : option > 1;
}

/** The threads of an engine, none of which has started; their code is loaded where they can be had. */
export async function threadsOf(engine: Engine, option: ThreadsOption = 'auto'): Promise<Threads> {
  const { shared, unsharedReason } = engine;
  if (option === 1) return { reason: 'asked for' };
  if (shared === undefined) return { reason: unsharedReason ?? 'this machine has one core' };
  const { openThreads } = await import('./open-threads.ts');
  return openThreads(shared, option);
}
