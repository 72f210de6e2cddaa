import type { PagedCache } from '../cache/pages.ts';
import { readFactors } from '../backend/cpu-factors.ts';
import type { FactorMirror } from '../backend/op-gpu.ts';
import type { Holding } from './factor-cache.ts';

/** A cache as it is at one moment, to be disposed. */
export interface CacheMirror extends FactorMirror {
  /** The pages of this moment. */
  readonly pages: PagedCache;
}

/**
 * A cache as it is now: later changes of it do not matter, as its pages are shared, copy on write.
 *
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function mirrorOf(owner: Holding): CacheMirror {
  const pages = owner.pages.fork();
  const { compute, unchanged } = owner;
  owner.unchanged = pages.length;
  return {
    owner,
    unchanged,
    length: pages.length,
    pages,
    read: (start, count) => readFactors(compute, [pages], start, count),
  };
}
