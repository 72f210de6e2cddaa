import { readFloats, type TensorSet } from '../../format/tensors/tensors.ts';
import { dequantizeStored } from '../../compute/blocks.ts';
import type { Compute } from '../../compute/compute.ts';
import { isFinite } from '../../compute/rows.ts';
import type { BlockType } from '../../format/tensors/block-type.ts';
import { BLOCK } from '../../layout/blocks.ts';
import type { BlockMaker } from './block-maker.ts';
import type { WeightDtypes } from '../dtypes.ts';
import type { TensorPiece } from './pieces.ts';
import type { Destination } from '../plan.ts';

/** Addresses of room for a piece. */
interface PieceRoom {
  /** For its numbers, or what the file stores in their place. */
  readonly numbers: number;
  readonly blocks: number;
}

/** Brings pieces of tensors into wasm memory, and makes of them what their destinations take. */
export class PieceReader {
  readonly #compute: Compute;
  readonly #tensors: TensorSet;
  readonly #dtypes: WeightDtypes;
  readonly #maker: BlockMaker;
  readonly #room: PieceRoom;

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
      const { blockLength, blockBytes } = type;
      const stored = heap.bytes(numbers, (count / blockLength) * blockBytes);
      await this.#tensors.readStored(name, (first / blockLength) * blockBytes, stored);
      const part = { name, type, first: firstBlock };
      this.#compute.run(() => this.#maker.decode(blocks, numbers, count / BLOCK, part));
      return blocks;
    }
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
}
