import { readFloats, type TensorSet } from '../../format/tensors/tensors.ts';
import { dequantizeStored } from '../../compute/blocks.ts';
import type { Compute } from '../../compute/compute.ts';
import { isFinite } from '../../compute/rows.ts';
import type { BlockType } from '../../format/tensors/block-type.ts';
import { BLOCK } from '../../layout/blocks.ts';
import { bytesOf } from '../../layout/numbers.ts';
import type { BlockMaker } from './block-maker.ts';
import type { WeightDtypes } from '../dtypes.ts';
import type { TensorPiece } from './pieces.ts';
import type { Destination } from '../plan.ts';

/** Room for a piece. */
interface PieceRoom {
  /** Address of room for `most` float32 numbers, or what the file stores in their place. */
  readonly numbers: number;
  readonly most: number;
  /** Address of room for its blocks. */
  readonly blocks: number;
}

/** Brings pieces of tensors into wasm memory, and makes of them what their destinations take. */
export class PieceReader {
  readonly #compute: Compute;
  readonly #tensors: TensorSet;
  readonly #dtypes: WeightDtypes;
  readonly #maker: BlockMaker;
  readonly #room: PieceRoom;
  /** Bytes of a tensor that are in the room for numbers, as the file stores them. */
  #window = { name: '', start: 0, end: 0 };

  constructor(
    compute: Compute,
    tensors: TensorSet,
    dtypes: WeightDtypes,
    maker: BlockMaker,
    room: PieceRoom,
  ) {
    this.#compute = compute;
    this.#tensors = tensors;
    this.#dtypes = dtypes;
    this.#maker = maker;
    this.#room = room;
  }

  /**
   * @returns address of the piece, as numbers or as blocks
   * @throws what reading a tensor and making blocks of it throws
   */
  async read(name: string, { dtype, form }: Destination, piece: TensorPiece): Promise<number> {
    const { numbers, blocks } = this.#room;
    const { first, count, firstBlock } = piece;
    const { heap } = this.#compute;
    const type = this.#tensors.entries.get(name)?.blockType;
    if (form === 'blocks' && type !== undefined && this.#dtypes.keepsCodes(name, dtype)) {
      const stored = await this.#readStored(name, type, piece);
      const part = { name, type, first: firstBlock };
      this.#compute.run(() => this.#maker.decode(blocks, stored, count / BLOCK, part));
      return blocks;
    }
    this.#window.name = '';
    await readFloats(this.#tensors, name, first, heap.floats(numbers, count), {
      areFinite: () => isFinite(this.#compute, numbers, count),
      dequantize: (how, stored, out) => this.#dequantize(how, stored, out),
    });
    if (form === 'numbers') return numbers;
    const to = dtype === 'q4' ? 'q4' : 'q8';
    const part = { name, type: this.#dtypes.typeOf(name), to, what: 'numbers' } as const;
    this.#compute.run(() =>
      this.#maker.quantize(blocks, numbers, piece.rows, piece.width, {
        ...part,
        first: firstBlock,
      }),
    );
    return blocks;
  }

  #dequantize(type: BlockType, blocks: Uint8Array, out: Float32Array): void {
    const { kernel, blockLength } = type;
    if (kernel === undefined) return type.dequantize(blocks, out);
    const count = out.length / blockLength;
    this.#compute.run(() =>
      dequantizeStored(this.#compute, kernel, out.byteOffset, blocks.byteOffset, count),
    );
  }

  /**
   * Address of a piece as it is stored. Pieces of whole rows are of one length: as many as there is
   * room for are read together, since a piece of 4 bits a number is a seventh of that, and each read
   * of a file takes 60 μs besides.
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
