import type { TensorSet } from '../../format/tensors/tensors.ts';
import { ERROR_BYTES } from '../../compute/blocks.ts';
import type { Compute } from '../../compute/compute.ts';
import { Hash, HASH_BYTES } from '../../compute/hash.ts';
import { BLOCK, BLOCK_BYTES } from '../../layout/blocks.ts';
import { bytesOf } from '../../layout/numbers.ts';
import { BlockMaker, type Requantized } from './block-maker.ts';
import type { TensorIdentity } from '../fingerprint.ts';
import { countNumbers } from '../layer-tensors.ts';
import { PieceReader } from './piece-reader.ts';
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
  const maker = new BlockMaker(compute, memory + HASH_BYTES);
  const tools = { maker, scratch: memory + room.scratchAt };
  const reader = new PieceReader(compute, tensors, plan.dtypes, maker, {
    numbers: memory + room.numbersAt,
    most: room.most,
    blocks: memory + room.blocksAt,
  });
  try {
    for (const name of sortByPlace(destinations.keys(), tensors)) {
      const destination = destinations.get(name)!;
      const { shape, dtype, form, identity, take } = destination;
      const { blockLength = 1 } = tensors.entries.get(name)?.blockType ?? {};
      const unit = Math.max(blockLength, dtype === 'f32' ? 1 : BLOCK);
      for (const piece of cutPieces(shape, unit, room.most)) {
        const at = await reader.read(name, destination, piece);
        const [first, count, words] =
          form === 'blocks'
            ? [piece.firstBlock, piece.blocks, BLOCK_BYTES / 4]
            : [piece.first, piece.count, 1];
        compute.run(() => {
          hash.add(at, count * words);
          take(at, first, count, tools);
        });
        loaded += piece.count;
        await afterPiece(loaded, total);
      }
      identities.set(name, { dtype: identity, hash: compute.run(() => hash.end()) });
    }
    return { identities, requantized: maker.list() };
  } finally {
    compute.heap.release(memory);
  }
}

/** Where things lie in the memory of {@link streamWeights}, counted from its start. */
function roomFor({ destinations, dtypes, scratchBytes }: WeightPlan, pieceNumbers: number): Room {
  const isQuantized = Array.from(destinations.values()).some(({ dtype }) => dtype !== 'f32');
  const isPlain = dtypes.isUniform && !isQuantized;
  const most = isPlain ? pieceNumbers : Math.max(pieceNumbers, LONGEST_BLOCK);
  const numbersAt = HASH_BYTES + ERROR_BYTES;
  const blocksAt = numbersAt + bytesOf(most);
  const scratchAt = blocksAt + (isQuantized ? Math.floor(most / BLOCK) * BLOCK_BYTES : 0);
  return { most, numbersAt, blocksAt, scratchAt, bytes: scratchAt + scratchBytes };
}

interface Room {
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
