import type { Engine } from '../wasm/engine.ts';

/** How far cosines and sines are rounded: upstream T6 trains with bfloat16 tables. */
export type RopePrecision = 'bfloat16' | 'float32';

/** Sign of the rotation: +1 T6, -1 Hugging Face LLaMA. */
export type RopeDirection = 1 | -1;

/** Rotary embedding of one head size; tables are computed by the kernels, for a block at a time. */
export interface RopeSpec {
  readonly headDim: number;
  readonly theta: number;
  readonly precision: RopePrecision;
  readonly direction: RopeDirection;
}

/** Room for the tables of `tokens` consecutive positions. */
export class RopeTables {
  readonly #engine: Engine;
  readonly #spec: RopeSpec;
  readonly #frequencies: number;
  readonly #cos: number;
  readonly #sin: number;

  /** @throws TpaError `OUT_OF_MEMORY` */
  constructor(engine: Engine, spec: RopeSpec, tokens: number) {
    const pairs = spec.headDim / 2;
    this.#engine = engine;
    this.#spec = spec;
    this.#frequencies = engine.heap.allocate(4 * pairs * (1 + 2 * tokens));
    this.#cos = this.#frequencies + 4 * pairs;
    this.#sin = this.#cos + 4 * pairs * tokens;
    engine.kernels.ropeFrequencies(this.#frequencies, spec.headDim, spec.theta);
  }

  /** Computes the tables of positions `position … position + count`. */
  fill(position: number, count: number): void {
    this.#engine.kernels.ropeTable(
      this.#cos,
      this.#sin,
      this.#frequencies,
      this.#spec.headDim / 2,
      position,
      count,
      this.#spec.precision === 'bfloat16',
    );
  }

  /** Rotates `rows` vectors of each of `count` tokens, `stride` numbers apart, in place. */
  rotate(x: number, count: number, rows: number, stride: number): void {
    const { headDim, direction } = this.#spec;
    this.#engine.kernels.rope(x, this.#cos, this.#sin, count, rows, headDim / 2, stride, direction);
  }

  /** Gives the room back. */
  dispose(): void {
    this.#engine.heap.release(this.#frequencies);
  }
}
