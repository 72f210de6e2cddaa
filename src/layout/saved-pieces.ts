import { type AttentionSpec, linearStateNumbers } from '../attention/spec.ts';
import type { CacheDtype } from './cache-dtype.ts';
import { bytesOf } from './numbers.ts';
import { PAGE_TOKENS, tokenBytes } from './pages.ts';

/** A page of a TPA model has less; one of a dense model of 4096 numbers of K and of V has 3 MB. */
const MAX_PIECE_BYTES = 1 << 20;

/** The pieces that a layer's cache is saved in: of so many tokens each, or of a state. */
export interface SavedPieces {
  /** How many there are. */
  readonly count: number;
  /** Tokens of a piece, of which the last may have fewer; 0 where each is a state. */
  readonly tokens: number;
  /** Bytes of a piece. */
  readonly bytes: number;
  /** Bytes of the last one; 0 where there is none. */
  readonly lastBytes: number;
}

/**
 * The pieces of a layer: a page each, or a half, a quarter … of a large page; or a state each.
 *
 * @param lengths tokens of the pages, if there are any; or of each state that is kept, growing
 */
export function savedPieces(
  spec: AttentionSpec,
  lengths: readonly number[],
  dtype: CacheDtype = 'f32',
): SavedPieces {
  if (spec.score === 'linear') {
    const bytes = bytesOf(linearStateNumbers(spec));
    const count = lengths.length;
    return { count, tokens: 0, bytes, lastBytes: count === 0 ? 0 : bytes };
  }
  const [length = 0] = lengths;
  const token = tokenBytes(spec, dtype);
  let tokens = PAGE_TOKENS;
  while (tokens % 2 === 0 && tokens * token > MAX_PIECE_BYTES) tokens /= 2;
  const count = Math.ceil(length / tokens);
  const last = count === 0 ? 0 : length - (count - 1) * tokens;
  return { count, tokens, bytes: tokens * token, lastBytes: last * token };
}

/** Bytes of one of the pieces. */
export function pieceBytes({ count, bytes, lastBytes }: SavedPieces, piece: number): number {
  return piece === count - 1 ? lastBytes : bytes;
}
