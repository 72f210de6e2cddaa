import { TpaError } from '../base/errors.ts';
import type { LayerCache } from '../cache/layer-cache.ts';
import { loadPieces, type Region, savePiece } from '../cache/saving.ts';
import type { Compute } from '../compute/compute.ts';
import { crc32c } from '../compute/crc.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import { savedPieces } from '../layout/saved-pieces.ts';
import type { IncomingSequence } from './backend.ts';

/** As {@link Sequence.savePiece}, of the caches of all layers. */
export function saveInto(
  compute: Compute,
  caches: readonly LayerCache[],
  piece: number,
  target: Uint8Array,
  dtype: CacheDtype,
): number {
  const { count } = savedPieces(caches[0]!.spec, caches[0]!.lengths, dtype);
  const cache = caches[Math.floor(piece / count)]!;
  const copy = ({ at, bytes }: Region): number => {
    target.set(compute.heap.bytes(at, bytes));
    return crc32c(compute, at, bytes);
  };
  return savePiece(compute, cache, piece % count, copy, dtype);
}

/** What the CPU lends to a sequence on its way in. */
export interface IncomingParts<S> {
  readonly sequence: S;
  /** Those of the sequence, empty. */
  readonly caches: readonly LayerCache[];
  /** @throws TpaError `DISPOSED` */
  compute(): Compute;
}

/** A sequence whose pieces are put into pages and states of the CPU, layer by layer. */
export class CpuIncoming<S extends { dispose(): void }> implements IncomingSequence<S> {
  readonly #parts: IncomingParts<S>;
  readonly #loading: Generator<Region, void>;
  /** Where the next piece is to be put. */
  #wanted: Region | undefined;
  #isTaken = false;

  /** @throws as `Backend.receive`; the sequence is disposed of then */
  constructor(parts: IncomingParts<S>, lengths: readonly number[]) {
    this.#parts = parts;
    this.#loading = loadLayers(parts, lengths);
    try {
      this.#goOn();
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  async write(piece: Uint8Array, crc: number): Promise<void> {
    const compute = this.#parts.compute();
    const { at, bytes } = this.#wanted ?? { at: 0, bytes: 0 };
    if (piece.byteLength !== bytes) {
      throw new RangeError(`"piece" expected ${bytes} bytes, got ${piece.byteLength}`);
    }
    compute.heap.bytes(at, bytes).set(piece);
    if (crc32c(compute, at, bytes) !== crc) {
      throw new TpaError(
        'SNAPSHOT_INVALID',
        'the snapshot is damaged: a CRC-32C of the cache is wrong',
      );
    }
    this.#goOn();
  }

  async end(): Promise<S> {
    this.#parts.compute();
    if (this.#wanted !== undefined) throw new RangeError('"end()" expected all pieces before');
    this.#isTaken = true;
    return this.#parts.sequence;
  }

  dispose(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#loading.return();
    this.#parts.sequence.dispose();
  }

  #goOn(): void {
    const { done, value } = this.#loading.next();
    this.#wanted = done === true ? undefined : value;
  }
}

function* loadLayers(
  { caches, compute }: IncomingParts<unknown>,
  lengths: readonly number[],
): Generator<Region, void> {
  for (const cache of caches) yield* loadPieces(compute(), cache, lengths);
}
