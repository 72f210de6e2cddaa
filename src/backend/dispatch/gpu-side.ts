import type { GpuBackend } from '../backend.ts';
import type { Figures } from './cost-model.ts';
import { GpuCopy } from './gpu-copy.ts';
import type { Guard } from '../../device/guard.ts';
import type { Losable } from '../../device/supervisor.ts';

/** A GPU that has passed its check, and its copies of sequences; they go when it goes. */
export class GpuSide implements Losable {
  readonly guard: Guard<GpuBackend>;
  /** What routes are made from; undefined where everything goes to the GPU. */
  readonly figures: Figures | undefined;
  readonly #tokenNumbers: number;
  readonly #copies = new WeakMap<object, GpuCopy>();

  /** @param tokenNumbers of the factors of one token in all layers */
  constructor(guard: Guard<GpuBackend>, tokenNumbers: number, figures?: Figures) {
    this.guard = guard;
    this.figures = figures;
    this.#tokenNumbers = tokenNumbers;
  }

  get lost(): Promise<string> {
    return this.guard.lost;
  }

  /** The copy of a sequence, if there is one. */
  findCopy(owner: object): GpuCopy | undefined {
    return this.#copies.get(owner);
  }

  /** The copy of a sequence, empty if there was none. */
  copyOf(owner: object): GpuCopy {
    const found = this.#copies.get(owner);
    if (found !== undefined) return found;
    const copy = new GpuCopy(this.guard, this.#tokenNumbers);
    this.#copies.set(owner, copy);
    return copy;
  }

  dispose(): void {
    this.guard.dispose();
  }
}
