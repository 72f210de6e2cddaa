import type { PagedCache } from '../cache/pages.ts';
import type { Engine } from '../wasm/engine.ts';
import { readFactors } from './cpu-factors.ts';
import type { FactorMirror } from './op-gpu.ts';

/** A cache of the CPU as a device copies it. */
export class CacheMirror implements FactorMirror {
  readonly #engine: Engine;
  readonly #pages: PagedCache;

  constructor(engine: Engine, pages: PagedCache) {
    this.#engine = engine;
    this.#pages = pages;
  }

  get length(): number {
    return this.#pages.length;
  }

  get copied(): number {
    return this.#pages.copied;
  }

  set copied(count: number) {
    this.#pages.copied = count;
  }

  read(start: number, count: number): Float32Array {
    return readFactors(this.#engine, [this.#pages], start, count);
  }
}
