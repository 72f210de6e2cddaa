import type { Backend, Sequence } from '../../../src/backend/backend.ts';
import { notSaved } from './fake-backend.ts';

/** A model that says these ids one after the other, whatever it is asked; then id 0. */
export function scriptedBackend(
  script: readonly number[],
  { vocabSize = 300, contextLength = 512 } = {},
): Backend {
  let said = 0;
  const sequenceOf = (start: number): Sequence => {
    let length = start;
    return {
      get length() {
        return length;
      },
      byteLength: 0,
      cacheDtype: 'f32' as const,
      lengths: [],
      async forward(ids) {
        length += ids.length;
        const logits = new Float32Array(vocabSize);
        logits[script[said++] ?? 0] = 1;
        return logits;
      },
      async score() {
        throw new RangeError('what is said has no log-probabilities');
      },
      async savePiece() {
        throw notSaved();
      },
      truncate(to) {
        length = to;
      },
      fork: () => sequenceOf(length),
      dispose() {},
    };
  };
  return {
    vocabSize,
    contextLength,
    get identity(): never {
      throw notSaved();
    },
    createSequence: () => sequenceOf(0),
    receive() {
      throw notSaved();
    },
    dispose() {},
  };
}
