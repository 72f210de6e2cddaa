import { readFloats, type TensorSet } from '../format/tensors/tensors.ts';
import type { Compute } from '../compute/compute.ts';
import { Hash, HASH_BYTES } from '../compute/hash.ts';
import { bytesOf } from '../layout/numbers.ts';
import type { TensorIdentity } from './fingerprint.ts';
import { countNumbers } from './layer-tensors.ts';
import type { Destination } from './plan.ts';

/** Told the numbers read so far, and of all, after each piece; the next is read when it is done. */
export type AfterPiece = (loaded: number, total: number) => void | Promise<void>;

/** 1 MB, which takes about 2 ms to read and pack (T6-small from files, two busy cores). */
const PIECE_NUMBERS = 1 << 18;

/** Bytes of memory that reading takes, given back at its end. */
export const STREAM_BYTES = HASH_BYTES + bytesOf(PIECE_NUMBERS);

/**
 * Brings tensors where they go, in the order in which they lie in the files, through one piece of
 * wasm memory, which is all that this takes. What is not sent anywhere is passed over. Each number
 * is hashed on its way, which takes 0.08 ms a MB.
 *
 * @param pieceNumbers numbers of a piece at most
 * @returns what the tensors are, by their names
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`; what reading, the destinations and `afterPiece`
 *   throw
 */
export async function streamWeights(
  compute: Compute,
  tensors: TensorSet,
  destinations: ReadonlyMap<string, Destination>,
  afterPiece: AfterPiece = () => {},
  pieceNumbers = PIECE_NUMBERS,
): Promise<ReadonlyMap<string, TensorIdentity>> {
  const { heap } = compute;
  let total = 0;
  for (const destination of destinations.values()) total += countNumbers(destination);
  let loaded = 0;
  const identities = new Map<string, TensorIdentity>();
  const memory = heap.allocate(HASH_BYTES + bytesOf(pieceNumbers));
  const staging = memory + HASH_BYTES;
  const hash = new Hash(compute, memory);
  try {
    for (const name of sortByPlace(destinations.keys(), tensors)) {
      const destination = destinations.get(name)!;
      for (const { first, count } of cutPieces(destination, pieceNumbers)) {
        await readFloats(tensors, name, first, heap.floats(staging, count));
        compute.run(() => {
          hash.add(staging, count);
          destination.take(staging, first, count);
        });
        loaded += count;
        await afterPiece(loaded, total);
      }
      identities.set(name, { dtype: destination.dtype, hash: compute.run(() => hash.end()) });
    }
    return identities;
  } finally {
    heap.release(memory);
  }
}

/** Those that are in no file come first, and are refused before anything is read. */
function sortByPlace(names: Iterable<string>, { entries }: TensorSet): string[] {
  const places = new Map(Array.from(entries.keys(), (name, place) => [name, place]));
  const placeOf = (name: string) => places.get(name) ?? -1;
  return [...names].toSorted((a, b) => placeOf(a) - placeOf(b));
}

/** As many whole rows as fit, or parts of one row. */
function* cutPieces(
  { shape }: Destination,
  most: number,
): Generator<{ readonly first: number; readonly count: number }> {
  const length = countNumbers({ shape });
  const row = shape.at(-1)!;
  const rows = Math.floor(most / row) * row;
  for (let first = 0; first < length;) {
    const count = rows > 0 ? Math.min(rows, length - first) : Math.min(most, row - (first % row));
    yield { first, count };
    first += count;
  }
}
