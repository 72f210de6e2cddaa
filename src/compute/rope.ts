import type { Engine } from '../wasm/engine.ts';
import { type RopeScaling, scaleFrequencies } from '../attention/rope-scaling.ts';

/** How far cosines and sines are rounded: upstream T6 trains with bfloat16 tables. */
export type RopePrecision = 'bfloat16' | 'float32';

/** Sign of the rotation: +1 T6, -1 Hugging Face LLaMA. */
export type RopeDirection = 1 | -1;

/** A rotary embedding; tables are computed by the kernels, for a block at a time. */
export interface RopeSpec {
  /** Features of a row that rotate, its first; even. */
  readonly rotaryDim: number;
  readonly theta: number;
  readonly precision: RopePrecision;
  readonly direction: RopeDirection;
  /** Rotated features are times decay^angle; none unless given. */
  readonly decay?: number;
  readonly scaling?: RopeScaling;
}

/** Room for the tables of `tokens` consecutive positions. */
export class RopeTables {
  /** Pairs of features that rotate. */
  readonly pairs: number;
  readonly #engine: Engine;
  readonly #spec: RopeSpec;
  readonly #magnitude: number;
  readonly #logDecay: number;
  readonly #frequencies: number;
  readonly #cos: number;
  readonly #sin: number;

  /** @throws TpaError `OUT_OF_MEMORY` */
  constructor(engine: Engine, spec: RopeSpec, tokens: number) {
    const { rotaryDim, theta, decay = 1, scaling } = spec;
    const { heap, kernels } = engine;
    const pairs = rotaryDim / 2;
    this.pairs = pairs;
    this.#engine = engine;
    this.#spec = spec;
    this.#magnitude = scaling?.type === 'yarn' ? scaling.attentionFactor : 1;
    // an ulp of this logarithm, which engines round differently, is 1e-9 of a float32 ulp
    this.#logDecay = Math.log(decay);
    this.#frequencies = heap.allocate(4 * pairs * (1 + 2 * tokens));
    this.#cos = this.#frequencies + 4 * pairs;
    this.#sin = this.#cos + 4 * pairs * tokens;
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
    this.#engine.kernels.ropeTable(
      this.#cos,
      this.#sin,
      this.#frequencies,
      this.pairs,
      position,
      count,
      this.#spec.precision === 'bfloat16',
      this.#magnitude,
      this.#logDecay,
    );
  }

  /** Rotates `rows` vectors of `width` numbers of each of `count` tokens, `stride` apart, in place. */
  rotate(
    x: number,
    count: number,
    rows: number,
    stride: number,
    width = this.#spec.rotaryDim,
  ): void {
    const { direction } = this.#spec;
    const { kernels } = this.#engine;
    kernels.rope(x, this.#cos, this.#sin, count, rows, this.pairs, width, stride, direction);
  }

  /** Gives the room back. */
  dispose(): void {
    this.#engine.heap.release(this.#frequencies);
  }
}
