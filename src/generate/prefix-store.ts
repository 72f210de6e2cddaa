import type { CacheDtype } from '../layout/cache-dtype.ts';
import type { Context } from './context.ts';
import type { SessionHost } from './session-host.ts';

/** A prefix that is kept: nobody else uses its context. */
export interface Entry {
  readonly ids: readonly number[];
  readonly context: Context;
  readonly host: SessionHost;
}

/** A prefix, and how many of its tokens are those that were looked for. */
export interface Found {
  readonly entry: Entry;
  readonly shared: number;
}

/** Evaluated prefixes by their tokens, at most so many bytes; what was not used for longest goes first. */
export class PrefixStore {
  readonly #limit: number;
  /** The one that was used last at the end. */
  readonly #entries = new Set<Entry>();

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Prefixes that are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes that they refer to; pages that several share count in each. */
  get bytes(): number {
    let bytes = 0;
    for (const { context } of this.#entries) bytes += context.byteLength;
    return bytes;
  }

  /** The prefix that has most in common with `ids`, if any has. */
  longest(ids: readonly number[], dtype: CacheDtype): Found | undefined {
    let best: Found | undefined;
    for (const entry of this.#entries) {
      if (entry.context.cacheDtype !== dtype) continue;
      const shared = sharedTokens(entry.ids, ids);
      const serves = isLinear(entry) ? shared === entry.ids.length : shared > 0;
      if (serves && shared >= (best?.shared ?? 1)) best = { entry, shared };
    }
    return best;
  }

  /** Counts a prefix as used. */
  use(entry: Entry): void {
    if (this.#entries.delete(entry)) this.#entries.add(entry);
  }

  /** Keeps a prefix, in place of those that it begins with, and lets go of what is too much. */
  keep(ids: readonly number[], context: Context, host: SessionHost): void {
    const entry = { ids, context, host };
    host.sessions.add(context); // so that it goes with the model
    for (const other of this.#entries) {
      const isBeginning = sharedTokens(other.ids, ids) === other.ids.length;
      const isSame = other.context.cacheDtype === context.cacheDtype;
      if (isBeginning && isSame && !isLinear(entry)) this.#drop(other);
    }
    this.#entries.add(entry);
    for (const each of this.#entries) if (this.bytes > this.#limit) this.#drop(each);
  }

  /** Lets go of all. */
  clear(): void {
    for (const entry of this.#entries) this.#drop(entry);
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry);
    entry.host.sessions.delete(entry.context);
    entry.context.dispose();
  }
}

/** A state of linear attention goes back nowhere: it serves whole or not at all. */
function isLinear({ host }: Entry): boolean {
  return host.backend.identity.config.isLinear;
}

/** Tokens that both begin with. */
export function sharedTokens(a: readonly number[], b: readonly number[]): number {
  const limit = Math.min(a.length, b.length);
  let count = 0;
  while (count < limit && a[count] === b[count]) count++;
  return count;
}
