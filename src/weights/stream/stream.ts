import { readFloats, type TensorSet } from '../../format/tensors/tensors.ts';
import type { BlockType } from '../../format/tensors/block-type.ts';
import { dequantizeStored, ERROR_BYTES } from '../../compute/blocks.ts';
import type { Compute } from '../../compute/compute.ts';
import { Hash, HASH_BYTES } from '../../compute/hash.ts';
import { isFinite } from '../../compute/rows.ts';
import { BLOCK, BLOCK_BYTES } from '../../layout/blocks.ts';
import { bytesOf } from '../../layout/numbers.ts';
import type { Requantized } from './block-maker.ts';
import type { BlockReader, PieceRoom, ReadNumbers } from './block-reader.ts';
import type { TensorIdentity } from '../fingerprint.ts';
import { countNumbers } from '../layer-tensors.ts';
import { cutPieces, LONGEST_BLOCK } from './pieces.ts';
import type { WeightPlan } from '../plan.ts';

/** Told the numbers read so far, and of all, after each piece; the next is read when it is done. */
export type AfterPiece = (loaded: number, total: number) => void | Promise<void>;

/** How weights are read. */
export interface StreamOptions {
  readonly afterPiece?: AfterPiece | undefined;
  /** Numbers of a piece at most, but a block at least; 1 MB of float32 unless given. */
  readonly pieceNumbers?: number | undefined;
}

/** What was read. */
export interface StreamedTensors {
  /** By the names of the tensors. */
  readonly identities: ReadonlyMap<string, TensorIdentity>;
  readonly requantized: readonly Requantized[];
}

/** 1 MB, which takes about 2 ms to read and pack (T6-small from files, two busy cores). */
const PIECE_NUMBERS = 1 << 18;

/** Bytes of memory that reading takes, given back at its end: 1.3 MB, and what the plan needs. */
export function streamBytes(plan: WeightPlan): number {
  return roomFor(plan, PIECE_NUMBERS).bytes;
}

/**
 * Brings tensors where they go, in the order in which they lie in the files, through one piece of
 * wasm memory, which is all that this takes. What is not sent anywhere is passed over. What is taken
 * is hashed on its way: 0.08 ms a MB.
 *
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`, `WEIGHTS_NONFINITE`; what reading, the
 *   destinations and `afterPiece` throw
 */
export async function streamWeights(
  compute: Compute,
  tensors: TensorSet,
  plan: WeightPlan,
  { afterPiece = () => {}, pieceNumbers = PIECE_NUMBERS }: StreamOptions = {},
): Promise<StreamedTensors> {
  const { destinations } = plan;
  let total = 0;
  for (const destination of destinations.values()) total += countNumbers(destination);
  let loaded = 0;
  const identities = new Map<string, TensorIdentity>();
  const room = roomFor(plan, pieceNumbers);
  const memory = compute.heap.allocate(room.bytes);
  const hash = new Hash(compute, memory);
  const numbers = memory + room.numbersAt;
  const pieceRoom: PieceRoom = {
    numbers,
    most: room.most,
    blocks: memory + room.blocksAt,
    errors: memory + HASH_BYTES,
    scratch: memory + room.scratchAt,
  };
  const readNumbers: ReadNumbers = (name, { first, count }) => {
    return readFloats(tensors, name, first, compute.heap.floats(numbers, count), {
      areFinite: () => isFinite(compute, numbers, count),
      dequantize: (type, blocks, out) => dequantize(compute, type, blocks, out),
    });
  };
  try {
    let reader: BlockReader | undefined;
    if (room.isQuantized) {
      const { BlockReader } = await import('./block-reader.ts');
      reader = new BlockReader(tensors, plan, pieceRoom, readNumbers);
    }
    for (const name of sortByPlace(destinations.keys(), tensors)) {
      const destination = destinations.get(name)!;
      const { shape, dtype, form, identity, take } = destination;
      const { blockLength = 1 } = tensors.entries.get(name)?.blockType ?? {};
      const unit = Math.max(blockLength, dtype === 'f32' ? 1 : BLOCK);
      for (const piece of cutPieces(shape, unit, room.most)) {
        let [at, first, count, words] = [numbers, piece.first, piece.count, 1];
        if (form === 'blocks') {
          at = await reader!.read(name, destination, piece);
          [first, count, words] = [piece.firstBlock, piece.blocks, BLOCK_BYTES / 4];
        } else await readNumbers(name, piece);
        compute.run(() => {
          hash.add(at, count * words);
          take(at, first, count, reader);
        });
        loaded += piece.count;
        await afterPiece(loaded, total);
      }
      identities.set(name, { dtype: identity, hash: compute.run(() => hash.end()) });
    }
    return { identities, requantized: reader?.requantized ?? [] };
  } finally {
    compute.heap.release(memory);
  }
}

/** Where both are in wasm memory, by the kernel of the type if it has one. */
function dequantize(
  compute: Compute,
  type: BlockType,
  blocks: Uint8Array,
  out: Float32Array,
): void {
  const { kernel, blockLength } = type;
  if (kernel === undefined) return type.dequantize(blocks, out);
  const count = out.length / blockLength;
  compute.run(() => dequantizeStored(compute, kernel, out.byteOffset, blocks.byteOffset, count));
}

/** Where things lie in the memory of {@link streamWeights}, counted from its start. */
function roomFor({ destinations, dtypes, scratchBytes }: WeightPlan, pieceNumbers: number): Room {
  const isQuantized = Array.from(destinations.values()).some(({ dtype }) => dtype !== 'f32');
  const isPlain = dtypes.isUniform && !isQuantized;
  const most = isPlain ? pieceNumbers : Math.max(pieceNumbers, LONGEST_BLOCK);
  const numbersAt = HASH_BYTES + ERROR_BYTES;
  const blocksAt = numbersAt + bytesOf(most);
  const scratchAt = blocksAt + (isQuantized ? Math.floor(most / BLOCK) * BLOCK_BYTES : 0);
  return { isQuantized, most, numbersAt, blocksAt, scratchAt, bytes: scratchAt + scratchBytes };
}

interface Room {
  /** Whether any blocks are made. */
  readonly isQuantized: boolean;
  /** Numbers of a piece at most. */
  readonly most: number;
  readonly numbersAt: number;
  readonly blocksAt: number;
  readonly scratchAt: number;
  readonly bytes: number;
}

/** Those that are in no file come first, and are refused before anything is read. */
function sortByPlace(names: Iterable<string>, { entries }: TensorSet): string[] {
  const places = new Map(Array.from(entries.keys(), (name, place) => [name, place]));
  const placeOf = (name: string) => places.get(name) ?? -1;
  return [...names].toSorted((a, b) => placeOf(a) - placeOf(b));
}
