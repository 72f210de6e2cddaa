import type { PagedCache } from '../cache/pages.ts';
import type { Compute } from '../compute/compute.ts';
import { readFactors } from '../backend/cpu-factors.ts';
import type { FactorMirror } from './gpu.ts';

/**
 * A cache as it is now, whatever becomes of it meanwhile: its pages are shared, copy on write. To be
 * disposed.
 */
export class CacheMirror implements FactorMirror {
  readonly owner: object;
  readonly unchanged: number;
  /** The pages of this moment. */
  readonly pages: PagedCache;
  readonly #compute: Compute;

  /** @throws TpaError `OUT_OF_MEMORY` */
  constructor(compute: Compute, pages: PagedCache, owner: object) {
    this.pages = pages.fork();
    this.#compute = compute;
    this.owner = owner;
    this.unchanged = pages.mirrored;
    pages.mirrored = pages.length;
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
