import { printable } from '../../base/errors.ts';
import { unsupportedCheckpoint } from '../../format/errors.ts';
import type { CheckpointTensor } from '../checkpoint.ts';
import type { Pieces } from './pieces.ts';

/**
 * The embedding, whose bytes are compared with those of a tied output projection while they are
 * drawn: the projection is not written.
 *
 * @throws TpaError `MODEL_UNSUPPORTED` where the two are stored as different types; while pieces are
 *   drawn, where they differ
 */
export function tiedEmbedding(
  embedding: CheckpointTensor,
  head: CheckpointTensor,
): CheckpointTensor {
  if (head.storedAs !== embedding.storedAs || head.byteLength !== embedding.byteLength) {
    const subject = `tensor "${printable(head.name)}"`;
    throw unsupportedCheckpoint(subject, `${embedding.storedAs} as the embedding`, head.storedAs);
  }
  return {
    ...embedding,
    chunks: () => same(embedding.chunks(), head.chunks(), head.name),
    ...(embedding.blocks &&
      head.blocks && { blocks: () => same(embedding.blocks!(), head.blocks!(), head.name) }),
  };
}

/** The pieces of one of two tensors that have to hold the same bytes. */
async function* same(pieces: Pieces, others: Pieces, name: string): AsyncGenerator<Uint8Array> {
  const next = others[Symbol.asyncIterator]();
  let other: Uint8Array = new Uint8Array(0);
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      if (other.length === 0) {
        const { done, value } = await next.next();
        if (done === true) throw untied(name);
        other = value;
      }
      const count = Math.min(other.length, piece.length - at);
      for (let i = 0; i < count; i++) if (piece[at + i] !== other[i]) throw untied(name);
      other = other.subarray(count);
      at += count;
    }
    yield piece;
  }
}

function untied(name: string) {
  const found = 'others; the configuration ties the two';
  return unsupportedCheckpoint(`tensor "${printable(name)}"`, 'the values of the embedding', found);
}
