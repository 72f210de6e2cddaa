import { checkAbort } from '../base/errors.ts';
import { yieldMacrotask } from '../base/time.ts';

/** Milliseconds between two macrotasks, so that a page reacts: half a frame. */
const SLICE_MS = 8;

/**
 * Makes what is called between two pieces of work: lets other tasks run now and then, and ends the
 * work of an aborted signal.
 *
 * @param what is ended, as a sentence begins with it
 */
export function pacer(what: string, signal: AbortSignal | undefined): () => Promise<void> {
  let began = performance.now();
  return async () => {
    if (performance.now() - began >= SLICE_MS) {
      await yieldMacrotask();
      began = performance.now();
    }
    checkAbort(signal, what);
  };
}
