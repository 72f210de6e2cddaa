import { twoBuffers } from '../read-chunks.ts';

/** Pieces of a tensor, one valid until the next but one is drawn. */
export type Pieces = AsyncIterable<Uint8Array>;

/** The same bytes in pieces of whole units; only the last one may end inside of a unit. */
export async function* wholeUnits(pieces: Pieces, unit: number): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const piece of pieces) {
    let at = 0;
    if (rest.length > 0) {
      at = Math.min(unit - rest.length, piece.length);
      const joined = new Uint8Array(rest.length + at);
      joined.set(rest);
      joined.set(piece.subarray(0, at), rest.length);
      rest = joined;
      if (rest.length < unit) continue;
      yield rest;
    }
    const end = piece.length - ((piece.length - at) % unit);
    if (end > at) yield piece.subarray(at, end);
    rest = piece.slice(end);
  }
  if (rest.length > 0) yield rest;
}

/**
 * Rows in the order in which llama.cpp rotates: neighbours, where Hugging Face pairs the halves of a
 * head. Row i of a head's first half goes to 2i, that of the second to 2i + 1.
 *
 * @param rowBytes bytes of a row as it is stored
 */
export async function* permutedRows(
  pieces: Pieces,
  { headDim, rowBytes }: { readonly headDim: number; readonly rowBytes: number },
): AsyncGenerator<Uint8Array> {
  const headBytes = headDim * rowBytes;
  const half = headDim / 2;
  const take = twoBuffers(headBytes);
  for await (const heads of wholeUnits(pieces, headBytes)) {
    for (let start = 0; start < heads.length; start += headBytes) {
      const out = take();
      for (let row = 0; row < headDim; row++) {
        const from = start + row * rowBytes;
        const to = row < half ? 2 * row : 2 * (row - half) + 1;
        out.set(heads.subarray(from, from + rowBytes), to * rowBytes);
      }
      yield out;
    }
  }
}
