import { TpaError } from '../base/errors.ts';
import { isFinite } from '../compute/rows.ts';
import type { Compute } from '../compute/compute.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import { bytesOf } from '../layout/numbers.ts';
import { rowsAt } from '../layout/pages.ts';
import { pieceBytes, savedPieces } from '../layout/saved-pieces.ts';
import type { LayerCache } from './layer-cache.ts';
import type { LinearState } from './linear-state.ts';
import { PagedCache } from './pages.ts';

/*
 * What a layer stores goes out and comes in unchanged, in pieces of a page or a state, so that
 * neither side holds a context twice. A piece is formed in wasm memory, where kernels check it.
 */

/** Memory of wasm that a piece lies in. */
export interface Region {
  readonly at: number;
  readonly bytes: number;
}

/**
 * Calls `use` with a piece, which is there until it returns.
 *
 * @param piece its number among those that `savedPieces` counts
 * @param dtype how factors are stored in it; as in the cache, they are unchanged
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`; what `use` throws
 */
export function savePiece<T>(
  compute: Compute,
  cache: LayerCache,
  piece: number,
  use: (region: Region) => T,
  dtype: CacheDtype = cache.dtype,
): T {
  const pieces = savedPieces(cache.spec, cache.lengths, dtype);
  const bytes = pieceBytes(pieces, piece);
  if (cache.kind === 'state') return use({ at: cache.addressOf(piece), bytes });
  const first = piece * pieces.tokens;
  const count = Math.min(pieces.tokens, cache.length - first);
  if (dtype !== 'f32' && dtype !== cache.dtype) {
    return converted(compute, cache, first, count, dtype, (codes) =>
      savePiece(compute, codes, 0, use),
    );
  }
  const { heap } = compute;
  const staging = heap.allocate(bytes);
  try {
    compute.run(() => {
      if (dtype === 'f32') cache.read(first, count, rowsAt(cache.spec, staging));
      else cache.saveRecords(first, count, staging);
    });
    return use({ at: staging, bytes });
  } finally {
    heap.release(staging);
  }
}

/** Calls `use` with a cache of some of the tokens, stored as codes. */
function converted<T>(
  compute: Compute,
  cache: PagedCache,
  first: number,
  count: number,
  dtype: CacheDtype,
  use: (codes: PagedCache) => T,
): T {
  const { heap } = compute;
  const staging = heap.allocate(bytesOf(count * cache.numbersPerToken));
  const codes = new PagedCache(compute, cache.spec, {}, dtype);
  try {
    codes.reserve(count);
    const rows = rowsAt(cache.spec, staging);
    compute.run(() => cache.read(first, count, rows));
    compute.run(() => codes.write(count, rows));
    codes.commit(count);
    return use(codes);
  } finally {
    codes.dispose();
    heap.release(staging);
  }
}

/**
 * Takes the pieces of a layer of the same spec into an empty one: yields where the next one is to
 * be put, and takes it when it goes on. They count when it returns; until then, and whenever it is
 * left by `return()` or an error, the cache is as it was. Memory is taken piece by piece: a file
 * that lies about its length costs none.
 *
 * @param lengths of the layer that was saved
 * @throws RangeError for lengths that no layer has; TpaError `SNAPSHOT_INVALID` for a piece of numbers
 *   that are not all finite, `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function loadPieces(
  compute: Compute,
  cache: LayerCache,
  lengths: readonly number[],
): Generator<Region, void> {
  return cache.kind === 'pages'
    ? loadPages(compute, cache, lengths)
    : loadStates(compute, cache, lengths);
}

function* loadPages(
  compute: Compute,
  cache: PagedCache,
  lengths: readonly number[],
): Generator<Region, void> {
  checkLengths(lengths, 1);
  const { heap } = compute;
  const { spec, dtype } = cache;
  const [length = 0] = lengths;
  const pieces = savedPieces(spec, lengths, dtype);
  const staging = heap.allocate(pieces.bytes);
  try {
    for (let piece = 0; piece < pieces.count; piece++) {
      const first = piece * pieces.tokens;
      const count = Math.min(pieces.tokens, length - first);
      cache.reserve(first + count);
      const bytes = pieceBytes(pieces, piece);
      yield { at: staging, bytes };
      if (dtype === 'f32') {
        checkFinite(compute, staging, bytes);
        compute.run(() => cache.write(count, rowsAt(spec, staging), first));
      } else if (!compute.run(() => cache.loadRecords(count, staging, first))) {
        const message = 'the cache holds scales or codes that no cache has';
        throw new TpaError('SNAPSHOT_INVALID', message);
      }
    }
    cache.commit(length);
  } finally {
    heap.release(staging);
    cache.trim();
  }
}

function* loadStates(
  compute: Compute,
  cache: LinearState,
  lengths: readonly number[],
): Generator<Region, void> {
  checkLengths(lengths, 2);
  const { bytes } = savedPieces(cache.spec, lengths);
  let isWhole = false;
  try {
    for (const length of lengths) {
      cache.reserve(1);
      yield { at: cache.nextAt, bytes };
      checkFinite(compute, cache.nextAt, bytes);
      cache.commit(length - cache.length);
    }
    isWhole = true;
  } finally {
    cache.trim();
    if (!isWhole) cache.truncate(0);
  }
}

/** @throws RangeError unless there are at most `most` lengths, whole and growing */
function checkLengths(lengths: readonly number[], most: number): void {
  const isGrowing = lengths.every(
    (length, i) => Number.isSafeInteger(length) && length > (lengths[i - 1] ?? 0),
  );
  if (lengths.length <= most && isGrowing) return;
  const found = lengths.join(', ') || 'none';
  throw new RangeError(`"lengths" expected at most ${most} growing token counts, got ${found}`);
}

/** @throws TpaError `SNAPSHOT_INVALID` */
function checkFinite(compute: Compute, at: number, bytes: number): void {
  if (isFinite(compute, at, bytes / bytesOf(1))) return;
  throw new TpaError('SNAPSHOT_INVALID', 'the numbers of the cache are not all finite');
}
