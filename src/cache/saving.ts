/**
 * What a layer stores goes out and comes in unchanged, in pieces of a page or a state, so that
 * neither side holds a whole context twice.
 */
export interface Saving {
  /** Tokens of each part that is stored: of the pages; or of the state before and the present one. */
  readonly lengths: readonly number[];
  /** The pieces, in order, each a fresh array. The cache must not change meanwhile. */
  save(): Generator<Uint8Array<ArrayBuffer>, void>;
  /**
   * Takes the pieces of a cache of the same spec into this one, which is empty: yields the bytes that
   * it wants next, and is sent them. They count when it returns; until then, and whenever it is left
   * by `return()` or an error, the cache is as it was.
   *
   * @param lengths of the cache that was saved
   * @throws RangeError for lengths that no cache has, or a piece of another size; TpaError
   *   `OUT_OF_MEMORY`
   */
  load(lengths: readonly number[]): Generator<number, void, Uint8Array>;
}

/** @throws RangeError unless there are at most `most` lengths, whole and growing */
export function checkLengths(lengths: readonly number[], most: number): void {
  const isGrowing = lengths.every(
    (length, i) => Number.isSafeInteger(length) && length >= (lengths[i - 1] ?? 0),
  );
  if (lengths.length <= most && isGrowing) return;
  const found = lengths.join(', ') || 'none';
  throw new RangeError(`"lengths" expected at most ${most} growing token counts, got ${found}`);
}

/** @throws RangeError unless a piece has the bytes that were asked for */
export function checkPiece(piece: Uint8Array, bytes: number): void {
  if (piece.byteLength === bytes) return;
  throw new RangeError(`"piece" expected ${bytes} bytes, got ${piece.byteLength}`);
}
