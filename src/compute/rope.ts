import { type RopeSpec, scaleFrequencies } from '../attention/rope.ts';
import { bytesOf, numberAt, rowAt, type Rows } from '../layout/numbers.ts';
import type { Compute } from './compute.ts';

/** Bytes of the frequencies, and of the tables of `tokens` positions. */
export function ropeBytes(rotaryDim: number, tokens: number): number {
  return bytesOf((rotaryDim / 2) * (1 + 2 * tokens));
}

/** Tables of a rotary embedding, computed by the kernels for up to `tokens` consecutive positions. */
export class RopeTables {
  /** Pairs of features that rotate. */
  readonly pairs: number;
  readonly #compute: Compute;
  readonly #spec: RopeSpec;
  readonly #magnitude: number;
  readonly #logDecay: number;
  readonly #frequencies: number;
  readonly #cos: number;
  readonly #sin: number;

  /** @throws TpaError `OUT_OF_MEMORY` */
  constructor(compute: Compute, spec: RopeSpec, tokens: number) {
    const { rotaryDim, theta, decay = 1, scaling } = spec;
    const { heap, kernels } = compute;
    const pairs = rotaryDim / 2;
    this.pairs = pairs;
    this.#compute = compute;
    this.#spec = spec;
    this.#magnitude = scaling && 'attentionFactor' in scaling ? scaling.attentionFactor : 1;
    // an ulp of this logarithm, which engines round differently, is 1e-9 of a float32 ulp
    this.#logDecay = Math.log(decay);
    this.#frequencies = heap.allocate(ropeBytes(rotaryDim, tokens));
    this.#cos = numberAt(this.#frequencies, pairs);
    this.#sin = numberAt(this.#cos, pairs * tokens);
    kernels.ropeFrequencies(this.#frequencies, rotaryDim, theta);
    if (scaling) scaleFrequencies(heap.floats(this.#frequencies, pairs), theta, scaling);
  }

  /** Address of the cosines (tokens, pairs). */
  get cosAt(): number {
    return this.#cos;
  }

  /** Address of the sines (tokens, pairs). */
  get sinAt(): number {
    return this.#sin;
  }

  /** Computes the tables of positions `position … position + count`. */
  fill(position: number, count: number): void {
    const { pairs } = this;
    const isBfloat16 = this.#spec.precision === 'bfloat16';
    const [frequencies, magnitude, decay] = [this.#frequencies, this.#magnitude, this.#logDecay];
    this.#compute.split(count, ({ kernels }, first, some) => {
      const [cos, sin] = this.#from(first);
      const at = position + first;
      kernels.ropeTable(cos, sin, frequencies, pairs, at, some, isBfloat16, magnitude, decay);
    });
  }

  /** Rotates `rows` vectors of `width` numbers of each of `count` tokens, in place. */
  rotate(x: Rows, count: number, rows: number, width = this.#spec.rotaryDim): void {
    const { direction } = this.#spec;
    this.#compute.split(count, ({ kernels }, first, some) => {
      const [cos, sin] = this.#from(first);
      const at = rowAt(x, first);
      kernels.rope(at, cos, sin, some, rows, this.pairs, width, x.stride, direction);
    });
  }

  /** Gives the room back. */
  dispose(): void {
    this.#compute.heap.release(this.#frequencies);
  }

  /** Addresses of the cosines and sines of the position `first` after the first. */
  #from(first: number): [cos: number, sin: number] {
    return [numberAt(this.#cos, first * this.pairs), numberAt(this.#sin, first * this.pairs)];
  }
}
