import type { Compute } from '../compute/compute.ts';
import { bytesOf, type Dtype, numberAt } from '../layout/numbers.ts';
import { packedBytes, type PackedWeight } from '../layout/packed-weight.ts';
import { countNumbers, type ExpectedTensor, type Piece } from './layer-tensors.ts';
import { packNumbers } from './panels.ts';

/** Where a tensor goes. */
export interface Destination {
  /** (rows, columns), or (length). */
  readonly shape: readonly number[];
  /** What its numbers are computed with as. */
  readonly dtype: Dtype;
  /**
   * Takes numbers first … first + count of the tensor, whole rows or a part of one, out of wasm
   * memory. They come in order.
   */
  readonly take: (from: number, first: number, count: number) => void;
}

/** Memory for the weights of a model, and where in it each tensor goes; nothing is read. */
export class WeightPlan {
  readonly compute: Compute;
  readonly #destinations = new Map<string, Destination>();
  readonly #addresses: number[] = [];

  readonly #take: (bytes: number) => number;

  /** @param take gives the address of so many bytes, those of the heap unless given */
  constructor(compute: Compute, take = (bytes: number) => compute.heap.allocate(bytes)) {
    this.compute = compute;
    this.#take = take;
  }

  /** By the names of the tensors. */
  get destinations(): ReadonlyMap<string, Destination> {
    return this.#destinations;
  }

  /**
   * Address of zeroed memory that {@link release} gives back.
   *
   * @throws TpaError `OUT_OF_MEMORY`
   */
  allocate(bytes: number): number {
    const address = this.#take(bytes);
    this.#addresses.push(address);
    return address;
  }

  /** Sends a tensor somewhere, in place of where it was sent before. */
  add({ name, shape }: ExpectedTensor, take: Destination['take']): void {
    this.#destinations.set(name, { shape, dtype: 'f32', take });
  }

  /** Address of a tensor as it is; 0 for none. */
  vector(tensor: ExpectedTensor | undefined): number {
    if (tensor === undefined) return 0;
    const address = this.allocate(bytesOf(countNumbers(tensor)));
    this.#copy(tensor, address);
    return address;
  }

  /** Address of biases below each other, padded like the product they are added to; 0 for none. */
  biases(pieces: readonly Piece[], columns: number): number {
    if (pieces.length === 0) return 0;
    const address = this.allocate(bytesOf(columns));
    for (const piece of pieces) this.#copy(piece, numberAt(address, piece.at));
    return address;
  }

  /** Room for a packed weight. */
  packed(rows: number, k: number): PackedWeight {
    const shape = { rows, k, dtype: 'f32' } as const;
    return { at: this.allocate(packedBytes(shape)), ...shape };
  }

  /** Tensors (rows, k) packed below each other as one weight of `rows` rows. */
  fuse(rows: number, k: number, pieces: readonly Piece[]): PackedWeight {
    const weight = this.packed(rows, k);
    for (const piece of pieces) {
      const { at, block = piece.shape[0]!, step = block } = piece;
      this.add(piece, (from, first, count) => {
        for (let done = 0; done < count;) {
          const inBlock = (first + done) % (block * k);
          const start = at + ((first + done - inBlock) / (block * k)) * step;
          const length = Math.min(block * k - inBlock, count - done);
          packNumbers(this.compute, weight, numberAt(from, done), start * k + inBlock, length);
          done += length;
        }
      });
    }
    return weight;
  }

  /** Gives all memory back. */
  release(): void {
    for (const address of this.#addresses.splice(0)) this.compute.heap.release(address);
  }

  #copy(tensor: ExpectedTensor, address: number): void {
    const { heap } = this.compute;
    this.add(tensor, (from, first, count) =>
      heap.copy(numberAt(address, first), from, bytesOf(count)),
    );
  }
}
