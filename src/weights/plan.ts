import type { Compute } from '../compute/compute.ts';
import { BLOCK_BYTES, blocksOf } from '../layout/blocks.ts';
import { bytesOf, numberAt } from '../layout/numbers.ts';
import { packedBytes, type PackedWeight, type WeightDtype } from '../layout/packed-weight.ts';
import type { WeightDtypes } from './dtypes.ts';
import { countNumbers, type ExpectedTensor, type Piece } from './layer-tensors.ts';
import type { LatentTarget } from './latent-rows.ts';
import { packItems } from './panels.ts';

/** What a tensor is made into before it goes where it belongs: float32 numbers, or blocks of 32. */
export type Form = 'numbers' | 'blocks';

/** Where a tensor goes. */
export interface Destination {
  /** (rows, columns), or (length). */
  readonly shape: readonly number[];
  /** The layout of the weight that it is part of. */
  readonly dtype: WeightDtype;
  readonly form: Form;
  /** What its numbers are computed with as, beside the hash of what is taken. */
  readonly identity: string;
  /**
   * Takes items first … first + count of the tensor, numbers or blocks, whole rows or a part of one,
   * out of wasm memory. They come in order.
   */
  readonly take: Take;
}

type Take = (from: number, first: number, count: number, tools?: Tools) => void;

/** What destinations of quantised weights use while they take; where none are there is nothing. */
export interface Tools {
  /** Takes items first … first + count of W_UK and W_UV. */
  takeLatent(target: LatentTarget, from: number, first: number, count: number): void;
}

/** Memory for the weights of a model, and where in it each tensor goes; nothing is read. */
export class WeightPlan {
  readonly compute: Compute;
  readonly dtypes: WeightDtypes;
  readonly #destinations = new Map<string, Destination>();
  readonly #addresses: number[] = [];
  /** Bytes of packed weights by their layouts. */
  readonly #packed = new Map<WeightDtype, number>();
  #vectorBytes = 0;
  #scratchBytes = 0;

  readonly #take: (bytes: number) => number;

  /** @param take gives the address of so many bytes, those of the heap unless given */
  constructor(
    compute: Compute,
    dtypes: WeightDtypes,
    take = (bytes: number) => compute.heap.allocate(bytes),
  ) {
    this.compute = compute;
    this.dtypes = dtypes;
    this.#take = take;
  }

  /** By the names of the tensors. */
  get destinations(): ReadonlyMap<string, Destination> {
    return this.#destinations;
  }

  /** Bytes of packed weights by their layouts. */
  get packedBytes(): ReadonlyMap<WeightDtype, number> {
    return this.#packed;
  }

  /** Bytes of what is not packed. */
  get vectorBytes(): number {
    return this.#vectorBytes;
  }

  /** Bytes of scratch that some destination needs while it takes. */
  get scratchBytes(): number {
    return this.#scratchBytes;
  }

  /** Asks for scratch: one tensor at a time has it. */
  needScratch(bytes: number): void {
    this.#scratchBytes = Math.max(this.#scratchBytes, bytes);
  }

  /**
   * Address of zeroed memory for numbers that are not packed; {@link release} gives it back.
   *
   * @throws TpaError `OUT_OF_MEMORY`
   */
  allocate(bytes: number): number {
    this.#vectorBytes += bytes;
    return this.#allocate(bytes);
  }

  /** Sends a tensor somewhere, in place of where it was sent before. */
  add(
    { name, shape }: ExpectedTensor,
    take: Take,
    dtype: WeightDtype = 'f32',
    form: Form = dtype === 'f32' ? 'numbers' : 'blocks',
    identity = form === 'blocks' ? 'blocks' : dtype,
  ): void {
    this.#destinations.set(name, { shape, dtype, form, identity, take });
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
  packed(rows: number, k: number, dtype: WeightDtype): PackedWeight {
    const shape = { rows, k, dtype };
    const bytes = packedBytes(shape);
    this.#packed.set(dtype, (this.#packed.get(dtype) ?? 0) + bytes);
    return { at: this.#allocate(bytes), ...shape };
  }

  /** Tensors (rows, k) packed below each other as one weight of `rows` rows. */
  fuse(rows: number, k: number, pieces: readonly Piece[]): PackedWeight {
    const dtype = this.dtypes.of(pieces.map(({ name }) => name));
    const weight = this.packed(rows, k, dtype);
    const [items, itemBytes] = dtype === 'f32' ? [k, bytesOf(1)] : [blocksOf(k), BLOCK_BYTES];
    for (const piece of pieces) {
      const { at, block = piece.shape[0]!, step = block } = piece;
      const take: Take = (from, first, count) => {
        for (let done = 0; done < count;) {
          const inBlock = (first + done) % (block * items);
          const start = at + ((first + done - inBlock) / (block * items)) * step;
          const length = Math.min(block * items - inBlock, count - done);
          const source = from + done * itemBytes;
          packItems(this.compute, weight, source, start * items + inBlock, length);
          done += length;
        }
      };
      this.add(piece, take, dtype);
    }
    return weight;
  }

  /** Gives all memory back. */
  release(): void {
    for (const address of this.#addresses.splice(0)) this.compute.heap.release(address);
  }

  #allocate(bytes: number): number {
    const address = this.#take(bytes);
    this.#addresses.push(address);
    return address;
  }

  #copy(tensor: ExpectedTensor, address: number): void {
    const { heap } = this.compute;
    this.add(tensor, (from, first, count) =>
      heap.copy(numberAt(address, first), from, bytesOf(count)),
    );
  }
}
