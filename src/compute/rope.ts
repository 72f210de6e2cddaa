import { type RopeSpec, scaleFrequencies } from '../attention/rope.ts';
import { bytesOf, numberAt, type Rows } from '../layout/numbers.ts';
import { COUNT, type Moving } from '../threads/operations.ts';
import type { Compute } from './compute.ts';
import { numbersFrom, rowsFrom } from './moving.ts';

/** Multiply-adds of a cosine and a sine. */
const SINE_COST = 40;

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
    const [cos, sin] = this.#tables();
    const at = { at: position, perFirst: 1 };
    // prettier-ignore
    this.#compute.split(
      count, pairs * SINE_COST, 'ropeTable',
      cos, sin, this.#frequencies, pairs, at, COUNT, isBfloat16, this.#magnitude, this.#logDecay,
    );
  }

  /** Rotates `rows` vectors of `width` numbers of each of `count` tokens, in place. */
  rotate(x: Rows, count: number, rows: number, width = this.#spec.rotaryDim): void {
    const { pairs } = this;
    const [cos, sin] = this.#tables();
    // prettier-ignore
    this.#compute.split(
      count, rows * pairs * 4, 'rope',
      rowsFrom(x), cos, sin, COUNT, rows, pairs, width, x.stride, this.#spec.direction,
    );
  }

  /** Gives the room back. */
  dispose(): void {
    this.#compute.heap.release(this.#frequencies);
  }

  /** The cosines and sines that a range of positions begins with. */
  #tables(): [cos: Moving, sin: Moving] {
    return [numbersFrom(this.#cos, this.pairs), numbersFrom(this.#sin, this.pairs)];
  }
}
