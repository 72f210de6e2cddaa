import type { PagedCache } from '../cache/pages.ts';
import type { Compute } from '../compute/compute.ts';
import { readFactors } from '../backend/cpu-factors.ts';
import type { FactorMirror } from '../backend/op-gpu.ts';
import { type FactorCache, pagesOf, takeUnchanged } from './factor-cache.ts';

/**
 * A cache as it is now: later changes of it do not matter, as its pages are shared, copy on write. To
 * be disposed.
 */
export class CacheMirror implements FactorMirror {
  readonly owner: FactorCache;
  readonly unchanged: number;
  /** The pages of this moment. */
  readonly pages: PagedCache;
  readonly #compute: Compute;

  /** @throws TpaError `OUT_OF_MEMORY` */
  constructor(compute: Compute, owner: FactorCache) {
    this.pages = pagesOf(owner).fork();
    this.#compute = compute;
    this.owner = owner;
    this.unchanged = takeUnchanged(owner);
  }

  get length(): number {
    return this.pages.length;
  }

  read(start: number, count: number): Float32Array {
    return readFactors(this.#compute, [this.pages], start, count);
  }

  /** Gives the pages back. */
  dispose(): void {
    this.pages.dispose();
  }
}
