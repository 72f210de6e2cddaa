import { checkObject } from '../base/arguments.ts';
import type { ThreadsChange } from '../threads/threads.ts';

/** The event `'threadschange'` of a model: a thread was lost, the others go on. */
export class ThreadsChangeEvent extends Event implements ThreadsChange {
  readonly threads: number;
  readonly reason: string;

  /**
   * A model makes these.
   *
   * @param change what happened
   */
  constructor(change: ThreadsChange) {
    super('threadschange');
    checkObject('change', change);
    this.threads = change.threads;
    this.reason = change.reason;
  }
}
