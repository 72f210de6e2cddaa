import type { Compute } from '../compute/compute.ts';
import { embed } from '../compute/products.ts';
import type { RopeTables } from '../compute/rope.ts';
import { checkInteger } from '../base/arguments.ts';
import { TpaError } from '../base/errors.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { bytesOf, numberAt } from '../layout/numbers.ts';
import type { PackedWeight } from '../layout/packed-weight.ts';
import type { ModelWeights } from '../weights/weights.ts';
import { ropeTables } from './workspace.ts';

/** Tables of consecutive positions. */
export interface StepTables {
  /** (count, pairs), pairs = rotaryDim / 2 */
  readonly cos: Float32Array;
  /** (count, pairs) */
  readonly sin: Float32Array;
}

/**
 * What a step of another backend takes from the kernels: embedded tokens and rotary tables, the
 * numbers that the forward pass computes with. Room in wasm memory is taken once.
 */
export class StepInputs {
  /** Tokens of one call at most. */
  readonly tokens: number;
  readonly #compute: Compute;
  readonly #dim: number;
  readonly #embedding: PackedWeight;
  /** (tokens, dim), then ids (tokens) u32 */
  readonly #rows: number;
  readonly #rope: RopeTables;
  #isDisposed = false;

  /**
   * @param tokens the most that one call may ask for, at least 1
   * @throws TpaError `OUT_OF_MEMORY`; nothing is allocated then
   */
  constructor(
    compute: Compute,
    config: ModelConfig,
    { embedding }: Pick<ModelWeights, 'embedding'>,
    tokens: number,
  ) {
    this.tokens = tokens;
    this.#compute = compute;
    this.#dim = config.dim;
    this.#embedding = embedding;
    this.#rows = compute.heap.allocate(bytesOf(tokens * (config.dim + 1)));
    try {
      this.#rope = ropeTables(compute, config, tokens);
    } catch (error) {
      compute.heap.release(this.#rows);
      throw error;
    }
  }

  /**
   * Rows of the embedding.
   *
   * @param ids 1 … tokens ids, each below vocabSize
   * @returns (ids.length, dim), a fresh array
   * @throws RangeError, TpaError `KERNEL_TRAP`, `DISPOSED`
   */
  embed(ids: readonly number[]): Float32Array {
    const count = ids.length;
    const compute = this.#use('ids', count);
    const { heap } = compute;
    const idsAt = numberAt(this.#rows, this.tokens * this.#dim);
    heap.words(idsAt, count).set(ids);
    compute.run(() =>
      embed(compute, { at: this.#rows, stride: this.#dim }, this.#embedding, idsAt, count),
    );
    return heap.floats(this.#rows, count * this.#dim).slice();
  }

  /**
   * Cosines and sines of positions `position … position + count`, rounding, decay and scaling
   * included; the direction of the rotation is not.
   *
   * @param count 1 … tokens
   * @throws RangeError, TpaError `KERNEL_TRAP`, `DISPOSED`
   */
  rope(position: number, count: number): StepTables {
    const compute = this.#use('count', count);
    const { heap } = compute;
    const { cosAt, sinAt, pairs } = this.#rope;
    compute.run(() => this.#rope.fill(position, count));
    const table = (at: number) => heap.floats(at, count * pairs).slice();
    return { cos: table(cosAt), sin: table(sinAt) };
  }

  /** Gives the room back; idempotent. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#rope.dispose();
    this.#compute.heap.release(this.#rows);
  }

  #use(name: string, count: number): Compute {
    if (this.#isDisposed) throw new TpaError('DISPOSED', 'the inputs of a step are disposed');
    checkInteger(name, count, 1, this.tokens);
    return this.#compute;
  }
}
