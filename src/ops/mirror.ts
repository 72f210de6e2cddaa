import type { PagedCache } from '../cache/pages.ts';
import type { Compute } from '../compute/compute.ts';
import { readFactors } from '../backend/cpu-factors.ts';
import type { FactorMirror } from '../backend/op-gpu.ts';
import { type FactorCache, pagesOf, takeUnchanged } from './factor-cache.ts';

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
export function mirrorOf(compute: Compute, owner: FactorCache): CacheMirror {
  const pages = pagesOf(owner).fork();
  return {
    owner,
    unchanged: takeUnchanged(owner),
    length: pages.length,
    pages,
    read: (start, count) => readFactors(compute, [pages], start, count),
  };
}
