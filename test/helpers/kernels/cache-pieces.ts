import * as assert from 'uvu/assert';
import type { LayerCache } from '../../../src/cache/layer-cache.ts';
import { loadPieces, savePiece } from '../../../src/cache/saving.ts';
import type { Compute } from '../../../src/compute/compute.ts';
import { savedPieces } from '../../../src/layout/saved-pieces.ts';

/** All pieces that a layer is saved in, copied. */
export function piecesOf(compute: Compute, cache: LayerCache): Uint8Array<ArrayBuffer>[] {
  const { count } = savedPieces(cache.spec, cache.lengths, cache.dtype);
  return Array.from({ length: count }, (_, piece) =>
    savePiece(compute, cache, piece, ({ at, bytes }) => compute.heap.bytes(at, bytes).slice()),
  );
}

/** Loads a layer from its pieces. */
export function loadLayer(
  compute: Compute,
  cache: LayerCache,
  lengths: readonly number[],
  pieces: readonly Uint8Array[],
): void {
  const left = [...pieces];
  for (const { at, bytes } of loadPieces(compute, cache, lengths)) {
    compute.heap.bytes(at, bytes).set(left.shift()!);
  }
  assert.is(left.length, 0, 'pieces that nothing asked for');
}
