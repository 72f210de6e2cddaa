import type { PagedCache } from '../cache/pages.ts';
import { checkInteger } from '../base/arguments.ts';
import { TpaError } from '../base/errors.ts';
import type { LayerCache } from '../cache/layer-cache.ts';
import type { Compute } from '../compute/compute.ts';
import { isFinite } from '../compute/rows.ts';
import { bytesOf } from '../layout/numbers.ts';
import { PAGE_TOKENS, rowsAt } from '../layout/pages.ts';

/** As {@link FactorSequence.readFactors}, of the caches of all layers. */
export function readFactors(
  compute: Compute,
  layers: readonly LayerCache[],
  start: number,
  count: number,
): Float32Array {
  const caches = pagedCaches(layers);
  const length = caches[0]?.length ?? 0;
  checkInteger('start', start, 0, length - 1);
  checkInteger('count', count, 1, length - start);
  const numbers = numbersOf(caches);
  const out = new Float32Array(caches.length * count * numbers);
  inPieces(compute, caches, count, ({ cache, layer, first, tokens, staging }) => {
    compute.run(() => cache.read(start + first, tokens, rowsAt(cache.spec, staging)));
    const view = compute.heap.floats(staging, tokens * numbers);
    out.set(view, (layer * count + first) * numbers);
  });
  return out;
}

/**
 * As {@link FactorSequence.loadFactors}, to every layer or to none.
 *
 * @param contextLength tokens that the caches may hold
 */
export function loadFactors(
  compute: Compute,
  layers: readonly LayerCache[],
  factors: Float32Array,
  contextLength: number,
): void {
  const caches = pagedCaches(layers);
  const numbers = numbersOf(caches);
  const token = caches.length * numbers;
  const count = factors.length / token;
  if (!(Number.isInteger(count) && count >= 1)) {
    const message = `"factors" expected whole tokens of ${token} numbers, at least one, got ${factors.length} numbers`;
    throw new RangeError(message);
  }
  const length = caches[0]?.length ?? 0;
  if (length + count > contextLength) {
    const message = `"factors" expected at most ${contextLength - length} tokens, what the context has room for, got ${count}`;
    throw new RangeError(message);
  }
  const { heap } = compute;
  try {
    for (const cache of caches) cache.reserve(count);
    inPieces(compute, caches, count, ({ cache, layer, first, tokens, staging }) => {
      const at = (layer * count + first) * numbers;
      const piece = factors.subarray(at, at + tokens * numbers);
      heap.floats(staging, piece.length).set(piece);
      if (!isFinite(compute, staging, piece.length)) {
        const message = `the factors of layer ${layer} are not all finite`;
        throw new TpaError('NONFINITE_LOGITS', message, { data: { layer } });
      }
      compute.run(() => cache.write(tokens, rowsAt(cache.spec, staging), first));
    });
    for (const cache of caches) cache.commit(count);
  } finally {
    for (const cache of caches) cache.trim();
  }
}

/** Tokens of one layer that are in wasm memory together. */
interface Piece {
  readonly cache: PagedCache;
  readonly layer: number;
  /** Of `count`, the first of the piece. */
  readonly first: number;
  readonly tokens: number;
  /** Address of (tokens, numbers). */
  readonly staging: number;
}

/**
 * Calls `move` for pieces of `count` tokens of every layer. Tokens of a page pass through wasm memory together: 150 KB for a layer of T6-small, however long the context is.
 */
function inPieces(
  compute: Compute,
  caches: readonly PagedCache[],
  count: number,
  move: (piece: Piece) => void,
): void {
  const { heap } = compute;
  const staging = heap.allocate(bytesOf(Math.min(count, PAGE_TOKENS) * numbersOf(caches)));
  try {
    for (const [layer, cache] of caches.entries()) {
      for (let first = 0; first < count; first += PAGE_TOKENS) {
        const tokens = Math.min(PAGE_TOKENS, count - first);
        move({ cache, layer, first, tokens, staging });
      }
    }
  } finally {
    heap.release(staging);
  }
}

/** Numbers of a token in a layer; layers differ in their windows alone. */
function numbersOf(caches: readonly PagedCache[]): number {
  return caches[0]?.numbersPerToken ?? 0;
}

/** @throws TpaError `MODEL_UNSUPPORTED` where states take the place of factors */
function pagedCaches(caches: readonly LayerCache[]): readonly PagedCache[] {
  return caches.map((cache) => {
    if (cache.kind === 'pages') return cache;
    const message = 'linear attention keeps a state: it has no factors to copy';
    throw new TpaError('MODEL_UNSUPPORTED', message);
  });
}
