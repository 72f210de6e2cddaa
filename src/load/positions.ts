import { TpaError } from '../base/errors.ts';
import { type Backend, inChunks } from '../backend/backend.ts';
import { bytesOf } from '../layout/numbers.ts';
import { readSomeIds } from '../text/prompt.ts';

/** As `model.logits`. */
export async function logitsOf(backend: Backend, ids: unknown): Promise<Float32Array> {
  const { vocabSize } = backend;
  const checked = readSomeIds('ids', ids, backend);
  const sequence = backend.createSequence();
  try {
    const logits = allocateLogits(checked.length * vocabSize);
    await inChunks(sequence, checked, async (rest, done) => {
      logits.set(await sequence.forward(rest, 'all'), done * vocabSize);
    });
    return logits;
  } finally {
    sequence.dispose();
  }
}

/** @throws TpaError `OUT_OF_MEMORY` where the engine has no array of that length */
function allocateLogits(length: number): Float32Array {
  try {
    return new Float32Array(length);
  } catch (cause) {
    const message = `could not allocate ${length} logits`;
    throw new TpaError('OUT_OF_MEMORY', message, { cause, data: { needed: bytesOf(length) } });
  }
}
