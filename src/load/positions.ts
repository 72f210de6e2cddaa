import { checkKnown, checkObject, checkSignal } from '../base/arguments.ts';
import { checkAbort, TpaError } from '../base/errors.ts';
import { type Backend, inChunks, type Sequence } from '../backend/backend.ts';
import { bytesOf } from '../layout/numbers.ts';
import { readIds } from '../text/prompt.ts';

/*
 * What a model says at every position of some ids, on a cache of their own.
 */

/** Options of `model.score`. */
export interface ScoreOptions {
  /** Ends the call with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/** As `model.logits`. */
export async function logitsOf(backend: Backend, ids: unknown): Promise<Float32Array> {
  const { vocabSize } = backend;
  const checked = readSome(ids, backend);
  return onCacheOfItsOwn(backend, async (sequence) => {
    const logits = allocateLogits(checked.length * vocabSize);
    await inChunks(sequence, checked, async (rest, done) => {
      logits.set(await sequence.forward(rest, 'all'), done * vocabSize);
    });
    return logits;
  });
}

/** As `model.score`; the last token is not evaluated. */
export async function scoresOf(
  backend: Backend,
  ids: unknown,
  options: ScoreOptions,
): Promise<Float32Array> {
  const checked = readSome(ids, backend);
  checkKnown('an option of score', checkObject('options', options), ['signal']);
  const signal = checkSignal('signal', options.signal);
  const next = checked.slice(1);
  return onCacheOfItsOwn(backend, async (sequence) => {
    const scores = new Float32Array(next.length);
    const forward = async (rest: readonly number[], done: number): Promise<void> => {
      scores.set(await sequence.score(rest, next.slice(done)), done);
    };
    await inChunks(sequence, checked.slice(0, -1), forward, () => signal?.aborted === true);
    checkAbort(signal, 'scoring');
    return scores;
  });
}

function readSome(ids: unknown, backend: Backend): number[] {
  const checked = readIds('ids', ids, backend);
  if (checked.length > 0) return checked;
  throw new RangeError('"ids" expected at least one token id, got none');
}

async function onCacheOfItsOwn<T>(
  backend: Backend,
  compute: (sequence: Sequence) => Promise<T>,
): Promise<T> {
  const sequence = backend.createSequence();
  try {
    return await compute(sequence);
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
