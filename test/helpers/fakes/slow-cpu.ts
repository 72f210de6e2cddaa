import type { CpuSequence } from '../../../src/backend/cpu.ts';
import type { CpuSide } from '../../../src/backend/dispatch/known-answer.ts';
import type { FakeClock } from './fake-clock.ts';

/**
 * A CPU that takes so many milliseconds a token, and for a call that takes factors, by the fake
 * clock.
 */
export function slowed(tokenMs: number, loadMs = 0): (side: CpuSide, clock: FakeClock) => CpuSide {
  return (side, clock) => {
    const wrap = (inner: CpuSequence): CpuSequence => ({
      get length() {
        return inner.length;
      },
      get byteLength() {
        return inner.byteLength;
      },
      cacheDtype: inner.cacheDtype,
      get lengths() {
        return inner.lengths;
      },
      savePiece: (piece, target, dtype) => inner.savePiece(piece, target, dtype),
      forward(ids, rows) {
        clock.advance(tokenMs * Math.min(ids.length, side.maxChunk));
        return inner.forward(ids, rows);
      },
      score(ids, next) {
        clock.advance(tokenMs * Math.min(ids.length, side.maxChunk));
        return inner.score(ids, next);
      },
      scoreLogits: (logits, next) => inner.scoreLogits(logits, next),
      readFactors: (start, count) => inner.readFactors(start, count),
      loadFactors(factors) {
        clock.advance(loadMs);
        return inner.loadFactors(factors);
      },
      truncate: (length) => inner.truncate(length),
      fork: () => wrap(inner.fork()),
      dispose: () => inner.dispose(),
    });
    const { maxChunk, contextLength, vocabSize, identity } = side;
    return {
      maxChunk,
      contextLength,
      vocabSize,
      identity,
      createSequence: (cacheDtype) => wrap(side.createSequence(cacheDtype)),
      receive: (lengths, cacheDtype) => side.receive(lengths, cacheDtype),
      dispose: () => side.dispose(),
    };
  };
}

/** Milliseconds of a GPU's calls: a forward has a fixed part and one for each token. */
export function costs(call: number, token: number): (sort: string, tokens: number) => number {
  return (sort, tokens) => (sort === 'forward' ? call + token * tokens : 0);
}
