import type { BlockType } from '../../format/tensors/block-type.ts';
import type { TensorSet } from '../../format/tensors/tensors.ts';
import type { Compute } from '../../compute/compute.ts';
import { BLOCK } from '../../layout/blocks.ts';
import { bytesOf } from '../../layout/numbers.ts';
import { takeLatent } from '../latent-blocks.ts';
import type { LatentTarget } from '../latent-rows.ts';
import type { Destination, Tools, WeightPlan } from '../plan.ts';
import { BlockMaker, type Requantized } from './block-maker.ts';
import type { TensorPiece } from './pieces.ts';

/** Room for a piece, and for what making blocks of it takes. */
export interface PieceRoom {
  /** Address of room for `most` float32 numbers, or what the file stores in their place. */
  readonly numbers: number;
  readonly most: number;
  /** Address of room for its blocks. */
  readonly blocks: number;
  /** Address of `ERROR_BYTES`. */
  readonly errors: number;
  /** Address of the scratch that the plan asked for. */
  readonly scratch: number;
}

/** Fills the room for numbers with those of a piece. */
export type ReadNumbers = (name: string, piece: TensorPiece) => Promise<void>;

/** Makes blocks of pieces of tensors. A chunk of its own, 1 KB, that models of floats do without. */
export class BlockReader implements Tools {
  readonly #compute: Compute;
  readonly #tensors: TensorSet;
  readonly #plan: WeightPlan;
  readonly #room: PieceRoom;
  readonly #readNumbers: ReadNumbers;
  readonly #maker: BlockMaker;
  /** Bytes of a tensor that are in the room for numbers, as the file stores them. */
  #window = { name: '', start: 0, end: 0 };

  constructor(tensors: TensorSet, plan: WeightPlan, room: PieceRoom, readNumbers: ReadNumbers) {
    this.#compute = plan.compute;
    this.#tensors = tensors;
    this.#plan = plan;
    this.#room = room;
    this.#readNumbers = readNumbers;
    this.#maker = new BlockMaker(plan.compute, room.errors);
  }

  /** What has lost something, in the order in which it was met. */
  get requantized(): readonly Requantized[] {
    return this.#maker.list();
  }

  /**
   * @returns address of the blocks of a piece
   * @throws what reading a tensor and making blocks of it throws
   */
  async read(name: string, { dtype }: Destination, piece: TensorPiece): Promise<number> {
    const { numbers, blocks } = this.#room;
    const { dtypes } = this.#plan;
    const { count, firstBlock } = piece;
    const type = this.#tensors.entries.get(name)?.blockType;
    if (type !== undefined && dtypes.keepsCodes(name, dtype)) {
      const stored = await this.#readStored(name, type, piece);
      const part = { name, type, first: firstBlock };
      this.#compute.run(() => this.#maker.decode(blocks, stored, count / BLOCK, part));
      return blocks;
    }
    await this.#readNumbers(name, piece);
    const to = dtype === 'q4' ? 'q4' : 'q8';
    const part = {
      name,
      type: dtypes.typeOf(name),
      to,
      what: 'numbers',
      first: firstBlock,
    } as const;
    const { rows, width } = piece;
    this.#compute.run(() => this.#maker.quantize(blocks, numbers, rows, width, part));
    return blocks;
  }

  takeLatent(target: LatentTarget, from: number, first: number, count: number): void {
    takeLatent(this.#compute, this.#maker, this.#room.scratch, target, from, first, count);
  }

  /**
   * Address of a piece as it is stored. Pieces of whole rows are of one length: as many as there is
   * room for are read together, since a piece of 4 bits a number is a seventh of that, and each read
   * of a file takes 60 μs besides. A tensor is read once, so that it finds nothing of others there.
   */
  async #readStored(
    name: string,
    { blockLength, blockBytes }: BlockType,
    { first, count, width }: TensorPiece,
  ): Promise<number> {
    const { numbers, most } = this.#room;
    const { shape, byteLength } = this.#tensors.entries.get(name)!;
    const start = (first / blockLength) * blockBytes;
    const length = (count / blockLength) * blockBytes;
    const window = this.#window;
    if (window.name !== name || start >= window.end) {
      const pieces = width < shape.at(-1)! ? 1 : Math.floor(bytesOf(most) / length);
      const end = Math.min(start + pieces * length, byteLength);
      const target = this.#compute.heap.bytes(numbers, end - start);
      await this.#tensors.readStored(name, start, target);
      this.#window = { name, start, end };
    }
    return numbers + start - this.#window.start;
  }
}
